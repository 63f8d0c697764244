package kiota_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/kiota"
	"github.com/learncontract/learncontract/suites/graph"
)

func TestMain(m *testing.M) { os.Exit(suites.Run(m)) }

func TestGraph(t *testing.T) {
	suites.Provider{Name: "graph", Specs: func(s *suites.Suite) {
		graph.Specs(s)
		graph.Undocumented(s)
	}}.Test(t, kiota.Config())
}

// caller calls the client.
type caller struct {
	t              *testing.T
	calls          client.Calls
	received, body string // the request that the server received last
}

// serve makes a caller of a server that sends one response.
func serve(t *testing.T, status int, header http.Header, body string) *caller {
	t.Helper()
	c := &caller{t: t}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body) // what is missing, the comparison shows
		c.received, c.body = r.Method+" "+r.RequestURI, string(sent)
		maps.Copy(w.Header(), header)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // what is missing, the client's failure shows
	}))
	t.Cleanup(server.Close)
	c.calls = construct(t, server)
	return c
}

func construct(t *testing.T, server *httptest.Server) client.Calls {
	t.Helper()
	calls, err := kiota.Config().New(server.Client(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return calls
}

func (c *caller) call(call client.Call) error {
	c.t.Helper()
	return c.calls["*"](c.t.Context(), call)
}

// TestParametersAreInTheirPlaces gives every parameter a value of its own, which needs escaping.
func TestParametersAreInTheirPlaces(t *testing.T) {
	contract, err := fixtures.Load("graph")
	if err != nil {
		t.Fatal(err)
	}
	c := serve(t, http.StatusNoContent, nil, "")
	for _, o := range contract.Operations {
		call := client.Minimal(o)
		for name := range call.Params {
			call.Params[name] = "the/" + name
		}
		call.Query = map[string]string{"b": "2 &", "a": "1"}
		if err := c.call(call); err != nil {
			t.Errorf("%s: the client returned %v", o.ID, err)
		}
		want := o.Method + " " + o.Expand(call.Params, nil) + "?a=1&b=2%20%26"
		if c.received != want || c.body != string(o.Body) {
			t.Errorf("%s: the client sent\n%s\n%s\nwant\n%s\n%s", o.ID, c.received, c.body, want, o.Body)
		}
	}
}

func TestFailureHasWhatTheSDKKeeps(t *testing.T) {
	call := client.Call{Operation: &fixtures.Operation{ID: "graph.get", Method: http.MethodGet, Path: "/"}}
	for name, test := range map[string]struct {
		header http.Header
		body   string
		want   client.Failure
		err    string
	}{
		"everything": {
			http.Header{"Content-Type": {"application/json; charset=utf-8"}, "Retry-After": {"1.5"}, "Request-Id": {"e"}},
			`{"error":{"code":"a","message":"b","details":[{"code":"c","message":"d"},{}],"innerError":{"request-id":"another"}}}`,
			client.Failure{
				Status: 403, Code: "a", Message: "b", Details: []client.Detail{{Code: "c", Message: "d"}, {}},
				RetryAfter: 1500 * time.Millisecond, RequestID: "e",
			}, "",
		},
		"a date to wait for": {
			http.Header{"Content-Type": {"application/json"}, "Date": {"Wed, 17 Aug 2022 03:35:03 GMT"}, "Retry-After": {"Wed, 17 Aug 2022 03:36:03 GMT"}},
			`{"error":{"message":""}}`, client.Failure{Status: 403, RetryAfter: time.Minute}, "",
		},
		"no body":       {http.Header{"Content-Type": {"application/json"}}, "", client.Failure{}, "with no response body: 403"},
		"no JSON":       {http.Header{"Content-Type": {"application/json"}}, "<html>", client.Failure{}, "invalid json type"},
		"another type":  {http.Header{"Content-Type": {"text/plain"}}, "no", client.Failure{}, "contentType is not valid"},
		"a broken date": {http.Header{"Content-Type": {"application/json"}}, `{"error":{"message":"","innerError":{"date":"soon"}}}`, client.Failure{}, "soon"},
	} {
		t.Run(name, func(t *testing.T) {
			err := serve(t, http.StatusForbidden, test.header, test.body).call(call)
			got, carried := kiota.Config().Failure(err)
			if err == nil || carried != (test.err == "") || !strings.Contains(err.Error(), test.err) {
				t.Errorf("the error is %v, want %q", err, test.err)
			}
			for _, field := range client.Fields() {
				if got.Text(field) != test.want.Text(field) {
					t.Errorf("the %s is %q, want %q", field, got.Text(field), test.want.Text(field))
				}
			}
		})
	}
}

func TestAMethodThatTheSDKDoesNotHave(t *testing.T) {
	c := serve(t, http.StatusNoContent, nil, "")
	call := client.Call{Operation: &fixtures.Operation{ID: "graph.put", Method: http.MethodPut, Path: "/"}}
	if err := c.call(call); err == nil || err.Error() != "graph.put: the SDK has no builder of a PUT request" {
		t.Errorf("the error is %v", err)
	}
}

func TestAnErrorWithoutAResponseCarriesNoFailure(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	call := client.Call{Operation: &fixtures.Operation{ID: "graph.get", Method: http.MethodGet, Path: "/"}}
	err := construct(t, server)["*"](t.Context(), call)
	if failure, carried := kiota.Config().Failure(err); err == nil || carried {
		t.Errorf("the client returned %v, which carries %+v", err, failure)
	}
}
