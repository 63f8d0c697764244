// Package observe reports which documented failures your own tests have met, and which failures no clause documents. It wraps the
// transport by which they send their requests.
package observe

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// New wraps the transport of your tests, http.DefaultTransport for nil. The Observer's Report says which documented failures
// they have met, and which failures no clause documents. It sends no request of its own and changes no response. Put it nearest
// to the wire, below what retries, so that it sees every attempt.
//
// A success passes untouched. The body of an error response to one of the contract's operations is read, up to exchange.MaxBody,
// before the response is handed on, and can be read again. A request belongs to an operation by its method and the end of its
// path, whatever stands before that: a proxy or a stand-in may have responded.
func New(base http.RoundTripper, contract *fixtures.Contract) *Observer {
	if contract == nil {
		panic("observe: New was given no contract: check the error of fixtures.Load first")
	}
	if base == nil {
		base = http.DefaultTransport // now: the observer itself may be put in its place
	}
	return &Observer{base: base, contract: contract, met: map[*fixtures.Clause]*Met{}}
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
}

// RoundTrip implements http.RoundTripper.
func (o *Observer) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := o.base.RoundTrip(request)
	if err == nil && response != nil && response.StatusCode >= http.StatusBadRequest {
		o.observe(request, response)
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

// observe notes an error response.
func (o *Observer) observe(request *http.Request, response *http.Response) {
	method, address := cmp.Or(request.Method, http.MethodGet), cmp.Or(request.URL, &url.URL{})
	operation, _, params := o.contract.Route(method, address.EscapedPath())
	if operation == nil {
		o.noteUnmatched(Unmatched{
			Request: method + " " + exchange.PrintableURL(address.String()), Status: response.StatusCode,
			Reason: "no operation of the contract",
		})
		return
	}
	x, err := capture(request, response)
	if err == nil && len(x.Body()) > maxCompared {
		err = fmt.Errorf("the response's body is larger than %d bytes: no error of the API is", maxCompared)
	}
	documented := matchers.BeDocumented(operation)
	honored := false
	if err == nil {
		honored, err = documented.Match(x)
	}
	if err != nil {
		o.noteUnmatched(Unmatched{
			Request: operation.Method + " " + operation.Path, Status: response.StatusCode,
			Reason: exchange.Printable(err.Error()),
		})
		return
	}
	if honored {
		o.noteMet(documented)
		return
	}
	if refusal, reason := x.Refusal(o.contract); refusal != nil {
		o.noteUnmatched(Unmatched{
			Request: operation.Method + " " + operation.Path, Status: response.StatusCode,
			Reason: exchange.Printable(refusal.Says + " (" + reason + "), which no clause documents"),
		})
		return
	}
	o.noteUndocumented(operation, x, params, documented)
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

// capture captures the exchange. The response's body can be read again, up to where it breaks off.
func capture(request *http.Request, response *http.Response) (exchange.Exchange, error) {
	seen := *response
	seen.Request = request // not every transport sets it
	x, err := exchange.Capture(&seen)
	if response.Body != http.NoBody {
		response.Body = seen.Body
	}
	if err == nil && x.Fault() != nil && x.Header("Content-Encoding") != "" {
		err = x.Fault() // nothing of it could be compared
	}
	return x, err
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
