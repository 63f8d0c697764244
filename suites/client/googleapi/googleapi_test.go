package googleapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	_ "github.com/onsi/ginkgo/v2" // without it the ginkgo command drops its flags

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/classroom"
	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/clients/googleapi"
)

func TestMain(m *testing.M) { suites.Main(m) }

func TestClassroom(t *testing.T) {
	suites.Test(t, "classroom", googleapi.Config(), func(s *suites.Suite) {
		classroom.Specs(s)
		classroom.Odd(s)
	})
}

// answer serves one answer, and returns the client with a code and the last request's URI.
func answer(t *testing.T, status int, header http.Header, body string) (client clients.Client, asked *string) {
	t.Helper()
	asked = new(string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = r.Method + " " + r.RequestURI
		for name := range header {
			w.Header().Set(name, header.Get(name))
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // the client's failure tells
	}))
	t.Cleanup(server.Close)
	return googleapi.APIErrorConfig().New(server.Client(), server.URL), asked
}

// TestParametersAreInTheirPlaces gives every parameter a value of its own: in the contract's requests some share theirs.
func TestParametersAreInTheirPlaces(t *testing.T) {
	contract, err := fixtures.Load("classroom")
	if err != nil {
		t.Fatal(err)
	}
	client, asked := answer(t, http.StatusOK, nil, "{}")
	for _, o := range contract.Operations {
		call := clients.Minimal(o)
		path := o.Path
		for name := range call.Params {
			call.Params[name] = "the " + name
			path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(call.Params[name]))
		}
		query := url.Values{"alt": {"json"}, "prettyPrint": {"false"}}
		for name := range call.Query {
			call.Query[name] = "the " + name
			query.Set(name, call.Query[name])
		}
		failure, err := client.Do(t.Context(), call)
		if err != nil || failure.Status != 0 {
			t.Errorf("%s: the client tells %+v, %v", o.ID, failure, err)
		}
		if want := o.Method + " " + path + "?" + query.Encode(); *asked != want {
			t.Errorf("%s: the client asked\n%s\nwant\n%s", o.ID, *asked, want)
		}
	}
}

func TestDoTellsWhatItCannotCall(t *testing.T) {
	client, _ := answer(t, http.StatusOK, nil, "{}")
	course := map[string]string{"id": "1"}
	for want, call := range map[string]clients.Call{
		"the SDK has no classroom.lessons.get: *classroom.Service has no field Lessons: update it, or leave the operation out of Operations": {
			Operation: &fixtures.Operation{ID: "classroom.lessons.get"},
		},
		"the SDK has no classroom.courses.open: *classroom.CoursesService has no method Open: update it, or leave the operation out of Operations": {
			Operation: &fixtures.Operation{ID: "classroom.courses.open"},
		},
		"the SDK has no classroom: *classroom.Service has no method : update it, or leave the operation out of Operations": {Operation: &fixtures.Operation{ID: "classroom"}},
		"classroom.courses.get: there is no value for {id}":                                                                {Operation: &fixtures.Operation{ID: "classroom.courses.get", Path: "/{id}"}},
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
		if _, err := client.Do(t.Context(), call); err == nil || err.Error() != want {
			t.Errorf("the error is\n%v\nwant\n%s", err, want)
		}
	}
}

func TestQueryParametersOfEveryType(t *testing.T) {
	client, asked := answer(t, http.StatusOK, nil, "{}")
	call := clients.Call{
		Operation: &fixtures.Operation{ID: "classroom.courses.list", Path: "/"},
		Query:     map[string]string{"pageSize": "2", "courseStates": "ACTIVE", "fields": "courses(id)"},
	}
	if _, err := client.Do(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	if want := "GET /v1/courses?alt=json&courseStates=ACTIVE&fields=courses%28id%29&pageSize=2&prettyPrint=false"; *asked != want {
		t.Errorf("the client asked\n%s\nwant\n%s", *asked, want)
	}
}

func TestDoTellsWhatTheSDKKeeps(t *testing.T) {
	call := clients.Call{Operation: &fixtures.Operation{ID: "classroom.courses.list", Path: "/"}}
	for name, test := range map[string]struct {
		status int
		header http.Header
		body   string
		want   clients.Failure
	}{
		"a named error": {
			400, nil, `{"error":{"code":400,"message":"@CourseNotModifiable It is archived.","status":"FAILED_PRECONDITION"}}`,
			clients.Failure{Status: 400, Code: "INVALID_ARGUMENT", Name: "CourseNotModifiable", Message: "@CourseNotModifiable It is archived."},
		},
		"an at sign without a space": {
			403, nil, `{"error":{"code":403,"message":"@Nobody","status":"PERMISSION_DENIED"}}`,
			clients.Failure{Status: 403, Code: "PERMISSION_DENIED", Message: "@Nobody"},
		},
		"what stands in the header": {
			429, http.Header{"Retry-After": {"30"}, "Request-Id": {"a1"}}, `{"error":{"code":429}}`,
			clients.Failure{Status: 429, Code: "RESOURCE_EXHAUSTED", RetryAfter: 30 * time.Second, RequestID: "a1"},
		},
		"no JSON": {502, nil, "<html>", clients.Failure{Status: 502, Code: "INTERNAL"}},
	} {
		client, _ := answer(t, test.status, test.header, test.body)
		got, err := client.Do(t.Context(), call)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, field := range clients.Fields {
			if got.Text(field) != test.want.Text(field) {
				t.Errorf("%s: the %s is %q, want %q", name, field, got.Text(field), test.want.Text(field))
			}
		}
	}
}

func TestDoIsAnErrorWhereNothingWasAnswered(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	call := clients.Call{Operation: &fixtures.Operation{ID: "classroom.courses.list", Path: "/"}}
	if failure, err := googleapi.Config().New(server.Client(), server.URL).Do(t.Context(), call); err == nil || failure.Status != 0 {
		t.Errorf("the client tells %+v, %v", failure, err)
	}
}
