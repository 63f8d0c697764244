package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/learncontract/learncontract/suites/live"
)

// tenantFlags are the flags of the commands about a sandbox tenant.
type tenantFlags struct {
	sandbox string
	provoke []string
	options live.Options
}

func (f *tenantFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.sandbox, "sandbox", "",
		"the `file` that names what a run may touch (suites/live/sandbox.example.yaml is an example)")
	takeProvider(cmd)
}

// tenants returns the tenants of the provider that args names, or of all that the sandbox file configures. It sends nothing.
func (f *tenantFlags) tenants(args []string) ([]*live.Tenant, error) {
	if f.sandbox == "" {
		return nil, errors.New("--sandbox FILE is missing: it names what a run may touch, and suites/live/sandbox.example.yaml is an example")
	}
	sandbox, err := live.LoadSandbox(f.sandbox)
	if err != nil {
		return nil, err
	}
	contracts, err := load(args)
	if err != nil {
		return nil, err
	}
	var tenants []*live.Tenant
	for _, c := range contracts {
		if len(args) == 0 && !slices.ContainsFunc(sandbox.Names(), func(key string) bool { return strings.HasPrefix(key, c.Provider+".") }) {
			continue
		}
		t, err := live.Open(c, live.Config{
			Sandbox: sandbox, Provoke: f.provoke, Options: f.options,
		})
		if err != nil {
			return nil, err
		}
		tenants = append(tenants, t)
	}
	if len(tenants) == 0 {
		return nil, fmt.Errorf("%s configures no tenant: fill in what yours has, as suites/live/sandbox.example.yaml shows",
			f.sandbox)
	}
	return tenants, nil
}

func planCommand() *cobra.Command {
	var flags tenantFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "plan [classroom|graph]",
		Short: "Print what a live run would call in a sandbox tenant",
		Long: "plan prints what a live run would change, whom that would reach, and where and as whom it would call; each clause that\n" +
			"it would provoke: the identity, the request, and what the run creates for it and how it removes that; and each clause\n" +
			"that it would not provoke, and why. It sends nothing. A run with --plan DIGEST is refused if its plan has another digest.",
		Example: "  go tool contract plan --sandbox sandbox.yaml\n" +
			"  go tool contract plan graph --sandbox sandbox.yaml --provoke fixture",
		RunE: func(cmd *cobra.Command, args []string) error {
			tenants, err := flags.tenants(args)
			if err != nil {
				return err
			}
			if asJSON {
				plans := []*live.Plan{}
				for _, t := range tenants {
					plans = append(plans, t.Plan())
				}
				return encode(cmd.OutOrStdout(), plans)
			}
			for i, t := range tenants {
				if i > 0 {
					_, _ = fmt.Fprintln(cmd.OutOrStdout()) // WriteText returns the error of an output that fails
				}
				if err := t.Plan().WriteText(cmd.OutOrStdout(), flags.sandbox); err != nil {
					return err
				}
			}
			return nil
		},
	}
	flags.add(cmd)
	cmd.Flags().StringSliceVar(&flags.provoke, "provoke", nil, "`classes` of clauses to provoke in addition to the safe ones: fixture, notifies, racy, tenant")
	cmd.Flags().BoolVar(&flags.options.ReadOnly, "read-only", false, "plan a run with --read-only, which changes nothing")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the plans as JSON, as plan.schema.json has them")
	return cmd
}

// sweepTime is how long a sweep of one tenant may take.
const sweepTime = 15 * time.Minute

// youngest is how long ago a run must have begun for a sweep to remove what it created: no run takes that long.
const youngest = time.Hour

func sweepCommand() *cobra.Command {
	var flags tenantFlags
	var all, yes bool
	cmd := &cobra.Command{
		Use:   "sweep [classroom|graph]",
		Short: "List what a killed run left in a sandbox tenant, and remove it with --yes",
		Long: "sweep lists what runs left: courses of the users and course activities of the learners that the sandbox file names. It\n" +
			"signs in as a run does, and first proves which tenant it talks to. With --yes it removes them.\n\n" +
			"It takes for a run's only what has a name with the checksum of this tenant, whose minute is plausible, whose owner the\n" +
			"sandbox file names, and which a second field says a run made. What resembles that, it prints and never removes.\n\n" +
			"It spares and prints what a run created that began less than an hour ago, by this machine's clock: that run may still\n" +
			"be going on. Give --all if you know that none is.\n\n" +
			"With --yes it first looks up the tenant's marker, as a run does, and prints each request that may change something when\n" +
			"it was sent, as a line of JSON like those of a run's audit.",
		Example: "  go tool contract sweep --sandbox sandbox.yaml\n" +
			"  go tool contract sweep --sandbox sandbox.yaml --yes",
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.options.Secrets = live.NewSecrets()
			flags.options.Changed = auditTo(cmd.OutOrStdout(), flags.options.Secrets)
			tenants, err := flags.tenants(args)
			if err != nil {
				return err
			}
			sparing := youngest
			if all {
				sparing = 0
			}
			var problems []error
			for _, t := range tenants {
				ctx, cancel := context.WithTimeout(cmd.Context(), sweepTime)
				swept, err := t.Sweep(ctx, sparing, yes)
				cancel()
				if err != nil {
					problems = append(problems, errors.New(t.Scrub(err.Error())))
				}
				writeSwept(cmd.OutOrStdout(), t, swept, yes, err)
			}
			return errors.Join(problems...)
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&yes, "yes", false, "remove what is listed as left")
	cmd.Flags().BoolVar(&all, "all", false, "spare nothing because its run began less than an hour ago")
	return cmd
}

// auditTo writes each change as a line of JSON; it was sent all the same if it cannot be written.
func auditTo(w io.Writer, secrets *live.Secrets) func(live.Change) {
	return func(change live.Change) {
		line, _ := json.Marshal(change) // of texts, a number and a time
		_, _ = fmt.Fprintln(w, secrets.Scrub(string(line)))
	}
}

// writeSwept writes what a sweep has found; it was found and removed all the same if it cannot be written.
func writeSwept(w io.Writer, t *live.Tenant, swept live.Swept, removed bool, err error) {
	left, summary := "left", ": --yes removes what is left"
	if removed {
		left, summary = "removed", ""
	}
	if len(swept.Left) == 0 {
		summary = ""
	}
	for _, lines := range []struct {
		what  string
		lines []string
	}{{left, swept.Left}, {"spared", swept.Spared}, {"not a run's, or an earlier version's, and never removed:", swept.Others}} {
		for _, line := range lines.lines {
			_, _ = fmt.Fprintf(w, "%s %s\n", lines.what, t.Scrub(line))
		}
	}
	if err != nil {
		summary += ", and there may be more"
	}
	_, _ = fmt.Fprintf(w, "%s: %d %s, %d spared, %d resemble them%s\n", t.Provider(), len(swept.Left), left, len(swept.Spared), len(swept.Others), summary)
}
