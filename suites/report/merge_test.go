package report_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/suites/report"
	"github.com/learncontract/learncontract/suites/report/internal/sample"
)

// baseline is the sample before three of its outcomes changed, and one clause was documented.
func baseline() *report.Report {
	r := sample.Report()
	run := r.Runs[0]
	for i, o := range map[int]report.Outcome{0: report.Honored, 8: report.Broken, 9: report.Honored, 7: report.NotRun} {
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
		{"newly documented", "get.clause-5(>deviating) get.clause-5(>not-run) ", changes.Documented},
		{"newly run", "delete.clause-7(not-run>not-exposed) ", changes.Ran},
		{"no longer run", "get.clause-9(honored>unsupported) ", changes.NotRun},
		{"gone", "", changes.Gone},
	} {
		if got := ids(test.got); got != test.want {
			t.Errorf("%s: %q, want %q", test.kind, got, test.want)
		}
	}
	if gone := ids(baseline().Since(now).Gone); gone != "get.clause-5(deviating>) get.clause-5(not-run>) " {
		t.Errorf("gone: %q", gone)
	}
	same := now.Since(sample.Report())
	for _, kind := range same.ByKind() {
		if len(kind.Changes) > 0 {
			t.Errorf("%s since itself: %v", kind.Kind, kind.Changes)
		}
	}
}

func TestARunThatOnlyOneSideHasIsListed(t *testing.T) {
	now, before := sample.Report(), sample.Report()
	now.Runs[0].Client.Name = "renamed"
	changes := now.Since(before)
	want := []string{"the baseline has no run of graph, renamed, offline", "the baseline has a run of graph, connector, offline, but this report has none"}
	if got := changes.Runs(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if len(changes.Broken) != 4 || len(changes.NotRun) != 1 || changes.NotRun[0].Is != report.Engine || changes.Broken[0] != (report.Change{Run: "graph, renamed, offline", ID: "graph.create.clause-0", Is: report.Broken}) {
		t.Errorf("newly broken: %v, want the 4 that fail of the run; no longer run: %v, want the engine error", changes.Broken, changes.NotRun)
	}
	now.Changes = changes
	var text bytes.Buffer
	if err := now.WriteMarkdown(&text); err != nil || !strings.Contains(text.String(), "> "+want[0]+"\n\n> "+want[1]+"\n") {
		t.Errorf("%v\n%s", err, text.String())
	}
}

func TestAChangeThatNeitherBreaksNorHonorsIsListed(t *testing.T) {
	for _, test := range []struct {
		was, is report.Outcome
		kind    string
	}{
		{report.Honored, report.Another, "other changes"},
		{report.Another, report.Honored, "newly honored"},
		{report.Honored, report.Deviating, "other changes"},
		{report.Deviating, report.Honored, "other changes"},
		{report.Broken, report.Undocumented, "other changes"},
		{report.Broken, report.Engine, "other changes"},
		{report.Engine, report.Broken, "newly broken"},
		{report.NotRun, report.Unsupported, ""},
		{report.Honored, report.Engine, "no longer run"},
	} {
		before, now := sample.Report(), sample.Report()
		before.Runs[0].Results[0].Outcome, now.Runs[0].Results[0].Outcome = test.was, test.is
		got := ""
		for _, kind := range now.Since(before).ByKind() {
			if len(kind.Changes) > 0 {
				got += kind.Kind
			}
		}
		if got != test.kind {
			t.Errorf("%s that was %s is %q, want %q", test.is, test.was, got, test.kind)
		}
	}
}

func TestTextsOfChanges(t *testing.T) {
	const was, is = report.Broken, report.Honored
	for want, c := range map[string]report.Change{
		"a  honored, new (r)":        {Run: "r", ID: "a", Is: is},
		"a  was broken (r)":          {Run: "r", ID: "a", Was: was},
		"a  honored, was broken (r)": {Run: "r", ID: "a", Was: was, Is: is},
	} {
		if c.String() != want {
			t.Errorf("%+v is %q, want %q", c, c, want)
		}
	}
	none := sample.Report().Since(sample.Report())
	var kinds []string
	for _, kind := range none.ByKind() {
		kinds = append(kinds, kind.Kind)
	}
	want := "newly broken, newly honored, newly documented, newly run, no longer run, other changes, gone from the contract"
	if got := strings.Join(kinds, ", "); got != want {
		t.Errorf("the kinds are %s, want %s", got, want)
	}
}

// runReport is the sample's offline run with the outcomes of two clauses.
func runReport(file string, first, second report.Outcome) report.RunReport {
	r := sample.Report()
	r.Runs = r.Runs[:1]
	for i, result := range r.Runs[0].Results {
		result.Outcome, result.Ran = report.NotRun, 0
		switch i {
		case 0:
			result.Outcome = first
		case 1:
			result.Outcome = second
		}
	}
	return report.RunReport{Report: r, File: file}
}

func TestMerge(t *testing.T) {
	const honored, broken, left, unsupported = report.Honored, report.Broken, report.NotRun, report.Unsupported
	const engine, deviating, another = report.Engine, report.Deviating, report.Another
	for name, test := range map[string]struct {
		a, b      [2]report.Outcome
		want      [2]report.Outcome
		disagrees string
	}{
		"what ran wins over what did not":         {[2]report.Outcome{honored, left}, [2]report.Outcome{left, broken}, [2]report.Outcome{honored, broken}, ""},
		"and over what is unsupported":            {[2]report.Outcome{unsupported, honored}, [2]report.Outcome{honored, unsupported}, [2]report.Outcome{honored, honored}, ""},
		"two that agree are one":                  {[2]report.Outcome{honored, broken}, [2]report.Outcome{honored, broken}, [2]report.Outcome{honored, broken}, ""},
		"of two that disagree the worse counts":   {[2]report.Outcome{honored, left}, [2]report.Outcome{broken, left}, [2]report.Outcome{broken, left}, "graph, connector, offline, graph.create.clause-0: honored in a.json, broken in b.json; the worse counts"},
		"a response wins over an engine error":    {[2]report.Outcome{engine, broken}, [2]report.Outcome{honored, engine}, [2]report.Outcome{honored, broken}, ""},
		"which wins over what did not run":        {[2]report.Outcome{engine, left}, [2]report.Outcome{left, engine}, [2]report.Outcome{engine, engine}, ""},
		"two that pass agree":                     {[2]report.Outcome{honored, deviating}, [2]report.Outcome{deviating, honored}, [2]report.Outcome{deviating, deviating}, ""},
		"another clause neither passes nor fails": {[2]report.Outcome{honored, broken}, [2]report.Outcome{another, another}, [2]report.Outcome{another, broken}, ""},
		"unsupported wins over not run":           {[2]report.Outcome{left, unsupported}, [2]report.Outcome{unsupported, left}, [2]report.Outcome{unsupported, unsupported}, ""},
		"in either order":                         {[2]report.Outcome{broken, left}, [2]report.Outcome{honored, left}, [2]report.Outcome{broken, left}, "graph, connector, offline, graph.create.clause-0: broken in a.json, honored in b.json; the worse counts"},
	} {
		t.Run(name, func(t *testing.T) {
			merged, err := report.Merge([]report.RunReport{runReport("a.json", test.a[0], test.a[1]), runReport("b.json", test.b[0], test.b[1])})
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
			if n := len(merged.Runs[0].ExtraChecks); n != 2 {
				t.Errorf("%d checks, want those of one report", n)
			}
		})
	}
}

func TestARunOfTwoReportsIsOfBoth(t *testing.T) {
	reports := func() (a, b report.RunReport) {
		a, b = runReport("a.json", report.Erratum, report.NotRun), runReport("b.json", report.NotRun, report.Erratum)
		for i, p := range []report.RunReport{a, b} {
			run := p.Runs[0]
			run.Results[6].Errata, run.Results[i].Errata = nil, []string{"errata.yaml:7"}
			run.Results[2].Ran, run.Results[2].Reason = 1+i, "in part"
			run.Start, run.Seconds, run.Requests = run.Start.Add(time.Duration(i)*time.Minute), 30, 20
			run.Problems = []string{"of both", "of " + p.File}
			run.LeftOut = "left out of " + p.File
		}
		b.Runs[0].Errata[0].Place, b.Runs[0].Results[1].Errata[0] = "errata.yaml:9", "errata.yaml:9"
		return a, b
	}
	a, b := reports()
	merged, err := report.Merge([]report.RunReport{a, b})
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
	if run.Results[2].Ran != 2 {
		t.Errorf("of the clause that both ran in part %d wordings ran, want those of the one that ran more", run.Results[2].Ran)
	}
	if len(run.Errata) != 2 || run.Errata[0].Covers != 1 || run.Errata[1].Covers != 1 {
		t.Errorf("its errata are %+v, %+v", run.Errata[0], run.Errata[len(run.Errata)-1])
	}
}

func TestTenantsAreNotMerged(t *testing.T) {
	a, b := runReport("a.json", report.Honored, report.Honored), runReport("b.json", report.Broken, report.Honored)
	for tenant, p := range map[string]report.RunReport{"contoso": a, "fabrikam": b} {
		p.Runs[0].Transport, p.Runs[0].Tenant = report.Live, tenant
	}
	merged, err := report.Merge([]report.RunReport{b, a})
	if err != nil || len(merged.Runs) != 2 || len(merged.Disagreements) > 0 {
		t.Fatalf("%d runs, %q: %v", len(merged.Runs), merged.Disagreements, err)
	}
	if id := merged.Runs[0].ID(); id != "graph, connector, live, contoso" {
		t.Errorf("the first is %s", id)
	}
}

func TestAShardIsOfNoSelectionOnceItIsMerged(t *testing.T) {
	a, b := runReport("a.json", report.Honored, report.NotRun), runReport("b.json", report.NotRun, report.Honored)
	a.Runs[0].Selection, b.Runs[0].Selection = `--focus="a"`, `--focus="b"`
	merged, err := report.Merge([]report.RunReport{a, b})
	if err != nil || merged.Runs[0].Selection != "" {
		t.Errorf("its selection is %q: %v", merged.Runs[0].Selection, err)
	}
}

func TestTheOrderOfRunReportsDoesNotMatter(t *testing.T) {
	text := func(backwards bool) string {
		var reports []report.RunReport
		for i, client := range []string{"b", "a", "b"} {
			p := runReport(client, report.Honored, report.NotRun)
			p.Runs[0].Client.Name = client
			switch i {
			case 1:
				p.Contracts[0].Provider, p.Runs[0].Provider = "classroom", "classroom"
			case 2:
				p.Runs[0].Transport = report.Live
			}
			reports = append(reports, p)
		}
		if backwards {
			slices.Reverse(reports)
		}
		merged, err := report.Merge(reports)
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

func TestDifferentContractsAreNotMerged(t *testing.T) {
	a, b := runReport("a.json", report.Honored, report.Honored), runReport("b.json", report.Honored, report.Honored)
	b.Contracts[0].Clauses[3].Line++
	_, err := report.Merge([]report.RunReport{a, b})
	want := "a.json and b.json were checked against different states of the contract of graph: run both with the same module version"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestARunReportIsReadFromAFolderOnly(t *testing.T) {
	r := sample.Report()
	r.Runs = r.Runs[:1]
	folder := t.TempDir()
	file, err := r.Write(folder)
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("beside the report %v stand in its folder: %v", entries, err)
	}
	gone := filepath.Join(folder, "gone")
	for name, test := range map[string]struct{ folder, want string }{
		"a file":    {file, file + " is a file: give the folder that contains it"},
		"no folder": {gone, gone + ": there is no such folder: a suite's --report flag makes it, unless the suite did not compile"},
		"a loop":    {loop(t), " cannot be read: too many levels of symbolic links: give a folder that a suite's --report flag wrote"},
	} {
		if _, err := report.ReadFolder(test.folder); err == nil || !strings.HasSuffix(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
	if _, err := report.Read(gone); err == nil || err.Error() != gone+" cannot be read: no such file or directory: give a readable file" {
		t.Errorf("no file: %v", err)
	}
	want := filepath.Join(file, filepath.Base(file)) + " cannot be written: not a directory: choose another folder"
	if _, err := r.Write(file); err == nil || err.Error() != want {
		t.Errorf("into a file: %v, want %s", err, want)
	}
	if err := os.Mkdir(filepath.Join(folder, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "full", filepath.Base(file)), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = r.Write(filepath.Join(folder, "full"))
	if entries, readErr := os.ReadDir(filepath.Join(folder, "full")); err == nil || readErr != nil || len(entries) != 1 {
		t.Errorf("where a folder has the report's name: %v, and left are %v, %v", err, entries, readErr)
	}
}

// loop is a link to itself.
func loop(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "loop")
	if err := os.Symlink(file, file); err != nil {
		t.Skipf("no link can be made here, so run it where one can: %v", err)
	}
	return file
}

func TestWhatTwoRunReportsOfARunAdd(t *testing.T) {
	a, b := runReport("a.json", report.Honored, report.NotRun), runReport("b.json", report.Broken, report.Honored)
	own := &report.Check{ID: "case:own", Kind: report.Case, Title: "t", Result: report.Result{Outcome: report.Honored, Reason: "r", Ran: 1}}
	first, second := a.Runs[0], b.Runs[0]
	second.ExtraChecks = append(second.ExtraChecks, own)
	second.ExtraChecks[1].Outcome, second.ExtraChecks[0].Outcome, second.ExtraChecks[0].Reason = report.Broken, report.Honored, "better"
	first.Rerun, first.Versions = "", map[string]string{"go": "go1"}
	second.Versions = map[string]string{"own": "v1"}
	first.Strict, second.Strict = true, true
	second.Start = first.Start.Add(-time.Minute)
	second.Errata[0].Case, second.Errata[0].Place, own.Errata = "own", "errata.yaml:9", []string{"errata.yaml:9"}
	first.Errata[0].Covers, second.Errata[0].Covers = 5, 5
	merged, err := report.Merge([]report.RunReport{a, b})
	if err != nil {
		t.Fatal(err)
	}
	run := merged.Runs[0]
	if run.Rerun != second.Rerun || run.Versions["go"] != "go1" || run.Versions["own"] != "v1" || !run.Strict {
		t.Errorf("it is rerun by %q, its versions are %v, strict %v", run.Rerun, run.Versions, run.Strict)
	}
	if !run.Start.Equal(second.Start) || run.Seconds != 61.25 {
		t.Errorf("it began at %v and took %v s, want %v and 61.25 s", run.Start, run.Seconds, second.Start)
	}
	var checks []string
	for _, check := range run.ExtraChecks {
		checks = append(checks, check.ID+" "+string(check.Outcome))
	}
	if got := strings.Join(checks, ", "); got != "case:own honored, graph.get.clause-1~retries-date broken, success:graph.get broken" {
		t.Errorf("its checks are %s", got)
	}
	if run.Errata[0].Covers != 1 || run.Errata[1].Covers != 1 { // of a clause, and of a check
		t.Errorf("the errata cover %d and %d, want 1 and 1", run.Errata[0].Covers, run.Errata[1].Covers)
	}
	want := []string{
		"graph, connector, offline, graph.create.clause-0: honored in a.json, broken in b.json; the worse counts",
		"graph, connector, offline, graph.get.clause-1~retries-date: broken in a.json, honored in b.json; the worse counts",
		"graph, connector, offline, success:graph.get: honored in a.json, broken in b.json; the worse counts",
	}
	if !slices.Equal(merged.Disagreements, want) {
		t.Errorf("they disagree on\n%s", strings.Join(merged.Disagreements, "\n"))
	}
	a.Disagreements = []string{"of before"}
	if again, err := report.Merge([]report.RunReport{a}); err != nil || !slices.Equal(again.Disagreements, a.Disagreements) {
		t.Errorf("a merged report's disagreements are %q, %v", again.Disagreements, err)
	}
	for _, strict := range []bool{true, false} {
		a, b := runReport("a.json", report.Broken, report.Honored), runReport("b.json", report.Broken, report.Honored)
		a.Runs[0].Strict, b.Runs[0].Strict = strict, !strict
		if merged, err := report.Merge([]report.RunReport{a, b}); err != nil || merged.Runs[0].Strict {
			t.Errorf("of a run that was strict in part: strict %v, %v", merged.Runs[0].Strict, err)
		}
	}
}

func TestNothingIsLeftOutOnceAllRan(t *testing.T) {
	both := func() []report.RunReport {
		a, b := runReport("a.json", report.Honored, report.Honored), runReport("b.json", report.Honored, report.Honored)
		for i := range a.Runs[0].Results {
			a.Runs[0].Results[i].Outcome, b.Runs[0].Results[i].Outcome = report.Honored, report.NotRun
		}
		return []report.RunReport{a, b}
	}
	merged, err := report.Merge(both())
	if err != nil || merged.Runs[0].LeftOut != "" {
		t.Errorf("it left out %q, %v", merged.Runs[0].LeftOut, err)
	}
	part := both()
	part[0].Runs[0].Results[5].Outcome = report.NotRun
	part[1].Runs[0].LeftOut = "they are no more"
	merged, err = report.Merge(part)
	if err != nil || merged.Runs[0].LeftOut != "the selection left them out; they are no more" {
		t.Errorf("of both it left out %q, %v", merged.Runs[0].LeftOut, err)
	}
}
