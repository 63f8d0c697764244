package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/learncontract/learncontract/suites/live"
)

// tenantFlags are those of the commands that have to do with a sandbox tenant.
type tenantFlags struct {
	sandbox string
	provoke []string
}

func (f *tenantFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.sandbox, "sandbox", "", "the `file` that names what a run may touch (suites/live/sandbox.example.yaml is an example)")
	cmd.Args = oneProvider
	cmd.ValidArgs = []cobra.Completion{"graph", "classroom"}
}

// tenants are those of the providers that args name, or of all that the sandbox file has anything of. Nothing is sent.
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
			Sandbox: sandbox, Provoke: f.provoke, SignIn: live.FromEnvironment(live.Child(nil, f.sandbox)),
		})
		if err != nil {
			return nil, err
		}
		tenants = append(tenants, t)
	}
	if len(tenants) == 0 {
		return nil, fmt.Errorf("%s has nothing of a tenant: fill in what yours has, as suites/live/sandbox.example.yaml shows",
			f.sandbox)
	}
	return tenants, nil
}

func planCommand() *cobra.Command {
	var flags tenantFlags
	cmd := &cobra.Command{
		Use:   "plan [classroom|graph]",
		Short: "Print what a live run would ask of a sandbox tenant",
		Long: "plan prints each clause that a live run would ask: as whom, with which request, what is made for it and how that\n" +
			"goes away; and each that it would not, and why. It sends nothing.",
		Example: "  go tool contract plan --sandbox sandbox.yaml\n" +
			"  go tool contract plan graph --sandbox sandbox.yaml --provoke fixture",
		RunE: func(cmd *cobra.Command, args []string) error {
			tenants, err := flags.tenants(args)
			if err != nil {
				return err
			}
			for i, t := range tenants {
				if i > 0 {
					_, _ = fmt.Fprintln(cmd.OutOrStdout()) // where the plan cannot be written, it says so
				}
				if err := t.WritePlan(cmd.OutOrStdout()); err != nil {
					return err
				}
			}
			return nil
		},
	}
	flags.add(cmd)
	cmd.Flags().StringSliceVar(&flags.provoke, "provoke", nil, "`classes` of clauses to ask beside those that are safe: fixture, racy, tenant")
	return cmd
}

// sweepTime is how long a sweep of one tenant may take.
const sweepTime = 15 * time.Minute

// youngest is how long ago a run must have begun for a sweep to remove what it has made: by then no run is going on.
const youngest = time.Hour

func sweepCommand() *cobra.Command {
	var flags tenantFlags
	var all bool
	cmd := &cobra.Command{
		Use:   "sweep [classroom|graph]",
		Short: "Remove what an earlier, killed run left in a sandbox tenant",
		Long: "sweep removes what has a name that a run gives, and nothing else: courses of the users, and course activities of the\n" +
			"learners that the sandbox file names. It signs in as a run does, and proves whom it talks to first.\n\n" +
			"What a run has made that began less than an hour ago, by this machine's clock, it spares and names: the run may be going\n" +
			"on. Give --all where you know that none is, as in a pipeline that lets one run of a tenant wait for another.",
		Example: "  go tool contract sweep --sandbox sandbox.yaml\n" +
			"  go tool contract sweep --sandbox sandbox.yaml --all",
		RunE: func(cmd *cobra.Command, args []string) error {
			tenants, err := flags.tenants(args)
			if err != nil {
				return err
			}
			var problems []error
			for _, t := range tenants {
				ctx, cancel := context.WithTimeout(cmd.Context(), sweepTime)
				sparing := youngest
				if all {
					sparing = 0
				}
				removed, spared, err := t.Sweep(ctx, sparing)
				cancel()
				if err != nil {
					problems = append(problems, errors.New(t.Scrub(err.Error())))
				}
				for _, what := range removed {
					_, _ = fmt.Fprintf(cmd.OutOrStdout(), "removed %s\n", t.Scrub(what)) // there is nowhere else to say it
				}
				for _, what := range spared {
					_, _ = fmt.Fprintf(cmd.OutOrStdout(), "spared %s: if it is not going on, --all removes it\n", t.Scrub(what)) // as above
				}
				how := ""
				if err != nil {
					how = ", and there may be more"
				}
				_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%s: %d removed, %d spared%s\n", t.Provider(), len(removed), len(spared), how) // nor is there
			}
			return errors.Join(problems...)
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "remove what a run has made that began less than an hour ago, too")
	return cmd
}
