// Package observe reports which documented failures your own tests have met, and which failures no clause documents. It wraps the
// transport by which they send their requests.
package observe

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// New wraps the transport of your tests, http.DefaultTransport for nil. The Observer's Report says which documented failures
// they have met, and which failures no clause documents. It sends no request of its own and changes no response. Put it nearest
// to the wire, below what retries, so that it sees every attempt.
//
// A success passes untouched. Of an error response to one of the contract's operations your code reads the body itself; what it
// reads is copied, up to 64 KiB, and compared when it has read the body to its end, or closed it after the whole JSON. A body that
// it doesn't read is not compared, and reported as such: observed or not, it ends with its Close and with its request's context.
//
// Of a batch, in JSON to …/$batch or as multipart/mixed, up to exchange.MaxBody, each response within is compared with its own
// request. A request belongs to an operation by its method and the end of its path, whatever stands before that: a proxy or a
// stand-in may have responded.
func New(base http.RoundTripper, contract *fixtures.Contract) *Observer {
	if contract == nil {
		panic("observe: New was given no contract: check the error of fixtures.Load first")
	}
	if base == nil {
		base = http.DefaultTransport // now: the observer itself may be put in its place
	}
	return &Observer{base: base, contract: contract, met: map[*fixtures.Clause]*Met{}, pending: map[Unmatched]int{}}
}

// Observer is the http.RoundTripper that New returns. Goroutines may share it.
type Observer struct {
	base     http.RoundTripper
	contract *fixtures.Contract

	mutex        sync.Mutex // guards what follows
	responses    int
	met          map[*fixtures.Clause]*Met
	undocumented bounded[Undocumented]
	unmatched    bounded[Unmatched]
	pending      map[Unmatched]int // responses whose bodies have not ended yet
}

// RoundTrip implements http.RoundTripper.
func (o *Observer) RoundTrip(request *http.Request) (*http.Response, error) {
	if isBatch(request) {
		return o.roundTripBatch(request)
	}
	response, err := o.base.RoundTrip(request)
	if err == nil && response != nil && response.StatusCode >= http.StatusBadRequest {
		if unmatched, compare := o.comparison(newHead(request, response)); compare != nil {
			o.follow(response, unmatched, maxCompared, compare)
		}
	}
	return response, err
}

func (o *Observer) roundTripBatch(request *http.Request) (*http.Response, error) {
	again, sent := copyBody(request)
	response, err := o.base.RoundTrip(again)
	if response != nil && response.Request == again {
		response.Request = request
	}
	if err == nil && response != nil && (response.StatusCode/100 == 2 || response.StatusCode >= http.StatusBadRequest) {
		o.observeBatch(newHead(request, response), request.Header, sent, response)
	}
	return response, err
}

// CloseIdleConnections closes the idle connections of the wrapped transport, for http.Client.
func (o *Observer) CloseIdleConnections() {
	if base, ok := o.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

// maxCompared is the size in bytes up to which an error response is compared with the contract: long texts take long.
const maxCompared = 64 << 10

// head is a request, and its response without a body.
type head struct {
	method   string
	url      *url.URL
	status   int
	header   http.Header // of the response
	received time.Time
}

func newHead(request *http.Request, response *http.Response) head {
	return head{
		cmp.Or(request.Method, http.MethodGet), cmp.Or(request.URL, &url.URL{}), response.StatusCode, response.Header, time.Now(),
	}
}

// request is the request as it is printed.
func (h head) request() string {
	if h.url == nil {
		return "(unknown)"
	}
	return h.method + " " + exchange.PrintableURL(h.url.String())
}

// exchange is the exchange with that body of the response, of which the end says how it ended.
func (h head) exchange(body []byte, end error) (x exchange.Exchange, err error) {
	if len(body) > maxCompared {
		return x, fmt.Errorf("the response's body is larger than %d bytes: no error of the API is", maxCompared)
	}
	response := fixtures.Response{Status: h.status, Header: h.header, Body: body}
	x = exchange.New(h.method, h.url.String(), response, h.received)
	if end != nil && (!errors.Is(end, errClosed) || x.Fault() != nil) { // who decodes JSON need not read further
		return x, endError(len(body), end)
	}
	if x.Fault() != nil && x.Header("Content-Encoding") != "" {
		return x, x.Fault() // nothing of it could be compared
	}
	return x, nil
}

// comparison is what compares an error response once it has its body, and how one that cannot be compared is noted. If no operation
// has the request, this is noted at once, and compare is nil.
func (o *Observer) comparison(h head) (unmatched Unmatched, compare func(body []byte, end error)) {
	unmatched = Unmatched{Request: h.request(), Status: h.status}
	operation, _, params := o.contract.Route(h.method, h.url.EscapedPath())
	if operation == nil {
		unmatched.Reason = "no operation of the contract"
		o.noteUnmatched(unmatched)
		return unmatched, nil
	}
	unmatched.Request = operation.Method + " " + operation.Path
	return unmatched, func(body []byte, end error) {
		x, err := h.exchange(body, end)
		documented := matchers.BeDocumented(operation)
		honored := false
		if err == nil {
			honored, err = documented.Match(x)
		}
		switch {
		case err != nil:
			unmatched.Reason = exchange.Printable(err.Error())
			o.noteUnmatched(unmatched)
		case honored:
			o.noteMet(documented)
		default:
			refusal, reason := x.Refusal(o.contract)
			if refusal == nil {
				o.noteUndocumented(operation, x, params, documented)
				break
			}
			unmatched.Reason = exchange.Printable(refusal.Says + " (" + reason + "), which no clause documents")
			o.noteUnmatched(unmatched)
		}
	}
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
	operation *fixtures.Operation, x exchange.Exchange, params map[string]string, documented *matchers.DocumentedMatcher,
) {
	d := newDraft(operation, x, params)
	// Responses count as the same if a caller that relies on what binds cannot tell them apart.
	key := []string{operation.ID, fmt.Sprint(x.Status()), fixtures.Normalize(exchange.Printable(d.code)), d.name}
	undocumented := false // in more than its form
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
		*first = Undocumented{Operation: operation, Text: exchange.Safe(documented.FailureMessage(nil))}
		if undocumented && d.code != "" {
			first.Draft = exchange.Safe(d.String())
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

// countPending counts the responses whose bodies have not ended yet.
func (o *Observer) countPending(a Unmatched, n int) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.pending[a] += n; o.pending[a] == 0 {
		delete(o.pending, a)
	}
}

// maxKept bounds how many different responses of a kind an Observer keeps.
const maxKept = 20

// bounded are the first different things of a kind, with how often each was noted, and how often the others were.
type bounded[T any] struct {
	keys   []string
	first  []*T
	counts []int
	others int
}

// note counts the thing with that key. The result is for the caller to fill if the thing is new and kept, nil otherwise.
func (b *bounded[T]) note(key string) *T {
	if at := slices.Index(b.keys, key); at >= 0 {
		b.counts[at]++
		return nil
	}
	if len(b.keys) == maxKept {
		b.others++
		return nil
	}
	b.keys, b.first, b.counts = append(b.keys, key), append(b.first, new(T)), append(b.counts, 1)
	return b.first[len(b.first)-1]
}
