// Package specs is what the suites of graph and classroom assert of each documented failure and each success, without what they
// assert of retries: a plain table of the same calls has none.
package specs

import (
	. "github.com/onsi/gomega"

	"github.com/learncontract/learncontract/fixtures"
	. "github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/client"
)

// Specs asserts it of every operation.
func Specs(s *suites.Suite) {
	for _, action := range fixtures.Actions() {
		s.Each(action, func(g Gomega, w *fixtures.Wording, r suites.Result) {
			g.Expect(r.Response).To(s.Honor(w))
			g.Expect(r.Response).To(HaveStatus(w.Clause.Status))
			g.Expect(r.Response).To(HaveErrorCode(w.Code))
			g.Expect(r.Response).To(HaveErrorMessage(w.Message))
			g.Expect(r.Response).To(HaveErrorShape(s.Contract.Envelope.Schema))
			g.Expect(r.Failure).To(client.Surface(w))
		})
		s.EachSuccess(action, func(g Gomega, o *fixtures.Operation, r suites.Result) {
			g.Expect(r.Response).To(HonorSuccess(o))
			g.Expect(r.Failure.Err).NotTo(HaveOccurred())
		})
	}
}
