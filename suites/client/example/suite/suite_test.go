package suite_test

import (
	"net/http"
	"os"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/graph"

	"example.com/coursesync/undercontract"
)

// TestMain has the flags of reports and of live runs: ginkgo run . -- --report out.
func TestMain(m *testing.M) { os.Exit(suites.Run(m)) }

// TestSuite is the connector's own suite: the specs of the contract are some among others.
func TestSuite(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "coursesync")
}

var _ = graph.Describe("coursesync", undercontract.Connector)

var _ = It("performs three operations", func() {
	calls, err := undercontract.Connector.New(http.DefaultClient, "https://graph.example")
	Expect(err).NotTo(HaveOccurred())
	Expect(calls).To(HaveLen(3))
})
