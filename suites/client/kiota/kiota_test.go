package kiota_test

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
	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/clients/kiota"
	"github.com/learncontract/learncontract/suites/graph"
)

func TestMain(m *testing.M) { suites.Main(m) }

func TestGraph(t *testing.T) {
	suites.Test(t, "graph", kiota.Config(), func(s *suites.Suite) {
		graph.Specs(s)
		graph.Odd(s)
	})
}

// answer serves one answer, and returns the client, and of the last request the URI and the body.
func answer(t *testing.T, status int, header http.Header, body string) (client clients.Client, asked *[2]string) {
	t.Helper()
	asked = new([2]string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body) // what is missing is told by the comparison
		*asked = [2]string{r.Method + " " + r.RequestURI, string(sent)}
		for name := range header {
			w.Header().Set(name, header.Get(name))
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // the client's failure tells
	}))
	t.Cleanup(server.Close)
	return kiota.Config().New(server.Client(), server.URL), asked
}

// TestParametersAreInTheirPlaces gives every parameter a value of its own, which needs escaping.
func TestParametersAreInTheirPlaces(t *testing.T) {
	contract, err := fixtures.Load("graph")
	if err != nil {
		t.Fatal(err)
	}
	client, asked := answer(t, http.StatusNoContent, nil, "")
	for _, o := range contract.Operations {
		call := clients.Minimal(o)
		path := o.Path
		for name := range call.Params {
			call.Params[name] = "the/" + name
			path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(call.Params[name]))
		}
		call.Query = map[string]string{"b": "2 &", "a": "1"}
		if failure, err := client.Do(t.Context(), call); err != nil || failure.Status != 0 {
			t.Errorf("%s: the client tells %+v, %v", o.ID, failure, err)
		}
		if want := [2]string{o.Method + " " + path + "?a=1&b=2%20%26", string(o.Body)}; *asked != want {
			t.Errorf("%s: the client asked\n%q\nwant\n%q", o.ID, *asked, want)
		}
	}
}

func TestDoTellsWhatTheSDKKeeps(t *testing.T) {
	call := clients.Call{Operation: &fixtures.Operation{ID: "graph.get", Method: http.MethodGet, Path: "/"}}
	for name, test := range map[string]struct {
		header http.Header
		body   string
		want   clients.Failure
		err    string
	}{
		"everything": {
			http.Header{"Content-Type": {"application/json; charset=utf-8"}, "Retry-After": {"1.5"}},
			`{"error":{"code":"a","message":"b","details":[{"code":"c","message":"d"},{}],"innerError":{"request-id":"e"}}}`,
			clients.Failure{
				Status: 403, Code: "a", Message: "b", Details: []clients.Detail{{Code: "c", Message: "d"}, {}},
				RetryAfter: 1500 * time.Millisecond, RequestID: "e",
			}, "",
		},
		"a date to wait for": {
			http.Header{"Content-Type": {"application/json"}, "Date": {"Wed, 17 Aug 2022 03:35:03 GMT"}, "Retry-After": {"Wed, 17 Aug 2022 03:36:03 GMT"}},
			`{"error":{"message":""}}`, clients.Failure{Status: 403, RetryAfter: time.Minute}, "",
		},
		"no body":       {http.Header{"Content-Type": {"application/json"}}, "", clients.Failure{}, "with no response body: 403"},
		"no JSON":       {http.Header{"Content-Type": {"application/json"}}, "<html>", clients.Failure{}, "invalid json type"},
		"another type":  {http.Header{"Content-Type": {"text/plain"}}, "no", clients.Failure{}, "contentType is not valid"},
		"a broken date": {http.Header{"Content-Type": {"application/json"}}, `{"error":{"message":"","innerError":{"date":"soon"}}}`, clients.Failure{}, "soon"},
	} {
		client, _ := answer(t, http.StatusForbidden, test.header, test.body)
		got, err := client.Do(t.Context(), call)
		if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: the error is %v, want %q", name, err, test.err)
		}
		for _, field := range clients.Fields {
			if got.Text(field) != test.want.Text(field) {
				t.Errorf("%s: the %s is %q, want %q", name, field, got.Text(field), test.want.Text(field))
			}
		}
	}
}

func TestDoTellsWhatItCannotCall(t *testing.T) {
	client, _ := answer(t, http.StatusNoContent, nil, "")
	call := clients.Call{Operation: &fixtures.Operation{ID: "graph.put", Method: http.MethodPut, Path: "/"}}
	if _, err := client.Do(t.Context(), call); err == nil || err.Error() != "graph.put: the SDK has no builder that asks by PUT" {
		t.Errorf("the error is %v", err)
	}
}

func TestDoIsAnErrorWhereNothingWasAnswered(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	call := clients.Call{Operation: &fixtures.Operation{ID: "graph.get", Method: http.MethodGet, Path: "/"}}
	if failure, err := kiota.Config().New(server.Client(), server.URL).Do(t.Context(), call); err == nil || failure.Status != 0 {
		t.Errorf("the client tells %+v, %v", failure, err)
	}
}
