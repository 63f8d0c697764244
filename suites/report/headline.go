package report

import "strings"

// Headline is what a report comes to, for its headline. All writers have the same.
type Headline struct {
	Text  string // a few words, which begin with a capital letter or a number
	Fails bool   // whether anything fails: an outcome, the set-up, or run reports that disagree
}

// String is the headline as a line.
func (h Headline) String() string {
	return "Documented error contract: " + strings.ToLower(h.Text[:1]) + h.Text[1:]
}

// Headline is the report's. It is good only if something ran and nothing failed. Engine errors are counted apart from
// failures: a broken set-up is not a broken contract.
func (r *Report) Headline() Headline {
	failures, engine, clauses, lesser, checks := 0, 0, 0, 0, 0
	for _, e := range r.All() {
		switch {
		case e.Outcome == Engine:
			engine++
		case e.Outcome.Fails():
			failures++
		case e.Check == nil && (e.Outcome == Another || e.Outcome == Erratum || e.Outcome == Deviating):
			lesser++ // nothing that fails, but not what is documented
		case e.Check == nil && e.Ran > 0:
			clauses++
		case e.Check != nil && e.Check.Kind != Network && e.Ran > 0:
			checks++
		}
	}
	problems, ran := len(r.problems()), failures+engine+clauses+lesser+checks > 0
	h := Headline{Fails: failures+engine+problems+len(r.Disagreements) > 0}
	var parts []string
	for _, count := range []struct {
		n     int
		thing string
	}{{failures, "failure"}, {engine, "engine error"}, {problems, "set-up problem"}, {len(r.Disagreements), "disagreement"}} {
		if count.n > 0 {
			parts = append(parts, plural(count.n, count.thing))
		}
	}
	switch {
	case !ran:
		h.Text = strings.Join(append([]string{"Nothing ran"}, parts...), ", ")
	case h.Fails:
		h.Text = strings.Join(parts, ", ")
	case lesser > 0 || clauses == 0:
		h.Text = "No failures"
	default:
		h.Text = "All clauses that ran are honored"
	}
	return h
}
