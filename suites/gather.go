package suites

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	gomega "github.com/onsi/gomega/types"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/report"
)

// What report entries hold, beside those of the other files.
const (
	deviationsEntry = "deviations" // a list of matchers.Deviation
	answerEntry     = "answer"     // a tenant's, scrubbed
)

// noting is a matcher that keeps what differs for the report when it fails the spec.
type noting struct {
	gomega.GomegaMatcher
	differs func() []matchers.Deviation
}

// FailureMessage implements types.GomegaMatcher.
func (n noting) FailureMessage(actual any) string {
	noteDeviations(n.differs())
	return n.GomegaMatcher.FailureMessage(actual)
}

// noteDeviations keeps what differs, without secrets, as the report of the suite has it.
func noteDeviations(list []matchers.Deviation) {
	if len(list) > 0 {
		ginkgo.AddReportEntry(deviationsEntry, scrubbed(list), types.CodeLocation{}, ginkgo.ReportEntryVisibilityNever)
	}
}

// scrubbed has the deviations without secrets.
func scrubbed(list []matchers.Deviation) []matchers.Deviation {
	for i := range list {
		d := &list[i]
		d.Documented, d.Received, d.Surfaced = scrub(d.Documented), scrub(d.Received), scrub(d.Surfaced)
	}
	return list
}

// onTheWire are the deviations of an answer.
func onTheWire(w *fixtures.Wording, list []matchers.Deviation) (all []matchers.Deviation) {
	for _, d := range list {
		all = append(all, matchers.Deviation{
			Wording: w.ID(), Field: d.Field, Documented: d.Documented, Received: d.Received, Note: d.Note, Binds: d.Binds,
		})
	}
	return all
}

// toTheCaller are the deviations of what a client tells.
func toTheCaller(w *fixtures.Wording, list []clients.Deviation) (all []matchers.Deviation) {
	for _, d := range list {
		deviation := matchers.Deviation{
			Wording: w.ID(), Field: string(d.Field), Documented: d.Documented, Received: d.Answered, Surfaced: d.Told, Binds: !d.Known,
		}
		if d.Known {
			deviation.Note = "a known erratum"
		}
		all = append(all, deviation)
	}
	return all
}

// decoded is the value of a report entry, which another process may have sent as JSON.
func decoded[T any](entry types.ReportEntry) (value T) {
	if value, ok := entry.GetRawValue().(T); ok {
		return value
	}
	_ = json.Unmarshal([]byte(entry.Value.AsJSON), &value) // it was encoded from the same type
	return value
}

// gather makes the report of a run from Ginkgo's.
func (s *Suite) gather(run ginkgo.Report) *report.Report {
	r := report.New(s.Contract)
	g := &gathering{Suite: s, run: s.named(s.Contract.Provider, run.SuiteConfig)}
	g.run.Start = run.StartTime.UTC().Truncate(time.Millisecond)
	g.run.Seconds = run.RunTime.Round(time.Millisecond).Seconds()
	g.run.Versions = versions()
	g.run.LookAlikes = report.LookAlikes{Exposed: []report.Group{}, Reliable: []report.Group{}}
	g.run.Client = report.Client{
		Name: s.Client.Name, Exposes: names(s.Client.Exposed()), Operations: s.Client.Operations, Retries: s.Client.Retries,
	}
	g.run.Client.Hides = names(slices.DeleteFunc(slices.Clone(clients.Fields), func(f clients.Field) bool {
		return slices.Contains(s.Client.Exposed(), f)
	}))
	if reportFolder != "" || s.Client.Name != Reference.Name { // or nobody is told
		g.run.LookAlikes = lookAlikesOf(s.Contract, s.Client)
	}
	if s.tenant != nil {
		g.run.Requests, g.run.Strict = s.tenant.Spent(), s.Live.Strict
	}
	results := map[string]*report.Result{}
	for clause := range s.Contract.Clauses() {
		result := &report.Result{Clause: clause.ID, Outcome: report.NotRun}
		results[clause.ID] = result
		g.run.Results = append(g.run.Results, result)
	}
	for i := range run.SpecReports {
		spec := &run.SpecReports[i]
		id := labelled(spec, "clause:")
		switch result := results[id]; {
		case spec.LeafNodeType != types.NodeTypeIt:
			g.problem(spec)
		case result != nil:
			g.add(result, spec)
		default:
			g.check(spec)
		}
	}
	g.errata()
	for clause := range s.Contract.Clauses() {
		g.settle(results[clause.ID], len(clause.Wordings), because(run))
	}
	for _, check := range g.run.ExtraChecks {
		g.settle(&check.Result, 1, because(run))
		if why, ok := rights[check.Kind]; ok && check.Outcome == report.Honored {
			check.Reason = why
		}
	}
	slices.SortStableFunc(g.run.ExtraChecks, func(a, b *report.Check) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
	})
	r.Runs = []*report.Run{g.run}
	return r
}

// rights say what is right of each kind of check.
var rights = map[string]string{
	report.Success: "nothing failed, and it tells of no failure",
	report.Case:    "told as it was answered",
	report.Retries: "it asks again as it should",
	report.Network: "nothing reached it",
}

// gathering is the making of a run's report.
type gathering struct {
	*Suite
	run *report.Run
}

func (s *Suite) transport() report.Transport {
	switch {
	case s.Live == nil:
		return report.Offline
	case s.Live.Replay != "":
		return report.Replay
	}
	return report.Live
}

// add adds a spec to the result of what it asked.
func (g *gathering) add(result *report.Result, spec *types.SpecReport) {
	result.Seconds += spec.RunTime.Round(time.Microsecond).Seconds()
	var told report.Outcome // of a tenant's answer
	for _, entry := range spec.ReportEntries {
		switch entry.Name {
		case outcomeEntry:
			told = reported[Outcome(entry.StringRepresentation())]
		case lostEntry:
			result.NotExposed = with(result.NotExposed, entry.StringRepresentation())
		case erratumEntry:
			result.Errata = with(result.Errata, entry.StringRepresentation())
		case deviationsEntry:
			result.Deviations = append(result.Deviations, decoded[[]matchers.Deviation](entry)...)
		case answeredEntry:
			_, _ = fmt.Sscan(entry.StringRepresentation(), &result.ReceivedStatus) // a status
		case answerEntry:
			result.Response = entry.StringRepresentation()
		case schedulesEntry:
			for _, schedule := range decoded[Schedules](entry) {
				result.Schedules = append(result.Schedules, schedule.reported())
			}
		case moreSchedulesEntry:
			more := 0
			_, _ = fmt.Sscan(entry.StringRepresentation(), &more) // a number
			result.MoreSchedules += more
		}
	}
	switch {
	case spec.State.Is(types.SpecStateFailureStates):
		result.Ran++
		g.failed(result, spec, told)
	case spec.State == types.SpecStatePassed:
		result.Ran++
		result.Honored++
		switch told {
		case report.Deviating:
			result.Outcome, result.Reason = told, fieldsOf(result.Deviations)+" differs, and does not bind"
		case report.Erratum:
			result.Outcome, result.Reason = told, fieldsOf(result.Deviations)+" differs, as is known of the provider"
		}
	case isUnsupported(spec):
		g.worst(result, report.Unsupported, strings.TrimPrefix(spec.Failure.Message, unsupported))
	case told == report.Another:
		result.Ran++
		is, _, _ := strings.Cut(strings.TrimPrefix(spec.Failure.Message, string(Another)+": "), "\n") // the answer follows
		g.worst(result, told, cmp.Or(sentence(is), string(Another)))
		result.Text = spec.Failure.Message
	case told == report.NotRun:
		result.Reason = strings.TrimPrefix(spec.Failure.Message, notAsked)
	}
}

// failed adds a failure.
func (g *gathering) failed(result *report.Result, spec *types.SpecReport, told report.Outcome) {
	var texts []string
	for _, failure := range append([]types.Failure{spec.Failure}, additional(spec)...) {
		texts = append(texts, strings.TrimRight(failure.Message+"\n"+failure.ForwardedPanic, "\n"))
	}
	text := strings.Join(slices.Compact(texts), "\n\n")
	is, reason := report.Broken, cmp.Or(differing(result.Deviations), sentence(text), "it failed without a text")
	ended := spec.State != types.SpecStateFailed // it panicked, or its time ended
	switch {
	case strings.HasPrefix(text, "unexpected pass: "):
		is = report.UnexpectedPass
	case strings.HasPrefix(text, engineFailure) || ended || told == report.Engine:
		is = report.Engine
	case told.Fails():
		is = told
	case told != "":
		reason = "the provider honors it, and its caller does not learn that: " + reason
	}
	g.worst(result, is, strings.TrimPrefix(reason, engineFailure))
	result.Text = strings.TrimLeft(result.Text+"\n\n"+text, "\n")
}

// additional are the failures after a spec's first.
func additional(spec *types.SpecReport) (list []types.Failure) {
	for _, failure := range spec.AdditionalFailures {
		list = append(list, failure.Failure)
	}
	return list
}

// worst has the result become what is worse than it.
func (g *gathering) worst(result *report.Result, is report.Outcome, reason string) {
	if slices.Index(report.Outcomes(), is) < slices.Index(report.Outcomes(), result.Outcome) {
		result.Outcome, result.Reason = is, reason
	}
}

// settle says of a result that did not fail what it is, and why.
func (g *gathering) settle(result *report.Result, wordings int, left string) {
	told := "told whole"
	if len(result.NotExposed) > 0 {
		told = fmt.Sprintf("%s does not expose its %s", g.Client.Name, strings.Join(result.NotExposed, ", "))
	}
	switch {
	case result.Outcome != report.NotRun:
	case result.Ran == 0 && result.Reason != "": // a tenant is not asked for it
	case g.Live == nil && result.Honored < wordings:
		result.Reason, g.run.LeftOut = left, left
		if result.Ran > 0 {
			result.Reason = fmt.Sprintf("%d of %d wordings asked: %s", result.Ran, wordings, left)
		}
	case result.Ran == 0:
		result.Reason, g.run.LeftOut = left, left
	case len(result.Errata) > 0:
		result.Outcome, result.Reason = report.Erratum, g.why(result.Errata)
	case len(result.NotExposed) > 0:
		result.Outcome, result.Reason = report.NotExposed, "honored, and "+told
	case wordings == 1 || g.Live != nil:
		result.Outcome, result.Reason = report.Honored, "answered as documented, and "+told
	default:
		result.Outcome, result.Reason = report.Honored, fmt.Sprintf("answered in each of %d wordings, and %s", wordings, told)
	}
	if result.Outcome == report.Deviating && len(result.NotExposed) > 0 {
		result.Reason += "; " + told
	}
}

// why says why errata are accepted.
func (g *gathering) why(places []string) string {
	var texts []string
	for _, known := range g.run.Errata {
		if slices.Contains(places, known.Place) {
			texts = append(texts, fmt.Sprintf("%s; accepted for %d more days", known.Why, known.DaysLeft))
		}
	}
	return cmp.Or(strings.Join(slices.Compact(texts), "; "), "known in "+strings.Join(places, ", "))
}

// check adds a spec of something beyond the documented failures.
func (g *gathering) check(spec *types.SpecReport) {
	check := &report.Check{Title: spec.LeafNodeText, Action: labelledAnywhere(spec, "action:")}
	check.Outcome = report.NotRun
	success, asked, refused := labelled(spec, "success:"), labelled(spec, "case:"), labelled(spec, "retries:")
	switch {
	case success != "":
		check.ID, check.Kind, check.Title = "success:"+success, report.Success, "the success of "+success
	case asked != "":
		check.ID, check.Kind, check.Clause = asked, report.Case, refused
		_, check.Case, _ = strings.Cut(asked, "~")
		if refused != "" {
			check.Kind = report.Retries
		} else if id, _, _ := strings.Cut(asked, "~"); g.Contract.Clause(clauseOf(id)) != nil {
			check.Clause = clauseOf(id)
		}
	case slices.Contains(spec.ContainerHierarchyTexts, canaryText):
		check.ID, check.Kind = "network", report.Network
	default:
		return // it is somebody else's
	}
	if at := slices.IndexFunc(g.run.ExtraChecks, func(c *report.Check) bool { return c.ID == check.ID }); at >= 0 {
		check = g.run.ExtraChecks[at] // asked by several specs
	} else {
		g.run.ExtraChecks = append(g.run.ExtraChecks, check)
	}
	g.add(&check.Result, spec)
	if check.Kind == report.Network && check.Outcome.Fails() {
		check.Outcome = report.Engine
	}
}

// clauseOf is the id of a wording's clause.
func clauseOf(wording string) string {
	if at := strings.IndexAny(wording, "@#"); at >= 0 {
		return wording[:at]
	}
	return wording
}

// problem adds the failure of a node that is no spec: it is the set-up's.
func (g *gathering) problem(spec *types.SpecReport) {
	if spec.State.Is(types.SpecStateFailureStates) {
		text := strings.TrimSpace(spec.Failure.Message + "\n" + spec.Failure.ForwardedPanic)
		text = strings.TrimPrefix(text, engineFailure)
		g.run.Problems = append(g.run.Problems, fmt.Sprintf("%s%s: %s", engineFailure, spec.LeafNodeType, text))
	}
}

// errata adds the client's errata that the suite asks for, with how often each was borne out.
func (g *gathering) errata() {
	for _, e := range g.clientErrata() {
		if e.Case != "" && len(g.cases[e.Case]) == 0 {
			continue // this suite does not ask for it
		}
		known := &report.KnownErratum{
			Place: e.String(), Module: e.Module, Version: e.Version, Case: e.Case, Field: e.Field, IsClientField: verb(e) == "tell",
			Seen: e.Seen, Why: e.Why, Link: e.Link, Expires: e.Expires.Format(time.DateOnly), DaysLeft: e.DaysLeft(g.Today),
		}
		bears := func(r *report.Result) {
			if slices.Contains(r.Errata, known.Place) {
				known.Covers++
			}
		}
		for _, result := range g.run.Results {
			if e.Case == "" {
				bears(result)
			}
		}
		for _, check := range g.run.ExtraChecks {
			if e.Case != "" {
				bears(&check.Result)
			}
		}
		g.run.Errata = append(g.run.Errata, known)
	}
}

// reported is the schedule as reports have it.
func (s *Schedule) reported() report.Schedule {
	r := report.Schedule{Case: s.Case, Outcome: s.Outcome, Ended: s.Ended.Seconds(), Repeated: s.Repeated}
	r.Attempts = []report.Attempt{}
	for i, a := range s.Attempts {
		r.Attempts = append(r.Attempts, report.Attempt{
			At: a.At.Seconds(), Status: a.Status, RequestedDelay: a.Asked.Seconds(), DelaySource: a.By,
			Waited: a.Kept.Seconds(), EarlyBy: s.early(i).Seconds(),
		})
	}
	return r
}

// lookAlikesOf are the clauses that the client's caller cannot tell apart.
func lookAlikesOf(contract *fixtures.Contract, client clients.Config) report.LookAlikes {
	all := report.LookAlikes{Exposed: []report.Group{}, Reliable: []report.Group{}}
	for _, o := range contract.Operations {
		if client.Performs(o) {
			all.Clauses += len(o.Clauses)
			all.Exposed = append(all.Exposed, groups(o, client.LookAlikes(o))...)
			all.Reliable = append(all.Reliable, groups(o, o.LookAlikes(nil))...)
		}
	}
	return all
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

// sentence is the first paragraph of a text, in one line that is not too long.
func sentence(text string) string {
	const most = 400
	text, _, _ = strings.Cut(text, "\ngoroutine ") // a panic's stack
	paragraph, _, _ := strings.Cut(text, "\n\n")
	line := strings.TrimRight(strings.Join(strings.Fields(paragraph), " "), ".:")
	if len(line) > most {
		line = strings.ToValidUTF8(line[:most], "") + "…"
	}
	return line
}

// differing says what differs that binds, "" if nothing does.
func differing(list []matchers.Deviation) string {
	var texts []string
	for _, d := range list {
		switch {
		case !d.Binds:
		case d.Surfaced != "":
			texts = with(texts, fmt.Sprintf("%s is told as %s, and was answered as %s", d.Field, d.Surfaced, d.Received))
		default:
			texts = with(texts, fmt.Sprintf("%s is answered as %s, and documented as %s", d.Field, d.Received, d.Documented))
		}
	}
	return sentence(strings.Join(texts, "; "))
}

// fieldsOf names what differs.
func fieldsOf(list []matchers.Deviation) string {
	var fields []string
	for _, d := range list {
		fields = with(fields, d.Field)
	}
	return strings.Join(fields, ", ")
}

// with is the list, with the text in it once.
func with(list []string, text string) []string {
	if slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

func names(fields []clients.Field) []string {
	list := make([]string, len(fields))
	for i, field := range fields {
		list[i] = string(field)
	}
	return list
}
