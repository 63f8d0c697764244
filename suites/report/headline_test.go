package report_test

import (
	"testing"

	"github.com/learncontract/learncontract/suites/report"
	"github.com/learncontract/learncontract/suites/report/internal/sample"
)

func TestHeadline(t *testing.T) {
	live := func(change func(r *report.Report, results []*report.Result)) *report.Report {
		r := sample.Report()
		r.Runs = r.Runs[1:]
		change(r, r.Runs[0].Results)
		return r
	}
	nothing := func(_ *report.Report, results []*report.Result) {
		for _, result := range results {
			result.Outcome, result.Ran = report.NotRun, 0
		}
	}
	for name, test := range map[string]struct {
		report *report.Report
		want   report.Headline
	}{
		"all of it": {sample.Report(), report.Headline{Text: "4 failures, 1 engine error, 1 set-up problem", Fails: true}},
		"one failure": {live(func(_ *report.Report, results []*report.Result) { results[0].Outcome = report.Broken }),
			report.Headline{Text: "1 failure", Fails: true}},
		"honored":         {live(func(*report.Report, []*report.Result) {}), report.Headline{Text: "All clauses that ran are honored"}},
		"an engine error": {sample.SignedOut(), report.Headline{Text: "11 engine errors", Fails: true}},
		"nothing ran":     {live(nothing), report.Headline{Text: "Nothing ran"}},
		"nothing, and why": {live(func(r *report.Report, results []*report.Result) {
			nothing(r, results)
			r.Runs[0].Problems = []string{"no room"}
		}), report.Headline{Text: "Nothing ran, 1 set-up problem", Fails: true}},
		"a problem":      {live(func(r *report.Report, _ []*report.Result) { r.Runs[0].Problems = []string{"no room"} }), report.Headline{Text: "1 set-up problem", Fails: true}},
		"disagreements":  {live(func(r *report.Report, _ []*report.Result) { r.Disagreements = []string{"one", "two"} }), report.Headline{Text: "2 disagreements", Fails: true}},
		"another clause": {live(func(_ *report.Report, results []*report.Result) { results[0].Outcome = report.Another }), report.Headline{Text: "No failures"}},
		"an erratum":     {live(func(_ *report.Report, results []*report.Result) { results[0].Outcome = report.Erratum }), report.Headline{Text: "No failures"}},
		"deviating":      {live(func(_ *report.Report, results []*report.Result) { results[0].Outcome = report.Deviating }), report.Headline{Text: "No failures"}},
		"only a check": {live(func(r *report.Report, results []*report.Result) {
			nothing(r, results)
			r.Runs[0].ExtraChecks = sample.Report().Runs[0].ExtraChecks[1:]
		}), report.Headline{Text: "No failures"}},
		"only the network's check": {live(func(r *report.Report, results []*report.Result) {
			nothing(r, results)
			r.Runs[0].ExtraChecks = []*report.Check{{Kind: report.Network, Result: report.Result{Outcome: report.Honored, Ran: 1}}}
		}), report.Headline{Text: "Nothing ran"}},
		"only a check that was not run": {live(func(r *report.Report, results []*report.Result) {
			nothing(r, results)
			r.Runs[0].ExtraChecks = []*report.Check{{Kind: report.Success, Result: report.Result{Outcome: report.NotRun}}}
		}), report.Headline{Text: "Nothing ran"}},
	} {
		if got := test.report.Headline(); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}
