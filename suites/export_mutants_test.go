package suites

import (
	"context"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/collect"
	"github.com/learncontract/learncontract/suites/internal/verdict"
)

// InProcess is a suite whose specs run without a front end, where the API responds with what Respond makes of a wording.
type InProcess struct {
	Contract *fixtures.Contract
	Respond  func(*fixtures.Wording) fixtures.Response
	run      *suiteRun
}

// Ran is what one spec came to.
type Ran struct {
	ID      string
	Verdict verdict.Verdict
	Body    []string // the failures of its body's own assertions
	Failed  bool     // by the verdict itself
}

// NewInProcess sets the suite of a provider up.
func NewInProcess(t *testing.T, p Provider, config client.Config) *InProcess {
	t.Helper()
	s := p.newRun(config, options{})
	r := &InProcess{run: s, Respond: (*fixtures.Wording).Response}
	s.suite.respond = func(w *fixtures.Wording) fixtures.Response { return r.Respond(w) }
	s.suite.vary = func(w *fixtures.Wording, _ int) fixtures.Variation {
		o := w.Clause.Operation
		return fixtures.Variation{
			Wording: w, Params: o.Params, Query: o.Query, Respond: func(time.Time) fixtures.Response { return r.Respond(w) },
		}
	}
	s.run = s.newReport("")
	if err := s.setUp(writer{t.Name(), t}); err != nil {
		t.Fatal(err)
	}
	r.Contract = s.suite.Contract
	return r
}

// Run runs the specs that are selected by their ids, and returns what the run prints.
func (r *InProcess) Run(t *testing.T, isSelected func(id string) bool) (all []Ran, printed string) {
	t.Helper()
	var records []collect.Record
	for _, sp := range r.run.suite.specs {
		if isSelected(sp.ID) {
			ran, record := r.runSpec(t, sp)
			all, records = append(all, ran), append(records, record)
		}
	}
	printed, err := r.run.finish(records, "the selection left them out", nil)
	if err != nil {
		t.Fatal(err)
	}
	return all, printed
}

// RunOne runs the spec of an id.
func (r *InProcess) RunOne(t *testing.T, id string) Ran {
	t.Helper()
	for _, sp := range r.run.suite.specs {
		if sp.ID == id {
			ran, _ := r.runSpec(t, sp)
			return ran
		}
	}
	t.Fatalf("there is no spec %s", id)
	return Ran{}
}

func (r *InProcess) runSpec(t *testing.T, sp *spec) (Ran, collect.Record) {
	t.Helper()
	ran, record := Ran{ID: sp.ID}, &collect.Record{Suite: r.run.id, Spec: sp.Spec}
	r.run.causes = causes{} // each text is whole
	r.run.execute(sp, record, front{
		ctx: t.Context(), skip: func(string) {}, cleanup: func(func(context.Context) error) {},
		fail: func(text string, callerSkip int) { // ends nothing here, so that the verdict fails the spec by itself
			if callerSkip > 0 {
				ran.Body = append(ran.Body, text)
				return
			}
			ran.Failed = true
		},
	})
	ran.Verdict = *record.Verdict
	return ran, *record
}
