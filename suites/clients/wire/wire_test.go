package wire_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/clients/wire"
)

// serve starts a server with TLS and returns a client of it.
func serve(t *testing.T, handler http.HandlerFunc) *wire.Client {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	return wire.New(server.Client(), server.URL)
}

func TestEveryWordingIsToldOverARealConnection(t *testing.T) {
	var current *fixtures.Wording
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		o := current.Clause.Operation
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		want := o.Method + " " + strings.TrimPrefix(o.URL(), o.Contract.BaseURL)
		if got := r.Method + " " + r.URL.String(); got != want {
			t.Errorf("%s: the client asked %s, want %s", current.ID(), got, want)
		}
		if media := r.Header.Get("Content-Type"); (media == "application/json") != (o.Body != nil) {
			t.Errorf("%s: the client sent %d bytes as %q", current.ID(), len(body), media)
		}
		if string(body) != string(o.Body) {
			t.Errorf("%s: the client sent %q, want %q", current.ID(), body, o.Body)
		}
		answer := current.Response()
		for name := range answer.Header {
			w.Header().Set(name, answer.Header.Get(name))
		}
		w.WriteHeader(answer.Status)
		_, _ = w.Write(answer.Body) // the client's failure tells
	})
	for _, provider := range fixtures.Providers() {
		contract, err := fixtures.Load(provider)
		if err != nil {
			t.Fatal(err)
		}
		for clause := range contract.Clauses() {
			for _, current = range clause.Wordings {
				failure, err := client.Do(t.Context(), clients.Minimal(clause.Operation))
				if err != nil {
					t.Fatalf("%s: %v", current.ID(), err)
				}
				x := exchange.New(clause.Operation.Method, clause.Operation.URL(), current.Response(), time.Now())
				matcher := clients.Tell(current, x)
				if ok, err := matcher.Match(failure); !ok || err != nil {
					t.Errorf("%v %s", err, matcher.FailureMessage(failure))
				}
			}
		}
	}
}

func TestDoTellsWhatItCannotRead(t *testing.T) {
	call := clients.Call{Operation: &fixtures.Operation{Method: "GET", Path: "/things"}}
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   string // of the error; "" for none
		status int
	}{
		"HTML": {
			func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502); _, _ = io.WriteString(w, "<html>") },
			"the answer 502 Bad Gateway has no error envelope: invalid character '<'", 502,
		},
		"a text for the error": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(400)
				_, _ = io.WriteString(w, `{"error":"no"}`)
			},
			"the answer 400 Bad Request has no error envelope: its error is a JSON string, and no object", 400,
		},
		"a body that breaks off": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "100")
				w.WriteHeader(500)
				_, _ = io.WriteString(w, "{")
			},
			"reading the answer: unexpected EOF", 0,
		},
		"a success": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, "", 204},
	} {
		t.Run(name, func(t *testing.T) {
			failure, err := serve(t, test.answer).Do(t.Context(), call)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)) {
				t.Errorf("the error is %v, want %q", err, test.want)
			}
			if failure.Status != test.status {
				t.Errorf("the status is %d, want %d", failure.Status, test.status)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	call := clients.Call{Operation: &fixtures.Operation{Method: "GET", Path: "/things"}}
	for _, test := range []struct {
		header, date string
		want         time.Duration
	}{
		{"300", "", 5 * time.Minute},
		{"2.128", "", 2128 * time.Millisecond},
		{"Wed, 17 Aug 2022 03:40:03 GMT", "Wed, 17 Aug 2022 03:35:03 GMT", 5 * time.Minute},
		{"Wed, 17 Aug 2022 03:35:03 GMT", "Wed, 17 Aug 2022 03:40:03 GMT", 0},
		{"", "", 0},
		{"-5", "", 0},
		{"soon", "", 0},
		{"NaN", "", 0},
		{"1e300", "", 0},
	} {
		failure, err := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", test.header)
			if test.date != "" {
				w.Header().Set("Date", test.date)
			}
			w.WriteHeader(429)
			_, _ = io.WriteString(w, "{}")
		}).Do(t.Context(), call)
		if err != nil {
			t.Fatal(err)
		}
		if failure.RetryAfter != test.want {
			t.Errorf("Retry-After %q: told %s, want %s", test.header, failure.RetryAfter, test.want)
		}
	}
}

func TestDoEndsWithItsContext(t *testing.T) {
	release := make(chan struct{})
	client := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.Do(ctx, clients.Call{Operation: &fixtures.Operation{Method: "GET", Path: "/"}}); err == nil {
		t.Error("a call whose context has ended went on")
	}
}

func TestARetryingClientAsksAgain(t *testing.T) {
	var bodies []string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if bodies = append(bodies, string(body)); len(bodies) < 3 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"error":{}}`) // the client's failure tells
		}
	}))
	t.Cleanup(server.Close)
	call := clients.Call{Operation: &fixtures.Operation{Method: "POST", Path: "/things"}, Body: []byte(`{"a":1}`)}
	failure, err := wire.NewRetrying(server.Client(), server.URL).Do(t.Context(), call)
	if err != nil || failure.Status != 200 {
		t.Errorf("told %+v and the error %v", failure, err)
	}
	if got := strings.Join(bodies, " "); got != `{"a":1} {"a":1} {"a":1}` {
		t.Errorf("the client sent %s", got)
	}
}
