// Package verdict decides what a call came to. It is pure: it compares what a client did with the contract and with the
// client's declaration, and returns a value.
//
// It must not know how a client is called (package call) or how specs are run (package suites).
package verdict

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/call"
	"github.com/learncontract/learncontract/suites/report"
)

// Verdict is what one spec came to. It is all that a spec leaves behind.
type Verdict struct {
	Outcome    report.Outcome       `json:"outcome"`
	Reason     string               `json:"reason"`         // one sentence, without the clause's id, so that one cause reads the same everywhere
	Text       string               `json:"text,omitempty"` // the whole failure; empty if the spec passes
	Deviations []matchers.Deviation `json:"deviations,omitempty"`
	NotExposed []string             `json:"notExposed,omitempty"` // fields of the response that the client does not expose
	Errata     []string             `json:"errata,omitempty"`     // the places of the errata that were confirmed
	Schedules  []report.Schedule    `json:"schedules,omitempty"`  // of a client that retries: the first, and those that show a fault
	// MoreSchedules is how many more were measured.
	MoreSchedules int    `json:"moreSchedules,omitempty"`
	Status        int    `json:"status,omitempty"`   // of a tenant's response
	Response      string `json:"response,omitempty"` // a tenant's
}

// EngineError is the verdict of a spec that is nobody's contract: its set-up failed.
func EngineError(err error) Verdict {
	return Verdict{Outcome: report.Engine, Reason: Sentence(err.Error()), Text: "engine error: " + err.Error()}
}

// NotRun is the verdict of a spec that is not run for a reason.
func NotRun(outcome report.Outcome, reason string) Verdict {
	return Verdict{Outcome: outcome, Reason: reason}
}

// Broken is the verdict of a contract that is broken, with the whole failure.
func Broken(text string) Verdict {
	return Verdict{Outcome: report.Broken, Reason: Sentence(text), Text: text}
}

// Judge is whom verdicts are about.
type Judge struct {
	Client *call.Client
	Errata []*fixtures.Erratum // known deviations, of the client and of others
	Today  time.Time           // on which an erratum is accepted or has expired
}

// CaseID is the wording's id, with the case's key where there is one: "graph.get.throttled~message-object".
func CaseID(w *fixtures.Wording, inCase string) string {
	if inCase == "" {
		return w.ID()
	}
	return w.ID() + "~" + inCase
}

// Wording is the verdict of a call that received the wording, or, in a case, a response that was made of it. The result's
// Surfaced is completed with the errata that are known, so that an assertion of it comes to the same.
func (j *Judge) Wording(w *fixtures.Wording, inCase string, r *call.Result) Verdict {
	errata := j.Matching(w, inCase)
	v := Verdict{Outcome: report.Honored}
	if panicked := (*call.Panic)(nil); errors.As(r.Fault, &panicked) && errata.Excuse(panicField, fmt.Sprint(panicked.Value)) {
		errata.Settle(&v, CaseID(w, inCase), j.Today)
		return v
	}
	if r.Fault != nil {
		return j.Fault(r.Fault)
	}
	if inCase == "" {
		for _, x := range r.Exchanges {
			if !v.match(matchers.HonorWording(w).Strictly(), x, w) {
				return v
			}
		}
	}
	j.surface(&v, w, inCase, r)
	return v
}

// Again is the verdict of a further call that received the wording. Errata are known, and not expected: the wording's own spec
// settles them.
func (j *Judge) Again(w *fixtures.Wording, r *call.Result) Verdict {
	if v := j.Wording(w, "", r); v.Outcome != report.UnexpectedPass {
		return v
	}
	return Verdict{Outcome: report.Honored}
}

// Known is a verdict that an erratum of the wording in the case may have: of a text that begins, after the client's name, with
// what is seen.
func (j *Judge) Known(v Verdict, w *fixtures.Wording, inCase string) Verdict {
	errata := j.Matching(w, inCase)
	if v.Outcome.Fails() && v.Outcome != report.Engine && errata.Excuse(faultField, strings.TrimPrefix(v.Reason, j.Client.Name+" ")) {
		v = Verdict{Outcome: report.Honored}
	}
	if v.Outcome == report.Honored {
		errata.Settle(&v, CaseID(w, inCase), j.Today)
	}
	return v
}

// surface adds to a verdict what the client surfaced of a wording that it received.
func (j *Judge) surface(v *Verdict, w *fixtures.Wording, inCase string, r *call.Result) {
	errata := j.Matching(w, inCase)
	r.Surfaced.Known = errata.Excuse
	surface := client.Surface(w)
	ok, err := surface.Match(r.Surfaced)
	if err != nil {
		*v = EngineError(err)
		return
	}
	v.Deviations = append(v.Deviations, surface.Deviations()...)
	if !ok {
		v.Outcome, v.Text = report.Broken, surface.FailureMessage(r.Surfaced)
		v.Reason = cmp.Or(Binding(surface.Deviations()), j.notSurfaced(r))
		return
	}
	if r.Unclosed != nil && !errata.ExcuseUnclosed() && !j.Matching(w, "").ExcuseUnclosed() { // whatever the case
		*v = j.Fault(r.Unclosed)
		return
	}
	for _, field := range surface.NotExposed() {
		v.NotExposed = append(v.NotExposed, string(field))
	}
	errata.Settle(v, CaseID(w, inCase), j.Today)
}

// notSurfaced says of a client that surfaces no failure what it does instead.
func (j *Judge) notSurfaced(r *call.Result) string {
	if r.Surfaced.Err == nil {
		return j.Client.Name + " returned nil although the API responded with a failure"
	}
	return j.Client.Name + " returned an error that carries no failure"
}

// match compares a response with a wording, and notes what differs.
func (v *Verdict) match(honor *matchers.HonorMatcher, x exchange.Exchange, w *fixtures.Wording) (ok bool) {
	ok, err := honor.Match(x)
	if err != nil {
		*v = EngineError(err)
		return false
	}
	v.Deviations = append(v.Deviations, of(w, honor.Deviations())...)
	if !ok {
		v.Outcome, v.Text = report.Broken, honor.FailureMessage(x)
		v.Reason = cmp.Or(Binding(v.Deviations), Sentence(v.Text))
	}
	return ok
}

// of are deviations from a wording.
func of(w *fixtures.Wording, list []matchers.Deviation) []matchers.Deviation {
	list = slices.Clone(list)
	for i := range list {
		list[i].Wording = w.ID()
	}
	return list
}

// Fault is the verdict of a client that did something else than to return, whatever wraps the fault.
func (j *Judge) Fault(err error) Verdict {
	name, v := j.Client.Name, Broken(err.Error())
	// The reason is the same whatever was received: one cause is told once.
	if f := (*call.Panic)(nil); errors.As(err, &f) {
		v.Reason = Sentence(fmt.Sprintf("%s panicked: %s", name, exchange.Printable(fmt.Sprint(f.Value))))
	}
	if f := (*call.Hang)(nil); errors.As(err, &f) {
		v.Reason = name + " hangs"
	}
	if f := (*call.ForeignHost)(nil); errors.As(err, &f) {
		v.Reason = name + " called another host than " + f.BaseURL
	}
	if f := (*call.UnexpectedRequest)(nil); errors.As(err, &f) {
		v.Reason = name + " sent an unexpected request"
		if f.Received() && f.Why != "" {
			v.Reason = name + " sent another request, though " + f.Why
		}
	}
	if f := (*call.TimedOut)(nil); errors.As(err, &f) {
		v.Reason = fmt.Sprintf("%s took longer than %s", name, f.After)
	}
	if errors.As(err, new(*call.UnclosedBody)) {
		v.Reason = name + " returned without closing the body of a response"
	}
	if f := (*call.NoRequest)(nil); errors.As(err, &f) {
		v.Reason = name + " did not send the request of its call with what it was given"
	}
	return v
}

// Success is the verdict of a call that received the documented response of an operation that does not fail.
func (j *Judge) Success(o *fixtures.Operation, r *call.Result) Verdict {
	v := Verdict{Outcome: report.Honored}
	if r.Fault != nil {
		return j.Fault(r.Fault)
	}
	for _, x := range r.Exchanges {
		success := matchers.HonorSuccess(o)
		switch ok, err := success.Match(x); {
		case err != nil:
			return EngineError(err)
		case !ok:
			return Broken(success.FailureMessage(x))
		}
	}
	succeed := client.ReturnNil(o)
	switch ok, err := succeed.Match(r.Surfaced); {
	case err != nil:
		return EngineError(err)
	case !ok:
		v = Broken(succeed.FailureMessage(r.Surfaced))
		v.Reason = j.Client.Name + " returned an error although the API responded with a success"
	case r.Unclosed != nil:
		return j.Fault(r.Unclosed)
	}
	return v
}

// Seen is the verdict of what a spec of the client's own has seen of a field, where something is right.
func (j *Judge) Seen(w *fixtures.Wording, inCase, field, right, seen string) Verdict {
	errata := j.Matching(w, inCase)
	v := Verdict{Outcome: report.Honored}
	if seen != right && !errata.Excuse(client.Field(field), seen) {
		return Broken(fmt.Sprintf("%s is wrong in the %s of %s:\n  want  %s\n  got   %s", j.Client.Name, field, CaseID(w, inCase), right, seen))
	}
	errata.Settle(&v, CaseID(w, inCase), j.Today)
	return v
}

// Binding says in a sentence what differs that binds, "" if nothing does. Of what is surfaced it has no values, which differ in each
// clause: one cause reads the same everywhere.
func Binding(list []matchers.Deviation) string {
	var texts []string
	for _, d := range list {
		text := fmt.Sprintf("%s is received as %s, and documented as %s", d.Field, d.Received, d.Documented)
		switch {
		case d.Surfaced == "(nothing)":
			text = d.Field + " is not surfaced"
		case d.Surfaced != "" && d.Received == "(nothing)":
			text = d.Field + " is surfaced, and was not received"
		case d.Surfaced != "":
			text = d.Field + " is not surfaced as received"
		}
		if d.Binds && !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return Sentence(strings.Join(texts, "; "))
}

// Sentence is the first paragraph of a text, in one line that is not too long.
func Sentence(text string) string {
	const most = 400
	text, _, _ = strings.Cut(text, "\ngoroutine ") // a panic's stack
	paragraph, _, _ := strings.Cut(text, "\n\n")
	line := strings.TrimRight(strings.Join(strings.Fields(paragraph), " "), ".:")
	if len(line) > most {
		line = strings.ToValidUTF8(line[:most], "") + "…"
	}
	return line
}

// Masked is the verdict with every text as mask returns it.
func (v Verdict) Masked(mask func(string) string) Verdict {
	v.Reason, v.Text, v.Response = mask(v.Reason), mask(v.Text), mask(v.Response)
	v.Deviations = slices.Clone(v.Deviations)
	for i := range v.Deviations {
		d := &v.Deviations[i]
		d.Documented, d.Received, d.Surfaced = mask(d.Documented), mask(d.Received), mask(d.Surfaced)
	}
	return v
}
