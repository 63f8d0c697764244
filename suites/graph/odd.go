package graph

import (
	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites"
)

// Odd registers, beside Specs, answers that no row of the page documents, and that its reader may expect: its cells taken
// literally, and what it leaves open.
func Odd(s *suites.Suite) {
	inError := func(key, clauses, reading string, change func(*fixtures.Wording, map[string]any)) {
		s.DescribeCase(suites.Case{Key: key, Clauses: clauses, Reading: reading, Change: func(w *fixtures.Wording, body map[string]any) {
			e, _ := body["error"].(map[string]any)
			change(w, e)
		}})
	}
	// No edition says that an answer always has a message.
	inError("no-message", "graph.*.missing-scope", "the answer has no message",
		func(_ *fixtures.Wording, e map[string]any) { delete(e, "message") })
	// The cells of details are a sentence.
	inError("details-text", "graph.*.content-of-another-provider", "the details are the text of their cell",
		func(w *fixtures.Wording, e map[string]any) {
			cells := w.Sources[0].Row.Cells
			e["details"] = cells[len(cells)-1]
		})
	// The cells of message are an object: {"code": "…", "message": "Retry after {noOfMinutes} minutes"}.
	literal := func(w *fixtures.Wording, e map[string]any) {
		e["message"] = map[string]any{"code": w.Code, "message": e["message"]}
	}
	inError("message-object", "graph.*.throttled", "the message is the object of its cell", literal)
	inError("message-object", "graph.*.unavailable", "the message is the object of its cell", literal)
	// The vendor's schema spells it so (microsoft-graph-docs-contrib, concepts/errors.md @ 02b4cba0).
	inError("lower-case-innererror", "graph.*.assignment-not-found", "innererror is spelled in lower case",
		func(_ *fixtures.Wording, e map[string]any) {
			e["innererror"] = e["innerError"]
			delete(e, "innerError")
		})
}
