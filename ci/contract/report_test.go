package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/learncontract/learncontract/suites/report"
)

// madeUp is how many clauses the made-up contract has: more than a step of GitHub shows annotations.
const madeUp = 12

// kept writes a made-up report of a run into a folder of its own: each clause is of an action, create being that of a
// quarter, and has the outcome that is chosen for its action. A broken one has a reason of its own.
func kept(t *testing.T, outcome func(action string) report.Outcome) (folder string) {
	t.Helper()
	c := &report.Contract{Provider: "graph", API: "made up", Editions: []report.Edition{{ID: "first"}}}
	run := &report.Run{
		Provider: "graph", Client: report.Client{Name: "wire", Exposes: []string{"code"}}, Transport: report.Offline, Seconds: 1,
		Versions:    map[string]string{"go": "go1"},
		LookAlikes:  report.LookAlikes{Exposed: []report.Group{}, Reliable: []report.Group{}},
		ExtraChecks: []*report.Check{{ID: "success:graph.get", Kind: report.Success, Title: "t", Action: "get"}},
	}
	result := func(clause, action string) report.Result {
		r := report.Result{Clause: clause, Outcome: outcome(action), Reason: "as documented", Ran: 1}
		switch r.Outcome {
		case report.NotRun:
			r.Reason, r.Ran, run.LeftOut = "the selection left them out", 0, "the selection left them out"
		case report.Broken:
			r.Reason = "code of row " + clause
		default:
			r.Honored = 1
		}
		return r
	}
	for i := range madeUp {
		action := []string{"create", "get", "update", "delete"}[i%4]
		id := fmt.Sprintf("graph.%s.clause-%d", action, i)
		c.Clauses = append(c.Clauses, &report.Clause{
			ID: id, Operation: "graph." + action, Action: action, Method: "GET", Path: "/", Title: "returns 400", Status: 400,
			Remedy: "report", Evidence: "documented", Wordings: []report.Wording{{ID: id, Editions: []string{"first"}}},
			Source: report.Source{Edition: "first", Row: "row 1"}, File: "README.md", Line: i + 1,
		})
		r := result(id, action)
		run.Results = append(run.Results, &r)
	}
	run.ExtraChecks[0].Result = result("", "get")
	if run.ExtraChecks[0].Outcome == report.Broken {
		run.ExtraChecks[0].Outcome = report.Honored
	}
	folder = t.TempDir()
	if _, err := (&report.Report{Version: report.Version, Contracts: []*report.Contract{c}, Runs: []*report.Run{run}}).Write(folder); err != nil {
		t.Fatal(err)
	}
	return folder
}

// reported runs contract report into a folder of its own.
func reported(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	return contract(append([]string{"report"}, args...)...)
}

// one is the only run report in a folder, and its run.
func one(t *testing.T, folder string) (*report.Report, *report.Run) {
	t.Helper()
	reports, err := report.ReadFolder(folder)
	if err != nil || len(reports) != 1 || len(reports[0].Runs) != 1 {
		t.Fatalf("%d run reports: %v", len(reports), err)
	}
	return reports[0].Report, reports[0].Runs[0]
}

// reportSchema compiles what contract report --schema prints.
func reportSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(printed(t, "report", "--schema")))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := compiler(t, document)("")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestReport(t *testing.T) {
	all := func(o report.Outcome) func(string) report.Outcome { return func(string) report.Outcome { return o } }
	right, wrong := kept(t, all(report.Honored)), kept(t, all(report.Broken))
	shard := func(ran func(action string) bool) string {
		return kept(t, func(action string) report.Outcome {
			if ran(action) {
				return report.Honored
			}
			return report.NotRun
		})
	}
	create := shard(func(action string) bool { return action == "create" })
	rest := shard(func(action string) bool { return action != "create" })
	broken, notRun := fmt.Sprintf("%d broken", madeUp), fmt.Sprintf("%d not run", madeUp*3/4)

	t.Run("shards are merged to what one run says", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "merged.json")
		status, stdout, stderr := reported(t, create, rest, "--json", out)
		if status != 0 || stderr != "" || !strings.Contains(stdout, "all honored") || strings.Contains(stdout, "not run") {
			t.Errorf("exit status %d\n%s%s", status, stdout, stderr)
		}
		_, whole := one(t, right)
		_, merged := one(t, filepath.Dir(out))
		for i, result := range merged.Results {
			if result.Outcome != whole.Results[i].Outcome || result.Reason != whole.Results[i].Reason {
				t.Errorf("%s is %s, %q", result.Clause, result.Outcome, result.Reason)
			}
		}
		text, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		valid(t, reportSchema(t), string(text))
		if len(merged.ExtraChecks) != len(whole.ExtraChecks) || merged.LeftOut != "" {
			t.Errorf("%d checks, and in one run %d; left out: %q", len(merged.ExtraChecks), len(whole.ExtraChecks), merged.LeftOut)
		}
	})
	t.Run("what disagrees is printed and fails", func(t *testing.T) {
		status, stdout, _ := reported(t, right, wrong)
		if status != 1 || strings.Count(stdout, "\ndisagreement: ") != madeUp || !strings.Contains(stdout, broken) {
			t.Errorf("exit status %d\n%s", status, stdout)
		}
	})
	t.Run("every form is written", func(t *testing.T) {
		folder := t.TempDir()
		heading := fmt.Sprintf("### Documented error contract: %d failures\n", madeUp)
		t.Setenv("GITHUB_WORKSPACE", filepath.Join("..", ".."))
		var args []string
		for _, w := range writers {
			args = append(args, "--"+w.flag, filepath.Join(folder, "made", w.flag))
		}
		status, stdout, stderr := reported(t, append(args, wrong, "--annotations")...)
		for _, w := range writers {
			if written := "\nwrote " + filepath.Join(folder, "made", w.flag) + "\n"; !strings.Contains(stdout, written) {
				t.Errorf("report does not print %q", written)
			}
		}
		if status != 1 || stderr != "" || strings.Count(stdout, "\n::error file=README.md,line=") != 9 {
			t.Errorf("exit status %d\n%s%s", status, stdout, stderr)
		}
		t.Setenv("GITHUB_WORKSPACE", folder)
		_, stdout, _ = reported(t, wrong, "--annotations")
		unlinked := regexp.MustCompile(`(?m)^::error title=.*%0AThe contract has it in README\.md:`)
		if strings.Contains(stdout, "::error file=") || len(unlinked.FindAllString(stdout, -1)) != 9 {
			t.Errorf("a line of a file that is not checked out is annotated, or its place is missing:\n%s", stdout)
		}
		for form, has := range map[string]string{
			"html": fmt.Sprintf("<h1 class=\"fails\">%d failures</h1>", madeUp), "markdown": heading,
			"junit": fmt.Sprintf(`failures="%d"`, madeUp), "json": `"version": 1,`,
		} {
			text, err := os.ReadFile(filepath.Join(folder, "made", form))
			if err != nil || !strings.Contains(string(text), has) {
				t.Errorf("%s does not have %q: %v", form, has, err)
			}
		}
		status, stdout, _ = reported(t, wrong, "--markdown", "-")
		if status != 1 || !strings.HasPrefix(stdout, heading) || strings.Contains(stdout, "wordings by edition") {
			t.Errorf("exit status %d\n%s", status, stdout)
		}
	})
	t.Run("all files are written or none", func(t *testing.T) {
		folder := t.TempDir()
		at := func(names ...string) string { return filepath.Join(append([]string{folder}, names...)...) }
		if err := os.MkdirAll(at("json.part", "folder"), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, at("file"), "old")
		for _, test := range []struct{ flag, file, want string }{
			{"--json", at("json"), "json cannot be written (is a directory), and so no file was: "},
			{"--json", folder, "--json: " + folder + " is a folder: give a file in it, such as " + at("report")},
			{"--junit", at("file", "junit.xml"), "--junit: " + at("file", "junit.xml") + " cannot be written (not a directory): give another file"},
			{"--junit", at("file"), "--markdown and --junit are both " + at("file") + ": give another file for one of them"},
		} {
			status, stdout, stderr := reported(t, right, "--markdown", at("file"), test.flag, test.file)
			if status != 2 || stdout != "" || !strings.Contains(stderr, test.want) {
				t.Errorf("exit status %d, want %q: %s%s", status, test.want, stdout, stderr)
			}
			text, err := os.ReadFile(at("file"))
			if entries, _ := os.ReadDir(folder); err != nil || string(text) != "old" || len(entries) != 2 {
				t.Errorf("%s: the file has %q, %v, and is one of %v", test.flag, text, err, entries)
			}
		}
		if err := os.Symlink(at("file"), at("link")); err != nil {
			t.Skipf("no link can be made here, so run it where one can: %v", err)
		}
		reported(t, right, "--markdown", at("link"))
		if text, err := os.ReadFile(at("file")); err != nil || !strings.HasPrefix(string(text), "### ") {
			t.Errorf("what the link leads to has %q, %v", text, err)
		}
	})
	t.Run("a pipe is written to, and not replaced", func(t *testing.T) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		file := fmt.Sprintf("/dev/fd/%d", w.Fd())
		if _, err := os.Stat(file); err != nil {
			t.Skipf("a pipe has no name here, so run it on Linux: %v", err)
		}
		read := make(chan string)
		go func() {
			text, _ := io.ReadAll(r) // what could not be read is not there
			read <- string(text)
		}()
		status, _, stderr := reported(t, right, "--markdown", file)
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if text := <-read; status != 0 || !strings.HasPrefix(text, "### ") {
			t.Errorf("exit status %d, %s, and in the pipe is %q", status, stderr, text)
		}
	})
	t.Run("what changed since a baseline is printed", func(t *testing.T) {
		baseline := filepath.Join(right, "graph-wire-offline.json")
		for _, test := range []struct {
			args   []string
			status int
			says   string
		}{
			{[]string{wrong, "--baseline", baseline, "--fail-on", "newly-broken"}, 1, "\nnewly broken: graph.create.clause-0  broken, was honored (graph, wire, offline)\n"},
			{[]string{wrong, "--baseline", filepath.Join(wrong, "graph-wire-offline.json"), "--fail-on", "newly-broken"}, 0, broken},
			{[]string{right, "--baseline", filepath.Join(wrong, "graph-wire-offline.json")}, 0, "\nnewly honored: graph.create.clause-0  honored, was broken (graph, wire, offline)\n"},
			{[]string{create, "--baseline", baseline}, 0, "\nno longer run: graph.get.clause-1  not run, was honored (graph, wire, offline)\n"},
			{[]string{create, "--baseline", baseline, "--fail-on", "newly-broken"}, 1, notRun},
			{[]string{right, "--baseline", baseline, "--fail-on", "newly-broken"}, 0, "\nDocumented error contract: all clauses that ran are honored\n"},
			{[]string{create, "--fail-on", "not-run"}, 1, notRun},
			{[]string{wrong, "--fail-on", "engine,undocumented"}, 0, broken},
			{[]string{wrong, "--fail-on", "none"}, 0, broken},
		} {
			status, stdout, stderr := reported(t, test.args...)
			if status != test.status || !strings.Contains(stdout, test.says) {
				t.Errorf("%q: exit status %d, want %d and %q:\n%s%s", test.args, status, test.status, test.says, stdout, stderr)
			}
		}
	})
	t.Run("a run that the baseline lacks, or that is missing, is printed and fails", func(t *testing.T) {
		r, run := one(t, wrong)
		run.Client.Name = "renamed"
		folder := t.TempDir()
		if _, err := r.Write(folder); err != nil {
			t.Fatal(err)
		}
		baseline := filepath.Join(right, "graph-wire-offline.json")
		status, stdout, _ := reported(t, folder, "--baseline", baseline, "--fail-on", "newly-broken")
		if status != 1 || strings.Count(stdout, "\nnewly broken: ") != madeUp || !strings.Contains(stdout, "\nthe baseline has no run of graph, renamed, offline\n") {
			t.Errorf("exit status %d\n%s", status, stdout)
		}
		status, stdout, _ = reported(t, right, "--baseline", filepath.Join(folder, "graph-renamed-offline.json"), "--fail-on", "newly-broken")
		if status != 1 || !strings.Contains(stdout, "the baseline has a run of graph, renamed, offline, but this report has none\n") {
			t.Errorf("exit status %d\n%s", status, stdout)
		}
	})
	t.Run("a set-up that failed fails", func(t *testing.T) {
		r, run := one(t, right)
		run.Problems = []string{"engine error: no room"}
		folder := t.TempDir()
		if _, err := r.Write(folder); err != nil {
			t.Fatal(err)
		}
		if status, stdout, _ := reported(t, folder); status != 1 || !strings.Contains(stdout, "\n  engine error: no room\n") {
			t.Errorf("exit status %d\n%s", status, stdout)
		}
		if status, _, _ := reported(t, folder, "--fail-on", "broken"); status != 0 {
			t.Errorf("exit status %d", status)
		}
		baseline := filepath.Join(right, "graph-wire-offline.json")
		if status, stdout, _ := reported(t, folder, "--baseline", baseline, "--fail-on", "newly-broken"); status != 1 {
			t.Errorf("since a baseline: exit status %d\n%s", status, stdout)
		}
	})
}

func TestCheckedOut(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("GITHUB_WORKSPACE", filepath.Join(folder, "checkout"))
	if err := os.MkdirAll(filepath.Join(folder, "checkout", "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"outside", "checkout/file", "checkout/folder/file"} {
		write(t, filepath.Join(folder, file), "x")
	}
	for file, want := range map[string]bool{
		"file": true, "folder/file": true, "folder": false, "gone": false, "../outside": false,
		filepath.Join(folder, "outside"): false, "": false,
	} {
		if got := checkedOut(file); got != want {
			t.Errorf("%q is checked out: %v, want %v", file, got, want)
		}
	}
}

// smallReport has a live run that sent five requests.
const smallReport = `{"version":1,"contracts":[{"provider":"graph","api":"a"}],"runs":[{"provider":"graph","transport":"live","requests":5}]}`

func TestARunReportIsMergedOnce(t *testing.T) {
	folder := t.TempDir()
	inner := filepath.Join(folder, "inner")
	if err := os.Mkdir(inner, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(inner, "x.json"), smallReport)
	if _, stdout, stderr := reported(t, folder, inner, folder+"/"); !strings.Contains(stdout, "; 5 requests\n") {
		t.Errorf("%s%s", stdout, stderr)
	}
}

func TestReportErrors(t *testing.T) {
	empty, wrong, says := t.TempDir(), t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(says, "nothing.json"), []byte(`{"version":1,"contracts":[],"runs":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(wrong, "ginkgo.json"), []byte(`[{"SuitePath": "x"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	whole := t.TempDir()
	write(t, filepath.Join(whole, "x.json"), smallReport)
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "report needs a folder: give one that a suite's --report flag wrote"},
		{[]string{empty}, " contains no run report: give a folder that a suite's --report flag wrote"},
		{[]string{says}, "nothing.json: it has no contract or no run: run the suite again"},
		{[]string{wrong}, "ginkgo.json is not a report: give --report a folder of its own"},
		{[]string{whole, "--baseline", filepath.Join(empty, "gone.json")}, "gone.json: contract report --json writes one"},
		{[]string{whole, "--baseline", filepath.Join(wrong, "ginkgo.json")}, "ginkgo.json is not a report: give a file that contract report --json has written"},
		{[]string{empty, "--fail-on", "broke"}, `--fail-on has "broke": use broken, undocumented, unexpected-pass, engine, another, deviating, erratum, not-exposed, honored, unsupported, not-run, newly-broken or none`},
		{[]string{empty, "--fail-on", "newly-broken"}, "--fail-on newly-broken needs --baseline FILE, the report to compare with"},
		{[]string{empty, "--fail-on", ""}, "--fail-on is empty: give outcomes, or none"},
		{[]string{empty, "--fail-on", "none,broken"}, "--fail-on has none and others: give only one of the two"},
		{[]string{filepath.Join(empty, "gone")}, "gone: there is no such folder: a suite's --report flag makes it, unless the suite did not compile"},
	} {
		status, stdout, stderr := reported(t, test.args...)
		if status != 2 || stdout != "" || !strings.HasPrefix(stderr, "contract: ") || !strings.Contains(stderr, test.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: exit status %d, want 2 and %q: %q", test.args, status, test.want, stderr)
		}
	}
}
