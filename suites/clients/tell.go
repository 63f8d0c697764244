package clients

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/gomega/format"

	"github.com/learncontract/learncontract/fixtures"
)

// Tell succeeds if a Failure tells its caller what the wording documents: every field exactly, placeholders aside. Its
// failure names every field that is wrong.
func Tell(wording *fixtures.Wording) *TellMatcher { return &TellMatcher{wording: wording} }

// TellMatcher is the matcher Tell returns.
type TellMatcher struct {
	wording *fixtures.Wording
	wrong   []string
}

// Match implements types.GomegaMatcher for a Failure.
func (m *TellMatcher) Match(actual any) (bool, error) {
	if m.wording == nil {
		return false, errors.New("Tell was given no wording")
	}
	failure, ok := actual.(Failure)
	if !ok {
		return false, fmt.Errorf("Tell takes a clients.Failure; pass what the client's Do returned instead of\n%s", format.Object(actual, 1))
	}
	w := m.wording
	m.wrong = nil
	m.expect(failure.Status == w.Clause.Status, "status", fixtures.StatusLine(w.Clause.Status), fixtures.StatusLine(failure.Status))
	m.expect(failure.Code == w.Code, "code", w.Code, failure.Code)
	m.expect(failure.Name == w.Clause.Name, "name", w.Clause.Name, failure.Name)
	_, ok = w.Message.Match(failure.Message)
	m.expect(ok, "message", w.Message.String(), failure.Message)
	m.expect(slices.EqualFunc(w.Details, failure.Details, func(d fixtures.Detail, told Detail) bool {
		_, ok := d.Message.Match(told.Message)
		return ok && d.Code == told.Code
	}), "details", details(w.Details), fmt.Sprintf("%q", failure.Details))
	m.expect(failure.RetryAfter == w.Wait(), "retry-after", w.Wait().String(), failure.RetryAfter.String())
	id := w.Answer().Header.Get("request-id")
	m.expect(failure.RequestID == id, "request id", id, failure.RequestID)
	return len(m.wrong) == 0, nil
}

func (m *TellMatcher) expect(ok bool, field, documented, told string) {
	if !ok {
		m.wrong = append(m.wrong, fmt.Sprintf("  %-12s documented  %s\n  %-12s told        %s\n", field, or(documented), "", or(told)))
	}
}

// FailureMessage implements types.GomegaMatcher.
func (m *TellMatcher) FailureMessage(any) string {
	return fmt.Sprintf("The client does not tell its caller of %s,\nwhich %s.\n\n%s",
		m.wording.ID(), m.wording.Title(), strings.Join(m.wrong, ""))
}

// NegatedFailureMessage implements types.GomegaMatcher.
func (m *TellMatcher) NegatedFailureMessage(any) string {
	return fmt.Sprintf("The client was expected not to tell its caller of %s, and does.", m.wording.ID())
}

func details(list []fixtures.Detail) string {
	var told []Detail
	for _, d := range list {
		told = append(told, Detail{d.Code, d.Message.String()})
	}
	return fmt.Sprintf("%q", told)
}

func or(text string) string {
	if text == "" {
		return "(nothing)"
	}
	return text
}
