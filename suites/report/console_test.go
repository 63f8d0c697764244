package report_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/suites/report"
	"github.com/learncontract/learncontract/suites/report/internal/sample"
)

func TestOnlyATerminalHasColours(t *testing.T) {
	open := func(name string) *os.File {
		file, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			t.Skipf("%s cannot be opened, so run it where it can: %v", name, err)
		}
		t.Cleanup(func() { _ = file.Close() })
		return file
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = reader.Close(), writer.Close() }()
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm")
	for name, file := range map[string]*os.File{"nil": nil, "a pipe": writer, "the null device": open(os.DevNull)} {
		if report.IsTerminal(file) {
			t.Errorf("%s is a terminal", name)
		}
	}
	terminal := open("/dev/ptmx")
	if !report.IsTerminal(terminal) {
		t.Error("a terminal is none")
	}
	t.Setenv("NO_COLOR", "1")
	if report.IsTerminal(terminal) {
		t.Error("NO_COLOR is not respected")
	}
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	if report.IsTerminal(terminal) {
		t.Error("TERM=dumb is not respected")
	}
}

// contains fails the test if the text lacks a line, or has it more than once.
func contains(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, want := range lines {
		if n := strings.Count("\n"+text, "\n"+want+"\n"); n != 1 {
			t.Errorf("it has %q %d times:\n%s", want, n, text)
		}
	}
}

func TestCoverageOfflineCountsWhatRan(t *testing.T) {
	r := sample.Report()
	run := r.Runs[0]
	run.Client.Retries = true
	run.Errata[0].Case, run.Errata[0].IsClientField, run.Errata[0].Covers, run.Errata[0].DaysLeft = "own", false, 2, 1
	run.Results[1].Outcome, run.Results[1].Ran = report.NotRun, 1
	run.Results[4].Ran, run.Results[4].Honored = 3, 1
	passed := report.Result{Outcome: report.Honored, Reason: "r", Ran: 1}
	known := report.Result{Outcome: report.Erratum, Reason: "r", Ran: 1, Errata: []string{"errata.yaml:7"}}
	unrun := report.Result{Outcome: report.NotRun, Reason: "r"}
	for i, result := range []report.Result{passed, known, known, unrun} {
		run.ExtraChecks = append(run.ExtraChecks, &report.Check{ID: fmt.Sprint("case:", i), Kind: report.Case, Title: "t", Result: result})
	}
	text := console(t, report.Console{}, r, run)
	first, rest, _ := strings.Cut(text, "\n")
	const want = "graph      sample                  create 1/3 clauses, 5 wordings       get 1/3 clauses, 2 wordings          " +
		"update 1/3 clauses, 2 wordings       delete 1/2 clauses, 2 wordings       2 broken  1 unexpected pass  1 engine error  " +
		"1 run in part  1 not run: the selection left them out"
	if first != want {
		t.Errorf("it begins\n%s\nwant\n%s", first, want)
	}
	contains(t, rest,
		"           wordings by edition: first 4",
		"           connector: 2 of 9 clauses correct, 1 without retry-after, 1 with an erratum, 1 unsupported",
		"           extra checks: 1 of 3 correct, 2 with an erratum",
		"             1 not run: r",
		"           retries: 0 of 1 correct, 0 with an erratum",
		`  erratum errata.yaml:7: code seen as "gone" in 2 clauses, case own, accepted for 1 more day: `+
			"it takes the status for the code (example.com/connector v1.2.3)")
}

func TestARunInWhichAllIsHonored(t *testing.T) {
	r := sample.Report()
	run := r.Runs[0]
	run.Problems, run.Errata, run.ExtraChecks = nil, nil, run.ExtraChecks[1:]
	for _, result := range run.Results {
		*result = report.Result{Clause: result.Clause, Outcome: report.Honored, Reason: "r", Ran: 1, Honored: 1}
	}
	run.Results[3].Outcome = report.Deviating
	want := "graph      sample                  create 3/3 clauses, 3 wordings       get 3/3 clauses, 3 wordings          " +
		"update 3/3 clauses, 3 wordings       delete 2/2 clauses, 2 wordings       all honored\n" +
		"           wordings by edition: first 11\n" +
		"           connector: 11 of 11 clauses correct\n"
	if text := console(t, report.Console{}, r, run); text != want {
		t.Errorf("it is\n%s\nwant\n%s", text, want)
	}
	if text := console(t, report.Console{Colour: true}, r, run); !strings.Contains(text, "  \x1b[32mall honored\x1b[0m\n") {
		t.Errorf("it is not green:\n%s", text)
	}
	r.Contracts[0].Clauses[10].Action = "other"
	if text := console(t, report.Console{}, r, run); !strings.Contains(text, "  other 1/1 clauses, 1 wordings ") || strings.Contains(text, "list") {
		t.Errorf("it does not have the one clause of an action, or an action without clauses:\n%s", text)
	}
	run.Results[3].Outcome = report.Another
	if text := console(t, report.Console{}, r, run); strings.Contains(text, "all honored") {
		t.Errorf("another clause is honored:\n%s", text)
	}
	run.Results[3].Outcome = report.Honored
	run.ExtraChecks[0].Outcome = report.Broken
	if text := console(t, report.Console{}, r, run); strings.Contains(text, "all honored") || !strings.Contains(text, "  1 broken\n") {
		t.Errorf("a check that failed is honored:\n%s", text)
	}
}

func TestALiveRunGroupsWhatIsNotAsDocumented(t *testing.T) {
	r := sample.Report()
	run := r.Runs[1]
	run.LeftOut = "the selection left them out"
	deviation := []matchers.Deviation{
		{Field: "code", Documented: `"a"`, Received: `"b"`}, {Field: "message", Documented: `"c"`, Received: `"d"`},
	}
	for i, o := range []report.Outcome{
		report.Another, report.Deviating, report.Deviating, report.Erratum, report.NotExposed, report.Honored, report.Broken,
	} {
		run.Results[i].Outcome, run.Results[i].Reason = o, "reason of "+string(o)
		if o == report.Deviating || o == report.Erratum {
			run.Results[i].Deviations = deviation
		}
	}
	run.Results[10].Reason = run.LeftOut
	run.Results[0].Reason = "one\ntwo"
	text := console(t, report.Console{}, r, run)
	const want = "graph      sample                  live, as connector: 2 honored, 2 deviating, 1 known erratum, 1 another clause, 1 broken, " +
		"3 not run, 1 left out: the selection left them out; 40 requests\n" +
		"  another clause: one two\n    1 clause: graph.create.clause-0\n" +
		"  deviating: code: documented \"a\", received \"b\"; message: documented \"c\", received \"d\"\n" +
		"    2 clauses: graph.get.clause-1, graph.update.clause-2\n" +
		"  known erratum: code: documented \"a\", received \"b\"; message: documented \"c\", received \"d\"\n" +
		"    1 clause: graph.delete.clause-3\n" +
		"  not run: no sandbox can have it\n    3 clauses: graph.delete.clause-7, graph.create.clause-8, graph.get.clause-9\n" +
		"graph, connector, live: 1 broken\n" +
		"  broken: reason of broken\n    1 clause: graph.update.clause-6\n" +
		"    rerun one: go test -run 'TestGraph/graph.update.clause-6$' .\n"
	if text != want {
		t.Errorf("it is\n%s\nwant\n%s", text, want)
	}
}

func TestTheConsoleListsTwelveCauses(t *testing.T) {
	r := sample.Large(3000)
	run := r.Runs[0]
	var text strings.Builder
	if err := (report.Console{}).WriteCauses(&text, r, run); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(text.String(), "\n  broken: "); n != 12 || !strings.HasSuffix(text.String(), "\n  and 19 more reasons, of 19 in all\n") {
		t.Errorf("%d causes are listed:\n%s", n, text.String())
	}
	for i, result := range run.Results { // 13 reasons, of which the last has three clauses
		result.Outcome, result.Reason = report.Broken, fmt.Sprint("reason ", min(i/4, 12))
		if i > 50 {
			result.Outcome = report.Honored
		}
	}
	text.Reset()
	if err := (report.Console{}).WriteCauses(&text, r, run); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(text.String(), "\n  and 1 more reason, of 3 in all\n") {
		t.Errorf("it ends otherwise:\n%s", text.String())
	}
	run.Problems = []string{"engine error: one", "engine error: two"}
	for _, result := range run.Results {
		result.Outcome = report.Honored
	}
	text.Reset()
	if err := (report.Console{}).WriteCauses(&text, r, run); err != nil {
		t.Fatal(err)
	}
	if want := "graph, client-0, offline: 2 set-up problems\n  engine error: one\n  engine error: two\n"; text.String() != want {
		t.Errorf("it is\n%s\nwant\n%s", text.String(), want)
	}
}

func TestWriteLookAlikes(t *testing.T) {
	run := sample.Report().Runs[0]
	group := report.Group{Operation: "graph.get", Clauses: []string{"graph.get.a", "graph.get.b"}}
	write := func() string {
		var text strings.Builder
		if err := report.WriteLookAlikes(&text, run); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	run.LookAlikes = report.LookAlikes{Clauses: 9, Exposed: []report.Group{group}, Reliable: []report.Group{group, group}}
	want := "look-alikes: of 9 clauses 2 cannot be told apart by what connector exposes (status, code), 4 by what graph says to rely on\n" +
		"           graph.get: a, b\n"
	if got := write(); got != want {
		t.Errorf("it is\n%s\nwant\n%s", got, want)
	}
	run.Client.Exposes = nil
	for len(run.LookAlikes.Exposed) < 13 {
		run.LookAlikes.Exposed = append(run.LookAlikes.Exposed, group)
	}
	if got := write(); !strings.Contains(got, "(nothing)") || strings.Count(got, "graph.get: a, b") != 12 || !strings.HasSuffix(got, "\n           and 1 more group\n") {
		t.Errorf("it is\n%s", got)
	}
}

// failingWriter has room for so many writes.
type failingWriter int

var errFull = errors.New("no room")

func (w *failingWriter) Write(text []byte) (int, error) {
	if *w--; *w < 0 {
		return 0, errFull
	}
	return len(text), nil
}

func TestAWriterThatFailsIsTold(t *testing.T) {
	r := sample.Report()
	for name, write := range map[string]func(w *failingWriter) error{
		"coverage":    func(w *failingWriter) error { return report.Console{}.WriteCoverage(w, r, r.Runs[0]) },
		"causes":      func(w *failingWriter) error { return report.Console{}.WriteCauses(w, r, r.Runs[0]) },
		"look-alikes": func(w *failingWriter) error { return report.WriteLookAlikes(w, r.Runs[0]) },
		"JSON":        func(w *failingWriter) error { return r.WriteJSON(w) },
		"Markdown":    func(w *failingWriter) error { return r.WriteMarkdown(w) },
		"JUnit":       func(w *failingWriter) error { return r.WriteJUnit(w, everywhere) },
		"annotations": func(w *failingWriter) error { return r.WriteAnnotations(w, everywhere) },
	} {
		const most = 20 // writes
		for room := range most {
			w := failingWriter(room)
			if err := write(&w); err == nil && w < 0 || err != nil && !errors.Is(err, errFull) {
				t.Errorf("%s: of a writer with room for %d writes the error is %v", name, room, err)
			} else if err == nil {
				break
			} else if room == most-1 {
				t.Errorf("%s: it needs more than %d writes", name, most)
			}
		}
	}
}
