package clients

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/format"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
)

// Tell succeeds if a Failure tells its caller the clause that the exchange honors: every field as it came over the wire.
// Whether the exchange honors the clause is for matchers.HonorClause to say. The failure names every field that is
// wrong.
func Tell(clause *fixtures.Clause, exchange matchers.Exchange) *TellMatcher {
	return &TellMatcher{clause: clause, exchange: exchange}
}

// TellMatcher is the matcher Tell returns.
type TellMatcher struct {
	clause   *fixtures.Clause
	exchange matchers.Exchange
	wrong    []string
}

// Match implements types.GomegaMatcher for a Failure.
func (m *TellMatcher) Match(actual any) (bool, error) {
	if m.clause == nil {
		return false, errors.New("Tell was given no clause: check the id that contract.Clause was asked for")
	}
	told, ok := actual.(Failure)
	if !ok {
		return false, fmt.Errorf("Tell takes a clients.Failure; pass what the client's Do returned instead of\n%s",
			format.Object(actual, 1))
	}
	answered := m.answered()
	m.wrong = nil
	m.expect(told.Status == answered.Status, "status", fixtures.StatusLine(answered.Status), fixtures.StatusLine(told.Status))
	m.expect(told.Code == answered.Code, "code", answered.Code, told.Code)
	m.expect(told.Name == answered.Name, "name", answered.Name, told.Name)
	m.expect(told.Message == answered.Message, "message", answered.Message, told.Message)
	m.expect(slices.Equal(told.Details, answered.Details), "details", details(answered.Details), details(told.Details))
	m.expect(told.RetryAfter == answered.RetryAfter, "retry-after", answered.RetryAfter.String(), told.RetryAfter.String())
	m.expect(told.RequestID == answered.RequestID, "request id", answered.RequestID, told.RequestID)
	return len(m.wrong) == 0, nil
}

// answered is what a caller can be told of the exchange.
func (m *TellMatcher) answered() Failure {
	envelope := m.clause.Operation.Contract.Envelope
	f := Failure{
		Status: m.exchange.Status(), Code: m.text(envelope.Code), Name: m.clause.Name, Message: m.text(envelope.Message),
		RequestID: m.exchange.Header("request-id"),
	}
	if envelope.Details != "" {
		value, _ := m.exchange.At(envelope.Details)
		entries, _ := value.([]any)
		for _, entry := range entries {
			object, _ := entry.(map[string]any)
			code, _ := object["code"].(string)
			message, _ := object["message"].(string)
			f.Details = append(f.Details, Detail{code, message})
		}
	}
	// An answer without the header, or with one that says nothing, names no time to wait.
	f.RetryAfter, _ = matchers.RetryAfter(m.exchange)
	return f
}

func (m *TellMatcher) text(place string) string {
	value, _ := m.exchange.At(place)
	text, _ := value.(string)
	return text
}

func (m *TellMatcher) expect(ok bool, field, answered, told string) {
	if !ok {
		m.wrong = append(m.wrong, fmt.Sprintf("  %-12s answered  %s\n  %-12s told      %s\n",
			field, cmp.Or(answered, "(nothing)"), "", cmp.Or(told, "(nothing)")))
	}
}

// FailureMessage implements types.GomegaMatcher.
func (m *TellMatcher) FailureMessage(any) string {
	return fmt.Sprintf("The client does not tell its caller what %s %s answered:\n%s,\nwhich %s.\n\n%s",
		m.exchange.Method(), m.exchange.URL(), m.clause.ID, m.clause.Title(), strings.Join(m.wrong, ""))
}

// NegatedFailureMessage implements types.GomegaMatcher.
func (m *TellMatcher) NegatedFailureMessage(any) string {
	return fmt.Sprintf("The client was expected not to tell its caller of %s, and does.", m.clause.ID)
}

func details(list []Detail) string {
	var lines []string
	for _, d := range list {
		lines = append(lines, fmt.Sprintf("%s: %q", d.Code, d.Message))
	}
	return strings.Join(lines, ", ")
}
