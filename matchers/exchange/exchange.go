// Package exchange captures one request and its response, once, so that it is safe to compare, to keep and to print.
//
// It must not know what a response means (package matchers), nor who sent the request (package suites).
package exchange

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/learncontract/learncontract/fixtures"
)

// MaxBody is the size in bytes up to which Capture accepts a response as one of an API.
const MaxBody = 1 << 20

// Exchange is one request and its response, captured once. It is immutable and safe to print. It keeps the request's
// method and URL without query values, and the response's headers Content-Type, Content-Encoding, Retry-After, Date and the correlation ids
// Request-Id, Client-Request-Id and X-Ms-Ags-Diagnostic. What it prints is Safe.
type Exchange struct {
	shared *parts // matchers and results copy an exchange often; nil for the zero value
}

// parts are those of an exchange.
type parts struct {
	method, url string // as they were sent: who prints the URL masks it
	response    fixtures.Response
	received    time.Time
	content     content // of the response
	body        any     // the decoded body
	fault       error   // why the body could not be decoded, printable

	mutex   sync.Mutex
	results map[any]any // what was computed of it
}

func (x Exchange) parts() *parts {
	if x.shared == nil {
		return &parts{}
	}
	return x.shared
}

// keptHeaders are the header fields an Exchange keeps: those of the contract, and the correlation ids that a provider's
// support needs. All others are dropped, so that a token among them cannot be printed.
var keptHeaders = []string{
	"Content-Type", "Content-Encoding", "Retry-After", "Date", "Request-Id", "Client-Request-Id", "X-Ms-Ags-Diagnostic",
}

// New makes an exchange of a request and the response received at a time. An HTTP date in Retry-After counts from that time
// if the response has no Date. New copies what it keeps.
func New(method, rawURL string, response fixtures.Response, received time.Time) Exchange {
	x := &parts{method: method, url: rawURL, received: received, results: map[any]any{}}
	x.response = fixtures.Response{Status: response.Status, Header: http.Header{}, Body: bytes.Clone(response.Body)}
	for name, values := range response.Header {
		if name = http.CanonicalHeaderKey(name); slices.Contains(keptHeaders, name) {
			x.response.Header[name] = append(x.response.Header[name], values...)
		}
	}
	x.content = readContent(x.response.Header, x.response.Body)
	err := x.content.fault
	if err == nil {
		x.body, err = decode(x.content.text)
	}
	if err != nil {
		x.fault = errors.New(Printable(err.Error()))
	}
	return Exchange{x}
}

// Capture reads the response's body once and puts it back, so that others can still read it, until they close it or the request's
// context ends, as it is with net/http's. It fails on a body that breaks off or is larger than MaxBody.
func Capture(response *http.Response) (Exchange, error) {
	if response == nil {
		return Exchange{}, errors.New("there is no response to capture: it is nil; check the error of the request first")
	}
	var text []byte
	if original := response.Body; original != nil {
		var err error
		text, err = io.ReadAll(io.LimitReader(original, MaxBody+1))
		rest := io.Reader(original)
		if err != nil {
			rest = failingReader{err}
		}
		again := &captured{Reader: io.MultiReader(bytes.NewReader(text), rest), original: original, ctx: context.Background()}
		if response.Request != nil {
			again.ctx = response.Request.Context()
		}
		response.Body = again
		if err != nil {
			return Exchange{}, fmt.Errorf("the response's body breaks off after %d bytes: %w", len(text), err)
		}
		if len(text) > MaxBody {
			return Exchange{}, fmt.Errorf("the response's body is larger than %d bytes: no response of the API is", MaxBody)
		}
	}
	method, address := "", ""
	if response.Request != nil {
		method = response.Request.Method
		if response.Request.URL != nil {
			address = response.Request.URL.String()
		}
	}
	return New(method, address, fixtures.Response{Status: response.StatusCode, Header: response.Header, Body: text}, time.Now()), nil
}

// captured is a body that was put back.
type captured struct {
	io.Reader
	original      io.Closer
	ctx           context.Context
	ended, closed atomic.Bool
}

// Read implements io.Reader.
func (b *captured) Read(p []byte) (int, error) {
	switch {
	case b.closed.Load():
		return 0, http.ErrBodyReadAfterClose
	case b.ctx.Err() != nil && !b.ended.Load(): // http.Client ends the context of a body that was read to its end
		return 0, context.Cause(b.ctx)
	}
	n, err := b.Reader.Read(p)
	if err != nil {
		b.ended.Store(true)
	}
	return n, err
}

// Close implements io.Closer.
func (b *captured) Close() error {
	b.closed.Store(true)
	return b.original.Close()
}

// failingReader is the rest of a body that broke off.
type failingReader struct{ err error }

func (b failingReader) Read([]byte) (int, error) { return 0, b.err }

// IsZero reports whether the exchange is the zero value, without a captured response.
func (x Exchange) IsZero() bool { return x.shared == nil }

// Method is the request's method, empty if the response doesn't have its request.
func (x Exchange) Method() string { return x.parts().method }

// URL is the request's URL, every query value masked.
func (x Exchange) URL() string { return PrintableURL(x.parts().url) }

// Status is the response's HTTP status.
func (x Exchange) Status() int { return x.parts().response.Status }

// Header returns the first value of a header field of the response, "" if it has none or does not keep the field.
func (x Exchange) Header(name string) string { return x.parts().response.Header.Get(name) }

// Values returns a copy of the values of a header field of the response, none if it has or keeps none.
func (x Exchange) Values(name string) []string {
	return slices.Clone(x.parts().response.Header.Values(name))
}

// Body returns a copy of the response's body.
func (x Exchange) Body() []byte { return bytes.Clone(x.parts().response.Body) }

// String prints the response: status, header, a blank line and the first 2,000 bytes of the decoded body, Safe.
func (x Exchange) String() string {
	c := x.parts()
	var text strings.Builder
	fmt.Fprintln(&text, fixtures.StatusLine(c.response.Status))
	for _, name := range slices.Sorted(maps.Keys(c.response.Header)) {
		for _, value := range c.response.Header[name] {
			fmt.Fprintf(&text, "%s: %s\n", name, Printable(value))
		}
	}
	rest := fmt.Sprintf("… (%d bytes in all)", len(c.content.text))
	shown := c.content.text[:min(len(c.content.text), 64<<10)] // before the cut, which may halve a token; to mask more takes long
	fmt.Fprintf(&text, "\n%s", cut(Safe(string(shown)), 2000, rest))
	return strings.TrimSpace(text.String())
}

// GomegaString is how Gomega prints an exchange.
func (x Exchange) GomegaString() string { return x.String() }

// GoString is how %#v prints an exchange: its fields would show what String masks.
func (x Exchange) GoString() string { return x.String() }

// Request prints the request: its method and URL, or that neither is known.
func (x Exchange) Request() string {
	c := x.parts()
	if c.method == "" && c.url == "" {
		return "(unknown)"
	}
	return strings.TrimSpace(c.method + " " + PrintableURL(c.url))
}

// Fault is the reason why the body could not be decoded, nil if it could.
func (x Exchange) Fault() error { return x.parts().fault }

// Notes are what is odd about the body, and keeps nobody from decoding it: a byte order mark, or another charset.
func (x Exchange) Notes() []string { return slices.Clone(x.parts().content.notes) }

// IsPage reports whether the body begins as no JSON does, though it is text: a gateway or a proxy may have sent it.
func (x Exchange) IsPage() bool { return x.Fault() != nil && x.parts().content.page }

// At returns a copy of the value that a JSON Pointer (RFC 6901) names in the decoded body; a number is a float64. "" names
// the whole body. Nothing is found in a body that isn't JSON.
func (x Exchange) At(pointer string) (value any, found bool) {
	c := x.parts()
	if c.fault != nil {
		return nil, false
	}
	value, found = fixtures.Lookup(c.body, pointer)
	return clone(value), found
}

// Once returns what compute returns of the decoded body, which it calls once for each key: what takes long of an exchange is computed
// once, however many matchers need it. Nobody may change the body or the result. The zero value keeps nothing.
func (x Exchange) Once(key any, compute func(body any) any) any {
	if x.IsZero() {
		return compute(nil)
	}
	x.shared.mutex.Lock()
	defer x.shared.mutex.Unlock()
	result, known := x.shared.results[key]
	if !known {
		result = compute(x.shared.body)
		x.shared.results[key] = result
	}
	return result
}

func clone(value any) any {
	switch value := value.(type) {
	case map[string]any:
		object := maps.Clone(value)
		for key := range object {
			object[key] = clone(object[key])
		}
		return object
	case []any:
		array := slices.Clone(value)
		for i := range array {
			array[i] = clone(array[i])
		}
		return array
	}
	return value
}

// decode reads one JSON value. It rejects what encoding/json accepts: a key twice in one object, text after the value, and
// invalid UTF-8.
func decode(text []byte) (value any, err error) {
	err = json.Unmarshal(text, &value)
	if err == nil {
		return value, nil
	}
	reason, place, offset := err, jsontext.Pointer(""), int64(0)
	if wrong, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		reason, place, offset = wrong.Err, wrong.JSONPointer, wrong.ByteOffset
	} else if wrong, ok := errors.AsType[*json.SemanticError](err); ok { // whose text has Go's type and every digit
		reason, place, offset = wrong.Err, wrong.JSONPointer, wrong.ByteOffset
	}
	if errors.Is(reason, io.ErrUnexpectedEOF) {
		return nil, errors.New("the body is not JSON: it breaks off")
	}
	if place != "" {
		place = " of " + place
	}
	return nil, fmt.Errorf("the body is not JSON: %w, in byte %d%s", reason, offset+1, place)
}

// TextAt is the text that a JSON Pointer names in the decoded body, empty if there is none.
func (x Exchange) TextAt(pointer string) string {
	value, _ := x.At(pointer)
	text, _ := value.(string)
	return text
}

// Detail is one entry of error.details.
type Detail struct {
	Code    string // the entry's code
	Message string // the entry's message
}

// DetailsAt are the entries with a code and a message of the array that a JSON Pointer names, none for "".
func (x Exchange) DetailsAt(pointer string) (list []Detail) {
	if pointer == "" {
		return nil
	}
	value, _ := x.At(pointer)
	entries, _ := value.([]any)
	for _, entry := range entries {
		object, _ := entry.(map[string]any)
		code, hasCode := object["code"].(string)
		message, hasMessage := object["message"].(string)
		if hasCode && hasMessage {
			list = append(list, Detail{code, message})
		}
	}
	return list
}
