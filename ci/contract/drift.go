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
	"github.com/learncontract/learncontract/suites/report"
)

//go:embed drift.schema.json
var driftSchema []byte

// errDrift says that there is drift, which was printed already.
var errDrift = errors.New("drift")

func driftCommand() *cobra.Command {
	var asJSON, printSchema bool
	cmd := &cobra.Command{
		Use:   "drift",
		Short: "Compare the documentation with the contract",
		Long: "drift compares what a provider publishes now with the contract, and prints each difference with its weight:\n" +
			"alarm     something that a client may rely on was removed or changed\n" +
			"notice    something is new, or a text changed that no client should rely on\n" +
			"cosmetic  no client can see it\n" +
			"What any edition of the contract documents is no difference.\n\n" +
			"Exit status: 0 if there is no difference, 1 if there is one, or 2 if the command could not run.",
		Example: "  go tool contract drift graph concepts/learningcourseactivity-error-codes.md\n" +
			"  go tool contract drift classroom",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown provider %q: use %s", args[0], or(fixtures.Providers))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if printSchema {
				_, err := cmd.OutOrStdout().Write(driftSchema)
				return err
			}
			return fmt.Errorf("drift takes a provider: use drift %s", or(fixtures.Providers))
		},
	}
	cmd.PersistentFlags().BoolVar(&asJSON, "json", false, "print the differences as JSON")
	cmd.Flags().BoolVar(&printSchema, "schema", false, "print only the JSON Schema of what --json prints")
	printer := func(cmd *cobra.Command, provider string, read subject, r *drift.Report) error {
		write := writeDrift
		if asJSON {
			write = writeDriftJSON
		}
		if err := write(cmd.OutOrStdout(), provider, read, r); err != nil {
			return err
		}
		if len(r.Findings) > 0 {
			return errDrift
		}
		return nil
	}
	cmd.AddCommand(driftGraphCommand(printer), driftClassroomCommand(printer))
	return cmd
}

// subject is what was compared with the contract, such as each "row" of "page.md".
type subject struct{ thing, files string }

// reportPrinter prints a report. Its error is errDrift if there are differences.
type reportPrinter func(cmd *cobra.Command, provider string, read subject, r *drift.Report) error

func driftGraphCommand(printer reportPrinter) *cobra.Command {
	return &cobra.Command{
		Use:   "graph PAGE…",
		Short: "Compare pages of Microsoft Graph with the contract",
		Long: "drift graph compares published pages with the contract, all of them together. A page is given as its Markdown source\n" +
			"or saved as HTML. It is the page of the error codes, with a table for each operation, or the page of one operation,\n" +
			"with a table of its errors.",
		Example: "  go tool contract drift graph concepts/learningcourseactivity-error-codes.md\n" +
			"  go tool contract drift graph api-reference/v1.0/api/learningcourseactivity-*.md --json",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("drift graph takes one page or more, and was given 0: " +
					"give a published page, its Markdown source or saved as HTML")
			}
			return nil
		},
		ValidArgsFunction: completeFiles("md", "html"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := driftPages("graph", args)
			if err != nil {
				return err
			}
			return printer(cmd, "graph", subject{"row", strings.Join(args, ", ")}, r)
		},
	}
}

func driftClassroomCommand(printer reportPrinter) *cobra.Command {
	var page string
	cmd := &cobra.Command{
		Use:   "classroom",
		Short: "Compare Google's discovery document and page with the contract",
		Long: "drift classroom compares a discovery document of the Classroom API with the contract and, with --page, also the page\n" +
			"of common errors, as text or saved as HTML. The default document is that of the google.golang.org/api version that\n" +
			"go.mod requires: an update of the dependency that changes the contract fails its own pipeline.",
		Example: "  go tool contract drift classroom\n" +
			"  go tool contract drift classroom --discovery classroom-api.json\n" +
			"  go tool contract drift classroom --page common-errors.txt --json",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("drift classroom takes no argument, and was given %q: use --page or --discovery", args[0])
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r := &drift.Report{}
			var files []string
			if cmd.Flags().Changed("page") {
				read, err := driftPages("classroom", []string{page})
				if err != nil {
					return err
				}
				r.Merge(read)
				files = append(files, page)
			}
			discovery, err := discoveryFile(cmd)
			if err != nil {
				return err
			}
			read, err := driftDiscovery(discovery)
			if err != nil {
				return err
			}
			r.Merge(read)
			return printer(cmd, "classroom", subject{"text", strings.Join(append(files, discovery), ", ")}, r)
		},
	}
	cmd.Flags().StringVar(&page, "page", "", "the `page` of common errors, a file: its text, Markdown or HTML")
	discoveryFlag(cmd)
	if err := cmd.RegisterFlagCompletionFunc("page", completeFiles("txt", "md", "html")); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}

// completeFiles has the shell propose files with one of the extensions.
func completeFiles(extensions ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return extensions, cobra.ShellCompDirectiveFilterFileExt
	}
}

// driftPages compares the pages in files with the contract of the provider.
func driftPages(provider string, files []string) (*drift.Report, error) {
	contract, err := fixtures.Load(provider)
	if err != nil {
		return nil, err
	}
	var published []drift.Page
	for _, file := range files {
		text, err := readFile(file)
		if err != nil {
			return nil, err
		}
		page, err := pages.Read(provider, text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		published = append(published, drift.Page{File: file, Page: page})
	}
	return drift.Pages(contract, published...)
}

// driftDiscovery compares the discovery document in the file with the contract.
func driftDiscovery(file string) (*drift.Report, error) {
	contract, err := fixtures.Load("classroom")
	if err != nil {
		return nil, err
	}
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
func writeDrift(w io.Writer, _ string, read subject, r *drift.Report) error {
	var text bytes.Buffer
	for _, f := range r.Findings {
		writeFinding(&text, f)
	}
	if len(r.Findings) == 0 {
		verb := "say"
		if r.Read == 1 {
			verb = "says"
		}
		fmt.Fprintf(&text, "no drift: %s of %s %s what the contract says\n", count(r.Read, read.thing), read.files, verb)
	} else {
		var counts []string
		for _, weight := range drift.Weights {
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
	_, err := io.WriteString(w, report.Tame(text.String()))
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
func writeDriftJSON(w io.Writer, provider string, _ subject, r *drift.Report) error {
	findings := append([]drift.Finding{}, r.Findings...)
	for i := range findings {
		findings[i].Clauses = append([]string{}, findings[i].Clauses...)
	}
	return encode(w, struct {
		Version  int             `json:"version"`
		Provider string          `json:"provider"`
		Read     int             `json:"read"`
		Alarms   int             `json:"alarms"`
		Notices  int             `json:"notices"`
		Cosmetic int             `json:"cosmetic"`
		Findings []drift.Finding `json:"findings"`
	}{driftVersion, provider, r.Read, r.Count(drift.Alarm), r.Count(drift.Notice), r.Count(drift.Cosmetic), findings})
}
