package suites_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/suites/report"
)

// Every flag of go test works on subtests as on any others.
func TestFlagsOfGoTest(t *testing.T) {
	t.Parallel()
	one := "-test.run=^TestGraphErrors$/^graph.update.throttled$"
	for name, test := range map[string]struct {
		process
		texts  []string
		passed int // tests of the output, with their parents; -1 for any number
	}{
		"-run selects a clause":  {process{args: []string{one}}, []string{"!graph.get.throttled", "TestGraphErrors/graph.update.throttled/error"}, 6},
		"-run selects a wording": {process{args: []string{one + "/error"}}, []string{"!throttled/text"}, 3},
		"-run selects a kind of clauses": {
			process{args: []string{"-test.run=TestGraphErrors/[.]get[.]success"}}, []string{"TestGraphErrors/graph.get.success"}, 2,
		},
		"-skip leaves a clause out": {
			process{args: []string{"-test.run=TestGraphErrors", "-test.skip=/graph.update.throttled"}},
			[]string{"!graph.update.throttled", "TestGraphErrors/graph.get.throttled/error"}, -1,
		},
		"-skip leaves a broken clause out": {
			process{env: []string{"HOST_GRAPH=acme=throttled"}, args: []string{"-test.run=TestGraphErrors", "-test.skip=/throttled"}}, nil, 0,
		},
		"-run of a broken clause": {process{env: []string{"HOST_GRAPH=acme=throttled"}, args: []string{one}, fails: true}, nil, -1},
		"-run of another clause of the same client": {
			process{env: []string{"HOST_GRAPH=acme=throttled"}, args: []string{"-test.run=TestGraphErrors/graph.update.unavailable"}}, nil, -1,
		},
		"-count=2": {process{args: []string{one, "-test.count=2"}}, nil, 12},
		"-parallel=1": {
			process{args: []string{"-test.run=TestTogether", "-test.parallel=1"}}, []string{"--- PASS: TestTogether/graph_of_one"}, -1,
		},
		"-cpu=1,2": {process{args: []string{one, "-test.cpu=1,2"}}, nil, 12},
		"-failfast": {
			process{env: []string{"HOST_GRAPH=acme=code"}, args: []string{"-test.run=TestGraphErrors", "-test.failfast"}, fails: true},
			[]string{"40 not run: the run ended early", "1 clause: graph.create.service-plan-missing"}, -1,
		},
		"-list": {process{args: []string{"-test.list=."}}, []string{"TestGraphErrors\n", "TestHost\n"}, 0},
	} {
		for _, binary := range []string{"plain", "main"} {
			t.Run(name+", "+binary, func(t *testing.T) {
				t.Parallel()
				p := test.process
				p.binary, p.args = binary, append([]string{"-test.v"}, p.args...)
				output := p.run(t)
				expectLines(t, output, test.texts...)
				if n := len(results(output, "PASS")); n == 0 && !p.fails && test.passed > 0 || test.passed > 0 && n != test.passed {
					t.Errorf("%d tests passed, want %d:\n%s", n, test.passed, output)
				}
			})
		}
	}
}

// Whatever the order, every test runs, the host's own Ginkgo suite with them.
func TestShuffledTestsAllRun(t *testing.T) {
	t.Parallel()
	for _, seed := range []string{"1", "2", "3"} {
		t.Run(seed, func(t *testing.T) {
			t.Parallel()
			p := process{binary: "plain", args: []string{"-test.v", "-test.shuffle=" + seed}, env: []string{
				"HOST_DESCRIBE=graph|the connector|described=", "HOST_GRAPH=tested=",
			}}
			output := p.run(t)
			expectLines(t, output, "the host's BeforeSuite ran", "the host's spec ran", "the host's AfterSuite ran", "Ran 110 of 110 Specs",
				"described: 41 of 41 clauses correct", "tested: 41 of 41 clauses correct", "coursesync: 819 of 819 clauses correct")
			if passed := results(output, "PASS"); !slices.Contains(passed, "TestTogether/classroom_of_2") {
				t.Errorf("not all tests passed:\n%s", strings.Join(passed, "\n"))
			}
		})
	}
}

// Two clients and both providers at the same time: each is checked whole, and a broken one fails alone. So it is without a data
// race, which go test -race -run TestParallelTests ./suites looks for.
func TestParallelTests(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	p := process{binary: "plain", env: []string{"HOST_TWO=two=throttled"}, fails: true, args: []string{
		"-test.run=TestTogether", "-test.parallel=4", "-learncontract.report", folder,
	}}
	output := p.run(t)
	expectLines(t, output, "--- FAIL: TestTogether/graph_of_two/graph.get.throttled", "!DATA RACE", "!TestTogether/graph_of_one",
		"!TestTogether/classroom_of_1")
	for file, want := range map[string]string{
		"graph-one-offline.json": "41 honored", "graph-two-offline.json": "4 broken, 37 honored",
		"classroom-one-offline.json": "819 honored", "classroom-two-offline.json": "819 honored",
	} {
		if got := outcomes(runReport(t, folder, file)); got != want {
			t.Errorf("%s has %s, want %s", file, got, want)
		}
	}
}

// outcomes counts a run's results by outcome.
func outcomes(run *report.Run) string {
	var parts []string
	counts := run.Counts()
	for _, o := range report.Outcomes() {
		if counts[o] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[o], o.Label()))
		}
	}
	return strings.Join(parts, ", ")
}

// go test -json has events of each clause's own.
func TestEventsOfAClause(t *testing.T) {
	t.Parallel()
	p := process{binary: "plain", args: []string{"-test.v=test2json", "-test.run=TestGraphErrors"}, env: []string{"HOST_GRAPH=acme=throttled"}, fails: true}
	output := p.run(t)
	convert := exec.CommandContext(t.Context(), "go", "tool", "test2json")
	convert.Stdin = strings.NewReader(output)
	events, err := convert.Output()
	if err != nil {
		t.Fatal(err)
	}
	ended := map[string]string{}
	for line := range strings.Lines(string(events)) {
		var event struct{ Action, Test, Output string }
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatal(err)
		}
		if event.Action == "pass" || event.Action == "fail" {
			if ended[event.Test] != "" {
				t.Errorf("%s ended twice", event.Test)
			}
			ended[event.Test] = event.Action
		}
	}
	clauses := 0
	for name := range ended {
		if strings.Count(name, "/") == 1 && !strings.HasSuffix(name, ".success") && name != "TestGraphErrors/network" {
			clauses++
		}
	}
	if clauses != 41 || ended["TestGraphErrors/graph.get.throttled"] != "fail" || ended["TestGraphErrors/graph.get.unavailable"] != "pass" {
		t.Errorf("%d clauses ended: %v", clauses, ended)
	}
}

// One cause is told once: three failures whole, one line of each other, and last the causes, with the command that reruns one.
func TestOneCauseIsToldOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		process
		whole  int    // failures: three of each cause
		broken string // how many there are
	}{
		"test":        {process{binary: "plain", args: []string{"-test.run=TestGraphErrors"}, env: []string{"HOST_GRAPH=acme=code"}}, 3, "41 broken"},
		"test of nil": {process{binary: "plain", args: []string{"-test.run=TestGraphErrors"}, env: []string{"HOST_GRAPH=acme=nil"}}, 3, "45 broken"},
		"describe":    {process{binary: "main", args: []string{"-test.run=TestHost"}, env: []string{"HOST_DESCRIBE=graph|acme|acme=code"}}, 3, "41 broken"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.fails = true
			output := test.run(t)
			if whole := strings.Count(output, "The response:"); whole != test.whole {
				t.Errorf("%d failures are told whole, want %d:\n%s", whole, test.whole, output)
			}
			last := output[strings.LastIndex(output, "\n"+strings.Repeat(" ", strings.Count(name, "test")*8)+"graph, acme, offline: "):]
			expectLines(t, last, test.broken, "clauses: graph.create.service-plan-missing", "rerun one: go test example.com/host/contract ", "!--- FAIL", "![FAIL]")
			if lines := strings.Count(output, "\n"); lines > 900 {
				t.Errorf("%d lines", lines)
			}
		})
	}
}

var rerunLine = regexp.MustCompile(`(?m)^ *rerun one: (.*)$`)

// The command that a run prints fails with the same diagnosis, from the module's folder and from the package's.
func TestPrintedCommandsRerunOne(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]process{
		"below a subtest": {binary: "plain", args: []string{"-test.run=TestBelow"}, env: []string{"HOST_BELOW=acme=throttled"}},
		"describe": {binary: "main", args: []string{"-test.run=TestHost"}, env: []string{
			"HOST_DESCRIBE=graph|acme|acme=throttled;classroom|acme|acme=",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.fails = true
			match := rerunLine.FindStringSubmatch(p.run(t))
			if match == nil {
				t.Fatal("no command is printed")
			}
			h, err := theHost()
			if err != nil {
				t.Fatal(err)
			}
			output, failed := shell(t, filepath.Dir(h.folder), match[1], p.env...)
			if !failed {
				t.Errorf("%s: it passes:\n%s", match[1], output)
			}
			expectLines(t, output, "graph.create.throttled", `surfaced    1h42m45s`, "!no tests to run", "!graph.update.throttled", "40 not run", "!no spec")
		})
	}
}
