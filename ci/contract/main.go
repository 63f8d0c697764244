// The contract command is what a pipeline and its reader ask of the documented error contract: list and show print it;
// drift tells how the documentation differs from it, and import generates the generated part again; plan says what a
// live run would ask, and sweep removes what one has left; export writes it for other tools, and serve answers as it
// documents; report merges what runs of the suites have kept, and writes it for people and pipelines.
//
//	go tool contract list [classroom|graph] [--action create] [--status 403] [--look-alikes] [--json]
//	go tool contract show CLAUSE [--json]
//	go tool contract drift graph PAGE… [--json]
//	go tool contract drift classroom [--page PAGE] [--discovery FILE] [--json]
//	go tool contract import classroom [--discovery FILE] [--remove]
//	go tool contract plan [classroom|graph] --sandbox FILE [--provoke CLASSES]
//	go tool contract sweep [classroom|graph] --sandbox FILE
//	go tool contract export openapi|wiremock [classroom|graph] --out DIR
//	go tool contract serve [classroom|graph] [--address HOST:PORT]
//	go tool contract report FOLDER… [--html FILE] [--markdown FILE] [--junit FILE] [--json FILE] [--annotations]
//	    [--baseline FILE] [--fail-on OUTCOMES]
//	go tool contract list|drift|report --schema
//
// What --json prints has the schema clauses.schema.json, printed by list --schema, drift.schema.json, printed by drift
// --schema, or report.schema.json, printed by report --schema. The exit status is 0, 1 where there is drift or a report
// fails, or 2 where the command could not run; then standard error says why, and how to mend it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/report"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the command, and returns its exit status.
func run(args []string, stdout, stderr io.Writer) int {
	root := &cobra.Command{
		Use:   "contract",
		Short: "The documented error contract of Microsoft Graph's learningCourseActivity and of Google Classroom",
		Long: "contract prints the documented errors of Microsoft Graph's learningCourseActivity and of Google Classroom:\n" +
			"what each operation answers, when, in which words, where the documentation says so, and what to do about it.\n" +
			"It tells how the documentation has drifted from them, what a live run would ask and has left, answers as\n" +
			"documented or writes them for other tools that do, and merges what runs of the suites have kept into a report.\n\n" +
			"Exit status: 0, 1 where drift finds a difference or a report fails, or 2 where it could not run.\n\n" +
			"Completion needs the command on the path: go install ./ci/contract, and contract completion --help.",
		Example: "  go tool contract list graph\n  go tool contract show graph.update.learner-license\n" +
			"  go tool contract drift classroom\n  go tool contract serve\n  go tool contract report out --html report.html",
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "go tool contract"},
		SilenceUsage:  true,
		SilenceErrors: true,
		// Args and RunE are here for the error: cobra's own, with its suggestions, has several lines.
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q: use list, show, drift, import, plan, sweep, export, serve or report", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w: %s --help lists the flags", err, cmd.CommandPath())
	})
	root.AddCommand(listCommand(), showCommand(), driftCommand(), importCommand(), planCommand(), sweepCommand(), exportCommand(), serveCommand(), reportCommand())
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := root.ExecuteContext(ctx); errors.Is(err, errDrift) || errors.Is(err, errFails) {
		return 1
	} else if err != nil {
		_, _ = fmt.Fprintln(stderr, "contract:", report.EscapeLogCommands(err.Error())) // there is nowhere else to say it
		return 2
	}
	return 0
}

// load loads the contract of the provider that args names, or of all where it names none.
func load(args []string) ([]*fixtures.Contract, error) {
	providers := fixtures.Providers()
	if len(args) > 0 {
		if !slices.Contains(providers, args[0]) {
			return nil, fmt.Errorf("unknown provider %q: use %s, or none for all", args[0], or(providers))
		}
		providers = args
	}
	var contracts []*fixtures.Contract
	for _, provider := range providers {
		c, err := fixtures.Load(provider)
		if err != nil {
			return nil, err
		}
		contracts = append(contracts, c)
	}
	return contracts, nil
}

// clauses are the clauses of all contracts, in their order.
func clauses(contracts []*fixtures.Contract) (all []*fixtures.Clause) {
	for _, c := range contracts {
		all = slices.AppendSeq(all, c.Clauses())
	}
	return all
}

// or lists choices in a sentence: "a, b or c".
func or(choices []string) string {
	last := len(choices) - 1
	if last < 1 {
		return strings.Join(choices, "")
	}
	return strings.Join(choices[:last], ", ") + " or " + choices[last]
}
