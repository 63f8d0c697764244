package pages_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/ci/contract/internal/pages"
	"github.com/learncontract/learncontract/fixtures"
)

// stated are the statements of a page, a line each.
func stated(tb testing.TB, layout fixtures.Layout, page string) (lines []string) {
	tb.Helper()
	reader, err := pages.New(layout)
	if err != nil {
		tb.Fatal(err)
	}
	read, err := reader.Read([]byte(page))
	if err != nil {
		tb.Fatalf("%v, of\n%s", err, page)
	}
	for _, table := range read.Tables {
		statements, fault := reader.Statements(table, read.Rendered)
		if fault != "" {
			lines = append(lines, "table: "+fault)
		}
		for _, s := range statements {
			line := fmt.Sprintf("%d: %d %s", s.Row.Line, s.Status, strings.Join(s.Codes, "+"))
			for _, part := range []string{s.Name, s.Message, s.Details, strings.Join(s.Methods, " "), s.Operation} {
				if part != "" {
					line += " | " + part
				}
			}
			if s.Row.Struck {
				line += " (struck)"
			}
			if s.Fault != "" {
				line += " ! " + s.Fault
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func TestStatementsOfTables(t *testing.T) {
	t.Parallel()
	columns := fixtures.Columns{Status: "HTTP code", Code: "Code", Message: "Message", Details: "Details", Method: "Method"}
	const header = "|HTTP code|Code|Message|\n|---|---|---|\n"
	for name, test := range map[string]struct {
		columns fixtures.Columns
		page    string
		want    []string
	}{
		"statuses in their spellings": {columns, header + "|400|a|b|\n|**401** Unauthorized|a|b|\n|[403](/x)|a|b|\n|`404 - Not Found`|a|b|\n" +
			"|HTTP 405|a|b|\n|BAD_REQUEST_400|a|b|\n|429: slow|a|b|\n|&#53;00.|a|b|\n", []string{
			"3: 400 a | b", "4: 401 a | b", "5: 403 a | b", "6: 404 a | b", "7: 405 a | b", "8: 400 a | b", "9: 429 a | b", "10: 500 a | b",
		}},
		"what is no status": {columns, header + "|200|a|b|\n|4O3|a|b|\n|4xx|a|b|\n|40300|a|b|\n|403.1|a|b|\n|400-403|a|b|\n||a|b|\n", []string{
			`3: 0 a | b ! "200" is not the HTTP status of an error`, `4: 0 a | b ! "4O3" is not the HTTP status of an error`,
			`5: 0 a | b ! "4xx" is not the HTTP status of an error`, `6: 0 a | b ! "40300" is not the HTTP status of an error`,
			`7: 0 a | b ! "403.1" is not the HTTP status of an error`, `8: 0 a | b ! "400-403" is not the HTTP status of an error`,
			`9: 0 a | b ! "" is not the HTTP status of an error`,
		}},
		"several of a cell": {columns, header + "|500, 502 or 503|a|b|\n|400<br>404|`bad`<br/>`gone`|b|\n|400|badRequest, invalidRequest|b|\n|400|Bad request|b|\n", []string{
			"3: 500 a | b", "3: 502 a | b", "3: 503 a | b", "4: 400 bad | b", "4: 404 gone | b", "5: 400 badRequest+invalidRequest | b", "6: 400 Bad request | b",
		}},
		"a column of methods": {columns, "|Method|HTTP Code|Code|Message|\n|-|-|-|-|\n|GET, DELETE,patch|404|a|**b**\n|POST|409|c|d|\n", []string{
			"3: 404 a | b | GET DELETE PATCH", "4: 409 c | d | POST",
		}},
		"status and code in one cell": {fixtures.Columns{Status: "Error", Code: "Error", Message: "Description"},
			"|Error|Description|\n|-|-|\n|400 badRequest|b|\n|`404` (`notFound`)|b|\n|TooMany (429)|b|\n|403 - Forbidden|b|\n|unknown|b|\n", []string{
				"3: 400 badRequest | b", "4: 404 notFound | b", "5: 429 TooMany | b", "6: 403 Forbidden | b",
				`7: 0 unknown | b ! "unknown" is not the HTTP status of an error`,
			}},
		"no column of the status": {fixtures.Columns{Code: "Code", Message: "Message"},
			"## 404 errors\n\n|Code|Message|\n|-|-|\n|a|b|\n\n## Others\n\n|Code|Message|\n|-|-|\n|c|d|\n", []string{
				"5: 404 a | b", "11: 0 c | d ! it has no HTTP status: neither a column nor the heading of its table names one",
			}},
		"characters without a width": {columns, "|HTTP\u200b code|Co\u00adde|Message|\n|-|-|-|\n|4\u200b03|a\u2060b|c\ufeff|\n", []string{
			"3: 403 ab | c",
		}},
		"markup that a reader does not see": {columns, "|HTTP&nbsp;code|`Code`|Message|\n|-|-|-|\n|403|[a](b)|isn&#39;t \\| **it**<br>so `x|y`|\n", []string{
			"3: 403 a | isn't | it so `x ! it has 4 cells under 3 columns: is there a bar that is not escaped?",
		}},
		"rows of other shapes": {columns, "HTTP code|Code|Message\n-|-|-\n403|a|b\n404|c|d|\n| 405 | e | f\n406|The sentence that stands in place of a code\n", []string{
			"3: 403 a | b", "4: 404 c | d", "5: 405 e | f", "6: 406  | The sentence that stands in place of a code",
		}},
		"a row struck out, and a cell": {columns, header + "|~~403~~|~~a~~|~~b~~|\n|~~403~~ 404|a|b|\n", []string{
			"3: 403 a | b (struck)", "4: 404 a | b",
		}},
		"a table in HTML with spans": {columns, "<table>\n<tr><th>HTTP code</th><th>Code</th><th>Message</th></tr>\n" +
			"<tr><td rowspan=2>400</td><td>a</td><td>b</td></tr>\n<tr><td>c<td>d\n<tr><td>404<td colspan=2>e\n<tr><td><del>409</del><td><s>f</s><td><s>g</s></table>\n", []string{
			"3: 400 a | b", "4: 400 c | d", "5: 404 e | e", "6: 409 f | g (struck)",
		}},
		"a table in HTML within Markdown": {columns, "# T\n\n> a\n\n<table>\n<tr><th>HTTP code</th><th>Code</th>\n\n<th>Message</th></tr>\n\n<tr><td>404</td><td>\n\n**a**\n\n</td><td>b</td></tr>\n</table>\n\n" +
			"## More\n\n" + header + "|500|c|d|\n", []string{
			"10: 404 a | b", "21: 500 c | d",
		}},
		"where tables may stand": {columns, "Other\nheading\n=======\n\n- item\n\n  " + strings.ReplaceAll(header, "\n|", "\n  |") + "  |400|a|b|\n\n> " + strings.ReplaceAll(header, "\n|", "\n> |") + "> |401|a|b|\n\n" +
			"# [HTTP](#tab/http)\n\n" + header + "|402|a|b|\n---\n\n::: zone pivot=\"x\"\n" + header + "|403|a|b|\n::: zone-end\n\n```\n" + header + "|404|a|b|\n```\n\n<!--\n" + header + "|405|a|b|\n-->\n", []string{
			"9: 400 a | b", "13: 401 a | b", "19: 402 a | b", "25: 403 a | b",
		}},
		"a table that a blank line cuts in two, and one without a header": {columns, header + "|400|a|b|\n\n|401|c|d|\n\n## More\n\n|402|e|f|\n\nText.\n\n|a|b|\n|c|d|\n", []string{
			"3: 400 a | b", "5: 401 c | d", "table: its rows have no header: is the line of dashes missing?",
		}},
		"another column": {columns, "|HTTP code|Error|Message|\n|-|-|-|\n|400|a|b|\n", []string{
			"table: its columns are HTTP code, Error, Message, and those of errors HTTP code, Code and Message",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := stated(t, fixtures.Layout{Reader: "markdown-tables", Columns: []fixtures.Columns{test.columns}}, test.page)
			if !slices.Equal(got, test.want) {
				t.Errorf("stated is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

func TestStatementsOfSections(t *testing.T) {
	t.Parallel()
	const sample = "```json\n{\n  \"error\": {\n    \"code\": %d,\n    \"errors\": [{\"reason\": %q}],\n    \"message\": \"The  thing %s.\"\n  }\n}\n```\n\n"
	body := func(status int, reason, message string) string { return fmt.Sprintf(sample, status, reason, message) }
	places := fixtures.Sample{Status: "/error/code", Code: "/error/errors/0/reason", Message: "/error/message"}
	for name, test := range map[string]struct {
		layout fixtures.Layout
		page   string
		want   []string
	}{
		"headings of statuses": {fixtures.Layout{Reader: "status-sections"},
			"## HTTP 400: BAD_STATE\n\nText.\n\n### FirstName\n\nText.\n\n## 404: Not found\n\nText.\n\n## 429 errors\n\nText.\n\nHTTP 409\n--------\n\nText.\n\n## Appendix\n\n### SecondName\n\nText.\n", []string{
				"1: 400 BAD_STATE", "5: 400 BAD_STATE | FirstName", "9: 404 ", "13: 429 ", "17: 409 ",
			}},
		"a text": {fixtures.Layout{Reader: "status-sections"},
			"Errors\n\nHTTP 400: BAD_\u200bSTATE\nText.\n\n403 errors\n\nText of 404 errors that goes on.\n\n404: Not found\n\nText.\n", []string{
				"3: 400 BAD_STATE", "6: 403 ", "10: 404 ",
			}},
		"reasons with samples": {fixtures.Layout{Reader: "reason-sections", Sample: places},
			"# Errors\n\n## 400 errors\n\nThese are [yours][1].\n\n### `badRequest`\n\nOne.\n\n" + body(400, "badRequest", "is bad") + "### invalidSharing: no mail\n\n#### The mail was not sent\n\n" +
				body(400, "invalidSharing", "was shared") + "#### Nobody may share it\n\n" + body(400, "invalidSharing", "stays") + "## 500, 503: errors\n\n### backendError\n\nText.\n\n[1]: /x\n", []string{
				"3: 400  ! it has neither a code nor a sample response", "7: 400 badRequest | The thing is bad.",
				"21: 400 invalidSharing | The thing was shared.", "21: 400 invalidSharing | The thing stays.",
				"47: 500  ! it has neither a code nor a sample response", "47: 503  ! it has neither a code nor a sample response",
				"49: 500 backendError", "49: 503 backendError",
			}},
		"samples without reasons": {fixtures.Layout{Reader: "reason-sections", Sample: places},
			"## Resolve a 401 error: Invalid credentials\n\nText.\n\n" + body(401, "authError", "is yours") + "## Resolve a 403 error: Daily limit\n\n" + body(403, "dailyLimit", "is over"), []string{
				"1: 401 authError | The thing is yours.", "15: 403 dailyLimit | The thing is over.",
			}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := stated(t, test.layout, test.page); !slices.Equal(got, test.want) {
				t.Errorf("stated is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

func TestStatementsOfADocument(t *testing.T) {
	t.Parallel()
	layout := fixtures.Layout{Reader: "discovery", Codes: map[string]int{"NOT_FOUND": 404, "FAILED_PRECONDITION": 400}}
	want := []string{
		"1: 404 NOT_FOUND | sample.things.patch", "1: 400 FAILED_PRECONDITION | sample.things.patch",
		"1: 400 FAILED_PRECONDITION | ThingNotModifiable | sample.things.patch",
	}
	got := stated(t, layout, string(document(t, "It returns: * `NOT_FOUND` if it is gone. * `FAILED_PRECONDITION` for the errors: * ThingNotModifiable")))
	if !slices.Equal(got, want) {
		t.Errorf("stated is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	got = stated(t, layout, string(document(t, "If it is gone, NOT_FOUND is returned.")))
	if len(got) != 1 || !strings.Contains(got[0], "the status NOT_FOUND stands where no bullet of one is") {
		t.Errorf("of a status in prose is stated %q", got)
	}
}

func TestReadSaysWhichLanguageAPageIsIn(t *testing.T) {
	t.Parallel()
	const table = "\n|HTTP code|Code|Message|\n|-|-|-|\n|404|notFound|a|\n"
	german := strings.Repeat("Die Anfrage ist ungültig, für die Ausführung fehlen möglicherweise Rechte. ", 10)
	english := strings.Repeat("The request of the user is not valid for this resource, see the café menu. ", 10)
	for page, want := range map[string]string{
		"---\ntitle: T\nms.contentlocale: pt-BR\n---\n" + table:          "pt-BR",
		"---\ntitle: T\nms.locale: en-us\n---\n" + table:                 "",
		"---\ntitle: T\nms.locale: en-us\n---\n" + german + "\n" + table: "",
		"<html lang=\"de\"><table><tr><th>a<tr><td>b</table></html>":     "de",
		"<html lang='EN_gb'><table><tr><th>a<tr><td>b</table></html>":    "",
		german + "\n" + table:  "not English",
		english + "\n" + table: "",
		table:                  "",
		strings.Repeat("この操作は許可されていません。", 20) + "\n" + table: "not English",
	} {
		_, err := readAs("markdown-tables", []byte(page))
		if got := fmt.Sprint(err); want == "" && err != nil || want != "" && !strings.HasPrefix(got, "the page is in another language ("+want+") than the contract (en)") {
			t.Errorf("the error is %v, want %q, of\n%.80s", err, want, page)
		}
	}
}
