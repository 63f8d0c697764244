package described_test

import (
	"os"
	"testing"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/client/kiota"
	"github.com/learncontract/learncontract/suites/graph"
)

var _ = suites.Provider{Name: "graph", Specs: func(s *suites.Suite) {
	graph.Specs(s)
	graph.Undocumented(s)
}}.Describe("msgraph-sdk-go", kiota.Config())

func TestMain(m *testing.M) { os.Exit(suites.Run(m)) }

func TestKiota(t *testing.T) {
	gomega.RegisterFailHandler(ginkgo.Fail)
	ginkgo.RunSpecs(t, "kiota")
}
