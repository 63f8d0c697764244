package report

import (
	"fmt"
	"slices"
)

// Changes are what is otherwise than in an earlier report, the baseline. Of a run that the baseline lacks only what
// fails is one: it is newly broken.
type Changes struct {
	Broken     []Change `json:"newlyBroken"`     // fails, and did not, or could not be asked
	Honored    []Change `json:"newlyHonored"`    // passes, and was asked and did not
	Documented []Change `json:"newlyDocumented"` // the baseline's contract does not have it
	Asked      []Change `json:"newlyAsked"`      // was not asked, and does not fail
	NotAsked   []Change `json:"notAskedAnyMore"` // and was, or could not be asked
	Otherwise  []Change `json:"otherwise"`       // asked then and now, and neither broken nor honored by the change
	Gone       []Change `json:"gone"`            // from the contract
	NewRuns    []string `json:"newRuns"`         // that the baseline lacks, as Run.ID has them
	GoneRuns   []string `json:"goneRuns"`        // that only the baseline has
}

// Runs are a line for each run that only one of the two has.
func (c *Changes) Runs() (lines []string) {
	for _, run := range c.NewRuns {
		lines = append(lines, "the baseline has no run of "+run)
	}
	for _, run := range c.GoneRuns {
		lines = append(lines, "the baseline has a run of "+run+", and this report has none")
	}
	return lines
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
		{"newly asked", c.Asked}, {"not asked any more", c.NotAsked}, {"otherwise changed", c.Otherwise},
		{"gone from the contract", c.Gone},
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
	c := &Changes{
		Broken: empty(), Honored: empty(), Documented: empty(), Asked: empty(), NotAsked: empty(), Otherwise: empty(),
		Gone: empty(), NewRuns: []string{}, GoneRuns: []string{},
	}
	for _, run := range r.Runs {
		if before := baseline.run(run.ID()); before != nil {
			c.compare(r.Entries(run), baseline.Entries(before))
			continue
		}
		c.NewRuns = append(c.NewRuns, run.ID())
		for _, e := range r.Entries(run) {
			switch change := (Change{Run: run.ID(), ID: e.ID, Is: e.Outcome}); {
			case e.Outcome == Engine:
				c.NotAsked = append(c.NotAsked, change)
			case e.Outcome.Fails():
				c.Broken = append(c.Broken, change)
			}
		}
	}
	for _, before := range baseline.Runs {
		if r.run(before.ID()) == nil {
			c.GoneRuns = append(c.GoneRuns, before.ID())
		}
	}
	return c
}

// run is the run of that id, nil if the report has none.
func (r *Report) run(id string) *Run {
	if at := slices.IndexFunc(r.Runs, func(run *Run) bool { return run.ID() == id }); at >= 0 {
		return r.Runs[at]
	}
	return nil
}

// compare adds what is otherwise in a run that both reports have.
func (c *Changes) compare(now, baseline []Entry) {
	before := map[string]Outcome{}
	for _, e := range baseline {
		before[e.ID] = e.Outcome
	}
	for _, e := range now {
		was, had := before[e.ID]
		delete(before, e.ID)
		change := Change{Run: e.Run.ID(), ID: e.ID, Was: was, Is: e.Outcome}
		if !had && e.Check == nil {
			c.Documented = append(c.Documented, change)
		}
		switch wasAsked, isAsked := had && wasRun(was), wasRun(e.Outcome); {
		case e.Outcome == Engine && !was.Fails(): // nobody's contract
			c.NotAsked = append(c.NotAsked, change)
		case e.Outcome.Fails() && (!was.Fails() || was == Engine && e.Outcome != Engine):
			c.Broken = append(c.Broken, change)
		case !had || was == e.Outcome:
		case isAsked && !wasAsked:
			c.Asked = append(c.Asked, change)
		case wasAsked && !isAsked:
			c.NotAsked = append(c.NotAsked, change)
		case e.Outcome.Passes() && !was.Passes():
			c.Honored = append(c.Honored, change)
		case isAsked:
			c.Otherwise = append(c.Otherwise, change)
		}
	}
	for _, e := range baseline {
		if was, left := before[e.ID]; left && e.Check == nil {
			c.Gone = append(c.Gone, Change{Run: e.Run.ID(), ID: e.ID, Was: was})
		}
	}
}

func wasRun(o Outcome) bool { return o != NotRun && o != Unsupported }
