package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/learncontract/learncontract/fixtures"
)

func doctorCommand() *cobra.Command {
	var flags tenantFlags
	cmd := &cobra.Command{
		Use:   "doctor [classroom|graph]",
		Short: "Look up whether a sandbox tenant has what a live run needs",
		Long: "doctor signs in as each identity that the sandbox file names, proves that it is whom the file names and has the scopes or\n" +
			"roles that a run needs, and looks up each long-lived object that the file names. It prints a line for each, and how to\n" +
			"make what is missing. It sends no request that changes anything. If anything of that is not as it should be, or the file\n" +
			"names no marker, it ends with 1.",
		Example: "  go tool contract doctor --sandbox sandbox.yaml\n" +
			"  go tool contract doctor graph --sandbox sandbox.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, class := range fixtures.Classes() {
				if !slices.Contains([]string{"safe", "tenant", "never"}, class) {
					flags.provoke = append(flags.provoke, class)
				}
			}
			tenants, err := flags.tenants(args)
			if err != nil {
				return err
			}
			sum := 0
			for i, t := range tenants {
				if i > 0 {
					_, _ = fmt.Fprintln(cmd.OutOrStdout()) // Examine returns the error of an output that fails
				}
				ctx, cancel := context.WithTimeout(cmd.Context(), sweepTime)
				wrong, err := t.Examine(ctx, cmd.OutOrStdout())
				cancel()
				if err != nil {
					return err
				}
				sum += wrong
			}
			if sum > 0 {
				return errFails
			}
			return nil
		},
	}
	flags.add(cmd)
	return cmd
}
