// Package client is what a client under contract declares and does, and what it surfaces to its caller of a failure.
//
// A Config declares the client, a Call is one request that it makes, and a Failure is what its caller can learn of an error.
// Surface is the Gomega matcher that compares the two ends: the response over the wire and the error that the caller got.
package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// Config declares a client under contract. Name, and one of New and Dial, must be set.
type Config struct {
	// Name is what reports call the client, such as "coursesync".
	Name string
	// New constructs the client from the http.Client that it must use and the API's base URL, without a final slash. Each
	// instance lives on a virtual time of its own (testing/synctest), so New must make the channels, timers and goroutines
	// that the instance uses. A client that shares them with another instance takes Dial.
	New func(client *http.Client, baseURL string) (Calls, error)
	// Dial, instead of New, constructs a client that insists on a transport of its own. Its base URL is that of a server on
	// a loopback address. Such a client is called in real time, and responses request a wait of one second. If it retries, that costs some
	// seconds a clause: with one clause of each status that reads and one that writes it is measured until it stops, with the others it is
	// throttled once, and what needs minutes (a date, an overflow, the growth and jitter of its waits) is reported as not run.
	Dial func(baseURL string) (Calls, error)
	// Timeout is how long one call of a client that dials may take, 0 for DefaultTimeout. Then its context ends.
	Timeout time.Duration
	// Failure reads what the caller can learn of an error that a call returned, false if it carries no failure of the API:
	// usually errors.As with the client's own error type. Nil looks for a Failure in the error's chain.
	Failure func(err error) (Failure, bool)
	// Exposes lists the fields of Failure that the client's caller can learn, nil for all. A field that the client exposes
	// must be right; reports list the others as not exposed.
	Exposes []Field
	// Query is what the client adds to the query of every request, such as Google's alt=json; nil for nothing.
	Query map[string]string
	// Adds says, by the operation's id, "*" for every other, what the client sends beside the minimal request, which stays exact in
	// all that it has. Nil for nothing.
	Adds map[string]Addition
	// TokenURL is the absolute URL of the OAuth 2.0 token endpoint at which the client signs in with the given http.Client, empty if
	// it does not. Requests to it receive a token, and never leave the process. A client that dials cannot be given another
	// endpoint: give it a token of its own in Dial.
	TokenURL string
	// Errata is the path of a YAML file, relative to the folder of the test, of known deviations of the client that are
	// accepted until a date; empty for none. fixtures.LoadErrataFile describes its keys.
	Errata string
	// Retries says that the client retries by itself where the remedy of a clause is to wait or to retry, as far as RetriesOn and
	// RetriesIf say.
	Retries bool
	// RetriesOn lists the HTTP statuses after which it does so, nil for 408, 429 and those of 500 and more. After another 4xx it
	// does so only where that is listed: google.rpc says of FAILED_PRECONDITION, a 400, not to retry before the state was fixed.
	RetriesOn []int
	// RetriesIf reports whether it does so after the clause, nil for every one: a client that repeats idempotent requests only
	// looks at clause.Operation.Method.
	RetriesIf func(clause *fixtures.Clause) bool
	// ReadsMinutes says that the client waits for the minutes that a message names where the response has no Retry-After.
	// Otherwise it must back off there: Microsoft Graph says not to rely on messages.
	ReadsMinutes bool
}

// Addition is what a client sends beside the minimal request of an operation. It may send each, and need not.
type Addition struct {
	Query   []string // names of further query parameters, which each further page has too
	Fields  []string // JSON Pointers of further members of the body, such as "/dueDateTime"
	Headers []string // names of headers that change what the request means, such as "If-Match"; any other may be sent
	// Reads are the ids of operations that it calls beside, such as "graph.get" before it writes: of method GET. Each succeeds, any
	// number of times, and in any order.
	Reads []string
}

// DefaultTimeout is how long one call of a client that dials may take.
const DefaultTimeout = 30 * time.Second

// Calls are the operations that one instance of a client performs, by the operation's id, such as "graph.create". The key "*"
// stands for every other operation of the contract. A call returns the error that the client's caller gets, nil for success.
type Calls map[string]func(ctx context.Context, call Call) error

// Call is one request of an operation.
type Call struct {
	Operation *fixtures.Operation
	Params    map[string]string // a value for each {parameter} of Operation.Path and its Alternatives, unescaped
	Query     map[string]string // unescaped; nil for none
	Body      []byte            // JSON; nil for none
}

// Minimal is the operation's minimal valid request. Its caller may change it.
func Minimal(o *fixtures.Operation) Call {
	return Call{Operation: o, Params: maps.Clone(o.Params), Query: maps.Clone(o.Query), Body: bytes.Clone(o.Body)}
}

// Example is the value that the contract's examples have for a path parameter of an operation, such as "registrationId" of
// "graph.create": for a client that takes it from its configuration. It panics if the contract has no such parameter.
func Example(operation, parameter string) string {
	provider, _, _ := strings.Cut(operation, ".")
	contract, err := fixtures.Load(provider)
	if err != nil {
		panic(fmt.Sprintf("client.Example(%q, %q): %v", operation, parameter, err))
	}
	if o := contract.Operation(operation); o != nil {
		if value, ok := o.Params[parameter]; ok {
			return value
		}
	}
	panic(fmt.Sprintf("client.Example(%q, %q): no operation of that id has that parameter: go tool contract list %s shows the paths",
		operation, parameter, provider))
}

// Field names one thing that a caller can learn of a failure.
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

// Fields returns all fields, in the order of Failure.
func Fields() []Field { return []Field{Status, Code, Name, Message, Details, RetryAfter, RequestID} }

// Failure is what a client's caller can learn of a failure. It is an error, so that a client without an error type of its own
// can return it.
type Failure struct {
	Status     int           // HTTP status
	Code       string        // Graph's error.code, Google's canonical error.status
	Name       string        // Google's named error, without "@"; empty if there is none
	Message    string        // error.message, whole
	Details    []Detail      // error.details, in the order of the response
	RetryAfter time.Duration // 0 if the response names no time to wait
	RequestID  string        // what the provider asks for in a support case; empty if the response has none
}

// Detail is one entry of error.details.
type Detail = exchange.Detail

// Error implements error.
func (f Failure) Error() string {
	return strings.TrimRight(fmt.Sprintf("%s %s: %s", fixtures.StatusLine(f.Status), f.Code, f.Message), ": ")
}

// Text is what the failure has in a field, as errata have it; empty for nothing.
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
		return detailsText(f.Details)
	case RetryAfter:
		if f.RetryAfter == 0 {
			return ""
		}
		return f.RetryAfter.String()
	case RequestID:
		return f.RequestID
	}
	return ""
}

func detailsText(list []Detail) string {
	texts := make([]string, len(list))
	for i, d := range list {
		texts[i] = fmt.Sprintf("%q: %q", d.Code, d.Message)
	}
	return strings.Join(texts, ", ")
}

// Surfaced is what one call surfaced to its caller, for the matcher Surface.
type Surfaced struct {
	Client   string            // the client's name, as texts have it
	Response exchange.Exchange // what came over the wire last
	Err      error             // what the call returned
	Text     string            // of Err, bounded; empty where it is nil
	Failure  Failure           // what the caller can learn of Err
	Carried  bool              // whether Err carries a Failure
	Exposes  []Field           // what the client exposes; nil for all
	// Known reports whether it is known, and accepted, that the field has that text (Failure.Text); the field "error" is that
	// of an error that carries no failure. Nil knows nothing.
	Known func(field Field, text string) bool
}

// Surfaced is what the error of a call surfaces to the client's caller, where the last response was x.
func (c Config) Surfaced(err error, x exchange.Exchange) Surfaced {
	s := Surfaced{Client: c.Name, Response: x, Err: err, Text: errorText(err), Exposes: c.Exposes}
	switch {
	case err == nil:
	case c.Failure != nil:
		s.Failure, s.Carried = c.Failure(err)
	default:
		s.Carried = errors.As(err, &s.Failure)
	}
	return s
}

// errorText is the text of an error, cut where nobody reads on. An Error method that panics panics here, where the call is watched.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	if v := reflect.ValueOf(err); v.Kind() == reflect.Pointer && v.IsNil() {
		return fmt.Sprintf("a nil %T in an error, which callers take for a failure: return nil itself", err)
	}
	const most = 64 << 10
	text := err.Error()
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// exposes reports whether the client exposes the field.
func (s Surfaced) exposes(field Field) bool {
	return s.Exposes == nil || slices.Contains(s.Exposes, field)
}
