//go:build unix

package suite

import (
	"cmp"
	"os"
	"strconv"
	"testing"

	"github.com/learncontract/learncontract/ci/bench/synthetic"
	"github.com/learncontract/learncontract/ci/bench/usage"
	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites"
)

func TestMain(m *testing.M) { suites.Main(m) }

// TestSuite runs the contract that BENCH_SIZE names: a provider's own, or a synthetic one of so many wordings. All of
// it is counted, loading the contract and rendering the answers too, but for making the synthetic contract. BENCH_WRONG
// names a field that every answer has wrong.
func TestSuite(t *testing.T) {
	size := cmp.Or(os.Getenv("BENCH_SIZE"), "graph")
	describe := func(s *suites.Suite) {
		if field := os.Getenv("BENCH_WRONG"); field != "" {
			s.Answer = func(w *fixtures.Wording) fixtures.Answer { return synthetic.Wrong(w, field) }
		}
		for _, action := range fixtures.Actions() {
			s.Describe(action)
		}
	}
	wordings, err := strconv.Atoi(size)
	if err != nil {
		suites.Load(t, size).Run(t, describe)
		return
	}
	suite := suites.Load(t, "graph")
	usage.Uncounted(func() { suite.Contract = synthetic.Contract(suite.Contract, wordings) })
	suite.Run(t, describe)
}
