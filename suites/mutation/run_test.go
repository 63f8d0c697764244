package mutation

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2/types"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/classroom"
	"github.com/learncontract/learncontract/suites/graph"
)

// The harmful operators that are tried in whole runs, one for each field.
var harmful = []string{
	"status: a neighbour", "code: another clause's", "message: a word changed", "details: an entry's code changed",
	"error: a string", "innerError: missing", "repeated status: another", "name: without the space",
	"body: duplicate keys", "content type: missing", "Retry-After: at odds with the message",
}

// The environment of TestMutatedSuite.
const (
	providerVariable = "CONTRACT_MUTATION_PROVIDER"
	operatorVariable = "CONTRACT_MUTATION_OPERATOR"
	clauseVariable   = "CONTRACT_MUTATION_CLAUSE" // empty for all
)

// TestMutatedSuite is the whole suite of a provider whose stub answers with mutants, for runMutated to run.
func TestMutatedSuite(t *testing.T) {
	provider := os.Getenv(providerVariable)
	if provider == "" {
		t.Skip("it is the child of TestWholeRunBroken and TestWholeRunHonored: run those")
	}
	operator := named(t, os.Getenv(operatorVariable))
	suite := suites.Load(t, provider)
	suite.Answer = func(w *fixtures.Wording) fixtures.Response {
		answer := w.Response()
		if clause := os.Getenv(clauseVariable); clause == "" || clause == w.Clause.ID {
			if mutants := operator.Apply(w, answer); len(mutants) > 0 {
				return mutants[0]
			}
		}
		return answer
	}
	suite.Run(t, map[string]func(*suites.Suite){"graph": graph.Specs, "classroom": classroom.Specs}[provider])
}

// TestWholeRunBroken answers one clause wrongly: its specs fail, no others do, and the run says so.
func TestWholeRunBroken(t *testing.T) {
	for _, provider := range fixtures.Providers() {
		contract := load(t, provider)
		tried := 0
		for _, name := range harmful {
			clause, want := firstMutated(contract, named(t, name))
			if clause == nil {
				continue // the provider has no such field
			}
			tried++
			t.Run(provider+" "+name, func(t *testing.T) {
				t.Parallel()
				got := runMutated(t, provider, name, clause.ID)
				if got.exit == 0 {
					t.Error("the run exits with 0")
				}
				if !slices.Equal(got.failed, want) {
					t.Errorf("%q failed, and these should: %q", got.failed, want)
				}
				for _, said := range []string{"broke " + clause.ID, "1 broken", "  broken  " + clause.ID} {
					if !strings.Contains(got.output, said) {
						t.Errorf("the run does not say %q", said)
					}
				}
				if t.Failed() {
					t.Log(got.output)
				}
			})
		}
		if tried < 6 {
			t.Errorf("%d operators were tried on %s, and at least 6 should", tried, provider)
		}
	}
}

// TestWholeRunHonored varies every answer harmlessly.
func TestWholeRunHonored(t *testing.T) {
	for _, provider := range fixtures.Providers() {
		for _, operator := range Harmless {
			t.Run(provider+" "+operator.Name, func(t *testing.T) {
				t.Parallel()
				if got := runMutated(t, provider, operator.Name, ""); got.exit != 0 || !strings.Contains(got.output, "all honored") {
					t.Errorf("the run exits with %d\n%s", got.exit, got.output)
				}
			})
		}
	}
}

// firstMutated is the first clause that the operator applies to, and which specs it mutates the answer of.
func firstMutated(contract *fixtures.Contract, operator Operator) (first *fixtures.Clause, specs []string) {
	for w := range wordings(contract) {
		if len(operator.Apply(w, w.Response())) > 0 && (first == nil || first == w.Clause) {
			first = w.Clause
			specs = append(specs, "clause:"+first.ID+" "+w.Title())
		}
	}
	slices.Sort(specs)
	return first, specs
}

// run is what a whole run did.
type run struct {
	exit   int
	output string
	failed []string // the clause label and the text of each spec that did not pass, sorted
}

// runMutated runs TestMutatedSuite in a process of its own.
func runMutated(t *testing.T, provider, operator, clause string) run {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	report := filepath.Join(t.TempDir(), "report.json")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, self,
		"-test.run=^TestMutatedSuite$", "-ginkgo.no-color", "-ginkgo.json-report="+report)
	child.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", // under -race a process waits a second before it ends
		providerVariable+"="+provider, operatorVariable+"="+operator, clauseVariable+"="+clause)
	output, err := child.CombinedOutput()
	if failed := new(exec.ExitError); err != nil && !errors.As(err, &failed) {
		t.Fatalf("the suite did not run: %v", err)
	}
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatalf("the suite did not report: %v\n%s", err, output)
	}
	var reports []types.Report
	if err := json.Unmarshal(text, &reports); err != nil || len(reports) != 1 {
		t.Fatalf("the suite made %d reports: %v", len(reports), err)
	}
	r := run{exit: child.ProcessState.ExitCode(), output: string(output)}
	for _, spec := range reports[0].SpecReports.WithLeafNodeType(types.NodeTypeIt) {
		if spec.State == types.SpecStatePassed {
			continue
		}
		clause := slices.DeleteFunc(spec.Labels(), func(label string) bool { return !strings.HasPrefix(label, "clause:") })
		r.failed = append(r.failed, strings.Join(clause, " ")+" "+spec.LeafNodeText)
	}
	slices.Sort(r.failed)
	return r
}
