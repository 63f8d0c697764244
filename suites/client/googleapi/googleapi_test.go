package googleapi_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/classroom"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/googleapi"
)

func TestMain(m *testing.M) { os.Exit(suites.Run(m)) }

func TestClassroom(t *testing.T) {
	suites.Provider{Name: "classroom", Specs: func(s *suites.Suite) {
		classroom.Specs(s)
		classroom.Undocumented(s)
	}}.Test(t, googleapi.Config())
}

// caller calls the client with a code.
type caller struct {
	t        *testing.T
	calls    client.Calls
	received string // the request that the server received last
}

// serve makes a caller of a server that sends one response.
func serve(t *testing.T, status int, header http.Header, body string) *caller {
	t.Helper()
	c := &caller{t: t}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.received = r.Method + " " + r.RequestURI
		maps.Copy(w.Header(), header)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // what is missing, the client's failure shows
	}))
	t.Cleanup(server.Close)
	c.calls = construct(t, googleapi.APIErrorConfig(), server)
	return c
}

func construct(t *testing.T, config client.Config, server *httptest.Server) client.Calls {
	t.Helper()
	calls, err := config.New(server.Client(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return calls
}

func (c *caller) call(call client.Call) error {
	c.t.Helper()
	return c.calls["*"](c.t.Context(), call)
}

// TestParametersAreInTheirPlaces gives every parameter a value of its own: in the contract's requests some share theirs.
func TestParametersAreInTheirPlaces(t *testing.T) {
	contract, err := fixtures.Load("classroom")
	if err != nil {
		t.Fatal(err)
	}
	c := serve(t, http.StatusOK, nil, "{}")
	for _, o := range contract.Operations {
		call := client.Minimal(o)
		query := map[string]string{"alt": "json", "prettyPrint": "false"}
		for name := range call.Params {
			call.Params[name] = "the " + name
		}
		for name := range call.Query {
			call.Query[name] = "the " + name
			query[name] = call.Query[name]
		}
		if err := c.call(call); err != nil {
			t.Errorf("%s: the client returned %v", o.ID, err)
		}
		if want := o.Method + " " + o.Expand(call.Params, query); c.received != want {
			t.Errorf("%s: the client sent\n%s\nwant\n%s", o.ID, c.received, want)
		}
	}
}

func TestCallsThatTheSDKDoesNotHave(t *testing.T) {
	c := serve(t, http.StatusOK, nil, "{}")
	course := map[string]string{"id": "1"}
	for want, call := range map[string]client.Call{
		"the SDK has no classroom.lessons.get: *classroom.Service has no field Lessons: update it, or leave the operation out of the Calls": {
			Operation: &fixtures.Operation{ID: "classroom.lessons.get"},
		},
		"the SDK has no classroom.courses.open: *classroom.CoursesService has no method Open: update it, or leave the operation out of the Calls": {
			Operation: &fixtures.Operation{ID: "classroom.courses.open"},
		},
		"the SDK has no classroom: *classroom.Service has no method : update it, or leave the operation out of the Calls": {
			Operation: &fixtures.Operation{ID: "classroom"},
		},
		"classroom.courses.get: there is no value for {id}": {
			Operation: &fixtures.Operation{ID: "classroom.courses.get", Path: "/{id}"},
		},
		"classroom.courses.get: the SDK's method takes 1 arguments, and the call has 0": {
			Operation: &fixtures.Operation{ID: "classroom.courses.get", Path: "/"},
		},
		"classroom.courses.get: the SDK's method takes no request, and the call has a body": {
			Operation: &fixtures.Operation{ID: "classroom.courses.get", Path: "/{id}"}, Params: course, Body: []byte("{}"),
		},
		`classroom.courses.create: the body is no classroom.Course: json: unknown field "pupils"`: {
			Operation: &fixtures.Operation{ID: "classroom.courses.create", Path: "/"}, Body: []byte(`{"pupils":1}`),
		},
		`classroom.courses.get: the SDK's call has no query parameter "term"`: {
			Operation: &fixtures.Operation{ID: "classroom.courses.get", Path: "/{id}"}, Params: course, Query: map[string]string{"term": "1"},
		},
		`classroom.courses.get: the SDK's call has no query parameter "do"`: {
			Operation: &fixtures.Operation{ID: "classroom.courses.get", Path: "/{id}"}, Params: course, Query: map[string]string{"do": "1"},
		},
		`classroom.courses.list: query parameter "pageSize": strconv.ParseInt: parsing "many": invalid syntax`: {
			Operation: &fixtures.Operation{ID: "classroom.courses.list", Path: "/"}, Query: map[string]string{"pageSize": "many"},
		},
	} {
		if err := c.call(call); err == nil || err.Error() != want {
			t.Errorf("the error is\n%v\nwant\n%s", err, want)
		}
	}
}

func TestQueryParametersOfEveryType(t *testing.T) {
	c := serve(t, http.StatusOK, nil, "{}")
	call := client.Call{
		Operation: &fixtures.Operation{ID: "classroom.courses.list", Path: "/"},
		Query:     map[string]string{"pageSize": "2", "courseStates": "ACTIVE", "fields": "courses(id)"},
	}
	if err := c.call(call); err != nil {
		t.Fatal(err)
	}
	if want := "GET /v1/courses?alt=json&courseStates=ACTIVE&fields=courses%28id%29&pageSize=2&prettyPrint=false"; c.received != want {
		t.Errorf("the client sent\n%s\nwant\n%s", c.received, want)
	}
}

func TestFailureHasWhatTheSDKKeeps(t *testing.T) {
	call := client.Call{Operation: &fixtures.Operation{ID: "classroom.courses.list", Path: "/"}}
	for name, test := range map[string]struct {
		status int
		header http.Header
		body   string
		want   client.Failure
	}{
		"a named error": {
			400, nil, `{"error":{"code":400,"message":"@CourseNotModifiable It is archived.","status":"FAILED_PRECONDITION"}}`,
			client.Failure{Status: 400, Code: "INVALID_ARGUMENT", Name: "CourseNotModifiable", Message: "@CourseNotModifiable It is archived."},
		},
		"an at sign without a space": {
			403, nil, `{"error":{"code":403,"message":"@Nobody","status":"PERMISSION_DENIED"}}`,
			client.Failure{Status: 403, Code: "PERMISSION_DENIED", Message: "@Nobody"},
		},
		"what stands in the header": {
			429, http.Header{"Retry-After": {"30"}, "Request-Id": {"a1"}}, `{"error":{"code":429}}`,
			client.Failure{Status: 429, Code: "RESOURCE_EXHAUSTED", RetryAfter: 30 * time.Second, RequestID: "a1"},
		},
		"no JSON": {502, nil, "<html>", client.Failure{Status: 502, Code: "INTERNAL"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, carried := googleapi.APIErrorConfig().Failure(serve(t, test.status, test.header, test.body).call(call))
			if !carried {
				t.Fatal("the error carries no failure")
			}
			for _, field := range client.Fields() {
				if got.Text(field) != test.want.Text(field) {
					t.Errorf("the %s is %q, want %q", field, got.Text(field), test.want.Text(field))
				}
			}
		})
	}
}

func TestAnErrorWithoutAResponseCarriesNoFailure(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	call := client.Call{Operation: &fixtures.Operation{ID: "classroom.courses.list", Path: "/"}}
	for _, config := range []client.Config{googleapi.Config(), googleapi.APIErrorConfig()} {
		err := construct(t, config, server)["*"](t.Context(), call)
		if failure, carried := config.Failure(err); err == nil || carried {
			t.Errorf("%s returned %v, which carries %+v", config.Name, err, failure)
		}
	}
}
