package suites

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/live"
	"github.com/learncontract/learncontract/suites/live/standin/server"
	"github.com/learncontract/learncontract/suites/mutation"
)

// drifting is a stand-in whose answers a test changes while it is armed.
type drifting struct {
	mutex  sync.Mutex
	change func(fixtures.Response) fixtures.Response
}

func (d *drifting) arm(change func(fixtures.Response) fixtures.Response) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.change = change
}

func (d *drifting) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mutex.Lock()
		change := d.change
		d.mutex.Unlock()
		if change == nil || strings.HasSuffix(r.URL.Path, "/userProfiles/me") { // which proves an identity
			next.ServeHTTP(w, r)
			return
		}
		recorder := httptest.NewRecorder()
		next.ServeHTTP(recorder, r)
		answer := change(fixtures.Response{Status: recorder.Code, Header: recorder.Header(), Body: recorder.Body.Bytes()})
		maps.Copy(w.Header(), answer.Header)
		if answer.Header.Get("Content-Type") == "" {
			w.Header()["Content-Type"] = nil // or net/http guesses one
		}
		w.WriteHeader(answer.Status)
		_, _ = w.Write(answer.Body) // a client that is cut off tells
	})
}

// fast are the options of a door to a stand-in, which nobody can flood.
var fast = live.Options{Rate: rate.Inf, Pause: time.Millisecond, FirstLook: time.Millisecond, Budget: 1 << 20}

// liveSuite is a suite of a stand-in that is asked without Ginkgo.
func liveSuite(t *testing.T, provider string, options server.Options, provoke ...string) (*Suite, *server.Server) {
	t.Helper()
	stand, file := standIn(t, options)
	s := Load(t, provider)
	s.Live = &Live{
		Sandbox: file, Provoke: provoke, SignIn: signInAt(t, stand, file),
		Options: fast,
	}
	if err := s.open(s.Live); err != nil {
		t.Fatal(err)
	}
	return s, stand
}

// provokeArmed asks a recipe, with the answer that counts changed.
func (s *Suite) provokeArmed(t *testing.T, d *drifting, r *fixtures.Recipe, change func(fixtures.Response) fixtures.Response) liveAnswer {
	t.Helper()
	x, err := s.tenant.Provoke(t.Context(), r, func(ctx context.Context, client *http.Client, baseURL string, call clients.Call) error {
		d.arm(change)
		defer d.arm(nil)
		_, err := s.Client.New(client, baseURL).Do(ctx, call)
		return err
	})
	if cleanUp := s.tenant.CleanUp(t.Context()); cleanUp != nil {
		t.Fatal(cleanUp)
	}
	if err != nil {
		return liveAnswer{err: err}
	}
	return liveAnswer{verdict: s.verdict(r.Clause, x)}
}

// mutant is an answer that was changed.
type mutant struct {
	change string // the operator, and the number of its mutant
	answer fixtures.Response
}

func (m mutant) instead(fixtures.Response) fixtures.Response { return m.answer }

// provokeMutants asks a recipe once, and once more for each mutant of the answer, behind the same set-up: a refusal changes
// nothing. What the engine has to act upon is asked by itself.
func (s *Suite) provokeMutants(t *testing.T, d *drifting, r *fixtures.Recipe, mutants []mutant) []liveAnswer {
	t.Helper()
	answers := make([]liveAnswer, len(mutants))
	_, err := s.tenant.Provoke(t.Context(), r, func(ctx context.Context, client *http.Client, baseURL string, call clients.Call) error {
		defer d.arm(nil)
		c := *client
		last := &lastExchange{next: client.Transport}
		c.Transport = last
		for i, m := range mutants {
			if isEngines(r, m.answer) {
				continue
			}
			d.arm(m.instead)
			_, _ = s.Client.New(&c, baseURL).Do(ctx, call) // what counts is what was answered
			if answers[i].err = last.err; last.err == nil {
				answers[i].verdict = s.verdict(r.Clause, last.exchange)
			}
		}
		d.arm(nil)
		_, err := s.Client.New(client, baseURL).Do(ctx, call)
		return err
	})
	if err = errors.Join(err, s.tenant.CleanUp(t.Context())); err != nil {
		t.Fatalf("%s: %v", r.Clause.ID, err)
	}
	for i, m := range mutants {
		if isEngines(r, m.answer) {
			answers[i] = s.provokeArmed(t, d, r, m.instead)
		}
	}
	return answers
}

// isEngines reports whether an answer may say nothing of the clause: that a token expired, that somebody is busy or in between.
func isEngines(r *fixtures.Recipe, a fixtures.Response) bool {
	return a.Status != r.Clause.Status && (a.Status/100 == 3 || slices.Contains([]int{401, 407, 408, 421, 425, 429, 502, 503, 504, 511}, a.Status) || a.Status >= 520)
}

// lastExchange keeps what was answered last.
type lastExchange struct {
	next     http.RoundTripper
	exchange exchange.Exchange
	err      error
}

func (l *lastExchange) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := l.next.RoundTrip(r)
	if l.err = err; err == nil {
		l.exchange, l.err = exchange.Capture(response)
	}
	return response, l.err
}

// asked are the recipes of a suite that a stand-in honors.
func (s *Suite) asked() (list []*fixtures.Recipe) {
	for clause := range s.Contract.Clauses() {
		if r := s.tenant.Recipe(clause); s.tenant.WhyNot(r) == "" {
			list = append(list, r)
		}
	}
	return list
}

// weight is how strongly a change binds, by the field that an operator names, the bindings of the clause, and whether the code
// is another in its spelling only; "" if that depends.
func weight(clause *fixtures.Clause, operator string, spelledOtherwise bool) fixtures.Binding {
	field, change, _ := strings.Cut(operator, ": ")
	b := clause.Bindings
	switch field {
	case "status", "repeated status":
		return b.Status
	case "code":
		if slices.Contains([]string{"missing", "a number", "moved out of error"}, change) {
			return b.Shape // the schema wants a text there
		}
		if b.Code == fixtures.Spelling && !spelledOtherwise {
			return fixtures.Exact
		}
		if b.Code == fixtures.Spelling {
			return fixtures.Advisory
		}
		return b.Code
	case "name":
		return b.Name
	case "message":
		switch {
		case slices.Contains([]string{"missing", "an object"}, change):
			return b.Shape
		case change == "another clause's":
			return "" // it may be that clause to the letter
		case change == "empty" && clause.Name != "":
			return b.Name
		case change != "an apostrophe swapped" && b.Message == fixtures.Spelling:
			return fixtures.Exact
		}
		return b.Message
	case "details":
		if change == "a string" {
			return b.Shape
		}
		return b.Details
	case "innerError":
		if change == "a string" {
			return b.Shape
		}
		return b.InnerError
	case "Retry-After":
		return b.RetryAfter
	}
	return b.Shape
}

// TestDriftIsFound applies each mutation operator to each answer of a stand-in, one clause at a time.
func TestDriftIsFound(t *testing.T) {
	t.Parallel()
	for _, provider := range fixtures.Providers() {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			d := &drifting{}
			s, _ := liveSuite(t, provider, server.Options{Wrap: d.wrap}, "fixture", "racy")
			counts := map[Outcome]int{}
			for i, r := range s.asked() {
				if testing.Short() && i%7 != 0 {
					continue
				}
				var answer fixtures.Response
				before := s.provokeArmed(t, d, r, func(a fixtures.Response) fixtures.Response { answer = a; return a })
				before.answer = answer
				if before.err != nil || before.outcome != Honored && before.outcome != Deviating {
					t.Errorf("%s is not honored unchanged: %s %v", r.Clause.ID, before.outcome, before.err)
					continue
				}
				var mutants []mutant
				harmful := 0 // those that come first
				for k, o := range slices.Concat(mutation.Harmful, mutation.Harmless) {
					for n, a := range o.Apply(before.wording, answer) {
						mutants = append(mutants, mutant{fmt.Sprintf("%s (%d)", o.Name, n), a})
					}
					if k < len(mutation.Harmful) {
						harmful = len(mutants)
					}
				}
				for i, after := range s.provokeMutants(t, d, r, mutants) {
					switch m := mutants[i]; {
					case i < harmful:
						counts[checkDrift(t, r, m, before, after)]++
					case after.err != nil || after.outcome != Honored && after.outcome != Deviating:
						t.Errorf("%s, %s: %s %v\n%s", r.Clause.ID, m.change, after.outcome, after.err, after.text)
					}
				}
			}
			t.Log(counts)
		})
	}
}

// checkDrift holds the outcome of a harmful change against the weight that the bindings give it.
func checkDrift(t *testing.T, r *fixtures.Recipe, m mutant, before, after liveAnswer) Outcome {
	t.Helper()
	what := r.Clause.ID + ", " + m.change
	if after.err != nil {
		if !isEngines(r, m.answer) {
			t.Errorf("%s: %v", what, after.err)
		}
		return EngineError
	}
	var was, is struct{ Error struct{ Code any } }
	_ = json.Unmarshal(before.answer.Body, &was) // what is no JSON, has no code
	_ = json.Unmarshal(m.answer.Body, &is)
	spelledOtherwise := fixtures.Normalize(fmt.Sprint(was.Error.Code)) == fixtures.Normalize(fmt.Sprint(is.Error.Code))
	found := after.outcome == Broken || after.outcome == Undocumented || after.outcome == Another
	if m.change == "name: missing (0)" && after.outcome != Broken {
		t.Errorf("%s: it is %s\n%s", what, after.outcome, after.text)
	}
	another := len(r.Clause.Wordings) > 1 && after.outcome == Honored // wording of the same clause, as it now is
	switch weight(r.Clause, strings.TrimRight(m.change, " ()0123456789"), spelledOtherwise) {
	case fixtures.Exact:
		if !found {
			t.Errorf("%s binds, and is %s\n%s", what, after.outcome, after.text)
		}
	case fixtures.Spelling, fixtures.Advisory:
		if after.outcome == Broken || after.outcome == Undocumented {
			t.Errorf("%s does not bind, and is %s\n%s", what, after.outcome, after.text)
		}
		if !found && !another && after.text == before.text {
			t.Errorf("%s is not seen", what)
		}
	case fixtures.None:
		if found {
			t.Errorf("%s is not looked at, and is %s\n%s", what, after.outcome, after.text)
		}
	}
	return after.outcome
}

// TestDriftOfOneClauseIsNoOthers has a tenant answer in another way, wherever it answers as one clause does, and asks all
// clauses of the operation: those alone are found that were answered so.
func TestDriftOfOneClauseIsNoOthers(t *testing.T) {
	t.Parallel()
	for _, provider := range fixtures.Providers() {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			d := &drifting{}
			s, _ := liveSuite(t, provider, server.Options{Wrap: d.wrap}, "fixture")
			of := map[*fixtures.Operation][]*fixtures.Recipe{}
			for _, r := range s.asked() {
				of[r.Clause.Operation] = append(of[r.Clause.Operation], r)
			}
			for _, recipes := range of {
				answers := make([]fixtures.Response, len(recipes))
				for i, r := range recipes {
					s.provokeArmed(t, d, r, func(a fixtures.Response) fixtures.Response {
						answers[i] = a
						return a
					})
				}
				for i, drifted := range recipes {
					wrong := func(a fixtures.Response) fixtures.Response {
						if isSame(a, answers[i]) {
							a.Status = http.StatusTeapot
						}
						return a
					}
					for j, r := range recipes {
						a := s.provokeArmed(t, d, r, wrong)
						found := a.outcome == Undocumented || a.outcome == Broken
						if a.err != nil || found != isSame(answers[i], answers[j]) {
							t.Errorf("%s is changed, and %s is %s %v", drifted.Clause.ID, r.Clause.ID, a.outcome, a.err)
						}
					}
				}
			}
		})
	}
}

// number is a word with a digit: an id, a date, and the name of what a run makes.
var number = regexp.MustCompile(`[\w-]*\d[\w:.-]*`)

// isSame reports whether two answers say the same, of whatever.
func isSame(a, b fixtures.Response) bool {
	return a.Status == b.Status && bytes.Equal(number.ReplaceAll(a.Body, nil), number.ReplaceAll(b.Body, nil))
}

// TestStrictBindsEverything has a tenant say what it documents in other words, with which another clause is as near.
func TestStrictBindsEverything(t *testing.T) {
	d := &drifting{}
	s, _ := liveSuite(t, "graph", server.Options{Wrap: d.wrap})
	otherwise := func(a fixtures.Response) fixtures.Response {
		a.Body = bytes.Replace(a.Body, []byte("There was an issue with your request."), []byte("Something else is the matter."), 1)
		return a
	}
	r := s.tenant.Recipe(s.Contract.Clause("graph.delete.registration-id-invalid"))
	for strict, want := range map[bool]Outcome{false: Deviating, true: Broken} {
		s.Live.Strict = strict
		if a := s.provokeArmed(t, d, r, otherwise); a.err != nil || a.outcome != want {
			t.Errorf("strict is %v, and it is %s, %v\n%s", strict, a.outcome, a.err, a.text)
		}
	}
}

// TestAnErratumOfTheProvider has a provider deviate as its errata say, and not.
func TestAnErratumOfTheProvider(t *testing.T) {
	d := &drifting{}
	s, _ := liveSuite(t, "graph", server.Options{Wrap: d.wrap})
	s.Today = time.Date(2027, 5, 1, 0, 0, 0, 0, time.UTC)
	gone := func(a fixtures.Response) fixtures.Response {
		a.Body = bytes.Replace(a.Body, []byte(`"notFound"`), []byte(`"gone"`), 1)
		return a
	}
	r := s.tenant.Recipe(s.Contract.Clause("graph.get.assignment-not-found"))
	for name, test := range map[string]struct {
		errata []string // what is seen of the code
		change func(fixtures.Response) fixtures.Response
		today  time.Time
		want   Outcome
		says   string
	}{
		"none":             {nil, gone, s.Today, Broken, `answered    "gone"`},
		"the one":          {[]string{"gone"}, gone, s.Today, Known, `, answered "gone"`},
		"another":          {[]string{"lost"}, gone, s.Today, Broken, `unexpected pass: graph does not tell the code of graph.get.assignment-not-found as "lost" any more`},
		"one that expired": {[]string{"gone"}, gone, s.Today.AddDate(0, 2, 0), Broken, "expired on 2027-05-31"},
		"one too many":     {[]string{"gone"}, nil, s.Today, Broken, "unexpected pass: "},
		"one too few":      {[]string{"gone"}, func(a fixtures.Response) fixtures.Response { a = gone(a); a.Header.Del("Content-Type"); return a }, s.Today, Broken, "Content-Type documented"},
	} {
		t.Run(name, func(t *testing.T) {
			s.Errata, s.Today = nil, test.today
			for _, seen := range test.errata {
				s.Errata = append(s.Errata, &fixtures.Erratum{
					Client: "graph", Module: "graph.microsoft.com", Version: "v1.0", Clauses: "graph.*.assignment-not-found", Field: "code", Seen: seen,
					Why: "it was seen", Expires: time.Date(2027, 5, 31, 0, 0, 0, 0, time.UTC), File: "errata.yaml", Line: 1,
				})
			}
			a := s.provokeArmed(t, d, r, test.change)
			if a.err != nil || a.outcome != test.want || !strings.Contains(a.text, test.says) {
				t.Errorf("it is %q, %v, and does not say %q:\n%s", a.outcome, a.err, test.says, a.text)
			}
		})
	}
}
