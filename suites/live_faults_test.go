package suites

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/live"
	"github.com/learncontract/learncontract/suites/live/standin/server"
	"github.com/learncontract/learncontract/suites/report"
)

// hijacked takes the connection of a request from the server.
func hijacked(w http.ResponseWriter, write string) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		panic("the server speaks HTTP/2")
	}
	connection, buffer, err := hijacker.Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = buffer.WriteString(write) // a client that went away has its fault already
	_ = buffer.Flush()
	_ = connection.Close()
}

// TestAFaultIsNoVerdict breaks one request of a recipe, the first or the one whose response counts, in each way in which a network,
// a gateway or a token can fail: what comes of it is an engine error or a wait, and never a verdict.
func TestAFaultIsNoVerdict(t *testing.T) {
	t.Parallel()
	const once = 1
	status := func(status int, header ...string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Request-Id", "1") // as each response of Graph's has
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
		}
	}
	refusal := func(contentType, body string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, body) // a client that is cut off reports it
		}
	}
	tooOften := func(inside string) func(http.ResponseWriter, *http.Request) {
		return refusal("application/json", `{"error":{"code":403,"message":"Rate Limit Exceeded","status":"PERMISSION_DENIED",`+inside+`}}`)
	}
	for name, fault := range map[string]struct {
		serve func(http.ResponseWriter, *http.Request)
		times int    // how often, 0 for always
		op    string // of the engine error; empty if the clause is honored after all
		says  string
	}{
		"the connection breaks": {func(w http.ResponseWriter, _ *http.Request) { hijacked(w, "") }, 0, "network", ""},
		"half a header":         {func(w http.ResponseWriter, _ *http.Request) { hijacked(w, "HTTP/1.1 404 Not") }, 0, "network", ""},
		"half a body": {func(w http.ResponseWriter, _ *http.Request) {
			hijacked(w, "HTTP/1.1 404 Not Found\r\nContent-Length: 90\r\n\r\n{\"err")
		}, 0, "network", "ended its response early"},
		"a stall":                   {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 0, "network", "did not respond in time"},
		"throttled once":            {status(429, "Retry-After", "0"), once, "", ""},
		"throttled, no header":      {status(429), once, "", ""},
		"throttled always":          {status(429, "Retry-After", "0"), 0, "wait", "429 Too Many Requests 4 times: try again later"},
		"throttled for years":       {status(429, "Retry-After", "99999999"), 0, "wait", "too long a wait"},
		"unavailable once":          {status(503), once, "", ""},
		"unavailable always":        {status(503), 0, "wait", "503 Service Unavailable 4 times"},
		"a gateway":                 {status(502), 0, "network", "a gateway before graph responded 502 Bad Gateway"},
		"throttled by 403 once":     {tooOften(`"errors":[{"domain":"usageLimits","reason":"rateLimitExceeded"}]`), once, "", ""},
		"throttled by 403":          {tooOften(`"errors":[{"reason":"userRateLimitExceeded"}]`), 0, "wait", "throttled the request with 403 Forbidden, 4 times"},
		"throttled by 403, a quota": {tooOften(`"errors":[{"reason":"forbidden"},{"reason":"quotaExceeded"}]`), 0, "wait", "403 Forbidden, 4 times: try again later"},
		"throttled by 403, details": {tooOften(`"details":[{"reason":"RATE_LIMIT_EXCEEDED"}]`), 0, "wait", "throttled the request with 403 Forbidden"},
		"throttled by a 403's text": {refusal("text/plain; charset=UTF-8", "Request rate higher than configured"), 0, "wait", "throttled the request with 403 Forbidden"},
		"the API is disabled":       {tooOften(`"details":[{"reason":"SERVICE_DISABLED"}]`), 0, "set-up", "the API is disabled in the caller's project (SERVICE_DISABLED), which says nothing of the clause"},
		"a proxy's page":            {refusal("text/html", "<h1>Blocked</h1>"), 0, "network", "a gateway before graph responded 403 Forbidden with a page of its own"},
		"a proxy's text":            {refusal("text/plain", "Blocked"), 0, "network", "a gateway before graph responded 403 Forbidden with a page of its own"},
		"the token expires":         {status(401), once, "", ""},
		"no token is good":          {status(401), 0, "sign-in", "received 401 Unauthorized with a new token, too"},
		"a redirect to elsewhere":   {status(307, "Location", "https://elsewhere.example/"), 0, "host", "follows no redirect"},
		"a redirect on the host":    {status(302, "Location", "/elsewhere"), 0, "host", "follows no redirect"},
		"a permanent one, no page":  {status(301), 0, "host", "follows no redirect"},
	} {
		for clause, method := range map[string]string{ // which requests of a recipe are broken; those of its clean-up are others
			"graph.get.assignment-not-found":                              http.MethodGet,
			"graph.update.fields-empty":                                   http.MethodPost,
			"classroom.courses.get.not-found":                             http.MethodGet,
			"classroom.courses.list.permission-denied":                    http.MethodGet,
			"classroom.courses.patch.failed-precondition.IneligibleOwner": http.MethodPost,
		} {
			if (strings.HasPrefix(name, "throttled by") || name == "the API is disabled") && strings.HasPrefix(clause, "graph.") {
				continue // Graph throttles by 429 alone, and has no such reasons
			}
			t.Run(name+", "+clause, func(t *testing.T) {
				t.Parallel()
				served := 0
				stand, file := standIn(t, server.Options{Wrap: func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if r.Method != method || strings.HasSuffix(r.URL.Path, "/userProfiles/me") { // which proves an identity
							next.ServeHTTP(w, r)
							return
						}
						if served++; fault.times == 0 || served <= fault.times {
							fault.serve(w, r)
							return
						}
						next.ServeHTTP(w, r)
					})
				}})
				provider, _, _ := strings.Cut(clause, ".")
				says := strings.Replace(fault.says, "graph", provider, 1)
				transport := fast
				if name == "a stall" { // others respond in however long a busy machine takes
					transport.Timeout = 3 * time.Second
				}
				s := openSuite(t, provider, options{sandbox: file, provoke: []string{"fixture"}, signIn: signInAt(t, stand, file), transport: transport})
				before := strings.Join(stand.Inventory(), "\n")
				a := s.provoke(t.Context(), s.suite.tenant.Recipe(s.suite.Contract.Clause(clause)))
				var engine *live.EngineError
				switch {
				case fault.op == "" && (a.err != nil || a.outcome != report.Honored && a.outcome != report.Deviating):
					t.Errorf("it is %q, %v", a.outcome, a.err)
				case fault.op != "" && !errors.As(a.err, &engine):
					t.Errorf("it is %q, %v", a.outcome, a.err)
				case fault.op == "":
				case method == http.MethodGet && (engine.Op != fault.op || !strings.Contains(engine.Error(), says)):
					t.Errorf("it is said by %v", engine)
				}
				if name == "throttled for years" {
					return // the run has ended, clean-up and all
				}
				if err := s.suite.tenant.Close(t.Context()); err != nil {
					t.Error(err)
				}
				if after := strings.Join(stand.Inventory(), "\n"); after != before {
					t.Errorf("something is left, or gone:\n%s", after)
				}
			})
		}
	}
}

// TestTheGuardHoldsBeforeAnyChange has a run meet somebody else than the sandbox file names.
func TestTheGuardHoldsBeforeAnyChange(t *testing.T) {
	t.Parallel()
	change := func(old, other string) func(text string) string {
		return func(text string) string { return strings.Replace(text, old, other, 1) }
	}
	for name, test := range map[string]struct {
		provider string
		change   func(text string) string // of the sandbox file
		signIn   func(live.SignIn) live.SignIn
		says     string
	}{
		"another tenant": {
			provider: "graph", change: change("tenant: 3f1c9a52", "tenant: 00000000"), says: "not whom the sandbox file names",
		},
		"another app": {
			provider: "graph", change: change("clientID: 8a6e2f04", "clientID: 00000000"), says: "graph/app cannot sign in",
		},
		"another user": {
			provider: "classroom", change: change("teacher: teacher@", "teacher: bystander@"), says: "not whom the sandbox file names",
		},
		"a clock that is behind": {
			provider: "graph", says: "check this machine's clock",
			signIn: func(signIn live.SignIn) live.SignIn {
				return func(ctx context.Context, identity string) (live.Token, error) {
					token, err := signIn(ctx, identity)
					token.Expires = time.Now().Add(-3 * time.Hour)
					return token, err
				}
			},
		},
		"nobody signs in": {
			provider: "classroom",
			signIn: func(live.SignIn) live.SignIn {
				return func(context.Context, string) (live.Token, error) { return live.Token{}, errors.New("no browser") }
			},
			says: "cannot sign in: no browser",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stand, file := standIn(t, server.Options{})
			if test.change != nil {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				changed := test.change(string(text))
				if changed == string(text) {
					t.Fatalf("the sandbox file is not changed:\n%s", text)
				}
				if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			signIn := signInAt(t, stand, file)
			if test.signIn != nil {
				signIn = test.signIn(signIn)
			}
			s := openSuite(t, test.provider, options{sandbox: file, provoke: []string{"fixture"}, signIn: signIn, transport: fast})
			for _, r := range s.asked() {
				if r.As != "app" && r.As != "teacher" {
					continue
				}
				a := s.provoke(t.Context(), r)
				var engine *live.EngineError
				if !errors.As(a.err, &engine) || !strings.Contains(a.err.Error(), test.says) {
					t.Fatalf("%s is %q, %v", r.Clause.ID, a.outcome, a.err)
				}
			}
			for _, request := range stand.Requests() {
				changes := request.API == test.provider && request.Method != http.MethodGet
				if changes && (test.provider == "graph" || request.Identity == "bystander@school.example" || request.Identity == "teacher@school.example") {
					t.Errorf("it was asked for %s %s", request.Method, request.Path)
				}
			}
		})
	}
}

// TestAHostThatIsNotKnownIsNoVerdict looks a host up that is not there.
func TestAHostThatIsNotKnownIsNoVerdict(t *testing.T) {
	t.Parallel()
	stand, file := standIn(t, server.Options{})
	transport := fast
	transport.Base = roundTrips(func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "graph.microsoft.com", IsNotFound: true}}
	})
	s := openSuite(t, "graph", options{sandbox: file, signIn: signInAt(t, stand, file), transport: transport})
	a := s.provoke(t.Context(), s.suite.tenant.Recipe(s.suite.Contract.Clause("graph.get.assignment-not-found")))
	if a.err == nil || !strings.Contains(a.err.Error(), "is not known to the name server") {
		t.Errorf("it is %q, %v", a.outcome, a.err)
	}
}

type roundTrips func(*http.Request) (*http.Response, error)

func (f roundTrips) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestATenantThatIsSetUpOtherwise asks for what shows in such a one alone.
func TestATenantThatIsSetUpOtherwise(t *testing.T) {
	t.Parallel()
	ofRubrics := func(r *fixtures.Recipe) bool { return strings.Contains(strings.ToLower(r.Clause.ID), "rubric") }
	for _, test := range []struct {
		provider string
		options  server.Options
		shows    func(*fixtures.Recipe) bool
		clauses  int
	}{
		{"graph", server.Options{NoServicePlan: true}, func(*fixtures.Recipe) bool { return true }, 4},
		{"classroom", server.Options{Fundamentals: true}, func(r *fixtures.Recipe) bool { return !ofRubrics(r) }, 4},
		{"classroom", server.Options{Licensed: true}, ofRubrics, 3},
	} {
		provider := test.provider
		s, _ := liveSuite(t, provider, test.options, "tenant", "notifies")
		asked := slices.DeleteFunc(s.asked(), func(r *fixtures.Recipe) bool { return !test.shows(r) })
		if len(asked) != test.clauses {
			t.Errorf("%s: %d clauses are run, want %d", provider, len(asked), test.clauses)
		}
		for _, r := range asked {
			if a := s.provoke(t.Context(), r); a.err != nil || a.outcome != report.Honored && a.outcome != report.Deviating {
				t.Errorf("%s is %q, %v\n%s", r.Clause.ID, a.outcome, a.err, a.text)
			}
			if err := s.suite.tenant.CleanUp(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestTheBudgetIsNotPassed gives a run fewer requests than it takes.
func TestTheBudgetIsNotPassed(t *testing.T) {
	t.Parallel()
	stand, file := standIn(t, server.Options{})
	transport := fast
	transport.Budget = 6
	s := openSuite(t, "graph", options{sandbox: file, provoke: []string{"fixture"}, signIn: signInAt(t, stand, file), transport: transport})
	refused := 0
	for _, r := range s.asked() {
		if a := s.provoke(t.Context(), r); errors.Is(a.err, live.ErrBudget) {
			refused++
		} else if a.err != nil {
			t.Error(a.err)
		}
		if err := s.suite.tenant.CleanUp(t.Context()); err != nil {
			t.Error(err)
		}
	}
	asked := 0
	for _, request := range stand.Requests() {
		if request.API == "graph" {
			asked++
		}
	}
	if refused == 0 || asked > 6 {
		t.Errorf("%d recipes are refused, and %d requests were sent", refused, asked)
	}
}

// TestWhatCannotBeRemovedIsTriedTwiceAtMost has a tenant that removes nothing.
func TestWhatCannotBeRemovedIsTriedTwiceAtMost(t *testing.T) {
	t.Parallel()
	var deletes atomic.Int32
	s, _ := liveSuite(t, "classroom", server.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if id, ok := strings.CutPrefix(r.URL.Path, "/v1/courses/"); ok && r.Method == http.MethodDelete &&
				!strings.Contains(id, "/") && len(id) == 12 { // what was made, and not the id of nothing
				deletes.Add(1)
				http.Error(w, `{"error":{"code":500,"status":"INTERNAL","message":"Internal error"}}`, http.StatusInternalServerError)
				return
			}
			next.ServeHTTP(w, r)
		})
	}}, "fixture")
	most, makes, shared := 0, int32(0), int32(0)
	plan := s.suite.tenant.Plan()
	for _, request := range plan.Shared {
		if request.Method == http.MethodPost && request.Path == "/v1/courses" {
			shared++ // Close tries to remove it
		}
	}
	for _, p := range plan.Clauses {
		if p.WhyNot != "" {
			continue
		}
		most += p.MaxRequests
		a := s.provoke(t.Context(), p.Recipe)
		left := len(s.suite.tenant.Left())
		switch err := s.suite.tenant.CleanUp(t.Context()); {
		case a.err != nil:
			t.Errorf("%s: %v", p.Recipe.Clause.ID, a.err)
		case (err != nil) != (deletes.Load() > makes):
			t.Errorf("%s made %d, and %v", p.Recipe.Clause.ID, left, err)
		}
		makes = deletes.Load()
	}
	if err := s.suite.tenant.Close(t.Context()); err == nil || makes == 0 || deletes.Load() != makes+shared+1 {
		t.Errorf("%d courses are left, %d removals were asked for, and %v", makes, deletes.Load(), err)
	}
	if spent, left := s.suite.tenant.Spent(), len(s.suite.tenant.Left()); spent > most || left == 0 {
		t.Errorf("%d requests were sent, and %d were said; %d are said to be left", spent, most, left)
	}
}

// TestAnIntruderStopsTheRun has somebody else sign in as the administrator, who would remove what the teacher makes.
func TestAnIntruderStopsTheRun(t *testing.T) {
	t.Parallel()
	stand, file := standIn(t, server.Options{})
	signIn := signInAt(t, stand, file)
	s := openSuite(t, "classroom", options{sandbox: file, transport: fast, signIn: func(ctx context.Context, identity string) (live.Token, error) {
		if identity == "classroom/admin" {
			identity = "classroom/outsider"
		}
		return signIn(ctx, identity)
	}})
	before, asked := stand.Inventory(), s.asked()
	stopped := 0
	for _, r := range asked {
		if strings.HasPrefix(s.suite.tenant.WhyNot(r), "the run has stopped: ") {
			stopped++
			continue
		}
		a := s.provoke(t.Context(), r)
		if err := s.suite.tenant.CleanUp(t.Context()); err != nil {
			t.Error(err)
		}
		if a.err != nil && !errors.Is(a.err, live.ErrOtherTenant) {
			t.Error(a.err)
		}
	}
	if changed := changedInventory(before, stand.Inventory()); stopped == 0 || len(changed) > 0 {
		t.Errorf("%d of %d are not run any more, and changed is\n%s", stopped, len(asked), strings.Join(changed, "\n"))
	}
}

// TestAPlanIsWhatIsSent compares what a plan says with what a stand-in received.
func TestAPlanIsWhatIsSent(t *testing.T) {
	t.Parallel()
	for _, provider := range fixtures.Providers() {
		s, stand := liveSuite(t, provider, server.Options{}, "fixture")
		plan := s.suite.tenant.Plan().Clauses
		if sent := stand.Requests(); len(sent) > 0 {
			t.Errorf("a plan sends %v", sent)
		}
		for _, p := range plan {
			if p.WhyNot != "" || p.Recipe.Class == "fixture" && p.Recipe.Clause.Name != "" {
				continue
			}
			before := len(stand.Requests())
			if a := s.provoke(t.Context(), p.Recipe); a.err != nil {
				t.Errorf("%s: %v", p.Recipe.Clause.ID, a.err)
			}
			last := stand.Requests()[len(stand.Requests())-1]
			if err := s.suite.tenant.CleanUp(t.Context()); err != nil {
				t.Error(err)
			}
			sent := len(stand.Requests()) - before
			if sent > p.MaxRequests || sent < len(p.Requests) {
				t.Errorf("%s takes %d requests, and the plan says %d, %d at most", p.Recipe.Clause.ID, sent, len(p.Requests), p.MaxRequests)
			}
			if planned := p.Requests[len(p.Requests)-1]; planned.Method != last.Method {
				t.Errorf("%s is asked by %s %s, and the plan says %s", p.Recipe.Clause.ID, last.Method, last.Path, planned)
			}
		}
	}
}

// TestAClientThatDialsIsNotAskedLive has one that takes no transport.
func TestAClientThatDialsIsNotCalledLive(t *testing.T) {
	t.Parallel()
	config := client.Config{Name: "our connector", Dial: func(string) (client.Calls, error) {
		return client.Calls{"*": func(context.Context, client.Call) error { return nil }}, nil
	}}
	s := providerOf("graph").newRun(config, options{live: true})
	if err := s.setUp(writer{t.Name(), t}); err == nil || !strings.HasPrefix(err.Error(), "our connector dials by itself") {
		t.Errorf("the error is %v", err)
	}
}
