// Package collect makes the report of a run from the records that its specs leave behind. It is pure.
package collect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/call"
	"github.com/learncontract/learncontract/suites/internal/verdict"
	"github.com/learncontract/learncontract/suites/report"
)

// Spec says what one spec checks: a wording of a clause, or something beside the documented failures.
type Spec struct {
	ID     string `json:"id"`             // of the wording, or of the check: "success:graph.get", "graph.get.throttled~retries-date"
	Kind   string `json:"kind,omitempty"` // report.Success, Case, Retries or Network; empty for a documented failure
	Clause string `json:"clause,omitempty"`
	Case   string `json:"case,omitempty"` // the key of the case, as errata have it
	Title  string `json:"title"`
	Action string `json:"action,omitempty"`
}

// Record is what one spec that ran leaves behind.
type Record struct {
	Suite   int              `json:"suite"` // the identity of the suite in its process, for it may share the process with others
	Spec    Spec             `json:"spec"`
	Verdict *verdict.Verdict `json:"verdict"` // nil if the spec ended before it had one
	Seconds float64          `json:"seconds"`
}

// String is the record in one line, for reports of other tools.
func (r *Record) String() string {
	if r.Verdict == nil {
		return r.Spec.ID + ": no verdict"
	}
	return strings.TrimRight(fmt.Sprintf("%s: %s, %s", r.Spec.ID, r.Verdict.Outcome.Label(), r.Verdict.Reason), ", ")
}

// Run is what is known of a run beside its records.
type Run struct {
	Run    *report.Run // Provider, Transport, Tenant and the like; Collect completes it
	Client *call.Client
	Errata []*fixtures.Erratum // the client's
	Today  time.Time
	Left   string                         // why the run left specs out, such as "the selection left them out"
	Cases  map[string][]*fixtures.Wording // that the suite has specs of
	Quick  bool                           // leaves out what takes long and nobody reads
}

// Collect makes the report. Every clause of the contract is in it, with an outcome and a reason.
func Collect(run Run, records []Record) *report.Report {
	contract, r := run.Client.Contract, run.Run
	r.Client = report.Client{
		Name: run.Client.Name, Exposes: names(run.Client.Exposed()), Operations: run.Client.Operations(), Retries: run.Client.Retries,
		Hides: names(slices.DeleteFunc(client.Fields(), func(f client.Field) bool { return slices.Contains(run.Client.Exposed(), f) })),
	}
	r.LookAlikes = report.LookAlikes{Exposed: []report.Group{}, Reliable: []report.Group{}}
	if !run.Quick {
		r.LookAlikes = lookAlikes(run.Client)
	}
	results := map[string]*report.Result{}
	for clause := range contract.Clauses() {
		result := &report.Result{Clause: clause.ID, Outcome: report.NotRun}
		if !run.Client.Performs(clause.Operation) {
			result.Outcome = report.Unsupported
			result.Reason = fmt.Sprintf("%s does not perform %s; if it does, name it in its Calls", r.Client.Name, clause.Operation.ID)
		}
		results[clause.ID] = result
		r.Results = append(r.Results, result)
	}
	for _, record := range records {
		if record.Spec.Kind == "" {
			if result := results[record.Spec.Clause]; result != nil {
				add(result, record)
			}
			continue
		}
		add(&check(r, record.Spec).Result, record)
	}
	r.Errata = known(run)
	for clause := range contract.Clauses() {
		settle(run, results[clause.ID], len(clause.Wordings))
	}
	for _, check := range r.ExtraChecks {
		settle(run, &check.Result, 1)
		if reason, ok := passReasons[check.Kind]; ok && check.Outcome == report.Honored {
			check.Reason = reason
		}
	}
	slices.SortStableFunc(r.ExtraChecks, func(a, b *report.Check) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID)) })
	all := report.New(contract)
	all.Runs = []*report.Run{r}
	return all
}

// passReasons are the reasons of checks that pass, by their kind.
var passReasons = map[string]string{
	report.Success:  "nothing failed, and it returned nil",
	report.Case:     "surfaced as it was received",
	report.Retries:  "it retries as it should",
	report.Instance: "each of its calls is right",
	report.Network:  "nothing reached it",
}

// check finds the run's check of that id, or adds it.
func check(r *report.Run, spec Spec) *report.Check {
	if i := slices.IndexFunc(r.ExtraChecks, func(c *report.Check) bool { return c.ID == spec.ID }); i >= 0 {
		return r.ExtraChecks[i] // several specs check it
	}
	c := &report.Check{ID: spec.ID, Kind: spec.Kind, Case: spec.Case, Title: spec.Title, Action: spec.Action}
	c.Outcome, c.Clause = report.NotRun, spec.Clause
	r.ExtraChecks = append(r.ExtraChecks, c)
	return c
}

// add adds a record to the result that it is of.
func add(result *report.Result, record Record) {
	v := record.Verdict
	result.Seconds += record.Seconds
	for _, field := range v.NotExposed {
		result.NotExposed = appendUnique(result.NotExposed, field)
	}
	for _, erratum := range v.Errata {
		result.Errata = appendUnique(result.Errata, erratum)
	}
	result.Deviations = append(result.Deviations, v.Deviations...)
	result.Schedules = append(result.Schedules, v.Schedules...)
	result.MoreSchedules += v.MoreSchedules
	if v.Status != 0 {
		result.ReceivedStatus, result.Response = v.Status, v.Response
	}
	switch {
	case v.Outcome.Fails():
		result.Ran++
		worsen(result, v.Outcome, v.Reason)
		result.Text = strings.TrimLeft(result.Text+"\n\n"+v.Text, "\n")
	case v.Outcome == report.Another:
		result.Ran++
		worsen(result, v.Outcome, v.Reason)
		result.Text = v.Text
	case v.Outcome == report.NotRun:
		result.Reason = v.Reason
	case v.Outcome == report.Unsupported:
		worsen(result, v.Outcome, v.Reason)
	default:
		result.Ran++
		result.Honored++
		result.Reason = cmp.Or(result.Reason, v.Reason)
		if v.Outcome == report.Deviating || v.Outcome == report.Erratum {
			result.Outcome, result.Reason = v.Outcome, v.Reason
		}
	}
}

// worsen raises the outcome to that if it ranks worse.
func worsen(result *report.Result, outcome report.Outcome, reason string) {
	if outcome.Worse(result.Outcome) {
		result.Outcome, result.Reason = outcome, reason
	}
}

// settle says of a result that did not fail what it is, and why.
func settle(run Run, result *report.Result, wordings int) {
	surfaced := "surfaced whole"
	if len(result.NotExposed) > 0 {
		surfaced = fmt.Sprintf("%s does not expose its %s", run.Client.Name, strings.Join(result.NotExposed, ", "))
	}
	offline := run.Run.Transport == report.Offline
	switch {
	case result.Outcome != report.NotRun:
	case result.Ran == 0 && result.Reason != "": // a tenant is not called for it
	case offline && result.Honored < wordings:
		result.Reason, run.Run.LeftOut = run.Left, run.Left
		if result.Ran > 0 {
			result.Reason = fmt.Sprintf("%d of %d wordings run: %s", result.Ran, wordings, run.Left)
		}
	case result.Ran == 0:
		result.Reason, run.Run.LeftOut = run.Left, run.Left
	case len(result.Errata) > 0:
		result.Outcome, result.Reason = report.Erratum, why(run.Run, result.Errata)
	case len(result.NotExposed) > 0:
		result.Outcome, result.Reason = report.NotExposed, "honored, and "+surfaced
	case result.Reason != "": // of a client that is not measured whole
		result.Outcome = report.Honored
	case wordings == 1 || !offline:
		result.Outcome, result.Reason = report.Honored, "received as documented, and "+surfaced
	default:
		result.Outcome, result.Reason = report.Honored, fmt.Sprintf("received in each of %d wordings, and %s", wordings, surfaced)
	}
	if result.Outcome == report.Deviating && len(result.NotExposed) > 0 {
		result.Reason += "; " + surfaced
	}
}

// why says why errata are accepted.
func why(run *report.Run, places []string) string {
	var texts []string
	for _, e := range run.Errata {
		if slices.Contains(places, e.Place) {
			texts = appendUnique(texts, fmt.Sprintf("%s; accepted for %d more days", e.Why, e.DaysLeft))
		}
	}
	return cmp.Or(strings.Join(texts, "; "), "known in "+strings.Join(places, ", "))
}

// known are the client's errata that the suite has specs of, with how many results and checks confirmed each.
func known(run Run) (all []*report.KnownErratum) {
	for _, e := range run.Errata {
		if e.Case != "" && len(run.Cases[e.Case]) == 0 {
			continue
		}
		k := &report.KnownErratum{
			Place: e.String(), Module: e.Module, Version: e.Version, Case: e.Case, Field: e.Field,
			IsClientField: slices.Contains(client.Fields(), client.Field(e.Field)),
			Seen:          e.Seen, Why: e.Why, Link: e.Link, Expires: e.Expires.Format(time.DateOnly), DaysLeft: e.DaysLeft(run.Today),
		}
		confirms := func(r *report.Result) {
			if slices.Contains(r.Errata, k.Place) {
				k.Covers++
			}
		}
		if e.Case == "" {
			for _, result := range run.Run.Results {
				confirms(result)
			}
		} else {
			for _, check := range run.Run.ExtraChecks {
				confirms(&check.Result)
			}
		}
		all = append(all, k)
	}
	return all
}

// lookAlikes are the clauses that the client's caller cannot tell apart.
func lookAlikes(c *call.Client) report.LookAlikes {
	all := report.LookAlikes{Exposed: []report.Group{}, Reliable: []report.Group{}}
	for _, o := range c.Contract.Operations {
		if c.Performs(o) {
			all.Clauses += len(o.Clauses)
			all.Exposed = append(all.Exposed, groups(o, o.LookAlikes(exposed(c)))...)
			all.Reliable = append(all.Reliable, groups(o, o.LookAlikes(nil))...)
		}
	}
	return all
}

// exposed binds of a clause what the client exposes. A text that the provider does not bind exactly is compared by its
// spelling: the provider spells it in several ways itself.
func exposed(c *call.Client) func(*fixtures.Clause) fixtures.Bindings {
	as := func(field client.Field, binding fixtures.Binding) fixtures.Binding {
		switch {
		case !slices.Contains(c.Exposed(), field):
			return fixtures.None
		case binding == fixtures.Exact:
			return fixtures.Exact
		}
		return fixtures.Spelling
	}
	return func(clause *fixtures.Clause) fixtures.Bindings {
		b := clause.Bindings
		return fixtures.Bindings{
			Status: as(client.Status, b.Status), Code: as(client.Code, b.Code), Name: as(client.Name, b.Name),
			Message: as(client.Message, b.Message), Details: as(client.Details, b.Details),
			RetryAfter: as(client.RetryAfter, b.RetryAfter),
		}
	}
}

func groups(o *fixtures.Operation, found [][]*fixtures.Clause) (list []report.Group) {
	for _, clauses := range found {
		group := report.Group{Operation: o.ID}
		for _, clause := range clauses {
			group.Clauses = append(group.Clauses, clause.ID)
		}
		list = append(list, group)
	}
	return list
}

// appendUnique is the list, with the text in it once.
func appendUnique(list []string, text string) []string {
	if slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

func names(fields []client.Field) []string {
	list := make([]string, len(fields))
	for i, field := range fields {
		list[i] = string(field)
	}
	return list
}
