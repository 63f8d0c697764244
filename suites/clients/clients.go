// Package clients is the code under contract: what performs an operation and tells its caller of the failure.
//
// It knows documentation and how a failure is compared with it. It must not know which specs ask, or over which
// transport.
package clients

import (
	"bytes"
	"context"
	"maps"
	"time"

	"github.com/learncontract/learncontract/fixtures"
)

// Client is the code under contract: it performs one operation and says what its caller learns of the failure.
type Client interface {
	// Do performs the call. A failure that the provider answered is a Failure and no error; the error is for what
	// kept the answer from being heard, such as a refused connection.
	Do(ctx context.Context, call Call) (Failure, error)
}

// Call is one request of an operation.
type Call struct {
	Operation *fixtures.Operation // what is asked for
	Params    map[string]string   // a value for each {parameter} of Operation.Path, unescaped
	Query     map[string]string   // unescaped; nil for none
	Body      []byte              // JSON; nil for none
}

// Minimal is the operation's minimal valid request. The caller may change it.
func Minimal(o *fixtures.Operation) Call {
	return Call{Operation: o, Params: maps.Clone(o.Params), Query: maps.Clone(o.Query), Body: bytes.Clone(o.Body)}
}

// Failure is what a client's caller learns of a failure.
type Failure struct {
	Status     int           // HTTP status
	Code       string        // Graph's error.code, Google's canonical error.status
	Name       string        // Google's named error, without "@"; empty if there is none
	Message    string        // error.message, whole
	Details    []Detail      // error.details, in the order of the answer
	RetryAfter time.Duration // 0 if the answer names no time to wait
	RequestID  string        // what the provider asks for in a support case; empty if the answer has none
}

// Detail is one entry of error.details.
type Detail struct {
	Code    string // the entry's code
	Message string // the entry's message
}
