package drift_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/ci/contract/internal/drift"
	"github.com/learncontract/learncontract/ci/contract/internal/pages"
	"github.com/learncontract/learncontract/fixtures"
)

func sample(tb testing.TB) *fixtures.Contract {
	tb.Helper()
	c, err := fixtures.Open(os.DirFS("../../../../fixtures/testdata/sample"))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// markdown is the source of the page that the edition was read from.
func markdown(e *fixtures.Edition) string {
	var text strings.Builder
	fmt.Fprintf(&text, "---\ntitle: %q\n---\n", e.Title)
	for _, t := range e.Tables {
		fmt.Fprintf(&text, "\n## %s\n\n|%s|\n%s\n", t.Heading, strings.Join(t.Header, "|"), strings.Repeat("|---", len(t.Header)))
		for _, row := range t.Rows {
			fmt.Fprintf(&text, "|%s|\n", strings.Join(row.Cells, "|"))
		}
	}
	return text.String()
}

// drifts are the findings of a page's source, a line each.
func drifts(tb testing.TB, c *fixtures.Contract, text string) []string {
	tb.Helper()
	reader, err := pages.New(c.Layout)
	if err != nil {
		tb.Fatal(err)
	}
	page, err := reader.Read([]byte(text))
	if err != nil {
		tb.Fatalf("%v, of\n%s", err, text)
	}
	r, err := drift.Pages(c, drift.Page{File: "page.md", Page: page})
	if err != nil {
		tb.Fatal(err)
	}
	var lines []string
	for _, f := range r.Findings {
		lines = append(lines, fmt.Sprintf("%s: %s %s of %s: %s", f.Weight, f.Field, f.Kind, f.Subject, f.Note))
	}
	return lines
}

// TestMarkup has pages that differ from the contract in what their readers see, or only in how it is written.
func TestMarkup(t *testing.T) {
	t.Parallel()
	const misspelled = "Forb" + "iden" // by the page
	const forbidden = "|Forbidden|403|" + misspelled + "|The user license is not valid to perform the operation|"
	const unseen = ": only the markup differs, which no reader sees"
	for name, test := range map[string]struct {
		edit []string // old and new texts
		want []string
	}{
		"nothing":                                   {nil, nil},
		"a no-break space in the header":            {[]string{"HTTP code|", "HTTP\u00a0code|", "HTTP Code|", "HTTP&nbsp;Code|"}, nil},
		"rows without their bars":                   {[]string{"|\n|", "\n", "Details|\n|---", "Details\n|---"}, nil},
		"a table with a line of dashes for another": {[]string{"|---|---|---|---|---", "|---|---|---|---|---|---"}, nil},
		"a blank line in a table":                   {[]string{"|Internal error|", "\n|Internal error|"}, nil},
		"entities in a message that binds": {
			[]string{misspelled + "|The user license", misspelled + "|The user &#108;icense"},
			[]string{"cosmetic: message spelling only of sample.things.create.license" + unseen},
		},
		"characters without a width in a message that binds": {
			[]string{misspelled + "|The user license", misspelled + "|The user li\u200bcense"},
			[]string{"cosmetic: message spelling only of sample.things.create.license" + unseen},
		},
		"a link, a code span and a line break": {
			[]string{"|Forbidden|403|" + misspelled + "|The user", "|Forbidden|[403](/403)|`" + misspelled + "`|The<br>user"},
			[]string{
				"cosmetic: status spelling only of sample.things.create.license" + unseen,
				"cosmetic: code spelling only of sample.things.create.license" + unseen,
				"cosmetic: message spelling only of sample.things.create.license" + unseen,
			},
		},
		"a defect that was fixed": {
			[]string{misspelled, "Forbidden"},
			[]string{"cosmetic: code defect fixed of sample.things.create.license: the page now says what the contract reads"},
		},
		"a row struck out": {
			[]string{forbidden, "|~~Forbidden~~|~~403~~|~~" + misspelled + "~~|~~The user license is not valid to perform the operation~~|"},
			[]string{"notice: row withdrawn of sample.things.create.license: the row is struck out"},
		},
		"a cell struck out": {
			[]string{"|403|" + misspelled + "|", "|403|~~Forbidden~~ noLicense|"},
			[]string{"alarm: code code changed of sample.things.create.license: "},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := sample(t)
			text := markdown(c.Editions[0])
			changed := strings.NewReplacer(test.edit...).Replace(text)
			if len(test.edit) > 0 && changed == text {
				t.Fatalf("nothing of %q is in\n%s", test.edit, text)
			}
			got := drifts(t, c, changed)
			for i := range test.want {
				test.want[i] = strings.ReplaceAll(test.want[i], "sample.things.create.license", c.Clause(licence(c)).ID)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// licence is the id of the clause that a user without a licence meets when creating a thing.
func licence(c *fixtures.Contract) string {
	for clause := range c.Clauses() {
		if clause.Status == 403 && strings.HasPrefix(clause.ID, "sample.things.create.") {
			return clause.ID
		}
	}
	return ""
}

func TestIncludedTable(t *testing.T) {
	t.Parallel()
	c := sample(t)
	text := markdown(c.Editions[0])
	before, _, _ := strings.Cut(text, "## Failed deletions")
	want := []string{"alarm: table unreadable of sample.things.delete: " +
		"the table may stand in the included file: give that file too, or the page saved as HTML"}
	for _, directive := range []string{
		"[!INCLUDE [errors](../includes/errors.md)]", "> [!include[errors](e.md)]", "{% include errors.md %}",
	} {
		if got := drifts(t, c, before+"## Failed deletions\n\n"+directive+"\n"); !slices.Equal(got, want) {
			t.Errorf("of %s found %q, want %q", directive, got, want)
		}
	}
}

// TestColumnOfMethods has one table for all operations, in which a column says which of them fail so.
func TestColumnOfMethods(t *testing.T) {
	t.Parallel()
	c := sample(t)
	c.Layout.Columns[0].Method = "Method"
	text := "# Errors of things\n\n## Errors\n\n|Method|HTTP code|Code|Message|Details|\n|-|-|-|-|-|\n"
	methods := map[string]string{}
	for clause := range c.Clauses() {
		for _, s := range clause.Sources {
			if s.Edition == c.Editions[0] && s.Table.Operation == clause.Operation.ID {
				key := strings.Join(s.Row.Cells[1:], "|")
				methods[key] += " " + clause.Operation.Method
			}
		}
	}
	for _, row := range c.Editions[0].Rows() {
		key := strings.Join(row.Cells[1:], "|")
		if methods[key] != "" {
			text += fmt.Sprintf("|%s|%s|\n", strings.Join(strings.Fields(methods[key]), ", "), key)
			methods[key] = ""
		}
	}
	r := drifts(t, c, text)
	for _, line := range r {
		if !strings.HasPrefix(line, "notice: scenario reworded") && !strings.HasPrefix(line, "cosmetic: row moved") { // a column that the page lacks
			t.Errorf("found %s, of\n%s", line, text)
		}
	}
	withdrawn := strings.Replace(text, "DELETE", "PUT", 1)
	var alarms []string
	for _, line := range drifts(t, c, withdrawn) {
		if strings.HasPrefix(line, "alarm") {
			alarms = append(alarms, line)
		}
	}
	if len(alarms) != 1 || !strings.Contains(alarms[0], "removed of sample.things.delete") {
		t.Errorf("where DELETE no longer fails so, found %q", alarms)
	}
}
