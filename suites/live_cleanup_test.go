package suites

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/live"
	"github.com/learncontract/learncontract/suites/live/standin/server"
	"github.com/learncontract/learncontract/suites/report"
)

// changed are the lines of one inventory that the other has not, both ways.
func changedInventory(before, after []string) (lines []string) {
	for _, line := range before {
		if !slices.Contains(after, line) {
			lines = append(lines, "gone: "+line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			lines = append(lines, "left: "+line)
		}
	}
	return lines
}

// TestNothingElseIsRemoved has the provider name something else than was made, or somebody copy what was.
func TestNothingElseIsRemoved(t *testing.T) {
	t.Parallel()
	bystander := "c3e7869a-f20d-4435-89d1-3630717d9f0c" // an activity of the sandbox file's unlicensed learner
	d := &drifting{}
	s, stand := liveSuite(t, "graph", server.Options{Wrap: d.wrap}, "fixture")
	before := stand.Inventory()
	s.provokeArmed(t, d, s.suite.tenant.Recipe(s.suite.Contract.Clause("graph.create.learner-license")), responding(http.StatusCreated,
		fmt.Sprintf(`{"id":%q,"learningProviderId":"0d2b6a8e-3c41-4f79-9e15-7a84c5b1d301"}`, bystander)))
	if err := s.suite.tenant.Close(t.Context()); err == nil || !strings.Contains(err.Error(), "may be left") || !strings.Contains(err.Error(), "it does not show") {
		t.Errorf("what was made, by the response, and does not show is said by %v", err)
	}
	if changed := changedInventory(before, stand.Inventory()); len(changed) > 0 {
		t.Errorf("%s", strings.Join(changed, "\n"))
	}
}

// TestWhatMayHaveBeenMadeIsRemoved loses responses, sends requests twice, and makes what must not be made.
func TestWhatMayHaveBeenMadeIsRemoved(t *testing.T) {
	t.Parallel()
	busy := func(next http.Handler, times int32, of string) http.Handler {
		var asked atomic.Int32
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, of) && asked.Add(1) <= times {
				next.ServeHTTP(discarding{http.Header{}}, r) // it had its effect
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	for name, test := range map[string]struct {
		provider, clause string
		options          server.Options
	}{
		"a course whose response was lost": {"classroom", "classroom.courses.patch.failed-precondition.IneligibleOwner",
			server.Options{Wrap: func(next http.Handler) http.Handler { return busy(next, 1, "/courses") }}},
		"an activity whose response was lost": {"graph", "graph.update.fields-empty",
			server.Options{Wrap: func(next http.Handler) http.Handler { return busy(next, 1, "/learningCourseActivities") }}},
		"a course that does not show yet": {"classroom", "classroom.courses.teachers.delete.failed-precondition.CannotRemoveCourseOwner", server.Options{Lag: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, stand := liveSuite(t, test.provider, test.options, "fixture")
			before := stand.Inventory()
			_ = s.provoke(t.Context(), s.suite.tenant.Recipe(s.suite.Contract.Clause(test.clause))) // what comes of it is no matter
			if err := s.suite.tenant.CleanUp(t.Context()); err != nil {
				t.Error(err)
			}
			if err := s.suite.tenant.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if changed := changedInventory(before, stand.Inventory()); len(changed) > 0 {
				t.Errorf("%s", strings.Join(changed, "\n"))
			}
		})
	}
}

// TestALearnerWhoIsRefusedHidesNobody refuses the activities of one learner who is looked at, and loses a response of another's.
func TestALearnerWhoIsRefusedHidesNobody(t *testing.T) {
	t.Parallel()
	for name, loses := range map[string]bool{"it is missed": true, "it is not missed, for nothing was lost": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const other = "7e923145-adb8-4fe0-b48c-e1eb2c284a07" // the sandbox file's unlicensed learner
			var lost atomic.Bool
			s, stand := liveSuite(t, "graph", server.Options{Wrap: func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					switch {
					case strings.Contains(r.URL.Path, "/users/"+other):
						w.Header().Set("Request-Id", "1")
						w.WriteHeader(http.StatusForbidden)
					case loses && r.Method == http.MethodPost && lost.CompareAndSwap(false, true):
						next.ServeHTTP(discarding{http.Header{}}, r)
						w.WriteHeader(http.StatusServiceUnavailable)
					default:
						next.ServeHTTP(w, r)
					}
				})
			}}, "fixture")
			before := stand.Inventory()
			if a := s.provoke(t.Context(), s.suite.tenant.Recipe(s.suite.Contract.Clause("graph.update.fields-empty"))); a.err != nil {
				t.Fatal(a.err)
			}
			err := s.suite.tenant.Close(t.Context())
			if loses != (err != nil) || loses && !strings.Contains(err.Error(), "GET /users/"+other+"/employeeExperience/learningCourseActivities "+
				"received 403 Forbidden: check the roles and scopes of graph/app") {
				t.Errorf("that a list was refused is said by %v", err)
			}
			if changed := changedInventory(before, stand.Inventory()); len(changed) > 0 {
				t.Error(strings.Join(changed, "\n"))
			}
		})
	}
}

// responding changes a response to another.
func responding(status int, body string) func(fixtures.Response) fixtures.Response {
	return func(a fixtures.Response) fixtures.Response {
		a.Status, a.Body = status, []byte(body)
		a.Header = a.Header.Clone()
		a.Header.Del("Content-Length")
		return a
	}
}

func captured(status int, body string) exchange.Exchange {
	response := fixtures.Response{Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}
	return exchange.New(http.MethodGet, "https://classroom.googleapis.com/", response, time.Now())
}

// discarding is a response that nobody gets.
type discarding struct{ header http.Header }

func (d discarding) Header() http.Header            { return d.header }
func (d discarding) Write(text []byte) (int, error) { return len(text), nil }
func (d discarding) WriteHeader(int)                {}

// TestACleanUpIsNotRefusedByTheBudget gives a run no more than its set-up takes.
func TestACleanUpIsNotRefusedByTheBudget(t *testing.T) {
	t.Parallel()
	stand, file := standIn(t, server.Options{})
	transport := fast
	transport.Budget = 80
	s := openSuite(t, "classroom", options{sandbox: file, signIn: signInAt(t, stand, file), transport: transport})
	before := stand.Inventory()
	for range 20 {
		_ = s.provoke(t.Context(), s.suite.tenant.Recipe(s.suite.Contract.Clause("classroom.courses.delete.failed-precondition"))) // until it is refused
		if err := s.suite.tenant.CleanUp(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if changed := changedInventory(before, stand.Inventory()); len(changed) > 0 {
		t.Errorf("%s", strings.Join(changed, "\n"))
	}
}

// TestASuccessIsNotRecorded has a tenant respond with somebody's profile.
func TestASuccessIsNotRecorded(t *testing.T) {
	t.Parallel()
	stand, file := standIn(t, server.Options{})
	folder := t.TempDir()
	s := openSuite(t, "classroom", options{sandbox: file, signIn: signInAt(t, stand, file), transport: fast, record: folder})
	for clause, body := range map[string]string{
		"classroom.userProfiles.get.permission-denied": `{"name":{"fullName":"Mary Smith"}}`,
		"classroom.courses.get.not-found":              `{"error":{"code":404,"message":"of 640000000001","status":"NOT_FOUND"},"who":"Mary Smith"}`,
	} {
		status := http.StatusOK
		if strings.Contains(body, "error") {
			status = http.StatusNotFound
		}
		x := captured(status, body)
		if err := s.suite.tenant.Record(s.suite.Contract.Clause(clause), x, nil); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, "observed", "classroom.yaml"))
	if err != nil || strings.Contains(string(text), "Mary") || strings.Contains(string(text), "640000000001") || !strings.Contains(string(text), "NOT_FOUND") {
		t.Errorf("it is recorded as\n%s\n%v", text, err)
	}
}

// TestWhatWasNotRefusedIsTakenBack has the sandbox file name, for courses that refuse members and changes, one that takes them.
func TestWhatWasNotRefusedIsTakenBack(t *testing.T) {
	t.Parallel()
	stand, file := standIn(t, server.Options{})
	usual := valueIn(t, file, "classroom.otherProjectCourse")
	notes := "640000000002" // learncontract-notes, which is teacher's too
	rename(t, file, map[string]string{"classroom.fullCourse": notes, "classroom.orphanedCourse": usual, "classroom.otherProjectCourse": "640000000001"})
	s := openSuite(t, "classroom", options{sandbox: file, provoke: []string{"fixture"}, signIn: signInAt(t, stand, file), transport: fast})
	before := stand.Inventory()
	for id, want := range map[string]struct {
		outcome report.Outcome
		changes bool
	}{
		"patch.failed-precondition.InactiveCourseOwner":                 {report.Undocumented, false}, // to what it was
		"students.create.failed-precondition.InactiveCourseOwner":       {report.Another, false},      // the student is there, and stays
		"teachers.create.failed-precondition.InactiveCourseOwner":       {report.Undocumented, true},
		"teachers.create.failed-precondition.CourseTeacherLimitReached": {report.Undocumented, true},
	} {
		a := s.provoke(t.Context(), s.suite.tenant.Recipe(s.suite.Contract.Clause("classroom.courses."+id)))
		changed := changedInventory(before, stand.Inventory())
		if a.err != nil || a.outcome != want.outcome || (len(changed) > 0) != want.changes {
			t.Errorf("%s is %s, %v, and changed\n%s", id, a.outcome, a.err, strings.Join(changed, "\n"))
		}
		if err := s.suite.tenant.CleanUp(t.Context()); err != nil {
			t.Error(err)
		}
		if changed := changedInventory(before, stand.Inventory()); len(changed) > 0 {
			t.Errorf("%s left\n%s", id, strings.Join(changed, "\n"))
		}
	}
}

// TestWhatWasNeverSentIsNotTakenBack has a client that fails before it asks for a member who is there already.
func TestWhatWasNeverSentIsNotTakenBack(t *testing.T) {
	t.Parallel()
	stand, file := standIn(t, server.Options{})
	rename(t, file, map[string]string{
		"classroom.orphanedCourse": valueIn(t, file, "classroom.otherProjectCourse"), "classroom.otherProjectCourse": "640000000001",
	})
	s := openSuite(t, "classroom", options{sandbox: file, provoke: []string{"fixture"}, signIn: signInAt(t, stand, file), transport: fast})
	before := stand.Inventory()
	recipe := s.suite.tenant.Recipe(s.suite.Contract.Clause("classroom.courses.students.create.failed-precondition.InactiveCourseOwner"))
	for name, ask := range map[string]func(context.Context, *http.Client, string, client.Call) error{
		"nothing": func(context.Context, *http.Client, string, client.Call) error { return errors.New("no room") },
		"after its time": func(ctx context.Context, given *http.Client, baseURL string, call client.Call) error {
			ended, end := context.WithCancel(ctx)
			end()
			err := wire.New(given, baseURL).Do(ended, call)
			return err
		},
		"another host": func(ctx context.Context, given *http.Client, _ string, call client.Call) error {
			err := wire.New(given, "https://elsewhere.example").Do(ctx, call)
			return err
		},
	} {
		if _, err := s.suite.tenant.Provoke(t.Context(), recipe, ask); err == nil {
			t.Errorf("%s: there is no error", name)
		}
		if err := s.suite.tenant.CleanUp(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if changed := changedInventory(before, stand.Inventory()); len(changed) > 0 {
			t.Fatalf("%s: %s", name, strings.Join(changed, "\n"))
		}
	}
}

// rename gives keys of a sandbox file other values.
func rename(t *testing.T, file string, values map[string]string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range values {
		_, name, _ := strings.Cut(key, ".")
		text = regexp.MustCompile(`(\b`+name+`: )"[0-9]+"`).ReplaceAll(text, []byte(`${1}"`+value+`"`))
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// valueIn is the value of a key of a sandbox file.
func valueIn(t *testing.T, file, key string) string {
	t.Helper()
	sandbox, err := live.LoadSandbox(file)
	if err != nil {
		t.Fatal(err)
	}
	value, named := sandbox.Value(key)
	if !named {
		t.Fatalf("%s does not name %s", file, key)
	}
	return value
}

// TestNoRecipeAsksForAChangeOfAnExample looks in all requests of a plan for the ids that the contract has as examples: somebody
// may have one.
func TestNoRecipeAsksForAChangeOfAnExample(t *testing.T) {
	t.Parallel()
	for _, provider := range fixtures.Providers() {
		s, _ := liveSuite(t, provider, server.Options{}, "fixture", "racy")
		examples := map[string]bool{}
		for _, o := range s.suite.Contract.Operations {
			for _, value := range o.Params {
				examples[value] = strings.ContainsAny(value, "0123456789@:")
			}
		}
		for _, planned := range s.suite.tenant.Plan().Clauses {
			for _, planned := range planned.Requests {
				request := planned.String()
				for example, isID := range examples {
					if isID && !strings.HasPrefix(request, http.MethodGet) && strings.Contains(request, example) {
						t.Errorf("a change of %s is requested: %s", example, request)
					}
				}
			}
		}
	}
}
