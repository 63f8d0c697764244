//go:build unix

package suite

import (
	"cmp"
	"context"
	"errors"
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

// reference is the reference client. BENCH_WRONG names a field that it misreads.
func reference(t *testing.T) client.Config {
	t.Helper()
	config := wire.Config()
	field := os.Getenv("BENCH_WRONG")
	if field == "" {
		return config
	}
	right := config.New
	config.New = func(given *http.Client, baseURL string) (client.Calls, error) {
		calls, err := right(given, baseURL)
		do := calls["*"]
		return client.Calls{"*": func(ctx context.Context, c client.Call) error {
			err := do(ctx, c)
			if failure, ok := errors.AsType[client.Failure](err); ok {
				return synthetic.Misread(failure, field)
			}
			return err
		}}, err
	}
	return config
}
