// Package clients is the code under contract, as suites see it. A Config declares a client, a Client performs an operation,
// and a Failure is what its caller learns; Tell is the Gomega matcher that holds one against what was answered. Observe says
// which documented failures tests of yours have met.
//
// It knows documentation and how a failure is compared with it. It must not know which specs ask, or over which
// transport.
package clients

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/learncontract/learncontract/fixtures"
)

// Client is the code under contract: it performs one operation and says what its caller learns of the failure.
type Client interface {
	// Do performs the call. A failure that the provider answered is a Failure and no error; the error is for what
	// kept the answer from being heard, such as a refused connection. Of a success the Failure may have the status and
	// the request id, or be zero.
	Do(ctx context.Context, call Call) (Failure, error)
}

// Func is a function that is a Client.
type Func func(ctx context.Context, call Call) (Failure, error)

// Do implements Client.
func (f Func) Do(ctx context.Context, call Call) (Failure, error) { return f(ctx, call) }

// Config is a client under contract, as it declares itself.
type Config struct {
	// Name is what reports call the client, such as "our connector".
	Name string
	// New makes the client from the http.Client it must use and the API's base URL, without a final slash. Whatever the
	// client has of channels, timers and goroutines must be made in it, for each client lives on a virtual time of its own:
	// one that shares them with another ends the process ("fatal error: … on synctest channel from outside bubble"). Such a
	// client takes Dial.
	New func(client *http.Client, baseURL string) Client
	// Dial, instead of New, makes a client that insists on a transport of its own from the base URL alone: that of a
	// server on a loopback address. Such a client is asked in real time, and not for what it asks again after.
	Dial func(baseURL string) Client
	// Exposes lists what the client's caller learns of a failure, nil for all of it. What a client exposes must be right;
	// what it does not is reported as lost.
	Exposes []Field
	// Query is what the client adds to the query of every request, such as Google's alt=json; nil for nothing.
	Query map[string]string
	// Operations lists the ids of the operations that the client performs, nil for all.
	Operations []string
	// Errata is a YAML file, laid out as fixtures/errata.yaml, of what the client is known to do otherwise; empty for none.
	// The path is relative to the folder of the test.
	Errata string
	// Retries says that the client asks again by itself where a clause's remedy is to wait or to retry.
	Retries bool
	// RetriesOn lists the HTTP statuses after which it does so, nil for those of all such clauses. After any other it must
	// ask once.
	RetriesOn []int
	// ReadsMinutes says that the client waits the minutes that an answer's message names where it has no Retry-After.
	// Otherwise it must back off there: Microsoft Graph says not to rely on messages.
	ReadsMinutes bool
}

// Field is one thing that a caller can learn of a failure.
type Field string

// The fields, as Failure has them.
const (
	Status     Field = "status"
	Code       Field = "code"
	Name       Field = "name"
	Message    Field = "message"
	Details    Field = "details"
	RetryAfter Field = "retry-after"
	RequestID  Field = "request id"
)

// Fields are all fields, in the order of Failure.
var Fields = []Field{Status, Code, Name, Message, Details, RetryAfter, RequestID}

// Exposed are the fields that the client exposes.
func (c Config) Exposed() []Field {
	if c.Exposes == nil {
		return Fields
	}
	return c.Exposes
}

// Performs reports whether the client performs the operation.
func (c Config) Performs(o *fixtures.Operation) bool {
	return c.Operations == nil || slices.Contains(c.Operations, o.ID)
}

// LookAlikes groups the clauses of the operation that the client's caller cannot tell apart by the fields it exposes. A
// text that the provider doesn't bind exactly is compared by its spelling: the provider spells it in several ways itself.
func (c Config) LookAlikes(o *fixtures.Operation) [][]*fixtures.Clause {
	exposed := c.Exposed()
	as := func(field Field, bound fixtures.Binding) fixtures.Binding {
		switch {
		case !slices.Contains(exposed, field):
			return fixtures.None
		case bound == fixtures.Exact:
			return fixtures.Exact
		}
		return fixtures.Spelling
	}
	return o.LookAlikes(func(clause *fixtures.Clause) fixtures.Bindings {
		b := clause.Bindings
		return fixtures.Bindings{
			Status: as(Status, b.Status), Code: as(Code, b.Code), Name: as(Name, b.Name), Message: as(Message, b.Message),
			Details: as(Details, b.Details), RetryAfter: as(RetryAfter, b.RetryAfter),
		}
	})
}

// RetriesAfter reports whether the client declares to ask again by itself where it is answered the clause: one whose remedy
// is to wait or to retry, or one that no caller can tell from such, for it is answered alike on another operation.
func (c Config) RetriesAfter(clause *fixtures.Clause) bool {
	if !c.Retries || c.RetriesOn != nil && !slices.Contains(c.RetriesOn, clause.Status) {
		return false
	}
	for other := range clause.Operation.Contract.Clauses() {
		alike := other.Status == clause.Status && other.Name == clause.Name && other.Wordings[0].Code == clause.Wordings[0].Code
		if alike && other.Remedy.AllowsRetry() {
			return true
		}
	}
	return false
}

// Check tells everything that is wrong with the declaration, for the contract that the client will be held to.
func (c Config) Check(contract *fixtures.Contract) error {
	var problems []error
	note := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	note(c.Name != "", "Name is missing: say what reports should call the client")
	note((c.New == nil) != (c.Dial == nil),
		"give one of New, which makes the client from an http.Client, and Dial, which makes it from a base URL")
	note(c.Exposes == nil || len(c.Exposes) > 0, "Exposes is empty, so that nothing would be held: leave it nil for all fields, or name some")
	note(c.Operations == nil || len(c.Operations) > 0, "Operations is empty, so that nothing would be asked: leave it nil for all, or name some")
	for _, field := range c.Exposes {
		note(slices.Contains(Fields, field), "Exposes has %q: use the constants of this package, %q", field, Fields)
	}
	note(c.Retries || c.RetriesOn == nil && !c.ReadsMinutes, "RetriesOn and ReadsMinutes say how the client retries: set Retries too")
	for _, status := range c.RetriesOn {
		note(status >= 400 && status <= 599, "RetriesOn has %d, which is no status of a failure: use 400 to 599", status)
	}
	for _, id := range c.Operations {
		note(contract.Operation(id) != nil, "Operations has %q, which is no operation of %s: go tool contract list %s shows them",
			id, contract.Provider, contract.Provider)
	}
	return errors.Join(problems...)
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

// Text is what the failure tells in a field, as errata have it; "" for nothing.
func (f Failure) Text(field Field) string {
	switch field {
	case Status:
		return fixtures.StatusLine(f.Status)
	case Code:
		return f.Code
	case Name:
		return f.Name
	case Message:
		return f.Message
	case Details:
		return details(f.Details)
	case RetryAfter:
		return wait(f.RetryAfter)
	case RequestID:
		return f.RequestID
	}
	return ""
}

// Detail is one entry of error.details.
type Detail struct {
	Code    string // the entry's code
	Message string // the entry's message
}
