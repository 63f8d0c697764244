package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/learncontract/learncontract/matchers/exchange"
)

// RunReport is a report that was read from a file.
type RunReport struct {
	*Report
	File string
}

// ReadFolder reads the run reports that suites have written into the folder, or below it; it may be a link to one. A JSON
// file that is no run report is an error.
func ReadFolder(folder string) (reports []RunReport, err error) {
	info, err := os.Stat(folder)
	root := folder
	if err == nil {
		root, err = filepath.EvalSymlinks(folder) // walking follows no link
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: there is no such folder: a suite's --report flag makes it, unless the suite did not compile",
			folder)
	case err != nil:
		return nil, fmt.Errorf("%s cannot be read: %w: give a folder that a suite's --report flag wrote", folder,
			withoutPath(err))
	case !info.IsDir():
		return nil, fmt.Errorf("%s is a file: give the folder that contains it", folder)
	}
	walk := func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("%s cannot be read: %w: make it readable, or give another folder", file, withoutPath(err))
		}
		if entry.IsDir() || filepath.Ext(file) != ".json" {
			return nil
		}
		r, err := Read(file)
		if errors.Is(err, ErrNoReport) {
			err = fmt.Errorf("%w: give --report a folder of its own", err)
		}
		reports = append(reports, RunReport{Report: r, File: file})
		return err
	}
	if err := filepath.WalkDir(root, walk); err != nil {
		return nil, err
	}
	if len(reports) == 0 {
		return nil, fmt.Errorf("%s contains no run report: give a folder that a suite's --report flag wrote", folder)
	}
	return reports, nil
}

// writeAgain is how to fix a file that is an incomplete report.
const writeAgain = "write it again, with a suite's --report flag or with contract report --json"

// ErrNoReport is the error of a file that is no report at all.
var ErrNoReport = errors.New("is not a report")

// Read reads a report from a file that WriteJSON or Write has written. The error names the file, and wraps ErrNoReport if
// that is no report at all.
func Read(file string) (*Report, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w: give a readable file", file, withoutPath(err))
	}
	var r Report
	err = json.Unmarshal(text, &r)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax) && syntax.Error() == "unexpected end of JSON input": // which has no other name
		return nil, fmt.Errorf("%s is cut off: %s", file, writeAgain)
	case err != nil || r.Version == 0:
		return nil, fmt.Errorf("%s %w", file, ErrNoReport)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	r.Scrub(exchange.Safe) // whoever has written it
	return &r, nil
}

// check returns what keeps the writers from understanding the report. It does not validate it by the schema.
func (r *Report) check() error {
	if r.Version != Version {
		return fmt.Errorf("its version is %d, this command reads %d: write it with suites of the command's module version",
			r.Version, Version)
	}
	if slices.Contains(r.Contracts, nil) || slices.Contains(r.Runs, nil) {
		return errors.New("a contract or a run is null: " + writeAgain)
	}
	if len(r.Contracts) == 0 || len(r.Runs) == 0 {
		return errors.New("it has no contract or no run: run the suite again")
	}
	for _, c := range r.Contracts {
		if slices.Contains(c.Clauses, nil) {
			return errors.New("a clause is null: " + writeAgain)
		}
	}
	for _, run := range r.Runs {
		c := r.contract(run.Provider)
		if c == nil {
			return fmt.Errorf("the contract of the run %s is missing: %s", run.ID(), writeAgain)
		}
		if slices.Contains(run.Results, nil) || slices.Contains(run.ExtraChecks, nil) || slices.Contains(run.Errata, nil) {
			return fmt.Errorf("a result of the run %s is null: %s", run.ID(), writeAgain)
		}
		same := func(result *Result, clause *Clause) bool { return result.Clause == clause.ID }
		if !slices.EqualFunc(run.Results, c.Clauses, same) {
			return fmt.Errorf("the run %s does not have a result for each clause of the contract, in its order: %s",
				run.ID(), writeAgain)
		}
		for _, e := range r.Entries(run) {
			if e.Outcome.rank() < 0 || e.Reason == "" {
				return fmt.Errorf("in the run %s %s has the outcome %q and the reason %q: an outcome is one of %q, "+
					"and has a reason: %s", run.ID(), e.ID, e.Outcome, e.Reason, Outcomes(), writeAgain)
			}
		}
	}
	return nil
}

// Merge is the report of all run reports. Where two have the same clause, client, transport and tenant, the one with a
// response counts: not one that did not run, and not an engine error, which says nothing of the clause. An engine error
// counts if no run report has a response. Of two responses the worse counts, and if one passes and one fails,
// Disagreements has it. Two of different states of a contract are an error.
func Merge(reports []RunReport) (*Report, error) {
	merged := &Report{Version: Version}
	contracts, runs := map[string]RunReport{}, map[string]RunReport{}
	for _, p := range reports {
		merged.Disagreements = append(merged.Disagreements, p.Disagreements...)
		for _, c := range p.Contracts {
			first, has := contracts[c.Provider]
			if !has {
				contracts[c.Provider] = p
				merged.Contracts = append(merged.Contracts, c)
			} else if !reflect.DeepEqual(first.contract(c.Provider), c) {
				return nil, fmt.Errorf("%s and %s were checked against different states of the contract of %s: "+
					"run both with the same module version", first.File, p.File, c.Provider)
			}
		}
		for _, run := range p.Runs {
			first, has := runs[run.ID()]
			if !has {
				runs[run.ID()] = RunReport{Report: &Report{Runs: []*Run{run}}, File: p.File}
				merged.Runs = append(merged.Runs, run)
				continue
			}
			merged.Disagreements = append(merged.Disagreements, first.Runs[0].merge(run, first.File, p.File)...)
		}
	}
	merged.sort()
	return merged, nil
}

// sort makes the report independent of the order of the run reports.
func (r *Report) sort() {
	slices.SortStableFunc(r.Contracts, func(a, b *Contract) int { return cmp.Compare(a.Provider, b.Provider) })
	slices.SortStableFunc(r.Runs, func(a, b *Run) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Client.Name, b.Client.Name),
			slices.Index(transports, a.Transport)-slices.Index(transports, b.Transport), cmp.Compare(a.Tenant, b.Tenant))
	})
	for _, run := range r.Runs {
		slices.SortStableFunc(run.ExtraChecks, func(a, b *Check) int {
			return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
		})
	}
}

// merge adds another report of the run, and returns where the two disagree.
func (r *Run) merge(other *Run, file, otherFile string) (disagreements []string) {
	disagree := func(what string, a, b Outcome) {
		disagreements = append(disagreements, fmt.Sprintf("%s, %s: %s in %s, %s in %s; the worse counts",
			r.ID(), what, a.Label(), file, b.Label(), otherFile))
	}
	for i, result := range r.Results {
		better, disagrees := choose(result, other.Results[i])
		if disagrees {
			disagree(result.Clause, result.Outcome, other.Results[i].Outcome)
		}
		r.Results[i] = better
	}
	for _, check := range other.ExtraChecks {
		at := slices.IndexFunc(r.ExtraChecks, func(c *Check) bool { return c.ID == check.ID })
		if at < 0 {
			r.ExtraChecks = append(r.ExtraChecks, check)
			continue
		}
		better, disagrees := choose(&r.ExtraChecks[at].Result, &check.Result)
		if disagrees {
			disagree(check.ID, r.ExtraChecks[at].Outcome, check.Outcome)
		}
		if better == &check.Result {
			r.ExtraChecks[at] = check
		}
	}
	end := func(r *Run) float64 { return float64(r.Start.Unix()) + r.Seconds }
	first, last := r, max(end(r), end(other))
	if other.Start.Before(r.Start) {
		first = other
	}
	r.Start, r.Seconds = first.Start, max(last-float64(first.Start.Unix()), r.Seconds, other.Seconds)
	r.Requests += other.Requests
	r.Strict = r.Strict && other.Strict
	if r.Selection != other.Selection {
		r.Selection = ""
	}
	r.Rerun = cmp.Or(r.Rerun, other.Rerun)
	maps.Copy(r.Versions, other.Versions)
	for _, problem := range other.Problems {
		if !slices.Contains(r.Problems, problem) {
			r.Problems = append(r.Problems, problem)
		}
	}
	if r.LeftOut != other.LeftOut {
		r.LeftOut = strings.Trim(r.LeftOut+"; "+other.LeftOut, "; ")
	}
	if !slices.ContainsFunc(r.Results, func(r *Result) bool { return r.Outcome == NotRun }) {
		r.LeftOut = ""
	}
	r.recount(other.Errata)
	return disagreements
}

// recount adds the other report's errata, and counts again what matches each.
func (r *Run) recount(others []*KnownErratum) {
	for _, known := range others {
		if !slices.ContainsFunc(r.Errata, func(k *KnownErratum) bool { return k.Place == known.Place }) {
			r.Errata = append(r.Errata, known)
		}
	}
	for _, known := range r.Errata {
		known.Covers = 0
		for _, result := range r.Results {
			if known.Case == "" && slices.Contains(result.Errata, known.Place) {
				known.Covers++
			}
		}
		for _, check := range r.ExtraChecks {
			if known.Case != "" && slices.Contains(check.Errata, known.Place) {
				known.Covers++
			}
		}
	}
}

// choose returns which of two results counts, and whether one passes and one fails.
func choose(a, b *Result) (chosen *Result, disagree bool) {
	better := cmp.Or(
		cmp.Compare(b.weight(), a.weight()),
		cmp.Compare(a.Outcome.rank(), b.Outcome.rank()),
		cmp.Compare(b.Ran, a.Ran), // of its wordings
	)
	disagree = a.weight() == responded && b.weight() == responded &&
		(a.Outcome.Passes() && b.Outcome.Fails() || a.Outcome.Fails() && b.Outcome.Passes())
	if better > 0 {
		return b, disagree
	}
	return a, disagree
}

// How much a result says, the least first.
const (
	notRun    = iota
	ranInPart // some of its wordings
	engineFailed
	responded // whatever it came to
)

func (r *Result) weight() int {
	switch {
	case r.Outcome == Engine:
		return engineFailed
	case r.Outcome.ran():
		return responded
	case r.Ran > 0:
		return ranInPart
	}
	return notRun
}
