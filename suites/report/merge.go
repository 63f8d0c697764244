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
)

// ErrEmpty is the error of a folder without pieces.
var ErrEmpty = errors.New("no piece of a report is in it: give the folders that the suites' flag --report was given")

// RunReport is a report that was read from a file.
type RunReport struct {
	*Report
	File string
}

// ReadFolder reads the pieces that the suites have written into a folder, or below it, which may be one that is linked
// to. A JSON file that is none is an error.
func ReadFolder(folder string) (pieces []RunReport, err error) {
	root, err := filepath.EvalSymlinks(folder) // walking follows no link
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: there is no such folder: a suite's flag --report makes it, "+
			"but not where the suite did not compile", folder)
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w: give a folder that the suites' flag --report was given", folder, err)
	}
	if info, err := os.Stat(root); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("%s is no folder: give the one it is in", folder)
	}
	walk := func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("%s cannot be read: %w: let it be read, or give another folder", file, err)
		}
		if entry.IsDir() || filepath.Ext(file) != ".json" {
			return nil
		}
		r, err := Read(file)
		if errors.Is(err, ErrOther) {
			err = fmt.Errorf("%w: give --report a folder of its own", err)
		}
		pieces = append(pieces, RunReport{Report: r, File: file})
		return err
	}
	if err := filepath.WalkDir(root, walk); err != nil {
		return nil, err
	}
	if len(pieces) == 0 {
		return nil, fmt.Errorf("%s: %w", folder, ErrEmpty)
	}
	return pieces, nil
}

// again is how a file that is no whole report is mended.
const again = "write it again, by a suite's flag --report or by contract report --json"

// ErrOther is the error of a file that is no report at all.
var ErrOther = errors.New("is no report")

// Read reads a report from a file that WriteJSON or Write has written. The error names the file, and has ErrOther in its
// chain where that is no report at all.
func Read(file string) (*Report, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w: give a file that can be", file, err)
	}
	var r Report
	err = json.Unmarshal(text, &r)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax) && syntax.Error() == "unexpected end of JSON input": // which has no other name
		return nil, fmt.Errorf("%s is cut off: %s", file, again)
	case err != nil || r.Version == 0:
		return nil, fmt.Errorf("%s %w", file, ErrOther)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &r, nil
}

// check tells what keeps the report from being understood. That it is as its schema says is for who wrote it.
func (r *Report) check() error {
	if r.Version != Version {
		return fmt.Errorf("it is no report of version %d, but of %d: write it with the suites that this command belongs to",
			Version, r.Version)
	}
	if slices.Contains(r.Contracts, nil) || slices.Contains(r.Runs, nil) {
		return errors.New("a contract or a run is null: " + again)
	}
	if len(r.Contracts) == 0 || len(r.Runs) == 0 {
		return errors.New("it has no contract or no run, and so says nothing: run the suite again")
	}
	for _, c := range r.Contracts {
		if slices.Contains(c.Clauses, nil) {
			return errors.New("a clause is null: " + again)
		}
	}
	for _, run := range r.Runs {
		c := r.contract(run.Provider)
		if c == nil {
			return fmt.Errorf("the contract of the run %s is missing: %s", run.ID(), again)
		}
		if slices.Contains(run.Results, nil) || slices.Contains(run.ExtraChecks, nil) || slices.Contains(run.Errata, nil) {
			return fmt.Errorf("a result of the run %s is null: %s", run.ID(), again)
		}
		same := func(result *Result, clause *Clause) bool { return result.Clause == clause.ID }
		if !slices.EqualFunc(run.Results, c.Clauses, same) {
			return fmt.Errorf("the run %s does not have a result for each clause of the contract, in its order: %s",
				run.ID(), again)
		}
		for _, e := range r.Entries(run) {
			if e.Outcome.rank() < 0 || e.Reason == "" {
				return fmt.Errorf("the run %s has %s as %q, because %q, and an outcome is one of %q, and has a reason: %s",
					run.ID(), e.ID, e.Outcome, e.Reason, Outcomes, again)
			}
		}
	}
	return nil
}

// Merge is the report of all pieces. Where two say something of the same clause, client, transport and tenant, the one
// that was answered counts: not one that did not ask, and not one whose engine failed, for that says nothing of the
// clause. An engine error counts where no piece has an answer. Of two answers the worse counts, and where one passes
// and one fails, Disagreements has it. That two pieces were held to different states of a contract is an error.
func Merge(pieces []RunReport) (*Report, error) {
	merged := &Report{Version: Version}
	contracts, runs := map[string]RunReport{}, map[string]RunReport{}
	for _, p := range pieces {
		merged.Disagreements = append(merged.Disagreements, p.Disagreements...)
		for _, c := range p.Contracts {
			first, has := contracts[c.Provider]
			if !has {
				contracts[c.Provider] = p
				merged.Contracts = append(merged.Contracts, c)
			} else if !reflect.DeepEqual(first.contract(c.Provider), c) {
				return nil, fmt.Errorf("%s and %s were held to different states of the contract of %s: run both with the same version",
					first.File, p.File, c.Provider)
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

// sort has the report the same, in whichever order its pieces were read.
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

// merge adds what another piece of the run says, and returns where the two disagree.
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

// recount has the errata of two pieces, and what of both bore them out.
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

// choose is what counts of two results of the same, and whether one passes and one fails.
func choose(a, b *Result) (chosen *Result, disagree bool) {
	better := cmp.Or(
		cmp.Compare(b.weight(), a.weight()),
		cmp.Compare(a.Outcome.rank(), b.Outcome.rank()),
		cmp.Compare(b.Ran, a.Ran), // of its wordings
	)
	disagree = a.weight() == answered && b.weight() == answered &&
		(a.Outcome.Passes() && b.Outcome.Fails() || a.Outcome.Fails() && b.Outcome.Passes())
	if better > 0 {
		return b, disagree
	}
	return a, disagree
}

// How much a result says of what it is of, the least first.
const (
	unasked  = iota
	inPart   // some of its wordings were asked
	faulty   // the engine failed
	answered // whatever it came to
)

func (r *Result) weight() int {
	switch {
	case r.Outcome == Engine:
		return faulty
	case wasRun(r.Outcome):
		return answered
	case r.Ran > 0:
		return inPart
	}
	return unasked
}
