package mutation

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/internal/call"
	"github.com/learncontract/learncontract/suites/internal/verdict"
	"github.com/learncontract/learncontract/suites/report"
)

// required is what must be tried at the least, a field a line.
const required = `
status: a neighbour, another class, 200
code: case, another clause's, another of the schema, missing, null, a number, moved out of error
message: a word changed, an apostrophe swapped, empty, missing, null, an object, braces left unexpanded, another clause's
details: dropped, a string, an entry's code changed
error: a string, missing, inside an array
innerError: missing, a string
repeated status: another, missing
name: without the space, of a sibling
body: HTML, empty, inside an array, truncated, trailing text, duplicate keys
content type: another, missing
Retry-After: missing, negative, at odds with the message

body: unknown fields, optional members null, key order, white space
header: case, request ids and dates
content type: a charset
Retry-After: an HTTP date
details: more, another order
innerError: the other spelling, request ids and dates`

func TestOperators(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, operator := range slices.Concat(Harmful(), Harmless()) {
		if names[operator.Name] {
			t.Errorf("two operators are called %q", operator.Name)
		}
		names[operator.Name] = true
	}
	for line := range strings.Lines(required) {
		field, changes, _ := strings.Cut(strings.TrimSpace(line), ": ")
		for change := range strings.SplitSeq(changes, ", ") {
			if name := field + ": " + change; field != "" && !names[name] {
				t.Errorf("there is no operator %q", name)
			}
		}
	}
}

// TestSample tries every mutant of the sample contract, which has every shape: every operator applies to it.
func TestSample(t *testing.T) {
	t.Parallel()
	contract := sample(t)
	survey(t, contract)
	// A provider's schema may list its codes.
	contract.Envelope.Schema.JSON = []byte(`{"properties": {"error": {"properties": {"status": {"enum": ["Forbidden", "ANOTHER"]}, "target": {}}}}}`)
	for _, operator := range slices.Concat(Harmful(), Harmless()) {
		applies := func(w *fixtures.Wording) bool { return len(operator.Apply(w, w.Response())) > 0 }
		if !slices.ContainsFunc(slices.Collect(wordings(contract)), applies) {
			t.Errorf("%s: applies to no wording of the sample contract, and so shows nothing", operator.Name)
		}
	}
}

// TestProviders tries every mutant of every documented response of each provider.
func TestProviders(t *testing.T) {
	t.Parallel()
	for _, provider := range fixtures.Providers() {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			contract, err := fixtures.Load(provider)
			if err != nil {
				t.Fatal(err)
			}
			survey(t, contract)
		})
	}
}

// survey has the API respond with every mutant, and prints how many came to what they should: broken or honored.
func survey(t *testing.T, contract *fixtures.Contract) {
	t.Helper()
	opened, err := call.Open(wire.Config(), contract)
	if err != nil {
		t.Fatal(err)
	}
	s := &surveyed{judge: &verdict.Judge{Client: opened, Today: time.Now()}}
	tried := slices.Collect(wordings(contract))
	if testing.Short() { // one of those that respond alike: most operations of a provider do
		seen := map[string]bool{}
		tried = slices.DeleteFunc(tried, func(w *fixtures.Wording) bool {
			alike := fmt.Sprint(w.Clause.Status) + string(w.Response().Body)
			defer func() { seen[alike] = true }()
			return seen[alike]
		})
	}
	for _, part := range []struct {
		outcome   report.Outcome
		operators []Operator
	}{{report.Broken, Harmful()}, {report.Honored, Harmless()}} {
		rows := make([]tally, len(part.operators))
		t.Run(string(part.outcome), func(t *testing.T) {
			for i, operator := range part.operators {
				t.Run(operator.Name, func(t *testing.T) {
					t.Parallel()
					for _, w := range tried {
						rows[i].add(s.try(t, operator, w, part.outcome))
					}
				})
			}
		})
		var table strings.Builder
		var all tally
		for i, operator := range part.operators {
			fmt.Fprintf(&table, "\n%-44s%12s", operator.Name, rows[i])
			all.add(rows[i])
		}
		t.Logf("%s: %s of all mutants of %s%s", part.outcome, all, contract.Provider, &table)
	}
}

// surveyed is a contract whose mutants are tried, with the reference client.
type surveyed struct{ judge *verdict.Judge }

// try has the API respond with each mutant that the operator makes of the wording's response, and checks what comes of it: by the
// verdict, as the specs have it, and as the vendor's own words bind the response.
func (s *surveyed) try(t *testing.T, operator Operator, w *fixtures.Wording, want report.Outcome) (n tally) {
	t.Helper()
	documented := w.Response()
	for _, mutant := range operator.Apply(w, documented) {
		n.total++
		wrong := "is the documented response, so that the operator does nothing"
		if !same(documented, mutant) {
			wrong = s.check(operator, w, mutant, want)
		}
		if wrong != "" {
			t.Errorf("on %s a mutant %s\n%s", w.ID(), wrong, captured(w, mutant))
			continue
		}
		n.right++
	}
	if !same(documented, w.Response()) {
		t.Errorf("on %s the operator changed the response that it was given", w.ID())
	}
	return n
}

// check says what is wrong with a mutant, "" if nothing is.
func (s *surveyed) check(operator Operator, w *fixtures.Wording, mutant fixtures.Response, want report.Outcome) string {
	r, err := s.receive(w, mutant)
	if err != nil {
		return "could not be sent: " + err.Error()
	}
	v := s.judge.Wording(w, "", r)
	if v.Outcome != want {
		return fmt.Sprintf("is %s, and should be %s: %s", v.Outcome, want, v.Reason)
	}
	bound := matchers.HonorWording(w)
	honored, err := bound.Match(r.Last())
	if err != nil {
		return "could not be compared: " + err.Error()
	}
	if want == report.Honored {
		if !honored {
			return fmt.Sprintf("breaks the contract as the vendor binds it, and harms nobody: %+v", bound.Deviations())
		}
		return ""
	}
	field := fieldOf(operator.Name, w.Clause.Operation.Contract)
	isIn := func(d matchers.Deviation) bool { return d.Field == field }
	binding := operator.Binding(w, mutant)
	switch {
	case !slices.ContainsFunc(v.Deviations, func(d matchers.Deviation) bool { return isIn(d) && d.Binds && d.Wording == w.ID() }):
		return fmt.Sprintf("is broken, and not in %s: %+v", field, v.Deviations)
	case v.Reason == "":
		return "is broken for no reason"
	case !strings.Contains(v.Text, w.Clause.ID) || !strings.Contains(v.Text, field):
		return fmt.Sprintf("is broken with a text that does not name the clause and %s:\n%s", field, v.Text)
	case binding != "" && honored != (binding == fixtures.Advisory || binding == fixtures.None):
		return fmt.Sprintf("is of binding %q, and honors the wording as the vendor binds it: %t: %+v", binding, honored, bound.Deviations())
	case binding == fixtures.Advisory && !slices.ContainsFunc(bound.Deviations(), isIn):
		return fmt.Sprintf("deviates, which does not bind, and is not noticed in %s: %+v", field, bound.Deviations())
	}
	return ""
}

// receive has the reference client receive a mutant. One that no server can send is judged by itself.
func (s *surveyed) receive(w *fixtures.Wording, mutant fixtures.Response) (*call.Result, error) {
	if mutant.Status > 599 || mutant.Status == http.StatusNotModified && len(mutant.Body) > 0 {
		return &call.Result{Exchanges: []exchange.Exchange{captured(w, mutant)}}, nil
	}
	client := s.judge.Client
	return client.Do(call.Request{Operation: w.Clause.Operation, Response: mutant, What: w.ID(), Once: client.WhyOnce(w.Clause)})
}

// fieldOf is the field of the deviation in which an operator's change must be found.
func fieldOf(operator string, contract *fixtures.Contract) string {
	field, change, _ := strings.Cut(operator, ": ")
	switch {
	case field == "content type":
		return "Content-Type"
	case field == "repeated status":
		return strings.ReplaceAll(contract.Envelope.Status[1:], "/", ".")
	case field == "error", operator == "innerError: a string", field == "body" && change == "inside an array":
		return "shape"
	}
	return field
}

// TestNoClauseHonorsAnothersResponse compares every documented response of an operation with its other clauses, as the vendor
// binds them: what is another clause to the letter is that one.
func TestNoClauseHonorsAnothersResponse(t *testing.T) {
	t.Parallel()
	for _, provider := range fixtures.Providers() {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			contract, err := fixtures.Load(provider)
			if err != nil {
				t.Fatal(err)
			}
			for w := range wordings(contract) {
				for _, other := range w.Clause.Operation.Clauses {
					ok, err := matchers.HonorClause(other).Match(captured(w, w.Response()))
					if err != nil || ok != (other == w.Clause) {
						t.Errorf("the response of %s honors %s: %t (%v)", w.ID(), other.ID, ok, err)
					}
				}
			}
		})
	}
}

// tally counts mutants, and those that came to what they should.
type tally struct{ right, total int }

func (n *tally) add(m tally) { *n = tally{n.right + m.right, n.total + m.total} }

// String implements fmt.Stringer.
func (n tally) String() string {
	if n.total == 0 {
		return "-"
	}
	return fmt.Sprintf("%d/%d", n.right, n.total)
}

func captured(w *fixtures.Wording, r fixtures.Response) exchange.Exchange {
	o := w.Clause.Operation
	return exchange.New(o.Method, o.URL(), r, time.Unix(0, 0))
}

func same(a, b fixtures.Response) bool {
	return a.Status == b.Status && maps.EqualFunc(a.Header, b.Header, slices.Equal) && bytes.Equal(a.Body, b.Body)
}

func sample(t *testing.T) *fixtures.Contract {
	t.Helper()
	contract, err := fixtures.Open(os.DirFS("../../../fixtures/testdata/sample"))
	if err != nil {
		t.Fatal(err)
	}
	return contract
}

func wordings(contract *fixtures.Contract) iter.Seq[*fixtures.Wording] {
	return func(yield func(*fixtures.Wording) bool) {
		for clause := range contract.Clauses() {
			for _, w := range clause.Wordings {
				if !yield(w) {
					return
				}
			}
		}
	}
}
