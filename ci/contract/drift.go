package main

import (
	"bytes"
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/learncontract/learncontract/ci/contract/internal/drift"
	"github.com/learncontract/learncontract/ci/contract/internal/pages"
	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

//go:embed drift.schema.json
var driftSchema []byte

// errDrift says that there is drift, which was printed already.
var errDrift = errors.New("drift")

func driftCommand() *cobra.Command {
	var asJSON, printSchema bool
	failOn := string(drift.Notice)
	cmd := &cobra.Command{
		Use:   "drift PROVIDER [PAGE…]",
		Short: "Compare the documentation with the contract",
		Long: "drift compares what a provider publishes now with the contract: pages of errors, as Markdown or text or saved as HTML,\n" +
			"all of them together, and the discovery document of a contract that is generated from one. The go command downloads\n" +
			"that of the release that the contract names; --discovery gives another.\n\n" +
			"drift prints each difference with its weight:\n" +
			"alarm     something that a client may rely on was removed or changed\n" +
			"notice    something is new or struck out, or a text changed that no client should rely on\n" +
			"cosmetic  no client can see it, such as a defect of the page that was fixed as the contract reads it\n" +
			"What any edition of the contract documents is no difference.\n\n" +
			"Exit status: 0 if no difference has the weight of --fail-on or more, 1 if one has, or 2 if the command could not run.",
		Example: "  go tool contract drift graph api-reference/v1.0/api/learningcourseactivity-*.md\n" +
			"  go tool contract drift classroom\n" +
			"  go tool contract drift classroom common-errors.txt --discovery classroom-api.json --json",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return fixtures.Providers(), cobra.ShellCompDirectiveNoFileComp
			}
			return completeFiles("md", "txt", "html")(cmd, args, word)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if printSchema {
				_, err := cmd.OutOrStdout().Write(driftSchema)
				return err
			}
			if len(args) == 0 {
				return fmt.Errorf("drift takes a provider: use drift %s", joinOr(fixtures.Providers()))
			}
			fails := slices.Index(drift.Weights(), drift.Weight(failOn))
			if fails < 0 {
				return fmt.Errorf("--fail-on is %q: use alarm, notice or cosmetic", failOn)
			}
			r, read, err := driftOf(cmd, args[0], args[1:])
			if err != nil {
				return err
			}
			write := writeDrift
			if asJSON {
				write = writeDriftJSON
			}
			if err := write(cmd.OutOrStdout(), args[0], read, r); err != nil {
				return err
			}
			for _, weight := range drift.Weights()[:fails+1] {
				if r.Count(weight) > 0 {
					return errDrift
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the differences as JSON")
	cmd.Flags().StringVar(&failOn, "fail-on", failOn, "the least `weight` that fails: alarm, notice or cosmetic")
	if err := cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions(
		[]cobra.Completion{string(drift.Alarm), string(drift.Notice), string(drift.Cosmetic)}, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag is defined above
	}
	cmd.Flags().BoolVar(&printSchema, "schema", false, "print only the JSON Schema of what --json prints")
	discoveryFlag(cmd)
	return cmd
}

// driftOf compares pages and, if the provider has one, the discovery document with the contract of the provider. It also
// returns the files that it has read.
func driftOf(cmd *cobra.Command, provider string, files []string) (*drift.Report, []string, error) {
	contracts, err := load([]string{provider})
	if err != nil {
		return nil, nil, err
	}
	contract, r := contracts[0], &drift.Report{}
	switch given := cmd.Flags().Changed("discovery"); {
	case contract.Document == nil && given:
		return nil, nil, fmt.Errorf("%s has no discovery document: leave out --discovery", provider)
	case contract.Document == nil && len(files) == 0:
		return nil, nil, fmt.Errorf("drift %s takes one page or more: give a published page, its Markdown source or saved as HTML",
			provider)
	}
	if len(files) > 0 {
		if r, err = driftPages(contract, files); err != nil {
			return nil, nil, err
		}
	}
	if contract.Document == nil {
		return r, files, nil
	}
	file, err := discoveryFile(cmd, contract.Discovery)
	if err != nil {
		return nil, nil, err
	}
	documents, err := driftDiscovery(contract, file)
	if err != nil {
		return nil, nil, err
	}
	r.Merge(documents)
	return r, append(files, file), nil
}

// completeFiles has the shell propose files with one of the extensions.
func completeFiles(extensions ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return extensions, cobra.ShellCompDirectiveFilterFileExt
	}
}

// driftPages compares the pages in files with the contract.
func driftPages(contract *fixtures.Contract, files []string) (*drift.Report, error) {
	reader, err := pages.New(contract.Layout)
	if err != nil {
		return nil, err
	}
	var published []drift.Page
	for _, file := range files {
		text, err := readFile(file)
		if err != nil {
			return nil, err
		}
		page, err := reader.Read(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		published = append(published, drift.Page{File: file, Page: page})
	}
	return drift.Pages(contract, published...)
}

// driftDiscovery compares the discovery document in the file with the contract.
func driftDiscovery(contract *fixtures.Contract, file string) (*drift.Report, error) {
	text, err := readFile(file)
	if err != nil {
		return nil, err
	}
	document, err := pages.Discovery(text, slices.Sorted(maps.Keys(contract.Codes)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return drift.Discovery(contract, document, file)
}

// writeDrift writes a block for each finding and a line with the totals.
func writeDrift(w io.Writer, _ string, files []string, r *drift.Report) error {
	var text bytes.Buffer
	for _, f := range r.Findings {
		writeFinding(&text, f)
	}
	if len(r.Findings) == 0 {
		verb := "say"
		if r.Read == 1 {
			verb = "says"
		}
		fmt.Fprintf(&text, "no drift: %s of %s %s what the contract says\n", count(r.Read, "statement"), strings.Join(files, ", "), verb)
	} else {
		var counts []string
		for _, weight := range drift.Weights() {
			n := r.Count(weight)
			switch {
			case n == 0:
			case weight == drift.Cosmetic: // no plural
				counts = append(counts, fmt.Sprintf("%d cosmetic", n))
			default:
				counts = append(counts, count(n, string(weight)))
			}
		}
		fmt.Fprintln(&text, strings.Join(counts, ", "))
	}
	_, err := io.WriteString(w, exchange.Escape(text.String()))
	return err
}

// writeFinding writes a finding: its weight, what happened to what, and where to look.
func writeFinding(text *bytes.Buffer, f drift.Finding) {
	subject := f.Subject
	if more := len(f.Clauses) - 1; more > 0 && f.Field != drift.FieldOperation {
		subject += fmt.Sprintf(" and %d more", more)
	}
	fmt.Fprintf(text, "%-8s  %s, %s\n", f.Weight, happened(f), subject)
	var fields []field
	add := func(name, value string) {
		for i, line := range strings.Split(value, "\n") {
			if i > 0 {
				name = ""
			}
			if value != "" {
				fields = append(fields, field{name, line})
			}
		}
	}
	add("page", place(f.Page))
	if len(f.Clauses) > 0 || f.Kind != drift.Added && f.Kind != drift.Unreadable {
		add("was", cmp.Or(f.Was, "(nothing)"))
	}
	if f.Kind != drift.Removed {
		add("is", cmp.Or(f.Is, "(nothing)"))
	}
	add("note", f.Note)
	add("contract", place(f.Contract))
	writeFields(text, "          ", fields)
	text.WriteByte('\n')
}

// happened says what happened to which field.
func happened(f drift.Finding) string {
	field := string(f.Field)
	switch f.Kind {
	case drift.CodeChanged, drift.RequestChanged:
		switch f.Field {
		case drift.FieldMessage, drift.FieldDetails, drift.FieldQuery: // cells of JSON, and a part of a request
			return string(f.Kind) + " in " + field
		}
		return string(f.Kind)
	case drift.StatusChanged:
		return string(f.Kind)
	case drift.SpellingOnly:
		return field + " spelled differently"
	case drift.Contradiction:
		return "the page says two things of " + field
	case drift.Unreadable:
		return field + " cannot be read"
	case drift.Withdrawn:
		return field + " struck out"
	case drift.DefectFixed:
		return "defect of " + field + " fixed"
	case drift.Added, drift.Removed, drift.TypeChanged, drift.Reworded, drift.Moved:
	}
	return field + " " + string(f.Kind)
}

// place is a file and, if it is known, the line.
func place(p drift.Place) string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// driftVersion is the version of what drift --json prints, with the rules of clausesVersion.
const driftVersion = 1

// writeDriftJSON writes the report as drift.schema.json has it, which says what the keys mean. Every key is always there.
func writeDriftJSON(w io.Writer, provider string, _ []string, r *drift.Report) error {
	return encode(w, struct {
		Version  int             `json:"version"`
		Provider string          `json:"provider"`
		Read     int             `json:"read"`
		Alarms   int             `json:"alarms"`
		Notices  int             `json:"notices"`
		Cosmetic int             `json:"cosmetic"`
		Findings []drift.Finding `json:"findings"`
	}{driftVersion, provider, r.Read, r.Count(drift.Alarm), r.Count(drift.Notice), r.Count(drift.Cosmetic), r.Findings})
}
