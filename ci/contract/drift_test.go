package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/learncontract/learncontract/ci/contract/internal/drift"
	"github.com/learncontract/learncontract/fixtures"
)

// markdown is the page that an edition was read from.
func markdown(e *fixtures.Edition) string {
	var text strings.Builder
	fmt.Fprintf(&text, "---\ntitle: %q\n---\n", e.Title)
	for _, t := range e.Tables {
		fmt.Fprintf(&text, "\n## %s\n\n|%s|\n|%s\n", t.Heading, strings.Join(t.Header, "|"), strings.Repeat(":---|", len(t.Header)))
		for _, row := range t.Rows {
			fmt.Fprintf(&text, "|%s|\n", strings.Join(row.Cells, "|"))
		}
	}
	return text.String()
}

// prose is the text of a page without tables.
func prose(e *fixtures.Edition) string {
	paragraphs := []string{e.Title}
	for _, row := range e.Rows() {
		paragraphs = append(paragraphs, row.Cells...)
	}
	return strings.Join(paragraphs, "\n\n") + "\n"
}

// discoveryDocument is a discovery document that says what the contract's says.
func discoveryDocument(t *testing.T, d *fixtures.Document) string {
	t.Helper()
	ref := func(schema string) map[string]any { return map[string]any{"$ref": schema} }
	methods := map[string]any{}
	for _, m := range d.Methods {
		description := "Does it. This method returns the following error codes:"
		for _, f := range m.Failures {
			description += " * `" + f.Code + "` " + f.When
			for _, name := range f.Names {
				description += " * " + name
			}
		}
		method := map[string]any{
			"id": m.ID, "httpMethod": m.HTTPMethod, "flatPath": strings.TrimPrefix(m.Path, "/"), "description": description,
			"response": ref(m.Response),
		}
		if m.Request != "" {
			method["request"] = ref(m.Request)
		}
		parameters := map[string]any{}
		for name, value := range m.Query {
			field := regexp.MustCompile("[A-Z]").ReplaceAllStringFunc(value, func(letter string) string { return "_" + strings.ToLower(letter) })
			parameters[name] = map[string]any{"location": "query", "required": true, "description": "* `" + field + "`"} // where it is a mask
		}
		method["parameters"] = parameters
		methods[m.ID] = method
	}
	schemas := map[string]any{}
	for name, text := range d.Schemas {
		schemas[name] = jsontext.Value(strings.ReplaceAll(string(text), "#/$defs/", ""))
	}
	text, err := json.MarshalIndent(map[string]any{
		"title": d.Title, "version": d.Version, "revision": d.Revision, "methods": methods, "schemas": schemas,
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// publish writes page.md, page.txt and document.json as the contracts have them into a new folder, and goes there.
func publish(t *testing.T) (page, text, document string) {
	t.Helper()
	graph, err := fixtures.Load("graph")
	if err != nil {
		t.Fatal(err)
	}
	classroom, err := fixtures.Load("classroom")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	page, text, document = markdown(graph.Editions[0]), prose(classroom.Editions[0]), discoveryDocument(t, classroom.Document)
	for file, content := range map[string]string{"page.md": page, "page.txt": text, "document.json": document} {
		write(t, file, content)
	}
	return page, text, document
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// replaced is text with each of the old texts replaced; it must have each once.
func replaced(t *testing.T, text string, oldNew ...string) string {
	t.Helper()
	for i := 0; i < len(oldNew); i += 2 {
		if strings.Count(text, oldNew[i]) != 1 {
			t.Fatalf("%q stands %d times in the text, want once", oldNew[i], strings.Count(text, oldNew[i]))
		}
		text = strings.Replace(text, oldNew[i], oldNew[i+1], 1)
	}
	return text
}

func TestNoDrift(t *testing.T) {
	page, text, _ := publish(t)
	write(t, "windows.md", strings.ReplaceAll(page, "\n", "\r\n"))
	write(t, "windows.txt", strings.ReplaceAll(text, "\n", "\r\n"))
	for args, want := range map[string]string{
		"graph page.md":                                       `^no drift: \d+ statements of page.md say what the contract says\n$`,
		"graph windows.md":                                    `^no drift: \d+ statements of windows.md say what the contract says\n$`,
		"graph page.md windows.md":                            `^no drift: \d+ statements of page.md, windows.md say what the contract says\n$`,
		"classroom --discovery document.json":                 `^no drift: \d+ statements of document.json say what the contract says\n$`,
		"classroom windows.txt --discovery document.json":     `^no drift: \d+ statements of windows.txt, document.json say what the contract says\n$`,
		"classroom page.txt --discovery document.json --json": `(?s)"alarms": 0,.*"findings": \[\]`,
	} {
		if got := printed(t, append([]string{"drift"}, strings.Fields(args)...)...); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("drift %s prints\n%swant\n%s", args, got, want)
		}
	}
}

func TestDrift(t *testing.T) {
	page, text, document := publish(t)
	write(t, "page.md", replaced(t, page,
		"|Bad Request|404|Not Found|The requested", "|Bad Request|410|Not Found|The requested",
		"|Internal Server Error|500|Internal Server Error|", "|Internal server error|500|serverError|",
		"Required fields are missing|", "Some fields that are required are missing|",
		"The user license isn't valid to perform the operation|", "The user has no premium license|",
		"|Service unavailable|503|Service unavailable|{\"code\": \"serviceUnavailable\",\"message\": \"Retry after {noOfMinutes} minutes\"}.|\n|Multiple",
		"|Conflict|409|conflict|The assignment was changed.|\n|Multiple",
		"|Method not supported for entity|405|methodNotAllowed|This method isn't supported for this entity type. See the Microsoft Graph documentation for the methods applicable to this entity.|\n"+
			"|User doesn't have the appropriate permissions scope|403|Forbidden|",
		"|User doesn't have the appropriate permissions scope|Forbidden|",
	))
	write(t, "page.txt", replaced(t, text,
		"\n\nIneligibleOwner\n\n", "\n\nIneligibleNewOwner\n\n",
		"indicates that the requesting user does not have access to Classroom.", "indicates that the requesting user doesn't have access to Classroom.",
		"\n\nHTTP 429: RESOURCE_EXHAUSTED\n\n", "\n\nHTTP 429: QUOTA_EXHAUSTED\n\n",
	))
	write(t, "document.json", replaced(t, document,
		`"v1/registrations"`, `"v1/registrations:create"`,
		"* UserIneligibleToUpdateGradingPeriodSettings", "* UserIneligible",
		" * CourseTopicLimitReached", "",
		"if the student or guardian has exceeded the guardian link limit.", "if the student has too many guardians.",
		`"enrollmentCode": {
          "type": "string"
        },
        "gradebookSettings"`, `"gradebookSettings"`,
		`"guardiansEnabled": {
          "type": "boolean"`, `"guardiansWelcome": {
          "type": "boolean"
        },
        "guardiansEnabled": {
          "type": "string"`,
		`"PROVISIONED"`, `"PROPOSED"`,
	))
	for name, args := range map[string]string{
		"graph":          "graph page.md",
		"graph-json":     "graph page.md --json",
		"classroom":      "classroom page.txt --discovery document.json",
		"classroom-json": "classroom page.txt --discovery document.json --json",
	} {
		t.Run(name, func(t *testing.T) {
			status, stdout, stderr := contract(append([]string{"drift"}, strings.Fields(args)...)...)
			if status != 1 || stderr != "" {
				t.Fatalf("exit status %d, want 1; %s", status, stderr)
			}
			golden(t, "drift", name, stdout)
		})
	}
}

// TestDriftFailsByWeight has one cosmetic difference, and a notice beside it.
func TestDriftFailsByWeight(t *testing.T) {
	page, _, _ := publish(t)
	entity := replaced(t, page, "The user license isn't valid", "The user license isn&#39;t valid")
	write(t, "cosmetic.md", entity)
	write(t, "notice.md", replaced(t, entity, "|Bad request|400|badRequest|Input fields are invalid|", "|Bad request|400|badRequest|Some fields of the input are not valid|"))
	for args, want := range map[string]int{
		"cosmetic.md": 0, "cosmetic.md --fail-on alarm": 0, "cosmetic.md --fail-on notice": 0, "cosmetic.md --fail-on cosmetic": 1,
		"notice.md": 1, "notice.md --fail-on alarm": 0, "notice.md --fail-on notice": 1, "notice.md --fail-on cosmetic": 1,
		"notice.md --fail-on none": 2,
	} {
		status, stdout, stderr := contract(append([]string{"drift", "graph"}, strings.Fields(args)...)...)
		if status != want || want < 2 && !strings.Contains(stdout, "1 cosmetic\n") {
			t.Errorf("drift graph %s: exit status %d, want %d; %s%s", args, status, want, stdout, stderr)
		}
	}
	if _, _, stderr := contract("drift", "graph", "notice.md", "--fail-on", "none"); stderr != "contract: --fail-on is \"none\": use alarm, notice or cosmetic\n" {
		t.Errorf("of a weight that there is not, standard error has %s", stderr)
	}
}

func TestDriftErrors(t *testing.T) {
	page, text, document := publish(t)
	write(t, "empty", "\n")
	beforeCut, _, _ := strings.Cut(page, "isn't enabled")
	write(t, "cut.md", beforeCut)
	beforeCut, _, _ = strings.Cut(text, "the user recheck")
	write(t, "cut.txt", beforeCut)
	write(t, "cut.json", document[:len(document)/2])
	write(t, "other.md", "# Get thing\n\n|Property|Type|\n|---|---|\n|id|String|\n")
	if err := os.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, "large.md", "|")
	if err := os.Truncate("large.md", 64<<20+1); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOFLAGS", "-mod=mod") // as a module without the requirement is seen, whoever runs the test
	for _, c := range []struct{ args, want string }{
		{"", `drift takes a provider: use drift classroom or graph`},
		{"grap", `unknown provider "grap": use classroom or graph`},
		{"graph", `drift graph takes one page or more: give a published page, its Markdown source or saved as HTML`},
		{"graph nowhere.md", `there is no file nowhere.md: check its name and folder`},
		{"graph folder", `folder is a folder: give a file in it`},
		{"graph empty", `empty is empty: get the page or document again`},
		{"graph large.md", `large.md has more than 64 MiB: give a page, or a discovery document`},
		{"graph cut.md", `cut.md: the page ends within a row or a sentence: get all of it`},
		{"graph page.md other.md", `other.md: the page documents no errors, for it has no table with the columns HTTP code, Code and Message: give one that has`},
		{"graph --page page.md", `unknown flag: --page: go tool contract drift --help lists the flags`},
		{"graph page.md --discovery document.json", `graph has no discovery document: leave out --discovery`},
		{"classroom cut.txt --discovery document.json", `cut.txt: the page ends within a row or a sentence: get all of it`},
		{"classroom --discovery=", `the name of a file is empty: give one`},
		{"classroom --discovery folder", `folder is a folder: give a file in it`},
		{"classroom --discovery cut.json", `cut.json: the file is no discovery document, such as "classroom-api.json", for it breaks off: get one again`},
		{"classroom --discovery page.md", `page.md: the file is no discovery document, such as "classroom-api.json", for it is not JSON from line 1 on: get one again`},
	} {
		status, stdout, stderr := contract(append([]string{"drift"}, strings.Fields(c.args)...)...)
		if want := "contract: " + c.want + "\n"; status != 2 || stdout != "" || stderr != want {
			t.Errorf("drift %s: exit status %d, want 2; standard output %q, want none; standard error\n%swant\n%s",
				c.args, status, stdout, stderr, want)
		}
	}
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOMODCACHE", t.TempDir())
	status, _, stderr := contract("drift", "classroom")
	if want := `^contract: google.golang.org/api@v[0-9.]+ was not downloaded \(.*GOPROXY=off.*\): ` +
		`give the discovery document with --discovery FILE\n$`; status != 2 || !regexp.MustCompile(want).MatchString(stderr) {
		t.Errorf("without a proxy: exit status %d, want 2; %swant %s", status, stderr, want)
	}
	var errs bytes.Buffer
	for _, args := range []string{"drift --schema", "drift graph page.md", "drift graph page.md --json"} {
		errs.Reset()
		if status := run(strings.Fields(args), full{}, &errs); status != 2 || errs.String() != "contract: no space left\n" {
			t.Errorf("contract %s: exit status %d, want 2; %s", args, status, errs.String())
		}
	}
}

// A page may say anything, and a terminal must not do it.
func TestDriftIsSafeToPrint(t *testing.T) {
	page, _, _ := publish(t)
	write(t, "page.md", replaced(t, page, "The user license isn't valid to", "The user license \x1b]0;pwned\a\u009b31m\u202eisn't valid to"))
	write(t, "document.json", `{"methods": {"a": {"id": "\u001b]0;pwned\u0007", "httpMethod": "GET", "path": "a", "description": "* `+"`GONE`"+`"}}}`)
	for args, want := range map[string]int{"graph page.md": 1, "classroom --discovery document.json": 2} {
		status, stdout, stderr := contract(append([]string{"drift"}, strings.Fields(args)...)...)
		if all := stdout + stderr; status != want || strings.ContainsAny(all, "\x1b\a\u009b\u202e") || !strings.Contains(all, `\u001b]0;pwned\u0007`) {
			t.Errorf("drift %s: exit status %d, %q%q", args, status, stdout, stderr)
		}
	}
}

// The schema is checked against findings of every kind, and must name every key: for its readers others are allowed, here not.
func TestDriftJSON(t *testing.T) {
	compiled := closedSchema(t, "drift", "--schema")
	r := &drift.Report{Read: 1}
	weights := drift.Weights()
	for i, kind := range []drift.Kind{
		drift.Added, drift.Removed, drift.StatusChanged, drift.CodeChanged, drift.RequestChanged, drift.TypeChanged,
		drift.Reworded, drift.SpellingOnly, drift.Moved, drift.Contradiction, drift.Unreadable,
		drift.Withdrawn, drift.DefectFixed,
	} {
		f := drift.Finding{Kind: kind, Weight: weights[i%len(weights)], Subject: "a", Field: "code"}
		if i > 0 {
			f.Clauses, f.Page = []string{"a"}, drift.Place{File: "page.md", Line: i}
		}
		r.Findings = append(r.Findings, f)
	}
	var text bytes.Buffer
	if err := writeDriftJSON(&text, "graph", nil, r); err != nil {
		t.Fatal(err)
	}
	valid(t, compiled, text.String())
	for _, name := range []string{"graph", "classroom"} {
		golden, err := os.ReadFile(filepath.Join("testdata", "drift", name+"-json.golden"))
		if err != nil {
			t.Fatal(err)
		}
		valid(t, compiled, string(golden))
	}
	rejects(t, compiled, text.String(), `"version": 1`, `"version": 2`)
	rejects(t, compiled, text.String(), `"kind": "moved"`, `"kind": "gone for a walk"`)
	rejects(t, compiled, text.String(), `"note"`, `"remark"`)
}

func TestDriftCompletion(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string // among what is proposed; :8 has the shell propose files of the extensions, :4 keeps files out
	}{
		{[]string{"drift", ""}, []string{"graph", "classroom", ":4"}},
		{[]string{"drift", "graph", ""}, []string{"md", ":8"}},
		{[]string{"drift", "classroom", ""}, []string{"txt", ":8"}},
		{[]string{"drift", "classroom", "--discovery", ""}, []string{"json", ":8"}},
	} {
		status, stdout, _ := contract(append([]string{"__completeNoDesc"}, c.args...)...)
		for _, want := range c.want {
			if proposed := strings.Fields(stdout); status != 0 || !slices.Contains(proposed, want) {
				t.Errorf("%q: exit status %d, %q proposed, without %q", c.args, status, proposed, want)
			}
		}
	}
}
