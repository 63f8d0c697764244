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
		Short: "Show one clause whole",
		Long: "show prints all that is known of one documented error: what to do about it, each wording with an answer as an\n" +
			"example, the row of the documentation cell by cell with its defects, how strongly each field binds, and where\n" +
			"the contract has it. CLAUSE is an id that list prints, or the id of a wording, such as a failure names it.",
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
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the clause as JSON, as list --json does")
	return cmd
}

// find returns the clause of that id, its own or that of one of its wordings. The error proposes the nearest ids.
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
	return nil, fmt.Errorf("no clause has the id %q: did you mean %s? go tool contract list prints all ids", id, or(near))
}

// nearest returns up to three ids that the id is a part of, or else those it takes few edits to reach.
func nearest(clauses []*fixtures.Clause, id string) (near []string) {
	clauseID, _, _ := strings.Cut(strings.ToLower(id), "#")
	edits := map[string]int{}
	for _, c := range clauses {
		candidate := strings.ToLower(c.ID)
		if clauseID != "" && strings.Contains(candidate, clauseID) {
			edits[c.ID] = 0
			near = append(near, c.ID)
		} else if n := distance(clauseID, candidate); n <= len(clauseID)/4 {
			edits[c.ID] = n
			near = append(near, c.ID)
		}
	}
	slices.SortStableFunc(near, func(a, b string) int { return edits[a] - edits[b] })
	return near[:min(len(near), 3)]
}

// distance is how many bytes must be changed, added or taken out to make b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := diagonal
			if a[i] != b[j] {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// writeClause writes all of a clause: what to do first, and where it comes from last.
func writeClause(w io.Writer, c *fixtures.Clause) error {
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s\n%s %s\n%s.\n\n", c.ID, c.Operation.Method, c.Operation.Path, c.Title())
	from := "the page says so"
	if c.Remedy.From != "page" {
		from = "we say so, the page does not"
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

// writeWording writes one wording, and an answer as an example of it.
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
	origin := "seen in public, " + w.Text
	switch w.Text {
	case "":
		origin = "the page's"
	case "synthetic":
		origin = "synthetic: written by us, never seen in public"
	}
	writeFields(text, "  ", append(fields, field{"text", origin}, field{"editions", strings.Join(w.Editions(), ", ")}))

	answer := w.Response()
	fmt.Fprintf(text, "\n  %s\n", fixtures.StatusLine(answer.Status))
	for _, name := range slices.Sorted(maps.Keys(answer.Header)) {
		fmt.Fprintf(text, "  %s: %s\n", name, answer.Header.Get(name))
	}
	text.WriteString("\n  ")
	_ = json.Indent(text, answer.Body, "  ", "  ") // Answer renders JSON
	text.WriteByte('\n')
}

// writeSources writes rows with the same cells: where each stands, then the cells, and what is wrong with them.
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
