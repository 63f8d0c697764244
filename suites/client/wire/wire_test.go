package wire_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/wire"
)

// serve starts a server with TLS and returns a client of it.
func serve(t *testing.T, handler http.HandlerFunc) *wire.Client {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	return wire.New(server.Client(), server.URL)
}

var getThings = client.Call{Operation: &fixtures.Operation{Method: http.MethodGet, Path: "/things"}}

func TestEveryWordingIsSurfacedOverARealConnection(t *testing.T) {
	t.Parallel()
	contract, err := fixtures.Open(os.DirFS("../../../fixtures/testdata/sample"))
	if err != nil {
		t.Fatal(err)
	}
	var current *fixtures.Wording
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := current.Clause.Operation
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		want := o.Method + " " + strings.TrimPrefix(o.URL(), o.Contract.BaseURL)
		if got := r.Method + " " + r.URL.String(); got != want {
			t.Errorf("%s: the client sent %s, want %s", current.ID(), got, want)
		}
		if media := r.Header.Get("Content-Type"); (media == "application/json") != (o.Body != nil) || r.Header.Get("Accept") != "application/json" {
			t.Errorf("%s: the client sent %d bytes as %q, and accepts %q", current.ID(), len(body), media, r.Header.Get("Accept"))
		}
		if string(body) != string(o.Body) {
			t.Errorf("%s: the client sent %q, want %q", current.ID(), body, o.Body)
		}
		response := current.Response()
		for name := range response.Header {
			w.Header().Set(name, response.Header.Get(name))
		}
		w.WriteHeader(response.Status)
		_, _ = w.Write(response.Body) // the client's failure shows it
	}))
	defer server.Close()
	config := wire.Config()
	calls, err := config.New(server.Client(), server.URL)
	if err != nil || config.Name != "wire" {
		t.Fatal(err)
	}
	for clause := range contract.Clauses() {
		for _, current = range clause.Wordings {
			failure := calls["*"](t.Context(), client.Minimal(clause.Operation))
			x := exchange.New(clause.Operation.Method, clause.Operation.URL(), current.Response(), time.Now())
			matcher := client.Surface(current)
			if ok, err := matcher.Match(config.Surfaced(failure, x)); !ok || err != nil || matcher.NotExposed() != nil {
				t.Errorf("%v %s", err, matcher.FailureMessage(nil))
			}
		}
	}
}

func TestDoReturnsWhatItCannotRead(t *testing.T) {
	t.Parallel()
	respond := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); _, _ = io.WriteString(w, body) }
	}
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    string // of the error; "" for none
	}{
		"HTML":                 {respond(502, "<html>"), "the response 502 Bad Gateway has no error envelope: invalid character '<'"},
		"a text for the error": {respond(400, `{"error":"no"}`), "the response 400 Bad Request has no error envelope: its error is a JSON string, and no object"},
		"a list":               {respond(400, `[]`), "the response 400 Bad Request has no error envelope: its body is a JSON array, and no object"},
		"a body that breaks off": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "100")
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = io.WriteString(w, "{")
			},
			"reading the response: unexpected EOF",
		},
		"a success":       {respond(204, ""), ""},
		"a redirection":   {respond(399, "<html>"), ""},
		"an empty object": {respond(400, "{}"), "400 Bad Request"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := serve(t, test.handler).Do(t.Context(), getThings)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)) {
				t.Errorf("the error is %v, want %q", err, test.want)
			}
			if errors.As(err, new(client.Failure)) != (name == "an empty object") {
				t.Errorf("the error carries a failure, or none: %v", err)
			}
		})
	}
	broken := errors.New("the wire is cut")
	cut := &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) { return nil, broken })}
	if err := wire.New(cut, "https://h.invalid").Do(t.Context(), getThings); !errors.Is(err, broken) {
		t.Errorf("the error is %v, want that of the transport", err)
	}
	if err := wire.New(cut, ":").Do(t.Context(), getThings); err == nil || errors.Is(err, broken) {
		t.Errorf("below no URL the error is %v", err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A field of another type, or an entry of another shape, loses no other.
func TestFieldsAreReadOneByOne(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]client.Failure{
		`{"error":{"code":"c","message":"@N a message","details":[{"code":"d","message":"m"},{"code":"d"},{"message":"m"},{"code":"","message":""},7]}}`: {
			Status: 429, Code: "c", Name: "N", Message: "@N a message", Details: []client.Detail{{Code: "d", Message: "m"}, {}},
		},
		`{"error":{"code":"c","message":"m","details":[{"code":5,"message":"m"},{"code":"d","message":"m"}],"more":1e999}}`: {
			Status: 429, Code: "c", Message: "m", Details: []client.Detail{{Code: "d", Message: "m"}},
		},
		`{"error":{"code":429,"status":"S","message":"a message","details":"text"}}`: {Status: 429, Code: "S", Message: "a message"},
		`{"error":{"code":"c","status":"S","message":{"code":"x"}}}`:                 {Status: 429, Code: "c"},
		`{"error":{"code":"c","message":"@N"}}`:                                      {Status: 429, Code: "c", Name: "N", Message: "@N"},
	} {
		err := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Request-Id", "an id")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, body)
		}).Do(t.Context(), getThings)
		want.RequestID = "an id"
		got, _ := errors.AsType[client.Failure](err)
		for _, field := range client.Fields() {
			if got.Text(field) != want.Text(field) || len(got.Details) != len(want.Details) {
				t.Errorf("%s: the %s is %q, want %q", body, field, got.Text(field), want.Text(field))
			}
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	const now = "Wed, 17 Aug 2022 03:35:03 GMT"
	for _, test := range []struct {
		value, date string
		want        time.Duration
	}{
		{"300", "", 5 * time.Minute},
		{"2.128", "", 2128 * time.Millisecond},
		{"1.001", "", 1001 * time.Millisecond}, // no float64
		{"0.5", "", 500 * time.Millisecond},
		{"2147483648", "", 2147483648 * time.Second},
		{"9999999999", "", 1<<63 - 1},
		{"Wed, 17 Aug 2022 03:40:03 GMT", now, 5 * time.Minute},
		{now, "Wed, 17 Aug 2022 03:40:03 GMT", 0},
		{"", now, 0},
		{"0", now, 0},
		{"-5", now, 0},
		{"soon", now, 0},
		{"NaN", now, 0},
		{"1e300", now, 1<<63 - 1},
	} {
		header := http.Header{"Retry-After": {test.value}, "Date": {test.date}}
		if got := wire.RetryAfter(header); got != test.want {
			t.Errorf("Retry-After %q asks to wait %s, want %s", test.value, got, test.want)
		}
	}
	soon := http.Header{"Retry-After": {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}}
	if got := wire.RetryAfter(soon); got < 59*time.Minute || got > time.Hour {
		t.Errorf("without a date it counts from another time than now: %s", got)
	}
}

func TestDoEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	if err := c.Do(ctx, getThings); !errors.Is(err, context.Canceled) {
		t.Errorf("a call whose context has ended returned %v", err)
	}
}

func TestTheBodyIsClosed(t *testing.T) {
	t.Parallel()
	closed := 0
	c := wire.New(&http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: body{strings.NewReader("{}"), func() { closed++ }}}, nil
	})}, "https://h.invalid")
	if err := c.Do(t.Context(), getThings); err != nil || closed != 1 {
		t.Errorf("closed %d times, %v", closed, err)
	}
}

type body struct {
	io.Reader
	onClose func()
}

func (b body) Close() error { b.onClose(); return nil }
