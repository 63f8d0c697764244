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

// errDrift is that there is drift, which has been printed.
var errDrift = errors.New("drift")

func driftCommand() *cobra.Command {
	var asJSON, printSchema bool
	cmd := &cobra.Command{
		Use:   "drift",
		Short: "Tell how the documentation differs from the contract",
		Long: "drift holds what a provider publishes now against the contract, and prints each difference with its weight:\n" +
			"alarm     something a client may rely on is gone or different\n" +
			"notice    something is new, or said in words that no client should rely on\n" +
			"cosmetic  nothing a client can see\n" +
			"What any edition of the contract documents is no difference.\n\n" +
			"Exit status: 0 where there is no difference, 1 where there is one, or 2 where it could not run.",
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
	cmd.Flags().BoolVar(&printSchema, "schema", false, "print the JSON Schema of what --json prints, and nothing else")
	finish := func(cmd *cobra.Command, provider string, read what, r *drift.Report) error {
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
	cmd.AddCommand(driftGraphCommand(finish), driftClassroomCommand(finish))
	return cmd
}

// what says what was held against the contract: a count of things of files, such as "rows" of "page.md".
type what struct{ things, files string }

type finish func(cmd *cobra.Command, provider string, read what, r *drift.Report) error

func driftGraphCommand(finish finish) *cobra.Command {
	return &cobra.Command{
		Use:   "graph PAGE…",
		Short: "Hold pages of Microsoft Graph against the contract",
		Long: "drift graph holds published pages, their Markdown source or as saved in HTML, against the contract, all of them\n" +
			"together. A page is the one of the error codes, with a table for each operation, or that of one operation, with a\n" +
			"table of its errors.",
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
			return finish(cmd, "graph", what{"row", strings.Join(args, ", ")}, r)
		},
	}
}

func driftClassroomCommand(finish finish) *cobra.Command {
	var page string
	cmd := &cobra.Command{
		Use:   "classroom",
		Short: "Hold Google's discovery document, and the page, against the contract",
		Long: "drift classroom holds a discovery document of the Classroom API against the contract and, with --page, the page of\n" +
			"common errors too: its text, or as saved in HTML. The document is the one of the google.golang.org/api version that\n" +
			"go.mod requires: an update of the dependency that changes the contract is told of in the pipeline of that update.",
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
			return finish(cmd, "classroom", what{"text", strings.Join(append(files, discovery), ", ")}, r)
		},
	}
	cmd.Flags().StringVar(&page, "page", "", "the `page` of common errors, a file: its text, Markdown or HTML")
	discoveryFlag(cmd)
	if err := cmd.RegisterFlagCompletionFunc("page", completeFiles("txt", "md", "html")); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}

// completeFiles has the shell propose files of the extensions.
func completeFiles(extensions ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return extensions, cobra.ShellCompDirectiveFilterFileExt
	}
}

// driftPages holds the pages in files against the contract of the provider.
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

// driftDiscovery holds the discovery document in the file against the contract.
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

// writeDrift writes a block for each finding, and a line that counts.
func writeDrift(w io.Writer, _ string, read what, r *drift.Report) error {
	var text bytes.Buffer
	for _, f := range r.Findings {
		writeFinding(&text, f)
	}
	if len(r.Findings) == 0 {
		verb := "say"
		if r.Read == 1 {
			verb = "says"
		}
		fmt.Fprintf(&text, "no drift: %s of %s %s what the contract says\n", count(r.Read, read.things), read.files, verb)
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

// writeFinding writes what was found: the weight, what happened to what, and where to look.
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

// happened says what happened to what.
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

// place is file and line, as far as they are known.
func place(p drift.Place) string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// driftVersion is that of what drift --json prints, under the rules of version.
const driftVersion = 1

// The types below are drift.schema.json, which says what the keys mean. Every key is always there.
type (
	jsonDrift struct {
		Version  int           `json:"version"`
		Provider string        `json:"provider"`
		Read     int           `json:"read"`
		Alarms   int           `json:"alarms"`
		Notices  int           `json:"notices"`
		Cosmetic int           `json:"cosmetic"`
		Findings []jsonFinding `json:"findings"`
	}
	jsonFinding struct {
		Kind     drift.Kind   `json:"kind"`
		Weight   drift.Weight `json:"weight"`
		Subject  string       `json:"subject"`
		Clauses  []string     `json:"clauses"`
		Field    drift.Field  `json:"field"`
		Was      string       `json:"was"`
		Is       string       `json:"is"`
		Note     string       `json:"note"`
		Page     jsonPlace    `json:"page"`
		Contract jsonPlace    `json:"contract"`
	}
	jsonPlace struct {
		File string `json:"file"`
		Line int    `json:"line"`
	}
)

// writeDriftJSON writes the findings as JSON.
func writeDriftJSON(w io.Writer, provider string, _ what, r *drift.Report) error {
	all := jsonDrift{
		Version: driftVersion, Provider: provider, Read: r.Read,
		Alarms: r.Count(drift.Alarm), Notices: r.Count(drift.Notice), Cosmetic: r.Count(drift.Cosmetic),
		Findings: []jsonFinding{},
	}
	for _, f := range r.Findings {
		all.Findings = append(all.Findings, jsonFinding{
			f.Kind, f.Weight, f.Subject, append([]string{}, f.Clauses...), f.Field, f.Was, f.Is, f.Note,
			jsonPlace(f.Page), jsonPlace(f.Contract),
		})
	}
	return encode(w, all)
}
