package matchers_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// TestReadme compares the failure that the README shows with the one that is printed.
func TestReadme(t *testing.T) {
	contract, err := fixtures.Load("graph")
	if err != nil {
		t.Fatal(err)
	}
	observed, err := fixtures.LoadObserved(contract)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range observed {
		if o.ID != "docs-22311" {
			continue
		}
		matcher := matchers.HonorClause(o.Clause).Strictly()
		x := exchange.New(o.Operation.Method, o.Operation.URL(), o.Response, received)
		if ok, err := matcher.Match(x); ok || err != nil {
			t.Fatalf("honored is %t, %v", ok, err)
		}
		text, err := os.ReadFile("README.md")
		if err != nil {
			t.Fatal(err)
		}
		line := regexp.MustCompile(`\.yaml:\d+`)
		shown := line.ReplaceAllString(string(text), ".yaml:LINE")
		printed := line.ReplaceAllString(matcher.FailureMessage(x), ".yaml:LINE")
		if !strings.Contains(shown, printed) {
			t.Errorf("the README does not show\n%s", printed)
		}
		return
	}
	t.Error("docs-22311 is not among the observed responses")
}
