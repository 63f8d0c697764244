package graph_test

import (
	"os"
	"testing"

	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/graph"
)

// In a file of tests, the variable and both functions are the package's. Without a suite of its own, RunSpecs runs the specs.
func ExampleDescribe() {
	var _ = graph.Describe("coursesync", wire.Config())

	var TestMain = func(m *testing.M) { os.Exit(suites.Run(m)) }                  // optional: short flags, and causes last
	var TestContract = func(t *testing.T) { suites.RunSpecs(t, "what it meets") } //nolint:thelper // a test; or ginkgo.RunSpecs, which is there

	_, _ = TestMain, TestContract
}
