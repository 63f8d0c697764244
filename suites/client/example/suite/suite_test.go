package suite_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/graph"

	"example.com/coursesync/undercontract"
)

// TestMain has the flags of reports and of live runs: ginkgo run . -- --report out.
func TestMain(m *testing.M) { suites.Main(m) }

// TestSuite is the connector's own suite: the specs of the contract are some among others.
func TestSuite(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "coursesync")
}

var _ = graph.Describe("coursesync", undercontract.Connector)

var _ = It("performs three operations", func() {
	Expect(undercontract.Connector.Operations).To(HaveLen(3))
})
