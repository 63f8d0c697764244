package report_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/suites/report"
	"github.com/learncontract/learncontract/suites/report/internal/sample"
)

func markdown(t *testing.T, r *report.Report) string {
	t.Helper()
	var text bytes.Buffer
	if err := r.WriteMarkdown(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func TestMarkdownSaysThatNothingChanged(t *testing.T) {
	const nothing = "\nNothing changed since the baseline.\n"
	r := sample.Report()
	if strings.Contains(markdown(t, r), nothing) {
		t.Error("without a baseline nothing changed")
	}
	if r.Changes = r.Since(sample.Report()); strings.Count(markdown(t, r), nothing) != 1 {
		t.Error("that nothing changed is not said")
	}
	if r.Changes = r.Since(baseline()); strings.Contains(markdown(t, r), nothing) {
		t.Error("what changed is nothing")
	}
	r.Changes = r.Since(sample.Report())
	r.Changes.NewRuns = []string{"own"}
	if strings.Contains(markdown(t, r), nothing) {
		t.Error("a new run is nothing")
	}
}

func TestMarkdownIsBounded(t *testing.T) {
	r := sample.Large(3000)
	before := sample.Large(3000)
	for i, result := range r.Runs[0].Results {
		before.Runs[0].Results[i].Outcome = report.Honored
		if result.Outcome == report.Broken {
			result.Text = strings.Repeat("é", 2001) // one byte of the last is too many
		} else if i%100 == 1 {
			result.Outcome = report.Another
		}
	}
	r.Changes = r.Since(before)
	text := markdown(t, r)
	for want, n := range map[string]int{
		"#### broken: ": 20, "…and 71 more causes: the JSON and HTML reports have them all.\n": 1,
		"**newly broken since the baseline: 31**\n": 1, "- …and 11 more\n": 1, "- another clause: …and 10 more\n": 1, "- another clause: graph.": 20,
		"é\n… the JSON and HTML reports have all of it\n": 20,
	} {
		if got := strings.Count(text, want); got != n {
			t.Errorf("it has %q %d times, want %d", want, got, n)
		}
	}
	if n := strings.Count(text, "é"); n != 20*2000 {
		t.Errorf("of 20 texts of 2001 letters %d letters are left, want 2000 each", n)
	}
}

func TestMarkdownDetailsThreeClausesOfACause(t *testing.T) {
	text := markdown(t, sample.SignedOut())
	for i := range 3 {
		if !strings.Contains(text, fmt.Sprintf("The contract has it in `fixtures/graph/sample.yaml:%d`.\n", i+1)) {
			t.Errorf("clause %d has no detail", i)
		}
	}
	if strings.Contains(text, "sample.yaml:4") || !strings.Contains(text, "<summary>and 8 more</summary>\n\n- graph.delete.clause-3\n") {
		t.Errorf("the other clauses are not listed:\n%s", text)
	}
}

func TestMarkdownTellsOfErrataThatExpireSoon(t *testing.T) {
	r := sample.Report()
	r.Disagreements = []string{"a.json and b.json"}
	for days, want := range map[int]int{30: 1, 31: 0, -1: 1} {
		r.Runs[0].Errata[0].DaysLeft = days
		if n := strings.Count(markdown(t, r), "\n- the erratum errata.yaml:7 of connector is accepted for "); n != want {
			t.Errorf("of %d days left it is told %d times", days, n)
		}
	}
	if !strings.Contains(markdown(t, r), "\n> **disagreement** a.json and b.json\n") {
		t.Error("a disagreement is not told")
	}
}
