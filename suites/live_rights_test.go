package suites

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/suites/live"
	"github.com/learncontract/learncontract/suites/live/standin/server"
)

// changesOf are the requests that the APIs got that may have changed something.
func changesOf(stand *server.Server) (changes []server.Request) {
	for _, r := range stand.Requests() {
		if (r.API == "graph" || r.API == "classroom") && r.Method != http.MethodGet {
			changes = append(changes, r)
		}
	}
	return changes
}

// wantEngineErrors runs recipes, and expects an engine error of each that says one of the texts.
func wantEngineErrors(t *testing.T, s *suiteRun, clauses []string, says ...string) {
	t.Helper()
	for _, id := range clauses {
		a := s.provoke(t.Context(), s.suite.tenant.Recipe(s.suite.Contract.Clause(id)))
		said := false
		for _, text := range says {
			said = said || a.err != nil && strings.Contains(a.err.Error(), text)
		}
		if _, is := errors.AsType[*live.EngineError](a.err); !is || !said {
			t.Errorf("%s is %q, %v", id, a.outcome, a.err)
		}
	}
}

// TestRightsAreProvenBeforeAnythingIsSent has identities sign in with too few rights, and too many.
func TestRightsAreProvenBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		provider string
		as       map[string]string // who signs in in the place of whom
		scopes   string            // that all sign in with
		clauses  []string
		says     string
	}{
		"a teacher without the scopes of add-ons": {
			"classroom", nil, "classroom.courses classroom.profile.emails", []string{"classroom.courses.announcements.addOnAttachments.create.invalid-argument"},
			"classroom/teacher lacks https://www.googleapis.com/auth/classroom.addons.student https://www.googleapis.com/auth/classroom.addons.teacher " +
				"https://www.googleapis.com/auth/classroom.announcements ",
		},
		"where they are granted": {
			"classroom", nil, "classroom.courses classroom.profile.emails", []string{"classroom.courses.topics.create.invalid-argument"},
			"API controls > Domain-wide delegation",
		},
		"somebody limited who is not": {
			"classroom", map[string]string{"limited": "teacher"}, "", []string{"classroom.courses.courseWork.rubrics.create.internal"},
			"classroom/limited must be rejected for want of scopes or roles, and its token has https://www.googleapis.com/auth/classroom.",
		},
		"an app without roles": {
			"graph", map[string]string{"app": "roleless"}, "", []string{"graph.get.assignment-not-found", "graph.create.registration-id-invalid"},
			"graph/app lacks LearningAssignedCourse.ReadWrite.All, without which",
		},
		"a roleless app with roles": {
			"graph", map[string]string{"roleless": "app"}, "", []string{"graph.get.missing-scope", "graph.delete.missing-scope"},
			"graph/roleless must be rejected for want of scopes or roles, and its token has LearningAssignedCourse.ReadWrite.All",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stand, file := standIn(t, server.Options{})
			sandbox, err := live.LoadSandbox(file)
			if err != nil {
				t.Fatal(err)
			}
			if test.provider == "graph" { // or the guard knows the app
				swapApps(t, file)
			}
			signIn := func(ctx context.Context, identity string) (live.Token, error) {
				provider, as, _ := strings.Cut(identity, "/")
				if other := test.as[as]; other != "" {
					as = other
				}
				scopes := cmp.Or(test.scopes, strings.Join(sandbox.Scopes(as), " "))
				token, _, err := tokenWith(ctx, stand, sandbox, provider+"/"+as, scopes)
				return live.NewToken(token, time.Now().Add(time.Hour)), err
			}
			s := openSuite(t, test.provider, options{sandbox: file, signIn: signIn, transport: fast})
			wantEngineErrors(t, s, test.clauses, test.says)
			for _, r := range stand.Requests() {
				if (r.API == "graph" || r.API == "classroom") && !strings.HasPrefix(r.Path, "/v1/userProfiles/") {
					t.Errorf("it was sent %s %s", r.Method, r.Path)
				}
			}
		})
	}
}

// swapApps has a sandbox file name each app as the other.
func swapApps(t *testing.T, file string) {
	t.Helper()
	app, roleless := valueIn(t, file, "graph.app.clientID"), valueIn(t, file, "graph.roleless.clientID")
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, []byte(strings.NewReplacer(app, roleless, roleless, app).Replace(string(text))), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestWhoeverElseRespondsIsNoVerdict has a platform reject every request, and a portal respond.
func TestWhoeverElseRespondsIsNoVerdict(t *testing.T) {
	t.Parallel()
	clauses := map[string][]string{
		"graph": {"graph.get.assignment-not-found", "graph.update.fields-empty", "graph.delete.assignment-not-found", "graph.get.method-not-supported"},
		"classroom": {
			"classroom.courses.get.not-found", "classroom.courses.list.failed-precondition.ListCoursesStudentAndTeacherFilter",
			"classroom.courses.patch.failed-precondition.IneligibleOwner", "classroom.courses.topics.create.invalid-argument",
		},
	}
	for misbehaviour, says := range map[string][]string{
		"missing-scopes": {"and the token lacks a scope (insufficientPermissions)", "and the token lacks a role", "not marked as a sandbox"},
		"portal":         {"with a page of its own"},
	} {
		for provider, ids := range clauses {
			t.Run(misbehaviour+", "+provider, func(t *testing.T) {
				t.Parallel()
				s, stand := liveSuite(t, provider, server.Options{Misbehave: []string{misbehaviour}}, "fixture")
				wantEngineErrors(t, s, ids, says...)
				if changed := changesOf(stand); len(changed) > 0 {
					t.Errorf("before the marker was found, there were %v", changed)
				}
			})
		}
	}
}

// TestATenantThatIsNotMarkedIsNotChanged takes the marker away, in each way in which there may be none.
func TestATenantThatIsNotMarkedIsNotChanged(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		provider, old, other string // of the sandbox file
		says                 string
	}{
		"no key":              {"classroom", "    marker: \"640000000008\"\n", "", "does not name classroom.marker"},
		"no course":           {"classroom", "640000000008", "640000000099", "GET /v1/courses/640000000099, as teacher, received 404 Not Found"},
		"another course":      {"classroom", "640000000008", "640000000002", `has name "learncontract-notes" and not "learncontract sandbox"`},
		"no activity":         {"graph", "e5a908bc-142f-4657-8bf3-5852939fb11e", "e5a908bc-142f-4657-8bf3-000000000000", "received 404 Not Found"},
		"another activity":    {"graph", "e5a908bc-142f-4657-8bf3-5852939fb11e", "90b45367-cfda-4102-96ae-030d4e4a6c09", `and not "learncontract sandbox"`},
		"of another provider": {"graph", "0d2b6a8e-3c41-4f79-9e15-7a84c5b1d301", "0d2b6a8e-3c41-4f79-9e15-7a84c5b1d302", "has learningProviderId"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stand, file := standIn(t, server.Options{})
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			changed := strings.Replace(string(text), test.old, test.other, 1)
			if changed == string(text) {
				t.Fatalf("the file has no %q:\n%s", test.old, text)
			}
			if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
				t.Fatal(err)
			}
			s := openSuite(t, test.provider, options{sandbox: file, signIn: signInAt(t, stand, file), transport: fast})
			writes := map[string][]string{
				"graph": {"graph.create.registration-id-invalid"}, "classroom": {"classroom.courses.patch.failed-precondition.IneligibleOwner"},
			}[test.provider]
			wantEngineErrors(t, s, writes, test.says)
			wantEngineErrors(t, s, writes, "not marked as a sandbox, and so nothing is changed: ")
			if _, err := s.suite.tenant.Sweep(t.Context(), 0, true); err == nil || !strings.Contains(err.Error(), "not marked as a sandbox") {
				t.Errorf("a sweep ends with %v", err)
			}
			if changed := changesOf(stand); len(changed) > 0 {
				t.Errorf("it was sent %v", changed)
			}
		})
	}
}
