package suites

import (
	"slices"
	"testing"

	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/suites/client"
)

// Test checks a client against every failure that a contract documents, one of a team's own too, as fixtures.Open reads it, as subtests
// of t, one a clause. It is Provider.Test with the specs of graph.Specs for every operation.
func Test(t *testing.T, contract *fixtures.Contract, config client.Config) {
	t.Helper()
	Provider{Name: contract.Provider, Contract: contract, Specs: checkAll}.Test(t, config)
}

// Describe registers the same as specs in the package's Ginkgo suite, below a container of the text. The result is for a variable at
// package level.
func Describe(text string, contract *fixtures.Contract, config client.Config) bool {
	return Provider{Name: contract.Provider, Contract: contract, Specs: checkAll}.Describe(text, config)
}

// checkAll are the specs of a contract that has no package of its own.
func checkAll(s *Suite) {
	for _, action := range fixtures.Actions() {
		if !slices.ContainsFunc(s.Contract.Operations, func(o *fixtures.Operation) bool { return o.Action == action }) {
			continue
		}
		s.Each(action, func(g gomega.Gomega, w *fixtures.Wording, r Result) {
			g.Expect(r.Response).To(s.Honor(w)) // status, code, name, message, details, headers, shape: all mismatches at once
			g.Expect(r.Failure).To(client.Surface(w))
		})
		s.EachSuccess(action, func(g gomega.Gomega, o *fixtures.Operation, r Result) {
			g.Expect(r.Response).To(matchers.HonorSuccess(o))
			g.Expect(r.Failure).To(client.ReturnNil(o))
		})
	}
	s.Retries()
	s.Instances()
}
