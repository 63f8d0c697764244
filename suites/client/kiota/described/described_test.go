package described_test

import (
	"testing"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/clients/kiota"
	"github.com/learncontract/learncontract/suites/graph"
)

var _ = suites.Describe("msgraph-sdk-go", "graph", kiota.Config(), func(s *suites.Suite) {
	graph.Specs(s)
	graph.Odd(s)
})

func TestMain(m *testing.M) { suites.Main(m) }

func TestKiota(t *testing.T) {
	gomega.RegisterFailHandler(ginkgo.Fail)
	ginkgo.RunSpecs(t, "kiota")
}
