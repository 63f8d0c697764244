package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Entry is one outcome of a run, of a clause or of a check, as every writer lists it.
type Entry struct {
	*Result
	Run        *Run
	Documented *Clause // nil if it is of none
	Check      *Check  // nil if it is of a clause's documented failure
	ID         string
	Title      string // a sentence
	Action     string
}

// Entries are all outcomes of a run: those of the clauses in the contract's order, then those of the checks.
func (r *Report) Entries(run *Run) []Entry {
	contract, clauses := r.contract(run.Provider), map[string]*Clause{}
	if contract != nil {
		for _, clause := range contract.Clauses {
			clauses[clause.ID] = clause
		}
	}
	var list []Entry
	for _, result := range run.Results {
		clause := clauses[result.Clause]
		e := Entry{Result: result, Run: run, Documented: clause, ID: result.Clause}
		if clause != nil {
			e.Title, e.Action = clause.Title, clause.Action
		}
		list = append(list, e)
	}
	for _, check := range run.ExtraChecks {
		list = append(list, Entry{
			Result: &check.Result, Run: run, Documented: clauses[check.Clause], Check: check,
			ID: check.ID, Title: check.Title, Action: check.Action,
		})
	}
	return list
}

// All are the entries of all runs.
func (r *Report) All() (list []Entry) {
	for _, run := range r.Runs {
		list = append(list, r.Entries(run)...)
	}
	return list
}

// Cause is why entries of one run came to an outcome: they have the same reason.
type Cause struct {
	Outcome Outcome
	Reason  string
	Entries []Entry // at least one
}

// Causes groups the failing entries of the runs by their cause, the worst outcome first, then the cause with the most entries.
func (r *Report) Causes(runs ...*Run) (causes []Cause) {
	for _, run := range runs {
		failed := slices.DeleteFunc(r.Entries(run), func(e Entry) bool { return !e.Outcome.Fails() })
		causes = append(causes, groupBy(failed, func(e Entry) string { return e.Reason })...)
	}
	sortCauses(causes)
	return causes
}

// groupBy groups entries of one run that have an outcome and a reason in common.
func groupBy(list []Entry, reason func(Entry) string) (groups []Cause) {
	type key struct {
		outcome Outcome
		reason  string
	}
	places := map[key]int{}
	for _, e := range list {
		k := key{e.Outcome, reason(e)}
		i, found := places[k]
		if !found {
			i = len(groups)
			places[k] = i
			groups = append(groups, Cause{Outcome: k.outcome, Reason: k.reason})
		}
		groups[i].Entries = append(groups[i].Entries, e)
	}
	sortCauses(groups)
	return groups
}

func sortCauses(causes []Cause) {
	slices.SortStableFunc(causes, func(a, b Cause) int {
		return cmp.Or(a.Outcome.rank()-b.Outcome.rank(), len(b.Entries)-len(a.Entries))
	})
}

// Rerun is the command line that runs the first clause of the cause again; empty if its run has none, or it has no clause.
func (c Cause) Rerun() string {
	for _, e := range c.Entries {
		if e.Clause != "" {
			return strings.ReplaceAll(e.Run.Rerun, "{clause}", e.Clause)
		}
	}
	return ""
}

// Count is how many clauses and extra checks the cause has: "3 clauses, 1 extra check".
func (c Cause) Count() string {
	checks := countIf(c.Entries, func(e Entry) bool { return e.Check != nil })
	var parts []string
	if clauses := len(c.Entries) - checks; clauses > 0 {
		parts = append(parts, plural(clauses, "clause"))
	}
	if checks > 0 {
		parts = append(parts, plural(checks, "extra check"))
	}
	return strings.Join(parts, ", ")
}

// firstIDs are the ids of at most three entries: "a, b, c and 2 more".
func (c Cause) firstIDs() string {
	const most = 3
	var ids []string
	for _, e := range c.Entries[:min(most, len(c.Entries))] {
		ids = append(ids, e.ID)
	}
	text := strings.Join(ids, ", ")
	if more := len(c.Entries) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func countIf[T any](list []T, is func(T) bool) (n int) {
	for _, item := range list {
		if is(item) {
			n++
		}
	}
	return n
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
