package report

import (
	"fmt"
	"strings"
)

// Headline is what a report comes to, for its headline. All writers have the same.
type Headline struct {
	Text  string // a few words, which begin with a capital letter or a number
	Fails bool   // whether anything fails: an outcome, the set-up, or pieces that disagree
}

// String is the verdict as a line.
func (v Headline) String() string {
	return "Documented error contract: " + strings.ToLower(v.Text[:1]) + v.Text[1:]
}

// Headline is the report's. It is good only if something was asked and nothing failed. What breaks the contract is
// counted apart from what could not be asked: a broken set-up is not a broken contract.
func (r *Report) Headline() Headline {
	failures, engine, clauses, lesser, checks := 0, 0, 0, 0, 0
	for _, e := range r.All() {
		switch {
		case e.Outcome == Engine:
			engine++
		case e.Outcome.Fails():
			failures++
		case e.Check == nil && (e.Outcome == Another || e.Outcome == Erratum || e.Outcome == Deviating):
			lesser++ // nothing that fails, and not what is documented
		case e.Check == nil && e.Ran > 0:
			clauses++
		case e.Check != nil && e.Check.Kind != Network && e.Ran > 0:
			checks++
		}
	}
	var wrong []string
	add := func(n int, text string) {
		if n > 0 {
			wrong = append(wrong, text)
		}
	}
	add(failures, plural(failures, "failure"))
	add(engine, fmt.Sprintf("%d could not be asked", engine))
	if failures+engine+clauses+lesser+checks == 0 {
		wrong = append(wrong, "nothing was asked")
	}
	nothing := len(wrong) > 0 && failures+engine == 0
	add(len(r.problems()), plural(len(r.problems()), "set-up problem"))
	add(len(r.Disagreements), plural(len(r.Disagreements), "disagreement"))
	switch {
	case len(wrong) > 0:
		text := strings.Join(wrong, ", ")
		return Headline{Text: strings.ToUpper(text[:1]) + text[1:], Fails: !nothing || len(wrong) > 1}
	case lesser > 0 || clauses == 0:
		return Headline{Text: "Nothing that was asked is broken"}
	}
	return Headline{Text: "Every clause that was asked is honored"}
}
