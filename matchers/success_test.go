package matchers_test

import (
	"testing"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
)

// The example of every success honors it, at the status that is documented and with a body of its schema only, and is no
// documented failure; and no documented failure is a success.
func TestHonorSuccess(t *testing.T) {
	for _, provider := range fixtures.Providers() {
		contract, err := fixtures.Load(provider)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range contract.Operations {
			succeeds := matchers.HonorSuccess(o)
			if x := succeeded(o); !matches(t, succeeds, x) {
				t.Error(succeeds.FailureMessage(x))
			}
			if matches(t, matchers.BeDocumented(o), succeeded(o)) {
				t.Errorf("the success of %s is a documented failure", o.ID)
			}
			for _, c := range o.Clauses {
				for _, w := range c.Wordings {
					if matches(t, succeeds, answered(w)) {
						t.Errorf("%s is a success of %s", w.ID(), o.ID)
					}
				}
			}
			wrong := map[string]change{"another status": status(o.Success.Status + 1), "an array": body("[]")}
			if o.Success.Body != nil {
				wrong["a text"], wrong["no body"] = header("Content-Type", "text/plain"), body("")
				wrong["a failure in a success"] = body(string(o.Clauses[0].Wordings[0].Answer().Body))
			}
			if o.Action != "list" && len(o.Success.Body) > len("{}") {
				wrong["nothing of it"], wrong["something else"] = body("{}"), body(`{"kind":"other"}`)
			}
			for name, change := range wrong {
				if matches(t, succeeds, succeeded(o, change)) {
					t.Errorf("%s is a success of %s", name, o.ID)
				}
			}
		}
	}
}
