package suites_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2/types"

	"github.com/learncontract/learncontract/fixtures"
)

// ginkgo runs the command of the README and returns what it printed and its exit status.
func ginkgo(t *testing.T, args ...string) (output string, status int) {
	t.Helper()
	if testing.Short() {
		t.Skip("it runs commands of its own, compiled without this run's race detector: leave out -short")
	}
	folder := filepath.Join(module(t), "suites")
	copied.Lock()
	defer copied.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "go", append([]string{"tool", "ginkgo", "run", "--no-color"}, args...)...)
	command.Dir = folder
	var printed bytes.Buffer
	command.Stdout, command.Stderr = &printed, &printed
	err := command.Run()
	if ctx.Err() != nil {
		t.Fatalf("ginkgo run did not end: %v\n%s", ctx.Err(), printed.String())
	}
	if command.ProcessState == nil {
		t.Fatalf("ginkgo run did not start: %v", err)
	}
	return printed.String(), command.ProcessState.ExitCode()
}

// module is a copy of the module: the command compiles into the folders of the suites and removes what it compiled, so
// that of two runs in one folder the second may lose its binary. In the copy they run one at a time.
func module(t *testing.T) string {
	t.Helper()
	copied.once.Do(func() {
		if copied.folder, copied.err = os.MkdirTemp("", "learncontract-"); copied.err != nil {
			return
		}
		for _, folder := range []string{"fixtures", "matchers", "suites"} {
			copied.err = errors.Join(copied.err, os.CopyFS(filepath.Join(copied.folder, folder), os.DirFS(filepath.Join("..", folder))))
		}
		for _, file := range []string{"go.mod", "go.sum"} {
			text, err := os.ReadFile(filepath.Join("..", file))
			copied.err = errors.Join(copied.err, err, os.WriteFile(filepath.Join(copied.folder, file), text, 0o600))
		}
	})
	if copied.err != nil {
		t.Fatal(copied.err)
	}
	return copied.folder
}

var copied struct {
	sync.Mutex // held while the command runs there
	once       sync.Once
	folder     string
	err        error
}

func TestMain(m *testing.M) {
	status := m.Run()
	if err := os.RemoveAll(copied.folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func TestTheMainJobHonorsEveryClause(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{
		"serial":                    nil,
		"parallel, in random order": {"-p", "--randomize-all"},
	} {
		t.Run(name, func(t *testing.T) {
			output, status := ginkgo(t, append(flags, "./graph", "./classroom")...)
			if status != 0 {
				t.Errorf("exit status %d", status)
			}
			for _, line := range []string{
				"graph      learningCourseActivity  create 9/9 clauses, 19 wordings      get 9/9 clauses, 19 wordings         " +
					"update 14/14 clauses, 27 wordings    delete 9/9 clauses, 19 wordings      all honored",
				"           wordings by edition: first 52, second 52, third 52, create-2025 12, get-2025 11, update-2025 16, delete-2025 11",
				"           wordings by edition: before-2026-04 624, 2026-04 634, discovery-20261014 351",
				"told by wire: 41 clauses right\n", "told by wire: 819 clauses right\n",
				"classroom  v1                      create 175/175 clauses, 175 wordings  get 170/170 clauses, 170 wordings    " +
					"list 134/134 clauses, 134 wordings   update 149/149 clauses, 149 wordings  delete 128/128 clauses, 128 wordings  other 63/63 clauses, 63 wordings     all honored",
			} {
				if strings.Count(output, line) != 1 {
					t.Errorf("the output does not have the line\n%s\nonce:\n%s", line, output)
				}
			}
		})
	}
}

func TestASelectionRunsWhatItSelects(t *testing.T) {
	for filter, line := range map[string]string{
		"clause:graph.update.learner-license": "update 1/14 clauses, 1 wordings      delete 0/9 clauses, 0 wordings       40 not asked: the selection left them out",
		"action:create && status:429":         "create 1/9 clauses, 3 wordings",
	} {
		output, status := ginkgo(t, "--label-filter="+filter, "./graph")
		if status != 0 || !strings.Contains(output, line) {
			t.Errorf("--label-filter=%q: exit status %d, and the output does not have %q:\n%s", filter, status, line, output)
		}
	}
}

func TestWhatCannotRunSaysWhyInOneLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		line string
	}{
		{
			[]string{"./graph", "--", "--lives"},
			"engine error: there is no flag --lives: take it out, or put a flag of Ginkgo's before the packages ('go tool ginkgo help run' lists them)",
		},
		{
			[]string{"./graph", "--", "live"},
			`engine error: "live" is no flag: take it out, or write it as --live`,
		},
		{
			[]string{"--label-filter=status:418", "./graph"},
			`engine error: no spec of graph matches --label-filter="status:418": select by provider:, action:, status:, clause:, success:, retries: or case:, such as --label-filter="clause:graph.create.service-plan-missing"`,
		},
		{
			[]string{"--label-filter=clause:graph.update.learner-license", "./classroom"},
			`engine error: no spec of classroom matches --label-filter="clause:graph.update.learner-license": it selects specs of ./suites/graph, so run that suite alone`,
		},
		{
			[]string{"--label-filter=success:classroom.courses.get", "./graph"},
			`engine error: no spec of graph matches --label-filter="success:classroom.courses.get": it selects specs of ./suites/classroom, so run that suite alone`,
		},
		{
			[]string{"--skip=*", "./graph"},
			`engine error: --skip has "*", which is no regular expression (missing argument to repetition operator): correct it`,
		},
		{
			[]string{"--focus=nothing of the kind", "./graph"},
			`engine error: no spec of graph matches --focus="nothing of the kind": select by`,
		},
	} {
		output, status := ginkgo(t, test.args...)
		if status == 0 {
			t.Errorf("%q: exit status 0", test.args)
		}
		if strings.Count(output, "engine error") != 1 || !strings.Contains(output, "\n"+test.line) && !strings.HasPrefix(output, test.line) {
			t.Errorf("%q: the output does not have the line\n%s\nbut\n%s", test.args, test.line, output)
		}
		if lines := strings.Count(output, "\n"); lines > 20 {
			t.Errorf("%q: %d lines were printed:\n%s", test.args, lines, output)
		}
	}
}

// TestASpecAWording holds the tree against the contract: a spec for each wording and for each success, named as a sentence
// that is its own, and labelled so that it can be selected.
func TestASpecAWording(t *testing.T) {
	t.Parallel()
	for _, provider := range fixtures.Providers() {
		contract, err := fixtures.Load(provider)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{}
		for clause := range contract.Clauses() {
			for _, w := range clause.Wordings {
				want = append(want, fmt.Sprintf("%s %s %s [provider:%s action:%s status:%d clause:%s]",
					clause.Operation.Method, clause.Operation.Path, w.Title(), provider, clause.Operation.Action, clause.Status, clause.ID))
			}
		}
		for _, o := range contract.Operations {
			want = append(want, fmt.Sprintf("%s %s answers %s where nothing fails [provider:%s action:%s status:%d success:%s]",
				o.Method, o.Path, fixtures.StatusLine(o.Success.Status), provider, o.Action, o.Success.Status, o.ID))
		}
		got := []string{}
		for _, spec := range specs(t, provider) {
			line := fmt.Sprintf("%s %s", spec.FullText(), spec.Labels())
			if !strings.HasPrefix(line, "offline refuses the network") && !strings.Contains(line, " retries:") {
				got = append(got, line)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("the specs of %s are\n%s\nwant\n%s", provider, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if distinct := slices.Compact(slices.Clone(got)); len(distinct) != len(got) {
			t.Errorf("%d specs of %s share their name with another", len(got)-len(distinct), provider)
		}
	}
	sentence := "PATCH /employeeExperience/learningProviders/{registrationId}/learningCourseActivities/{id} " +
		"answers 403 Forbidden when the user's license isn't valid"
	if !slices.ContainsFunc(specs(t, "graph"), func(s types.SpecReport) bool { return s.FullText() == sentence }) {
		t.Errorf("no spec reads %q", sentence)
	}
}

// specs lists the specs of a suite without running them.
func specs(t *testing.T, provider string) types.SpecReports {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.json")
	if output, status := ginkgo(t, "--dry-run", "--json-report="+filepath.Base(file), "--output-dir="+filepath.Dir(file), "./"+provider); status != 0 {
		t.Fatalf("exit status %d\n%s", status, output)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var reports []types.Report
	if err := json.Unmarshal(text, &reports); err != nil {
		t.Fatal(err)
	}
	return reports[0].SpecReports.WithLeafNodeType(types.NodeTypeIt)
}
