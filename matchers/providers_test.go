package matchers_test

import (
	"testing"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// TestProvider checks the matchers with the data of each provider and of the sample.
func TestProvider(t *testing.T) {
	for _, provider := range fixtures.Providers() {
		t.Run(provider, func(t *testing.T) {
			contract, err := fixtures.Load(provider)
			if err != nil {
				t.Fatal(err)
			}
			observed, err := fixtures.LoadObserved(contract)
			if err != nil {
				t.Fatal(err)
			}
			checkContract(t, contract, observed)
		})
	}
	t.Run("sample", func(t *testing.T) {
		observed, err := fixtures.LoadObserved(contract(t))
		if err != nil {
			t.Fatal(err)
		}
		checkContract(t, contract(t), observed)
	})
}

func checkContract(t *testing.T, contract *fixtures.Contract, observed []fixtures.Observed) {
	t.Helper()
	for c := range contract.Clauses() {
		for _, w := range c.Wordings {
			checkWording(t, w)
			checkVariations(t, w)
		}
	}
	for _, o := range contract.Operations {
		checkSuccess(t, o)
	}
	for _, o := range observed {
		checkObserved(t, o)
	}
}

// checkWording checks that the response of a wording honors the wording and its clause without a deviation.
func checkWording(t *testing.T, w *fixtures.Wording) {
	t.Helper()
	x, c := respondWording(w), w.Clause
	wording := matchers.HonorWording(w).Strictly()
	if !matches(t, wording, x) || len(wording.Deviations()) > 0 {
		t.Errorf("%s: %s", w.ID(), wording.FailureMessage(x))
	}
	if !matches(t, matchers.HonorClause(c), x) || !matches(t, matchers.BeDocumented(c.Operation), x) {
		t.Errorf("%s does not honor its clause, or is not documented, under the provider's own bindings", w.ID())
	}
	if documented := matchers.BeDocumented(c.Operation).Strictly(); !matches(t, documented, x) {
		t.Errorf("%s is not documented: %s", w.ID(), documented.FailureMessage(x))
	}
	if matches(t, matchers.HonorSuccess(c.Operation), x) {
		t.Errorf("%s is a success of %s", w.ID(), c.Operation.ID)
	}
}

// checkVariations checks that each variation of a wording honors it, and no other clause to the letter.
func checkVariations(t *testing.T, w *fixtures.Wording) {
	t.Helper()
	for n := range 12 { // a multiple of the number of most things' values
		v := w.Vary(n)
		x := exchange.New(w.Clause.Operation.Method, w.Clause.Operation.URL(), v.Respond(received), received)
		strictly := matchers.HonorWording(v.Wording).Strictly()
		if !matches(t, strictly, x) || len(strictly.Deviations()) > 0 || !matches(t, matchers.HaveErrorMessage(v.Wording.Message), x) {
			t.Errorf("variation %d of %s: %s", n, w.ID(), strictly.FailureMessage(x))
		}
		if !matches(t, matchers.HonorClause(w.Clause), x) {
			t.Errorf("variation %d of %s does not honor its clause as the provider binds it", n, w.ID())
		}
		for _, other := range w.Clause.Operation.Clauses {
			if other != w.Clause && matches(t, matchers.HonorClause(other).Strictly(), x) {
				t.Errorf("variation %d of %s honors %s to the letter", n, w.ID(), other.ID)
			}
		}
	}
}

// checkSuccess checks that the example of a success honors it and no clause, and that no other status or body honors it.
func checkSuccess(t *testing.T, o *fixtures.Operation) {
	t.Helper()
	succeeds := matchers.HonorSuccess(o)
	if x := respondSuccess(o); !matches(t, succeeds, x) {
		t.Error(succeeds.FailureMessage(x))
	}
	if matches(t, matchers.BeDocumented(o), respondSuccess(o)) {
		t.Errorf("the success of %s is a documented failure", o.ID)
	}
	wrong := map[string]change{"another status": status(o.Success.Status + 1), "an array": body("[]")}
	if o.Success.Body != nil {
		wrong["a text"], wrong["no body"] = header("Content-Type", "text/plain"), body("")
		wrong["a failure in a success"] = body(string(o.Clauses[0].Wordings[0].Response().Body))
	}
	if o.Action != "list" && len(o.Success.Body) > len("{}") {
		wrong["nothing of it"], wrong["something else"] = body("{}"), body(`{"kind":"other"}`)
	}
	for name, change := range wrong {
		if matches(t, succeeds, respondSuccess(o, change)) {
			t.Errorf("%s is a success of %s", name, o.ID)
		}
	}
}

// checkObserved checks that a response seen in public honors the clause that its file names, or none. Nobody here wrote it.
func checkObserved(t *testing.T, o fixtures.Observed) {
	t.Helper()
	x := exchange.New(o.Operation.Method, o.Operation.URL(), o.Response, received)
	reported := func(text string) {
		t.Errorf("%s, seen in %s (%s:%d): %s\n%s", o.ID, o.Source, o.File, o.Line, o.Reason, text)
	}
	if o.Clause == nil {
		if m := matchers.BeDocumented(o.Operation); matches(t, m, x) {
			reported(m.NegatedFailureMessage(x))
		}
	} else if m := matchers.HonorClause(o.Clause); !matches(t, m, x) {
		reported(m.FailureMessage(x))
	}
}
