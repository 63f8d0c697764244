//go:build unix

package main

import (
	_ "embed"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"text/template"

	"github.com/learncontract/learncontract/fixtures"
)

//go:embed byhand.go.tmpl
var byHand string

// entry is one row of the suite that is written by hand, all of it literals.
type entry struct {
	Title, Method, Path            string
	Status                         int
	Header                         map[string]string
	Body, Code, Message, RequestID string
	Wait                           int64 // in nanoseconds
}

// writeByHand writes, into a copy of the module, the suite that a team would write by hand for the example connector: of
// the wordings of the operations that it performs.
func writeByHand(module string, operations []string) (err error) {
	contract, err := fixtures.Load("graph")
	if err != nil {
		return err
	}
	var entries []entry
	for clause := range contract.Clauses() {
		o := clause.Operation
		if !slices.Contains(operations, o.ID) {
			continue
		}
		for _, w := range clause.Wordings {
			response := w.Response()
			e := entry{
				Title: w.Title(), Method: o.Method, Path: o.URLAt(""), Status: response.Status, Header: map[string]string{},
				Body: string(response.Body), Code: w.Code, Message: w.Message.Expand(o.Params), RequestID: response.Header.Get("request-id"),
			}
			for name := range response.Header {
				e.Header[name] = response.Header.Get(name)
			}
			seconds, _ := strconv.ParseInt(response.Header.Get("Retry-After"), 10, 64) // 0 without the header
			e.Wait = seconds * 1e9
			entries = append(entries, e)
		}
	}
	folder := filepath.Join(module, example, "byhand")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(folder, "byhand_test.go"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	params := contract.Operation(operations[0]).Params
	return template.Must(template.New("").Parse(byHand)).Execute(file, map[string]any{
		"BaseURL": contract.BaseURL, "Provider": params["registrationId"], "ID": contract.Operation(operations[0]).Params["id"], "Entries": entries,
	})
}
