package matchers

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/learncontract/learncontract/fixtures"
)

// HonorClause succeeds if the answer honors the clause: one of its wordings, every field as strongly as the provider's
// own words bind it. The failure names every field that deviates, the clause, the row of the documentation, and the
// nearest other clause of the operation.
//
// Negated, it succeeds if the answer breaks every wording of the clause.
func HonorClause(clause *fixtures.Clause) *HonorMatcher {
	if clause == nil {
		return &HonorMatcher{}
	}
	return &HonorMatcher{clause: clause, wordings: clause.Wordings}
}

// HonorWording is HonorClause for one wording of a clause only.
func HonorWording(wording *fixtures.Wording) *HonorMatcher {
	if wording == nil {
		return &HonorMatcher{}
	}
	return &HonorMatcher{clause: wording.Clause, wordings: []*fixtures.Wording{wording}}
}

// HonorMatcher is the matcher HonorClause and HonorWording return.
type HonorMatcher struct {
	clause   *fixtures.Clause
	wordings []*fixtures.Wording
	strict   bool
	exchange Exchange
	verdict  verdict
}

// Strictly binds every field exactly, whatever the provider says of it.
func (m *HonorMatcher) Strictly() *HonorMatcher {
	m.strict = true
	return m
}

// Deviations returns what the last answer matched differs in, also where it honors the clause: then none is Broken.
func (m *HonorMatcher) Deviations() []Deviation { return m.verdict.deviations }

// Match implements types.GomegaMatcher for an Exchange or an *http.Response.
func (m *HonorMatcher) Match(actual any) (bool, error) {
	if len(m.wordings) == 0 {
		return false, errors.New("HonorClause was given no clause: check the id that contract.Clause was asked for")
	}
	var err error
	if m.exchange, err = exchangeOf("HonorClause", actual); err != nil {
		return false, err
	}
	m.verdict = nearest(m.exchange, m.wordings, m.strict)
	return m.verdict.broken() == 0, nil
}

// FailureMessage implements types.GomegaMatcher.
func (m *HonorMatcher) FailureMessage(any) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s broke %s,\nwhich %s.\n\n", m.exchange.request(), m.verdict.wording.ID(), m.verdict.wording.Title())
	writeDeviations(&text, m.verdict.deviations)
	writeSource(&text, m.verdict.wording)
	m.writeNearest(&text)
	fmt.Fprintf(&text, "\nThe answer:\n%s", indented(m.exchange.String()))
	return text.String()
}

// NegatedFailureMessage implements types.GomegaMatcher.
func (m *HonorMatcher) NegatedFailureMessage(any) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s was expected not to honor %s,\nwhich %s, and does.\n\n",
		m.exchange.request(), m.verdict.wording.ID(), m.verdict.wording.Title())
	writeSource(&text, m.verdict.wording)
	fmt.Fprintf(&text, "\nThe answer:\n%s", indented(m.exchange.String()))
	return text.String()
}

// writeNearest names the clause of the operation, other than the one expected, that the answer is nearest to.
func (m *HonorMatcher) writeNearest(text *strings.Builder) {
	var others []*fixtures.Wording
	for _, clause := range m.clause.Operation.Clauses {
		if clause != m.clause {
			others = append(others, clause.Wordings...)
		}
	}
	switch other := nearest(m.exchange, others, m.strict); {
	case other.wording == nil:
	case other.broken() == 0:
		fmt.Fprintf(text, "It honors another clause: %s, which %s.\n", other.wording.ID(), other.wording.Title())
	case other.broken() < m.verdict.broken():
		fmt.Fprintf(text, "It is nearer to another clause: %s differs in %s only.\n", other.wording.ID(), fields(other.deviations))
	default:
		fmt.Fprintf(text, "No other clause of %s is nearer.\n", m.clause.Operation.ID)
	}
}

// BeDocumented succeeds if the answer honors any clause of the operation, as strongly as the provider's own words bind.
func BeDocumented(operation *fixtures.Operation) *DocumentedMatcher {
	return &DocumentedMatcher{operation: operation}
}

// DocumentedMatcher is the matcher BeDocumented returns.
type DocumentedMatcher struct {
	operation *fixtures.Operation
	strict    bool
	exchange  Exchange
	verdict   verdict
}

// Strictly binds every field exactly, whatever the provider says of it.
func (m *DocumentedMatcher) Strictly() *DocumentedMatcher {
	m.strict = true
	return m
}

// Clause returns the clause that the last answer matched honors, nil if it honors none.
func (m *DocumentedMatcher) Clause() *fixtures.Clause {
	if m.verdict.wording == nil || m.verdict.broken() > 0 {
		return nil
	}
	return m.verdict.wording.Clause
}

// Match implements types.GomegaMatcher for an Exchange or an *http.Response.
func (m *DocumentedMatcher) Match(actual any) (bool, error) {
	if m.operation == nil || len(m.operation.Clauses) == 0 {
		return false, errors.New("BeDocumented was given no operation, or one without clauses: check the id that contract.Operation was asked for")
	}
	var err error
	if m.exchange, err = exchangeOf("BeDocumented", actual); err != nil {
		return false, err
	}
	var wordings []*fixtures.Wording
	for _, clause := range m.operation.Clauses {
		wordings = append(wordings, clause.Wordings...)
	}
	m.verdict = nearest(m.exchange, wordings, m.strict)
	return m.verdict.broken() == 0, nil
}

// FailureMessage implements types.GomegaMatcher.
func (m *DocumentedMatcher) FailureMessage(any) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s answered what no clause of %s documents.\n", m.exchange.request(), m.operation.ID)
	fmt.Fprintf(&text, "Nearest is %s, which %s.\n\n", m.verdict.wording.ID(), m.verdict.wording.Title())
	writeDeviations(&text, m.verdict.deviations)
	writeSource(&text, m.verdict.wording)
	fmt.Fprintf(&text, "\nThe answer:\n%s", indented(m.exchange.String()))
	return text.String()
}

// NegatedFailureMessage implements types.GomegaMatcher.
func (m *DocumentedMatcher) NegatedFailureMessage(any) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s was expected to answer what no clause of %s documents, and honors %s.\n\n",
		m.exchange.request(), m.operation.ID, m.verdict.wording.ID())
	writeSource(&text, m.verdict.wording)
	fmt.Fprintf(&text, "\nThe answer:\n%s", indented(m.exchange.String()))
	return text.String()
}

// writeDeviations writes two lines for each field, documented above answered.
func writeDeviations(text *strings.Builder, deviations []Deviation) {
	for _, d := range deviations {
		note := d.Note
		if !d.Broken {
			note = strings.TrimPrefix(note+"; reported only, the field is advisory", "; ")
		}
		if note != "" {
			note = "  <- " + note
		}
		fmt.Fprintf(text, "  %-12s documented  %s\n", d.Field, d.Documented)
		fmt.Fprintf(text, "  %-12s answered    %s%s\n", "", d.Answered, note)
	}
	text.WriteByte('\n')
}

// writeSource cites the row of the documentation, and where the contract reads it.
func writeSource(text *strings.Builder, w *fixtures.Wording) {
	s := w.Source
	fmt.Fprintf(text, "Documented in %s, edition %q of\n%s\n", s.Row, s.Edition.ID, s.Edition.URL)
	fmt.Fprintf(text, "  %s\n", strings.Join(s.Row.Cells, " | "))
	for _, d := range s.Defects {
		fmt.Fprintf(text, "  %s: %s; read as %s\n", d.Cell, d.Fault, d.Read)
	}
	if w.Clause.Evidence != "documented" {
		fmt.Fprintf(text, "  on this operation %s: %s\n", w.Clause.Evidence, w.Clause.Basis)
	}
	fmt.Fprintf(text, "The contract has it in fixtures/%s:%d.\n", w.Clause.File, w.Clause.Line)
}

func fields(deviations []Deviation) string {
	var names []string
	for _, d := range deviations {
		if d.Broken {
			names = append(names, d.Field)
		}
	}
	return cmp.Or(strings.Join(names, ", "), "nothing")
}

// indented indents every line but the empty ones.
func indented(text string) string {
	return strings.ReplaceAll("  "+strings.ReplaceAll(text, "\n", "\n  "), "\n  \n", "\n\n")
}
