// Package stub answers requests offline, with gock made safe: a stub answers one exact request exactly once, whatever
// else is asked is refused, and no request can reach a network.
//
// It is the only package that imports gock, and takes of it what has no global state: its mocks and what builds their
// responses. gock's store of mocks, its switch that exchanges http.DefaultTransport, its transport, which goes to the
// network wherever nothing is stubbed, and its matchers, unanchored regular expressions, are left out. A Stub keeps its
// mocks to itself.
//
// The package knows requests and answers. It must not know what either means.
package stub

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/h2non/gock"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// ErrRefused is in the chain of the error of every request that no stub answers.
var ErrRefused = errors.New("refused, for the suite is offline")

// ErrOtherHost is in the chain, beside ErrRefused, if the request was to a host that no stub answers for.
var ErrOtherHost = fmt.Errorf("%w and no stub is for its host", ErrRefused)

// Request is the one request a stub answers. All of it must be equal: method, scheme, host, path segment by segment, query
// whatever its order, and body as JSON.
type Request struct {
	Method string
	URL    string // absolute
	Body   []byte // JSON; nil for a request without a body
}

// String is the request's method and URL, query values masked.
func (r Request) String() string { return r.Method + " " + exchange.PrintableURL(r.URL) }

// Stub answers the requests of one spec, as an http.RoundTripper. New makes it, Close ends it. Goroutines may share it.
type Stub struct {
	mutex   sync.Mutex
	answers []*stubbed
	refused []error
	asked   *received // the request under way
	closed  bool
}

// stubbed is the answer to a request.
type stubbed struct {
	Request
	url  *url.URL
	mock gock.Mock // is done once the answer was given
}

// received is a request whose body has been read.
type received struct {
	*http.Request
	body  []byte // uncompressed
	fault string // what keeps a server from reading it
}

// RefuseNetwork has http.DefaultTransport refuse, until the function it returns is called, every request that would leave
// the machine, so that code under test that brings no transport of its own, or a clone of this one, fails closed too. For
// code that does bring its own, net.DefaultResolver refuses to ask a name server; of a transport that dials an address by its
// number nothing is seen. Loopback addresses pass: Ginkgo's processes may talk to each other over them.
func RefuseNetwork() (allow func()) {
	refusing.Lock()
	defer refusing.Unlock()
	if refusing.count++; refusing.count == 1 {
		refusing.transport, refusing.resolver = http.DefaultTransport, net.DefaultResolver
		http.DefaultTransport = loopbackOnly(http.DefaultTransport)
		net.DefaultResolver = noNameServer
		readResolverConfig()
	}
	return func() {
		refusing.Lock()
		defer refusing.Unlock()
		if refusing.count--; refusing.count == 0 {
			http.DefaultTransport, net.DefaultResolver = refusing.transport, refusing.resolver
		}
	}
}

// refusing counts who has the network refused, and keeps what was there before.
var refusing struct {
	sync.Mutex
	count     int
	transport http.RoundTripper
	resolver  *net.Resolver
	noted     []error // what was refused since Refusals was called
}

// Refusals returns what RefuseNetwork has refused since Refusals was called last, for a client may not tell of it.
func Refusals() []error {
	refusing.Lock()
	defer refusing.Unlock()
	noted := refusing.noted
	refusing.noted = nil
	return noted
}

// noteRefusal notes what was refused, and returns it.
func noteRefusal(err error) error {
	refusing.Lock()
	defer refusing.Unlock()
	refusing.noted = append(refusing.noted, err)
	return err
}

// noNameServer knows the names of the hosts file only.
var noNameServer = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
	return nil, noteRefusal(fmt.Errorf("to look up a host's name was %w", ErrRefused))
}}

// readResolverConfig has the net package make what it makes once: if that were in a bubble of testing/synctest, a look-up in
// the next bubble would end the process.
var readResolverConfig = sync.OnceFunc(func() { _, _ = net.DefaultResolver.LookupHost(context.Background(), "localhost") })

// loopbackOnly is a transport that reaches nothing but loopback addresses. It is an *http.Transport where the other is, as
// many clients take for granted.
func loopbackOnly(transport http.RoundTripper) http.RoundTripper {
	base, ok := transport.(*http.Transport)
	if !ok {
		return refuser{transport}
	}
	local := base.Clone()
	local.Proxy = nil
	dial := (&net.Dialer{}).DialContext
	local.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, _, err := net.SplitHostPort(address); err != nil || !isLoopback(host) {
			return nil, noteRefusal(fmt.Errorf("%s was %w", address, ErrRefused))
		}
		return dial(ctx, network, address)
	}
	local.DialTLSContext = nil
	return local
}

type refuser struct{ http.RoundTripper }

func (t refuser) RoundTrip(r *http.Request) (*http.Response, error) {
	if isLoopback(r.URL.Hostname()) {
		return t.RoundTripper.RoundTrip(r)
	}
	return nil, noteRefusal(refusedError(r, ErrRefused, ""))
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// New makes a stub for one spec, which must end with Close.
func New() *Stub { return &Stub{} }

// Client returns an http.Client whose every request the stub answers or refuses.
func (s *Stub) Client() *http.Client { return &http.Client{Transport: s} }

// Serve starts a server on a loopback address that answers as the transport does, which is the stub or what wraps it, for a
// client that insists on a transport of its own. What the transport refuses gets no answer: the connection is closed.
func (s *Stub) Serve(transport http.RoundTripper) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := r.Clone(r.Context())
		asked.URL.Scheme, asked.URL.Host, asked.RequestURI = "http", r.Host, ""
		response, err := transport.RoundTrip(asked)
		if err != nil {
			panic(http.ErrAbortHandler) // told of by Close
		}
		defer response.Body.Close()
		maps.Copy(w.Header(), response.Header)
		w.WriteHeader(response.StatusCode)
		_, _ = io.Copy(w, response.Body) // what is cut off, the client tells
	}))
}

// Close tells every request that was refused and every answer that was never asked for. A closed stub refuses
// everything.
func (s *Stub) Close() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.closed = true
	problems := s.refused
	for _, a := range s.answers {
		if !a.mock.Done() {
			problems = append(problems, fmt.Errorf("the answer to %s was never asked for", a.Request))
		}
	}
	return errors.Join(problems...)
}

// Respond has the stub answer the request, once. Answers to the same request are given in the order they were set.
func (s *Stub) Respond(request Request, with fixtures.Response) error {
	address, err := url.Parse(request.URL)
	if err != nil || address.Scheme == "" || address.Host == "" {
		return fmt.Errorf("stub: %q is not an absolute URL: give scheme and host", request.URL)
	}
	a := &stubbed{Request: request, url: address}
	if request.Body != nil {
		if _, err := canonical(request.Body); err != nil {
			return fmt.Errorf("stub: the body of %s is not JSON: %w", request, err)
		}
	}
	if with.Status < 200 || with.Status > 599 {
		return fmt.Errorf("stub: status %d answers no request: %s needs one from 200 to 599", with.Status, request)
	}
	bodyless := request.Method == http.MethodHead || with.Status == http.StatusNoContent || with.Status == http.StatusNotModified
	if bodyless && len(with.Body) > 0 {
		return fmt.Errorf("stub: an answer with status %d to %s has no body: leave it out", with.Status, request)
	}

	response := gock.NewResponse().Status(with.Status)
	response.Header = with.Header.Clone()
	response.BodyBuffer = with.Body
	matcher := gock.NewEmptyMatcher()
	matcher.Add(func(*http.Request, *gock.Request) (bool, error) { return a.differs(s.asked) == "", nil })
	a.mock = gock.NewMock(gock.NewRequest(), response)
	a.mock.SetMatcher(matcher)

	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.answers = append(s.answers, a)
	return nil
}

// RoundTrip implements http.RoundTripper. The error of a refused request says what it differs in from each stub.
func (s *Stub) RoundTrip(r *http.Request) (*http.Response, error) {
	request := &received{Request: r}
	request.body, request.fault = ReadBody(r)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.asked = request
	for _, a := range s.answers {
		if s.closed {
			break
		}
		if matches, err := a.mock.Match(r); err == nil && matches {
			return gock.Responder(r, a.mock.Response(), nil)
		}
	}
	kind := ErrRefused
	if !slices.ContainsFunc(s.answers, func(a *stubbed) bool { return a.url.Host == r.URL.Host }) && len(s.answers) > 0 {
		kind = ErrOtherHost
	}
	err := refusedError(r, kind, s.explain(request))
	s.refused = append(s.refused, err)
	return nil, err
}

// refusedError is the error of a refused request.
func refusedError(r *http.Request, kind error, why string) error {
	return fmt.Errorf("%s %s was %w%s", r.Method, exchange.PrintableURL(r.URL.String()), kind, why)
}

// explain tells what keeps each stub from answering the request.
func (s *Stub) explain(request *received) string {
	switch {
	case s.closed:
		return ": the stub is closed"
	case len(s.answers) == 0:
		return ": there is no stub"
	}
	var why strings.Builder
	for _, a := range s.answers {
		reason := "was given before"
		if !a.mock.Done() {
			reason = "differs in " + a.differs(request)
		}
		fmt.Fprintf(&why, "\n  the answer to %s %s", a.Request, reason)
	}
	return why.String()
}

// differs names the first part in which the request differs from the one the answer is for, "" if it is the same.
func (a *stubbed) differs(r *received) string {
	switch {
	case r.Method != a.Method:
		return "method"
	case r.URL.Scheme != a.url.Scheme:
		return "scheme"
	case r.URL.Host != a.url.Host || r.Host != "" && r.Host != a.url.Host:
		return "host"
	case !samePath(r.URL.EscapedPath(), a.url.EscapedPath()):
		return "path"
	case r.URL.RawQuery != a.url.RawQuery && differingParameter(r.URL.RawQuery, a.url.RawQuery) != "":
		return differingParameter(r.URL.RawQuery, a.url.RawQuery)
	case r.fault != "":
		return "body, for the request " + r.fault
	case !sameJSON(r.body, a.Body):
		return fmt.Sprintf("body, for the request sends %s, not %s", PrintableBody(r.body), PrintableBody(a.Body))
	}
	return ""
}

// samePath compares two escaped paths segment by segment, as a server reads them: d:math and d%3Amath are the same, a/b and
// a%2Fb are not.
func samePath(a, b string) bool {
	return a == b || slices.EqualFunc(strings.Split(a, "/"), strings.Split(b, "/"), func(a, b string) bool {
		x, errX := url.PathUnescape(a)
		y, errY := url.PathUnescape(b)
		return errX == nil && errY == nil && x == y
	})
}

// differingParameter names the first parameter, by name, in which two queries differ whatever their order; "" if none.
func differingParameter(a, b string) string {
	x, errX := url.ParseQuery(a)
	y, errY := url.ParseQuery(b)
	if errX != nil || errY != nil {
		return "query, which cannot be read"
	}
	names := slices.Sorted(maps.Keys(x))
	names = append(names, slices.Sorted(maps.Keys(y))...)
	for _, name := range names {
		if !slices.Equal(x[name], y[name]) {
			return fmt.Sprintf("query parameter %q", name)
		}
	}
	return ""
}

// sameJSON compares two bodies as JSON. No body is like none only.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, errX := canonical(a)
	y, errY := canonical(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// ReadBody reads the body of a request as its header labels it, and closes it. The fault says of the request what keeps a
// server of JSON from reading it, "" if nothing does.
func ReadBody(r *http.Request) (body []byte, fault string) {
	if r.Body == nil {
		return nil, ""
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	encoding := strings.ToLower(strings.Join(r.Header.Values("Content-Encoding"), ", "))
	switch {
	case err != nil:
		return body, fmt.Sprintf("has a body that cannot be read: %v", err)
	case r.ContentLength > 0 && r.ContentLength != int64(len(body)):
		return body, fmt.Sprintf("announces %d bytes, and sends %d", r.ContentLength, len(body))
	case encoding == "gzip":
		plain, err := unzipped(body)
		switch {
		case err != nil && json.Valid(body):
			return body, fmt.Sprintf("is labelled Content-Encoding: gzip, and sends %s as it is", PrintableBody(body))
		case err != nil:
			return body, fmt.Sprintf("sends gzip that cannot be read: %v", err)
		}
		body = plain
	case encoding != "" && encoding != "identity":
		return body, fmt.Sprintf("is labelled Content-Encoding: %s, which the provider does not document", exchange.Printable(encoding))
	}
	label := strings.Join(r.Header.Values("Content-Type"), ", ")
	if media, _, _ := mime.ParseMediaType(label); len(body) > 0 && media != "application/json" {
		return body, fmt.Sprintf("is labelled Content-Type: %s, and the provider takes application/json",
			cmp.Or(exchange.Printable(label), "(missing)"))
	}
	return body, ""
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

// canonical is JSON in the one form that equal values have, numbers as they are written. What is not strictly JSON, as a key
// that stands twice, is an error.
func canonical(body []byte) (jsontext.Value, error) {
	value := jsontext.Value(bytes.Clone(body))
	err := value.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false))
	return value, err
}
