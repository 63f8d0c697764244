//go:build unix

package clients

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"

	"github.com/learncontract/learncontract/ci/bench/specs"
	"github.com/learncontract/learncontract/ci/bench/usage"
	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/googleapi"
	"github.com/learncontract/learncontract/suites/client/kiota"
	"github.com/learncontract/learncontract/suites/client/wire"
)

func TestMain(m *testing.M) { os.Exit(suites.Run(m)) }

// chosen is the client that BENCH_CLIENT names, and its provider.
func chosen(t *testing.T) (suites.Provider, client.Config) {
	t.Helper()
	graph, classroom := suites.Provider{Name: "graph", Specs: specs.Specs}, suites.Provider{Name: "classroom", Specs: specs.Specs}
	switch name := os.Getenv("BENCH_CLIENT"); name {
	case "wire":
		return classroom, wire.Config()
	case "googleapi":
		return classroom, googleapi.Config()
	case "kiota":
		return graph, kiota.Config()
	default:
		t.Skipf("BENCH_CLIENT is %q: use go -C ci/bench run ., which names one", name)
		return graph, client.Config{}
	}
}

// TestGinkgo checks the client with the whole contract in a Ginkgo suite. All of it is counted.
func TestGinkgo(t *testing.T) {
	provider, config := chosen(t)
	provider.Describe("bench", config)
	suites.RunSpecs(t, "bench")
}

// TestSubtests checks it in subtests.
func TestSubtests(t *testing.T) {
	provider, config := chosen(t)
	provider.Test(t, config)
}

// planned is one row of the plain table.
type planned struct {
	name     string
	call     client.Call
	response fixtures.Response
	want     client.Failure
}

// TestMemory makes the same calls through the client, with responses in memory, and asserts what a hand-written table would.
func TestMemory(t *testing.T) {
	plain(t, func(_ *testing.T, base string, respond func() fixtures.Response) (*http.Client, string) {
		return &http.Client{Transport: responding{respond}}, base
	})
}

// TestLoopback makes them over a loopback server, as a hand-written table for an SDK does.
func TestLoopback(t *testing.T) {
	plain(t, func(t *testing.T, _ string, respond func() fixtures.Response) (*http.Client, string) {
		t.Helper()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			r := respond()
			maps.Copy(w.Header(), r.Header)
			w.WriteHeader(r.Status)
			_, _ = w.Write(r.Body) // what is missing, the assertions tell
		}))
		t.Cleanup(server.Close)
		return server.Client(), server.URL
	})
}

// plain makes the calls by the http.Client and below the base URL that serve returns. Making the table is not counted, for
// literals would cost nothing.
func plain(t *testing.T, serve func(t *testing.T, base string, respond func() fixtures.Response) (*http.Client, string)) {
	t.Helper()
	provider, config := chosen(t)
	var table []planned
	var base string
	usage.Uncounted(func() {
		contract, err := fixtures.Load(provider.Name)
		if err != nil {
			t.Fatal(err)
		}
		base = contract.BaseURL
		for clause := range contract.Clauses() {
			for _, w := range clause.Wordings {
				table = append(table, planned{w.ID(), client.Minimal(clause.Operation), w.Response(), client.Failure{
					Status: clause.Status, Code: w.Code, Name: clause.Name, Message: w.Message.Expand(clause.Operation.Params),
				}})
			}
		}
		for _, o := range contract.Operations {
			table = append(table, planned{o.ID, client.Minimal(o), o.SuccessResponse(), client.Failure{}})
		}
	})
	exposes := func(field client.Field) bool { return config.Exposes == nil || slices.Contains(config.Exposes, field) }
	failure := config.Failure
	if failure == nil {
		failure = func(err error) (client.Failure, bool) { return errors.AsType[client.Failure](err) }
	}
	var row planned
	by, base := serve(t, base, func() fixtures.Response { return row.response })
	for _, row = range table {
		t.Run(row.name, func(t *testing.T) {
			calls, err := config.New(by, base)
			if err != nil {
				t.Fatal(err)
			}
			err = calls["*"](t.Context(), row.call)
			got, carried := failure(err)
			if err != nil && (!carried || row.want.Status == 0) {
				t.Fatal(err)
			}
			if row.want.Status == 0 {
				return
			}
			if got.Status != row.want.Status {
				t.Errorf("status: got %d, want %d", got.Status, row.want.Status)
			}
			if exposes(client.Code) && got.Code != row.want.Code {
				t.Errorf("code: got %q, want %q", got.Code, row.want.Code)
			}
			if exposes(client.Name) && got.Name != row.want.Name {
				t.Errorf("name: got %q, want %q", got.Name, row.want.Name)
			}
			if got.Message != row.want.Message {
				t.Errorf("message: got %q, want %q", got.Message, row.want.Message)
			}
		})
	}
}

// responding responds in memory.
type responding struct{ respond func() fixtures.Response }

func (p responding) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
	}
	response := p.respond()
	return &http.Response{
		StatusCode: response.Status, Header: response.Header.Clone(), Body: io.NopCloser(bytes.NewReader(response.Body)),
		ContentLength: int64(len(response.Body)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
	}, nil
}
