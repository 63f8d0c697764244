package suites_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/onsi/ginkgo/v2/types"
)

const described = "HOST_DESCRIBE=graph|the connector|acme="

// The host's own specs and nodes run beside those of Describe, in any order, with any flag of Ginkgo's.
func TestFlagsOfGinkgo(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		process
		texts []string
	}{
		"none":            {process{}, []string{"Ran 110 of 110", "acme: 41 of 41 clauses correct", "all honored"}},
		"--randomize-all": {process{args: []string{"-ginkgo.randomize-all", "-ginkgo.seed=7"}}, []string{"Ran 110 of 110", "all honored"}},
		"--label-filter": {
			process{args: []string{"-ginkgo.label-filter=clause:graph.update.learner-license"}}, []string{"update 1/14 clauses", "40 not run", "!the host's spec ran"},
		},
		"--label-filter of a status": {
			process{args: []string{"-ginkgo.label-filter=action:create && status:429"}}, []string{"create 1/9 clauses, 3 wordings"},
		},
		"--label-filter of the host's": {process{args: []string{"-ginkgo.label-filter=host"}}, []string{"the host's spec ran", "!learningCourseActivity"}},
		"--focus-file": {
			process{args: []string{"-ginkgo.focus-file=specs.go"}}, []string{"Ran 108 of 110", "all honored", "!the host's spec ran"},
		},
		"--skip-file": {process{args: []string{"-ginkgo.skip-file=specs.go"}}, []string{"Ran 2 of 110", "the host's spec ran"}},
		"--focus":     {process{args: []string{"-ginkgo.focus=when the assignment doesn't exist"}}, []string{"get 1/9 clauses", "38 not run"}},
		"--dry-run": {
			process{args: []string{"-ginkgo.dry-run", "-ginkgo.v"}}, []string{"graph learningCourseActivity: dry run, nothing called", "!the host's spec ran"},
		},
		"--fail-fast": {
			process{env: []string{"HOST_DESCRIBE=graph|the connector|acme=nil"}, args: []string{"-ginkgo.fail-fast"}, fails: true},
			[]string{"not run: the run ended early"},
		},
		"a failure's line": {
			process{env: []string{"HOST_DESCRIBE=graph|the connector|acme=throttled"}, args: []string{"-ginkgo.focus-file=specs.go"}, fails: true},
			[]string{"suites/graph/specs.go:25"},
		},
		"the success of an operation": {
			process{
				env: []string{"HOST_DESCRIBE=graph|the connector|acme=success of get"}, args: []string{"-ginkgo.label-filter=success:graph.get"}, fails: true,
			},
			[]string{"acme returned an error although the API responded 200 OK", "suites/graph/specs.go:29", "1 Failed"},
		},
		"another success": {
			process{env: []string{"HOST_DESCRIBE=graph|the connector|acme=success of get"}, args: []string{"-ginkgo.label-filter=success:graph.delete"}}, nil,
		},
	} {
		for _, binary := range []string{"plain", "main"} {
			t.Run(name+", "+binary, func(t *testing.T) {
				t.Parallel()
				p := test.process
				p.binary, p.args = binary, append([]string{"-test.run=TestHost"}, p.args...)
				if p.env == nil {
					p.env = []string{described}
				}
				output := p.run(t)
				expectLines(t, output, test.texts...)
				if !strings.Contains(name, "dry-run") {
					expectLines(t, output, "the host's AfterSuite ran")
				}
			})
		}
	}
}

// A failure of a subtest points at the assertion's line, or where none fails, at the line that declares the spec.
func TestAFailurePointsAtTheAssertion(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("graph", "specs.go"))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := filepath.Abs(filepath.Join("graph", "specs.go"))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		client, run, flag string
		file, line        string
	}{
		"an assertion": {"throttled", "update.throttled/error", "-test.v", "    specs.go", "client.Surface(w)"},
		"a fault":      {"panics", "update.throttled/error", "-test.fullpath", " " + whole, "s.Each(action,"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := process{binary: "plain", args: []string{"-test.run=TestGraphErrors/" + test.run, test.flag}, env: []string{"HOST_GRAPH=acme=" + test.client}, fails: true}
			output := p.run(t)
			match := regexp.MustCompile(regexp.QuoteMeta(test.file) + `:(\d+): *\n`).FindStringSubmatch(output)
			if match == nil {
				t.Fatalf("no line of%s is named\n%s", test.file, output)
			}
			lines := strings.Split(string(text), "\n")
			if n, err := strconv.Atoi(match[1]); err != nil || !strings.Contains(lines[n-1], test.line) {
				t.Errorf("line %s is %q, want %s", match[1], lines[n-1], test.line)
			}
		})
	}
}

// In one package, Test and Describe check both clients: a broken one in either fails.
func TestBothFrontEndsInOnePackage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		tested, described string
		fails             bool
		texts             []string
	}{
		"both right":       {"a=", "b=", false, []string{"a: 41 of 41 clauses", "b: 41 of 41 clauses"}},
		"broken in Test":   {"a=throttled", "b=", true, []string{"a: 37 of 41 clauses", "b: 41 of 41 clauses"}},
		"broken in Ginkgo": {"a=", "b=throttled", true, []string{"a: 41 of 41 clauses", "b: 37 of 41 clauses"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := process{binary: "main", fails: test.fails, args: []string{"-test.v", "-test.run=TestHost|TestGraphErrors"}, env: []string{
				"HOST_GRAPH=" + test.tested, "HOST_DESCRIBE=graph|the connector|" + test.described,
			}}
			output := p.run(t)
			expectLines(t, output, append(test.texts, "the host's TestMain ran", "the host's spec ran")...)
		})
	}
}

// Suites are told apart by identity: each run report has its own specs only, whatever the suites and clients are called.
func TestSuitesOfOneName(t *testing.T) {
	t.Parallel()
	type want map[string]string
	for name, test := range map[string]struct {
		describe string
		fails    bool
		want     want
		texts    []string
	}{
		"two providers under one text": {
			"graph|x|acme=;classroom|x|acme=success of get", true,
			want{"graph-acme-offline.json": "41 honored", "classroom-acme-offline.json": "819 honored"}, nil,
		},
		"two clients under one text": {
			"graph|x|good=;graph|x|bad=throttled", true,
			want{"graph-good-offline.json": "41 honored", "graph-bad-offline.json": "4 broken, 37 honored"}, nil,
		},
		"two clients of one Name": {
			"graph|x|acme=throttled;graph|y|acme=", true, want{"graph-acme-offline.json": "4 broken, 37 honored"},
			[]string{`the suite "x" (host_test.go:`, `and the suite "y" (host_test.go:`, "would write the same run report", "give each client a Name of its own", "1 set-up problem"},
		},
		"a provider that no filter selects": {
			"graph|x|a/b=;graph|x|a-b=", false, want{"graph-a-b-offline.json": "41 honored"}, nil, // a/b has a digest
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			p := process{binary: "main", fails: test.fails, args: []string{"-test.run=TestHost", "-report", folder}, env: []string{"HOST_DESCRIBE=" + test.describe}}
			expectLines(t, p.run(t), test.texts...)
			for file, outcome := range test.want {
				run := runReport(t, folder, file)
				if got := outcomes(run); got != outcome {
					t.Errorf("%s has %s, want %s", file, got, outcome)
				}
				for _, check := range run.ExtraChecks {
					if _, id, _ := strings.Cut(check.ID, ":"); id != "" && !strings.HasPrefix(id, run.Provider+".") {
						t.Errorf("%s has %s", file, check.ID)
					}
				}
			}
		})
	}
}

// The command runs the suites in several processes, and its own reports have every spec.
func TestGinkgoRun(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	run := func(name string, flags ...string) {
		p := process{binary: "ginkgo", env: []string{"HOST_DESCRIBE=graph|the connector|acme=throttled"}, fails: true, args: append(
			append(flags, "--focus-file=specs.go"), "--", "-test.run=TestHost", "-report", filepath.Join(folder, name),
		)}
		expectLines(t, p.run(t), "4 broken", "!\x1b", "!engine error")
	}
	run("serial", "--json-report=out.json", "--junit-report=out.xml", "--output-dir="+folder)
	run("parallel", "-p", "--procs=3", "--randomize-all", "--no-color")
	run("repeated", "--randomize-all", "--repeat=1", "--keep-going")
	serial := comparableRun(t, filepath.Join(folder, "serial"))
	for _, name := range []string{"parallel", "repeated"} {
		expectSame(t, comparableRun(t, filepath.Join(folder, name)), serial)
	}
	text, err := os.ReadFile(filepath.Join(folder, "out.json"))
	if err != nil {
		t.Fatal(err)
	}
	var reports []types.Report
	if err := json.Unmarshal(text, &reports); err != nil {
		t.Fatal(err)
	}
	if n := reports[0].SpecReports.WithLeafNodeType(types.NodeTypeIt).CountWithState(types.SpecStatePassed | types.SpecStateFailed); n != 108 {
		t.Errorf("Ginkgo's report has %d specs that ran, want 108", n)
	}
	if junit, err := os.ReadFile(filepath.Join(folder, "out.xml")); err != nil || !strings.Contains(string(junit), "graph.get.throttled") {
		t.Errorf("%v, or the JUnit report has no graph.get.throttled", err)
	}
}

// A client that ends the process with status 0 does not pass, whoever runs the tests.
func TestAClientThatExitsFails(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]process{
		"Describe without Run": {binary: "plain", args: []string{"-test.run=TestHost"}, env: []string{"HOST_DESCRIBE=graph|x|acme=exits"}},
		"the command":          {binary: "ginkgo", args: []string{"--", "-test.run=TestHost"}, env: []string{"HOST_DESCRIBE=graph|x|acme=exits"}},
		"Test with Run":        {binary: "main", args: []string{"-test.run=TestGraphErrors"}, env: []string{"HOST_GRAPH=acme=exits"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.fails = true
			expectLines(t, p.run(t), "unexpected call to os.Exit(0) during test")
		})
	}
}

// Without a TestMain, RunSpecs prints the causes after Ginkgo's summary.
func TestRunSpecsPrintsCausesLast(t *testing.T) {
	t.Parallel()
	output := process{binary: "plain", fails: true, args: []string{"-test.run=TestRunSpecs"}, env: []string{
		"HOST_DESCRIBE=graph|x|acme=throttled", "HOST_RUNSPECS=1",
	}}.run(t)
	if summary, causes := strings.Index(output, "Ran 110 of 110"), strings.Index(output, "4 broken\n"); summary < 0 || causes < summary {
		t.Errorf("Ginkgo's summary is at %d, and the causes at %d:\n%s", summary, causes, output)
	}
}

// comparableRun is the run report in a folder that has one, without what may differ from run to run.
func comparableRun(t *testing.T, folder string) string {
	t.Helper()
	name := files(t, folder)
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(?m)^ *"(start|seconds|selection|rerun)":.*\n`).ReplaceAll(text, nil)
	return string(regexp.MustCompile(`goroutine \d+|0x[0-9a-f]+|bubble \d+|\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT`).ReplaceAll(text, nil)) // of stacks, and clocks
}

// expectSame fails the test if two texts differ, with the first lines that do.
func expectSame(t *testing.T, got, want string) {
	t.Helper()
	one, other := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(one), len(other)) {
		if one[i] != other[i] {
			t.Errorf("line %d of %d is\n%s\nwant, of %d,\n%s", i+1, len(one), strings.Join(one[max(0, i-4):i+1], "\n"), len(other), other[i])
			return
		}
	}
	if len(one) != len(other) {
		t.Errorf("%d lines, want %d", len(one), len(other))
	}
}

// The front ends come to the same: their run reports differ in nothing but times, the selection and the command that reruns one.
func TestFrontEndsAgree(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"", "code", "nil", "panics", "throttled", "success of get", "token in error"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			tested, described := t.TempDir(), t.TempDir()
			process{binary: "plain", fails: kind != "", args: []string{"-test.run=TestGraphErrors", "-learncontract.report", tested}, env: []string{
				"HOST_GRAPH=acme=" + kind,
			}}.run(t)
			process{binary: "plain", fails: kind != "", args: []string{"-test.run=TestHost"}, env: []string{
				"HOST_DESCRIBE=graph|acme|acme=" + kind, "LEARNCONTRACT_REPORT=" + described,
			}}.run(t)
			expectSame(t, comparableRun(t, tested), comparableRun(t, described))
		})
	}
}
