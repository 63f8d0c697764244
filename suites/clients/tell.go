package clients

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
)

// Tell succeeds if a Failure tells its caller of the clause that the exchange honors: its name, and every field as it
// came over the wire, the time to wait to the second. Whether the exchange honors the clause is for
// matchers.HonorClause to say. The failure names every field that is wrong.
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
	if m.exchange.Status() == 0 {
		return false, errors.New("Tell was given an empty exchange: make it with matchers.Capture or matchers.NewExchange")
	}
	told, ok := actual.(Failure)
	if !ok {
		return false, fmt.Errorf("Tell takes a clients.Failure; pass what the client's Do returned instead of\n%s",
			matchers.Given(actual))
	}
	answered := m.answered()
	m.wrong = nil
	if told.Status != answered.Status {
		m.tell("status", fixtures.StatusLine(answered.Status), fixtures.StatusLine(told.Status))
	}
	if told.Code != answered.Code {
		m.tell("code", quoted(answered.Code), quoted(told.Code))
	}
	if told.Name != answered.Name {
		m.tell("name", quoted(answered.Name), quoted(told.Name))
	}
	if told.Message != answered.Message {
		m.tell("message", quoted(answered.Message), quoted(told.Message))
	}
	if !slices.Equal(told.Details, answered.Details) {
		m.tell("details", details(answered.Details), details(told.Details))
	}
	if (told.RetryAfter - answered.RetryAfter).Abs() >= time.Second { // a date may be counted from the caller's clock
		m.tell("retry-after", answered.RetryAfter.String(), told.RetryAfter.String())
	}
	if told.RequestID != answered.RequestID {
		m.tell("request id", quoted(answered.RequestID), quoted(told.RequestID))
	}
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
			code, hasCode := object["code"].(string)
			message, hasMessage := object["message"].(string)
			if hasCode && hasMessage {
				f.Details = append(f.Details, Detail{code, message})
			}
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

func (m *TellMatcher) tell(field, answered, told string) {
	m.wrong = append(m.wrong, fmt.Sprintf("  %-12s answered  %s\n  %-12s told      %s\n",
		field, cmp.Or(matchers.Printable(answered), "(nothing)"), "", cmp.Or(matchers.Printable(told), "(nothing)")))
}

// FailureMessage implements types.GomegaMatcher.
func (m *TellMatcher) FailureMessage(any) string {
	return fmt.Sprintf("The client does not tell its caller of %s,\nwhich %s.\n\n%s\nThe request:\n  %s %s\nThe answer:\n%s",
		m.clause.ID, m.clause.Title(), strings.Join(m.wrong, ""), m.exchange.Method(), m.exchange.URL(), m.exchange)
}

// NegatedFailureMessage implements types.GomegaMatcher.
func (m *TellMatcher) NegatedFailureMessage(any) string {
	return fmt.Sprintf("The client was expected not to tell its caller of %s, and does.", m.clause.ID)
}

func quoted(text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf("%q", text)
}

func details(list []Detail) string {
	var lines []string
	for _, d := range list {
		lines = append(lines, fmt.Sprintf("%q: %q", d.Code, d.Message))
	}
	return strings.Join(lines, ", ")
}
