package call

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/offline"
	"github.com/learncontract/learncontract/suites/stub"
)

// Result is what one call of a client came to.
type Result struct {
	Exchanges []exchange.Exchange // by the given transport, in the order of the responses
	Surfaced  client.Surfaced     // what the caller got; its Response is the last exchange
	Fault     error               // *Panic, *Hang, *GivenUp, *ForeignHost, *UnexpectedRequest or *NoRequest; nil if there is none
	Returned  time.Duration       // when the call returned, since it began
}

// Last is the last exchange, the zero one if there is none.
func (r *Result) Last() exchange.Exchange {
	if len(r.Exchanges) == 0 {
		return exchange.Exchange{}
	}
	return r.Exchanges[len(r.Exchanges)-1]
}

// Request is what to call a client for, and what it receives.
type Request struct {
	Operation *fixtures.Operation
	Response  fixtures.Response   // given once; not used with Wrap
	Variation *fixtures.Variation // of the request and the response; nil for the minimal one and Response
	What      string              // the id of what is received, as texts have it
	Once      string              // why the client must send one request only
	// Wrap, if set, makes the transport above the stub that the client is given, on virtual time. It has the request and gives
	// the stub its responses. End ends the client's context.
	Wrap func(answers *stub.Stub, below http.RoundTripper, want stub.Request, end context.CancelFunc) http.RoundTripper
}

// mostHung bounds in how many calls a client may hang in real time: each takes a second.
const mostHung = 5

// Do constructs the client, and calls one of its operations for the minimal valid request. The error is the engine's own: the
// request cannot be stubbed.
func (c *Client) Do(request Request) (*Result, error) {
	if n := c.hung.Load(); n >= mostHung {
		return &Result{Fault: &GivenUp{client: c.Name, calls: n}}, nil
	}
	watch := offline.StartWatch(c.Dial == nil)
	answers := stub.New()
	below := &recorder{transport: answers, baseURL: c.Contract.BaseURL}
	base := offline.BaseURL(c.Contract.BaseURL)
	if c.Dial != nil {
		server := answers.Serve(below)
		defer server.Close()
		base = server.URL + pathOf(c.Contract.BaseURL)
	}
	o, minimal := request.Operation, client.Minimal(request.Operation)
	respond := func(time.Time) fixtures.Response { return request.Response }
	if v := request.Variation; v != nil {
		minimal.Params, minimal.Query, respond = maps.Clone(v.Params), maps.Clone(v.Query), v.Respond
	}
	want := stub.Request{
		Method: o.Method, URL: withQuery(base+o.Expand(minimal.Params, minimal.Query), c.Query),
		Example: o.URLAt(base), Body: o.Body,
	}
	if request.Wrap == nil {
		if err := answers.RespondAt(want, respond); err != nil {
			return nil, err
		}
	}
	inner := &Result{}
	attempt := func(patience time.Duration) {
		began := time.Now()
		ctx, end := context.WithCancel(watch.Context(context.Background()))
		defer end()
		transport := http.RoundTripper(below)
		if request.Wrap != nil {
			transport = request.Wrap(answers, below, want, end)
		}
		inner.Surfaced, inner.Fault = guard(ctx, patience, func(ctx context.Context) client.Surfaced {
			return c.callOnce(ctx, &http.Client{Transport: transport}, base, minimal)
		})
		inner.Returned = time.Since(began)
	}
	r := inner
	if c.Dial != nil {
		attempt(c.patience) // a socket knows no virtual time
	} else {
		patience := c.patience
		if c.hung.Load() > 0 {
			patience /= impatience
		}
		fault := Bubble(patience, func() {
			attempt(virtualPatience)
			time.Sleep(afterReturn)
		})
		if fault != nil { // the client goes on, and with it what it was given
			r = &Result{Fault: fault}
		}
	}
	if hang := (*Hang)(nil); errors.As(r.Fault, &hang) && (hang.Stuck || c.Dial != nil) {
		c.hung.Add(1)
	}
	r.Exchanges = below.all()
	r.Surfaced.Response = r.Last()
	c.judge(r, request, want, base, answers.Close(), watch.End())
	return r, nil
}

// callOnce constructs the client and has it perform the call.
func (c *Client) callOnce(ctx context.Context, given *http.Client, base string, call client.Call) client.Surfaced {
	calls, err := c.construct(given, base)
	if err == nil {
		f := calls[call.Operation.ID]
		if f == nil {
			f = calls["*"]
		}
		if f == nil {
			err = fmt.Errorf("the Calls of %s had %s when they were read first, and have it no more", c.Name, call.Operation.ID)
		} else {
			err = f(ctx, call)
		}
	}
	return c.Surfaced(withoutURL(err), exchange.Exchange{})
}

// withoutURL is the error without the URL that http.Client puts before it, whose query it would print.
func withoutURL(err error) error {
	if outer, ok := err.(*url.Error); ok { //nolint:errorlint // what wraps it belongs to the client
		return outer.Err
	}
	return err
}

// judge finds the fault of a call that has none yet, and says what each is about.
func (c *Client) judge(r *Result, request Request, want stub.Request, base string, refused, strayed error) {
	a := about{client: c.Name, what: request.What, received: len(r.Exchanges) > 0}
	shown := strings.ReplaceAll(want.String(), base, c.Contract.BaseURL)
	if complete(r.Fault, a) {
		return
	}
	err := r.Surfaced.Err
	switch unexpected := errors.Is(refused, stub.ErrUnexpected); {
	case errors.Is(refused, stub.ErrOtherHost):
		r.Fault = &ForeignHost{a, c.Contract.BaseURL, shownRefusal(refused)}
	case a.received && strayed != nil:
		r.Fault = &ForeignHost{a, c.Contract.BaseURL, strayed}
	case unexpected:
		r.Fault = &UnexpectedRequest{a, shownRefusal(refused), shown, request.Once}
	case !a.received:
		if strayed == nil && errors.As(err, new(*net.DNSError)) {
			strayed = err
		}
		r.Fault = &NoRequest{a, shown, r.Surfaced.Text, strayed, c.Dial != nil}
	}
}

// Live calls the client for a request to a tenant, in real time, with the transport that it must use. Its result has no
// exchange: who gives the transport has seen it.
func (c *Client) Live(ctx context.Context, patience time.Duration, given *http.Client, base string, call client.Call) *Result {
	r := &Result{}
	r.Surfaced, r.Fault = guard(ctx, patience, func(ctx context.Context) client.Surfaced { return c.callOnce(ctx, given, base, call) })
	complete(r.Fault, about{client: c.Name, what: "a response to " + call.Operation.ID})
	return r
}

// shownRefusal is an error of the stub with the API's own host.
func shownRefusal(err error) error { return replaced{err} }

type replaced struct{ error }

// Error implements error.
func (r replaced) Error() string { return strings.ReplaceAll(r.error.Error(), ".invalid/", "/") }

// pathOf is the path of a URL.
func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Path
}

// withQuery adds parameters to the query of a URL.
func withQuery(address string, more map[string]string) string {
	if len(more) == 0 {
		return address
	}
	query := url.Values{}
	for name, value := range more {
		query.Set(name, value)
	}
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return address + separator + query.Encode()
}

// recorder captures every exchange below the client, whose goroutines may share it, as if the API itself had responded.
type recorder struct {
	transport http.RoundTripper
	baseURL   string

	mutex     sync.Mutex
	exchanges []exchange.Exchange
}

// RoundTrip implements http.RoundTripper.
func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	seen := *response
	seen.Request = r.shown(request)
	x, err := exchange.Capture(&seen)
	response.Body = seen.Body
	if err != nil {
		return nil, err
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.exchanges = append(r.exchanges, x)
	return response, nil
}

// shown is the request with the API's own host.
func (r *recorder) shown(request *http.Request) *http.Request {
	api, err := url.Parse(r.baseURL)
	if err != nil {
		return request
	}
	shown, address := *request, *request.URL
	address.Scheme, address.Host = api.Scheme, api.Host
	shown.URL = &address
	return &shown
}

func (r *recorder) all() []exchange.Exchange {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return slices.Clone(r.exchanges)
}

// OnVirtualTime calls f as every client that takes an http.Client is called. The fault is a *Panic or a *Hang.
func (c *Client) OnVirtualTime(f func()) error {
	var inner error
	fault := Bubble(c.patience, func() {
		_, inner = guard(context.Background(), virtualPatience, func(context.Context) struct{} { f(); return struct{}{} })
	})
	if fault == nil { // or f goes on, and sets inner
		fault = inner
	}
	complete(fault, about{client: c.Name, what: "a response"})
	return fault
}

// complete says what a fault of guard or Bubble is about, and whether it is one.
func complete(fault error, a about) bool {
	switch fault := fault.(type) { //nolint:errorlint // guard and Bubble return them unwrapped
	case *Panic:
		fault.about = a
	case *Hang:
		fault.about = a
	}
	return fault != nil
}
