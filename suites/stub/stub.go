// Package stub answers requests offline, with gock made safe: a stub answers one exact request exactly once, whatever
// else is asked is refused, and no request can reach a network.
//
// It is the only package that imports gock, whose own rules are unanchored regular expressions, a live connection
// wherever no stub is set, and one store for the whole process. It knows requests and answers. It must not know what
// either means.
package stub

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"sync"

	"github.com/h2non/gock"

	"github.com/learncontract/learncontract/fixtures"
)

// ErrRefused is in the chain of the error of every request that no stub answers.
var ErrRefused = errors.New("refused, for the suite is offline")

// TB is what a Stub needs of a test: GinkgoTB() and *testing.T have it.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
}

// Request is the one request a stub answers. All of it must be equal: method, scheme, host, escaped path, query
// whatever its order, and body as JSON.
type Request struct {
	Method string
	URL    string // absolute
	Body   []byte // JSON; nil for a request without a body
}

// String is the request's method and URL.
func (r Request) String() string { return r.Method + " " + r.URL }

// Stub answers the requests of one spec, as an http.RoundTripper. New makes it.
type Stub struct {
	transport *gock.Transport
	answers   []*answer
	refused   []error
	asked     *asked // the request under way
}

// answer is the answer to a request, given once.
type answer struct {
	Request
	url   *url.URL
	body  any // decoded; nil for none
	mock  gock.Mock
	given bool
}

// asked is a request whose body has been read.
type asked struct {
	*http.Request
	body []byte
}

// gockMutex is held wherever gock is touched, and guards the stubs too: gock's store, switch and settings are global,
// and it reads some of them without a lock.
var gockMutex sync.Mutex

// RefuseNetwork has http.DefaultTransport refuse, from now on, every request that would leave the machine, so that code
// under test that brings no transport of its own fails closed too. Loopback addresses pass: Ginkgo's processes may talk
// to each other over them.
func RefuseNetwork() {
	gockMutex.Lock()
	defer gockMutex.Unlock()
	if _, already := gock.NativeTransport.(loopbackOnly); already {
		return
	}
	gock.NativeTransport = loopbackOnly{gock.NativeTransport} // what gock puts back when it is switched off
	http.DefaultTransport = gock.NativeTransport
}

// loopbackOnly is the default transport of an offline suite.
type loopbackOnly struct{ http.RoundTripper }

func (t loopbackOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	if address, err := netip.ParseAddr(r.URL.Hostname()); err == nil && address.IsLoopback() {
		return t.RoundTripper.RoundTrip(r)
	}
	return refusal{}.RoundTrip(r)
}

// refusal is the transport below every stub.
type refusal struct{}

func (refusal) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("%s %s was %w", r.Method, r.URL.Redacted(), ErrRefused)
}

// New makes a stub for one spec. When the spec ends, it fails if a request was refused, or if an answer was never
// asked for.
func New(tb TB) *Stub {
	// The transport has a mutex of its own, which gock leaves locked if a matcher panics: the next spec has another.
	s := &Stub{transport: gock.NewTransport()}
	s.transport.Transport = refusal{}
	tb.Cleanup(func() {
		tb.Helper()
		for _, problem := range s.close() {
			tb.Errorf("stub: %v", problem)
		}
	})
	return s
}

// Client returns an http.Client whose every request the stub answers or refuses.
func (s *Stub) Client() *http.Client { return &http.Client{Transport: s} }

// close takes the stub's answers out of gock's store, the last one out switches gock off, and tells what went wrong.
func (s *Stub) close() (problems []error) {
	gockMutex.Lock()
	defer gockMutex.Unlock()
	for _, a := range s.answers {
		if !a.given {
			gock.Remove(a.mock)
			problems = append(problems, fmt.Errorf("the answer to %s was never asked for", a.Request))
		}
	}
	if len(gock.GetAll()) == 0 {
		gock.OffAll()
	}
	return append(s.refused, problems...)
}

// Answer has the stub answer the request, once. Answers to the same request are given in the order they were set.
func (s *Stub) Answer(request Request, with fixtures.Answer) error {
	address, err := url.Parse(request.URL)
	if err != nil || address.Scheme == "" || address.Host == "" {
		return fmt.Errorf("stub: %q is not an absolute URL", request.URL)
	}
	a := &answer{Request: request, url: address}
	if request.Body != nil {
		if a.body, err = decoded(request.Body); err != nil {
			return fmt.Errorf("stub: the body of %s is not JSON: %w", request, err)
		}
	}
	if with.Status < 200 || with.Status > 599 {
		return fmt.Errorf("stub: status %d answers no request: %s needs one from 200 to 599", with.Status, request)
	}
	bodyless := request.Method == http.MethodHead || with.Status == http.StatusNoContent || with.Status == http.StatusNotModified
	if bodyless && len(with.Body) > 0 {
		return fmt.Errorf("stub: an answer with status %d to %s has no body", with.Status, request)
	}

	gockMutex.Lock()
	defer gockMutex.Unlock()
	mocked := gock.New(address.Scheme + "://" + address.Host)
	a.mock = mocked.Mock
	matcher := gock.NewEmptyMatcher()
	matcher.Add(func(*http.Request, *gock.Request) (bool, error) {
		if s.asked == nil || a.given || a.differs(s.asked) != "" { // nil: another stub is asked
			return false, nil
		}
		a.given = true
		return true, nil
	})
	mocked.SetMatcher(matcher)
	response := mocked.Reply(with.Status)
	response.Header = with.Header.Clone()
	response.BodyBuffer = with.Body
	if response.Error != nil {
		return fmt.Errorf("stub: %w", response.Error)
	}
	s.answers = append(s.answers, a)
	return nil
}

// RoundTrip implements http.RoundTripper. The error of a refused request says what it differs in from each stub.
func (s *Stub) RoundTrip(r *http.Request) (*http.Response, error) {
	a := &asked{Request: r}
	if r.Body != nil {
		defer r.Body.Close()
		var err error
		if a.body, err = io.ReadAll(r.Body); err != nil {
			return nil, fmt.Errorf("stub: reading the body of %s %s: %w", r.Method, r.URL.Redacted(), err)
		}
	}
	without := *r // the body has been read, and the caller's request must not be changed
	without.Body = nil

	gockMutex.Lock()
	defer gockMutex.Unlock()
	s.asked = a
	defer func() { s.asked = nil }()
	response, err := s.transport.RoundTrip(&without)
	if errors.Is(err, gock.ErrCannotMatch) || errors.Is(err, ErrRefused) {
		err = s.refusal(a)
		s.refused = append(s.refused, err)
	}
	if response != nil {
		response.Request = r
	}
	return response, err
}

// refusal tells why no stub answers the request.
func (s *Stub) refusal(a *asked) error {
	var stubs strings.Builder
	for _, answer := range s.answers {
		why := "was given before"
		if !answer.given {
			why = "differs in " + answer.differs(a)
		}
		fmt.Fprintf(&stubs, "\n  the answer to %s %s", answer.Request, why)
	}
	if len(s.answers) == 0 {
		stubs.WriteString("\n  there is no stub")
	}
	return fmt.Errorf("%s %s was %w:%s", a.Method, a.URL.Redacted(), ErrRefused, stubs.String())
}

// differs names the first part in which the request differs from the one the answer is for, "" if it is the same.
func (a *answer) differs(r *asked) string {
	query, err := url.ParseQuery(r.URL.RawQuery)
	body, bodyErr := any(nil), error(nil)
	if len(r.body) > 0 {
		body, bodyErr = decoded(r.body)
	}
	switch {
	case r.Method != a.Method:
		return "method"
	case r.URL.Scheme != a.url.Scheme:
		return "scheme"
	case r.URL.Host != a.url.Host:
		return "host"
	case r.URL.EscapedPath() != a.url.EscapedPath():
		return "path"
	case err != nil || query.Encode() != a.url.Query().Encode():
		return "query"
	case bodyErr != nil || (len(r.body) > 0) != (a.Body != nil) || !reflect.DeepEqual(body, a.body):
		return "body"
	}
	return ""
}

// decoded reads one JSON value, numbers as they are written.
func decoded(text []byte) (value any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err = decoder.Decode(&value); err == nil && decoder.More() {
		err = errors.New("text follows the value")
	}
	return value, err
}
