package call

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/offline"
	"github.com/learncontract/learncontract/suites/stub"
)

// session is the calls of one instance of a client. As a transport it sends each request the way of its call.
type session struct {
	client   *Client
	virtual  bool   // whether its time is
	base     string // the base URL that the instance is given
	instance client.Calls

	mutex sync.Mutex
	turn  []*line // the calls under way
	begun []*line // all calls so far
	ended bool

	authorized bool // whether a request so far had an Authorization
	authorizes bool // whether one had before the turn under way
}

// line is one call, and the way of its requests.
type line struct {
	request        Request
	minimal        client.Call // the call that the client is given
	want           stub.Request
	responses      *stub.Stub
	recorder       *recorder
	beside         *stub.Stub // gives responses to the declared reads, which besideRecorder records
	besideRecorder *recorder
	transport      http.RoundTripper // the recorder, or what wraps it
	watch          *offline.Watch
	strayed        error // what was refused while the call was under way

	undeclared string // the declaration that would allow a request that was rejected

	sent         bool // whether the client has sent a request; guarded by the session's mutex, as what follows
	unauthorized bool // whether one had no Authorization, which the instance sent with the calls before
	result       Result
}

// newLine stubs the response of a call.
func (s *session) newLine(request Request) (*line, error) {
	o, minimal := request.Operation, client.Minimal(request.Operation)
	if request.Call != nil {
		minimal = *request.Call
	}
	respond := request.Response.At // or a client's cache would find it from the future
	if v := request.Variation; v != nil {
		minimal.Params, minimal.Query, respond = maps.Clone(v.Params), maps.Clone(v.Query), v.Respond
	}
	l := &line{request: request, minimal: minimal, responses: stub.New(), beside: stub.New(), want: s.want(o, minimal.Params, minimal.Query)}
	if request.Call != nil {
		l.want.Body = bytes.Clone(minimal.Body)
	}
	if request.Response.Status != 0 || request.Variation != nil || request.Wrap == nil {
		if err := l.responses.RespondAt(l.want, respond); err != nil {
			return nil, err
		}
	}
	if request.NextPage != "" {
		next := l.want
		next.Follows = true
		next.URL = withQuery(next.URL, map[string]string{o.Contract.Pages.Parameter: request.NextPage})
		if err := l.responses.RespondAt(next, o.SuccessResponse().At); err != nil {
			return nil, err
		}
	}
	if err := s.addReads(l); err != nil {
		return nil, err
	}
	l.recorder = &recorder{transport: l.responses, shownURL: s.client.shownURL, pace: request.Pace}
	l.besideRecorder = &recorder{transport: l.beside, shownURL: s.client.shownURL}
	l.transport = l.recorder
	return l, nil
}

// run constructs the instance, and has it perform the calls of each turn.
func (s *session) run(patience time.Duration, turns [][]*line) {
	for _, turn := range turns {
		s.begin(turn)
		var calls sync.WaitGroup
		for _, l := range turn[1:] {
			calls.Go(func() { s.call(patience, l) })
		}
		s.call(patience, turn[0])
		calls.Wait()
		if slices.ContainsFunc(turn, func(l *line) bool { return l.result.Fault != nil }) {
			return
		}
	}
}

// begin makes a turn the one under way.
func (s *session) begin(turn []*line) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.endWatches()
	for _, l := range turn {
		l.watch = offline.StartWatch(s.virtual)
	}
	s.turn, s.begun, s.authorizes = turn, append(s.begun, turn...), s.authorized
}

// endWatches ends those of the turn under way.
func (s *session) endWatches() {
	for _, l := range s.turn {
		l.strayed = l.watch.End()
	}
}

type lineKey struct{}

// call has the instance perform a call, and notes what it came to. The first call constructs the instance.
func (s *session) call(patience time.Duration, l *line) {
	began := time.Now()
	ctx := context.WithValue(l.watch.Context(context.Background()), lineKey{}, l)
	if l.request.Wrap != nil {
		var end context.CancelFunc
		ctx, end = context.WithCancel(ctx)
		defer end()
		transport := l.request.Wrap(Line{l.responses, l.recorder, l.want, end})
		s.mutex.Lock()
		l.transport = transport
		s.mutex.Unlock()
	}
	surfaced, fault := guard(ctx, patience, func(ctx context.Context) client.Surfaced {
		if s.instance == nil {
			var err error
			if s.instance, err = s.client.construct(&http.Client{Transport: s}, s.base); err != nil {
				return s.client.Surfaced(err, exchange.Exchange{})
			}
		}
		return s.client.perform(ctx, s.instance, l.minimal)
	})
	returned := time.Since(began)
	if fault == nil && s.client.Dial != nil && returned >= patience/2 {
		fault = &TimedOut{After: patience / 2, Text: surfaced.Text}
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	l.result.Surfaced, l.result.Fault, l.result.Returned = surfaced, fault, returned
	if unclosed := cmp.Or(l.recorder.unclosed(), l.besideRecorder.unclosed()); fault == nil && unclosed != "" && s.client.Dial == nil { // a server does not see it
		l.result.Unclosed = &UnclosedBody{s.client.Name, unclosed, l.request.What}
	}
}

// close ends the session. The results are those of the calls that were begun; those under way when time stood still have the fault.
func (s *session) close(fault error) []*Result {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.endWatches()
	s.ended = true
	var results []*Result
	for _, l := range s.begun {
		if fault != nil && slices.Contains(s.turn, l) { // the client goes on, and with it what it was given
			l = &line{request: l.request, want: l.want, responses: l.responses, recorder: l.recorder, undeclared: l.undeclared, strayed: l.strayed, sent: l.sent}
			l.result.Fault = fault
		}
		l.result.Exchanges = l.recorder.all()
		l.result.Surfaced.Response = l.result.Last()
		s.client.judge(l, s.base, l.responses.Close(), l.strayed)
		results = append(results, &l.result)
	}
	return results
}

// RoundTrip implements http.RoundTripper. A request without the context of its call is of the first call under way that has sent
// none.
func (s *session) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mutex.Lock()
	l, ok := r.Context().Value(lineKey{}).(*line)
	if s.ended || ok && !slices.Contains(s.begun, l) {
		s.mutex.Unlock()
		if s.client.Dial != nil { // it has come to this machine's own server, and may be of any instance
			return nil, errEnded
		}
		return nil, refuseOld(r, s.client.shownURL(r.URL))
	}
	if !ok {
		l = s.turn[max(0, slices.IndexFunc(s.turn, func(l *line) bool { return !l.sent }))]
	}
	if beside := s.besides(l, r); beside != nil {
		s.mutex.Unlock()
		return beside.RoundTrip(r)
	}
	l.result.Guessed = l.result.Guessed || !ok
	l.sent = true
	hasToken := r.Header.Get("Authorization") != ""
	s.authorized, l.unauthorized = s.authorized || hasToken, l.unauthorized || s.authorizes && !hasToken
	transport, atOnce := l.transport, len(s.turn) > 1
	s.mutex.Unlock()
	if atOnce {
		s.meet()
	}
	response, err := transport.RoundTrip(r)
	if errors.Is(err, stub.ErrUnexpected) {
		s.mutex.Lock()
		l.undeclared = cmp.Or(l.undeclared, s.undeclared(l.request.Operation, r))
		s.mutex.Unlock()
	}
	return response, err
}

// meetings is how often a request looks for those of the other calls at once.
const meetings = 1000

// meet lets the other calls at once send their requests, so that what they share is seen. No time passes: one of them may wait for a
// lock that this one's call holds.
func (s *session) meet() {
	for range meetings {
		s.mutex.Lock()
		met := !slices.ContainsFunc(s.turn, func(l *line) bool { return !l.sent })
		s.mutex.Unlock()
		if met {
			return
		}
		runtime.Gosched()
	}
}

var errEnded = errors.New("the call that the server was for has ended")

// refuseOld refuses a request by an http.Client that was given for another instance.
func refuseOld(r *http.Request, address string) error {
	return offline.Refuse(r.Context(), fmt.Sprintf("%s %s by an http.Client that New was given for another instance",
		r.Method, exchange.PrintableURL(address)))
}

// recorder captures every exchange below the client, whose goroutines may share it, as if the API itself had responded. It gives
// the client bodies as net/http does.
type recorder struct {
	transport http.RoundTripper
	shownURL  func(*url.URL) string
	pace      Pace
	mutex     sync.Mutex
	exchanges []exchange.Exchange
	bodies    []*body
}

// RoundTrip implements http.RoundTripper.
func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(response.Body)
	if err = cmp.Or(err, response.Body.Close()); err != nil {
		return nil, err
	}
	x := exchange.New(request.Method, r.shownURL(request.URL),
		fixtures.Response{Status: response.StatusCode, Header: response.Header, Body: content}, time.Now())
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.exchanges = append(r.exchanges, x)
	response.Body = http.NoBody
	if len(content) > 0 {
		if acceptsGzip(request.Header) {
			content = zipped(content)
			response.Header = response.Header.Clone()
			response.Header.Set("Content-Encoding", "gzip")
			response.ContentLength = int64(len(content))
		}
		b := newBody(request.Context(), content, r.pace)
		if response.Body = b; r.pace == Chunked {
			response.ContentLength, response.TransferEncoding = -1, []string{"chunked"}
		}
		r.bodies = append(r.bodies, b)
	}
	return response, nil
}

func (r *recorder) all() []exchange.Exchange {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return slices.Clone(r.exchanges)
}

// unclosed is the status line of the first response whose body was not closed, "" if there is none.
func (r *recorder) unclosed() string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for i, b := range r.bodies {
		if !b.isClosed() {
			return fixtures.StatusLine(r.exchanges[i].Status())
		}
	}
	return ""
}
