package suites_test

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/suites/report"
)

// A set-up that is wrong is one failing test or spec that says why, and a run report in which no clause was run for that reason.
func TestAWrongSetUpIsOneSentence(t *testing.T) {
	t.Parallel()
	type test struct {
		client string
		args   []string // of Run's flags, with their prefix
		says   string
	}
	for name, test := range map[string]test{
		"no name":         {client: "=no name", says: `the client "" cannot be checked: Name is empty: say what reports should call the client`},
		"no constructor":  {client: "acme=no constructor", says: `the client "acme" cannot be checked: give one of New, which constructs the client from an http.Client, and Dial`},
		"it fails":        {client: "acme=fails to construct", says: `the client "acme" cannot be checked: acme cannot be constructed: no tenant is configured`},
		"it panics":       {client: "acme=panics constructing", says: `acme cannot be constructed: its constructor panicked: no tenant is configured`},
		"nil calls":       {client: "acme=nil calls", says: `acme cannot be constructed: its constructor returned no Calls and no error`},
		"no errata":       {client: "acme=no errata", says: `the client "acme" cannot be checked: none.yaml: cannot be read: there is no such file`},
		"no sandbox":      {client: "acme=", args: []string{"-learncontract.live"}, says: "--live needs --sandbox FILE"},
		"flags of a live": {client: "acme=", args: []string{"-learncontract.sandbox=x"}, says: "--sandbox, --provoke and --record are of a live run: add --live"},
	} {
		for front, p := range map[string]process{
			"test":     {binary: "plain", args: []string{"-test.run=TestGraphErrors"}, env: []string{"HOST_GRAPH=" + test.client}},
			"describe": {binary: "plain", args: []string{"-test.run=TestHost", "-ginkgo.no-color"}, env: []string{"HOST_DESCRIBE=graph|x|" + test.client}},
		} {
			t.Run(name+", "+front, func(t *testing.T) {
				t.Parallel()
				folder := t.TempDir()
				p.fails, p.args = true, append(append(p.args, "-learncontract.report", folder), test.args...)
				output := strings.Join(strings.Fields(p.run(t)), " ")
				expectLines(t, output, "engine error: ", test.says)
				if front == "describe" {
					expectLines(t, output, "the host's spec ran", "x [It] can be called", "host_test.go:", "1 Passed", "1 Failed")
				}
				r := runReport(t, folder, files(t, folder))
				if got := outcomes(r); got != "41 not run" || r.Results[0].Reason != "the set-up failed" {
					t.Errorf("its outcomes are %s, for %q", got, r.Results[0].Reason)
				}
				problems := strings.Join(strings.Fields(strings.Join(r.Problems, " ")), " ")
				if len(r.Problems) != 1 || !strings.Contains(problems, test.says) || strings.Contains(problems, "goroutine") {
					t.Errorf("its problems are %q", r.Problems)
				}
			})
		}
	}
}

// What was honored yesterday must not speak for a run that could not begin, nor for one that ends early.
func TestAStaleReportIsRemoved(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "graph-acme-offline.json")
	if err := os.WriteFile(file, []byte("yesterday's"), 0o600); err != nil {
		t.Fatal(err)
	}
	process{binary: "plain", fails: true, args: []string{"-test.run=TestGraphErrors", "-learncontract.report", folder}, env: []string{
		"HOST_GRAPH=acme=nil calls",
	}}.run(t)
	if r := runReport(t, folder, "graph-acme-offline.json"); outcomes(r) != "41 not run" {
		t.Errorf("its outcomes are %s", outcomes(r))
	}
}

// A wrong command line is one line, and nothing runs.
func TestAWrongFlagIsOneLine(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"unknown":                     {[]string{"-lives"}, "there is no flag --lives: take it out, or put a flag of Ginkgo's before the packages ('go tool ginkgo help run' lists them)"},
		"Ginkgo's without its prefix": {[]string{"--label-filter=x"}, "there is no flag --label-filter: with go test it is --ginkgo.label-filter, and ginkgo run has it before the packages"},
		"no flag":                     {[]string{"live"}, `"live" is no flag: take it out, or write it as --live`},
		"no expression":               {[]string{"-ginkgo.skip=*"}, `--skip has "*", which is no regular expression (missing argument to repetition operator): correct it`},
		"no value":                    {[]string{"-strict=maybe"}, `invalid boolean value "maybe" for -strict: parse error: correct it, or take it out`},
		"strict alone":                {[]string{"-strict"}, "--strict is of a live run or a replay, for offline every field binds: add --live or --replay"},
		"two transports":              {[]string{"-live", "-sandbox=x", "-replay=x"}, "--replay has a recording respond, and --live a tenant: take one out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := process{binary: "main", args: append([]string{"-test.run=TestGraphErrors"}, test.args...), fails: true}
			if got, want := p.run(t), "the host's TestMain ran\nengine error: "+test.says+"\n"; got != want {
				t.Errorf("it printed\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// A selection that matches no spec fails with a sentence, where the package has no other specs.
func TestAnEmptySelectionFails(t *testing.T) {
	t.Parallel()
	for filter, says := range map[string]string{
		"status:418": `no spec of graph matches --label-filter="status:418": select by provider:, action:, status:, clause:, success:, retries:, instance: or case:, ` +
			`such as --label-filter="clause:graph.create.service-plan-missing"`,
		"clause:classroom.courses.get.not-found": "it selects specs of classroom, so run the suite of that alone",
		"success:classroom.courses.get":          "it selects specs of classroom, so run the suite of that alone",
	} {
		t.Run(filter, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			p := process{binary: "main", fails: true, args: []string{"-test.run=TestRunSpecs", "-ginkgo.label-filter=" + filter, "-report", folder}, env: []string{
				described, "HOST_RUNSPECS=1",
			}}
			expectLines(t, p.run(t), "engine error: no spec of graph matches ", says)
			if r := runReport(t, folder, files(t, folder)); outcomes(r) != "41 not run" {
				t.Errorf("its outcomes are %s", outcomes(r))
			}
		})
	}
}

// A token that a client surfaces, in an error or a panic, is in no output and in no report.
func TestATokenIsNowhere(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"token in error", "token in panic"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			output := process{binary: "plain", fails: true, args: []string{"-test.run=TestGraphErrors", "-learncontract.report", folder}, env: []string{
				"HOST_GRAPH=tested=" + kind,
			}}.run(t)
			output += process{binary: "main", fails: true, args: []string{
				"-test.run=TestHost", "-report", folder, "-ginkgo.json-report=" + filepath.Join(folder, "out"), "-ginkgo.junit-report=" + filepath.Join(folder, "out2"),
			}, env: []string{"HOST_DESCRIBE=graph|x|described=" + kind}}.run(t)
			expectLines(t, output, "sent Authorization: ", "!eyJhbGciOi", "!c2lnbmF0dXJlLW9mLWEtdG9rZW4")
			for name := range strings.FieldsSeq(files(t, folder)) {
				text, err := os.ReadFile(filepath.Join(folder, name))
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(text), "c2lnbmF0dXJl") || strings.Contains(string(text), "eyJhbGciOi") {
					t.Errorf("%s has the token", name)
				}
			}
		})
	}
}

// Reports are written by a flag, by its short form with Run, and by a variable without either. A folder is one of the module's.
func TestReportsAreWritten(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	h, err := theHost()
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]process{
		"flag":     {binary: "plain", args: []string{"-learncontract.report", filepath.Join(folder, "flag")}},
		"short":    {binary: "main", args: []string{"--report", filepath.Join(folder, "short")}},
		"variable": {binary: "plain", env: []string{"LEARNCONTRACT_REPORT=" + filepath.Join(folder, "variable")}},
		"twice":    {binary: "plain", args: []string{"-learncontract.report", filepath.Join(folder, "twice"), "-test.count=2"}},
		"relative": {binary: "main", args: []string{"-report=out/relative"}},
		"own flag": {binary: "main", args: []string{"-record", "-report", filepath.Join(folder, "own flag")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.args = append([]string{"-test.run=TestGraphErrors"}, p.args...)
			expectLines(t, p.run(t), "!\x1b")
			in := filepath.Join(folder, name)
			if name == "relative" {
				in = filepath.Join(h.folder, "..", "out", "relative")
			}
			if got := files(t, in); got != "graph-coursesync-offline.json" {
				t.Fatalf("there are %q", got)
			}
			if r := runReport(t, in, "graph-coursesync-offline.json"); outcomes(r) != "41 honored" || r.Versions["go"] == "" || r.Versions["learncontract"] == "" {
				t.Errorf("it has %s, of %v", outcomes(r), r.Versions)
			}
		})
	}
}

// Shards, which select parts, do not overwrite each other.
func TestReportsOfShards(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, pattern := range []string{"/[.]create[.]", "/[.](get|update|delete)[.]", "/[.]create[.]"} {
		process{binary: "plain", args: []string{"-test.run=TestGraphErrors" + pattern, "-learncontract.report", folder}}.run(t)
	}
	all, err := report.ReadFolder(folder)
	if err != nil || len(all) != 2 {
		t.Fatalf("%d reports: %v", len(all), err)
	}
	for _, r := range all {
		want := "9 honored, 32 not run"
		if strings.Contains(r.Runs[0].Selection, "update") {
			want = "32 honored, 9 not run"
		}
		if got := outcomes(r.Runs[0]); got != want {
			t.Errorf("%s has %s, want %s", r.Runs[0].Selection, got, want)
		}
	}
}

// A report says nothing of the machine: neither a folder of the checkout, nor of the module, however they are written.
func TestAReportHasNoFolderOfTheMachine(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	process{binary: "plain", fails: true, args: []string{"-test.run=TestGraphErrors", "-learncontract.report", folder}, env: []string{
		"HOST_GRAPH=acme=panics", "TMPDIR=" + t.TempDir(),
	}}.run(t)
	text, err := os.ReadFile(filepath.Join(folder, "graph-acme-offline.json"))
	if err != nil {
		t.Fatal(err)
	}
	checkout, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	expectLines(t, string(text), "host_test.go:", "!größe", "!"+checkout, "!"+os.TempDir()+string(filepath.Separator), "!/usr/local/go/")
}

// No output has a colour where it goes into a pipe.
func TestNoColours(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]process{
		"a pipe":          {},
		"NO_COLOR":        {env: []string{"NO_COLOR=1"}},
		"Ginkgo's flag":   {args: []string{"-ginkgo.no-color"}},
		"the test's flag": {args: []string{"-test.v"}},
		"without Run":     {binary: "plain"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.binary, p.fails = cmp.Or(p.binary, "main"), true
			p.env = append(p.env, "HOST_DESCRIBE=graph|x|acme=throttled", "HOST_GRAPH=tested=code")
			p.args = append(p.args, "-test.run=TestHost|TestGraphErrors")
			expectLines(t, p.run(t), "!\x1b", "4 broken", "41 broken")
		})
	}
}
