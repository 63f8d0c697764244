package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/learncontract/learncontract/fixtures"
)

//go:embed clauses.schema.json
var schema []byte

// filters are the flags that narrow a list, in the order in which they are applied.
var filters = []struct {
	flag, usage string
	value       func(*fixtures.Clause) string // that the flag is compared with
}{
	{"action", "only clauses of operations of the `kind`, such as create",
		func(c *fixtures.Clause) string { return c.Operation.Action }},
	{"status", "only clauses with the HTTP `status`",
		func(c *fixtures.Clause) string { return strconv.Itoa(c.Status) }},
}

func listCommand() *cobra.Command {
	var asJSON, printSchema, lookAlikes bool
	cmd := &cobra.Command{
		Use:   "list [" + strings.Join(fixtures.Providers(), "|") + "]",
		Short: "List the clauses, a line each",
		Long: "list prints a line for each documented error of each operation: the clause's id, the HTTP status, the codes and\n" +
			"the @name, how many wordings the documentation has for it, how surely the documentation assigns the error to the\n" +
			"operation, what to do about it, and which editions of the documentation have it. show prints which edition has\n" +
			"which wording.\n\n" +
			"With --look-alikes it prints the errors that a program cannot distinguish if it relies only on what the provider\n" +
			"allows: errors of one operation that are equal in every field bound exact or spelling.",
		Example: "  go tool contract list\n" +
			"  go tool contract list graph --action update --status 403\n" +
			"  go tool contract list graph --action update --look-alikes\n" +
			"  go tool contract list classroom --json | jq -r '.clauses[].id'",
		RunE: func(cmd *cobra.Command, args []string) error {
			if printSchema {
				_, err := cmd.OutOrStdout().Write(schema)
				return err
			}
			chosen, err := choose(cmd, args, len(filters))
			switch {
			case err != nil:
				return err
			case asJSON && lookAlikes:
				alike := slices.DeleteFunc(chosen, func(c *fixtures.Clause) bool { return len(c.LookAlikes()) == 0 })
				return writeJSON(cmd.OutOrStdout(), alike)
			case asJSON:
				return writeJSON(cmd.OutOrStdout(), chosen)
			case lookAlikes:
				return writeLookAlikes(cmd.OutOrStdout(), chosen)
			}
			return writeList(cmd.OutOrStdout(), chosen)
		},
	}
	takeProvider(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the complete clauses as JSON")
	cmd.Flags().BoolVar(&lookAlikes, "look-alikes", false, "print the clauses that look alike in the fields that the provider allows to rely on")
	cmd.Flags().BoolVar(&printSchema, "schema", false, "print only the JSON Schema of what --json prints")
	for i, filter := range filters {
		cmd.Flags().String(filter.flag, "", filter.usage)
		complete := func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			chosen, _ := choose(cmd, args, i) // a wrong flag before this one leaves nothing to propose
			return values(chosen, filter.value), cobra.ShellCompDirectiveNoFileComp
		}
		if err := cmd.RegisterFlagCompletionFunc(filter.flag, complete); err != nil {
			panic(err) // the flag is defined above
		}
	}
	return cmd
}

// choose returns the clauses of the provider that args names, or of all, narrowed by the first n filters. It returns an error
// if none is left.
func choose(cmd *cobra.Command, args []string, n int) ([]*fixtures.Clause, error) {
	contracts, err := load(args)
	if err != nil {
		return nil, err
	}
	chosen := clauses(contracts)
	var providers []string
	for _, c := range contracts {
		providers = append(providers, c.Provider)
	}
	where := joinOr(providers)
	for _, filter := range filters[:n] {
		flag := cmd.Flags().Lookup(filter.flag)
		if !flag.Changed {
			continue
		}
		value := flag.Value.String()
		use := joinOr(values(chosen, filter.value))
		chosen = slices.DeleteFunc(chosen, func(c *fixtures.Clause) bool { return filter.value(c) != value })
		if len(chosen) == 0 {
			return nil, fmt.Errorf("no clause of %s has --%s %q: use %s", where, filter.flag, value, use)
		}
		where += " with --" + filter.flag + " " + value
	}
	return chosen, nil
}

// values returns the distinct values of a filter, sorted.
func values(clauses []*fixtures.Clause, value func(*fixtures.Clause) string) (all []string) {
	for _, c := range clauses {
		all = append(all, value(c))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// writeList writes a line for each clause and a line with the totals. Columns are aligned within a provider, because the ids
// of one are twice as long as those of the other.
func writeList(w io.Writer, clauses []*fixtures.Clause) error {
	var text bytes.Buffer // writing to it, and to the table, cannot fail
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	wordings := 0
	for i, c := range clauses {
		if i > 0 && c.Operation.Contract != clauses[i-1].Operation.Contract {
			_ = table.Flush()
		}
		_, _ = fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\t%s\n",
			c.ID, c.Status, codes(c), count(len(c.Wordings), "wording"), c.Evidence, c.Remedy.Do, strings.Join(editions(c), ", "))
		wordings += len(c.Wordings)
	}
	_ = table.Flush()
	fmt.Fprintf(&text, "%s, %s\n", count(len(clauses), "clause"), count(wordings, "wording"))
	_, err := text.WriteTo(w)
	return err
}

// writeLookAlikes writes, below each operation, its groups of look-alikes that contain a chosen clause, and a line with the
// totals.
func writeLookAlikes(w io.Writer, chosen []*fixtures.Clause) error {
	var text bytes.Buffer // writing to it, and to the table, cannot fail
	inGroups, groups := 0, 0
	var o *fixtures.Operation
	for _, c := range chosen {
		if c.Operation == o {
			continue
		}
		o = c.Operation
		heading := fmt.Sprintf("%s  %s %s\n", o.ID, o.Method, o.Path)
		for _, group := range o.LookAlikes(nil) {
			if !slices.ContainsFunc(group, func(c *fixtures.Clause) bool { return slices.Contains(chosen, c) }) {
				continue
			}
			fmt.Fprintf(&text, "%s  alike in %s: %s\n", heading, strings.Join(reliable(group), ", "), fixtures.StatusLine(group[0].Status))
			heading = ""
			table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
			for _, c := range group {
				_, _ = fmt.Fprintf(table, "    %s\t%s\t%s\n", c.ID, codes(c), c.When)
			}
			_ = table.Flush()
			inGroups += len(group)
			groups++
		}
		if heading == "" {
			text.WriteByte('\n')
		}
	}
	if groups == 0 {
		text.WriteString("no clause looks like another of its operation\n")
	} else {
		fmt.Fprintf(&text, "%s in %s\n", count(inGroups, "look-alike"), count(groups, "group"))
	}
	_, err := text.WriteTo(w)
	return err
}

// reliable returns the fields that bind in all clauses of a group, and in which they are therefore alike.
func reliable(group []*fixtures.Clause) []string {
	fields := group[0].Bindings.Reliable()
	for _, c := range group[1:] {
		own := c.Bindings.Reliable()
		fields = slices.DeleteFunc(fields, func(field string) bool { return !slices.Contains(own, field) })
	}
	return fields
}

// codes joins the distinct codes of a clause's wordings, and its name.
func codes(c *fixtures.Clause) string {
	var codes []string
	for _, w := range c.Wordings {
		if !slices.Contains(codes, w.Code) {
			codes = append(codes, w.Code)
		}
	}
	text := strings.Join(codes, ", ")
	if c.Name != "" {
		text += " @" + c.Name
	}
	return text
}

// editions returns the ids of the editions that have the clause, oldest first.
func editions(c *fixtures.Clause) (ids []string) {
	for _, s := range c.Sources {
		if !slices.Contains(ids, s.Edition.ID) {
			ids = append(ids, s.Edition.ID)
		}
	}
	return ids
}

// count is a number of things, such as "2 clauses".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
