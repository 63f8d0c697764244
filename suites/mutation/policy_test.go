package mutation

import (
	"slices"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
)

// policies are what the vendors' own words make of mutants that all break the contract held strictly.
var policies = map[string]struct{ passes, breaks []string }{
	"graph": {
		passes: []string{
			"code: case", "code: punctuation",
			"message: a word changed", "message: an apostrophe swapped", "message: empty",
			"details: dropped", "innerError: missing", "Retry-After: missing",
		},
		breaks: []string{
			"status: a neighbour", "status: another class", "status: 200",
			"code: missing", "code: a number", "message: missing", "message: an object",
			"details: a string", "error: a string", "innerError: a string", "body: HTML", "content type: another",
			"Retry-After: negative", "Retry-After: at odds with the message",
		},
	},
	"classroom": {
		passes: []string{"message: a word changed", "message: an apostrophe swapped"},
		breaks: []string{
			"status: a neighbour", "status: another class", "status: 200", "repeated status: another",
			"code: case", "code: punctuation", "code: another of the schema", "code: missing",
			"name: without the space", "name: of a sibling",
			"message: missing", "error: a string", "body: HTML", "content type: another",
		},
	},
}

func TestVendorsPolicies(t *testing.T) {
	for _, provider := range fixtures.Providers() {
		contract, policy := load(t, provider), policies[provider]
		for _, name := range slices.Concat(policy.passes, policy.breaks) {
			passes, applied := slices.Contains(policy.passes, name), 0
			for w := range wordings(contract) {
				if w.Clause.Bindings != contract.Operations[0].Clauses[0].Bindings {
					continue // an exception: TestInferredCodes
				}
				for _, mutant := range named(t, name).Apply(w, w.Response()) {
					matcher := matchers.HonorWording(w)
					ok, err := matcher.Match(captured(w, mutant))
					if err != nil || ok != passes {
						t.Errorf("%s: on %s the mutant should pass: %t, and passes: %t (%v)\n%+v\n%s",
							name, w.ID(), passes, ok, err, matcher.Deviations(), captured(w, mutant))
					}
					applied++
				}
			}
			if applied == 0 {
				t.Errorf("%s: applies to no wording of %s, and so shows nothing", name, provider)
			}
		}
	}
}

// TestNoClauseHonorsAnothersAnswer holds every documented answer of an operation against its other clauses, as the vendor
// binds them: what is another clause to the letter is that one.
func TestNoClauseHonorsAnothersAnswer(t *testing.T) {
	for _, provider := range fixtures.Providers() {
		for w := range wordings(load(t, provider)) {
			for _, other := range w.Clause.Operation.Clauses {
				ok, err := matchers.HonorClause(other).Match(captured(w, w.Response()))
				if err != nil || ok != (other == w.Clause) {
					t.Errorf("the answer of %s honors %s: %t (%v)", w.ID(), other.ID, ok, err)
				}
			}
		}
	}
}

// TestInferredCodes holds the rows whose code cell is missing to the one thing the page gives of them, the message:
// otherwise any answer with their status would honor them.
func TestInferredCodes(t *testing.T) {
	passes := []string{"code: another clause's", "message: an apostrophe swapped"}
	breaks := []string{"message: a word changed", "message: empty", "message: another clause's"}
	contract, inferred := load(t, "graph"), 0
	for w := range wordings(contract) {
		if w.Clause.Bindings.Code != fixtures.Advisory {
			continue
		}
		inferred++
		for _, name := range slices.Concat(passes, breaks) {
			for _, mutant := range named(t, name).Apply(w, w.Response()) {
				ok, err := matchers.HonorWording(w).Match(captured(w, mutant))
				if want := slices.Contains(passes, name); err != nil || ok != want {
					t.Errorf("%s: on %s the mutant should pass: %t, and passes: %t (%v)", name, w.ID(), want, ok, err)
				}
			}
		}
	}
	if inferred != 2 {
		t.Errorf("%d rows have an inferred code, and 2 should", inferred)
	}
}

func named(t *testing.T, name string) Operator {
	t.Helper()
	operators := slices.Concat(Harmful, Harmless)
	at := slices.IndexFunc(operators, func(o Operator) bool { return o.Name == name })
	if at < 0 {
		t.Fatalf("there is no operator %q", name)
	}
	return operators[at]
}
