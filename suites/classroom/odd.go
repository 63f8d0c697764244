package classroom

import (
	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites"
)

// Odd registers, beside Specs, answers that Google's pages do not document, and that their reader may expect.
func Odd(s *suites.Suite) {
	// Status documents its code as "an enum value of google.rpc.Code" (googleapis, google/rpc/status.proto).
	s.DescribeCase(suites.Case{
		Key: "code-of-rpc", Clauses: "classroom.courses.get.permission-denied",
		Reading: "the body's code is the number that google.rpc.Code has",
		Change: func(_ *fixtures.Wording, body map[string]any) {
			e, _ := body["error"].(map[string]any)
			e["code"] = 7
		},
	})
}
