//go:build unix

package clients

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/learncontract/learncontract/ci/bench/usage"
	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/clients/googleapi"
	"github.com/learncontract/learncontract/suites/clients/kiota"
)

func TestMain(m *testing.M) { suites.Main(m) }

// chosen is the client that BENCH_CLIENT names, and its provider.
func chosen(t *testing.T) (string, clients.Config) {
	t.Helper()
	switch client := os.Getenv("BENCH_CLIENT"); client {
	case "wire":
		return "classroom", suites.Reference
	case "googleapi":
		return "classroom", googleapi.Config()
	case "kiota":
		return "graph", kiota.Config()
	default:
		t.Skipf("BENCH_CLIENT is %q: use go -C ci/bench run ., which names one", client)
		return "", clients.Config{}
	}
}

// TestSuite asks the client for the whole contract. All of it is counted.
func TestSuite(t *testing.T) {
	provider, client := chosen(t)
	suite := suites.Load(t, provider)
	suite.Client = client
	suite.Run(t, func(s *suites.Suite) {
		for _, action := range fixtures.Actions() {
			s.Describe(action)
		}
	})
}

// planned is one row of the plain table.
type planned struct {
	name   string
	call   clients.Call
	answer fixtures.Answer
	want   clients.Failure
}

// TestMemory makes the same calls through the client, answered in memory, and asserts what a hand-written table would.
func TestMemory(t *testing.T) {
	plain(t, func(_ *testing.T, base string, answer func() fixtures.Answer) (*http.Client, string) {
		return &http.Client{Transport: answering{answer}}, base
	})
}

// TestLoopback makes them over a loopback server, as a hand-written table for an SDK does.
func TestLoopback(t *testing.T) {
	plain(t, func(t *testing.T, _ string, answer func() fixtures.Answer) (*http.Client, string) {
		t.Helper()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			a := answer()
			maps.Copy(w.Header(), a.Header)
			w.WriteHeader(a.Status)
			_, _ = w.Write(a.Body) // what is missing, the assertions tell
		}))
		t.Cleanup(server.Close)
		return server.Client(), server.URL
	})
}

// plain makes the calls by the http.Client and below the base URL that serve returns. Making the table is not counted, for
// literals would cost nothing.
func plain(t *testing.T, serve func(t *testing.T, base string, answer func() fixtures.Answer) (*http.Client, string)) {
	t.Helper()
	provider, client := chosen(t)
	var table []planned
	var base string
	usage.Uncounted(func() {
		contract, err := fixtures.Load(provider)
		if err != nil {
			t.Fatal(err)
		}
		base = contract.BaseURL
		for clause := range contract.Clauses() {
			for _, w := range clause.Wordings {
				table = append(table, planned{w.ID(), clients.Minimal(clause.Operation), w.Answer(), clients.Failure{
					Status: clause.Status, Code: w.Code, Name: clause.Name, Message: w.Message.Expand(clause.Operation.Params),
				}})
			}
		}
		for _, o := range contract.Operations {
			table = append(table, planned{o.ID, clients.Minimal(o), o.Succeed(), clients.Failure{}})
		}
	})
	exposes := map[clients.Field]bool{}
	for _, field := range client.Exposed() {
		exposes[field] = true
	}
	var row planned
	by, base := serve(t, base, func() fixtures.Answer { return row.answer })
	for _, row = range table {
		t.Run(row.name, func(t *testing.T) {
			got, err := client.New(by, base).Do(t.Context(), row.call)
			if err != nil {
				t.Fatal(err)
			}
			if row.want.Status == 0 {
				return
			}
			if got.Status != row.want.Status {
				t.Errorf("status: got %d, want %d", got.Status, row.want.Status)
			}
			if exposes[clients.Code] && got.Code != row.want.Code {
				t.Errorf("code: got %q, want %q", got.Code, row.want.Code)
			}
			if exposes[clients.Name] && got.Name != row.want.Name {
				t.Errorf("name: got %q, want %q", got.Name, row.want.Name)
			}
			if got.Message != row.want.Message {
				t.Errorf("message: got %q, want %q", got.Message, row.want.Message)
			}
		})
	}
}

// answering answers in memory.
type answering struct{ answer func() fixtures.Answer }

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
	}
	answer := a.answer()
	return &http.Response{
		StatusCode: answer.Status, Header: answer.Header.Clone(), Body: io.NopCloser(bytes.NewReader(answer.Body)),
		ContentLength: int64(len(answer.Body)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
	}, nil
}
