package mutation

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// asked is what must be tried at the least, a field a line.
const asked = `
status: a neighbour, another class, 200
code: case, another clause's, another of the schema, missing, a number, moved out of error
message: a word changed, an apostrophe swapped, empty, missing, an object, braces left unexpanded, another clause's
details: dropped, a string, an entry's code changed
error: a string, missing, inside an array
innerError: missing, a string
repeated status: another, missing
name: without the space, of a sibling
body: HTML, empty, inside an array, truncated, trailing text, duplicate keys
content type: another, missing
Retry-After: missing, negative, at odds with the message

body: unknown fields, key order, white space
header: case, request ids and dates
content type: a charset
Retry-After: an HTTP date
details: more, another order
innerError: the other spelling, request ids and dates`

func TestOperators(t *testing.T) {
	names := map[string]bool{}
	for _, operator := range slices.Concat(Harmful, Harmless) {
		if names[operator.Name] {
			t.Errorf("two operators are called %q", operator.Name)
		}
		names[operator.Name] = true
	}
	for line := range strings.Lines(asked) {
		field, changes, _ := strings.Cut(strings.TrimSpace(line), ": ")
		for change := range strings.SplitSeq(changes, ", ") {
			if name := field + ": " + change; field != "" && !names[name] {
				t.Errorf("there is no operator %q", name)
			}
		}
	}
}

func TestHarmfulMutantsAreCaught(t *testing.T) { survey(t, "killed", Harmful, false) }

func TestHarmlessMutantsPass(t *testing.T) { survey(t, "passed", Harmless, true) }

// survey applies every operator to every wording of both providers, and prints how many of the mutants turned out as
// they should: honored or not.
func survey(t *testing.T, outcome string, operators []Operator, honored bool) {
	t.Helper()
	var contracts []*fixtures.Contract
	for _, provider := range fixtures.Providers() {
		contracts = append(contracts, load(t, provider))
	}
	rows := make([][]tally, len(operators)) // a provider a column
	var working sync.WaitGroup
	for i, operator := range operators {
		working.Go(func() {
			for _, contract := range contracts {
				var n tally
				for w := range wordings(contract) {
					n = n.plus(try(t, operator, w, honored))
				}
				rows[i] = append(rows[i], n)
			}
		})
	}
	working.Wait()

	var table strings.Builder
	fmt.Fprintf(&table, "\n%-44s", outcome+"/total")
	for _, provider := range append(slices.Clone(fixtures.Providers()), "both") {
		fmt.Fprintf(&table, "%12s", provider)
	}
	all := make([]tally, len(contracts))
	for i, operator := range operators {
		writeRow(&table, operator.Name, rows[i])
		if sum(rows[i]).total == 0 {
			t.Errorf("%s: applies to no wording, and so shows nothing", operator.Name)
		}
		for j := range all {
			all[j] = all[j].plus(rows[i][j])
		}
	}
	writeRow(&table, "all", all)
	t.Log(table.String())

	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	n := sum(all)
	if said := fmt.Sprintf("%d/%d %s", n.right, n.total, map[bool]string{false: "harmful", true: "harmless"}[honored]); !strings.Contains(string(readme), said) {
		t.Errorf("the README does not say %q", said)
	}
}

// try holds each mutant that the operator makes of the wording's answer against the wording, as the specs do.
func try(t *testing.T, operator Operator, w *fixtures.Wording, honored bool) (n tally) {
	t.Helper()
	documented := w.Response()
	for i, mutant := range operator.Apply(w, documented) {
		matcher := matchers.HonorWording(w).Strictly()
		ok, err := matcher.Match(captured(w, mutant))
		wrong := ""
		switch {
		case same(documented, mutant):
			wrong = "is the documented answer, so that the operator does nothing"
		case err != nil:
			wrong = "could not be judged: " + err.Error()
		case ok && !honored:
			wrong = "survived"
		case !ok && honored:
			wrong = fmt.Sprintf("is a false alarm: %+v", matcher.Deviations())
		case !ok && i == 0 && !strings.Contains(matcher.FailureMessage(nil), w.Clause.ID): // one text tells for all
			wrong = "was caught with a failure that does not name the clause"
		}
		n.total++
		if wrong == "" {
			n.right++
			continue
		}
		t.Errorf("%s: on %s a mutant %s\n%s", operator.Name, w.ID(), wrong, captured(w, mutant))
	}
	if !same(documented, w.Response()) {
		t.Errorf("%s: on %s the operator changed the answer it was given", operator.Name, w.ID())
	}
	return n
}

// tally counts mutants, and those that turned out as they should.
type tally struct{ right, total int }

func (n tally) plus(m tally) tally { return tally{n.right + m.right, n.total + m.total} }

func (n tally) String() string {
	if n.total == 0 {
		return "-"
	}
	return fmt.Sprintf("%d/%d", n.right, n.total)
}

func sum(row []tally) (all tally) {
	for _, n := range row {
		all = all.plus(n)
	}
	return all
}

func writeRow(table *strings.Builder, name string, row []tally) {
	fmt.Fprintf(table, "\n%-44s", name)
	for _, n := range append(slices.Clone(row), sum(row)) {
		fmt.Fprintf(table, "%12s", n)
	}
}

func captured(w *fixtures.Wording, a fixtures.Response) exchange.Exchange {
	o := w.Clause.Operation
	return exchange.New(o.Method, o.URL(), a, time.Unix(0, 0))
}

func same(a, b fixtures.Response) bool {
	return a.Status == b.Status && maps.EqualFunc(a.Header, b.Header, slices.Equal) && bytes.Equal(a.Body, b.Body)
}

func load(t *testing.T, provider string) *fixtures.Contract {
	t.Helper()
	contract, err := fixtures.Load(provider)
	if err != nil {
		t.Fatalf("the contract of %s cannot be loaded\n%v", provider, err)
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
