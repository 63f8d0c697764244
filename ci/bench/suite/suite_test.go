//go:build unix

package suite

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"testing"

	"github.com/learncontract/learncontract/ci/bench/specs"
	"github.com/learncontract/learncontract/ci/bench/synthetic"
	"github.com/learncontract/learncontract/ci/bench/usage"
	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/wire"
)

func TestMain(m *testing.M) { os.Exit(suites.Run(m)) }

// TestGinkgo runs the specs of the contract that BENCH_SIZE names as a Ginkgo suite. All of it is counted, loading the contract
// and rendering the responses too, but for making a synthetic contract.
func TestGinkgo(t *testing.T) {
	provider(t).Describe("bench", reference(t))
	suites.RunSpecs(t, "bench")
}

// TestSubtests runs them as subtests.
func TestSubtests(t *testing.T) { provider(t).Test(t, reference(t)) }

// provider is the provider that BENCH_SIZE names, with its own contract, or graph with a synthetic one of so many wordings.
func provider(t *testing.T) suites.Provider {
	t.Helper()
	size := cmp.Or(os.Getenv("BENCH_SIZE"), "graph")
	wordings, err := strconv.Atoi(size)
	if err != nil {
		return suites.Provider{Name: size, Specs: specs.Specs}
	}
	contract := load(t, "graph")
	usage.Uncounted(func() { contract = synthetic.Contract(contract, wordings) })
	return suites.Provider{Name: "graph", Contract: contract, Specs: specs.Specs}
}

func load(t *testing.T, provider string) *fixtures.Contract {
	t.Helper()
	contract, err := fixtures.Load(provider)
	if err != nil {
		t.Fatal(err)
	}
	return contract
}

// reference is the reference client. BENCH_WRONG names a field that it reads wrong of every response of graph.
func reference(t *testing.T) client.Config {
	t.Helper()
	config := wire.Config()
	field := os.Getenv("BENCH_WRONG")
	if field == "" {
		return config
	}
	wrong := map[string]fixtures.Response{}
	for clause := range load(t, "graph").Clauses() {
		for _, w := range clause.Wordings {
			right := w.Response()
			wrong[key(clause.Operation.Method, clause.Operation.URLAt(""), right.Status, right.Body)] = synthetic.Wrong(w, field)
		}
	}
	right := config.New
	config.New = func(given *http.Client, baseURL string) (client.Calls, error) {
		return right(&http.Client{Transport: changing{given.Transport, baseURL, wrong}}, baseURL)
	}
	return config
}

func key(method, path string, status int, body []byte) string {
	return fmt.Sprintf("%s %s %d %s", method, path, status, body)
}

// changing changes responses on their way.
type changing struct {
	http.RoundTripper
	baseURL string
	wrong   map[string]fixtures.Response
}

// RoundTrip implements http.RoundTripper.
func (c changing) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := c.RoundTripper.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	path := request.URL.String()[len(c.baseURL):]
	if wrong, ok := c.wrong[key(request.Method, path, response.StatusCode, body)]; ok {
		response.StatusCode, response.Header, body = wrong.Status, wrong.Header, wrong.Body
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}
