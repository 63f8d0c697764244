package clients

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// Tell succeeds if a Failure tells its caller of the wording's clause, which the exchange honors: its name, and every field
// as it came over the wire, the time to wait to the second. Whether the exchange honors the clause is for
// matchers.HonorClause to say. The failure shows every field that is wrong: as documented, as answered, and as told.
func Tell(wording *fixtures.Wording, x exchange.Exchange) *TellMatcher {
	return &TellMatcher{wording: wording, exchange: x, exposed: Fields}
}

// TellMatcher is the matcher Tell returns.
type TellMatcher struct {
	wording  *fixtures.Wording
	exchange exchange.Exchange
	exposed  []Field
	known    func(Field, string) bool
	differs  []Deviation
	lost     []Field
}

// Exposing holds the failure to the fields that the client exposes; the others are Lost.
func (m *TellMatcher) Exposing(fields []Field) *TellMatcher {
	m.exposed = fields
	return m
}

// Excusing has a field pass that is told otherwise than it was answered if that is known of the field and of what is told,
// as Failure.Text has it.
func (m *TellMatcher) Excusing(known func(field Field, told string) bool) *TellMatcher {
	m.known = known
	return m
}

// Deviation is one field that a client tells otherwise than it was answered. The texts are printable.
type Deviation struct {
	Field      Field
	Documented string // in the contract
	Answered   string // over the wire
	Told       string // to the client's caller
	Known      bool   // whether Excusing has it
}

// Deviations returns what the last failure told otherwise, also where all of it is known.
func (m *TellMatcher) Deviations() []Deviation { return m.differs }

// Lost returns the fields that the last answer had and the client does not expose.
func (m *TellMatcher) Lost() []Field { return m.lost }

// Match implements types.GomegaMatcher for a Failure.
func (m *TellMatcher) Match(actual any) (bool, error) {
	if m.wording == nil {
		return false, errors.New("Tell was given no wording: take one of contract.Clause(id).Wordings")
	}
	if m.exchange.Status() == 0 {
		return false, errors.New("Tell was given an empty exchange: make it with exchange.Capture or exchange.New")
	}
	told, ok := actual.(Failure)
	if !ok {
		return false, fmt.Errorf("Tell takes a clients.Failure; pass what the client's Do returned instead of a %T", actual)
	}
	answered := m.answered()
	m.differs, m.lost = nil, nil
	wrong := 0
	for _, field := range Fields {
		wire, seen := answered.Text(field), told.Text(field)
		// A date may be counted from the caller's clock.
		same := wire == seen || field == RetryAfter && (told.RetryAfter-answered.RetryAfter).Abs() < time.Second
		switch exposed := slices.Contains(m.exposed, field); {
		case !exposed && wire != "":
			m.lost = append(m.lost, field)
		case exposed && !same:
			known := m.known != nil && m.known(field, seen)
			if !known {
				wrong++
			}
			m.differs = append(m.differs, Deviation{field, m.documented(field), printable(field, wire), printable(field, seen), known})
		}
	}
	return wrong == 0, nil
}

// documented is what the contract has of a field, printable.
func (m *TellMatcher) documented(field Field) string {
	w, clause := m.wording, m.wording.Clause
	documented := Failure{Status: clause.Status, Code: w.Code, Name: clause.Name, Message: w.Message.String()}
	for _, d := range w.Details {
		documented.Details = append(documented.Details, Detail{d.Code, d.Message.String()})
	}
	if field == RetryAfter || field == RequestID {
		return "(left open)" // every answer has its own
	}
	return printable(field, documented.Text(field))
}

// printable quotes the fields that are texts of the answer.
func printable(field Field, text string) string {
	if text != "" && slices.Contains([]Field{Code, Name, Message, RequestID}, field) {
		text = strconv.Quote(text)
	}
	return cmp.Or(exchange.Printable(text), "(nothing)")
}

// answered is what a caller can be told of the exchange.
func (m *TellMatcher) answered() Failure {
	envelope := m.wording.Clause.Operation.Contract.Envelope
	f := Failure{
		Status: m.exchange.Status(), Code: textAt(m.exchange, envelope.Code), Name: m.wording.Clause.Name, Message: textAt(m.exchange, envelope.Message),
		RequestID: m.exchange.Header("request-id"),
	}
	f.Details = detailsOf(m.exchange, envelope)
	// An answer without the header, or with one that says nothing, names no time to wait.
	f.RetryAfter, _ = exchange.RetryAfter(m.exchange)
	return f
}

// textAt is the text at a place of the answer's body, "" if there is none.
func textAt(x exchange.Exchange, place string) string {
	value, _ := x.At(place)
	text, _ := value.(string)
	return text
}

// detailsOf are the entries of error.details that have a code and a message.
func detailsOf(x exchange.Exchange, envelope fixtures.Envelope) (list []Detail) {
	if envelope.Details == "" {
		return nil
	}
	value, _ := x.At(envelope.Details)
	entries, _ := value.([]any)
	for _, entry := range entries {
		object, _ := entry.(map[string]any)
		code, hasCode := object["code"].(string)
		message, hasMessage := object["message"].(string)
		if hasCode && hasMessage {
			list = append(list, Detail{code, message})
		}
	}
	return list
}

// FailureMessage implements types.GomegaMatcher.
func (m *TellMatcher) FailureMessage(any) string {
	var wrong strings.Builder
	for _, d := range m.differs {
		if !d.Known {
			fmt.Fprintf(&wrong, "  %-12s documented  %s\n  %-12s answered    %s\n  %-12s told        %s\n",
				d.Field, d.Documented, "", d.Answered, "", d.Told)
		}
	}
	return fmt.Sprintf("The client does not tell its caller of %s,\nwhich %s.\n\n%s\nThe request:\n  %s %s\nThe answer:\n%s",
		m.wording.ID(), m.wording.Title(), wrong.String(), m.exchange.Method(), m.exchange.URL(),
		indented(m.exchange.String()))
}

// NegatedFailureMessage implements types.GomegaMatcher.
func (m *TellMatcher) NegatedFailureMessage(any) string {
	return fmt.Sprintf("The client was expected not to tell its caller of %s, and does.", m.wording.ID())
}

func details(list []Detail) string {
	var lines []string
	for _, d := range list {
		lines = append(lines, fmt.Sprintf("%q: %q", d.Code, d.Message))
	}
	return strings.Join(lines, ", ")
}

func wait(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
