// Package plain is the floor the suite is measured against: the same responses, asserted by a plain testing table as one
// writes it without this library. It links nothing of the module, so that its binary and its build are the floor too.
package plain

import (
	"encoding/json"
	"net/http"
	"os"
)

// Case is one row of the table: a request, its response, and what is asserted of that.
type Case struct {
	Name        string
	Method      string
	Path        string // with the query
	RequestBody []byte // nil for none

	ResponseStatus int
	ResponseHeader http.Header
	ResponseBody   []byte

	Status      int
	ContentType string
	RetryAfter  string // empty for none
	Code        string
	Message     string
	Details     []Detail
}

// Detail is one entry of error.details.
type Detail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Write writes the table to a file.
func Write(file string, cases []Case) error {
	text, err := json.Marshal(cases)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// Read reads the table from a file.
func Read(file string) (cases []Case, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return cases, json.Unmarshal(text, &cases)
}
