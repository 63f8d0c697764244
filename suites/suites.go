// Package suites has the entry points by which a client is checked against a provider's documented failures: Provider.Test runs
// plain subtests, Provider.Describe registers Ginkgo specs, and Run is for a TestMain. Each and its siblings are what the specs of
// a provider are written with (packages graph and classroom).
//
// It knows Ginkgo and testing, and how a spec is registered, run and reported. It must not know how a client is called (package
// call) or what a call comes to (package verdict).
package suites

import (
	"cmp"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"

	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/call"
	"github.com/learncontract/learncontract/suites/internal/collect"
	"github.com/learncontract/learncontract/suites/internal/instance"
	"github.com/learncontract/learncontract/suites/internal/retry"
	"github.com/learncontract/learncontract/suites/internal/verdict"
	"github.com/learncontract/learncontract/suites/live"
	"github.com/learncontract/learncontract/suites/report"
)

// Provider is a provider whose documented failures are checked, and the specs that check them.
type Provider struct {
	Name string // such as "graph"
	// Contract is the provider's contract, nil for the embedded one of that name, with its errata.
	Contract *fixtures.Contract
	// Specs says what is checked, by Suite.Each and its siblings.
	Specs func(*Suite)
}

// Suite is a contract that is checked against a client. Specs gets one, and says by its methods what is checked.
type Suite struct {
	// Contract is the contract.
	Contract *fixtures.Contract

	judge     *verdict.Judge
	respond   func(*fixtures.Wording) fixtures.Response       // the documented response, but in tests
	vary      func(*fixtures.Wording, int) fixtures.Variation // Wording.Vary, but in tests
	live      bool                                            // whether a tenant, or a recording of one, responds
	strict    bool                                            // whether every field of a tenant binds
	tenant    *live.Tenant                                    // nil offline
	throttled *retry.Subject                                  // see subject
	specs     []*spec
	actions   []string                       // that the specs check
	cases     map[string][]*fixtures.Wording // that the specs run
}

// Result is what one call came to, as the specs assert it.
type Result struct {
	Response exchange.Exchange // what came over the wire last
	Failure  client.Surfaced   // what the client surfaced to its caller
}

// spec is one thing that a suite checks.
type spec struct {
	collect.Spec
	operation *fixtures.Operation
	clause    *fixtures.Clause // whose place in the contract the spec has; nil for none
	labels    []string
	file      string // where it is written
	line      int
	run       func(*execution)
}

// Offline reports whether the contract's own responses are checked, of which every field is exact, and not a tenant's.
func (s *Suite) Offline() bool { return !s.live }

// Honor is the matcher of a response that honors the wording: exactly offline; of a tenant, as strongly as the vendor binds its
// own words, known errata aside.
func (s *Suite) Honor(w *fixtures.Wording) *matchers.HonorMatcher {
	return s.judge.Honor(w, s.live, s.strict)
}

// Each adds a spec for each documented failure of each operation of an action that the client performs. Offline, each wording is
// a spec: the API responds with it, and the body asserts what the client received and surfaced. Live, each clause is one: a tenant
// is provoked to respond with it, and the wording is the nearest to the response.
func (s *Suite) Each(action string, body func(g gomega.Gomega, w *fixtures.Wording, r Result)) {
	s.actions = append(s.actions, action)
	file, line := caller()
	for i, o := range s.operations(action) {
		if s.live {
			for _, clause := range inOrder(o.Clauses, (*fixtures.Clause).Title, func(c *fixtures.Clause) *fixtures.Clause { return c }) {
				s.specs = append(s.specs, &spec{
					Spec:      collect.Spec{ID: clause.ID, Clause: clause.ID, Title: clause.Title(), Action: o.Action},
					operation: o, clause: clause, labels: clauseLabels(clause), file: file, line: line,
					run: func(e *execution) { checkLive(s, e, clause, body) },
				})
			}
			continue
		}
		var wordings []*fixtures.Wording
		for _, clause := range o.Clauses {
			wordings = append(wordings, clause.Wordings...)
		}
		titles, places := map[*fixtures.Wording]string{}, map[*fixtures.Wording]int{}
		for place, w := range wordings {
			titles[w], places[w] = w.Title(), place
		}
		title := func(w *fixtures.Wording) string { return titles[w] }
		for _, w := range inOrder(wordings, title, func(w *fixtures.Wording) *fixtures.Clause { return w.Clause }) {
			n := i + places[w] // an operation has each value, or its neighbours have
			s.specs = append(s.specs, &spec{
				Spec:      collect.Spec{ID: w.ID(), Clause: w.Clause.ID, Title: titles[w], Action: o.Action},
				operation: o, clause: w.Clause, labels: clauseLabels(w.Clause), file: file, line: line,
				run: func(e *execution) { checkWording(s, e, w, n, body) },
			})
		}
	}
}

// checkWording calls the client, which receives the wording: a variation of it, by a number, unless the client retries after it, where
// the specs of its retries vary the wait.
func checkWording(s *Suite, e *execution, w *fixtures.Wording, n int, body func(gomega.Gomega, *fixtures.Wording, Result)) {
	var r *call.Result
	var v verdict.Verdict
	switch c := s.judge.Client; {
	case c.RetriesAfter(w.Clause):
		r, v = s.subject().Documented(w)
	default:
		request := call.Request{Operation: w.Clause.Operation, Pace: call.Pace(n) % call.Paces, What: w.ID(), Once: c.WhyOnce(w.Clause)}
		if c.Dial != nil {
			request.Response = s.respond(w) // which asks to wait for a second, if at all: a retry that is not declared comes in time
		}
		if request.Response.Header.Get("Retry-After") == "" {
			variation := s.vary(w, n)
			w, request.Variation = variation.Wording, &variation
		}
		var err error
		r, err = c.Do(request)
		if err != nil {
			e.conclude(verdict.EngineError(err))
			return
		}
		v = s.judge.Wording(w, "", r)
	}
	if r == nil || r.Fault != nil || v.Outcome == report.NotRun {
		e.conclude(v)
		return
	}
	e.assert(v, func(g gomega.Gomega) { body(g, w, Result{r.Last(), r.Surfaced}) })
}

// EachSuccess adds a spec for each operation of an action that the client performs: the API responds that nothing failed. Live it
// adds none, for what sets a clause up succeeds.
func (s *Suite) EachSuccess(action string, body func(g gomega.Gomega, o *fixtures.Operation, r Result)) {
	if s.live {
		return
	}
	file, line := caller()
	for i, o := range s.operations(action) {
		s.specs = append(s.specs, &spec{
			Spec: collect.Spec{
				ID: "success:" + o.ID, Kind: report.Success, Title: "the success of " + o.ID, Action: o.Action,
			},
			operation: o, file: file, line: line,
			labels: successLabels(o),
			run: func(e *execution) {
				var r *call.Result
				var v verdict.Verdict
				for _, request := range call.Successes(o, call.Pace(i)%call.Paces) {
					var err error
					if r, err = s.judge.Client.Do(request); err != nil {
						e.conclude(verdict.EngineError(err))
						return
					}
					if v = s.judge.Success(o, r); r.Fault != nil || v.Outcome.Fails() {
						break
					}
				}
				if r.Fault != nil {
					e.conclude(v)
					return
				}
				e.assert(v, func(g gomega.Gomega) { body(g, o, Result{r.Last(), r.Surfaced}) })
			},
		})
	}
}

// Retries adds the specs of how the client retries: for each action one clause of each status and remedy that says to wait or to
// retry. A client that does not declare to retry after it must send one request. Live there are none, for a tenant is never flooded.
// Of a client that dials, those that take minutes of real time are not run, and say so.
func (s *Suite) Retries() {
	if s.live {
		return
	}
	file, line := caller()
	subject := s.subject()
	for _, w := range subject.Wordings() {
		title := "throttled by " + fixtures.StatusLine(w.Clause.Status)
		if w.Clause.Name != "" {
			title += " @" + w.Clause.Name
		}
		for _, b := range subject.Behaviours(w) {
			s.addBehaviour(report.Retries, w, b.Key, title+", "+b.Text, file, line, func() verdict.Verdict { return subject.Check(w, b) })
		}
	}
}

// Instances adds specs of what each instance of the client does: for each operation, several calls, one after another and at once,
// and calls that are interrupted. Live there are none.
func (s *Suite) Instances() {
	if s.live {
		return
	}
	file, line := caller()
	subject := &instance.Subject{Judge: s.judge, Vary: s.vary}
	for _, w := range subject.Wordings() {
		for _, b := range instance.Behaviours() {
			s.addBehaviour(report.Instance, w, b.Key, "one instance "+b.Text, file, line, func() verdict.Verdict { return subject.Check(w, b) })
		}
	}
}

// addBehaviour adds a spec of how the client behaves where it receives the wording.
func (s *Suite) addBehaviour(kind string, w *fixtures.Wording, key, title, file string, line int, check func() verdict.Verdict) {
	id, o := verdict.CaseID(w, key), w.Clause.Operation
	s.cases[key] = append(s.cases[key], w)
	s.specs = append(s.specs, &spec{
		Spec:      collect.Spec{ID: id, Kind: kind, Clause: w.Clause.ID, Case: key, Action: o.Action, Title: title},
		operation: o, clause: w.Clause, file: file, line: line,
		labels: []string{fmt.Sprintf("status:%d", w.Clause.Status), kind + ":" + w.Clause.ID, "case:" + id},
		run:    func(e *execution) { e.conclude(check()) },
	})
}

// subject is the client whose retries are measured.
func (s *Suite) subject() *retry.Subject {
	if s.throttled == nil {
		s.throttled = &retry.Subject{Judge: s.judge, Respond: func(w *fixtures.Wording) fixtures.Response { return s.respond(w) }}
	}
	return s.throttled
}

// operations are those of an action that the client performs, with their places in the contract.
func (s *Suite) operations(action string) iter.Seq2[int, *fixtures.Operation] {
	return func(yield func(int, *fixtures.Operation) bool) {
		for i, o := range s.Contract.Operations {
			if o.Action == action && s.judge.Client.Performs(o) && !yield(i, o) {
				return
			}
		}
	}
}

// caller is where the caller of this package is written.
func caller() (file string, line int) {
	_, file, line, _ = runtime.Caller(2)
	return file, line
}

func clauseLabels(c *fixtures.Clause) []string {
	return []string{fmt.Sprintf("status:%d", c.Status), "clause:" + c.ID}
}

func successLabels(o *fixtures.Operation) []string {
	return []string{fmt.Sprintf("status:%d", o.Success.Status), "success:" + o.ID}
}

func operationLabels(o *fixtures.Operation) []string {
	return []string{"provider:" + o.Contract.Provider, "action:" + o.Action}
}

// inOrder sorts what is of clauses as Ginkgo does: by the clause's place, and by title where that is the same. Ginkgo copies both
// specs each time it compares two, which is a tenth of a run, unless they are in order.
func inOrder[T any](list []T, title func(T) string, clause func(T) *fixtures.Clause) []T {
	return slices.SortedFunc(slices.Values(list), func(a, b T) int {
		x, y := clause(a), clause(b)
		if order := cmp.Or(strings.Compare(x.File, y.File), cmp.Compare(x.Line, y.Line)); order != 0 {
			return order
		}
		return strings.Compare(title(a), title(b))
	})
}
