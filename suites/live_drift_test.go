package suites

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/live"
	"github.com/learncontract/learncontract/suites/live/standin/server"
	"github.com/learncontract/learncontract/suites/report"
)

// drifting is a stand-in whose responses a test changes while it is armed.
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
		response := change(fixtures.Response{Status: recorder.Code, Header: recorder.Header(), Body: recorder.Body.Bytes()})
		maps.Copy(w.Header(), response.Header)
		if response.Header.Get("Content-Type") == "" {
			w.Header()["Content-Type"] = nil // or net/http guesses one
		}
		w.WriteHeader(response.Status)
		_, _ = w.Write(response.Body) // a client that is cut off reports it
	})
}

// fast are the options of a transport to a stand-in, which nobody can flood.
var fast = live.Options{Rate: rate.Inf, Pause: time.Millisecond, FirstLook: time.Millisecond, Budget: 1 << 20}

// liveSuite is a suite of a stand-in that is asked without Ginkgo.
func liveSuite(t *testing.T, provider string, tenant server.Options, provoke ...string) (*suiteRun, *server.Server) {
	t.Helper()
	stand, file := standIn(t, tenant)
	s := openSuite(t, provider, options{
		sandbox: file, provoke: provoke, signIn: signInAt(t, stand, file),
		transport: fast})
	return s, stand
}

// provokeArmed provokes a recipe, with the response that counts changed.
func (s *suiteRun) provokeArmed(t *testing.T, d *drifting, r *fixtures.Recipe, change func(fixtures.Response) fixtures.Response) liveResponse {
	t.Helper()
	x, err := s.suite.tenant.Provoke(t.Context(), r, func(ctx context.Context, given *http.Client, baseURL string, call client.Call) error {
		d.arm(change)
		defer d.arm(nil)
		return s.callClient(ctx, given, baseURL, call)
	})
	if cleanUp := s.suite.tenant.CleanUp(t.Context()); cleanUp != nil {
		t.Fatal(cleanUp)
	}
	if err != nil {
		return liveResponse{err: err}
	}
	return s.judged(r, x)
}

// asked are the recipes of a suite that a stand-in honors.
func (s *suiteRun) asked() (list []*fixtures.Recipe) {
	for clause := range s.suite.Contract.Clauses() {
		if r := s.suite.tenant.Recipe(clause); s.suite.tenant.WhyNot(r) == "" {
			list = append(list, r)
		}
	}
	return list
}

// TestDriftOfOneClauseIsNoOthers has a tenant respond in another way, wherever it responds as one clause does, and provokes all
// clauses of the operation: those alone are found that were so received.
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
				responses := make([]fixtures.Response, len(recipes))
				for i, r := range recipes {
					s.provokeArmed(t, d, r, func(a fixtures.Response) fixtures.Response {
						responses[i] = a
						return a
					})
				}
				for i, drifted := range recipes {
					wrong := func(a fixtures.Response) fixtures.Response {
						if isSame(a, responses[i]) {
							a.Status = http.StatusTeapot
						}
						return a
					}
					for j, r := range recipes {
						a := s.provokeArmed(t, d, r, wrong)
						found := a.outcome == report.Undocumented || a.outcome == report.Broken
						if a.err != nil || found != isSame(responses[i], responses[j]) {
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

// isSame reports whether two responses say the same, of whatever.
func isSame(a, b fixtures.Response) bool {
	return a.Status == b.Status && bytes.Equal(number.ReplaceAll(a.Body, nil), number.ReplaceAll(b.Body, nil))
}
