package matchers

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// HonorClause succeeds if the response honors one wording of the clause: every field as strongly as the provider's own
// words bind it. A response that matches another clause of the operation to the letter does not honor this one: Graph
// binds no message, and so its four 403 of an update would otherwise honor each other. The failure names every field
// that deviates, the clause, the row of the documentation, and the nearest other clause of the operation.
//
// Negated, it succeeds if the response honors no wording of the clause.
func HonorClause(clause *fixtures.Clause) *HonorMatcher {
	if clause == nil {
		return &HonorMatcher{name: "HonorClause"}
	}
	return &HonorMatcher{name: "HonorClause", clause: clause, wordings: clause.Wordings}
}

// HonorWording is HonorClause for one wording of a clause only.
func HonorWording(wording *fixtures.Wording) *HonorMatcher {
	if wording == nil || wording.Clause == nil {
		return &HonorMatcher{name: "HonorWording"}
	}
	return &HonorMatcher{name: "HonorWording", clause: wording.Clause, wordings: []*fixtures.Wording{wording}}
}

// HonorMatcher is the matcher HonorClause and HonorWording return.
type HonorMatcher struct {
	name       string // the constructor's
	clause     *fixtures.Clause
	wordings   []*fixtures.Wording
	bind       binder
	isKnown    func(Deviation) bool
	exchange   exchange.Exchange
	comparison comparison
	exactOther *fixtures.Wording // of another clause, which the response matches to the letter
}

// Strictly binds every field exactly, whatever the provider says about it.
func (m *HonorMatcher) Strictly() *HonorMatcher {
	m.bind = bindStrictly
	return m
}

// AsPublished binds every field exactly, except for messages that nobody has published: our own texts are advisory.
func (m *HonorMatcher) AsPublished() *HonorMatcher {
	m.bind = bindPublished
	return m
}

// Excusing makes every deviation that isKnown reports advisory.
func (m *HonorMatcher) Excusing(isKnown func(Deviation) bool) *HonorMatcher {
	m.isKnown = isKnown
	return m
}

// Deviations returns the deviations of the last response matched. If it honors the clause, none of them binds.
func (m *HonorMatcher) Deviations() []Deviation { return m.comparison.deviations }

// Wording returns the wording nearest to the last response matched.
func (m *HonorMatcher) Wording() *fixtures.Wording { return m.comparison.wording }

// Match implements types.GomegaMatcher for an Exchange or an *http.Response.
func (m *HonorMatcher) Match(actual any) (bool, error) {
	if len(m.wordings) == 0 {
		what := strings.ToLower(strings.TrimPrefix(m.name, "Honor"))
		return false, fmt.Errorf("%s was given no %s: check the id passed to contract.Clause", m.name, what)
	}
	var err error
	if m.exchange, err = exchangeOf(m.name, actual); err != nil {
		return false, err
	}
	m.comparison, m.exactOther = nearest(m.exchange, m.wordings, m.bind), nil
	for i := range m.comparison.deviations {
		if d := &m.comparison.deviations[i]; m.isKnown != nil && m.isKnown(*d) {
			d.Binds, d.Note = false, "a known erratum"
		}
	}
	if m.comparison.broken() > 0 {
		return false, nil
	}
	if len(m.comparison.deviations) > 0 {
		other := nearest(m.exchange, m.others(), bindStrictly)
		if other.wording != nil && len(other.deviations) == 0 && other.wording.Clause != m.clause {
			m.exactOther = other.wording
		}
	}
	return m.exactOther == nil, nil
}

// others are the wordings of the operation that the matcher does not expect.
func (m *HonorMatcher) others() (others []*fixtures.Wording) {
	for _, clause := range m.clause.Operation.Clauses {
		for _, w := range clause.Wordings {
			if !slices.Contains(m.wordings, w) {
				others = append(others, w)
			}
		}
	}
	return others
}

// FailureMessage implements types.GomegaMatcher.
func (m *HonorMatcher) FailureMessage(any) string {
	var text strings.Builder
	verb := "broke"
	if m.exactOther != nil {
		verb = "is not"
	}
	fmt.Fprintf(&text, "The response %s %s,\nwhich %s.\n\n", verb, m.comparison.wording.ID(), m.comparison.wording.Title())
	m.comparison.write(&text)
	m.writeNearest(&text)
	writeExchange(&text, m.exchange)
	return text.String()
}

// NegatedFailureMessage implements types.GomegaMatcher.
func (m *HonorMatcher) NegatedFailureMessage(any) string {
	var text strings.Builder
	fmt.Fprintf(&text, "The response was expected not to honor %s,\nwhich %s, but it does.\n\n",
		m.comparison.wording.ID(), m.comparison.wording.Title())
	m.comparison.write(&text)
	writeExchange(&text, m.exchange)
	return text.String()
}

// writeNearest names the wording nearest to the response among the others of the operation.
func (m *HonorMatcher) writeNearest(text *strings.Builder) {
	if m.exchange.Fault() != nil && !m.exchange.IsPage() {
		return // the deviation of the body says it
	}
	if fact := fact(m.exchange, m.clause.Operation.Contract); fact != "" {
		text.WriteString(fact)
		return
	}
	if m.exactOther != nil {
		fmt.Fprintf(text, "It is another clause to the letter: %s, which %s.\n", m.exactOther.ID(), m.exactOther.Title())
		return
	}
	switch other := nearest(m.exchange, m.others(), m.bind); {
	case other.wording == nil:
	case other.broken() == 0 && other.wording.Clause == m.clause:
		fmt.Fprintf(text, "It honors another wording of the clause: %s, which %s.\n", other.wording.ID(), other.wording.Title())
	case other.broken() == 0:
		fmt.Fprintf(text, "It honors another clause: %s, which %s.\n", other.wording.ID(), other.wording.Title())
	case other.broken() < m.comparison.broken():
		fmt.Fprintf(text, "It is nearer to %s and differs from it in %s only.\n", other.wording.ID(), bindingFields(other.deviations))
	default:
		fmt.Fprintf(text, "Nothing else that %s documents is nearer.\n", m.clause.Operation.ID)
	}
}

// fact says what the response is, and then who may have sent it, "" if it is an error of the API.
func fact(x exchange.Exchange, contract *fixtures.Contract) string {
	refusal, reason := x.Refusal(contract)
	_, isArray := x.At("/0/error")
	oauth := x.TextAt("/error")
	switch {
	case x.Status() < http.StatusBadRequest:
		return "It is no failure: the request succeeded or was redirected.\n"
	case x.IsPage():
		return fmt.Sprintf("%s: a gateway or a proxy may have sent it.\n", capital(x.Fault()))
	case x.Fault() != nil:
		return capital(x.Fault()) + ".\n"
	case refusal != nil:
		return fmt.Sprintf("It says that %s, %s: the API has not seen the request.\n", refusal.Says, quote(reason, true))
	case isArray:
		return "The body is an array around the error, as a method that streams sends it.\n"
	case oauthCode.MatchString(oauth):
		return fmt.Sprintf("The body is an error of OAuth 2.0 (RFC 6749, 5.2), %s: a token endpoint sends it, and not the API.\n", oauth)
	}
	return ""
}

var oauthCode = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)

// capital is the text of an error at the beginning of a line.
func capital(err error) string { return strings.ToUpper(err.Error()[:1]) + err.Error()[1:] }

// BeDocumented succeeds if the response honors any clause of the operation, as strongly as the provider's own words bind.
func BeDocumented(operation *fixtures.Operation) *DocumentedMatcher {
	return &DocumentedMatcher{operation: operation}
}

// DocumentedMatcher is the matcher BeDocumented returns.
type DocumentedMatcher struct {
	operation  *fixtures.Operation
	bind       binder
	exchange   exchange.Exchange
	comparison comparison
}

// Strictly binds every field exactly, whatever the provider says about it.
func (m *DocumentedMatcher) Strictly() *DocumentedMatcher {
	m.bind = bindStrictly
	return m
}

// AsPublished binds every field exactly, except for messages that nobody has published, as HonorMatcher.AsPublished does.
func (m *DocumentedMatcher) AsPublished() *DocumentedMatcher {
	m.bind = bindPublished
	return m
}

// Wording returns the wording nearest to the last response matched.
func (m *DocumentedMatcher) Wording() *fixtures.Wording { return m.comparison.wording }

// Clause returns the clause that the last response matched honors, nil if it honors none.
func (m *DocumentedMatcher) Clause() *fixtures.Clause {
	if m.comparison.wording == nil || m.comparison.broken() > 0 {
		return nil
	}
	return m.comparison.wording.Clause
}

// Deviations returns how the last response matched deviates from the nearest wording. If it honors the clause, none of
// them binds.
func (m *DocumentedMatcher) Deviations() []Deviation { return m.comparison.deviations }

// Match implements types.GomegaMatcher for an Exchange or an *http.Response.
func (m *DocumentedMatcher) Match(actual any) (bool, error) {
	if m.operation == nil || len(m.operation.Clauses) == 0 {
		return false, errors.New(
			"BeDocumented was given no operation, or one without clauses: check the id passed to contract.Operation")
	}
	var err error
	if m.exchange, err = exchangeOf("BeDocumented", actual); err != nil {
		return false, err
	}
	var wordings []*fixtures.Wording
	for _, clause := range m.operation.Clauses {
		wordings = append(wordings, clause.Wordings...)
	}
	m.comparison = nearest(m.exchange, wordings, m.bind)
	return m.comparison.broken() == 0, nil
}

// FailureMessage implements types.GomegaMatcher.
func (m *DocumentedMatcher) FailureMessage(any) string {
	var text strings.Builder
	fmt.Fprintf(&text, "No clause of %s documents the response.\n", m.operation.ID)
	if fact := fact(m.exchange, m.operation.Contract); fact != "" {
		text.WriteString(fact)
	} else {
		hasStatus := func(c *fixtures.Clause) bool { return c.Status == m.exchange.Status() }
		if !slices.ContainsFunc(m.operation.Clauses, hasStatus) {
			fmt.Fprintf(&text, "None of them has the status %s.\n", fixtures.StatusLine(m.exchange.Status()))
		}
		fmt.Fprintf(&text, "Nearest is %s,\nwhich %s.\n\n", m.comparison.wording.ID(), m.comparison.wording.Title())
		m.comparison.write(&text)
	}
	writeExchange(&text, m.exchange)
	return text.String()
}

// NegatedFailureMessage implements types.GomegaMatcher.
func (m *DocumentedMatcher) NegatedFailureMessage(any) string {
	var text strings.Builder
	fmt.Fprintf(&text, "No clause of %s was expected to document the response, but it honors %s,\nwhich %s.\n\n",
		m.operation.ID, m.comparison.wording.ID(), m.comparison.wording.Title())
	m.comparison.write(&text)
	writeExchange(&text, m.exchange)
	return text.String()
}

// write writes the deviations, if there are any, and where the wording is documented.
func (v comparison) write(text *strings.Builder) {
	if len(v.deviations) > 0 {
		writeFields(text, v.deviations)
		text.WriteByte('\n')
	}
	writeSource(text, v.wording)
}

// writeFields writes two lines for each deviation, documented above received.
func writeFields(text *strings.Builder, deviations []Deviation) {
	for _, d := range deviations {
		note := d.Note
		if !d.Binds {
			note = strings.TrimPrefix(note+"; reported only, does not fail", "; ")
		}
		if note != "" {
			note = "  <- " + note
		}
		fmt.Fprintf(text, "  %-12s documented  %s\n", d.Field, d.Documented)
		fmt.Fprintf(text, "  %-12s received    %s%s\n", "", d.Received, note)
	}
}

// writeSource cites the newest row of the documentation that has the wording, and the line of the contract.
func writeSource(text *strings.Builder, w *fixtures.Wording) {
	s := w.Sources[len(w.Sources)-1]
	fmt.Fprintf(text, "Documented in %s, edition %q of\n%s\n", s.Row, s.Edition.ID, s.Edition.URL)
	fmt.Fprintf(text, "  %s\n", strings.Join(s.Row.Cells, " | "))
	for _, d := range s.Defects {
		fmt.Fprintf(text, "  %s: %s; read as %s\n", d.Cell, d.Fault, d.Read)
	}
	if w.Clause.Evidence != "documented" {
		fmt.Fprintf(text, "  on this operation %s: %s\n", w.Clause.Evidence, w.Clause.Basis)
	}
	if editions := w.Editions(); len(editions) > 1 {
		fmt.Fprintf(text, "Older editions have it too: %s.\n", strings.Join(editions[:len(editions)-1], ", "))
	}
	fmt.Fprintf(text, "The contract has it in %s:%d.\n", w.Clause.File, w.Clause.Line)
}

// writeExchange shows the request and the response.
func writeExchange(text *strings.Builder, x exchange.Exchange) {
	fmt.Fprintf(text, "\nThe request:\n  %s\nThe response:\n%s", x.Request(), indent(x.String()))
}

func bindingFields(deviations []Deviation) string {
	var names []string
	for _, d := range deviations {
		if d.Binds {
			names = append(names, d.Field)
		}
	}
	return cmp.Or(strings.Join(names, ", "), "nothing")
}

// indented indents every line but the empty ones.
func indent(text string) string {
	return strings.ReplaceAll("  "+strings.ReplaceAll(text, "\n", "\n  "), "\n  \n", "\n\n")
}
