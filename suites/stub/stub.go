// Package stub responds to requests offline, with gock made safe: a stub responds to one exact request exactly once, and rejects
// every other.
//
// It is the only package that imports gock, and uses only the parts without global state: its mocks and the builder of
// their responses. gock's store of mocks, its switch that exchanges http.DefaultTransport, its transport, which goes to the
// network if nothing is stubbed, and its matchers, unanchored regular expressions, are not used. A Stub keeps its own
// mocks.
//
// The package knows requests and responses. It must not know what either means.
package stub

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/h2non/gock"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// ErrUnexpected is in the error chain of every request to which no stub responds.
var ErrUnexpected = errors.New("unexpected request")

// ErrOtherHost is in the chain, beside ErrUnexpected, if no stub responds for the host of the request.
var ErrOtherHost = fmt.Errorf("%w to another host", ErrUnexpected)

// Request is the one request that a stub responds to. All of it must be equal: method, scheme, host, path segment by segment, query
// whatever its order, and body as JSON.
type Request struct {
	Method string
	URL    string // absolute
	// Example, if set, is URL with other values of its parameters, of which any but those in the last segment of the path may
	// stand in place of URL's: what a client takes from its configuration.
	Example string
	Body    []byte // JSON; nil for a request without a body

	Paths   []string // further escaped paths that it may have in place of the URL's
	Query   []string // names of parameters that it may have beside those of the URL, with any value
	Fields  []string // JSON Pointers of members that the body may have beside those of Body, with any value
	Headers []string // names of headers that it may have although they change what a request means, with any value
	Repeat  bool     // whether it may be sent any number of times, also never
	Follows bool     // whether it must have what the request before had beside the parameters of its URL
}

// String is the request's method and URL, query values masked.
func (r Request) String() string { return r.Method + " " + exchange.PrintableURL(r.URL) }

// Stub responds to the requests of one spec, as an http.RoundTripper. New makes it, Close ends it. Goroutines may share it.
type Stub struct {
	mutex     sync.Mutex
	responses []*stubbed
	rejected  []error
	current   *received // the request under way
	closed    bool
}

// stubbed is the response to a request.
type stubbed struct {
	Request
	url     *url.URL
	example *url.URL
	with    func(now time.Time) fixtures.Response
	mock    gock.Mock // is done once the response was given
}

// received is a request whose body has been read.
type received struct {
	*http.Request
	body  []byte // uncompressed
	fault error  // what keeps a server from reading it
}

// New makes a stub for one spec, which must end with Close.
func New() *Stub { return &Stub{} }

// Client returns an http.Client whose every request the stub responds to or rejects.
func (s *Stub) Client() *http.Client { return &http.Client{Transport: s} }

// Serve starts a server on a loopback address that responds as the transport does, a Stub or what wraps one, for a client that
// insists on its own transport. Each part of a body that one Read returns is sent at once, and the header before the first. Where the
// transport returns no response, or a body that breaks off, the connection is closed.
func Serve(transport http.RoundTripper) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := r.Clone(r.Context())
		request.URL.Scheme, request.URL.Host, request.RequestURI = "http", r.Host, ""
		response, err := transport.RoundTrip(request)
		if err != nil {
			panic(http.ErrAbortHandler) // who has the transport knows why
		}
		defer response.Body.Close()
		for name, values := range response.Header { // as HTTP/2 has names, and a proxy may
			w.Header()[strings.ToLower(name)] = values
		}
		w.Header()["Content-Type"], w.Header()["Date"] = nil, nil // of the server's own, nothing
		if response.ContentLength > 0 {
			w.Header().Set("Content-Length", strconv.FormatInt(response.ContentLength, 10))
		}
		w.WriteHeader(response.StatusCode)
		if response.Body == http.NoBody {
			return
		}
		flush := http.NewResponseController(w).Flush
		if flush() != nil {
			panic(http.ErrAbortHandler)
		}
		if _, err := io.Copy(writerFunc(func(p []byte) (int, error) {
			n, err := w.Write(p)
			return n, cmp.Or(err, flush())
		}), struct{ io.Reader }{response.Body}); err != nil {
			panic(http.ErrAbortHandler)
		}
	}))
}

type writerFunc func([]byte) (int, error)

// Write implements io.Writer.
func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// Close returns an error of every rejected request or, without any, of every response that was never requested. A closed stub
// rejects everything.
func (s *Stub) Close() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.closed = true
	if len(s.rejected) > 0 {
		return errors.Join(s.rejected...)
	}
	var problems []error
	for _, a := range s.responses {
		if !a.Repeat && !a.mock.Done() {
			problems = append(problems, fmt.Errorf("expected %s, and it was never sent", a.Request))
		}
	}
	return errors.Join(problems...)
}

// Respond makes the stub respond to the request, once, and keeps both, which nobody may change. Responses to the same request are
// given in the order they were set.
func (s *Stub) Respond(request Request, with fixtures.Response) error {
	return s.RespondAt(request, func(time.Time) fixtures.Response { return with })
}

// RespondAt is Respond with a response whose header depends on when it is given.
func (s *Stub) RespondAt(request Request, at func(now time.Time) fixtures.Response) error {
	with := at(time.Now())
	address, err := url.Parse(request.URL)
	if err != nil || address.Scheme == "" || address.Host == "" {
		return fmt.Errorf("stub: %q is not an absolute URL: give scheme and host", request.URL)
	}
	a := &stubbed{Request: request, url: address, example: address, with: at}
	if request.Example != "" {
		if a.example, err = url.Parse(request.Example); err != nil {
			return fmt.Errorf("stub: the example %q is no URL: %w", request.Example, err)
		}
	}
	if request.Body != nil {
		if err := checkJSON(request.Body); err != nil {
			return fmt.Errorf("stub: the body of %s is not JSON: %w", request, err)
		}
	}
	if with.Status < 200 || with.Status > 599 {
		return fmt.Errorf("stub: %d is no status of a response: %s needs one from 200 to 599", with.Status, request)
	}
	bodyless := request.Method == http.MethodHead || with.Status == http.StatusNoContent || with.Status == http.StatusNotModified
	if bodyless && len(with.Body) > 0 {
		return fmt.Errorf("stub: a response with status %d to %s has no body: leave it out", with.Status, request)
	}

	response := gock.NewResponse().Status(with.Status)
	response.BodyBuffer = with.Body
	matcher := gock.NewEmptyMatcher()
	matcher.Add(func(*http.Request, *gock.Request) (bool, error) { return a.mismatch(s.current) == nil, nil })
	expected := gock.NewRequest()
	if request.Repeat {
		expected.Persist()
	}
	a.mock = gock.NewMock(expected, response)
	a.mock.SetMatcher(matcher)

	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.responses = append(s.responses, a)
	return nil
}

// Takes reports whether the stub has a response to a request without a body.
func (s *Stub) Takes(r *http.Request) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	bodyless := r.Body == nil || r.Body == http.NoBody
	return bodyless && slices.ContainsFunc(s.responses, func(a *stubbed) bool {
		return !a.mock.Done() && a.mismatch(&received{Request: r}) == nil
	})
}

// RoundTrip implements http.RoundTripper. The error of a rejected request says how it differs from
// the one that is expected next.
func (s *Stub) RoundTrip(r *http.Request) (*http.Response, error) {
	request := &received{Request: r}
	request.body, request.fault = ReadBody(r)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.current = request
	for _, a := range s.responses {
		if s.closed {
			break
		}
		if matches, err := a.mock.Match(r); err == nil && matches {
			response := a.mock.Response()
			response.Header = a.with(time.Now()).Header.Clone()
			s.follow(a, r.URL)
			return gock.Responder(r, response, nil)
		}
	}
	kind := ErrUnexpected
	if !slices.ContainsFunc(s.responses, func(a *stubbed) bool { return a.url.Host == r.URL.Host }) && len(s.responses) > 0 {
		kind = ErrOtherHost
	}
	err := rejectedError(r, kind, s.explain(request))
	s.rejected = append(s.rejected, err)
	return nil, err
}

// follow has the requests that follow one require its query's further parameters.
func (s *Stub) follow(a *stubbed, sent *url.URL) {
	for _, next := range s.responses {
		if !next.Follows || next.mock.Done() {
			continue
		}
		further := sent.Query()
		for name := range a.url.Query() {
			further.Del(name)
		}
		if len(further) > 0 {
			required := *next.url
			required.RawQuery, next.url = required.RawQuery+"&"+further.Encode(), &required
		}
	}
}

// rejectedError is the error of a rejected request.
func rejectedError(r *http.Request, kind error, why string) error {
	return fmt.Errorf("%w: %s %s%s", kind, r.Method, exchange.PrintableURL(r.URL.String()), why)
}

// explain says why the stub does not respond to the request.
func (s *Stub) explain(request *received) string {
	switch {
	case s.closed:
		return ": the stub is closed"
	case len(s.responses) == 0:
		return ": there is no stub"
	}
	next := s.responses[len(s.responses)-1]
	for _, a := range slices.Backward(s.responses) {
		if a.mismatch(request) == nil {
			return "\n  its response was given before"
		}
		if !a.mock.Done() {
			next = a
		}
	}
	return fmt.Sprintf("\n  %v", next.mismatch(request))
}

// mismatch is the first part in which the request differs from the one that the response is for, nil if it is the same.
func (a *stubbed) mismatch(r *received) error {
	path := r.URL.EscapedPath()
	segment := a.differingSegment(path)
	switch {
	case r.URL.Host != a.url.Host:
		return errors.New("host: it is not that of the expected request")
	case r.Host != "" && r.Host != a.url.Host:
		return fmt.Errorf("header Host: got %s, want the host of the URL", exchange.Printable(r.Host))
	case r.URL.Scheme != a.url.Scheme:
		return fmt.Errorf("scheme: got %s, want %s", r.URL.Scheme, a.url.Scheme)
	case r.Method != a.Method:
		return fmt.Errorf("method: got %s, want %s", exchange.Printable(r.Method), a.Method)
	case segment != nil && !slices.ContainsFunc(a.Paths, func(other string) bool { return samePath(path, other) }):
		return segment
	}
	if err := a.differingParameter(r.URL.RawQuery); err != nil {
		return err
	}
	if err := a.differingHeader(r.Header); err != nil {
		return err
	}
	if r.fault != nil {
		return fmt.Errorf("body: it %w", r.fault)
	}
	return a.differingBody(r.body)
}

// differingSegment is the first segment in which an escaped path differs, as a server reads it: d:math and d%3Amath are the same,
// a/b and a%2Fb are not; nil if none.
func (a *stubbed) differingSegment(path string) error {
	if path == a.url.EscapedPath() {
		return nil
	}
	segments, want, examples := strings.Split(path, "/"), strings.Split(a.url.EscapedPath(), "/"), strings.Split(a.example.EscapedPath(), "/")
	for i, segment := range segments[:min(len(segments), len(want))] {
		isLast := i == len(want)-1
		if !sameSegment(segment, want[i]) && (isLast || i >= len(examples) || !sameSegment(segment, examples[i])) {
			return fmt.Errorf("path: want %s: got %q in place of %q; escape a parameter once, and / as %%2F", a.url.EscapedPath(), segment, want[i])
		}
	}
	if len(segments) != len(want) {
		return fmt.Errorf("path: want %s", a.url.EscapedPath())
	}
	return nil
}

// samePath compares two escaped paths segment by segment.
func samePath(a, b string) bool {
	return slices.EqualFunc(strings.Split(a, "/"), strings.Split(b, "/"), sameSegment)
}

func sameSegment(a, b string) bool {
	x, errX := url.PathUnescape(a)
	y, errY := url.PathUnescape(b)
	return a == b || errX == nil && errY == nil && x == y
}

// differingParameter names the first parameter, by name, in which a query differs from the request's whatever their order, of those
// that the request has before any other; nil if none.
func (r *stubbed) differingParameter(query string) error {
	got, errGot := url.ParseQuery(query)
	want, errWant := url.ParseQuery(r.url.RawQuery)
	if errGot != nil || errWant != nil {
		return errors.New("query: it cannot be read, so escape its values")
	}
	names := slices.Concat(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)))
	for _, name := range names {
		printable := strconv.Quote(exchange.Printable(name))
		switch {
		case slices.Equal(got[name], want[name]):
		case got[name] == nil:
			return fmt.Errorf("query parameter %s: got nothing, want one", printable)
		case want[name] != nil:
			return fmt.Errorf("query parameter %s: got another value than that of the call: escape it once", printable)
		case !slices.Contains(r.Query, name):
			return fmt.Errorf("query parameter %s: got one, want nothing; if the client means to send it, name it in Config.Adds, as Query", printable)
		}
	}
	return nil
}

// ReadBody reads the body of a request as its header labels it, and closes it. The fault says why a JSON server cannot read
// it, nil if it can.
func ReadBody(r *http.Request) (body []byte, fault error) {
	if r.Body == nil {
		return nil, nil
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	encoding := strings.ToLower(strings.Join(r.Header.Values("Content-Encoding"), ", "))
	switch {
	case err != nil:
		return body, fmt.Errorf("cannot be read: %w", err)
	case r.ContentLength > 0 && r.ContentLength != int64(len(body)):
		return body, fmt.Errorf("announces %d bytes, and sends %d", r.ContentLength, len(body))
	case encoding == "gzip":
		plain, err := unzipped(body)
		switch {
		case json.Valid(body):
			return body, fmt.Errorf("is labelled Content-Encoding: gzip, and sends %s as it is", PrintableBody(body))
		case err != nil:
			return body, fmt.Errorf("sends gzip that cannot be read: %w", err)
		}
		body = plain
	case encoding != "" && encoding != "identity":
		return body, fmt.Errorf("is labelled Content-Encoding: %s, which the provider does not document", exchange.Printable(encoding))
	}
	label := strings.Join(r.Header.Values("Content-Type"), ", ")
	media, parameters, _ := mime.ParseMediaType(label)
	if charset := parameters["charset"]; len(body) > 0 && charset != "" && !strings.EqualFold(charset, "utf-8") {
		return body, fmt.Errorf("has Content-Type %s, and JSON is UTF-8 (RFC 8259, 8.1)", exchange.Printable(label))
	}
	if len(body) > 0 && media != "application/json" {
		if label == "" {
			return body, errors.New("has no Content-Type; want application/json")
		}
		return body, fmt.Errorf("has Content-Type %s; want application/json", exchange.Printable(label))
	}
	return body, nil
}

// unzipped uncompresses a body, to its checksum.
func unzipped(body []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}

// PrintableBody is a body in a sentence: JSON on one line, at most 600 bytes, what looks like a token masked.
func PrintableBody(body []byte) string {
	if len(body) == 0 {
		return "no body"
	}
	var compact bytes.Buffer
	if json.Compact(&compact, body) == nil {
		body = compact.Bytes()
	}
	return exchange.Printable(string(body))
}
