package suites

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
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
	if err := s.suite.tenant.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if changed := changedInventory(before, stand.Inventory()); len(changed) > 0 {
		t.Errorf("%s", strings.Join(changed, "\n"))
	}
}

// TestACopyIsNobodysRuns has names that resemble a run's.
func TestACopyIsNobodysRuns(t *testing.T) {
	t.Parallel()
	s, stand := liveSuite(t, "classroom", server.Options{})
	create := func(name string) {
		t.Helper()
		course := s.suite.Contract.Operation("classroom.courses.create")
		call := client.Minimal(course)
		call.Body = fmt.Appendf(nil, `{"name":%q,"ownerId":"me"}`, name)
		transport, err := live.NewTransport(mustLoad(t, s), "classroom", s.options.signIn, fast)
		if err != nil {
			t.Fatal(err)
		}
		if err := wire.New(transport.Client("teacher"), stand.Classroom).Do(t.Context(), call); err != nil {
			t.Fatalf("%v", err)
		}
	}
	for _, name := range []string{"Copy of learncontract-abcdefgh-1", "learncontract-abcdefgh-1 (2)", "learncontract-abcdefgh", "learncontract-ABCDEFGH-1", "learncontract-abcdefgh-x1", "learncontract-abcdefghij-1"} {
		create(name)
	}
	before := stand.Inventory()
	create("learncontract-abcdefgh-7")
	removed, _, err := s.suite.tenant.Sweep(t.Context(), 0)
	if err != nil || !slices.Equal(removed, []string{"course learncontract-abcdefgh-7"}) {
		t.Errorf("removed %q, %v", removed, err)
	}
	if changed := changedInventory(before, stand.Inventory()); len(changed) > 0 {
		t.Errorf("%s", strings.Join(changed, "\n"))
	}
}

func mustLoad(t *testing.T, s *suiteRun) *live.Sandbox {
	t.Helper()
	sandbox, err := live.LoadSandbox(s.options.sandbox)
	if err != nil {
		t.Fatal(err)
	}
	return sandbox
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

// TestALearnerWhoIsRefusedHidesNobody refuses the activities of one learner who is looked at, and loses the response to the first
// request that makes one for another.
func TestALearnerWhoIsRefusedHidesNobody(t *testing.T) {
	t.Parallel()
	var refused atomic.Value // the learner
	var lost atomic.Bool
	refused.Store("nobody")
	s, stand := liveSuite(t, "graph", server.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch learner, _ := refused.Load().(string); {
			case strings.Contains(r.URL.Path, "/users/"+learner):
				w.WriteHeader(http.StatusForbidden)
			case r.Method == http.MethodPost && lost.CompareAndSwap(false, true):
				next.ServeHTTP(discarding{http.Header{}}, r)
				w.WriteHeader(http.StatusServiceUnavailable)
			default:
				next.ServeHTTP(w, r)
			}
		})
	}}, "fixture")
	learner, other := valueIn(t, s.options.sandbox, "graph.learner"), valueIn(t, s.options.sandbox, "graph.unlicensedLearner")
	before := stand.Inventory()
	recipe := s.suite.tenant.Recipe(s.suite.Contract.Clause("graph.update.fields-empty"))
	gone := func(what string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "GET /users/") ||
			!strings.Contains(err.Error(), "received 403 Forbidden: check the roles and scopes of graph/app") {
			t.Errorf("%s: that a list was refused is said by %v", what, err)
		}
		if changed := changedInventory(before, stand.Inventory()); len(changed) > 0 {
			t.Errorf("%s: %s", what, strings.Join(changed, "\n"))
		}
	}
	refused.Store(other)
	if a := s.provoke(t.Context(), recipe); a.err != nil {
		t.Fatal(a.err)
	}
	// What was made is known to have gone, and so nothing is missed: a tenant may refuse that list to every run.
	if err := s.suite.tenant.CleanUp(t.Context()); err != nil {
		t.Error(err)
	}
	if changed := changedInventory(before, stand.Inventory()); len(changed) > 0 {
		t.Error(strings.Join(changed, "\n"))
	}

	for name, swapped := range map[string]*strings.Replacer{
		"a sweep, the last refused": strings.NewReplacer(), "a sweep, the first refused": strings.NewReplacer(learner, other, other, learner),
	} {
		if a := s.provoke(t.Context(), recipe); a.err != nil {
			t.Fatal(a.err)
		}
		text, err := os.ReadFile(s.options.sandbox)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = sandboxOf(t, s, swapped.Replace(string(text))).suite.tenant.Sweep(t.Context(), 0)
		gone(name, err)
	}
}

// sandboxOf is a suite of the same tenant with a sandbox file of its own.
func sandboxOf(t *testing.T, s *suiteRun, text string) *suiteRun {
	t.Helper()
	file := filepath.Join(filepath.Dir(s.options.sandbox), "other.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	other := openSuite(t, s.suite.Contract.Provider, options{sandbox: file, signIn: s.options.signIn, transport: fast})
	return other
}

// TestASweepThatLooksAtNobodyFails has a sandbox file name too little.
func TestASweepThatLooksAtNobodyFails(t *testing.T) {
	t.Parallel()
	for provider, files := range map[string]map[string]string{ // what is said, by what the file has
		"graph": {
			"tenant: T, app: {clientID: T}": "name graph.learner or graph.unlicensedLearner in ",
			"tenant: T, learner: T":         "name graph.app.clientID in ",
		},
		"classroom": {
			"domain: school.example": "name classroom.teacher or classroom.admin in ",
			"domain: school.example, outsider: somebody@elsewhere.example": "name classroom.teacher or classroom.admin in ",
		},
	} {
		s, _ := liveSuite(t, provider, server.Options{})
		for has, want := range files {
			has = strings.ReplaceAll(has, "T", "3f1c9a52-7d0e-4b8e-9a57-0c6d2e41b7aa")
			text := provider + ": {" + has + ", endpoint: '" + valueIn(t, s.options.sandbox, provider+".endpoint") + "'}\nca: ca.pem\n"
			removed, _, err := sandboxOf(t, s, text).suite.tenant.Sweep(t.Context(), 0)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("of %s, %q is removed, and said: %v", has, removed, err)
			}
		}
	}
}

// TestWhoeverMakesSomethingIsLookedAt names, as a user for whom Classroom is off, one for whom it is on: a recipe asks for a course
// as both. One for whom it is off has none, and that is no error.
func TestWhoeverMakesSomethingIsLookedAt(t *testing.T) {
	t.Parallel()
	s, stand := liveSuite(t, "classroom", server.Options{})
	signIn := s.options.signIn
	for _, admin := range []string{"", "admin: admin@school.example, "} {
		for off, left := range map[string][]string{"other.teacher@school.example": {"teacher", "classroomOff"}, "kitchen@school.example": {"teacher"}} {
			s.options.signIn = func(ctx context.Context, identity string) (live.Token, error) {
				if identity == "classroom/classroomOff" && len(left) == 2 {
					identity = "classroom/otherTeacher"
				}
				return signIn(ctx, identity)
			}
			file := "classroom: {domain: school.example, teacher: teacher@school.example, " + admin + "classroomOff: " + off +
				", endpoint: '" + stand.Classroom + "'}\nca: ca.pem\n"
			sweeping := sandboxOf(t, s, file)
			before := stand.Inventory()
			transport, err := live.NewTransport(mustLoad(t, sweeping), "classroom", s.options.signIn, fast)
			if err != nil {
				t.Fatal(err)
			}
			for i, as := range left {
				call := client.Minimal(s.suite.Contract.Operation("classroom.courses.create"))
				call.Body = fmt.Appendf(nil, `{"name":"learncontract-abcdefgh-%d","ownerId":"me"}`, i)
				if err := wire.New(transport.Client(as), stand.Classroom).Do(t.Context(), call); err != nil {
					t.Fatalf("as %s: %v", as, err)
				}
			}
			removed, _, err := sweeping.suite.tenant.Sweep(t.Context(), 0)
			if err != nil || len(removed) != len(left) {
				t.Errorf("with %s%s: courses of %q are left, and %q removed, %v", admin, off, left, removed, err)
			}
			if changed := changedInventory(before, stand.Inventory()); len(changed) > 0 {
				t.Errorf("%s", strings.Join(changed, "\n"))
			}
		}
	}
}

// TestASweepSparesWhatMayBeGoingOn has a run leave something just now, one long ago, and one before names said when.
func TestASweepSparesWhatMayBeGoingOn(t *testing.T) {
	t.Parallel()
	s, stand := liveSuite(t, "classroom", server.Options{})
	before := stand.Inventory()
	began := time.Now()
	if a := s.provoke(t.Context(), s.suite.tenant.Recipe(s.suite.Contract.Clause("classroom.courses.patch.failed-precondition.IneligibleOwner"))); a.err != nil {
		t.Fatal(a.err)
	}
	left := s.suite.tenant.Left()
	transport, err := live.NewTransport(mustLoad(t, s), "classroom", s.options.signIn, fast)
	if err != nil {
		t.Fatal(err)
	}
	old := []string{"learncontract-a4c3oaabcdefgh-1", "learncontract-abcdefgh-1"} // the first of 1 January 2026
	for _, name := range old {
		call := client.Minimal(s.suite.Contract.Operation("classroom.courses.create"))
		call.Body = fmt.Appendf(nil, `{"name":%q,"ownerId":"me"}`, name)
		if err := wire.New(transport.Client("teacher"), stand.Classroom).Do(t.Context(), call); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(s.options.sandbox)
	if err != nil {
		t.Fatal(err)
	}
	other := sandboxOf(t, s, string(text))
	removed, spared, err := other.suite.tenant.Sweep(t.Context(), time.Hour)
	slices.Sort(removed)
	want := fmt.Sprintf("%s, of a run that began at ", left[0])
	if err != nil || !slices.Equal(removed, []string{"course " + old[0], "course " + old[1]}) || len(spared) != 1 || !strings.HasPrefix(spared[0], want) {
		t.Fatalf("%q is removed, and %q spared, %v; want %q", removed, spared, err, want)
	}
	says, err := time.Parse(time.RFC3339, strings.TrimPrefix(spared[0], want))
	if err != nil || began.Sub(says).Abs() > time.Minute {
		t.Errorf("it began at %s, and %q is said, %v", began, spared[0], err)
	}
	removed, spared, err = other.suite.tenant.Sweep(t.Context(), 0)
	if err != nil || !slices.Equal(removed, left) || len(spared) != 0 {
		t.Errorf("%q is removed, and %q spared, %v", removed, spared, err)
	}
	if changed := changedInventory(before, stand.Inventory()); len(changed) > 0 {
		t.Errorf("%s", strings.Join(changed, "\n"))
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
	rename(t, file, map[string]string{"classroom.fullCourse": usual, "classroom.orphanedCourse": usual})
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
	rename(t, file, map[string]string{"classroom.orphanedCourse": valueIn(t, file, "classroom.otherProjectCourse")})
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
		text = bytes.ReplaceAll(text, []byte(valueIn(t, file, key)), []byte(value))
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
		for _, planned := range s.suite.tenant.Plan() {
			for _, request := range planned.Requests {
				for example, isID := range examples {
					if isID && !strings.HasPrefix(request, http.MethodGet) && strings.Contains(request, example) {
						t.Errorf("%s asks for a change of %s: %s", planned.Recipe.Clause.ID, example, request)
					}
				}
			}
		}
	}
}
