package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/report"
	"github.com/learncontract/learncontract/suites/report/internal/sample"
)

var update = flag.Bool("update", false, "write the golden files")

func TestTexts(t *testing.T) {
	changed := sample.Report()
	shown := func(w *bytes.Buffer, c report.Console, run int) error {
		_, err := w.WriteString(console(t, c, sample.Report(), sample.Report().Runs[run]))
		return err
	}
	changed.Changes = changed.Since(baseline())
	for name, write := range map[string]func(*bytes.Buffer) error{
		"console-offline":     func(w *bytes.Buffer) error { return shown(w, report.Console{}, 0) },
		"console-live":        func(w *bytes.Buffer) error { return shown(w, report.Console{}, 1) },
		"console-colour":      func(w *bytes.Buffer) error { return shown(w, report.Console{Colour: true}, 0) },
		"markdown":            func(w *bytes.Buffer) error { return changed.WriteMarkdown(w) },
		"markdown-signed-out": func(w *bytes.Buffer) error { return sample.SignedOut().WriteMarkdown(w) },
		"junit":               func(w *bytes.Buffer) error { return sample.Report().WriteJUnit(w, everywhere) },
		"annotations":         func(w *bytes.Buffer) error { return sample.Report().WriteAnnotations(w, everywhere) },
	} {
		t.Run(name, func(t *testing.T) {
			var text bytes.Buffer
			if err := write(&text); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v: go test ./suites/report -update writes it", err)
			}
			if !bytes.Equal(want, text.Bytes()) {
				t.Errorf("written is\n%s\nand %s has\n%s", text.String(), file, want)
			}
		})
	}
}

// console is all that a console shows of a run.
func console(t *testing.T, c report.Console, r *report.Report, run *report.Run) string {
	t.Helper()
	var text bytes.Buffer
	if err := errors.Join(c.WriteCoverage(&text, r, run), c.WriteCauses(&text, r, run)); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	r := sample.Report()
	r.Runs = r.Runs[:1]
	folder := filepath.Join(t.TempDir(), "made")
	file, err := r.Write(folder)
	if err != nil || filepath.Base(file) != "graph-connector-offline.json" {
		t.Fatal(file, err)
	}
	reports, err := report.ReadFolder(filepath.Dir(folder)) // below it
	if err != nil {
		t.Fatal(err)
	}
	r.Scrub(exchange.Safe)
	if len(reports) != 1 || reports[0].File != file || !reflect.DeepEqual(reports[0].Report, r) {
		t.Errorf("read %d run reports, or another than was written", len(reports))
	}
	if text, err := os.ReadFile(file); err != nil || !bytes.Contains(text, []byte("<script>")) {
		t.Errorf("its texts are not as they were: %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Write(folder); err == nil || err.Error() != file+" cannot be written: file exists: choose another folder" {
		t.Errorf("over a folder: %v", err)
	}
}

// A provider may send bytes that are no text: they keep no report from being written.
func TestBytesThatAreNoTextAreWritten(t *testing.T) {
	r := sample.Report()
	r.Runs[0].Results[0].Reason = "received \xff"
	file, err := r.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	read, err := report.Read(file)
	if err != nil || read.Runs[0].Results[0].Reason != "received \ufffd" {
		t.Errorf("read %v, %+v", err, read)
	}
}

func TestFilesAreNamedByRun(t *testing.T) {
	run := sample.Report().Runs[0]
	for name, want := range map[string]string{
		"connector":                        "graph-connector-offline.json",
		"google.golang.org/api + apierror": "graph-google.golang.org-api-apierror-offline-e9b5e86f.json",
		"../../etc":                        "graph-etc-offline-42dd1ce7.json",
		"コネクタ":                             "graph-offline-45e3b5bf.json",
		"Пример":                           "graph-offline-8435525b.json",
	} {
		run.Client.Name = name
		if got := run.FileName(); got != want {
			t.Errorf("%q is written to %s, want %s", name, got, want)
		}
	}
}

func TestNoRunReportOverwritesAnothers(t *testing.T) {
	live := sample.Report().Runs[1]
	files := map[string]bool{}
	for _, is := range []struct{ tenant, selection string }{
		{"", ""}, {"contoso", ""}, {"fabrikam", ""}, {"contoso", `--label-filter="action:get"`}, {"contoso", `--label-filter="action:create"`},
	} {
		live.Tenant, live.Selection = is.tenant, is.selection
		files[live.FileName()] = true
	}
	if len(files) != 5 || !files["graph-connector-live-contoso.json"] {
		t.Errorf("the files are %v", files)
	}
}

func TestATenantIsNamedWhereverItsRunIs(t *testing.T) {
	r := sample.SignedOut()
	r.Runs[0].Tenant = "con.toso"
	var coverage, markdown, junit bytes.Buffer
	for _, err := range []error{report.Console{}.WriteCoverage(&coverage, r, r.Runs[0]), r.WriteMarkdown(&markdown), r.WriteJUnit(&junit, everywhere)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for want, text := range map[string]string{
		"  live, con.toso, as connector: ":                   coverage.String(),
		"| a sandbox tenant, con.toso |":                     markdown.String(),
		`classname="graph.connector.live.con_toso"`:          junit.String(),
		`<testsuite name="graph, connector, live, con.toso"`: junit.String(),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not have %q:\n%s", want, text)
		}
	}
}

func TestWhatIsNoRunReportIsAnError(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"another program's JSON":   {`[{"SuitePath":"x"}]`, "x.json is not a report: give --report a folder of its own"},
		"an object of another's":   {`{"name":"package"}`, "x.json is not a report: give"},
		"half a report":            {`{"version":1,"contr`, "x.json is cut off: write it again"},
		"something after it":       {`{"version":1}x`, "x.json is not a report: give"},
		"an empty file":            {``, "x.json is cut off: write it again"},
		"another version":          {`{"version": 2}`, "its version is 2, this command reads 1"},
		"nothing":                  {`{"version":1}`, "it has no contract or no run"},
		"a contract without runs":  {`{"version":1,"contracts":[{"provider":"graph"}]}`, "it has no contract or no run"},
		"a run without contracts":  {`{"version":1,"runs":[{"provider":"graph"}]}`, "it has no contract or no run"},
		"a null for a result":      {`{"version":1,"contracts":[{"provider":"graph"}],"runs":[{"provider":"graph","results":[null]}]}`, "a result of the run graph, ,  is null"},
		"a result of no clause":    {`{"version":1,"contracts":[{"provider":"graph","clauses":[{"id":"a"}]}],"runs":[{"provider":"graph","results":[{"clause":"b","outcome":"honored","reason":"r"}]}]}`, "a result for each clause"},
		"a run without contract":   {`{"version":1,"contracts":[{"provider":"classroom"}],"runs":[{"provider":"graph"}]}`, "the contract of the run graph, ,  is missing"},
		"a null":                   {`{"version":1,"runs":[null]}`, "null"},
		"a clause left out":        {`{"version":1,"contracts":[{"provider":"graph","clauses":[{"id":"a"}]}],"runs":[{"provider":"graph"}]}`, "a result for each clause"},
		"a null for an erratum":    {`{"version":1,"contracts":[{"provider":"graph"}],"runs":[{"provider":"graph","errata":[null]}]}`, "a result of the run graph, ,  is null"},
		"a null for a check":       {`{"version":1,"contracts":[{"provider":"graph"}],"runs":[{"provider":"graph","extraChecks":[null]}]}`, "a result of the run graph, ,  is null"},
		"an outcome of its own":    {`{"version":1,"contracts":[{"provider":"graph","clauses":[{"id":"a"}]}],"runs":[{"provider":"graph","results":[{"clause":"a","outcome":"fine","reason":"r"}]}]}`, `a has the outcome "fine"`},
		"an outcome and no reason": {`{"version":1,"contracts":[{"provider":"graph","clauses":[{"id":"a"}]}],"runs":[{"provider":"graph","results":[{"clause":"a","outcome":"honored"}]}]}`, "has a reason"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			if err := os.WriteFile(filepath.Join(folder, "x.json"), []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := report.ReadFolder(folder); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "x.json") {
				t.Errorf("%v, want the file and %q", err, test.want)
			}
		})
	}
	if _, err := report.ReadFolder(t.TempDir()); err == nil || !strings.Contains(err.Error(), " contains no run report: give a folder that ") {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestALinkToAFolderIsRead(t *testing.T) {
	r := sample.Report()
	r.Runs = r.Runs[:1]
	folder, link := t.TempDir(), filepath.Join(t.TempDir(), "link")
	if _, err := r.Write(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(folder, link); err != nil {
		t.Skipf("no link can be made here, so run it where one can: %v", err)
	}
	if reports, err := report.ReadFolder(link); err != nil || len(reports) != 1 {
		t.Errorf("%d run reports: %v", len(reports), err)
	}
}

// texts has f called for every text of a report, as JSON has them, with where it stands.
func texts(t *testing.T, r *report.Report, f func(at, text string)) {
	t.Helper()
	var text bytes.Buffer
	if err := r.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(text.Bytes(), &value); err != nil {
		t.Fatal(err)
	}
	var walk func(at string, value any)
	walk = func(at string, value any) {
		switch value := value.(type) {
		case map[string]any:
			for key, inner := range value {
				walk(at+"/"+key, inner)
			}
		case []any:
			for _, inner := range value {
				walk(at, inner)
			}
		case string:
			f(at, value)
		}
	}
	walk("", value)
}

func TestEveryTextIsScrubbed(t *testing.T) {
	r := sample.Report()
	r.Changes = r.Since(baseline())
	r.Disagreements = []string{"one"}
	r.Scrub(func(text string) string { return text + "[seen]" })
	texts(t, r, func(at, text string) {
		if !strings.HasSuffix(text, "[seen]") && at != "/runs/start" {
			t.Errorf("%s was not looked at: %q", at, text)
		}
	})
}

func TestJUnitIsReadAsCISystemsReadIt(t *testing.T) {
	var text bytes.Buffer
	if err := sample.Report().WriteJUnit(&text, everywhere); err != nil {
		t.Fatal(err)
	}
	var suites struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Suites   []struct {
			Tests    int `xml:"tests,attr"`
			Failures int `xml:"failures,attr"`
			Errors   int `xml:"errors,attr"`
			Skipped  int `xml:"skipped,attr"`
			Cases    []struct {
				Name    string `xml:"name,attr"`
				File    string `xml:"file,attr"`
				Failure *struct {
					Text string `xml:",chardata"`
				} `xml:"failure"`
				Skipped *struct {
					Message string `xml:"message,attr"`
				} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(text.Bytes(), &suites); err != nil {
		t.Fatal(err)
	}
	if suites.Tests != 24 || suites.Failures != 4 || suites.Errors != 1 || len(suites.Suites) != 2 {
		t.Errorf("%d tests, %d failures, %d errors in %d suites", suites.Tests, suites.Failures, suites.Errors, len(suites.Suites))
	}
	// Of the sample: 11 clauses and 2 checks, of which 3 clauses and a check fail, and another, unsupported and not run are skipped.
	offline, live := suites.Suites[0], suites.Suites[1]
	if offline.Tests != 13 || offline.Failures != 4 || offline.Errors != 1 || offline.Skipped != 3 || len(offline.Cases) != 13 {
		t.Errorf("offline: %d tests, %d failures, %d errors, %d skipped", offline.Tests, offline.Failures, offline.Errors, offline.Skipped)
	}
	if live.Tests != 11 || live.Failures != 0 || live.Errors != 0 || live.Skipped != 9 || len(live.Cases) != 11 {
		t.Errorf("live: %d tests, %d failures, %d errors, %d skipped", live.Tests, live.Failures, live.Errors, live.Skipped)
	}
	for _, c := range slices.Concat(offline.Cases, live.Cases) {
		if c.Skipped != nil && c.Skipped.Message == "" {
			t.Errorf("%s is skipped without a reason", c.Name)
		}
		if strings.Contains(c.Name, "BeforeSuite") {
			t.Errorf("%s is a case, and no clause", c.Name)
		}
	}
	whole := exchange.Safe(sample.Hostile)
	if !strings.HasSuffix(offline.Cases[0].Failure.Text, whole) {
		t.Errorf("the failure is cut off: %q", offline.Cases[0].Failure.Text)
	}
	if host, err := os.Hostname(); err == nil && len(host) > 3 && strings.Contains(text.String(), host) {
		t.Error("it has this machine's name")
	}
}

func TestJUnitNamesNoFileThatIsNotCheckedOut(t *testing.T) {
	var text bytes.Buffer
	nowhere := func(string) bool { return false }
	if err := sample.Report().WriteJUnit(&text, nowhere); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text.String(), " file=") || strings.Contains(text.String(), " line=") {
		t.Error("a case names a file, which is not there")
	}
}

// Nobody must forge a workflow command, a table or a fence by what a provider sends.
func TestHostileTextsStayTexts(t *testing.T) {
	var annotations, markdown bytes.Buffer
	if err := sample.Report().WriteAnnotations(&annotations, everywhere); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(annotations.String()) {
		if !strings.HasPrefix(line, "::error file=") && line != "::error title=engine error::BeforeSuite: no room on the disk\n" {
			t.Errorf("a command is forged: %q", line)
		}
	}
	hostile := sample.Report()
	run := hostile.Runs[0]
	run.Client.Name, run.Errata[0].Version, run.Results[0].Deviations[0].Field = sample.Hostile, sample.Hostile, sample.Hostile
	if text := console(t, report.Console{}, hostile, run); strings.Contains(text, "\x1b") || strings.Contains(text, "\n::error::") {
		t.Errorf("a terminal gets %q", text)
	}
	if err := hostile.WriteMarkdown(&markdown); err != nil {
		t.Fatal(err)
	}
	within := ""
	for line := range strings.Lines(markdown.String()) {
		line = strings.TrimRight(line, "\n")
		fence, _, _ := strings.Cut(line, " ") // and the language
		switch {
		case within == "" && strings.HasPrefix(fence, "```"):
			within = fence
		case within != "" && line == within:
			within = ""
		case within == "" && (strings.Contains(line, "<script") || strings.Contains(line, "<img") || strings.Contains(line, "@team")):
			t.Errorf("outside of a fence: %q", line)
		}
	}
	if within != "" {
		t.Error("a fence is never closed")
	}
}

// everywhere has each file checked out.
func everywhere(string) bool { return true }

func TestAnnotationsAreAsManyAsAreShown(t *testing.T) {
	r := sample.Large(3000)
	r.Runs[0].Problems, r.Disagreements = []string{"engine error: no room"}, []string{"one"}
	var text bytes.Buffer
	if err := r.WriteAnnotations(&text, everywhere); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	if last := lines[len(lines)-1]; len(lines) != 10 || last != "::error title=and more::84 more failed: the job's summary and the report have them" {
		t.Errorf("%d lines, the last %q", len(lines), last)
	}
	text.Reset()
	two := sample.SignedOut()
	for _, result := range two.Runs[0].Results[2:] {
		result.Outcome = report.NotRun
	}
	if err := two.WriteAnnotations(&text, everywhere); err != nil || !strings.Contains(text.String(), " graph.create.clause-0 and 1 more (") {
		t.Errorf("of two, annotated is %q, %v", text.String(), err)
	}
	text.Reset()
	if err := sample.SignedOut().WriteAnnotations(&text, func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	want := "::error title=engine error%3A graph.create.clause-0 and 10 more (graph%2C connector%2C live)::" +
		"engine error: no token of graph/app: sign in%0A%0AThe contract has it in fixtures/graph/sample.yaml:1.\n"
	if text.String() != want {
		t.Errorf("annotated is %q, want %q", text.String(), want)
	}
}

func TestEqualRowsOfWordingsStandOnce(t *testing.T) {
	r := sample.Report()
	deviations := &r.Runs[0].Results[0].Deviations
	again := (*deviations)[1]
	again.Wording += "#again"
	*deviations = append(*deviations, again)
	var text, once bytes.Buffer
	if err := r.WriteMarkdown(&text); err != nil {
		t.Fatal(err)
	}
	if err := sample.Report().WriteMarkdown(&once); err != nil {
		t.Fatal(err)
	}
	if text.String() != once.String() {
		t.Errorf("a row stands twice:\n%s", text.String())
	}
}

// schemaURL is no file: the checkout's path may have a space.
const schemaURL = "https://example.com/report.schema.json"

func TestTheSchemaHoldsWhatIsWritten(t *testing.T) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(report.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	closed := closeObjects(document)
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource(schemaURL, closed); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(schemaURL)
	if err != nil {
		t.Fatal(err)
	}
	r := sample.Report()
	r.Changes = r.Since(baseline())
	r.Disagreements = []string{"one"}
	r.Runs[1].Tenant, r.Runs[1].Selection = "contoso", `--label-filter="action:get"`
	var text bytes.Buffer
	if err := r.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	validate := func(text string) error {
		instance, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(instance)
	}
	if err := validate(text.String()); err != nil {
		t.Error(err)
	}
	for was, is := range map[string]string{
		`"version": 1,`: `"version": 2,`, `"outcome": "broken"`: `"outcome": "fine"`, `"reason": "it is broken"`: `"reason": ""`,
		`"transport": "live"`: `"transport": "wire"`, `"binds": true`: `"binds": "yes"`, `"lookAlikes"`: `"alike"`, `"kind": "retries"`: `"kind": "again"`,
		`"ran": 1`: `"ran": 1, "own": 1`, `"title": "the success of graph.get"`: `"title": "t", "own": 1`,
	} {
		wrong := strings.ReplaceAll(text.String(), was, is)
		if wrong == text.String() || validate(wrong) == nil {
			t.Errorf("the schema allows %s", is)
		}
	}
}

// closeObjects has a schema's objects allow no properties but those it names. That of a result is closed where it is used, for
// that of a check extends it.
func closeObjects(schema any) any {
	switch s := schema.(type) {
	case map[string]any:
		_, has := s["properties"]
		required, _ := s["required"].([]any)
		switch {
		case s["$ref"] == "#/$defs/result":
			s["unevaluatedProperties"] = false
		case has && !slices.Contains(required, any("clause")):
			s["additionalProperties"] = false
		}
		for _, inner := range s {
			closeObjects(inner)
		}
	case []any:
		for _, inner := range s {
			closeObjects(inner)
		}
	}
	return schema
}

// FuzzRead has whatever is read as a run report be written by every writer.
func FuzzRead(f *testing.F) {
	var text bytes.Buffer
	small := sample.Report()
	small.Contracts[0].Clauses = small.Contracts[0].Clauses[:1]
	for _, run := range small.Runs {
		run.Results = run.Results[:1]
	}
	if err := json.NewEncoder(&text).Encode(small); err != nil {
		f.Fatal(err)
	}
	f.Add(text.String())
	f.Add(`{"version":1,"contracts":[{"provider":"graph"}],"runs":[{"provider":"graph","transport":"live"}]}`)
	folder := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(folder, "x.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := report.Read(file)
		if err != nil {
			return
		}
		merged, err := report.Merge([]report.RunReport{{Report: r, File: file}, {Report: r, File: file}})
		if err != nil {
			return
		}
		merged.Changes = merged.Since(r)
		var out bytes.Buffer
		for _, write := range []func() error{
			func() error { return merged.WriteJSON(&out) }, func() error { return merged.WriteMarkdown(&out) },
			func() error { return merged.WriteJUnit(&out, everywhere) }, func() error { return merged.WriteAnnotations(&out, everywhere) },
		} {
			if err := write(); err != nil {
				t.Error(err)
			}
		}
		for _, run := range merged.Runs {
			console(t, report.Console{}, merged, run)
		}
	})
}

// New takes each clause of a contract with its newest row.
func TestNewHasTheClausesOfAContract(t *testing.T) {
	contract, err := fixtures.Open(os.DirFS("../../fixtures/testdata/sample"))
	if err != nil {
		t.Fatal(err)
	}
	r := report.New(contract)
	c := r.Contracts[0]
	if r.Version != report.Version || len(r.Contracts) != 1 || c.Provider != "sample" || c.API != contract.API || len(c.Editions) != len(contract.Editions) {
		t.Fatalf("it is %+v, and its contract %+v", r, c)
	}
	for i, e := range contract.Editions {
		if c.Editions[i] != (report.Edition{ID: e.ID, Title: e.Title, URL: e.URL}) {
			t.Errorf("the edition %s is %+v", e.ID, c.Editions[i])
		}
	}
	var ids []string
	for clause := range contract.Clauses() {
		ids = append(ids, clause.ID)
	}
	const id = "sample.things.create.fields-invalid"
	at := slices.Index(ids, id)
	if !slices.EqualFunc(c.Clauses, ids, func(c *report.Clause, id string) bool { return c.ID == id }) || at < 0 {
		t.Fatalf("it does not have the clauses %q", ids)
	}
	clause := contract.Clause(id)
	row, w := clause.Sources[len(clause.Sources)-1], clause.Wordings[0]
	want := &report.Clause{
		ID: id, Operation: "sample.things.create", Action: "create", Method: "POST", Path: clause.Operation.Path,
		Title: clause.Title(), Status: 400, Remedy: clause.Remedy.Do, Evidence: clause.Evidence, File: clause.File, Line: clause.Line,
		Source: report.Source{Edition: row.Edition.ID, URL: row.Edition.URL, Row: row.Row.String(), Cells: row.Row.Cells},
		Wordings: []report.Wording{{ID: id, Code: "badRequest", Message: w.Message.String(), Editions: w.Editions(), Details: []string{
			"badRequest: " + w.Details[0].Message.String(), "badRequest: " + w.Details[1].Message.String(), "badRequest: " + w.Details[2].Message.String(),
		}}},
	}
	if !reflect.DeepEqual(c.Clauses[at], want) {
		t.Errorf("the clause is\n%+v\nwant\n%+v", c.Clauses[at], want)
	}
}
