// Package observe says which documented failures tests of yours have met, and which failures no clause documents: it wraps the
// transport that they send their requests by.
package observe

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// New wraps the transport of tests of yours, http.DefaultTransport for nil, so that their end says which documented
// failures they have met, and which failures no clause documents. It adds no request and changes no response. Put it
// nearest to the wire, below what retries: then it sees every attempt.
//
// A success passes as it is. The body of an error response of the contract's operations is read, up to exchange.MaxBody,
// before the response is handed on, and can be read again. A request belongs to an operation by its method and the end of its
// path, whatever the host and what stands before: a proxy or a stand-in may response.
func New(base http.RoundTripper, contract *fixtures.Contract) *Observer {
	if contract == nil {
		panic("observe: New was given no contract: check the error of fixtures.Load first")
	}
	if base == nil {
		base = http.DefaultTransport // now: the observer itself may be put in its place
	}
	o := &Observer{base: base, contract: contract, met: map[*fixtures.Clause]*Met{}}
	for _, operation := range contract.Operations {
		o.routes = append(o.routes, newRoute(operation))
	}
	return o
}

// Observer is the http.RoundTripper that New returns. Goroutines may share it.
type Observer struct {
	base     http.RoundTripper
	contract *fixtures.Contract
	routes   []route

	mutex        sync.Mutex // guards what follows
	responses    int
	met          map[*fixtures.Clause]*Met
	undocumented bounded[Undocumented]
	unmatched    bounded[Unmatched]
}

// RoundTrip implements http.RoundTripper.
func (o *Observer) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := o.base.RoundTrip(request)
	if err == nil && response != nil && response.StatusCode >= http.StatusBadRequest {
		o.observe(request, response)
	}
	return response, err
}

// CloseIdleConnections has the wrapped transport close its idle connections, as http.Client asks for.
func (o *Observer) CloseIdleConnections() {
	if base, ok := o.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

// mostJudged is the size in bytes up to which an error response is held against the contract: that takes longer with the
// length of its texts.
const mostJudged = 64 << 10

// observe notes an error response.
func (o *Observer) observe(request *http.Request, response *http.Response) {
	operation, values := o.operation(request)
	if operation == nil {
		address := ""
		if request.URL != nil {
			address = redacted(exchange.PrintableURL(request.URL.String()))
		}
		o.noteUnmatched(Unmatched{
			Request: cmp.Or(request.Method, http.MethodGet) + " " + address, Status: response.StatusCode,
			Reason: "no operation of the contract",
		})
		return
	}
	x, err := capture(request, response)
	if err == nil && len(x.Body()) > mostJudged {
		err = fmt.Errorf("the response's body is larger than %d bytes: no error of the API is", mostJudged)
	}
	documented := matchers.BeDocumented(operation)
	honored := false
	if err == nil {
		honored, err = documented.Match(x)
	}
	if err != nil {
		o.noteUnmatched(Unmatched{
			Request: operation.Method + " " + operation.Path, Status: response.StatusCode,
			Reason: redacted(exchange.Printable(err.Error())),
		})
		return
	}
	if honored {
		o.noteMet(documented)
		return
	}
	o.noteUndocumented(operation, x, values, documented)
}

func (o *Observer) noteMet(documented *matchers.DocumentedMatcher) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.responses++
	clause := documented.Clause()
	met := o.met[clause]
	if met == nil {
		met = &Met{Clause: clause}
		o.met[clause] = met
	}
	met.Responses++
	if len(documented.Deviations()) == 0 {
		met.ToTheLetter++
	}
}

func (o *Observer) noteUndocumented(
	operation *fixtures.Operation, x exchange.Exchange, values []string, documented *matchers.DocumentedMatcher,
) {
	d := newDraft(operation, x, values)
	// Responses are the same if a caller that relies on what binds cannot tell them unmatched.
	key := []string{
		operation.ID, fmt.Sprint(x.Status()), fixtures.Normalize(exchange.Printable(d.code)), d.name,
	}
	undocumented := false // by more than its form
	for _, deviation := range documented.Deviations() {
		if deviation.Binds {
			key = append(key, deviation.Field)
			undocumented = undocumented || slices.Contains([]string{"status", "code", "name", "message"}, deviation.Field)
		}
	}
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.responses++
	if first := o.undocumented.note(strings.Join(key, " ")); first != nil {
		*first = Undocumented{Operation: operation, Text: redacted(documented.FailureMessage(nil))}
		if undocumented && d.code != "" {
			first.Draft = redacted(d.String())
		}
	}
}

func (o *Observer) noteUnmatched(a Unmatched) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if first := o.unmatched.note(fmt.Sprint(a)); first != nil {
		*first = a
	}
}

var mailAddress = regexp.MustCompile(`[\w.+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+`)

// redacted is a text without mail addresses, which are ids of users.
func redacted(text string) string {
	return mailAddress.ReplaceAllStringFunc(text, func(found string) string {
		if strings.Contains(found, "@odata.") || strings.Contains(found, "@microsoft.graph.") {
			return found // an annotation of OData's: learner@odata.bind
		}
		return "{id}"
	})
}

// capture captures the exchange, decompressed where the caller wants to decompress the response itself. The response's body
// can be read again, up to what broke it off.
func capture(request *http.Request, response *http.Response) (exchange.Exchange, error) {
	seen := *response
	seen.Request = request // which not every transport sets
	x, err := exchange.Capture(&seen)
	if response.Body != http.NoBody {
		response.Body = seen.Body
	}
	if err != nil || !strings.EqualFold(response.Header.Get("Content-Encoding"), "gzip") {
		return x, err
	}
	var text []byte
	zipped, err := gzip.NewReader(bytes.NewReader(x.Body()))
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(zipped, exchange.MaxBody))
	}
	if err != nil {
		return x, fmt.Errorf("the response's body is not the gzip it is said to be: %w", err)
	}
	plain := fixtures.Response{Status: response.StatusCode, Header: response.Header, Body: text}
	return exchange.New(x.Method(), request.URL.String(), plain, time.Now()), nil
}

// route tells the requests of an operation.
type route struct {
	operation *fixtures.Operation
	path      *regexp.Regexp // of the end of the escaped path, a group for each parameter
	literal   int            // length of what is no parameter
}

var parameter = regexp.MustCompile(`\{[^{}/]*\}`)

func newRoute(o *fixtures.Operation) route {
	literals := parameter.Split(o.Path, -1)
	r := route{operation: o}
	for i := range literals {
		r.literal += len(literals[i])
		literals[i] = regexp.QuoteMeta(unescaped(literals[i]))
	}
	r.path = regexp.MustCompile(strings.Join(literals, "([^/]+)") + "$")
	return r
}

// operation returns the operation that the request asks for, and the values of its path's parameters, or nil. Of several
// it is the one that says most of the path: "/{id}:accept" before "/{id}".
func (o *Observer) operation(request *http.Request) (operation *fixtures.Operation, values []string) {
	if request.URL == nil {
		return nil, nil
	}
	path := unescaped(request.URL.EscapedPath())
	method := cmp.Or(request.Method, http.MethodGet)
	most := -1
	for _, r := range o.routes {
		if r.operation.Method != method || r.literal <= most {
			continue
		}
		if match := r.path.FindStringSubmatch(path); match != nil {
			operation, values, most = r.operation, match[1:], r.literal
		}
	}
	return operation, values
}

// unescaped unescapes each segment of a path but for its slashes: clients escape more or less of it.
func unescaped(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if plain, err := url.PathUnescape(segment); err == nil {
			segments[i] = strings.ReplaceAll(plain, "/", "%2F")
		}
	}
	return strings.Join(segments, "/")
}

// mostKept bounds how many different responses of a kind an Observer keeps.
const mostKept = 20

// bounded are the first different things of a kind, with how often each was noted, and how often others were.
type bounded[T any] struct {
	keys   []string
	first  []*T
	counts []int
	others int
}

// note counts the thing of that key. The result is for what is new and kept, for the caller to fill; else it is nil.
func (b *bounded[T]) note(key string) *T {
	if at := slices.Index(b.keys, key); at >= 0 {
		b.counts[at]++
		return nil
	}
	if len(b.keys) == mostKept {
		b.others++
		return nil
	}
	b.keys, b.first, b.counts = append(b.keys, key), append(b.first, new(T)), append(b.counts, 1)
	return b.first[len(b.first)-1]
}
