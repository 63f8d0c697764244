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

// HonorSuccess succeeds if the response is the operation's documented success: its status, and a body of its schema or
// none. The failure names every difference and, if the response is a documented failure, its clause.
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
			"HonorSuccess was given no operation, or one without a success: check the id passed to contract.Operation")
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
	deviate := func(field, documented, received string) {
		found = append(found, Deviation{Field: field, Documented: documented, Received: received, Binds: true})
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
	if received, ok := contentType(x); !ok {
		deviate("Content-Type", "application/json", received)
	}
	if x.Fault() != nil {
		deviate("body", "JSON, as "+s.Schema.Name, x.Fault().Error())
		return found
	}
	for _, line := range faultLines(shapeFaults(x, s.Schema)) {
		deviate("shape", s.Schema.Name, line)
	}
	// Google's schemas require no field, and so allow any object: a failure, or one of another kind.
	if received, isFailure := x.At(o.Contract.Envelope.Message); isFailure {
		deviate("message", "none, for nothing fails", quote(received, true))
	}
	if fields := knownFields(s.Body); o.Action != "list" && len(fields) > 0 { // an empty list may be omitted
		body, _ := x.At("")
		object, _ := body.(map[string]any)
		if !slices.ContainsFunc(fields, func(name string) bool { _, has := object[name]; return has }) {
			others := append([]string{}, slices.Sorted(maps.Keys(object))...) // not nil, which is quoted as null
			deviate("fields", "such as "+strings.Join(fields[:min(3, len(fields))], ", "), quote(others, true))
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
	if ok, _ := failure.Match(m.exchange); ok {
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

// documented is the success that the operation documents, as the end of a sentence.
func (m *SuccessMatcher) documented() string {
	s := m.operation.Success
	return "responds " + fixtures.StatusLine(s.Status) + " with " + cmp.Or(s.Schema.Name, "no body")
}
