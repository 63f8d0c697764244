// Package exchange captures one request and its response, once, so that it is safe to compare, to keep and to print.
//
// It must not know what a response means (package matchers), nor who sent the request (package suites).
package exchange

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/learncontract/learncontract/fixtures"
)

// MaxBody is the size in bytes up to which Capture takes an answer for one of an API.
const MaxBody = 1 << 20

// Exchange is one request and its answer, captured once. It is immutable and safe to print: of the request it keeps
// the method and the URL without query values; of the answer's header Content-Type, Retry-After, Date and the
// correlation ids Request-Id, Client-Request-Id and X-Ms-Ags-Diagnostic; and String masks what looks like a token.
type Exchange struct {
	method, url string
	answer      fixtures.Response
	received    time.Time
	body        any   // the decoded body
	fault       error // why the body could not be decoded, printable
}

// kept are the header fields an Exchange keeps: those the contract speaks of, and the correlation ids that the providers
// ask for in a support case. Whatever else was sent, a token among it, cannot be printed.
var kept = []string{
	"Content-Type", "Retry-After", "Date", "Request-Id", "Client-Request-Id", "X-Ms-Ags-Diagnostic",
}

// New makes an exchange of a request and an answer received at a time, which an HTTP date in Retry-After counts from
// where the answer has no Date. It copies what it keeps.
func New(method, rawURL string, answer fixtures.Response, received time.Time) Exchange {
	x := Exchange{method: method, url: PrintableURL(rawURL), received: received}
	x.answer = fixtures.Response{Status: answer.Status, Header: http.Header{}, Body: bytes.Clone(answer.Body)}
	for name, values := range answer.Header {
		if name = http.CanonicalHeaderKey(name); slices.Contains(kept, name) {
			x.answer.Header[name] = append(x.answer.Header[name], values...)
		}
	}
	var err error
	if x.body, err = decode(answer.Body); err != nil {
		x.fault = errors.New(Printable(err.Error()))
	}
	return x
}

// Capture reads the response's body once and puts it back, so that others can still read it. It fails on a body that
// breaks off or is larger than MaxBody.
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
			rest = broken{err}
		}
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(text), rest), original}
		if err != nil {
			return Exchange{}, fmt.Errorf("the response's body breaks off after %d bytes: %w", len(text), err)
		}
		if len(text) > MaxBody {
			return Exchange{}, fmt.Errorf("the response's body is larger than %d bytes: no answer of the API is", MaxBody)
		}
	}
	method, address := "", ""
	if response.Request != nil {
		method = response.Request.Method
		if response.Request.URL != nil {
			address = response.Request.URL.String()
		}
	}
	answer := fixtures.Response{Status: response.StatusCode, Header: response.Header, Body: text}
	return New(method, address, answer, time.Now()), nil
}

// broken is the rest of a body that broke off.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// IsZero reports whether the exchange is the zero value, which nothing was captured into.
func (x Exchange) IsZero() bool { return x.answer.Header == nil }

// Method is the request's method, empty if the response didn't tell it.
func (x Exchange) Method() string { return x.method }

// URL is the request's URL, every query value masked.
func (x Exchange) URL() string { return x.url }

// Status is the answer's HTTP status.
func (x Exchange) Status() int { return x.answer.Status }

// Header returns the first value of a header field of the answer, "" if it has none or does not keep the field.
func (x Exchange) Header(name string) string { return x.answer.Header.Get(name) }

// Values returns a copy of the values of a header field of the answer, none if it has or keeps none.
func (x Exchange) Values(name string) []string { return slices.Clone(x.answer.Header.Values(name)) }

// Body returns a copy of the answer's body.
func (x Exchange) Body() []byte { return bytes.Clone(x.answer.Body) }

// String prints the answer: status, header, a blank line and the first 2,000 bytes of the body, tokens masked.
func (x Exchange) String() string {
	var text strings.Builder
	fmt.Fprintln(&text, fixtures.StatusLine(x.answer.Status))
	for _, name := range slices.Sorted(maps.Keys(x.answer.Header)) {
		for _, value := range x.answer.Header[name] {
			fmt.Fprintf(&text, "%s: %s\n", name, Printable(value))
		}
	}
	const most = 2000
	body, cut := masked(strings.ToValidUTF8(string(x.answer.Body), "\uFFFD")), "" // before the cut, which may halve a token
	if len(body) > most {
		body, cut = strings.ToValidUTF8(body[:most], ""), fmt.Sprintf("… (%d bytes in all)", len(x.answer.Body))
	}
	fmt.Fprintf(&text, "\n%s%s", body, cut)
	return strings.TrimSpace(text.String())
}

// GomegaString is how Gomega prints an exchange, and GoString how %#v does.
func (x Exchange) GomegaString() string { return x.String() }

// GoString implements fmt.GoStringer: the fields would show what String masks.
func (x Exchange) GoString() string { return x.String() }

// Request prints the request: its method and URL, or that neither is known.
func (x Exchange) Request() string {
	if x.method == "" && x.url == "" {
		return "(unknown)"
	}
	return strings.TrimSpace(x.method + " " + x.url)
}

// Fault is why the body could not be decoded, nil if it could.
func (x Exchange) Fault() error { return x.fault }

// At returns a copy of what a JSON Pointer (RFC 6901) points at in the decoded body, of a number a float64. "" points at the
// whole body. Nothing is found in a body that isn't JSON.
func (x Exchange) At(pointer string) (value any, found bool) {
	if x.fault != nil {
		return nil, false
	}
	value, found = fixtures.Lookup(x.body, pointer)
	return cloned(value), found
}

func cloned(value any) any {
	switch value := value.(type) {
	case map[string]any:
		object := maps.Clone(value)
		for key := range object {
			object[key] = cloned(object[key])
		}
		return object
	case []any:
		array := slices.Clone(value)
		for i := range array {
			array[i] = cloned(array[i])
		}
		return array
	}
	return value
}

var tokens = regexp.MustCompile(`(?i)\bbearer\s+[\w.~+/=-]{16,}|\beyJ[\w-]+\.[\w-]+(\.[\w-]*)?|\bya29\.[\w.-]+`)

// masked hides what looks like an access token: a Bearer credential, a JSON Web Token, a Google OAuth token.
func masked(text string) string {
	lower := strings.ToLower(text)
	if !strings.Contains(lower, "bearer") && !strings.Contains(lower, "eyj") && !strings.Contains(lower, "ya29.") {
		return text // the expression takes long, and every URL and text comes here
	}
	return tokens.ReplaceAllString(text, "[masked]")
}

// Printable is a text as failures show it: one that can be printed, at most 600 bytes, what looks like a token masked.
func Printable(text string) string {
	const most = 600
	text = masked(strings.ToValidUTF8(text, "\uFFFD"))
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// Mask masks what looks like a token in a text of any length.
func Mask(text string) string { return masked(text) }

// PrintableURL is a URL as failures show it: every query value masked, without user information and fragment.
func PrintableURL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "[unreadable URL]"
	}
	u.User, u.Fragment = nil, ""
	if u.RawQuery == "" {
		return masked(u.String())
	}
	var query []string
	for _, name := range slices.Sorted(maps.Keys(u.Query())) {
		query = append(query, url.QueryEscape(masked(name))+"=…")
	}
	u.RawQuery = ""
	return masked(u.String()) + "?" + strings.Join(query, "&")
}

// decode reads one JSON value, and refuses what encoding/json lets pass: a key that stands twice in an object, text after the
// value, and bytes that are no UTF-8.
func decode(text []byte) (value any, err error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, errors.New("the body is empty")
	}
	err = json.Unmarshal(text, &value)
	if err == nil {
		return value, nil
	}
	reason, place, offset := err, jsontext.Pointer(""), int64(0)
	if wrong, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		reason, place, offset = wrong.Err, wrong.JSONPointer, wrong.ByteOffset
	} else if wrong, ok := errors.AsType[*json.SemanticError](err); ok { // it would tell Go's type, and each digit
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

// TextAt is the text that a JSON Pointer points at in the decoded body, empty if there is none.
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

// DetailsAt are the entries with a code and a message of the array that a JSON Pointer points at, none for "".
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
