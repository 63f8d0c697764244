package live_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/learncontract/learncontract/suites/live/standin/server"
)

// Clauses that take a course or an activity, and one that is rejected where it would make one.
var madeBy = map[string][]string{
	"classroom": {
		"classroom.courses.patch.failed-precondition.CourseNotModifiable", "classroom.courses.delete.failed-precondition",
		"classroom.courses.create.failed-precondition.UserCannotOwnCourse",
	},
	"graph": {"graph.update.fields-empty", "graph.update.fields-invalid", "graph.create.learner-license"},
}

// TestAProviderThatMisbehaves has one that loses, lies and never ends. Whatever it does, what was there before is untouched, what is left
// is named, and the requests are bounded.
func TestAProviderThatMisbehaves(t *testing.T) {
	t.Parallel()
	type test struct {
		most    map[string]int // requests, by API
		left    bool           // something is
		problem string         // of the run's end, that has it; "" for none
		says    string         // an error of a clause, "" for none
	}
	for misbehaviour, test := range map[string]test{
		"":                {map[string]int{"classroom": 32, "graph": 17}, false, "", ""},
		"endless-pages":   {map[string]int{"classroom": 180, "graph": 120}, false, "do not end: what is called learncontract-", ""},
		"flapping-states": {map[string]int{"classroom": 100, "graph": 17}, false, "", ""},
		"lost-creates":    {map[string]int{"classroom": 60, "graph": 50}, false, "", "closed the connection without a response"},
		"lost-writes":     {map[string]int{"classroom": 80, "graph": 60}, false, "", "closed the connection without a response"},
		"lying-deletes":   {map[string]int{"classroom": 60, "graph": 40}, true, "may be left, and go tool contract sweep --sandbox ", "may be left"},
		"hidden-news":     {map[string]int{"classroom": 90, "graph": 70}, false, "", "it was looked at often enough"},
		"unread-news":     {map[string]int{"classroom": 90, "graph": 60}, true, "may be left, and go tool contract sweep --sandbox ", "it was looked at often enough"},
		"foreign-ids":     {map[string]int{"classroom": 90, "graph": 60}, false, "", "which is of something else: nothing more is sent with it"},
		"odd-ids":         {map[string]int{"classroom": 60, "graph": 40}, true, "which is no id: nothing is sent with it", "which is no id: nothing is sent with it"},
		"missing-scopes":  {map[string]int{"classroom": 20, "graph": 10}, false, "", "and the token lacks a"},
		"portal":          {map[string]int{"classroom": 60, "graph": 60}, false, "", "with a page of its own"},
	} {
		for provider, clauses := range madeBy {
			t.Run(misbehaviour+", "+provider, func(t *testing.T) {
				t.Parallel()
				var ways []string
				if misbehaviour != "" {
					ways = []string{misbehaviour}
				}
				s := startStandIn(t, server.Options{Misbehave: ways})
				tenant := s.tenant(provider)
				all := errors.Join(provoke(t, tenant, clauses...)...)
				err := tenant.Close(t.Context())
				sent := s.count(provider, "")
				t.Logf("%d requests, %v", sent, err)
				if (test.says != "") != (all != nil) || all != nil && !strings.Contains(all.Error(), test.says) {
					t.Errorf("the clauses end with %v; want %q", all, test.says)
				}
				if (test.problem != "") != (err != nil) || err != nil && !strings.Contains(err.Error(), test.problem) {
					t.Errorf("the run ends with %v; want %q", err, test.problem)
				}
				changed := s.changes()
				if (len(changed) > 0) != test.left {
					t.Errorf("changed is %q", changed)
				}
				named := fmt.Sprint(all, err)
				for _, line := range changed {
					if strings.HasPrefix(line, "gone: ") || !strings.Contains(named, nameIn(line)) {
						t.Errorf("%s, and that is not said", line)
					}
				}
				if sent > test.most[provider] || sent > tenant.Plan().MostRequests() {
					t.Errorf("%d requests were sent, more than %d", sent, test.most[provider])
				}
			})
		}
	}
}

// nameIn is the name of a run's in a line, or the id of the course that the line is in.
func nameIn(line string) string {
	if _, name, found := strings.Cut(line, `"`); found {
		name, _, _ = strings.Cut(name, `"`)
		return name
	}
	_, path, _ := strings.Cut(line, "courses/")
	id, _, _ := strings.Cut(path, "/")
	return id
}

// TestTheCleanUpsTimeIsBounded gives them none.
func TestTheCleanUpsTimeIsBounded(t *testing.T) {
	t.Parallel()
	s := startStandIn(t, server.Options{})
	s.options.Patience = time.Nanosecond
	tenant := s.tenant("graph")
	_ = provoke(t, tenant, "graph.update.fields-empty")
	if err := tenant.Close(t.Context()); err == nil || !strings.Contains(err.Error(), "may be left") || len(tenant.Left()) != 1 {
		t.Errorf("%q is left, and the run ends with %v", tenant.Left(), err)
	}
}

// TestWhatWasThereBeforeIsNotTakenBack loses the responses to requests for members of a course that takes them: the student is there
// before, the other teacher is not.
func TestWhatWasThereBeforeIsNotTakenBack(t *testing.T) {
	t.Parallel()
	s := startStandIn(t, server.Options{Misbehave: []string{"lost-writes"}})
	usual, _ := s.sandbox().Value("classroom.otherProjectCourse")
	tenant := s.tenant("classroom", "orphanedCourse", `"`+usual+`"`, "fullCourse", `"640000000002"`, "otherProjectCourse", `"640000000001"`)
	for _, clause := range []string{
		"students.create.failed-precondition.InactiveCourseOwner", "teachers.create.failed-precondition.InactiveCourseOwner",
		"students.create.failed-precondition.InactiveCourseOwner", "teachers.create.failed-precondition.CourseTeacherLimitReached",
	} {
		t.Logf("%v", provoke(t, tenant, "classroom.courses."+clause)) // what comes of it is no matter
		if changed := s.changes(); len(changed) > 0 {
			t.Errorf("%s changed %q", clause, changed)
		}
	}
	if err := tenant.Close(t.Context()); err != nil || s.count("classroom", http.MethodDelete) == 0 {
		t.Errorf("the run ends with %v", err)
	}
}

// TestAnInvitationOfSomebodyElses has the response to an invitation name another, which is to another course.
func TestAnInvitationOfSomebodyElses(t *testing.T) {
	t.Parallel()
	var other atomic.Value
	other.Store("")
	s := startStandIn(t, server.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id, _ := other.Load().(string)
			if r.Method != http.MethodPost || r.URL.Path != "/v1/invitations" || id == "" {
				next.ServeHTTP(w, r)
				return
			}
			recorder := httptest.NewRecorder()
			next.ServeHTTP(recorder, r)
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(regexp.MustCompile(`"id":"[^"]*"`).ReplaceAll(recorder.Body.Bytes(), []byte(`"id":"`+id+`"`))) // a client that went away needs none
		})
	}})
	other.Store(s.create("classroom/teacher", "/v1/invitations", map[string]any{"userId": "pupil@school.example", "courseId": "640000000002", "role": "STUDENT"}))
	s.before = s.Inventory()
	tenant := s.tenant("classroom")
	err := errors.Join(provoke(t, tenant, "classroom.invitations.accept.failed-precondition.CourseNotModifiable")...)
	if err == nil || !strings.Contains(err.Error(), "shows no invitation to the run's own course: nothing more is sent with it") {
		t.Errorf("the clause ends with %v", err)
	}
	if err := tenant.Close(t.Context()); err != nil || len(s.changes()) > 0 {
		t.Errorf("changed is %q, and the run ends with %v", s.changes(), err)
	}
}
