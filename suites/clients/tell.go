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

// Tell succeeds if a Failure tells its caller of the wording's clause, which the exchange honors: its name, and every field
// as it came over the wire, the time to wait to the second. Whether the exchange honors the clause is for
// matchers.HonorClause to say. The failure shows every field that is wrong: as documented, as answered, and as told.
func Tell(wording *fixtures.Wording, exchange matchers.Exchange) *TellMatcher {
	return &TellMatcher{wording: wording, exchange: exchange, exposed: Fields}
}

// TellMatcher is the matcher Tell returns.
type TellMatcher struct {
	wording  *fixtures.Wording
	exchange matchers.Exchange
	exposed  []Field
	wrong    []string
	lost     []Field
}

// Exposing holds the failure to the fields that the client exposes; the others are Lost.
func (m *TellMatcher) Exposing(fields []Field) *TellMatcher {
	m.exposed = fields
	return m
}

// Lost returns the fields that the last answer had and the client does not expose.
func (m *TellMatcher) Lost() []Field { return m.lost }

// Match implements types.GomegaMatcher for a Failure.
func (m *TellMatcher) Match(actual any) (bool, error) {
	if m.wording == nil {
		return false, errors.New("Tell was given no wording: take one of contract.Clause(id).Wordings")
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
	m.wrong, m.lost = nil, nil
	w, clause := m.wording, m.wording.Clause
	m.compare(Status, told.Status == answered.Status, func() (documented, wire, seen string) {
		return fixtures.StatusLine(clause.Status), fixtures.StatusLine(answered.Status), fixtures.StatusLine(told.Status)
	})
	m.compare(Code, told.Code == answered.Code, func() (documented, wire, seen string) {
		return quoted(w.Code), quoted(answered.Code), quoted(told.Code)
	})
	m.compare(Name, told.Name == answered.Name, func() (documented, wire, seen string) {
		return quoted(clause.Name), quoted(answered.Name), quoted(told.Name)
	})
	m.compare(Message, told.Message == answered.Message, func() (documented, wire, seen string) {
		return quoted(w.Message.String()), quoted(answered.Message), quoted(told.Message)
	})
	m.compare(Details, slices.Equal(told.Details, answered.Details), func() (documented, wire, seen string) {
		return documentedDetails(w), details(answered.Details), details(told.Details)
	})
	// A date may be counted from the caller's clock.
	sameWait := (told.RetryAfter - answered.RetryAfter).Abs() < time.Second
	m.compare(RetryAfter, sameWait, func() (documented, wire, seen string) {
		return leftOpen, wait(answered.RetryAfter), wait(told.RetryAfter)
	})
	m.compare(RequestID, told.RequestID == answered.RequestID, func() (documented, wire, seen string) {
		return leftOpen, quoted(answered.RequestID), quoted(told.RequestID)
	})
	return len(m.wrong) == 0, nil
}

// leftOpen stands for what is documented of a field that every answer has its own value of.
const leftOpen = "(left open)"

// compare notes a field that is told otherwise than it was answered, or lost. The texts are what is documented, what came
// over the wire, and what the caller sees of it.
func (m *TellMatcher) compare(field Field, same bool, texts func() (documented, wire, seen string)) {
	exposed := slices.Contains(m.exposed, field)
	if exposed && same {
		return
	}
	documented, wire, seen := texts()
	switch {
	case exposed:
		m.wrong = append(m.wrong, fmt.Sprintf("  %-12s documented  %s\n  %-12s answered    %s\n  %-12s told        %s\n",
			field, printable(documented), "", printable(wire), "", printable(seen)))
	case wire != "":
		m.lost = append(m.lost, field)
	}
}

func printable(text string) string { return cmp.Or(matchers.Printable(text), "(nothing)") }

// answered is what a caller can be told of the exchange.
func (m *TellMatcher) answered() Failure {
	envelope := m.wording.Clause.Operation.Contract.Envelope
	f := Failure{
		Status: m.exchange.Status(), Code: m.text(envelope.Code), Name: m.wording.Clause.Name, Message: m.text(envelope.Message),
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

// FailureMessage implements types.GomegaMatcher.
func (m *TellMatcher) FailureMessage(any) string {
	return fmt.Sprintf("The client does not tell its caller of %s,\nwhich %s.\n\n%s\nThe request:\n  %s %s\nThe answer:\n%s",
		m.wording.ID(), m.wording.Title(), strings.Join(m.wrong, ""), m.exchange.Method(), m.exchange.URL(), m.exchange)
}

// NegatedFailureMessage implements types.GomegaMatcher.
func (m *TellMatcher) NegatedFailureMessage(any) string {
	return fmt.Sprintf("The client was expected not to tell its caller of %s, and does.", m.wording.ID())
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

func documentedDetails(w *fixtures.Wording) string {
	var list []Detail
	for _, d := range w.Details {
		list = append(list, Detail{d.Code, d.Message.String()})
	}
	return details(list)
}

func wait(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
