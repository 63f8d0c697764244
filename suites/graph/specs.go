package graph

import (
	. "github.com/onsi/gomega"

	"github.com/learncontract/learncontract/fixtures"
	. "github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/client"
)

// Specs asserts every documented status, code and message of create, get, update and delete, that a success is none of them,
// how the client retries, and how one instance behaves in several calls.
func Specs(s *suites.Suite) {
	for _, action := range []string{"create", "get", "update", "delete"} {
		// gock responds with the wording; with --live, the tenant responds.
		s.Each(action, func(g Gomega, w *fixtures.Wording, r suites.Result) {
			g.Expect(r.Response).To(s.Honor(w)) // status, code, message, details, headers, shape: all mismatches at once
			if s.Offline() {                    // a tenant's own words may differ where Graph does not bind them
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

// Undocumented asserts, beside Specs, responses that no row of the page documents, and that its reader may expect: its cells taken
// literally, and what it leaves open.
func Undocumented(s *suites.Suite) {
	s.It("responds without a message, which no edition says is always there", suites.Case{
		Key: "no-message", Clauses: "graph.*.missing-scope",
		Change: func(_ *fixtures.Wording, body map[string]any) { delete(errorIn(body), "message") },
	})
	s.It("responds with the sentence of the details' cell as its details", suites.Case{
		Key: "details-text", Clauses: "graph.*.content-of-another-provider",
		Change: func(w *fixtures.Wording, body map[string]any) {
			cells := w.Sources[0].Row.Cells
			errorIn(body)["details"] = cells[len(cells)-1]
		},
	})
	// The cells of message are an object: {"code": "…", "message": "Retry after {noOfMinutes} minutes"}.
	for _, clauses := range []string{"graph.*.throttled", "graph.*.unavailable"} {
		s.It("responds with the object of the message's cell as its message", suites.Case{
			Key: "message-object", Clauses: clauses,
			Change: func(w *fixtures.Wording, body map[string]any) {
				errorIn(body)["message"] = map[string]any{"code": w.Code, "message": errorIn(body)["message"]}
			},
		})
	}
	// The vendor's schema spells it so (microsoft-graph-docs-contrib, concepts/errors.md @ 02b4cba0).
	s.It("responds with innererror in lower case", suites.Case{
		Key: "lower-case-innererror", Clauses: "graph.*.assignment-not-found",
		Change: func(_ *fixtures.Wording, body map[string]any) {
			e := errorIn(body)
			e["innererror"] = e["innerError"]
			delete(e, "innerError")
		},
	})
}

// errorIn is the error object of a body.
func errorIn(body map[string]any) map[string]any {
	e, _ := body["error"].(map[string]any)
	return e
}
