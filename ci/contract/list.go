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

// filters are the flags that narrow a list, in the order in which they do.
var filters = []struct {
	flag, usage string
	of          func(*fixtures.Clause) string // what the flag's value is held against
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
			"the @name, how many wordings the documentation has for it, how surely it puts the error on the operation, what to\n" +
			"do about it, and which editions of the documentation have it. show says which edition has which wording.\n\n" +
			"With --look-alikes it prints the errors that code cannot tell apart if it relies on no more than the provider says\n" +
			"to rely on: those of an operation that are the same in every field bound exact or spelling.",
		Example: "  go tool contract list\n" +
			"  go tool contract list graph --action update --status 403\n" +
			"  go tool contract list graph --action update --look-alikes\n" +
			"  go tool contract list classroom --json | jq -r '.clauses[].id'",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("list was given %d providers: use %s, or none for all", len(args), or(fixtures.Providers()))
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return fixtures.Providers(), cobra.ShellCompDirectiveNoFileComp
		},
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
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the clauses whole, as JSON")
	cmd.Flags().BoolVar(&lookAlikes, "look-alikes", false, "print the clauses that look alike by what the provider says to rely on")
	cmd.Flags().BoolVar(&printSchema, "schema", false, "print the JSON Schema of what --json prints, and nothing else")
	for i, filter := range filters {
		cmd.Flags().String(filter.flag, "", filter.usage)
		complete := func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			chosen, _ := choose(cmd, args, i) // nothing to propose where what was typed before is wrong
			return values(chosen, filter.of), cobra.ShellCompDirectiveNoFileComp
		}
		if err := cmd.RegisterFlagCompletionFunc(filter.flag, complete); err != nil {
			panic(err) // the flag is defined above
		}
	}
	return cmd
}

// choose returns the clauses of the provider that args names, or of all, as the first n filters narrow them. That none
// is left is an error.
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
	where := or(providers)
	for _, filter := range filters[:n] {
		flag := cmd.Flags().Lookup(filter.flag)
		if !flag.Changed {
			continue
		}
		value := flag.Value.String()
		use := or(values(chosen, filter.of))
		chosen = slices.DeleteFunc(chosen, func(c *fixtures.Clause) bool { return filter.of(c) != value })
		if len(chosen) == 0 {
			return nil, fmt.Errorf("no clause of %s has --%s %q: use %s", where, filter.flag, value, use)
		}
		where += " with --" + filter.flag + " " + value
	}
	return chosen, nil
}

// values are the distinct values of a filter, sorted.
func values(clauses []*fixtures.Clause, of func(*fixtures.Clause) string) (all []string) {
	for _, c := range clauses {
		all = append(all, of(c))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// writeList writes a line for each clause, aligned within a provider, for the ids of one are twice as long as those of
// the other; and a line that counts.
func writeList(w io.Writer, clauses []*fixtures.Clause) error {
	var text bytes.Buffer // takes everything: what is written to it and to the table has no error
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

// writeLookAlikes writes each group of clauses that look alike and has one of the chosen, an operation's groups below it,
// and a line that counts.
func writeLookAlikes(w io.Writer, chosen []*fixtures.Clause) error {
	var text bytes.Buffer // takes everything: what is written to it and to the table has no error
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

// reliable are the fields by which all clauses of a group are bound, and in which they are alike.
func reliable(group []*fixtures.Clause) []string {
	fields := group[0].Bindings.Reliable()
	for _, c := range group[1:] {
		of := c.Bindings.Reliable()
		fields = slices.DeleteFunc(fields, func(field string) bool { return !slices.Contains(of, field) })
	}
	return fields
}

// codes are the distinct codes of a clause's wordings, and its name.
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

// editions are the ids of the editions that have the clause, oldest first.
func editions(c *fixtures.Clause) (ids []string) {
	for _, s := range c.Sources {
		if !slices.Contains(ids, s.Edition.ID) {
			ids = append(ids, s.Edition.ID)
		}
	}
	return ids
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
