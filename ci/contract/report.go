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

	"github.com/learncontract/learncontract/suites/report"
	"github.com/learncontract/learncontract/suites/report/page"
)

// errFails is the error of a report with an outcome that --fail-on names. The exit status says it, and no text.
var errFails = errors.New("the report has an outcome that fails")

// What --fail-on takes besides outcomes: what fails and did not in the baseline, and nothing.
const (
	newlyBroken = "newly-broken"
	noFailure   = "none"
)

// writer is a form in which a report is written to the file that its flag names.
type writer struct {
	flag, usage string
	write       func(io.Writer, *report.Report) error
}

var writers = []writer{
	{"html", "write one HTML `file` for people, which needs nothing else", page.Write},
	{"markdown", "write a Markdown `file` for a job's summary", to((*report.Report).WriteMarkdown)},
	{"junit", "write a JUnit `file` for the CI system", func(w io.Writer, r *report.Report) error {
		return r.WriteJUnit(w, checkedOut)
	}},
	{"json", "write the merged report as a JSON `file`, which may be a --baseline", to((*report.Report).WriteJSON)},
}

// to makes a writer's function of a method.
func to(method func(*report.Report, io.Writer) error) func(io.Writer, *report.Report) error {
	return func(w io.Writer, r *report.Report) error { return method(r, w) }
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
		Short: "Merge the reports of runs, and write them for people and pipelines",
		Long: "report reads the run reports that the suites' flag --report has written into the folders, those of parallel and sharded\n" +
			"runs too, and merges them. Where two have the same clause, client, transport and tenant, a response counts before an\n" +
			"engine error, and that before what did not run; of two responses the worse counts, and if one passes and one fails, the\n" +
			"disagreement is printed. It prints each run as the suites do, what failed last, and writes what the flags ask for, all of\n" +
			"it or nothing; - is standard output, which then has nothing else.\n\n" +
			"Exit status: 0; 1 if an outcome is one of --fail-on, or, if that has engine or " + newlyBroken + ", if a run's set-up\n" +
			"failed or two run reports disagree; 2 if it could not run. --fail-on takes the outcomes of the schema; " + newlyBroken + "\n" +
			"for what fails and did not in the baseline, and for clauses and runs that no longer run; or " + noFailure + ":\n  " +
			strings.Join(outcomes(), ", "),
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
					return fmt.Errorf("--baseline: %w: give what contract report --json has written", err)
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
	cmd.Flags().BoolVar(&annotations, "annotations", false,
		"print GitHub's annotations, at the clauses' lines if their file is checked out")
	cmd.Flags().StringVar(&baseline, "baseline", "", "an earlier report's JSON `file`: say what has changed since")
	cmd.Flags().StringSliceVar(&failOn, "fail-on", defaults, "the `outcomes` that make the exit status 1")
	cmd.Flags().BoolVar(&printSchema, "schema", false, "print the JSON Schema of a report, and nothing else")
	return cmd
}

// outcomes are all of them, as --fail-on has them.
func outcomes() (all []string) {
	for _, o := range report.Outcomes() {
		all = append(all, string(o))
	}
	return all
}

func checkFailOn(failOn []string, baseline string) error {
	if len(failOn) == 0 {
		return fmt.Errorf("--fail-on is empty: name what fails, or use %s for nothing", noFailure)
	}
	for _, o := range failOn {
		if choices := append(outcomes(), newlyBroken, noFailure); !slices.Contains(choices, o) {
			return fmt.Errorf("--fail-on has %q: use %s", o, or(choices))
		}
	}
	if slices.Contains(failOn, noFailure) && len(failOn) > 1 {
		return fmt.Errorf("--fail-on has %s and others: take one out", noFailure)
	}
	if slices.Contains(failOn, newlyBroken) && baseline == "" {
		return fmt.Errorf("--fail-on %s needs --baseline FILE, the report it is newly broken since", newlyBroken)
	}
	return nil
}

// mergeFolders merges the run reports of the folders, each once: a folder may be given twice, or be in another.
func mergeFolders(folders []string) (*report.Report, error) {
	var reports []report.RunReport
	read := map[string]bool{}
	for _, folder := range folders {
		found, err := report.ReadFolder(folder)
		if err != nil {
			return nil, err
		}
		for _, run := range found {
			file, err := filepath.Abs(run.File)
			if err != nil {
				return nil, err
			}
			if !read[file] {
				reports = append(reports, run)
			}
			read[file] = true
		}
	}
	return report.Merge(reports)
}

// writeReport writes what the flags ask for, and prints each run unless standard output is one of them. It writes all
// of it or nothing.
func writeReport(cmd *cobra.Command, r *report.Report, annotations bool) error {
	var outputs []output
	var printed bytes.Buffer
	defer func() {
		for _, o := range outputs {
			if o.root != nil {
				_ = o.root.Close() // its files were closed each by itself
			}
		}
	}()
	flags := map[string]string{} // by the file they name
	for _, w := range writers {
		file := cmd.Flags().Lookup(w.flag).Value.String()
		switch other, taken := flags[filepath.Clean(file)]; {
		case file == "" && cmd.Flags().Changed(w.flag):
			return fmt.Errorf("--%s is empty: give a file, or - for standard output", w.flag)
		case file == "":
			continue
		case taken && file == "-":
			return fmt.Errorf("--%s and --%s are both standard output: give one a file", other, w.flag)
		case taken:
			return fmt.Errorf("--%s and --%s are both %s: give one another file", other, w.flag, file)
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
	return printRuns(cmd.OutOrStdout(), r, annotations)
}

// printRuns prints what each run covered, where run reports disagree, what changed, why runs failed, and the annotations.
func printRuns(w io.Writer, r *report.Report, annotations bool) error {
	var text bytes.Buffer // takes everything: what is written to it has no error
	file, _ := w.(*os.File)
	console := report.Console{Colour: report.IsTerminal(file)}
	for _, run := range r.Runs {
		_ = console.WriteCoverage(&text, r, run)
	}
	for _, disagreement := range r.Disagreements {
		fmt.Fprintf(&text, "disagreement: %s\n", report.EscapeLogCommands(disagreement))
	}
	if r.Changes != nil {
		for _, run := range r.Changes.Runs() {
			fmt.Fprintf(&text, "%s\n", report.EscapeLogCommands(run))
		}
		for _, kind := range r.Changes.ByKind() {
			for _, change := range kind.Changes {
				fmt.Fprintf(&text, "%s: %s\n", kind.Kind, report.EscapeLogCommands(change.String()))
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

// checkedOut reports whether the repository that is checked out has the file: of a module that it only requires, GitHub
// could show no line.
func checkedOut(file string) bool {
	if !filepath.IsLocal(file) {
		return false
	}
	info, err := os.Stat(filepath.Join(os.Getenv("GITHUB_WORKSPACE"), file))
	return err == nil && info.Mode().IsRegular()
}

// fails reports whether the report has what --fail-on names. A set-up that failed, and run reports that disagree, are engine
// errors. They are newly broken, too, as are clauses and runs that no longer run: nobody knows whether they are honored.
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
