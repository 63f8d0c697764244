package matchers

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// HonorSuccess succeeds if the answer is what the operation answers where it doesn't fail: the documented status, and a
// body of the documented schema or none. The failure names every difference and, of an answer that is a documented
// failure, its clause.
func HonorSuccess(operation *fixtures.Operation) *SuccessMatcher {
	return &SuccessMatcher{operation: operation}
}

// SuccessMatcher is the matcher HonorSuccess returns.
type SuccessMatcher struct {
	operation  *fixtures.Operation
	exchange   exchange.Exchange
	deviations []Deviation
}

// Match implements types.GomegaMatcher for an Exchange or an *http.Response.
func (m *SuccessMatcher) Match(actual any) (bool, error) {
	if m.operation == nil || m.operation.Success.Status == 0 {
		return false, errors.New(
			"HonorSuccess was given no operation, or one without a success: check the id that contract.Operation was asked for")
	}
	var err error
	if m.exchange, err = exchangeOf("HonorSuccess", actual); err != nil {
		return false, err
	}
	m.deviations = successDeviations(m.exchange, m.operation)
	return len(m.deviations) == 0, nil
}

func successDeviations(x exchange.Exchange, o *fixtures.Operation) (found []Deviation) {
	s := o.Success
	deviate := func(field, documented, answered string) {
		found = append(found, Deviation{Field: field, Documented: documented, Received: answered, Binds: true})
	}
	if x.Status() != s.Status {
		deviate("status", fixtures.StatusLine(s.Status), fixtures.StatusLine(x.Status()))
	}
	if s.Body == nil {
		if size := len(x.Body()); size > 0 {
			deviate("body", "none", fmt.Sprintf("%d bytes", size))
		}
		return found
	}
	if answered, ok := contentType(x); !ok {
		deviate("Content-Type", "application/json", answered)
	}
	if x.Fault() != nil {
		deviate("body", "JSON, as "+s.Schema.Name, x.Fault().Error())
		return found
	}
	for _, line := range lines(shapeOf(x, s.Schema)) {
		deviate("shape", s.Schema.Name, line)
	}
	// A schema whose fields may all be left out, as Google's, allows any object: a failure, and one of something else.
	if answered, isFailure := x.At(o.Contract.Envelope.Message); isFailure {
		deviate("message", "none, for nothing fails", quoted(answered, true))
	}
	if fields := knownFields(s.Body); o.Action != "list" && len(fields) > 0 { // an empty list may be left out
		body, _ := x.At("")
		object, _ := body.(map[string]any)
		if !slices.ContainsFunc(fields, func(name string) bool { _, has := object[name]; return has }) {
			deviate("fields", "such as "+strings.Join(fields[:min(3, len(fields))], ", "), quoted(slices.Sorted(maps.Keys(object)), true))
		}
	}
	return found
}

// knownFields are the fields of the example of a success.
func knownFields(body []byte) []string {
	var object map[string]any
	if json.Unmarshal(body, &object) != nil {
		return nil // a list, or nothing
	}
	return slices.Sorted(maps.Keys(object))
}

// FailureMessage implements types.GomegaMatcher.
func (m *SuccessMatcher) FailureMessage(any) string {
	var text strings.Builder
	fmt.Fprintf(&text, "The response is no success of %s,\nwhich %s.\n", m.operation.ID, m.documented())
	failure := BeDocumented(m.operation)
	if ok, err := failure.Match(m.exchange); ok && err == nil {
		fmt.Fprintf(&text, "It is a documented failure: %s,\nwhich %s.\n", failure.Clause().ID, failure.Clause().Title())
	}
	text.WriteByte('\n')
	writeFields(&text, m.deviations)
	writeExchange(&text, m.exchange)
	return text.String()
}

// NegatedFailureMessage implements types.GomegaMatcher.
func (m *SuccessMatcher) NegatedFailureMessage(any) string {
	var text strings.Builder
	fmt.Fprintf(&text, "The response was expected to be no success of %s,\nwhich %s, but it is one.\n", m.operation.ID, m.documented())
	writeExchange(&text, m.exchange)
	return text.String()
}

// documented is what the operation answers, as a sentence goes on.
func (m *SuccessMatcher) documented() string {
	s := m.operation.Success
	return "responds " + fixtures.StatusLine(s.Status) + " with " + cmp.Or(s.Schema.Name, "no body")
}
