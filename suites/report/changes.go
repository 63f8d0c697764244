package report

import (
	"fmt"
	"slices"
)

// Changes are what is otherwise than in an earlier report, the baseline. What is of a run that only one of the two has is
// no change.
type Changes struct {
	Broken     []Change `json:"newlyBroken"`     // fails, and did not
	Honored    []Change `json:"newlyHonored"`    // passes, and was asked and did not
	Documented []Change `json:"newlyDocumented"` // the baseline's contract does not have it
	Asked      []Change `json:"newlyAsked"`      // was not asked, and does not fail
	NotAsked   []Change `json:"notAskedAnyMore"` // and was
	Gone       []Change `json:"gone"`            // from the contract
}

// Change is one outcome that is otherwise than it was.
type Change struct {
	Run string  `json:"run"` // as Run.ID has it
	ID  string  `json:"id"`  // of the clause, or of the check
	Was Outcome `json:"was,omitempty"`
	Is  Outcome `json:"is,omitempty"`
}

// String is the change as a line.
func (c Change) String() string {
	switch {
	case c.Was == "":
		return fmt.Sprintf("%s  %s, new (%s)", c.ID, c.Is.Label(), c.Run)
	case c.Is == "":
		return fmt.Sprintf("%s  was %s (%s)", c.ID, c.Was.Label(), c.Run)
	}
	return fmt.Sprintf("%s  %s, was %s (%s)", c.ID, c.Is.Label(), c.Was.Label(), c.Run)
}

// Kinds are the changes by their kind, in the order of reports, each with how texts call it.
func (c *Changes) Kinds() []ChangesOfAKind {
	return []ChangesOfAKind{
		{"newly broken", c.Broken}, {"newly honored", c.Honored}, {"newly documented", c.Documented},
		{"newly asked", c.Asked}, {"not asked any more", c.NotAsked}, {"gone from the contract", c.Gone},
	}
}

// ChangesOfAKind are the changes of one kind.
type ChangesOfAKind struct {
	Kind    string
	Changes []Change
}

// Since says what is otherwise than in the baseline.
func (r *Report) Since(baseline *Report) *Changes {
	empty := func() []Change { return []Change{} }
	c := &Changes{empty(), empty(), empty(), empty(), empty(), empty()}
	for _, run := range r.Runs {
		at := slices.IndexFunc(baseline.Runs, func(other *Run) bool { return other.ID() == run.ID() })
		if at < 0 {
			continue
		}
		before := map[string]Outcome{}
		for _, e := range baseline.Entries(baseline.Runs[at]) {
			before[e.ID] = e.Outcome
		}
		for _, e := range r.Entries(run) {
			was, had := before[e.ID]
			delete(before, e.ID)
			change := Change{Run: run.ID(), ID: e.ID, Was: was, Is: e.Outcome}
			if !had && e.Check == nil {
				c.Documented = append(c.Documented, change)
			}
			switch wasAsked, isAsked := had && asked(was), asked(e.Outcome); {
			case e.Outcome.Fails() && !was.Fails():
				c.Broken = append(c.Broken, change)
			case !had || was == e.Outcome:
			case isAsked && !wasAsked:
				c.Asked = append(c.Asked, change)
			case wasAsked && !isAsked:
				c.NotAsked = append(c.NotAsked, change)
			case e.Outcome.Passes() && !was.Passes():
				c.Honored = append(c.Honored, change)
			}
		}
		for _, e := range baseline.Entries(baseline.Runs[at]) {
			if was, left := before[e.ID]; left && e.Check == nil {
				c.Gone = append(c.Gone, Change{Run: run.ID(), ID: e.ID, Was: was})
			}
		}
	}
	return c
}

func asked(o Outcome) bool { return o != NotAsked && o != Unsupported }
