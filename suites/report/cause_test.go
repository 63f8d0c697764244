package report_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/suites/report"
	"github.com/learncontract/learncontract/suites/report/internal/sample"
)

// listed are causes as a test compares them.
func listed(causes []report.Cause) (list []string) {
	for _, c := range causes {
		ids := ""
		for _, e := range c.Entries {
			ids += " " + strings.TrimPrefix(e.ID, "graph.")
		}
		list = append(list, fmt.Sprintf("%s, %s, %s:%s", c.Outcome, c.Reason, c.Count(), ids))
	}
	return list
}

func TestCauses(t *testing.T) {
	const wrong = `code is surfaced as "1", and was received as "2"`
	for name, test := range map[string]struct {
		change func(offline *report.Run, live *report.Run)
		want   []string
	}{
		"a cause is an outcome and a reason": {
			func(offline, _ *report.Run) {
				for i, result := range offline.Results {
					result.Outcome, result.Reason = report.Broken, wrong
					result.Deviations = []matchers.Deviation{{Wording: result.Clause, Field: "code", Binds: true}}
					if i >= 9 {
						result.Outcome = report.Undocumented
					}
				}
				offline.Results[1].Reason = "it hung"
				offline.ExtraChecks[0].Reason = wrong
			},
			[]string{
				"broken, " + wrong + ", 8 clauses, 1 extra check: create.clause-0 update.clause-2 delete.clause-3 create.clause-4 get.clause-5 " +
					"update.clause-6 delete.clause-7 create.clause-8 get.clause-1~retries-date",
				"broken, it hung, 1 clause: get.clause-1",
				"undocumented, " + wrong + ", 2 clauses: get.clause-9 update.clause-10",
			},
		},
		"the most entries come first, whatever the order of clauses": {
			func(offline, _ *report.Run) {
				offline.Results = offline.Results[:3]
				offline.ExtraChecks = nil
				for i, result := range offline.Results {
					result.Outcome, result.Reason = report.Engine, "b"
					if i == 0 {
						result.Reason = "a"
					}
				}
			},
			[]string{"engine, b, 2 clauses: get.clause-1 update.clause-2", "engine, a, 1 clause: create.clause-0"},
		},
		"each run has causes of its own": {
			func(offline, live *report.Run) {
				for _, run := range []*report.Run{offline, live} {
					run.Results, run.ExtraChecks = run.Results[:1], nil
					run.Results[0].Outcome, run.Results[0].Reason = report.Broken, wrong
				}
			},
			[]string{"broken, " + wrong + ", 1 clause: create.clause-0", "broken, " + wrong + ", 1 clause: create.clause-0"},
		},
		"what does not fail has none": {
			func(offline, _ *report.Run) {
				for _, result := range offline.Results {
					result.Outcome = report.Deviating
				}
				offline.ExtraChecks[0].Outcome = report.Unsupported
			},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := sample.Report()
			test.change(r.Runs[0], r.Runs[1])
			if got := listed(r.Causes(r.Runs...)); !slices.Equal(got, test.want) {
				t.Errorf("the causes are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

func TestACauseIsRerunByItsFirstClause(t *testing.T) {
	r := sample.Report()
	run := r.Runs[0]
	for _, check := range run.ExtraChecks {
		check.Outcome, check.Reason = report.Broken, "it panicked"
	}
	run.ExtraChecks[0].Clause, run.ExtraChecks[1].Clause = "", "graph.get.clause-5"
	run.Rerun = "run {clause} and {clause}"
	var got []string
	for _, c := range r.Causes(run) {
		got = append(got, c.Rerun())
	}
	want := []string{
		"run graph.get.clause-5 and graph.get.clause-5", "run graph.create.clause-0 and graph.create.clause-0",
		"run graph.get.clause-1 and graph.get.clause-1", "run graph.update.clause-2 and graph.update.clause-2",
		"run graph.delete.clause-3 and graph.delete.clause-3",
	}
	if !slices.Equal(got, want) {
		t.Errorf("they are rerun by\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if run.ExtraChecks[1].Clause = ""; r.Causes(run)[0].Rerun() != "" {
		t.Errorf("a cause without a clause is rerun by %q", r.Causes(run)[0].Rerun())
	}
	run.Rerun = ""
	if text := console(t, report.Console{}, r, run); strings.Contains(text, "rerun") {
		t.Errorf("without a command it is rerun:\n%s", text)
	}
}

func TestOutcomesOfTheModelAreOfTheSchemaToo(t *testing.T) {
	var names, meanings []string
	for _, o := range report.Outcomes() {
		names = append(names, fmt.Sprintf("%q", o))
		meanings = append(meanings, string(o)+": "+o.Meaning())
		if o.Fails() && o.Passes() {
			t.Errorf("%s fails and passes", o)
		}
	}
	for _, want := range []string{`"enum": [` + strings.Join(names, ", ") + "]", `"description": "` + strings.Join(meanings, "; ") + `"`} {
		if !strings.Contains(string(report.Schema()), want) {
			t.Errorf("the schema does not have %s", want)
		}
	}
	if got := fmt.Sprint(report.Failing()); got != "[broken undocumented unexpected-pass engine]" {
		t.Errorf("%s fail", got)
	}
	unknown := report.Outcome("own")
	if unknown.Fails() || unknown.Passes() || unknown.Label() != "own" || unknown.Meaning() != "" {
		t.Errorf("an unknown outcome fails %v, passes %v, is called %q, and means %q",
			unknown.Fails(), unknown.Passes(), unknown.Label(), unknown.Meaning())
	}
}
