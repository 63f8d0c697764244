package report

import (
	"cmp"
	"slices"
)

// Outcome is what a clause or a check came to.
type Outcome string

// The outcomes. Meaning says what each is.
const (
	Broken         Outcome = "broken"
	Undocumented   Outcome = "undocumented"
	UnexpectedPass Outcome = "unexpected-pass"
	Engine         Outcome = "engine"
	Another        Outcome = "another"
	Deviating      Outcome = "deviating"
	Erratum        Outcome = "erratum"
	NotExposed     Outcome = "not-exposed"
	Honored        Outcome = "honored"
	Unsupported    Outcome = "unsupported"
	NotRun         Outcome = "not-run"
)

// attributes are what is known of an outcome.
type attributes struct {
	Outcome
	label   string // as people read it
	meaning string
	fails   bool // the run
	passes  bool // ran, and is as documented but for what is known or does not bind
}

// outcomes are all of them, the worst first.
var outcomes = []attributes{
	{Broken, "broken", "a field that binds differs from the documentation, or the client surfaces it wrongly", true, false},
	{Undocumented, "undocumented", "the response is no documented clause of the operation", true, false},
	{UnexpectedPass, "unexpected pass", "an erratum expects a deviation that is gone", true, false},
	{Engine, "engine error", "the run itself failed: this says nothing of a contract", true, false},
	{Another, "another clause", "the response is documented, but is not the clause that was provoked", false, false},
	{Deviating, "deviating", "honored, but a field that does not bind differs", false, true},
	{Erratum, "known erratum", "a known deviation, accepted until a date", false, true},
	{NotExposed, "not exposed", "honored, but the client does not expose all of it to its caller", false, true},
	{Honored, "honored", "the response is as documented, and the client surfaces all of it", false, true},
	{Unsupported, "unsupported", "the client does not perform the operation", false, false},
	{NotRun, "not run", "not run, or not in all its wordings", false, false},
}

// Outcomes are all of them, the worst first.
func Outcomes() (list []Outcome) {
	for _, o := range outcomes {
		list = append(list, o.Outcome)
	}
	return list
}

// Failing are the outcomes that fail a run, the worst first.
func Failing() []Outcome {
	return slices.DeleteFunc(Outcomes(), func(o Outcome) bool { return !o.Fails() })
}

// rank is the outcome's place among Outcomes, -1 for one that is none.
func (o Outcome) rank() int {
	return slices.IndexFunc(outcomes, func(a attributes) bool { return a.Outcome == o })
}

// attributes are the outcome's, zero for one that is none.
func (o Outcome) attributes() attributes {
	if i := o.rank(); i >= 0 {
		return outcomes[i]
	}
	return attributes{}
}

// Label is the outcome as people read it.
func (o Outcome) Label() string { return cmp.Or(o.attributes().label, string(o)) }

// Meaning is what the outcome says, for a legend.
func (o Outcome) Meaning() string { return o.attributes().meaning }

// Fails reports whether the outcome fails a run.
func (o Outcome) Fails() bool { return o.attributes().fails }

// Passes reports whether all of it ran and is honored, but for what is known or does not bind.
func (o Outcome) Passes() bool { return o.attributes().passes }

// ran reports whether a response came to the outcome.
func (o Outcome) ran() bool { return o != NotRun && o != Unsupported }
