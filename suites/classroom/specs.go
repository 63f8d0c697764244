package classroom

import (
	. "github.com/onsi/gomega"

	"github.com/learncontract/learncontract/fixtures"
	. "github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/client"
)

// Specs asserts every documented status, code and message of the methods that create, get, list, update and delete, and of the
// others, that a success is none of them, how the client retries, and how one instance behaves in several calls.
func Specs(s *suites.Suite) {
	for _, action := range []string{"create", "get", "list", "update", "delete", "other"} {
		// gock responds with the wording; with --live, the tenant responds.
		s.Each(action, func(g Gomega, w *fixtures.Wording, r suites.Result) {
			g.Expect(r.Response).To(s.Honor(w)) // status, code, name, message, headers, shape: all mismatches at once
			if s.Offline() {                    // a tenant's own words may differ where Google does not bind them
				g.Expect(r.Response).To(HaveStatus(w.Clause.Status))
				g.Expect(r.Response).To(HaveErrorCode(w.Code))
				g.Expect(r.Response).To(HaveErrorMessage(w.Message))
				g.Expect(r.Response).To(HaveErrorShape(s.Contract.Envelope.Schema))
			}
			g.Expect(r.Failure).To(client.Surface(w))
		})
		s.EachSuccess(action, func(g Gomega, o *fixtures.Operation, r suites.Result) {
			g.Expect(r.Response).To(HonorSuccess(o))
			g.Expect(r.Failure).To(client.ReturnNil(o))
		})
	}
	s.Retries()
	s.Instances()
}

// Undocumented asserts, beside Specs, responses that Google's pages do not document, and that their reader may expect.
func Undocumented(s *suites.Suite) {
	// Status documents its code as "an enum value of google.rpc.Code" (googleapis, google/rpc/status.proto).
	s.It("responds with the number of google.rpc.Code as the body's code", suites.Case{
		Key: "code-of-rpc", Clauses: "classroom.courses.get.permission-denied",
		Change: func(_ *fixtures.Wording, body map[string]any) {
			e, _ := body["error"].(map[string]any)
			e["code"] = 7
		},
	})
}
