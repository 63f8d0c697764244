package client

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// Surface succeeds if what a call surfaced to its caller, a Surfaced, is the failure that the response carried: an error, with
// every field that the client exposes as it came over the wire, the time to wait to the second and no shorter, and the clause's name. Whether
// the response honors the wording is for matchers.HonorWording to say. A failure shows all wrong fields at once: as documented,
// as received, and as surfaced.
func Surface(wording *fixtures.Wording) *SurfaceMatcher { return &SurfaceMatcher{wording: wording} }

// SurfaceMatcher is the matcher that Surface returns.
type SurfaceMatcher struct {
	wording    *fixtures.Wording
	surfaced   Surfaced
	deviations []matchers.Deviation
	notExposed []Field
}

// Deviations returns the fields that the last match found wrong. One that is known does not bind.
func (m *SurfaceMatcher) Deviations() []matchers.Deviation { return m.deviations }

// NotExposed returns the fields that the last response had and the client does not expose.
func (m *SurfaceMatcher) NotExposed() []Field { return m.notExposed }

// errorField names, for Surfaced.Known, an error that carries no failure.
const errorField Field = "error"

// Match implements types.GomegaMatcher for a Surfaced.
func (m *SurfaceMatcher) Match(actual any) (bool, error) {
	if m.wording == nil {
		return false, errors.New("Surface was given no wording: take one of contract.Clause(id).Wordings")
	}
	surfaced, ok := actual.(Surfaced)
	if !ok {
		return false, fmt.Errorf("Surface takes a client.Surfaced, and was given a %T: make one by the client's Config.Surfaced", actual)
	}
	if surfaced.Response.IsZero() {
		return false, errors.New("Surface was given no response: capture it by exchange.Capture or exchange.New")
	}
	m.surfaced, m.deviations, m.notExposed = surfaced, nil, nil
	if surfaced.Err == nil {
		return false, nil
	}
	known := surfaced.Known
	if known == nil {
		known = func(Field, string) bool { return false }
	}
	if !surfaced.Carried {
		return known(errorField, surfaced.Text), nil
	}
	received, matches := m.received(), true
	for _, field := range Fields() {
		wire, got := received.Text(field), surfaced.Failure.Text(field)
		same := wire == got || field == RetryAfter && m.sameWait(surfaced.Failure.RetryAfter, received.RetryAfter)
		switch {
		case !surfaced.exposes(field):
			if wire != "" {
				m.notExposed = append(m.notExposed, field)
			}
		case !same:
			d := matchers.Deviation{
				Wording: m.wording.ID(), Field: string(field), Documented: m.documented(field),
				Received: printable(field, wire), Surfaced: printable(field, got), Binds: true,
			}
			if header := surfaced.Response.Header("Retry-After"); field == RetryAfter && header != "" {
				d.Note = "Retry-After: " + exchange.Printable(header)
			}
			if known(field, got) {
				d.Binds, d.Note = false, "a known erratum"
			}
			matches = matches && !d.Binds
			m.deviations = append(m.deviations, d)
		}
	}
	return matches, nil
}

// sameWait reports whether a time to wait is that of the response, to the second and no shorter: who cuts a fraction off retries too early. A
// date may be counted from the caller's clock, which is up to a second ahead of the Date header, once the body has come. Without the header,
// the minutes of the message are one, too.
func (m *SurfaceMatcher) sameWait(surfaced, received time.Duration) bool {
	x := m.surfaced.Response
	const passed = 100 * time.Millisecond // since it was received: the body comes later, or the client keeps the end of the wait
	off := surfaced - received
	if _, err := http.ParseTime(x.Header("Retry-After")); err == nil {
		return -time.Second-passed <= off && off <= time.Second
	}
	if x.Header("Retry-After") == "" {
		named, _ := m.wording.Message.Match(x.TextAt(m.wording.Clause.Operation.Contract.Envelope.Message))
		minutes, _ := strconv.Atoi(named[fixtures.Minutes])
		return surfaced == time.Duration(minutes)*time.Minute
	}
	return -passed < off && off < time.Second
}

// documented is what the contract has of a field, printable.
func (m *SurfaceMatcher) documented(field Field) string {
	if field == RetryAfter || field == RequestID {
		return "(left open)" // each response has its own
	}
	w, clause := m.wording, m.wording.Clause
	documented := Failure{Status: clause.Status, Code: w.Code, Name: clause.Name, Message: w.Message.String()}
	for _, d := range w.Details {
		documented.Details = append(documented.Details, Detail{Code: d.Code, Message: d.Message.String()})
	}
	return printable(field, documented.Text(field))
}

// printable quotes the fields that are texts of the response.
func printable(field Field, text string) string {
	if text != "" && slices.Contains([]Field{Code, Name, Message, RequestID}, field) {
		text = strconv.Quote(text)
	}
	return cmp.Or(exchange.Printable(text), "(nothing)")
}

// received is the failure that the response carries.
func (m *SurfaceMatcher) received() Failure {
	x, envelope := m.surfaced.Response, m.wording.Clause.Operation.Contract.Envelope
	f := Failure{
		Status: x.Status(), Code: x.TextAt(envelope.Code), Name: m.wording.Clause.Name, Message: x.TextAt(envelope.Message),
		Details: x.DetailsAt(envelope.Details), RequestID: x.Header("request-id"),
	}
	f.RetryAfter, _ = exchange.RetryAfter(x) // a header that says nothing names no time to wait
	return f
}

// FailureMessage implements types.GomegaMatcher.
func (m *SurfaceMatcher) FailureMessage(any) string {
	var text strings.Builder
	id, name, status := m.wording.ID(), cmp.Or(m.surfaced.Client, "The client"), fixtures.StatusLine(m.surfaced.Response.Status())
	switch {
	case m.surfaced.Err == nil:
		fmt.Fprintf(&text, "%s returned nil although the API responded %s: %s,\nwhich %s.\n", name, status, id, m.wording.Title())
	case !m.surfaced.Carried:
		fmt.Fprintf(&text, "%s returned an error that carries no failure, although the API responded %s: %s.\n\n  %s\n\n"+
			"If this is the client's usual error, have Config.Failure read it; otherwise the client lost the response.\n",
			name, status, id, exchange.Printable(m.surfaced.Text))
	default:
		fmt.Fprintf(&text, "%s misreports %s,\nwhich %s.\n\n", name, id, m.wording.Title())
		for _, d := range m.deviations {
			if d.Binds {
				received := d.Received
				if d.Note != "" {
					received += "  <- " + d.Note
				}
				fmt.Fprintf(&text, "  %-12s documented  %s\n  %-12s received    %s\n  %-12s surfaced    %s\n",
					d.Field, d.Documented, "", received, "", d.Surfaced)
			}
		}
	}
	fmt.Fprintf(&text, "\nThe request:\n  %s\nThe response:\n  %s\n", m.surfaced.Response.Request(),
		strings.ReplaceAll(strings.ReplaceAll(m.surfaced.Response.String(), "\n", "\n  "), "\n  \n", "\n\n"))
	return text.String()
}

// NegatedFailureMessage implements types.GomegaMatcher.
func (m *SurfaceMatcher) NegatedFailureMessage(any) string {
	return fmt.Sprintf("%s was expected to misreport %s, and surfaces it.", cmp.Or(m.surfaced.Client, "The client"), m.wording.ID())
}

// ReturnNil succeeds if a call, a Surfaced, returned nil, as it must where the operation responds that nothing failed.
func ReturnNil(o *fixtures.Operation) *ReturnNilMatcher { return &ReturnNilMatcher{operation: o} }

// ReturnNilMatcher is the matcher that ReturnNil returns.
type ReturnNilMatcher struct {
	operation *fixtures.Operation
	surfaced  Surfaced
}

// Match implements types.GomegaMatcher for a Surfaced.
func (m *ReturnNilMatcher) Match(actual any) (bool, error) {
	var ok bool
	if m.surfaced, ok = actual.(Surfaced); !ok || m.operation == nil {
		return false, fmt.Errorf("ReturnNil takes an operation and a client.Surfaced, and was given a %T: make one by the client's Config.Surfaced", actual)
	}
	return m.surfaced.Err == nil, nil
}

// FailureMessage implements types.GomegaMatcher.
func (m *ReturnNilMatcher) FailureMessage(any) string {
	return fmt.Sprintf("%s returned an error although the API responded %s to %s:\n%s", cmp.Or(m.surfaced.Client, "The client"),
		fixtures.StatusLine(m.surfaced.Response.Status()), m.operation.ID, exchange.Printable(m.surfaced.Text))
}

// NegatedFailureMessage implements types.GomegaMatcher.
func (m *ReturnNilMatcher) NegatedFailureMessage(any) string {
	return fmt.Sprintf("%s was expected to return an error, and returned nil.", cmp.Or(m.surfaced.Client, "The client"))
}
