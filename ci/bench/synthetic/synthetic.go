// Package synthetic makes what no provider documents: contracts of any size, and wrong responses.
package synthetic

import (
	"fmt"
	"slices"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
)

// Contract is a contract of exactly so many wordings: from's operations, envelope and bindings, and its clauses copied
// round after round, each copy under an id and in a line of its own. from must have a clause, and is not changed.
func Contract(from *fixtures.Contract, wordings int) *fixtures.Contract {
	c := *from
	c.Operations = nil
	for _, o := range from.Operations {
		operation := *o
		operation.Contract, operation.Clauses = &c, nil
		c.Operations = append(c.Operations, &operation)
	}
	for round := 1; wordings > 0; round++ {
		for i, o := range from.Operations {
			for _, clause := range o.Clauses {
				if wordings == 0 {
					break
				}
				copied := clauseOn(c.Operations[i], clause, min(wordings, len(clause.Wordings)))
				copied.ID += fmt.Sprintf(".round-%d", round)
				copied.When += fmt.Sprintf(" for the %d. time", round)
				wordings -= len(copied.Wordings)
			}
		}
	}
	line := 0
	for clause := range c.Clauses() {
		line++
		clause.Line = line
	}
	return &c
}

// clauseOn adds a copy of the clause, with its first wordings, to an operation.
func clauseOn(o *fixtures.Operation, clause *fixtures.Clause, wordings int) *fixtures.Clause {
	copied := *clause
	copied.Operation, copied.Wordings = o, nil
	for _, w := range clause.Wordings[:wordings] {
		wording := *w
		wording.Clause = &copied
		copied.Wordings = append(copied.Wordings, &wording)
	}
	o.Clauses = append(o.Clauses, &copied)
	return &copied
}

// Fields are the fields of a response that Wrong can make wrong.
func Fields() []string { return []string{"status", "code", "message", "details", "Retry-After"} }

// Wrong is the wording's response with one of Fields wrong, or the right response where it does not have the field.
func Wrong(w *fixtures.Wording, field string) fixtures.Response {
	clause, wording := *w.Clause, *w
	wording.Clause = &clause
	switch field {
	case "status":
		clause.Status = 599
	case "code":
		wording.Code = "wrong"
	case "message":
		wording.Message = fixtures.Template{}
	case "details":
		wording.Details = slices.Clone(w.Details)
		for i := range wording.Details {
			wording.Details[i].Code = "wrong"
		}
	}
	response := wording.Response()
	if _, has := response.Header["Retry-After"]; field == "Retry-After" && has {
		response.Header.Set("Retry-After", "-1")
	}
	return response
}

// Misread is the failure with one of Fields wrong, or as it is where it does not have the field.
func Misread(f client.Failure, field string) client.Failure {
	switch field {
	case "status":
		f.Status = 599
	case "code":
		f.Code = "wrong"
	case "message":
		f.Message = ""
	case "details":
		f.Details = slices.Clone(f.Details)
		for i := range f.Details {
			f.Details[i].Code = "wrong"
		}
	case "Retry-After":
		f.RetryAfter = 0
	}
	return f
}
