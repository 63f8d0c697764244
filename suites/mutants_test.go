package suites_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/classroom"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/graph"
	"github.com/learncontract/learncontract/suites/internal/mutation"
)

var mutated = []suites.Provider{{Name: "graph", Specs: graph.Specs}, {Name: "classroom", Specs: classroom.Specs}}

// TestAssertionsAndVerdictAgree has the API respond with mutants: the assertions of the specs, as they are written, fail where the
// verdict does, and nowhere else.
func TestAssertionsAndVerdictAgree(t *testing.T) {
	t.Parallel()
	for _, provider := range mutated {
		t.Run(provider.Name, func(t *testing.T) {
			t.Parallel()
			suite := suites.NewInProcess(t, provider, wire.Config())
			applied := map[string]int{}
			for _, w := range unlike(suite.Contract) {
				harmful := len(mutation.Harmful())
				for i, operator := range slices.Concat(mutation.Harmful(), mutation.Harmless()) {
					for _, mutant := range operator.Apply(w, w.Response()) {
						if mutant.Status > 599 || mutant.Status == http.StatusNotModified {
							continue // no server can send it
						}
						applied[operator.Name]++
						suite.Respond = func(*fixtures.Wording) fixtures.Response { return mutant }
						ran := suite.RunOne(t, w.ID())
						fails := i < harmful
						if ran.Verdict.Outcome.Fails() != fails || (len(ran.Body) > 0) != fails || ran.Failed != fails {
							t.Errorf("%s: on %s the spec should fail: %t, and fails: %t, by %d assertions; the verdict is %s\n%s\n%s",
								operator.Name, w.ID(), fails, ran.Failed, len(ran.Body), ran.Verdict.Outcome, strings.Join(ran.Body, "\n"), mutant.Body)
						}
						if fails && (len(ran.Body) == 0 || ran.Body[0] != ran.Verdict.Text) {
							t.Errorf("%s: on %s the first assertion fails with another text than the verdict:\n%s\n%s",
								operator.Name, w.ID(), strings.Join(ran.Body, "\n"), ran.Verdict.Text)
						}
					}
				}
			}
			if len(applied) == 0 {
				t.Error("no operator applies, so that this shows nothing")
			}
		})
	}
}

// TestRunOfMutatedClause has the API respond wrongly where it responds with one clause: the specs of its wordings fail, no others
// do, and the run says so.
func TestRunOfMutatedClause(t *testing.T) {
	t.Parallel()
	for _, provider := range mutated {
		t.Run(provider.Name, func(t *testing.T) {
			t.Parallel()
			suite := suites.NewInProcess(t, provider, wire.Config())
			clause := suite.Contract.Operations[1].Clauses[1]
			suite.Respond = func(w *fixtures.Wording) fixtures.Response {
				response := w.Response()
				if w.Clause == clause {
					response.Status++
				}
				return response
			}
			var want, failed []string
			for _, w := range clause.Wordings {
				want = append(want, w.ID())
			}
			all, printed := suite.Run(t, func(string) bool { return true })
			for _, ran := range all {
				if ran.Failed {
					failed = append(failed, ran.ID)
				}
			}
			slices.Sort(want)
			slices.Sort(failed)
			if !slices.Equal(failed, want) {
				t.Errorf("%q failed, and these should: %q", failed, want)
			}
			for _, said := range []string{"1 broken", clause.ID} {
				if !strings.Contains(printed, said) {
					t.Errorf("the run does not print %q\n%s", said, printed)
				}
			}
		})
	}
}

// unlike are the wordings of a contract, one of each form: package mutation has every one of them mutated.
func unlike(contract *fixtures.Contract) (wordings []*fixtures.Wording) {
	seen := map[string]bool{}
	for clause := range contract.Clauses() {
		for _, w := range clause.Wordings {
			form := fmt.Sprint(clause.Status, clause.Name != "", len(w.Details), w.MoreDetails, w.Text == "", strings.Contains(w.Message.String(), "{"))
			if !seen[form] {
				seen[form] = true
				wordings = append(wordings, w)
			}
		}
	}
	return wordings
}
