package suites

import (
	"bytes"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/time/rate"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/live"
	"github.com/learncontract/learncontract/suites/live/standin/server"
	"github.com/learncontract/learncontract/suites/report"
)

// sharers are the recipes of a run that share something, in a random order.
func sharers(s *suiteRun) (all []*fixtures.Recipe) {
	for clause := range s.suite.Contract.Clauses() {
		r := s.suite.tenant.Recipe(clause)
		if s.suite.tenant.WhyNot(r) == "" && slices.ContainsFunc(r.Given, func(step fixtures.Step) bool { return step.Shared }) {
			all = append(all, r)
		}
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// TestNoRecipeChangesWhatIsShared has those send each request that may do all that it asks for: what is shared is the same afterwards, and
// where nobody is to hear of it, nobody has come in.
func TestNoRecipeChangesWhatIsShared(t *testing.T) {
	t.Parallel()
	s, stand := liveSuite(t, "classroom", server.Options{}, "fixture", "notifies")
	before := stand.Inventory()
	all := sharers(s)
	for _, r := range all { // makes what is shared
		s.provoke(t.Context(), r)
	}
	if err := s.suite.tenant.CleanUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	shared := stand.Inventory()
	if len(shared) <= len(before) {
		t.Fatal("nothing is shared")
	}
	for _, r := range all {
		for _, as := range []string{"teacher", "admin"} {
			by := *r
			by.As = as
			s.provoke(t.Context(), &by)
			if err := s.suite.tenant.CleanUp(t.Context()); err != nil {
				t.Fatal(err)
			}
			after := stand.Inventory()
			for _, line := range shared {
				if !slices.Contains(after, line) {
					t.Errorf("%s, as %s, has changed or removed %s", r.Clause.ID, as, line)
				}
			}
			for _, line := range after {
				in := strings.Contains(line, "/students/") || strings.Contains(line, "/teachers/") || strings.Contains(line, "invitations/")
				if in && !r.Notifies() && !slices.Contains(shared, line) {
					t.Errorf("%s, as %s, has let somebody in: %s", r.Clause.ID, as, line)
				}
			}
			if shared = after; t.Failed() {
				return
			}
		}
	}
	if err := s.suite.tenant.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if changed := changedInventory(before, stand.Inventory()); len(changed) > 0 {
		t.Error(strings.Join(changed, "\n"))
	}
}

// courseNames notes the name of each course that a stand-in is to make.
func courseNames(names *[]string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && r.URL.Path == "/v1/courses" {
				body, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(bytes.NewReader(body))
				if bytes.Contains(body, []byte("courseState")) { // or it is the request that counts
					*names = append(*names, string(body))
				}
			}
			next.ServeHTTP(w, r)
		})
	}
}

// TestSharedOnceInAnyOrder counts the courses that a run makes.
func TestSharedOnceInAnyOrder(t *testing.T) {
	t.Parallel()
	var names []string
	s, stand := liveSuite(t, "classroom", server.Options{Wrap: courseNames(&names)})
	all := sharers(s)
	for _, r := range all {
		if a := s.provoke(t.Context(), r); a.err != nil || a.outcome != report.Honored && a.outcome != report.Deviating {
			t.Errorf("%s: %s %v\n%s", r.Clause.ID, a.outcome, a.err, a.text)
		}
		if err := s.suite.tenant.CleanUp(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(all) < 50 || len(names) != 2 {
		t.Errorf("%d recipes share %d courses: %q", len(all), len(names), names)
	}
	if err := s.suite.tenant.Close(t.Context()); err != nil || slices.ContainsFunc(stand.Inventory(), func(line string) bool {
		return strings.Contains(line, `"learncontract-`) && !strings.Contains(line, "learncontract-notes")
	}) {
		t.Errorf("%v, and the tenant has\n%s", err, strings.Join(stand.Inventory(), "\n"))
	}
}

// TestWhatIsSharedIsTriedOnce has a tenant that makes no course.
func TestWhatIsSharedIsTriedOnce(t *testing.T) {
	t.Parallel()
	var tries atomic.Int32
	s, _ := liveSuite(t, "classroom", server.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && r.URL.Path == "/v1/courses" {
				tries.Add(1)
				http.Error(w, `{"error":{"code":403,"status":"PERMISSION_DENIED","message":"The caller does not have permission"}}`, http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	causes := map[string]int{}
	for _, r := range sharers(s) {
		if a := s.provoke(t.Context(), r); a.err != nil {
			causes[a.err.Error()]++
		} else {
			t.Errorf("%s: %s", r.Clause.ID, a.outcome)
		}
	}
	if tries.Load() != 2 || len(causes) > 2 {
		t.Errorf("%d courses were requested, and the causes are %q", tries.Load(), slices.Collect(maps.Keys(causes)))
	}
}

// TestWhatIsSharedIsMadeAnew removes it between two clauses, as a sweep from elsewhere does.
func TestWhatIsSharedIsMadeAnew(t *testing.T) {
	t.Parallel()
	var names []string
	s, stand := liveSuite(t, "classroom", server.Options{Wrap: courseNames(&names)})
	clauses := []string{
		"classroom.courses.get.permission-denied", "classroom.courses.topics.create.already-exists",
		"classroom.courses.announcements.list.invalid-argument", "classroom.courses.topics.list.permission-denied",
	}
	for n, id := range clauses {
		a := s.provoke(t.Context(), s.suite.tenant.Recipe(s.suite.Contract.Clause(id)))
		if lost := n > 2; lost && a.outcome != report.Another || !lost && a.outcome != report.Honored {
			t.Errorf("%s: %s %v\n%s", id, a.outcome, a.err, a.text)
		}
		if err := s.suite.tenant.CleanUp(t.Context()); err != nil {
			t.Error(err)
		}
		for _, line := range stand.Inventory() {
			if path, name, _ := strings.Cut(strings.TrimPrefix(line, "classroom "), " "); strings.HasPrefix(name, `"learncontract-`) && !strings.Contains(name, "notes") {
				stand.Remove(path)
			}
		}
	}
	if len(names) != 3 {
		t.Errorf("the course was made %d times", len(names))
	}
}

// TestReadOnly compares what a stand-in received.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	for _, provider := range fixtures.Providers() {
		stand, file := standIn(t, server.Options{})
		s := openSuite(t, provider, options{
			sandbox: file, provoke: []string{"fixture", "notifies", "racy"}, signIn: signInAt(t, stand, file),
			transport: live.Options{ReadOnly: true, Rate: rate.Inf},
		})
		plan := s.suite.tenant.Plan()
		if plan.Totals.Clauses == 0 || plan.Totals.Changes > 0 {
			t.Errorf("the plan has %+v", plan.Totals)
		}
		for _, p := range plan.Clauses {
			if p.WhyNot == "" {
				if a := s.provoke(t.Context(), p.Recipe); a.err != nil {
					t.Errorf("%s: %v", p.Clause, a.err)
				}
			}
		}
		for _, sent := range stand.Requests() {
			if sent.Method != http.MethodGet && (sent.API == "graph" || sent.API == "classroom") {
				t.Errorf("it sends %s %s", sent.Method, sent.Path)
			}
		}
	}
}

// TestRunsAreHeldToTheirPlan opens runs with the digest of a plan, and with how many changes are granted.
func TestRunsAreHeldToTheirPlan(t *testing.T) {
	t.Parallel()
	stand, file := standIn(t, server.Options{})
	open := func(change func(*options)) (*suiteRun, error) {
		o := options{live: true, sandbox: file, signIn: signInAt(t, stand, file), transport: fast}
		change(&o)
		s := providerOf("classroom").newRun(wire.Config(), o)
		return s, s.setUp(writer{t.Name(), t})
	}
	s, err := open(func(*options) {})
	if err != nil {
		t.Fatal(err)
	}
	plan := s.suite.tenant.Plan()
	granted := plan.Totals.Changes
	for name, test := range map[string]struct {
		change func(*options)
		want   string
	}{
		"its plan":                        {func(o *options) { o.plan = []string{"sha256:0", plan.Digest} }, ""},
		"a plan of more classes":          {func(o *options) { o.plan, o.provoke = []string{plan.Digest}, []string{"fixture"} }, " --provoke fixture --json prints"},
		"a plan that changes nothing":     {func(o *options) { o.plan, o.transport.ReadOnly = []string{plan.Digest}, true }, " --read-only --json prints"},
		"as many changes as it has":       {func(o *options) { o.transport.MaxChanges = granted }, ""},
		"fewer changes than it has":       {func(o *options) { o.transport.MaxChanges = granted - 1 }, "and --max-changes grants"},
		"fewer changes than classes have": {func(o *options) { o.transport.MaxChanges, o.provoke = granted, []string{"fixture"} }, "and --max-changes grants"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(test.change)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("the error is %v, want %q", err, test.want)
			}
		})
	}
	if sent := stand.Requests(); len(sent) > 0 {
		t.Errorf("it sends %v", sent)
	}
}

// TestTransportGrantsNoFurtherChange has a client that sends more changes than are granted.
func TestTransportGrantsNoFurtherChange(t *testing.T) {
	t.Parallel()
	stand, file := standIn(t, server.Options{})
	var changes []live.Change
	sandbox, err := live.LoadSandbox(file)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := live.NewTransport(sandbox, "classroom", signInAt(t, stand, file), live.Options{
		MaxChanges: 10, Changed: func(c live.Change) { changes = append(changes, c) },
	})
	if err != nil {
		t.Fatal(err)
	}
	client := transport.Client("teacher")
	failed := 0
	for range 15 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, stand.Classroom+"/v1/courses/999999999999999", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			failed++
			continue
		}
		response.Body.Close()
	}
	if failed != 5 || len(changes) != 10 || changes[0].Identity != "teacher" || changes[0].Status != http.StatusNotFound ||
		changes[0].Path != "/v1/courses/999999999999999" {
		t.Errorf("%d were refused, and the audit has %d: %+v", failed, len(changes), changes[:1])
	}
}
