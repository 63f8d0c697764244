//go:build unix

package plain

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/learncontract/learncontract/ci/bench/usage"
)

// table reads the cases from the file that BENCH_TABLE names. They are read and not Go literals, so that one binary
// serves every size; reading them is not counted, for literals would cost nothing.
func table(t *testing.T) (cases []Case) {
	t.Helper()
	file := os.Getenv("BENCH_TABLE")
	if file == "" {
		t.Skip("BENCH_TABLE names no table: use go -C ci/bench run ., which makes one")
	}
	usage.Uncounted(func() {
		var err error
		if cases, err = Read(file); err != nil || len(cases) == 0 {
			t.Fatalf("%s holds no table: %v", file, err)
		}
	})
	return cases
}

// TestLoopback calls one server over real TCP.
func TestLoopback(t *testing.T) {
	cases := table(t)
	var current atomic.Pointer[Case]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c := current.Load()
		maps.Copy(w.Header(), c.ResponseHeader)
		w.WriteHeader(c.ResponseStatus)
		_, _ = w.Write(c.ResponseBody) // the client notices a body that breaks off
	}))
	defer server.Close()
	for i := range cases {
		c := &cases[i]
		t.Run(c.Name, func(t *testing.T) {
			current.Store(c)
			check(t, server.Client(), server.URL, c)
		})
	}
}

// TestMemory calls a RoundTripper that responds in memory.
func TestMemory(t *testing.T) {
	cases := table(t)
	for i := range cases {
		c := &cases[i]
		t.Run(c.Name, func(t *testing.T) {
			check(t, &http.Client{Transport: responding{c}}, "https://api.example", c)
		})
	}
}

type responding struct{ *Case }

func (c responding) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
	}
	return &http.Response{
		StatusCode: c.ResponseStatus, Header: c.ResponseHeader.Clone(),
		Body: io.NopCloser(bytes.NewReader(c.ResponseBody)), ContentLength: int64(len(c.ResponseBody)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
	}, nil
}

// check performs the request of a case and asserts its response.
func check(t *testing.T, client *http.Client, baseURL string, c *Case) {
	t.Helper()
	var body io.Reader
	if c.RequestBody != nil {
		body = bytes.NewReader(c.RequestBody)
	}
	request, err := http.NewRequestWithContext(t.Context(), c.Method, baseURL+c.Path, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}

	var envelope struct {
		Error struct {
			Code    any      `json:"code"`   // Graph's code; Google's HTTP status
			Status  string   `json:"status"` // Google's code
			Message string   `json:"message"`
			Details []Detail `json:"details"`
		} `json:"error"`
	}
	if response.StatusCode != c.Status {
		t.Errorf("status: got %d, want %d", response.StatusCode, c.Status)
	}
	if got := response.Header.Get("Content-Type"); got != c.ContentType {
		t.Errorf("Content-Type: got %q, want %q", got, c.ContentType)
	}
	if got := response.Header.Get("Retry-After"); got != c.RetryAfter {
		t.Errorf("Retry-After: got %q, want %q", got, c.RetryAfter)
	}
	if err := json.Unmarshal(text, &envelope); err != nil {
		t.Fatalf("body: %v", err)
	}
	got := envelope.Error
	code, isText := got.Code.(string)
	if !isText {
		code = got.Status
	}
	if code != c.Code {
		t.Errorf("code: got %q, want %q", code, c.Code)
	}
	if got.Message != c.Message {
		t.Errorf("message: got %q, want %q", got.Message, c.Message)
	}
	if !slices.Equal(got.Details, c.Details) {
		t.Errorf("details: got %q, want %q", got.Details, c.Details)
	}
}
