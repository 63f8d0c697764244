package main

import (
	"encoding/json"
	"io"
	"slices"

	"github.com/learncontract/learncontract/fixtures"
)

// clausesVersion is the version of what --json prints. Within a version keys are only added: none goes, none changes its meaning.
const clausesVersion = 2

// The types below follow clauses.schema.json, which says what the keys mean. Every key is always there.
type (
	jsonClauses struct {
		Version int          `json:"version"`
		Clauses []jsonClause `json:"clauses"`
	}
	jsonClause struct {
		ID        string            `json:"id"`
		Provider  string            `json:"provider"`
		Operation string            `json:"operation"`
		Action    string            `json:"action"`
		Method    string            `json:"method"`
		Path      string            `json:"path"`
		Title     string            `json:"title"`
		When      string            `json:"when"`
		Status    int               `json:"status"`
		Name      string            `json:"name"`
		Evidence  string            `json:"evidence"`
		Basis     string            `json:"basis"`
		Remedy    fixtures.Remedy   `json:"remedy"`
		Bindings  fixtures.Bindings `json:"bindings"`
		Wordings  []jsonWording     `json:"wordings"`
		Sources   []jsonSource      `json:"sources"`
		Alike     []string          `json:"lookAlikes"`
		File      string            `json:"file"`
		Line      int               `json:"line"`
	}
	jsonSource struct {
		Edition  jsonEdition       `json:"edition"`
		Table    string            `json:"table"`
		Header   []string          `json:"header"`
		Row      int               `json:"row"`
		Cells    []string          `json:"cells"`
		Defects  []fixtures.Defect `json:"defects"`
		Wordings []string          `json:"wordings"`
	}
	jsonEdition struct {
		ID    string `json:"id"`
		Title string `json:"title"`
		URL   string `json:"url"`
		Note  string `json:"note"`
	}
	jsonWording struct {
		ID          string       `json:"id"`
		Key         string       `json:"key"`
		Reading     string       `json:"reading"`
		Code        string       `json:"code"`
		Message     string       `json:"message"`
		Details     []jsonDetail `json:"details"`
		MoreDetails bool         `json:"moreDetails"`
		Text        string       `json:"text"`
		Editions    []string     `json:"editions"`
		Response    jsonResponse `json:"response"`
	}
	jsonDetail struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	jsonResponse struct {
		Status int               `json:"status"`
		Header map[string]string `json:"header"`
		Body   json.RawMessage   `json:"body"`
	}
)

// writeJSON writes the complete clauses.
func writeJSON(w io.Writer, clauses []*fixtures.Clause) error {
	all := jsonClauses{Version: clausesVersion, Clauses: []jsonClause{}}
	for _, c := range clauses {
		o := c.Operation
		clause := jsonClause{
			ID: c.ID, Provider: o.Contract.Provider, Operation: o.ID, Action: o.Action, Method: o.Method, Path: o.Path,
			Title: c.Title(), When: c.When, Status: c.Status, Name: c.Name, Evidence: c.Evidence, Basis: c.Basis,
			Remedy: c.Remedy, Bindings: c.Bindings, File: c.File, Line: c.Line,
			Alike: []string{},
		}
		for _, other := range c.LookAlikes() {
			clause.Alike = append(clause.Alike, other.ID)
		}
		for _, w := range c.Wordings {
			clause.Wordings = append(clause.Wordings, wordingJSON(w))
		}
		for _, s := range c.Sources {
			clause.Sources = append(clause.Sources, sourceJSON(c, s))
		}
		all.Clauses = append(all.Clauses, clause)
	}
	return encode(w, all)
}

func wordingJSON(w *fixtures.Wording) jsonWording {
	wording := jsonWording{
		ID: w.ID(), Key: w.Key, Reading: w.Reading, Code: w.Code, Message: w.Message.String(), Details: []jsonDetail{},
		MoreDetails: w.MoreDetails, Text: w.Text, Editions: w.Editions(), Response: responseJSON(w),
	}
	for _, d := range w.Details {
		wording.Details = append(wording.Details, jsonDetail{d.Code, d.Message.String()})
	}
	return wording
}

// sourceJSON is a source with the ids of the wordings that it documents. A list without entries is empty, never null.
func sourceJSON(c *fixtures.Clause, s *fixtures.Source) jsonSource {
	source := jsonSource{
		Edition: jsonEdition{ID: s.Edition.ID, Title: s.Edition.Title, URL: s.Edition.URL, Note: s.Edition.Note},
		Table:   s.Row.Table, Header: append([]string{}, s.Table.Header...), Row: s.Row.Number,
		Cells: append([]string{}, s.Row.Cells...), Defects: append([]fixtures.Defect{}, s.Defects...), Wordings: []string{},
	}
	for _, w := range c.Wordings {
		if slices.Contains(w.Sources, s) {
			source.Wordings = append(source.Wordings, w.ID())
		}
	}
	return source
}

func responseJSON(w *fixtures.Wording) jsonResponse {
	documented := w.Response()
	response := jsonResponse{Status: documented.Status, Header: map[string]string{}, Body: documented.Body}
	for name := range documented.Header {
		response.Header[name] = documented.Header.Get(name)
	}
	return response
}
