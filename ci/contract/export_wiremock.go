package main

import (
	"encoding/json"
	"net/url"

	"github.com/learncontract/learncontract/fixtures"
)

// chooser is the request header that chooses a wording in WireMock, and the response header that names it in serve.
const chooser = "Learncontract-Clause"

// The types below are the used part of WireMock's mappings (https://wiremock.org/docs/stubbing/).
type (
	wireMappings struct {
		Mappings []wireMapping `json:"mappings"`
	}
	wireMapping struct {
		Name     string            `json:"name"`
		Metadata map[string]string `json:"metadata"`
		Request  wireRequest       `json:"request"`
		Response wireResponse      `json:"response"`
	}
	wireRequest struct {
		Method          string                 `json:"method"`
		URLPathTemplate string                 `json:"urlPathTemplate"`
		Headers         map[string]wirePattern `json:"headers"`
	}
	wirePattern struct {
		EqualTo string        `json:"equalTo,omitempty"`
		Or      []wirePattern `json:"or,omitempty"`
		Absent  bool          `json:"absent,omitzero"`
	}
	wireResponse struct {
		Status   int               `json:"status"`
		Headers  map[string]string `json:"headers,omitempty"`
		JSONBody json.RawMessage   `json:"jsonBody,omitzero"`
	}
)

// wireMock renders the contract as a file of WireMock's mappings.
func wireMock(c *fixtures.Contract) ([]byte, error) {
	var file wireMappings
	for _, o := range c.Operations {
		add := func(name string, metadata map[string]string, chosen wirePattern, response fixtures.Response) {
			file.Mappings = append(file.Mappings, wireMapping{
				Name:     name,
				Metadata: metadata,
				Request:  wireRequest{o.Method, basePath(c) + o.Path, map[string]wirePattern{chooser: chosen}},
				Response: wireResponse{response.Status, sentFields(response), response.Body},
			})
		}
		for _, clause := range o.Clauses {
			for i, w := range clause.Wordings {
				chosen := wirePattern{EqualTo: w.ID()}
				if i == 0 && w.ID() != clause.ID {
					chosen = wirePattern{Or: []wirePattern{{EqualTo: w.ID()}, {EqualTo: clause.ID}}}
				}
				metadata := map[string]string{"title": w.Title(), "documented": documentedAt(w)}
				add(w.ID(), metadata, chosen, w.Response())
			}
		}
		// Not with a header that names something else: a typing error would pass as a success.
		title := map[string]string{"title": "returns " + fixtures.StatusLine(o.Success.Status)}
		add(o.ID, title, wirePattern{Absent: true}, o.SuccessResponse())
	}
	return indentedJSON(file)
}

// basePath is the path of the contract's base URL, without a final slash.
func basePath(c *fixtures.Contract) string {
	base, err := url.Parse(c.BaseURL)
	if err != nil {
		panic(err) // Load has checked it
	}
	return base.Path
}
