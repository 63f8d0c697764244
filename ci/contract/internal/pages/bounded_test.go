package pages_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/ci/contract/internal/pages"
	"github.com/learncontract/learncontract/fixtures"
)

// TestReadIsBounded has pages on which a parser may take time by the square of their length, or more: the test's own time is the limit.
func TestReadIsBounded(t *testing.T) {
	t.Parallel()
	repeat := func(text string) string { return strings.Repeat(text, (64<<10)/len(text)) }
	var ticks, lists strings.Builder
	for i := range 300 {
		ticks.WriteString(strings.Repeat("`", i) + " ")
		lists.WriteString(strings.Repeat(" ", i) + "- a\n")
	}
	aliases := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for letter := 'b'; letter < 'k'; letter++ {
		aliases += fmt.Sprintf("%c: &%c [%s]\n", letter, letter, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", letter-1), 9), ","))
	}
	for name, page := range map[string]string{
		"brackets": repeat("["), "links": repeat("[a]("), "emphasis": repeat("*a **a "), "code": ticks.String(), "references": repeat("[a]: b\n"),
		"quotes": strings.Repeat("> ", 90) + "a\n", "lists": lists.String(), "bars": repeat("|\n"), "rows": "|a|b|\n|-|-|\n" + repeat("|a|403|c|\n"),
		"markup": "|a|b|\n|-|-|\n" + repeat("|**4** &amp;|`b`|\n"), "escaped bars": "|a|\n|-|\n|`" + repeat(`\|`) + "`|\n",
		"comments": repeat("<!--"), "tables in HTML": repeat("<table>\n"), "small tables": repeat("<table><tr><td>a</table>\n\n"),
		"spans": "<table>" + repeat("<tr><td rowspan=60000 colspan=60>403") + "</table>", "sections": repeat("HTTP 400: A\n\nText\n\n"),
		"samples": "## 404 error\n\n" + repeat("{\"a\":1}\n\n"), "deep JSON": "## 404 error\n\n" + repeat("{\"a\":") + "\n\n",
		"aliases": "---\n" + aliases + "title: *j\n---\n|a|\n|-|\n",
	} {
		for _, reader := range pages.Names() {
			r, err := pages.New(fixtures.Layout{
				Reader: reader, Columns: []fixtures.Columns{{Status: "b", Code: "a"}}, Sample: fixtures.Sample{Status: "/a"},
			})
			if err != nil {
				t.Fatal(err)
			}
			read, err := r.Read([]byte(page))
			if err != nil {
				if strings.Contains(err.Error(), "\n") {
					t.Errorf("%s: the error has several lines: %v", name, err)
				}
				continue
			}
			for _, table := range read.Tables {
				r.Statements(table, read.Rendered)
			}
		}
	}
}

func TestReadHasLimits(t *testing.T) {
	t.Parallel()
	for want, page := range map[string]string{
		"the file has 60000 lines, which no page of errors has: give one page":                             strings.Repeat("\n", 60_000),
		"the file has more than 4 MiB, which no page of errors has: give one page":                         strings.Repeat("a ", 1<<21+1),
		"the page has 10001 rows, and no page of errors has more than 10000: give one page":                "|a|\n|-|\n" + strings.Repeat("|b|\n", 10_001),
		"line 3: a table has more than 64 columns, which no table of errors has: correct the row":          "|a|\n|-|\n|" + strings.Repeat("b|", 80) + "\n",
		"line 2: a table has more than 64 columns, which no table of errors has: correct the row":          "<table><tr><th>a\n<tr><td colspan=1000>b</table>",
		"line 3: the page nests quotes and lists deeper than 100: correct the line":                        "# T\n\n" + strings.Repeat("> ", 101) + "a\n",
		"the page has no table, but includes another file in line 3, [!INCLUDE [a](b.md)]: give that file": "# T\n\n[!INCLUDE [a](b.md)]\n",
	} {
		if _, err := readAs("markdown-tables", []byte(page)); err == nil || err.Error() != want {
			t.Errorf("the error is %v, want %s", err, want)
		}
	}
}
