package live_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/learncontract/learncontract/suites/live"
)

func TestTheGuardOfGraphLetsTheTenantOfTheFileIn(t *testing.T) {
	requests := &seen{}
	server, ca := startTLS(t, requests)
	for name, claims := range map[string]map[string]any{
		"by URL":                    {"tid": guidA, "aud": graphAudience, "appid": guidB},
		"by URL with a slash":       {"tid": guidA, "aud": graphAudience + "/", "appid": guidB, "idtyp": "app"},
		"by app id":                 {"tid": strings.ToUpper(guidA), "aud": "00000003-0000-0000-c000-000000000000", "azp": guidB},
		"of an issuer":              {"tid": guidA, "aud": graphAudience, "azp": guidB, "iss": "https://sts.windows.net/" + guidA + "/"},
		"with the app's first name": {"tid": guidA, "aud": graphAudience, "appid": strings.ToUpper(guidB)},
	} {
		transport := newTransport(t, sandboxOf(t, server, ca), "graph", signedInAs(jwt(claims)), live.Options{})
		if _, _, err := ask(t, transport.As("app"), http.MethodPost, server.URL+"/v1.0/x", nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if transport.Spent() != 2 { // the first looks the marker up
			t.Errorf("%s: %d requests were sent", name, transport.Spent())
		}
	}
}

func TestTheGuardOfGraphLetsNobodyElseIn(t *testing.T) {
	requests := &seen{}
	server, ca := startTLS(t, requests)
	for name, check := range map[string]struct{ token, want string }{
		"another tenant": {jwt(map[string]any{"tid": guidB, "aud": graphAudience}),
			`the token of graph/app is of tenant "` + guidB + `" and not "` + guidA + `", as graph.tenant of `},
		"no tenant": {jwt(map[string]any{"aud": graphAudience}), `is of tenant ""`},
		"another audience": {jwt(map[string]any{"tid": guidA, "aud": "https://management.azure.com"}),
			`is for "https://management.azure.com"`},
		"no audience": {jwt(map[string]any{"tid": guidA}), `is for ""`},
		"another app": {jwt(map[string]any{"tid": guidA, "aud": graphAudience, "appid": guidA}),
			`is of app "` + guidA + `" and not "` + guidB + `", as graph.app.clientID of `},
		"no app":   {jwt(map[string]any{"tid": guidA, "aud": graphAudience}), `is of app "" and not`},
		"two apps": {jwt(map[string]any{"tid": guidA, "aud": graphAudience, "appid": guidB, "azp": guidA}), `two apps, one of them "` + guidA},
		"a user's, delegated": {jwt(map[string]any{"tid": guidA, "aud": graphAudience, "appid": guidB, "scp": "LearningAssignedCourse.Read"}),
			"is a user's, delegated to an app"},
		"a user's by its type": {jwt(map[string]any{"tid": guidA, "aud": graphAudience, "appid": guidB, "idtyp": "user"}), "is a user's"},
		"of another tenant's issuer": {jwt(map[string]any{"tid": guidA, "aud": graphAudience, "appid": guidB, "iss": "https://sts.windows.net/" + guidB + "/"}),
			"an issuer for a tenant"},
		"of a national cloud": {jwt(map[string]any{"tid": guidA, "aud": "https://graph.microsoft.us", "appid": guidB}),
			"Microsoft lists this API for the global service only (https://learn.microsoft.com/"},
		"a tenant in two spellings": {payload(`{"tid": "` + guidA + `", "TID": "` + guidB + `", "aud": "` + graphAudience + `", "appid": "` + guidB + `"}`),
			"a name in two spellings"},
		"a tenant twice": {payload(`{"tid": "` + guidB + `", "tid": "` + guidA + `", "aud": "` + graphAudience + `", "appid": "` + guidB + `"}`),
			"a name twice"},
		"a tenant in capitals": {payload(`{"TID": "` + guidA + `", "aud": "` + graphAudience + `", "appid": "` + guidB + `"}`), `is of tenant ""`},
		"a list of tenants":    {jwt(map[string]any{"tid": []string{guidA}, "aud": graphAudience, "appid": guidB}), "of another type"},
		"an opaque token":      {"opaque-opaque", "does not say of which tenant it is, for it is no JSON Web Token"},
		"a broken token":       {"eyJh.!!!.c2ln", "its payload cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			transport := newTransport(t, sandboxOf(t, server, ca), "graph", signedInAs(check.token), live.Options{})
			for _, method := range []string{http.MethodGet, http.MethodDelete} {
				_, _, err := ask(t, transport.As("app"), method, server.URL+"/v1.0/x", nil)
				wantError(t, err, "guard", live.ErrOtherTenant, check.want)
				if strings.Contains(err.Error(), check.token) {
					t.Errorf("%q holds the token", err)
				}
			}
		})
	}
	if requests.lines() != "" {
		t.Errorf("%q was sent", requests.lines())
	}
}

func TestTheGuardOfClassroomAsksWhoItIsBeforeAnything(t *testing.T) {
	requests := &seen{}
	server, ca := startTLS(t, requests)
	transport := newTransport(t, sandboxOf(t, server, ca), "classroom", signedInAs("opaque"), live.Options{})
	for range 2 {
		if _, _, err := ask(t, transport.As("teacher"), http.MethodPost, server.URL+"/v1/courses", nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := requests.lines(); got != "GET /v1/userProfiles/me, POST /v1/courses, POST /v1/courses" {
		t.Errorf("%s was sent", got)
	}
	// The same token is not the admin's.
	_, _, err := ask(t, transport.As("admin"), http.MethodPost, server.URL+"/v1/courses", nil)
	wantError(t, err, "guard", live.ErrOtherTenant,
		`classroom/admin is of user "Teacher@School.example" and not "admin@school.example", as classroom.admin of `)
	if _, _, err = ask(t, transport.As("admin"), http.MethodGet, server.URL+"/v1/courses", nil); !errors.Is(err,
		live.ErrOtherTenant) {
		t.Errorf("asked again, the error is %v", err)
	}
	if got := requests.lines(); strings.Count(got, "userProfiles") != 2 || strings.Count(got, "courses") != 2 {
		t.Errorf("%s was sent", got)
	}
	// Who is whom the file names may still clean up.
	if _, _, err := ask(t, transport.As("teacher"), http.MethodDelete, server.URL+"/v1/courses/1", nil); err != nil {
		t.Error(err)
	}
}

func TestTheGuardOfClassroomWhereWhoItIsCannotBeAsked(t *testing.T) {
	for name, check := range map[string]struct {
		status int
		body   string
		op     string
		want   string
	}{
		"an expired token": {401, "{}", "sign-in", "GET /v1/userProfiles/me received 401"},
		"a missing scope":  {403, "{}", "sign-in", "the scope classroom.profile.emails"},
		"an outage":        {500, "{}", "network", "received 500: try again later"},
		"no address":       {200, `{"id": "1"}`, "guard", "has no emailAddress"},
		"no JSON":          {200, "garbled", "network", "responded 200 OK with a page of its own"},
		"a portal's page":  {403, "<html>", "network", "responded 403 Forbidden with a page of its own"},
		"two addresses":    {200, `{"emailAddress": "teacher@school.example", "EMAILADDRESS": "x@prod.example"}`, "guard", "a name in two spellings"},
		"one twice":        {200, `{"emailAddress": "x@prod.example", "emailAddress": "teacher@school.example"}`, "guard", "has a name twice"},
		"other capitals":   {200, `{"EmailAddress": "teacher@school.example"}`, "guard", "has no emailAddress"},
		"other letters":    {200, `{"emailAddress": "teacher@ſchool.example"}`, "guard", "is of user"},
		"a list":           {200, `[{"emailAddress": "teacher@school.example"}]`, "guard", "it is no JSON object"},
		"a redirect":       {302, "", "host", "follows no redirect"},
	} {
		t.Run(name, func(t *testing.T) {
			var others atomic.Int32
			server, ca := startTLS(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/v1/userProfiles/me" {
					others.Add(1)
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(check.status)
				_, _ = io.WriteString(w, check.body)
			}))
			transport := newTransport(t, sandboxOf(t, server, ca), "classroom", signedInAs("opaque"), live.Options{})
			_, _, err := ask(t, transport.As("teacher"), http.MethodDelete, server.URL+"/v1/courses/1", nil)
			wantError(t, err, check.op, nil, check.want)
			if others.Load() != 0 {
				t.Errorf("%d other requests were sent", others.Load())
			}
		})
	}
}

// TestTheGuardOfClassroomLetsInWhoIsRefusedEverything expects for whom an administrator has turned the API off from whose token
// lacks a scope.
func TestTheGuardOfClassroomLetsInWhoIsRefusedEverything(t *testing.T) {
	for message, in := range map[string]bool{
		"@ClassroomApiDisabled Access to the API is off for this user.": true,
		"@ClassroomDisabled Classroom is off for this user.":            false,
		"Request had insufficient authentication scopes.":               false,
		"@ClassroomApiDisabledForAll":                                   false,
	} {
		server, ca := startTLS(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprintf(w, `{"error":{"code":403,"message":%q}}`, message)
		}))
		transport := newTransport(t, sandboxOf(t, server, ca), "classroom", signedInAs("opaque"), live.Options{})
		if err := transport.Prove(t.Context(), "apiOff"); (err == nil) != in {
			t.Errorf("%s: %v", message, err)
		}
	}
}

func TestAnIdentityIsProvenAheadOfItsRequests(t *testing.T) {
	requests := &seen{}
	server, ca := startTLS(t, requests)
	transport := newTransport(t, sandboxOf(t, server, ca), "classroom", signedInAs("opaque"), live.Options{})
	if err := transport.Prove(t.Context(), "teacher"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ask(t, transport.As("teacher"), http.MethodPost, server.URL+"/v1/courses", nil); err != nil {
		t.Fatal(err)
	}
	wantError(t, transport.Prove(t.Context(), "admin"), "guard", live.ErrOtherTenant)
	wantError(t, transport.Prove(t.Context(), "nobody"), "sign-in", nil, `no identity "nobody"`)
	if got := requests.lines(); got != "GET /v1/userProfiles/me, POST /v1/courses, GET /v1/userProfiles/me" {
		t.Errorf("%s was sent", got)
	}
}

func TestATokenIsAskedForOnceHoweverManyWantIt(t *testing.T) {
	server, ca := startTLS(t, &seen{})
	var asked atomic.Int32
	transport := newTransport(t, sandboxOf(t, server, ca), "classroom", func(_ context.Context, as string) (live.Token, error) {
		asked.Add(1)
		if as != "classroom/teacher" {
			t.Errorf("%q signs in", as)
		}
		return live.NewToken("opaque", time.Now().Add(time.Hour)), nil
	}, live.Options{})
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			if _, _, err := ask(t, transport.As("teacher"), http.MethodGet, server.URL+"/v1/courses", nil); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if asked.Load() != 1 || transport.Spent() != 11 {
		t.Errorf("a token was asked for %d times, and %d requests sent", asked.Load(), transport.Spent())
	}
}

func TestATokenThatIsRenewedIsHeldAgainstTheFileAgain(t *testing.T) {
	var user atomic.Value
	user.Store("teacher@school.example")
	var changes atomic.Int32
	server, ca := startTLS(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			changes.Add(1)
		}
		_, _ = fmt.Fprintf(w, `{"id": "1", "emailAddress": %q}`, user.Load())
	}))
	for name, renew := range map[string]struct {
		life  time.Duration
		after func(*live.Transport)
	}{
		"about to expire": {time.Minute, func(*live.Transport) {}},
		"forgotten":       {time.Hour, func(d *live.Transport) { d.Forget("teacher") }},
	} {
		t.Run(name, func(t *testing.T) {
			changes.Store(0)
			user.Store("teacher@school.example")
			transport := newTransport(t, sandboxOf(t, server, ca), "classroom", func(context.Context, string) (live.Token, error) {
				return live.NewToken("opaque", time.Now().Add(renew.life)), nil
			}, live.Options{})
			if _, _, err := ask(t, transport.As("teacher"), http.MethodPost, server.URL+"/v1/courses", nil); err != nil {
				t.Fatal(err)
			}
			user.Store("somebody@school.example")
			renew.after(transport)
			_, _, err := ask(t, transport.As("teacher"), http.MethodPost, server.URL+"/v1/courses", nil)
			wantError(t, err, "guard", live.ErrOtherTenant, "somebody@school.example")
			if changes.Load() != 1 {
				t.Errorf("%d changes were made", changes.Load())
			}
		})
	}
}

func TestNobodyIsAskedAsWhomTheFileDoesNotName(t *testing.T) {
	server, ca := startTLS(t, &seen{})
	transport := newTransport(t, sandboxOf(t, server, ca), "classroom", signedInAs("opaque"), live.Options{})
	_, _, err := ask(t, transport.As("student"), http.MethodGet, server.URL+"/v1/courses", nil)
	wantError(t, err, "sign-in", nil, "does not name classroom.student")
	_, _, err = ask(t, transport.As("principal"), http.MethodGet, server.URL+"/v1/courses", nil)
	wantError(t, err, "sign-in", nil,
		`classroom has no identity "principal": it has admin, teacher, otherTeacher, student, outsider`)
}

func TestASignInThatFailsIsNoAnswer(t *testing.T) {
	server, ca := startTLS(t, &seen{})
	sandbox := sandboxOf(t, server, ca)
	for name, check := range map[string]struct {
		signIn live.SignIn
		want   string
	}{
		"an error": {func(context.Context, string) (live.Token, error) {
			return live.Token{}, errors.New("no luck with ya29.secretsecret")
		},
			"graph/app cannot sign in: no luck with [masked]"},
		"no token": {func(context.Context, string) (live.Token, error) { return live.Token{}, nil },
			"graph/app got an empty token"},
		"an expired token": {func(context.Context, string) (live.Token, error) {
			return live.NewToken("opaque", time.Now().Add(-time.Second)), nil
		}, "check this machine's clock"},
	} {
		t.Run(name, func(t *testing.T) {
			transport := newTransport(t, sandbox, "graph", check.signIn, live.Options{})
			_, _, err := ask(t, transport.As("app"), http.MethodGet, server.URL, nil)
			wantError(t, err, "sign-in", nil, check.want)
			if transport.Spent() != 0 {
				t.Errorf("%d requests were sent", transport.Spent())
			}
		})
	}
}
