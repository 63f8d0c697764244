package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/learncontract/learncontract/fixtures"
)

func showCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show CLAUSE",
		Short: "Print one clause in full",
		Long: "show prints everything about one documented error: what to do about it, each wording with an example response, the\n" +
			"row of the documentation cell by cell with its defects, how strongly each field binds, and where the contract has\n" +
			"it. CLAUSE is an id that list prints, or the id of a wording, as a failure names it.",
		Example: "  go tool contract show graph.update.learner-license\n" +
			"  go tool contract show graph.update.throttled#error\n" +
			"  go tool contract show classroom.courses.patch.failed-precondition.CourseNotModifiable --json",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("show takes one clause id, and was given %d: go tool contract list prints them", len(args))
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, id string) ([]cobra.Completion, cobra.ShellCompDirective) {
			var ids []cobra.Completion
			if contracts, err := load(nil); err == nil && len(args) == 0 {
				for _, c := range clauses(contracts) {
					if strings.HasPrefix(c.ID, id) {
						ids = append(ids, cobra.CompletionWithDesc(c.ID, c.Title()))
					}
				}
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			contracts, err := load(nil)
			if err != nil {
				return err
			}
			clause, err := find(clauses(contracts), args[0])
			switch {
			case err != nil:
				return err
			case asJSON:
				return writeJSON(cmd.OutOrStdout(), []*fixtures.Clause{clause})
			}
			return writeClause(cmd.OutOrStdout(), clause)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the clause as list --json does")
	return cmd
}

// find returns the clause with the id, or with a wording of the id. The error proposes the nearest ids.
func find(clauses []*fixtures.Clause, id string) (*fixtures.Clause, error) {
	for _, c := range clauses {
		if c.ID == id || slices.ContainsFunc(c.Wordings, func(w *fixtures.Wording) bool { return w.ID() == id }) {
			return c, nil
		}
	}
	near := nearest(clauses, id)
	if len(near) == 0 {
		return nil, fmt.Errorf("no clause has the id %q: go tool contract list prints all ids", id)
	}
	return nil, fmt.Errorf("no clause has the id %q: did you mean %s? go tool contract list prints all ids", id, joinOr(near))
}

// nearest returns up to three ids that contain the id, or else those most like it.
func nearest(clauses []*fixtures.Clause, id string) []string {
	id, _, _ = strings.Cut(strings.ToLower(id), "#")
	var containing, similar []string
	closeness := map[string]float64{}
	for _, c := range clauses {
		candidate := strings.ToLower(c.ID)
		if id != "" && strings.Contains(candidate, id) {
			containing = append(containing, c.ID)
		}
		if closeness[c.ID] = fixtures.Closeness(pairs(id), pairs(candidate)); closeness[c.ID] > 0.75 {
			similar = append(similar, c.ID)
		}
	}
	if len(containing) > 0 {
		return containing[:min(len(containing), 3)]
	}
	slices.SortStableFunc(similar, func(a, b string) int { return cmp.Compare(closeness[b], closeness[a]) })
	return similar[:min(len(similar), 3)]
}

// pairs returns the pairs of neighbouring letters of an id, as words. A misspelled id has most of them in common with the right
// one.
func pairs(id string) string {
	var text strings.Builder
	for i := range max(0, len(id)-1) {
		text.WriteString(id[i:i+2] + " ")
	}
	return text.String()
}

// writeClause writes everything about a clause: first what to do about it, last its sources.
func writeClause(w io.Writer, c *fixtures.Clause) error {
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s\n%s %s\n%s.\n\n", c.ID, c.Operation.Method, c.Operation.Path, c.Title())
	from := "from the page"
	if c.Remedy.From != "page" {
		from = "ours, the page names none"
	}
	b := c.Bindings
	writeFields(&text, "", []field{
		{"remedy", fmt.Sprintf("%s (%s)", c.Remedy.Do, from)},
		{"evidence", strings.TrimSuffix(c.Evidence+": "+c.Basis, ": ")},
		{"bindings", fmt.Sprintf("status %s, code %s, name %s, message %s, details %s, "+
			"innerError %s, shape %s, retryAfter %s", b.Status, b.Code, b.Name, b.Message, b.Details,
			b.InnerError, b.Shape, b.RetryAfter)},
		{"contract", fmt.Sprintf("%s:%d", c.File, c.Line)},
	})
	for _, wording := range c.Wordings {
		writeWording(&text, wording)
	}
	for sources := c.Sources; len(sources) > 0; {
		same := 1
		for same < len(sources) && slices.Equal(sources[same].Row.Cells, sources[0].Row.Cells) {
			same++
		}
		writeSources(&text, sources[:same])
		sources = sources[same:]
	}
	_, err := text.WriteTo(w)
	return err
}

// writeWording writes one wording and an example response.
func writeWording(text *bytes.Buffer, w *fixtures.Wording) {
	heading := "Wording"
	if len(w.Clause.Wordings) > 1 {
		heading += " " + w.ID()
	}
	if w.Reading != "" {
		heading += ", " + w.Reading
	}
	fmt.Fprintf(text, "\n%s:\n", heading)
	fields := []field{{"code", w.Code}, {"message", w.Message.String()}}
	for _, d := range w.Details {
		fields = append(fields, field{"detail", d.Code + ": " + d.Message.String()})
	}
	if w.MoreDetails {
		fields = append(fields, field{"", "and more of them"})
	}
	origin := "seen in public: " + w.Text
	switch w.Text {
	case "":
		origin = "from the page"
	case "synthetic":
		origin = "synthetic: ours, never seen in public"
	}
	writeFields(text, "  ", append(fields, field{"text", origin}, field{"editions", strings.Join(w.Editions(), ", ")}))

	response := w.Response()
	fmt.Fprintf(text, "\n  %s\n", fixtures.StatusLine(response.Status))
	for _, name := range slices.Sorted(maps.Keys(response.Header)) {
		fmt.Fprintf(text, "  %s: %s\n", name, response.Header.Get(name))
	}
	text.WriteString("\n  ")
	_ = json.Indent(text, response.Body, "  ", "  ") // Response renders JSON
	text.WriteByte('\n')
}

// writeSources writes the places of rows with the same cells, then the cells and their defects.
func writeSources(text *bytes.Buffer, sources []*fixtures.Source) {
	for _, s := range sources {
		e := s.Edition
		fmt.Fprintf(text, "\nDocumented in %s, edition %q of\n%s\n%s\n", s.Row, e.ID, e.Title, e.URL)
		if e.Note != "" {
			fmt.Fprintf(text, "(%s)\n", e.Note)
		}
	}
	text.WriteByte('\n')
	s := sources[0]
	columns := s.Table.Header
	var cells []field
	for i, cell := range s.Row.Cells {
		column := ""
		if i < len(columns) {
			column = columns[i]
		}
		cells = append(cells, field{column, cell})
	}
	writeFields(text, "  ", cells)
	for _, d := range s.Defects {
		fields := []field{{"defect", d.Cell + ": " + d.Fault}, {"read", d.Read}}
		if d.From != "" {
			fields = append(fields, field{"repair", fmt.Sprintf("%q to %q", d.From, d.To)})
		}
		text.WriteByte('\n')
		writeFields(text, "  ", append(fields, field{"reason", d.Reason}))
	}
}

// field is a line of a text: a name, which may be empty, and a value.
type field struct{ name, value string }

// writeFields writes a line for each field, values aligned.
func writeFields(text *bytes.Buffer, indent string, fields []field) {
	width := len(slices.MaxFunc(fields, func(a, b field) int { return cmp.Compare(len(a.name), len(b.name)) }).name)
	for _, f := range fields {
		if width == 0 {
			fmt.Fprintf(text, "%s%s\n", indent, f.value)
			continue
		}
		fmt.Fprintf(text, "%s%-*s  %s\n", indent, width, f.name, f.value)
	}
}
