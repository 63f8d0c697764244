// Package sample has reports for the tests of the writers: no run made them.
package sample

import (
	"fmt"
	"strings"
	"time"

	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/suites/report"
)

// Hostile is what a provider could respond to attack a page, a terminal, a pipeline or a Markdown reader.
const Hostile = "</script><script>document.title='run'</script><img src=x onerror=\"document.title='run'\">" +
	"</textarea></style>\n```\n::error::forged\n| cell | \x1b[31m\x00\u2028 ]]> {{.}} ${7*7} @team javascript:alert(1)"

// Report has each outcome once for a client that ran offline, and two clauses for one that called a tenant.
func Report() *report.Report {
	r := &report.Report{Version: report.Version, Contracts: []*report.Contract{contract(len(report.Outcomes()))}}
	offline := run("connector", report.Offline)
	for i, o := range report.Outcomes() {
		offline.Results = append(offline.Results, result(r.Contracts[0].Clauses[i].ID, o))
	}
	offline.LeftOut = "the selection left them out"
	offline.Problems = []string{"engine error: BeforeSuite: no room on the disk"}
	offline.Errata = []*report.KnownErratum{{
		Place: "errata.yaml:7", Module: "example.com/connector", Version: "v1.2.3", Field: "code", IsClientField: true, Seen: "gone",
		Why: "it takes the status for the code", Expires: "2026-12-05", DaysLeft: 10, Covers: 1,
	}}
	offline.LookAlikes = report.LookAlikes{Clauses: 11, Exposed: []report.Group{}, Reliable: []report.Group{
		{Operation: "graph.get", Clauses: []string{"graph.get.clause-1", "graph.get.clause-2"}},
	}}
	offline.ExtraChecks = []*report.Check{
		{ID: "graph.get.clause-1~retries-date", Kind: report.Retries, Case: "retries-date", Title: "waits for the date of Retry-After", Action: "get",
			Result: report.Result{Clause: "graph.get.clause-1", Outcome: report.Broken, Reason: "retried too early", Text: "retried too early: after 1s", Ran: 1,
				Schedules: []report.Schedule{Schedule()}}},
		{ID: "success:graph.get", Kind: report.Success, Title: "the success of graph.get", Action: "get",
			Result: report.Result{Outcome: report.Honored, Reason: "no failure, and none surfaced", Ran: 1, Honored: 1}},
	}
	live := run("connector", report.Live)
	live.Requests = 40
	for i := range report.Outcomes() {
		o := report.NotRun
		if i < 2 {
			o = report.Honored
		}
		live.Results = append(live.Results, result(r.Contracts[0].Clauses[i].ID, o))
		live.Results[i].Deviations, live.Results[i].Text = nil, ""
		if o == report.Honored {
			live.Results[i].Response, live.Results[i].ReceivedStatus = "418 I'm a teapot\n\n{}", 418
		} else {
			live.Results[i].Reason = "no sandbox can have it"
		}
	}
	r.Runs = []*report.Run{offline, live}
	return r
}

// SignedOut is a live run that could not sign in: each clause has the same reason.
func SignedOut() *report.Report {
	r := Report()
	r.Runs = r.Runs[1:]
	for _, result := range r.Runs[0].Results {
		*result = report.Result{
			Clause: result.Clause, Outcome: report.Engine, Ran: 1,
			Reason: "no token of graph/app: sign in", Text: "engine error: no token of graph/app: sign in",
		}
	}
	return r
}

// Large has that many clauses for each of three clients, some of them broken, each for a reason of its own.
func Large(clauses int) *report.Report {
	r := &report.Report{Version: report.Version, Contracts: []*report.Contract{contract(clauses)}}
	for c := range 3 {
		large := run(fmt.Sprintf("client-%d", c), report.Offline)
		for i, clause := range r.Contracts[0].Clauses {
			o := report.Honored
			if (i+c)%97 == 0 {
				o = report.Broken
			}
			large.Results = append(large.Results, result(clause.ID, o))
			large.Results[i].Reason += fmt.Sprintf(", in the way %d", i)
		}
		r.Runs = append(r.Runs, large)
	}
	return r
}

// Schedule retries too early, and then as it should.
func Schedule() report.Schedule {
	return report.Schedule{Case: "Retry-After: a date", Outcome: "succeeded", Ended: 150, Attempts: []report.Attempt{
		{At: 0, Status: 429, RequestedDelay: 90, DelaySource: "Retry-After: a date", Waited: 60, EarlyBy: 30},
		{At: 60, Status: 429, RequestedDelay: 90, DelaySource: "Retry-After: a date", Waited: 90},
		{At: 150, Status: 200},
	}}
}

func contract(clauses int) *report.Contract {
	c := &report.Contract{Provider: "graph", API: "sample", Editions: []report.Edition{{ID: "first", Title: "The page", URL: "https://example.com/page"}}}
	actions := []string{"create", "get", "update", "delete"}
	for i := range clauses {
		action := actions[i%len(actions)]
		id := fmt.Sprintf("graph.%s.clause-%d", action, i)
		c.Clauses = append(c.Clauses, &report.Clause{
			ID: id, Operation: "graph." + action, Action: action, Method: "GET", Path: "/things/{id}", Title: "returns 418 I'm a teapot when it is so",
			Status: 400 + 3*(i%5), Remedy: "report", Evidence: "documented", File: "fixtures/graph/sample.yaml", Line: i + 1,
			Wordings: []report.Wording{{ID: id, Code: "sample", Message: "It is {so}.", Editions: []string{"first"}}},
			Source: report.Source{Edition: "first", URL: "https://example.com/page", Row: fmt.Sprintf("row %d of \"Response\"", i+1),
				Cells: []string{"Sample", "418", "It is {so}."}},
		})
	}
	return c
}

func run(client string, transport report.Transport) *report.Run {
	return &report.Run{
		Provider: "graph", Client: report.Client{Name: client, Exposes: []string{"status", "code"}, Hides: []string{"retry-after"}}, Transport: transport,
		Rerun: "go test -run 'TestGraph/{clause}$' .",
		Start: time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC), Seconds: 1.25, Versions: map[string]string{"go": "go1.26.8", "learncontract": "v1.0.0"},
		LookAlikes: report.LookAlikes{Exposed: []report.Group{}, Reliable: []report.Group{}},
	}
}

func result(clause string, o report.Outcome) *report.Result {
	r := &report.Result{Clause: clause, Outcome: o, Reason: "it is " + strings.ReplaceAll(o.Label(), ",", "")}
	if o != report.NotRun && o != report.Unsupported {
		r.Ran, r.Seconds = 1, 0.002
	}
	if o.Passes() {
		r.Honored = 1
	}
	switch o {
	case report.NotExposed:
		r.NotExposed = []string{"retry-after"}
	case report.Erratum:
		r.Errata = []string{"errata.yaml:7"}
	case report.Broken:
		r.Text = "The response broke " + clause + ".\n\n" + Hostile
		r.Deviations = []matchers.Deviation{
			{Wording: clause, Field: "code", Documented: `"sample"`, Received: Hostile, Binds: true},
			{Wording: clause, Field: "message", Documented: `"It is so."`, Received: `"It is."`, Surfaced: Hostile, Note: "differs"},
		}
	}
	return r
}
