package call

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/stub"
)

// Result is what one call of a client came to.
type Result struct {
	Exchanges []exchange.Exchange // by the given transport, in the order of the responses
	Surfaced  client.Surfaced     // what the caller got; its Response is the last exchange
	Fault     error               // *Panic, *Hang, *GivenUp, *TimedOut, *ForeignHost, *UnexpectedRequest or *NoRequest; nil if there is none
	Unclosed  error               // *UnclosedBody, of a call that is right otherwise; nil if every body was closed
	Returned  time.Duration       // when the call returned, since it began
	Guessed   bool                // whether a request came without the context of its call, so that it may be another's
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
	Call      *client.Call        // what the client is given, which its caller goes on to use; nil for the minimal one
	Response  fixtures.Response   // given once; the zero one for none, where Wrap gives some
	Variation *fixtures.Variation // of the request and the response; nil for the minimal one and Response
	Pace      Pace                // how the response's body comes
	What      string              // the id of what is received, as texts have it
	Once      string              // why the client must send one request only
	NextPage  string              // the token of the next and last page, which the client may request; empty for none
	// Wrap, if set, makes the transport that the client's requests go to, above the stub.
	Wrap func(Line) http.RoundTripper
}

// pageToken is a token that must be escaped.
const pageToken = "a+b/c%2Fd==&e"

// Successes are the requests that receive an operation's success: its example and, of a list that has pages, a page before the last.
// A client that follows the token sends the same request with it, and one that does not sends one request. Both are right.
func Successes(o *fixtures.Operation, pace Pace) []Request {
	plain := Request{Operation: o, Response: o.SuccessResponse(), Pace: pace, What: "the success of " + o.ID, Once: "nothing failed"}
	if !o.Success.Paged {
		return []Request{plain}
	}
	first := plain
	first.Response, first.NextPage = o.Page(pageToken), pageToken
	first.What, first.Once = "a page of "+o.ID, fmt.Sprintf("it can only follow the page's token (%s), once, in the same request with %s",
		o.Contract.Pages.Token, o.Contract.Pages.Parameter)
	return []Request{plain, first}
}

// Line is the way of one call's requests.
type Line struct {
	Stub  *stub.Stub         // gives responses to Want
	Below http.RoundTripper  // notes the exchanges of Stub
	Want  stub.Request       // the request of the call
	End   context.CancelFunc // ends the client's context
}

// In how many calls a client may hang in real time: each takes a second, and a minute where it dials.
const (
	mostHung        = 5
	mostHungDialled = 2
)

// Do constructs the client, and calls one of its operations for the minimal valid request. The error is the engine's own: the
// request cannot be stubbed.
func (c *Client) Do(request Request) (*Result, error) {
	results, err := c.DoInTurns([]Request{request})
	if err != nil {
		return nil, err
	}
	return results[0], nil
}

// DoInTurns constructs the client once, and has the instance perform the calls of each turn at once, one turn after the other. The
// first turn has one call. The results are in the order of the requests, up to the turn in which the client panicked or hung.
//
// Virtual time stands still while a call waits for a lock that another holds. So where calls at once hang, another instance performs
// them in real time, and every other one from then on.
func (c *Client) DoInTurns(turns ...[]Request) ([]*Result, error) {
	if n := c.hung.Load(); n >= mostHung || c.Dial != nil && n >= mostHungDialled {
		return []*Result{{Fault: &GivenUp{client: c.Name, calls: n}}}, nil
	}
	atOnce := len(turns[len(turns)-1]) > 1
	virtual := c.Dial == nil && (!atOnce || !c.locks.Load())
	results, hung, err := c.doInTurns(virtual, turns)
	if virtual && hung && len(results) > len(turns) { // those at once were under way
		c.locks.Store(true)
		results, hung, err = c.doInTurns(false, turns)
	}
	if hung {
		c.hung.Add(1)
	}
	return results, err
}

// doInTurns is DoInTurns in virtual or in real time, and whether a call hung in real time.
func (c *Client) doInTurns(virtual bool, turns [][]Request) (results []*Result, hung bool, err error) {
	s := &session{client: c, virtual: virtual, base: c.base}
	if c.Dial != nil {
		server := stub.Serve(s)
		defer server.Close()
		defer server.CloseClientConnections()
		s.base = server.URL + c.api.Path
	}
	var lines [][]*line
	for _, turn := range turns {
		var list []*line
		for _, request := range turn {
			l, err := s.newLine(request)
			if err != nil {
				return nil, false, err
			}
			list = append(list, l)
		}
		lines = append(lines, list)
	}
	patience := c.patience
	if c.hung.Load() > 0 {
		patience /= impatience
	}
	var fault error
	switch {
	case c.Dial != nil:
		s.run(2*cmp.Or(c.Timeout, client.DefaultTimeout), lines)
	case !virtual:
		s.run(patience, lines)
	default:
		fault = Bubble(patience, func() {
			s.run(virtualPatience, lines)
			time.Sleep(afterReturn)
		})
	}
	results = s.close(fault)
	hung = slices.ContainsFunc(results, func(r *Result) bool {
		hang := (*Hang)(nil)
		return errors.As(r.Fault, &hang) && (hang.Stuck || !virtual)
	})
	return results, hung, nil
}

// perform has an instance perform a call.
func (c *Client) perform(ctx context.Context, instance client.Calls, call client.Call) client.Surfaced {
	f := instance[call.Operation.ID]
	if f == nil {
		f = instance["*"]
	}
	var err error
	if f == nil {
		err = fmt.Errorf("the Calls of %s had %s when they were read first, and have it no more", c.Name, call.Operation.ID)
	} else {
		err = f(ctx, call)
	}
	s := c.Surfaced(withoutURL(err), exchange.Exchange{})
	s.Text = withoutNameServer(s.Text, err)
	return s
}

// Keeps reports whether what a call surfaced is still in the error that it returned.
func (c *Client) Keeps(r *Result) bool {
	kept, fault := guard(context.Background(), c.patience, func(context.Context) bool {
		now := c.Surfaced(r.Surfaced.Err, exchange.Exchange{})
		return now.Carried == r.Surfaced.Carried && reflect.DeepEqual(now.Failure, r.Surfaced.Failure)
	})
	return kept && fault == nil
}

// withoutNameServer is the text of an error without the machine's name server, which is nobody else's.
func withoutNameServer(text string, err error) string {
	if dns := (*net.DNSError)(nil); errors.As(err, &dns) && dns.Server != "" {
		return strings.ReplaceAll(text, " on "+dns.Server, "")
	}
	return text
}

// withoutURL is the error without the URL that http.Client puts before it, whose query it would print.
func withoutURL(err error) error {
	if outer, ok := err.(*url.Error); ok { //nolint:errorlint // what wraps it belongs to the client
		return outer.Err
	}
	return err
}

// judge finds the fault of a call that has none yet, and says what each is about.
func (c *Client) judge(l *line, base string, rejected, strayed error) {
	r := &l.result
	a := about{client: c.Name, what: l.request.What, received: len(r.Exchanges) > 0}
	shown := func() string {
		return strings.ReplaceAll(l.want.String(), base, c.Contract.BaseURL)
	}
	if complete(r.Fault, a) && (strayed == nil || a.received) {
		return // what is refused may end the goroutine that sends it, or keep it waiting: then that is the fault
	}
	switch unexpected := errors.Is(rejected, stub.ErrUnexpected); {
	case errors.Is(rejected, stub.ErrOtherHost):
		r.Fault = &ForeignHost{a, c.Contract.BaseURL, replaced{rejected, base, c.Contract.BaseURL}}
	case a.received && strayed != nil:
		r.Fault = &ForeignHost{a, c.Contract.BaseURL, strayed}
	case unexpected:
		r.Fault = &UnexpectedRequest{a, replaced{rejected, base, c.Contract.BaseURL}, l.undeclared, l.request.Once}
	case l.unauthorized:
		differs := errors.New("header Authorization: got none, and the instance sent one with its calls before")
		r.Fault = &UnexpectedRequest{about{client: a.client, what: a.what}, fmt.Errorf("%s\n  %w", shown(), differs), "", ""}
	case !l.sent:
		if dns := (*net.DNSError)(nil); strayed == nil && errors.As(r.Surfaced.Err, &dns) {
			strayed = fmt.Errorf("the host %s was looked up: %s", dns.Name, dns.Err)
		}
		r.Fault = &NoRequest{a, shown(), r.Surfaced.Text, strayed, c.Dial != nil}
	}
}

// replaced is an error of the stub with the API's own base URL.
type replaced struct {
	error
	base, api string
}

// Error implements error.
func (r replaced) Error() string { return strings.ReplaceAll(r.error.Error(), r.base, r.api) }

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
	case *TimedOut:
		fault.about = a
	}
	return fault != nil
}
