// The contract command gives pipelines and people the documented error contract: list and show print it; drift compares the
// documentation with it, and import regenerates its generated part; plan prints what a live run would call, and sweep
// lists and removes what a killed run left behind; export writes the contract for other tools, and serve responds as it documents;
// report merges the run reports of the suites and writes them for people and pipelines.
//
//	go tool contract list [classroom|graph] [--action create] [--status 403] [--look-alikes] [--json]
//	go tool contract show CLAUSE [--json]
//	go tool contract drift PROVIDER [PAGE…] [--discovery FILE] [--fail-on WEIGHT] [--json]
//	go tool contract import PROVIDER [--discovery FILE] [--remove]
//	go tool contract plan [classroom|graph] --sandbox FILE [--provoke CLASSES]
//	go tool contract sweep [classroom|graph] --sandbox FILE [--yes]
//	go tool contract export openapi|wiremock [classroom|graph] --out DIR
//	go tool contract serve [classroom|graph] [--address HOST:PORT]
//	go tool contract report FOLDER… [--html FILE] [--markdown FILE] [--junit FILE] [--json FILE] [--annotations]
//	    [--baseline FILE] [--fail-on OUTCOMES]
//	go tool contract list|drift|report --schema
//	go tool contract --version
//
// --schema prints the JSON Schema of what --json prints. The exit status is 0, 1 if there is drift or a report fails, or 2 if
// the command could not run; then standard error says why, and how to fix it.
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
	"github.com/learncontract/learncontract/matchers/exchange"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run runs the command and returns its exit status.
func run(args []string, stdout, stderr io.Writer) int {
	root := &cobra.Command{
		Use:   "contract",
		Short: "The documented error contract of Microsoft Graph's learningCourseActivity and of Google Classroom",
		Long: "contract prints the documented errors of Microsoft Graph's learningCourseActivity and of Google Classroom:\n" +
			"the status, code and message of each, when it occurs, where the documentation says so, and what to do about it.\n" +
			"It also compares them with the documentation of today, plans and cleans up live runs, serves the errors or exports\n" +
			"them for other tools, and merges the run reports of the suites.\n\n" +
			"Exit status: 0, 1 if drift finds a difference or a report fails, or 2 if the command could not run.\n\n" +
			"Completion needs the command on the path: run go install ./ci/contract, then contract completion --help.",
		Example: "  go tool contract list graph\n  go tool contract show graph.update.learner-license\n" +
			"  go tool contract drift classroom\n  go tool contract serve\n  go tool contract report out --html report.html",
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "go tool contract"},
		Version:       version(buildInfo()),
		SilenceUsage:  true,
		SilenceErrors: true,
		// Args and RunE replace cobra's own error, which has several lines.
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q: use list, show, drift, import, plan, doctor, sweep, export, serve or report", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w: %s --help lists the flags", err, cmd.CommandPath())
	})
	root.SetVersionTemplate("contract {{.Version}}\n")
	root.AddCommand(listCommand(), showCommand(), driftCommand(), importCommand(), planCommand(), doctorCommand(), sweepCommand(),
		exportCommand(), serveCommand(), reportCommand())
	checkHelp(root)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := root.ExecuteContext(ctx); errors.Is(err, errDrift) || errors.Is(err, errFails) {
		return 1
	} else if err != nil {
		_, _ = fmt.Fprintln(stderr, "contract:", exchange.Safe(err.Error())) // an error here has no other place to go
		return 2
	}
	return 0
}

// checkHelp makes "contract help nope" an error, as "contract nope" is.
func checkHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	help, _, _ := root.Find([]string{"help"}) // the line above has added it
	help.Run = nil
	help.RunE = func(_ *cobra.Command, args []string) error {
		cmd, rest, err := root.Find(args)
		if err == nil && cmd.HasSubCommands() {
			err = cmd.ValidateArgs(rest)
		}
		if err != nil {
			return err
		}
		cmd.InitDefaultHelpFlag()
		cmd.InitDefaultVersionFlag()
		return cmd.Help()
	}
}

// takeProvider has a command take the name of a provider, or none for all.
func takeProvider(cmd *cobra.Command) {
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return fmt.Errorf("%s was given %d providers: use %s, or none for all", cmd.Name(), len(args), joinOr(fixtures.Providers()))
		}
		return nil
	}
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return fixtures.Providers(), cobra.ShellCompDirectiveNoFileComp
	}
}

// load loads the contract of the provider that args names, or of all if it names none.
func load(args []string) ([]*fixtures.Contract, error) {
	providers := fixtures.Providers()
	if len(args) > 0 {
		if !slices.Contains(providers, args[0]) {
			return nil, fmt.Errorf("unknown provider %q: use %s", args[0], joinOr(providers))
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

// clauses returns the clauses of all contracts, in their order.
func clauses(contracts []*fixtures.Contract) (all []*fixtures.Clause) {
	for _, c := range contracts {
		all = slices.AppendSeq(all, c.Clauses())
	}
	return all
}

// joinOr joins choices as a sentence has them: "a, b or c".
func joinOr(choices []string) string {
	last := len(choices) - 1
	if last < 1 {
		return strings.Join(choices, "")
	}
	return strings.Join(choices[:last], ", ") + " or " + choices[last]
}
