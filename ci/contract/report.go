package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/report"
	"github.com/learncontract/learncontract/suites/report/page"
)

// errFails is the error of a report with an outcome that --fail-on names, or of a tenant that lacks something: the exit status says so,
// and no further text does.
var errFails = errors.New("what was looked at fails")

// newlyBroken is the word of --fail-on for what was not broken in the baseline, and noFailure the one for nothing.
const (
	newlyBroken = "newly-broken"
	noFailure   = "none"
)

// writer writes a report in one format to the file that its flag names.
type writer struct {
	flag, usage string
	write       func(io.Writer, *report.Report) error
}

var writers = []writer{
	{"html", "write one self-contained HTML `file` for people", page.Write},
	{"markdown", "write a Markdown `file` for a job's summary", method((*report.Report).WriteMarkdown)},
	{"junit", "write a JUnit `file` for the CI system", func(w io.Writer, r *report.Report) error { return r.WriteJUnit(w, checkedOut) }},
	{"json", "write the merged report as a JSON `file`, which can be a --baseline", method((*report.Report).WriteJSON)},
}

// method makes a method of a report the function of a writer.
func method(write func(*report.Report, io.Writer) error) func(io.Writer, *report.Report) error {
	return func(w io.Writer, r *report.Report) error { return write(r, w) }
}

func reportCommand() *cobra.Command {
	var baseline string
	var failOn []string
	var annotations, printSchema bool
	var defaults []string
	for _, o := range report.Failing() {
		defaults = append(defaults, string(o))
	}
	cmd := &cobra.Command{
		Use:   "report FOLDER…",
		Short: "Merge the run reports of the suites, and write them for people and pipelines",
		Long: "report reads the run reports that the suites' flag --report has written into the folders, also those of parallel and\n" +
			"sharded runs, and merges them. If two have a result for the same clause, client, transport and tenant, a received\n" +
			"response counts before an engine error, and that before a clause that was not run. Of two responses the worse counts;\n" +
			"if one passes and one fails, the report says that they disagree. report prints each run as the suites do, and last\n" +
			"what failed, and writes the files of its flags, all or none. The file - is standard output, which then contains nothing\n" +
			"else.\n\n" +
			"Exit status: 0; 1 if the report has an outcome of --fail-on or, if --fail-on has engine or " + newlyBroken + ", a run whose\n" +
			"set-up failed or run reports that disagree; 2 if the command could not run. --fail-on takes " + noFailure + ", outcomes, and\n" +
			newlyBroken + " for what fails and did not in the baseline, and for clauses and runs that are not run any more.\n" +
			"The outcomes are\n  " + strings.Join(outcomes(), ", "),
		Example: "  go tool ginkgo run ./suites/graph ./suites/classroom -- --report out\n" +
			"  go tool contract report out --html report.html --junit junit.xml\n" +
			"  go tool contract report out --markdown \"$GITHUB_STEP_SUMMARY\" --annotations\n" +
			"  go tool contract report out --baseline main.json --fail-on " + newlyBroken,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 && !printSchema {
				return errors.New("report needs a folder: give one that a suite's --report flag wrote")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if printSchema {
				_, err := cmd.OutOrStdout().Write(report.Schema())
				return err
			}
			if err := checkFailOn(failOn, baseline); err != nil {
				return err
			}
			merged, err := mergeFolders(args)
			if err != nil {
				return err
			}
			if baseline != "" {
				before, err := report.Read(baseline)
				switch {
				case errors.Is(err, fs.ErrNotExist):
					return fmt.Errorf("--baseline: there is no file %s: contract report --json writes one", baseline)
				case errors.Is(err, report.ErrNoReport):
					return fmt.Errorf("--baseline: %w: give a file that contract report --json has written", err)
				case err != nil:
					return fmt.Errorf("--baseline: %w", err)
				}
				merged.Changes = merged.Since(before)
			}
			if err := writeReport(cmd, merged, annotations); err != nil {
				return err
			}
			if fails(merged, failOn) {
				return errFails
			}
			return nil
		},
	}
	for _, w := range writers {
		cmd.Flags().String(w.flag, "", w.usage)
	}
	cmd.Flags().BoolVar(&annotations, "annotations", false, "print GitHub's annotations, at the clauses' lines if their file is checked out")
	cmd.Flags().StringVar(&baseline, "baseline", "", "an earlier report's JSON `file`: print what has changed since")
	cmd.Flags().StringSliceVar(&failOn, "fail-on", defaults, "the `outcomes` that make the exit status 1")
	cmd.Flags().BoolVar(&printSchema, "schema", false, "print only the JSON Schema of a report")
	choices := cobra.FixedCompletions(failOnChoices(), cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc("fail-on", choices); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}

// failOnChoices returns the values that --fail-on takes.
func failOnChoices() []string { return append(outcomes(), newlyBroken, noFailure) }

// outcomes returns all outcomes.
func outcomes() (all []string) {
	for _, o := range report.Outcomes() {
		all = append(all, string(o))
	}
	return all
}

func checkFailOn(failOn []string, baseline string) error {
	if len(failOn) == 0 {
		return fmt.Errorf("--fail-on is empty: give outcomes, or %s", noFailure)
	}
	for _, o := range failOn {
		if choices := failOnChoices(); !slices.Contains(choices, o) {
			return fmt.Errorf("--fail-on has %q: use %s", o, joinOr(choices))
		}
	}
	if slices.Contains(failOn, noFailure) && len(failOn) > 1 {
		return fmt.Errorf("--fail-on has %s and others: give only one of the two", noFailure)
	}
	if slices.Contains(failOn, newlyBroken) && baseline == "" {
		return fmt.Errorf("--fail-on %s needs --baseline FILE, the report to compare with", newlyBroken)
	}
	return nil
}

// mergeFolders merges the run reports of the folders, each once: a folder may be given twice, or be in another.
func mergeFolders(folders []string) (*report.Report, error) {
	var runs []report.RunReport
	read := map[string]bool{}
	for _, folder := range folders {
		found, err := report.ReadFolder(folder)
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			file, err := filepath.Abs(r.File)
			if err != nil {
				return nil, err
			}
			if !read[file] {
				runs = append(runs, r)
			}
			read[file] = true
		}
	}
	return report.Merge(runs)
}

// writeReport writes the files of the flags, all or none. Then it prints each run and the names of the files, unless one of
// the flags names standard output.
func writeReport(cmd *cobra.Command, r *report.Report, annotations bool) error {
	var outputs []output
	var printed bytes.Buffer
	defer func() { closeAll(outputs) }()
	flags := map[string]string{} // by the file they name
	for _, w := range writers {
		file := cmd.Flags().Lookup(w.flag).Value.String()
		switch other, taken := flags[filepath.Clean(file)]; {
		case file == "" && cmd.Flags().Changed(w.flag):
			return fmt.Errorf("--%s is empty: give a file, or - for standard output", w.flag)
		case file == "":
			continue
		case taken && file == "-":
			return fmt.Errorf("--%s and --%s are both standard output: give a file for one of them", other, w.flag)
		case taken:
			return fmt.Errorf("--%s and --%s are both %s: give another file for one of them", other, w.flag, file)
		}
		flags[filepath.Clean(file)] = w.flag
		var text bytes.Buffer
		if err := w.write(&text, r); err != nil {
			return fmt.Errorf("--%s: %w", w.flag, err)
		}
		if file == "-" {
			printed = text
			continue
		}
		o, err := outputTo(file, text.Bytes())
		if err != nil {
			return fmt.Errorf("--%s: %w", w.flag, err)
		}
		outputs = append(outputs, o)
	}
	if err := writeAll(outputs); err != nil {
		return err
	}
	if _, taken := flags["-"]; taken {
		_, err := printed.WriteTo(cmd.OutOrStdout())
		return err
	}
	if err := printRuns(cmd.OutOrStdout(), r, annotations); err != nil {
		return err
	}
	for _, o := range outputs {
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "wrote %s\n", o); err != nil {
			return err
		}
	}
	return nil
}

// printRuns prints what each run covered, where run reports disagree, what changed, why runs failed, and the annotations.
func printRuns(w io.Writer, r *report.Report, annotations bool) error {
	var text bytes.Buffer // writing to it cannot fail
	file, _ := w.(*os.File)
	console := report.Console{Colour: report.IsTerminal(file)}
	for _, run := range r.Runs {
		_ = console.WriteCoverage(&text, r, run)
	}
	for _, disagreement := range r.Disagreements {
		fmt.Fprintf(&text, "disagreement: %s\n", exchange.Safe(disagreement))
	}
	if r.Changes != nil {
		for _, run := range r.Changes.Runs() {
			fmt.Fprintf(&text, "%s\n", exchange.Safe(run))
		}
		for _, kind := range r.Changes.ByKind() {
			for _, change := range kind.Changes {
				fmt.Fprintf(&text, "%s: %s\n", kind.Kind, exchange.Safe(change.String()))
			}
		}
	}
	for _, run := range r.Runs {
		_ = console.WriteCauses(&text, r, run)
	}
	fmt.Fprintf(&text, "\n%s\n", r.Headline())
	if annotations {
		_ = r.WriteAnnotations(&text, checkedOut)
	}
	_, err := text.WriteTo(w)
	return err
}

// checkedOut reports whether the checked-out repository has the file. GitHub can show no line of a module that the repository
// only requires.
func checkedOut(file string) bool {
	if !filepath.IsLocal(file) {
		return false
	}
	info, err := os.Stat(filepath.Join(os.Getenv("GITHUB_WORKSPACE"), file))
	return err == nil && info.Mode().IsRegular()
}

// fails reports whether the report has what --fail-on names. A failed set-up and run reports that disagree are engine errors.
// They are newly broken, too, and so are clauses and runs that are not run any more: nobody knows whether they are still
// honored.
func fails(r *report.Report, failOn []string) bool {
	has := func(o report.Outcome) bool { return slices.Contains(failOn, string(o)) }
	newly := slices.Contains(failOn, newlyBroken)
	failed := func(run *report.Run) bool { return len(run.Problems) > 0 }
	if (newly || has(report.Engine)) && (len(r.Disagreements) > 0 || slices.ContainsFunc(r.Runs, failed)) {
		return true
	}
	if newly && len(r.Changes.Broken)+len(r.Changes.NotRun)+len(r.Changes.GoneRuns) > 0 {
		return true
	}
	return slices.ContainsFunc(r.All(), func(e report.Entry) bool { return has(e.Outcome) })
}
