package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/learncontract/learncontract/suites/report"
	"github.com/learncontract/learncontract/suites/report/internal/sample"
)

var update = flag.Bool("update", false, "write the golden files")

func TestTexts(t *testing.T) {
	changed := sample.Report()
	changed.Changes = changed.Since(baseline())
	for name, write := range map[string]func(*bytes.Buffer) error{
		"console-offline": func(w *bytes.Buffer) error {
			return report.Console{}.Write(w, sample.Report(), sample.Report().Runs[0])
		},
		"console-live": func(w *bytes.Buffer) error {
			return report.Console{}.Write(w, sample.Report(), sample.Report().Runs[1])
		},
		"console-colour": func(w *bytes.Buffer) error {
			return report.Console{Colour: true}.Write(w, sample.Report(), sample.Report().Runs[0])
		},
		"markdown":    func(w *bytes.Buffer) error { return changed.WriteMarkdown(w) },
		"junit":       func(w *bytes.Buffer) error { return sample.Report().WriteJUnit(w) },
		"annotations": func(w *bytes.Buffer) error { return sample.Report().WriteAnnotations(w) },
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

// baseline is the sample before three of its outcomes changed, and one clause was documented.
func baseline() *report.Report {
	r := sample.Report()
	run := r.Runs[0]
	for i, o := range map[int]report.Outcome{0: report.Honored, 8: report.Broken, 9: report.Honored, 7: report.NotAsked} {
		run.Results[i].Outcome = o
	}
	r.Contracts[0].Clauses = slices.Delete(r.Contracts[0].Clauses, 5, 6)
	for _, run := range r.Runs {
		run.Results = slices.Delete(run.Results, 5, 6)
	}
	return r
}

func TestChangesSinceABaseline(t *testing.T) {
	now := sample.Report()
	changes := now.Since(baseline())
	ids := func(list []report.Change) (ids string) {
		for _, c := range list {
			ids += strings.TrimPrefix(c.ID, "graph.") + "(" + string(c.Was) + ">" + string(c.Is) + ") "
		}
		return ids
	}
	for _, test := range []struct {
		kind, want string
		got        []report.Change
	}{
		{"newly broken", "create.clause-0(honored>broken) ", changes.Broken},
		{"newly honored", "create.clause-8(broken>honored) ", changes.Honored},
		{"newly documented", "get.clause-5(>deviating) get.clause-5(>not-asked) ", changes.Documented},
		{"newly asked", "delete.clause-7(not-asked>lost) ", changes.Asked},
		{"not asked any more", "get.clause-9(honored>unsupported) ", changes.NotAsked},
		{"gone", "", changes.Gone},
	} {
		if got := ids(test.got); got != test.want {
			t.Errorf("%s: %q, want %q", test.kind, got, test.want)
		}
	}
	if gone := ids(baseline().Since(now).Gone); gone != "get.clause-5(deviating>) get.clause-5(not-asked>) " {
		t.Errorf("gone: %q", gone)
	}
	same := now.Since(sample.Report())
	for _, kind := range same.Kinds() {
		if len(kind.Changes) > 0 {
			t.Errorf("%s since itself: %v", kind.Kind, kind.Changes)
		}
	}
}

// piece is the sample's offline run with the outcomes of two clauses, as a piece of a report.
func piece(file string, first, second report.Outcome) report.Piece {
	r := sample.Report()
	r.Runs = r.Runs[:1]
	for i, result := range r.Runs[0].Results {
		result.Outcome, result.Asked = report.NotAsked, 0
		switch i {
		case 0:
			result.Outcome = first
		case 1:
			result.Outcome = second
		}
	}
	return report.Piece{Report: r, File: file}
}

func TestPiecesAreMerged(t *testing.T) {
	const honored, broken, left, unsupported = report.Honored, report.Broken, report.NotAsked, report.Unsupported
	for name, test := range map[string]struct {
		a, b      [2]report.Outcome
		want      [2]report.Outcome
		disagrees string
	}{
		"what was asked wins over what was not":  {[2]report.Outcome{honored, left}, [2]report.Outcome{left, broken}, [2]report.Outcome{honored, broken}, ""},
		"and over what the client does not do":   {[2]report.Outcome{unsupported, honored}, [2]report.Outcome{honored, unsupported}, [2]report.Outcome{honored, honored}, ""},
		"two that agree are one":                 {[2]report.Outcome{honored, broken}, [2]report.Outcome{honored, broken}, [2]report.Outcome{honored, broken}, ""},
		"of two that disagree the worse is told": {[2]report.Outcome{honored, left}, [2]report.Outcome{broken, left}, [2]report.Outcome{broken, left}, "graph, connector, offline, graph.create.clause-0: honored in a.json, broken in b.json; the worse counts"},
		"in either order":                        {[2]report.Outcome{broken, left}, [2]report.Outcome{honored, left}, [2]report.Outcome{broken, left}, "graph, connector, offline, graph.create.clause-0: broken in a.json, honored in b.json; the worse counts"},
	} {
		t.Run(name, func(t *testing.T) {
			merged, err := report.Merge([]report.Piece{piece("a.json", test.a[0], test.a[1]), piece("b.json", test.b[0], test.b[1])})
			if err != nil {
				t.Fatal(err)
			}
			if len(merged.Runs) != 1 || len(merged.Contracts) != 1 {
				t.Fatalf("%d runs and %d contracts, want one of each", len(merged.Runs), len(merged.Contracts))
			}
			got := [2]report.Outcome{merged.Runs[0].Results[0].Outcome, merged.Runs[0].Results[1].Outcome}
			if got != test.want || strings.Join(merged.Disagreements, "\n") != test.disagrees {
				t.Errorf("merged %v, %q; want %v, %q", got, merged.Disagreements, test.want, test.disagrees)
			}
			if n := len(merged.Runs[0].Beyond); n != 2 {
				t.Errorf("%d checks, want those of one piece", n)
			}
		})
	}
}

func TestARunOfTwoPiecesIsOfBoth(t *testing.T) {
	pieces := func() (a, b report.Piece) {
		a, b = piece("a.json", report.Erratum, report.NotAsked), piece("b.json", report.NotAsked, report.Erratum)
		for i, p := range []report.Piece{a, b} {
			run := p.Runs[0]
			run.Results[6].Errata, run.Results[i].Errata = nil, []string{"errata.yaml:7"}
			run.Results[2].Asked, run.Results[2].Reason = 1+i, "in part"
			run.Start, run.Seconds, run.Requests = run.Start.Add(time.Duration(i)*time.Minute), 30, 20
			run.Problems = []string{"of both", "of " + p.File}
			run.LeftOut = "left out of " + p.File
		}
		b.Runs[0].Errata[0].Place, b.Runs[0].Results[1].Errata[0] = "errata.yaml:9", "errata.yaml:9"
		return a, b
	}
	a, b := pieces()
	merged, err := report.Merge([]report.Piece{a, b})
	if err != nil {
		t.Fatal(err)
	}
	run := merged.Runs[0]
	if start := sample.Report().Runs[0].Start; !run.Start.Equal(start) || run.Seconds != 90 || run.Requests != 40 {
		t.Errorf("it began at %s, took %v s and %d requests", run.Start, run.Seconds, run.Requests)
	}
	if got := strings.Join(run.Problems, ", "); got != "of both, of a.json, of b.json" {
		t.Errorf("its problems are %s", got)
	}
	if run.LeftOut != "left out of a.json; left out of b.json" {
		t.Errorf("it left out: %s", run.LeftOut)
	}
	if run.Results[2].Asked != 2 {
		t.Errorf("of the clause that both asked in part %d wordings were asked, want those of the piece that asked more", run.Results[2].Asked)
	}
	if len(run.Errata) != 2 || run.Errata[0].Covers != 1 || run.Errata[1].Covers != 1 {
		t.Errorf("its errata are %+v, %+v", run.Errata[0], run.Errata[len(run.Errata)-1])
	}
}

func TestTheOrderOfPiecesIsNoMatter(t *testing.T) {
	text := func(backwards bool) string {
		var pieces []report.Piece
		for i, client := range []string{"b", "a", "b"} {
			p := piece(client, report.Honored, report.NotAsked)
			p.Runs[0].Client.Name = client
			if i == 2 {
				p.Runs[0].Transport = report.Live
			}
			pieces = append(pieces, p)
		}
		if backwards {
			slices.Reverse(pieces)
		}
		merged, err := report.Merge(pieces)
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		if err := merged.WriteJSON(&text); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	if text(false) != text(true) {
		t.Error("backwards the report is another")
	}
}

func TestPiecesOfDifferentContractsAreNotMerged(t *testing.T) {
	a, b := piece("a.json", report.Honored, report.Honored), piece("b.json", report.Honored, report.Honored)
	b.Contracts[0].Clauses[3].Line++
	_, err := report.Merge([]report.Piece{a, b})
	want := "a.json and b.json were held to different states of the contract of graph: run both with the same version"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	r := sample.Report()
	r.Runs = r.Runs[:1]
	folder := filepath.Join(t.TempDir(), "made")
	file, err := r.Write(folder)
	if err != nil || filepath.Base(file) != "graph-connector-offline.json" {
		t.Fatal(file, err)
	}
	pieces, err := report.ReadFolder(filepath.Dir(folder)) // below it
	if err != nil {
		t.Fatal(err)
	}
	if len(pieces) != 1 || !reflect.DeepEqual(pieces[0].Report, r) {
		t.Errorf("read %d pieces, or another than was written", len(pieces))
	}
}

func TestFilesAreNamedByRun(t *testing.T) {
	run := sample.Report().Runs[0]
	for name, want := range map[string]string{
		"google.golang.org/api + apierror": "graph-google.golang.org-api-apierror-offline.json", "../../etc": "graph-etc-offline.json", "Ä b": "graph-b-offline.json",
	} {
		run.Client.Name = name
		if got := run.FileName(); got != want {
			t.Errorf("%q is written to %s, want %s", name, got, want)
		}
	}
}

func TestWhatIsNoPieceIsToldSo(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"another program's JSON":   {`[{"SuitePath":"x"}]`, "is no report"},
		"another version":          {`{"version": 2}`, "no report of version 1, but of 2"},
		"no version":               {`{}`, "no report of version 1, but of 0"},
		"a run without contract":   {`{"version":1,"runs":[{"provider":"graph"}]}`, "the contract of the run graph, ,  is missing"},
		"a null":                   {`{"version":1,"runs":[null]}`, "null"},
		"a clause left out":        {`{"version":1,"contracts":[{"provider":"graph","clauses":[{"id":"a"}]}],"runs":[{"provider":"graph"}]}`, "a result for each clause"},
		"an outcome of its own":    {`{"version":1,"contracts":[{"provider":"graph","clauses":[{"id":"a"}]}],"runs":[{"provider":"graph","results":[{"clause":"a","outcome":"fine","reason":"r"}]}]}`, `has a as "fine"`},
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
	if _, err := report.ReadFolder(t.TempDir()); err == nil || !strings.Contains(err.Error(), report.ErrEmpty.Error()) {
		t.Errorf("an empty folder: %v", err)
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
	if err := sample.Report().WriteJUnit(&text); err != nil {
		t.Fatal(err)
	}
	var suites struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
		Cases    []struct {
			Name    string `xml:"name,attr"`
			Failure *struct {
				Text string `xml:",chardata"`
			} `xml:"failure"`
			Skipped *struct {
				Message string `xml:"message,attr"`
			} `xml:"skipped"`
		} `xml:"testsuite>testcase"`
	}
	if err := xml.Unmarshal(text.Bytes(), &suites); err != nil {
		t.Fatal(err)
	}
	// Of the sample: 11 clauses twice and 2 checks; 3 outcomes and a check that fail; another, unsupported and not asked, and 9 live.
	if suites.Tests != 24 || suites.Failures != 4 || suites.Errors != 1 || suites.Skipped != 12 || len(suites.Cases) != suites.Tests {
		t.Errorf("%d tests, %d failures, %d errors, %d skipped, %d cases", suites.Tests, suites.Failures, suites.Errors, suites.Skipped, len(suites.Cases))
	}
	for _, c := range suites.Cases {
		if c.Skipped != nil && c.Skipped.Message == "" {
			t.Errorf("%s is skipped without a reason", c.Name)
		}
		if strings.Contains(c.Name, "BeforeSuite") {
			t.Errorf("%s is a case, and no clause", c.Name)
		}
	}
	whole := strings.NewReplacer("\x1b", "\ufffd", "\x00", "\ufffd").Replace(sample.Hostile) // XML has no such characters
	if !strings.HasSuffix(suites.Cases[0].Failure.Text, whole) {
		t.Errorf("the failure is cut off: %q", suites.Cases[0].Failure.Text)
	}
	if host, err := os.Hostname(); err == nil && len(host) > 3 && strings.Contains(text.String(), host) {
		t.Error("it has this machine's name")
	}
}

// Nobody must forge a workflow command, a table or a fence by what a provider answers.
func TestHostileTextsStayTexts(t *testing.T) {
	var annotations, markdown bytes.Buffer
	if err := sample.Report().WriteAnnotations(&annotations); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(annotations.String()) {
		if !strings.HasPrefix(line, "::error file=") && line != "::error title=engine error::BeforeSuite: no room on the disk\n" {
			t.Errorf("a command is forged: %q", line)
		}
	}
	if err := sample.Report().WriteMarkdown(&markdown); err != nil {
		t.Fatal(err)
	}
	within := ""
	for line := range strings.Lines(markdown.String()) {
		line = strings.TrimRight(line, "\n")
		fence := strings.TrimSuffix(line, " text")
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

func TestAnnotationsAreAsManyAsAreShown(t *testing.T) {
	var text bytes.Buffer
	if err := sample.Large(3000).WriteAnnotations(&text); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	if last := lines[len(lines)-1]; len(lines) != 10 || !strings.Contains(last, "82 failures more") {
		t.Errorf("%d lines, the last %q", len(lines), last)
	}
}

func TestTheSchemaHoldsWhatIsWritten(t *testing.T) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(report.Schema))
	if err != nil {
		t.Fatal(err)
	}
	closed := closeObjects(document)
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource("report.schema.json", closed); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("report.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	r := sample.Report()
	r.Changes = r.Since(baseline())
	r.Disagreements = []string{"one"}
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
		`"asked": 1`: `"asked": 1, "own": 1`, `"title": "the success of graph.get"`: `"title": "t", "own": 1`,
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

// FuzzRead has whatever is read as a piece be written by every writer.
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
		merged, err := report.Merge([]report.Piece{{Report: r, File: file}, {Report: r, File: file}})
		if err != nil {
			return
		}
		merged.Changes = merged.Since(r)
		var out bytes.Buffer
		for _, write := range []func() error{
			func() error { return merged.WriteJSON(&out) }, func() error { return merged.WriteMarkdown(&out) },
			func() error { return merged.WriteJUnit(&out) }, func() error { return merged.WriteAnnotations(&out) },
		} {
			if err := write(); err != nil {
				t.Error(err)
			}
		}
		for _, run := range merged.Runs {
			if err := (report.Console{}).Write(&out, merged, run); err != nil {
				t.Error(err)
			}
		}
	})
}
