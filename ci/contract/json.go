package main

import (
	"encoding/json"
	"io"
	"slices"

	"github.com/learncontract/learncontract/fixtures"
)

// clausesVersion is the version of what --json prints. Within a version keys are only added: none goes, none changes its meaning.
const clausesVersion = 2

// The types below add to the contract's own what clauses.schema.json has besides; that says what the keys mean. Every key is
// always there.
type (
	jsonClauses struct {
		Version int          `json:"version"`
		Clauses []jsonClause `json:"clauses"`
	}
	jsonClause struct {
		*fixtures.Clause
		Provider  string        `json:"provider"`
		Operation string        `json:"operation"`
		Action    string        `json:"action"`
		Method    string        `json:"method"`
		Path      string        `json:"path"`
		Title     string        `json:"title"`
		Wordings  []jsonWording `json:"wordings"`
		Sources   []jsonSource  `json:"sources"`
		Alike     []string      `json:"lookAlikes"`
	}
	jsonWording struct {
		ID string `json:"id"`
		*fixtures.Wording
		Editions []string     `json:"editions"`
		Response jsonResponse `json:"response"`
	}
	jsonSource struct {
		Edition *fixtures.Edition `json:"edition"`
		Header  []string          `json:"header"`
		fixtures.Row
		Defects  []fixtures.Defect `json:"defects"`
		Wordings []string          `json:"wordings"` // the ids of those that it documents
	}
	jsonResponse struct {
		Status int               `json:"status"`
		Header map[string]string `json:"header"`
		Body   json.RawMessage   `json:"body"`
	}
)

// writeJSON writes the complete clauses.
func writeJSON(w io.Writer, clauses []*fixtures.Clause) error {
	all := jsonClauses{Version: clausesVersion}
	for _, c := range clauses {
		o := c.Operation
		clause := jsonClause{
			Clause: c, Provider: o.Contract.Provider, Operation: o.ID, Action: o.Action, Method: o.Method, Path: o.Path,
			Title: c.Title(),
		}
		for _, other := range c.LookAlikes() {
			clause.Alike = append(clause.Alike, other.ID)
		}
		for _, w := range c.Wordings {
			clause.Wordings = append(clause.Wordings, jsonWording{w.ID(), w, w.Editions(), responseJSON(w)})
		}
		for _, s := range c.Sources {
			source := jsonSource{Edition: s.Edition, Header: s.Table.Header, Row: s.Row, Defects: s.Defects}
			for _, w := range c.Wordings {
				if slices.Contains(w.Sources, s) {
					source.Wordings = append(source.Wordings, w.ID())
				}
			}
			clause.Sources = append(clause.Sources, source)
		}
		all.Clauses = append(all.Clauses, clause)
	}
	return encode(w, all)
}

func responseJSON(w *fixtures.Wording) jsonResponse {
	documented := w.Response()
	response := jsonResponse{Status: documented.Status, Header: map[string]string{}, Body: documented.Body}
	for name := range documented.Header {
		response.Header[name] = documented.Header.Get(name)
	}
	return response
}
