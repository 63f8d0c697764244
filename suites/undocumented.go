package suites

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/call"
	"github.com/learncontract/learncontract/suites/internal/collect"
	"github.com/learncontract/learncontract/suites/internal/verdict"
	"github.com/learncontract/learncontract/suites/report"
)

// Case is a response that no clause documents, and that a reader of the documentation may expect nonetheless: that of a wording,
// changed. What it carries a client must surface as it must surface what is documented.
type Case struct {
	Key     string // names the case, as errata have it
	Clauses string // whose responses are changed: those with this code, or those whose id matches this pattern of package path
	// Change changes the decoded body of the wording's response.
	Change func(w *fixtures.Wording, body map[string]any)
}

// It adds a spec for each clause of the case, with the clause's first wording: the API responds with what the text says.
func (s *Suite) It(text string, c Case) {
	of := &fixtures.Erratum{Clauses: c.Clauses}
	file, line := caller()
	s.addCase(c.Key, text, file, line, of.Covers, func(e *execution, w *fixtures.Wording) {
		response, err := changed(s.respond(w), func(body map[string]any) { c.Change(w, body) })
		if err != nil {
			e.conclude(verdict.EngineError(fmt.Errorf("the body of %s: %w", w.ID(), err)))
			return
		}
		r, err := s.judge.Client.Do(call.Request{
			Operation: w.Clause.Operation, Response: response, What: verdict.CaseID(w, c.Key), Once: s.judge.Client.WhyOnce(w.Clause),
		})
		if err != nil {
			e.conclude(verdict.EngineError(err))
			return
		}
		v := s.judge.Wording(w, c.Key, r)
		if r.Fault != nil {
			e.conclude(v)
			return
		}
		e.assert(v, func(g gomega.Gomega) { g.Expect(r.Surfaced).To(client.Surface(w)) })
	})
}

// changed is a response with its decoded body changed.
func changed(response fixtures.Response, change func(map[string]any)) (fixtures.Response, error) {
	var body map[string]any
	if err := json.Unmarshal(response.Body, &body); err != nil {
		return response, err
	}
	change(body)
	var err error
	response.Body, err = json.Marshal(body)
	return response, err
}

// Observation is something of a client's own that no response shows, such as how often it sends a request.
type Observation struct {
	Key     string // names the spec, as errata have it
	Clauses string // that it is observed after: those with this code, or those whose id matches this pattern of package path
	Field   string // what is observed, as errata have it, such as "attempts"
	Want    string // the field's right value
	// See calls the client, which receives the wording, and returns the field's value. It runs on virtual time. An error is the
	// engine's own.
	See func(w *fixtures.Wording) (string, error)
}

// ItSees adds a spec of the client's own for each clause of the observation, with the clause's first wording.
func (s *Suite) ItSees(text string, o Observation) {
	of := &fixtures.Erratum{Clauses: o.Clauses}
	file, line := caller()
	s.addCase(o.Key, text, file, line, of.Covers, func(e *execution, w *fixtures.Wording) {
		var seen string
		var err error
		if fault := s.judge.Client.OnVirtualTime(func() { seen, err = o.See(w) }); fault != nil {
			e.conclude(verdict.Broken(fault.Error()))
			return
		}
		if err != nil {
			e.conclude(verdict.EngineError(err))
			return
		}
		e.conclude(s.judge.Seen(w, o.Key, o.Field, o.Want, seen))
	})
}

// addCase adds a spec for the first wording that matches of each clause of an operation that the client performs. Live there are
// none: a tenant does not respond with what is not documented.
func (s *Suite) addCase(key, text, file string, line int, match func(*fixtures.Wording) bool, run func(*execution, *fixtures.Wording)) {
	if s.live {
		return
	}
	s.cases[key] = append(s.cases[key], nil...)
	for clause := range s.Contract.Clauses() {
		o := clause.Operation
		i := slices.IndexFunc(clause.Wordings, match)
		if i < 0 || !s.judge.Client.Performs(o) {
			continue
		}
		w := clause.Wordings[i]
		id := verdict.CaseID(w, key)
		s.cases[key] = append(s.cases[key], w)
		s.specs = append(s.specs, &spec{
			Spec:      collect.Spec{ID: id, Kind: report.Case, Clause: clause.ID, Case: key, Title: text, Action: o.Action},
			operation: o, clause: clause, labels: []string{"case:" + id}, file: file, line: line,
			run: func(e *execution) { run(e, w) },
		})
	}
}
