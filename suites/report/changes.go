package report

import (
	"fmt"
	"slices"
)

// Changes are the differences from an earlier report, the baseline. Of a run that the baseline lacks only what fails is
// one: it is newly broken.
type Changes struct {
	Broken     []Change `json:"newlyBroken"`     // fails, and did not, or could not run
	Honored    []Change `json:"newlyHonored"`    // passes, and ran and did not
	Documented []Change `json:"newlyDocumented"` // the baseline's contract does not have it
	Ran        []Change `json:"newlyRun"`        // did not run, and does not fail
	NotRun     []Change `json:"noLongerRun"`     // ran, or could not run
	Other      []Change `json:"otherChanges"`    // ran then and now, and neither broken nor honored by the change
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
		lines = append(lines, "the baseline has a run of "+run+", but this report has none")
	}
	return lines
}

// Change is one outcome that changed.
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

// ByKind are the changes by their kind, in the order of reports.
func (c *Changes) ByKind() []ChangesOfKind {
	return []ChangesOfKind{
		{"newly broken", c.Broken}, {"newly honored", c.Honored}, {"newly documented", c.Documented},
		{"newly run", c.Ran}, {"no longer run", c.NotRun}, {"other changes", c.Other}, {"gone from the contract", c.Gone},
	}
}

// ChangesOfKind are the changes of one kind.
type ChangesOfKind struct {
	Kind    string // for people
	Changes []Change
}

// Since compares the report with the baseline.
func (r *Report) Since(baseline *Report) *Changes {
	c := &Changes{}
	for _, run := range r.Runs {
		if before := baseline.run(run.ID()); before != nil {
			c.compare(r.Entries(run), baseline.Entries(before))
			continue
		}
		c.NewRuns = append(c.NewRuns, run.ID())
		for _, e := range r.Entries(run) {
			switch change := (Change{Run: run.ID(), ID: e.ID, Is: e.Outcome}); {
			case e.Outcome == Engine:
				c.NotRun = append(c.NotRun, change)
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

// run returns the run of that id, nil if the report has none.
func (r *Report) run(id string) *Run {
	if at := slices.IndexFunc(r.Runs, func(run *Run) bool { return run.ID() == id }); at >= 0 {
		return r.Runs[at]
	}
	return nil
}

// compare adds the changes of a run that both reports have.
func (c *Changes) compare(now, baseline []Entry) {
	old := map[string]Outcome{}
	for _, e := range baseline {
		old[e.ID] = e.Outcome
	}
	for _, e := range now {
		was, had := old[e.ID]
		delete(old, e.ID)
		change := Change{Run: e.Run.ID(), ID: e.ID, Was: was, Is: e.Outcome}
		if !had && e.Check == nil {
			c.Documented = append(c.Documented, change)
		}
		switch before, now := had && was.ran(), e.Outcome.ran(); {
		case e.Outcome == Engine && !was.Fails(): // nobody's contract
			c.NotRun = append(c.NotRun, change)
		case e.Outcome.Fails() && (!was.Fails() || was == Engine && e.Outcome != Engine):
			c.Broken = append(c.Broken, change)
		case !had || was == e.Outcome:
		case now && !before:
			c.Ran = append(c.Ran, change)
		case before && !now:
			c.NotRun = append(c.NotRun, change)
		case e.Outcome.Passes() && !was.Passes():
			c.Honored = append(c.Honored, change)
		case now:
			c.Other = append(c.Other, change)
		}
	}
	for _, e := range baseline {
		if was, left := old[e.ID]; left && e.Check == nil {
			c.Gone = append(c.Gone, Change{Run: e.Run.ID(), ID: e.ID, Was: was})
		}
	}
}
