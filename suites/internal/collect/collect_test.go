package collect_test

import (
	"context"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/call"
	"github.com/learncontract/learncontract/suites/internal/collect"
	"github.com/learncontract/learncontract/suites/internal/verdict"
	"github.com/learncontract/learncontract/suites/report"
)

func run(t *testing.T, transport report.Transport, exposes []client.Field, operations ...string) collect.Run {
	t.Helper()
	contract, err := fixtures.Open(os.DirFS("../../../fixtures/testdata/sample"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := call.Open(client.Config{
		Name: "connector", Exposes: exposes, New: func(*http.Client, string) (client.Calls, error) {
			calls := client.Calls{}
			for _, id := range operations {
				calls[id] = func(context.Context, client.Call) error { return nil }
			}
			return calls, nil
		},
	}, contract)
	if err != nil {
		t.Fatal(err)
	}
	return collect.Run{
		Run: &report.Run{Provider: "sample", Transport: transport}, Client: c, Left: "the selection left them out",
		Today: time.Date(2027, 5, 21, 0, 0, 0, 0, time.UTC),
		Errata: []*fixtures.Erratum{{
			Client: "connector", Module: "m", Version: "v1", Clauses: "sample.*", Field: "code", Seen: "gone", Why: "it was made so", Link: "https://issues.example/1",
			Expires: time.Date(2027, 5, 31, 0, 0, 0, 0, time.UTC), File: "errata.yaml", Line: 7,
		}},
	}
}

// record is of a wording of the clause.
func record(clause string, v verdict.Verdict) collect.Record {
	return collect.Record{Spec: collect.Spec{ID: clause, Clause: clause}, Verdict: &v, Seconds: 0.25}
}

const (
	several = "sample.things.update.throttled"    // in three wordings
	plain   = "sample.things.update.plan-missing" // in one
)

func TestOutcomesOfAClause(t *testing.T) {
	t.Parallel()
	honored := verdict.Verdict{Outcome: report.Honored}
	hides := verdict.Verdict{Outcome: report.Honored, NotExposed: []string{"message"}}
	known := verdict.Verdict{Outcome: report.Honored, Errata: []string{"errata.yaml:7"}}
	unknown := verdict.Verdict{Outcome: report.Honored, Errata: []string{"other.yaml:1"}}
	deviating := verdict.Verdict{Outcome: report.Deviating, Reason: "message differs", Status: 403, Response: "403 Forbidden"}
	fails := func(outcome report.Outcome, reason string) verdict.Verdict {
		return verdict.Verdict{Outcome: outcome, Reason: reason, Text: "\nText: " + reason}
	}
	broken := fails(report.Broken, "it hangs")
	const left = "the selection left them out"
	for name, test := range map[string]struct {
		transport report.Transport
		clause    string
		verdicts  []verdict.Verdict
		outcome   report.Outcome
		reason    string
		ran       int
		honored   int
	}{
		"a wording that passed":          {report.Offline, plain, []verdict.Verdict{honored}, report.Honored, "received as documented, and surfaced whole", 1, 1},
		"all wordings":                   {report.Offline, several, []verdict.Verdict{honored, honored, honored}, report.Honored, "received in each of 3 wordings, and surfaced whole", 3, 3},
		"one wording of three":           {report.Offline, several, []verdict.Verdict{honored}, report.NotRun, "1 of 3 wordings run: " + left, 1, 1},
		"one of two that failed":         {report.Offline, several, []verdict.Verdict{honored, broken}, report.Broken, "it hangs", 2, 1},
		"two that failed":                {report.Offline, several, []verdict.Verdict{fails(report.Engine, "no stub"), broken, fails(report.UnexpectedPass, "stale")}, report.Broken, "it hangs", 3, 0},
		"no spec at all":                 {report.Offline, plain, nil, report.NotRun, left, 0, 0},
		"a field that is not exposed":    {report.Offline, plain, []verdict.Verdict{hides}, report.NotExposed, "honored, and connector does not expose its message", 1, 1},
		"one that is not exposed in one": {report.Offline, several, []verdict.Verdict{honored, hides, hides}, report.NotExposed, "honored, and connector does not expose its message", 3, 3},
		"an erratum":                     {report.Offline, plain, []verdict.Verdict{known}, report.Erratum, "it was made so; accepted for 10 more days", 1, 1},
		"an erratum in all wordings":     {report.Offline, several, []verdict.Verdict{known, known, known}, report.Erratum, "it was made so; accepted for 10 more days", 3, 3},
		"an erratum of elsewhere":        {report.Offline, plain, []verdict.Verdict{unknown}, report.Erratum, "known in other.yaml:1", 1, 1},
		"two errata of elsewhere":        {report.Offline, plain, []verdict.Verdict{{Outcome: report.Honored, Errata: []string{"a.yaml:1", "b.yaml:2"}}}, report.Erratum, "known in a.yaml:1, b.yaml:2", 1, 1},
		"an erratum, and not exposed":    {report.Offline, several, []verdict.Verdict{known, hides, honored}, report.Erratum, "it was made so; accepted for 10 more days", 3, 3},
		"an unexpected pass":             {report.Offline, plain, []verdict.Verdict{fails(report.UnexpectedPass, "stale")}, report.UnexpectedPass, "stale", 1, 0},
		"an engine error":                {report.Offline, plain, []verdict.Verdict{fails(report.Engine, "no stub")}, report.Engine, "no stub", 1, 0},
		"unsupported":                    {report.Offline, plain, []verdict.Verdict{verdict.NotRun(report.Unsupported, "it dials")}, report.Unsupported, "it dials", 0, 0},
		"a tenant that honors":           {report.Live, several, []verdict.Verdict{honored}, report.Honored, "received as documented, and surfaced whole", 1, 1},
		"a tenant that deviates":         {report.Live, plain, []verdict.Verdict{deviating}, report.Deviating, "message differs", 1, 1},
		"one that deviates, not exposed": {report.Live, plain, []verdict.Verdict{{Outcome: report.Deviating, Reason: "message differs", NotExposed: []string{"code", "message"}}}, report.Deviating, "message differs; connector does not expose its code, message", 1, 1},
		"one that deviates, one hidden":  {report.Live, plain, []verdict.Verdict{{Outcome: report.Deviating, Reason: "message differs", NotExposed: []string{"code"}}}, report.Deviating, "message differs; connector does not expose its code", 1, 1},
		"a tenant's known deviation":     {report.Live, plain, []verdict.Verdict{{Outcome: report.Erratum, Reason: "it is known"}}, report.Erratum, "it is known", 1, 1},
		"another clause":                 {report.Live, plain, []verdict.Verdict{{Outcome: report.Another, Reason: "the response is x", Text: "whole"}}, report.Another, "the response is x", 1, 0},
		"undocumented":                   {report.Live, plain, []verdict.Verdict{fails(report.Undocumented, "status differs")}, report.Undocumented, "status differs", 1, 0},
		"a tenant that is not called":    {report.Live, plain, []verdict.Verdict{verdict.NotRun(report.NotRun, "no sandbox can")}, report.NotRun, "no sandbox can", 0, 0},
		"a tenant, of a selection":       {report.Live, plain, nil, report.NotRun, left, 0, 0},
		"a replay that honors":           {report.Replay, several, []verdict.Verdict{honored}, report.Honored, "received as documented, and surfaced whole", 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, test.transport, nil, "*")
			var records []collect.Record
			for _, v := range test.verdicts {
				records = append(records, record(test.clause, v))
			}
			got := collect.Collect(r, records).Runs[0]
			for _, result := range got.Results {
				if result.Reason == "" {
					t.Fatalf("%s has no reason", result.Clause)
				}
				if result.Clause != test.clause {
					if result.Outcome != report.NotRun || result.Reason != left {
						t.Errorf("%s is %s, %s", result.Clause, result.Outcome, result.Reason)
					}
					continue
				}
				if result.Outcome != test.outcome || result.Reason != test.reason || result.Ran != test.ran || result.Honored != test.honored {
					t.Errorf("it is %s, %q, %d of %d honored; want %s, %q", result.Outcome, result.Reason, result.Honored, result.Ran, test.outcome, test.reason)
				}
				if test.outcome == report.Another && result.Text != "whole" {
					t.Errorf("its text is %q", result.Text)
				}
				if want := 0.25 * float64(len(test.verdicts)); result.Seconds != want {
					t.Errorf("it took %v s, want %v", result.Seconds, want)
				}
			}
			if len(got.ExtraChecks) > 0 {
				t.Errorf("extra checks are %+v", got.ExtraChecks)
			}
			if got.LeftOut != left {
				t.Errorf("left out is %q", got.LeftOut)
			}
		})
	}
}

// What the records of a clause have is added up.
func TestRecordsOfAClauseAreJoined(t *testing.T) {
	t.Parallel()
	d := matchers.Deviation{Field: "code", Binds: true}
	schedule := report.Schedule{Case: "a date"}
	r := run(t, report.Offline, nil, "*")
	got := collect.Collect(r, []collect.Record{
		record(several, verdict.Verdict{Outcome: report.Broken, Reason: "one", Text: "\n\nThe one.", Deviations: []matchers.Deviation{d}, Schedules: []report.Schedule{schedule}, MoreSchedules: 2}),
		record(several, verdict.Verdict{Outcome: report.Broken, Reason: "two", Text: "The two.", Deviations: []matchers.Deviation{d}, Schedules: []report.Schedule{schedule}, MoreSchedules: 3}),
		record(several, verdict.Verdict{Outcome: report.Honored, NotExposed: []string{"a", "b"}, Errata: []string{"x"}, Status: 404, Response: "404"}),
		record(several, verdict.Verdict{Outcome: report.Honored, NotExposed: []string{"b", "c"}, Errata: []string{"x", "y"}}),
		record("sample.things.nosuch", verdict.Verdict{Outcome: report.Broken}),
	}).Runs[0]
	i := slices.IndexFunc(got.Results, func(r *report.Result) bool { return r.Clause == several })
	want := &report.Result{
		Clause: several, Outcome: report.Broken, Reason: "one", Text: "The one.\n\nThe two.", Ran: 4, Honored: 2, Seconds: 1,
		Deviations: []matchers.Deviation{d, d}, Schedules: []report.Schedule{schedule, schedule}, MoreSchedules: 5,
		NotExposed: []string{"a", "b", "c"}, Errata: []string{"x", "y"}, ReceivedStatus: 404, Response: "404",
	}
	if !reflect.DeepEqual(got.Results[i], want) {
		t.Errorf("it is\n%+v\nwant\n%+v", got.Results[i], want)
	}
}

func TestACompleteRunLeavesNothingOut(t *testing.T) {
	t.Parallel()
	r := run(t, report.Offline, nil, "*")
	var records []collect.Record
	for clause := range r.Client.Contract.Clauses() {
		for range clause.Wordings {
			records = append(records, record(clause.ID, verdict.Verdict{Outcome: report.Honored}))
		}
	}
	got := collect.Collect(r, records)
	if counts := got.Runs[0].Counts(); counts[report.Honored] != len(got.Runs[0].Results) || got.Runs[0].LeftOut != "" {
		t.Errorf("the outcomes are %v, left out is %q", counts, got.Runs[0].LeftOut)
	}
	if len(got.Contracts) != 1 || len(got.Contracts[0].Clauses) != len(got.Runs[0].Results) {
		t.Errorf("the contracts are %+v", got.Contracts)
	}
}

func TestWhatAClientDoesNotPerform(t *testing.T) {
	t.Parallel()
	const get = "sample.things.get"
	r := run(t, report.Offline, []client.Field{client.Status, client.Code}, get)
	r.Client.Retries = true
	got := collect.Collect(r, nil).Runs[0]
	for _, result := range got.Results {
		performs := strings.HasPrefix(result.Clause, get+".")
		want, reason := report.Unsupported, "connector does not perform "
		if performs {
			want, reason = report.NotRun, "the selection left them out"
		}
		if result.Outcome != want || !strings.HasPrefix(result.Reason, reason) || !performs && !strings.HasSuffix(result.Reason, "; if it does, name it in its Calls") {
			t.Errorf("%s is %s, %s", result.Clause, result.Outcome, result.Reason)
		}
	}
	want := report.Client{
		Name: "connector", Exposes: []string{"status", "code"}, Hides: []string{"name", "message", "details", "retry-after", "request id"},
		Operations: []string{get}, Retries: true,
	}
	if !reflect.DeepEqual(got.Client, want) {
		t.Errorf("the client is %+v, want %+v", got.Client, want)
	}
}

func TestExtraChecks(t *testing.T) {
	t.Parallel()
	spec := func(kind, id string) collect.Spec {
		return collect.Spec{ID: id, Kind: kind, Clause: plain, Case: "a case", Title: "a title", Action: "update"}
	}
	add := func(kind, id string, v verdict.Verdict) collect.Record {
		return collect.Record{Spec: spec(kind, id), Verdict: &v}
	}
	honored := verdict.Verdict{Outcome: report.Honored}
	got := collect.Collect(run(t, report.Offline, nil, "*"), []collect.Record{
		add(report.Success, "z", honored), add(report.Success, "b", honored), add(report.Case, "c", honored), add(report.Retries, "r", honored),
		add(report.Network, "n", honored), add("other", "o", honored),
		add(report.Case, "twice", honored), add(report.Case, "twice", verdict.Verdict{Outcome: report.Broken, Reason: "it hangs", Text: "It hangs."}),
		add(report.Case, "known", verdict.Verdict{Outcome: report.Honored, Errata: []string{"errata.yaml:7"}}),
		add(report.Retries, "skipped", verdict.NotRun(report.NotRun, "no reason")),
	}).Runs[0]
	var lines []string
	for _, check := range got.ExtraChecks {
		lines = append(lines, strings.Join([]string{check.Kind, check.ID, string(check.Outcome), check.Reason}, ", "))
		if check.Clause != plain || check.Case != "a case" || check.Title != "a title" || check.Action != "update" {
			t.Errorf("a check is %+v", check)
		}
	}
	want := []string{
		"case, c, honored, surfaced as it was received", "case, known, erratum, it was made so; accepted for 10 more days", "case, twice, broken, it hangs",
		"network, n, honored, nothing reached it", "other, o, honored, received as documented, and surfaced whole",
		"retries, r, honored, it retries as it should", "retries, skipped, not-run, no reason",
		"success, b, honored, nothing failed, and it returned nil", "success, z, honored, nothing failed, and it returned nil",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("the checks are\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if i := slices.IndexFunc(got.ExtraChecks, func(c *report.Check) bool { return c.ID == "twice" }); got.ExtraChecks[i].Ran != 2 || got.ExtraChecks[i].Honored != 1 {
		t.Errorf("a check of two specs is %+v", got.ExtraChecks[i])
	}
}

func TestKnownErrata(t *testing.T) {
	t.Parallel()
	r := run(t, report.Offline, nil, "*")
	inCase, notRun := *r.Errata[0], *r.Errata[0]
	inCase.Case, inCase.Field, inCase.Line = "odd", "attempts", 8
	notRun.Case, notRun.Line = "none", 9
	r.Errata = append(r.Errata, &notRun, &inCase)
	r.Cases = map[string][]*fixtures.Wording{"odd": r.Client.Contract.Clause(plain).Wordings, "none": nil}
	known := func(place string) *verdict.Verdict {
		return &verdict.Verdict{Outcome: report.Honored, Errata: []string{place}}
	}
	got := collect.Collect(r, []collect.Record{
		record(plain, *known("errata.yaml:7")), record(several, *known("errata.yaml:7")),
		{Spec: collect.Spec{ID: "a", Kind: report.Case, Case: "odd"}, Verdict: known("errata.yaml:8")},
	}).Runs[0]
	first := report.KnownErratum{
		Place: "errata.yaml:7", Module: "m", Version: "v1", Field: "code", IsClientField: true, Seen: "gone", Why: "it was made so",
		Link: "https://issues.example/1", Expires: "2027-05-31", DaysLeft: 10, Covers: 2,
	}
	second := first
	second.Place, second.Case, second.Field, second.IsClientField, second.Covers = "errata.yaml:8", "odd", "attempts", false, 1
	if want := []*report.KnownErratum{&first, &second}; !reflect.DeepEqual(got.Errata, want) {
		t.Errorf("the errata are %+v and %+v, %d", got.Errata[0], got.Errata[len(got.Errata)-1], len(got.Errata))
	}
}

func TestLookAlikes(t *testing.T) {
	t.Parallel()
	const update, get = "sample.things.update", "sample.things.get"
	of := func(r collect.Run) report.LookAlikes { return collect.Collect(r, nil).Runs[0].LookAlikes }
	groups := func(list []report.Group) (texts []string) {
		for _, g := range list {
			for i, id := range g.Clauses {
				g.Clauses[i] = strings.TrimPrefix(id, g.Operation+".")
			}
			texts = append(texts, strings.TrimPrefix(g.Operation, "sample.things.")+": "+strings.Join(g.Clauses, " "))
		}
		return texts
	}
	got := of(run(t, report.Offline, []client.Field{client.Status}, update))
	forbidden := "update: scope-missing plan-missing not-yours license-missing"
	if text := groups(got.Exposed); got.Clauses == 0 || !slices.Contains(text, forbidden) || len(text) < 2 {
		t.Errorf("by the status alone, of %d clauses, look alike %q", got.Clauses, text)
	}
	if text := groups(got.Reliable); !slices.Contains(text, forbidden) {
		t.Errorf("by what is reliable, look alike %q", text)
	}
	byStatus := len(got.Exposed)
	for _, exposes := range [][]client.Field{nil, {client.Status, client.Message}} { // the message tells apart what nobody should rely on
		if text := groups(of(run(t, report.Offline, exposes, update)).Exposed); slices.Contains(text, forbidden) {
			t.Errorf("by %q, look alike %q", exposes, text)
		}
	}
	// Each field tells something apart that the status does not.
	for _, field := range []client.Field{client.Code, client.Name, client.Details} {
		if text := groups(of(run(t, report.Offline, []client.Field{client.Status, field}, update)).Exposed); len(text) == byStatus && strings.Join(text, "\n") == strings.Join(groups(got.Exposed), "\n") {
			t.Errorf("the %s tells nothing apart: %q", field, text)
		}
	}
	both := of(run(t, report.Offline, []client.Field{client.Code}, update, get))
	if both.Clauses <= got.Clauses {
		t.Errorf("two operations have %d clauses, and one %d", both.Clauses, got.Clauses)
	}
	r := run(t, report.Offline, nil, update)
	r.Quick = true
	if quick := of(r); quick.Clauses != 0 || quick.Exposed == nil || quick.Reliable == nil {
		t.Errorf("a quick run has %+v", quick)
	}
	if text := of(run(t, report.Offline, nil, get)); text.Exposed == nil || text.Reliable == nil {
		t.Errorf("of nothing alike it is %+v, whose JSON is null", text)
	}
}

func TestARecordInALine(t *testing.T) {
	t.Parallel()
	r := record(plain, verdict.Verdict{Outcome: report.Erratum, Reason: "it was made so"})
	if got := r.String(); got != plain+": known erratum, it was made so" {
		t.Errorf("it is %q", got)
	}
	r.Verdict.Reason = ""
	if got := r.String(); got != plain+": known erratum" {
		t.Errorf("without a reason it is %q", got)
	}
	if r.Verdict = nil; r.String() != plain+": no verdict" {
		t.Errorf("without a verdict it is %q", r.String())
	}
}

func TestImplausibleRun(t *testing.T) {
	t.Parallel()
	type group struct {
		n       int
		status  int
		outcome report.Outcome
	}
	for name, test := range map[string]struct {
		groups []group
		want   string
	}{
		"nothing at all":                    {nil, ""},
		"nothing run":                       {[]group{{3, 0, report.NotRun}}, "nothing was run: the sandbox file, or --provoke, leaves out whatever was selected, and each clause says why"},
		"one that was not run":              {[]group{{1, 0, report.NotRun}}, "nothing was run"},
		"always the same, a third right":    {[]group{{2, 404, report.Honored}, {4, 404, report.Broken}}, "every response was 404"},
		"rejected, and some documented so":  {[]group{{4, 403, report.Honored}, {5, 401, report.Broken}, {1, 404, report.Broken}}, "9 of 10 responses are 401 or 403"},
		"something run":                     {[]group{{3, 0, report.NotRun}, {1, 404, report.Honored}}, ""},
		"unsupported":                       {[]group{{3, 0, report.Unsupported}}, ""},
		"never the one provoked":            {[]group{{3, 404, report.Another}}, "every response is documented, and none is the one that was provoked: check the sandbox file's fixtures"},
		"too few to say":                    {[]group{{2, 404, report.Another}}, ""},
		"one is right":                      {[]group{{3, 404, report.Another}, {1, 400, report.Honored}}, ""},
		"one is broken":                     {[]group{{3, 404, report.Another}, {1, 400, report.Broken}}, ""},
		"always the same":                   {[]group{{5, 403, report.Broken}, {2, 0, report.NotRun}}, "every response was 403: check the roles and scopes of the identities"},
		"always the same, too few":          {[]group{{4, 500, report.Broken}}, ""},
		"always the same, mostly right":     {[]group{{3, 404, report.Honored}, {2, 404, report.Broken}}, ""},
		"always the same, half right":       {[]group{{3, 404, report.Deviating}, {3, 404, report.Broken}}, ""},
		"always the same, seldom right":     {[]group{{2, 404, report.NotExposed}, {3, 404, report.Broken}}, "every response was 404"},
		"nine in ten rejected":              {[]group{{5, 401, report.Broken}, {4, 403, report.Broken}, {1, 404, report.Broken}}, "9 of 10 responses are 401 or 403: check the roles and scopes of the identities"},
		"eight in ten rejected":             {[]group{{4, 401, report.Broken}, {4, 403, report.Broken}, {2, 404, report.Broken}}, ""},
		"rejected as documented":            {[]group{{5, 401, report.Honored}, {4, 403, report.Broken}, {1, 404, report.Broken}}, ""},
		"different, and all of them broken": {[]group{{3, 500, report.Broken}, {3, 404, report.Broken}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var results []*report.Result
			for _, g := range test.groups {
				for range g.n {
					results = append(results, &report.Result{Outcome: g.outcome, ReceivedStatus: g.status})
				}
			}
			err := collect.ImplausibleRun(results)
			if (err == nil) != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("it says %v, want %q", err, test.want)
			}
		})
	}
}
