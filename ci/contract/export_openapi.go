package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/learncontract/learncontract/fixtures"
)

// The types below are the used part of the OpenAPI Specification 3.1 (https://spec.openapis.org/oas/v3.1.0), with its names.
type (
	oasDocument struct {
		OpenAPI    string                             `json:"openapi"`
		Info       oasInfo                            `json:"info"`
		Servers    []oasServer                        `json:"servers"`
		Paths      map[string]map[string]oasOperation `json:"paths"`
		Components oasComponents                      `json:"components"`
	}
	oasInfo struct {
		Title       string `json:"title"`
		Description string `json:"description"`
		Version     string `json:"version"`
	}
	oasServer struct {
		URL string `json:"url"`
	}
	oasOperation struct {
		OperationID string                 `json:"operationId"`
		Tags        []string               `json:"tags"`
		Parameters  []oasParameter         `json:"parameters,omitempty"`
		RequestBody *oasBody               `json:"requestBody,omitempty"`
		Responses   map[string]oasResponse `json:"responses"`
	}
	oasParameter struct {
		Name     string    `json:"name"`
		In       string    `json:"in"`
		Required bool      `json:"required"`
		Schema   oasSchema `json:"schema"`
		Example  string    `json:"example"`
	}
	oasBody struct {
		Required bool                `json:"required"`
		Content  map[string]oasMedia `json:"content"`
	}
	oasResponse struct {
		Description string               `json:"description"`
		Headers     map[string]oasHeader `json:"headers,omitempty"`
		Content     map[string]oasMedia  `json:"content,omitempty"`
	}
	oasHeader struct {
		Schema  oasSchema `json:"schema"`
		Example string    `json:"example"`
	}
	oasMedia struct {
		Schema   *oasSchema            `json:"schema,omitempty"`
		Examples map[string]oasExample `json:"examples"`
	}
	oasExample struct {
		Summary     string          `json:"summary"`
		Description string          `json:"description,omitempty"`
		Value       json.RawMessage `json:"value"`
	}
	oasSchema struct {
		Type string `json:"type,omitempty"`
		Ref  string `json:"$ref,omitempty"`
	}
	oasComponents struct {
		Schemas map[string]json.RawMessage `json:"schemas"`
	}
)

const (
	components = "#/components/schemas/"
	jsonMedia  = "application/json" // of every request body
)

var oasText = oasSchema{Type: "string"}

// openAPI renders the contract as an OpenAPI document.
func openAPI(c *fixtures.Contract) ([]byte, error) {
	document := oasDocument{
		OpenAPI: "3.1.0",
		Info: oasInfo{
			Title: fmt.Sprintf("The documented errors of %s %s", c.Provider, c.API),
			Description: "Each documented error is an example response, named by the id of its wording. " +
				"Written by go tool contract export openapi.",
			Version: c.Editions[len(c.Editions)-1].ID,
		},
		Servers:    []oasServer{{c.BaseURL}},
		Paths:      map[string]map[string]oasOperation{},
		Components: oasComponents{map[string]json.RawMessage{}},
	}
	schemas := document.Components.Schemas
	failure, err := addSchema(schemas, c.Envelope.Schema)
	if err != nil {
		return nil, err
	}
	for _, o := range c.Operations {
		operation, err := openAPIOperation(o, failure, schemas)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.ID, err)
		}
		if document.Paths[o.Path] == nil {
			document.Paths[o.Path] = map[string]oasOperation{}
		}
		document.Paths[o.Path][strings.ToLower(o.Method)] = operation
	}
	return indentedJSON(document)
}

// openAPIOperation renders one operation, whose failures have the given schema, and adds the other schemas that it needs.
func openAPIOperation(o *fixtures.Operation, failure *oasSchema, schemas map[string]json.RawMessage) (oasOperation, error) {
	operation := oasOperation{
		OperationID: o.ID, Tags: []string{o.Action}, Parameters: parameters(o), Responses: map[string]oasResponse{},
	}
	if o.Body != nil {
		schema, err := addSchema(schemas, o.Request)
		if err != nil {
			return operation, err
		}
		examples := map[string]oasExample{"minimal": {Summary: "a minimal valid request", Value: o.Body}}
		operation.RequestBody = &oasBody{Required: true, Content: map[string]oasMedia{jsonMedia: {schema, examples}}}
	}
	schema, err := addSchema(schemas, o.Success.Schema)
	if err != nil {
		return operation, err
	}
	success := oasExample{Summary: "returns " + fixtures.StatusLine(o.Success.Status)}
	addResponse(operation.Responses, o.SuccessResponse(), "success", success, schema)
	for _, clause := range o.Clauses {
		for _, w := range clause.Wordings {
			example := oasExample{Summary: w.Title(), Description: documentedAt(w)}
			addResponse(operation.Responses, w.Response(), w.ID(), example, failure)
		}
	}
	return operation, nil
}

// parameters returns the parameters of the path, in its order, and then those of the query, sorted.
func parameters(o *fixtures.Operation) (all []oasParameter) {
	for _, name := range o.Parameters() {
		all = append(all, oasParameter{name, "path", true, oasText, o.Params[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(o.Query)) {
		all = append(all, oasParameter{name, "query", true, oasText, o.Query[name]})
	}
	return all
}

// addResponse adds a response as an example of its status.
func addResponse(
	responses map[string]oasResponse, documented fixtures.Response, name string, example oasExample, schema *oasSchema,
) {
	status := fmt.Sprint(documented.Status)
	response, known := responses[status]
	if !known {
		response = oasResponse{
			Description: fixtures.StatusLine(documented.Status), Headers: map[string]oasHeader{}, Content: map[string]oasMedia{},
		}
		for field, value := range sentFields(documented) {
			if field != "Content-Type" { // the key of the content
				response.Headers[field] = oasHeader{oasText, value}
			}
		}
		responses[status] = response
	}
	if documented.Body == nil {
		return
	}
	media := documented.Header.Get("Content-Type")
	if response.Content[media].Examples == nil {
		response.Content[media] = oasMedia{schema, map[string]oasExample{}}
	}
	example.Value = documented.Body
	response.Content[media].Examples[name] = example
}

// addSchema adds a schema and its definitions to those of the document, and returns a reference to it, nil if there is none.
func addSchema(schemas map[string]json.RawMessage, s fixtures.Schema) (*oasSchema, error) {
	if len(s.JSON) == 0 {
		return nil, nil //nolint:nilnil // the documentation of some bodies has none
	}
	var file map[string]json.RawMessage
	if err := json.Unmarshal(bytes.ReplaceAll(s.JSON, []byte(`"#/$defs/`), []byte(`"`+components)), &file); err != nil {
		return nil, fmt.Errorf("schema %s: %w", s.Name, err)
	}
	var definitions map[string]json.RawMessage
	if file["$defs"] != nil {
		if err := json.Unmarshal(file["$defs"], &definitions); err != nil {
			return nil, fmt.Errorf("schema %s: %w", s.Name, err)
		}
	}
	name, inside := strings.CutPrefix(s.Root, "/$defs/")
	if !inside {
		name = strings.TrimSuffix(s.Name, ".schema.json")
		delete(file, "$defs")
		delete(file, "$schema") // the dialect of OpenAPI 3.1 is draft 2020-12, too
		whole, err := json.Marshal(file)
		if err != nil {
			return nil, fmt.Errorf("schema %s: %w", s.Name, err)
		}
		definitions = maps.Clone(definitions)
		if definitions == nil {
			definitions = map[string]json.RawMessage{}
		}
		definitions[name] = whole
	}
	for name, definition := range definitions {
		if there, taken := schemas[name]; taken && !bytes.Equal(there, definition) {
			return nil, fmt.Errorf("schema %s has a definition %s, and so has another schema: rename one", s.Name, name)
		}
		schemas[name] = definition
	}
	return &oasSchema{Ref: components + name}, nil
}
