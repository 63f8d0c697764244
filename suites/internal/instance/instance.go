// Package instance checks one instance of a client over several calls, and in calls that are interrupted.
//
// It is pure but for the calls.
package instance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/call"
	"github.com/learncontract/learncontract/suites/internal/verdict"
	"github.com/learncontract/learncontract/suites/report"
)

// Subject is the client whose instances are checked.
type Subject struct {
	Judge *verdict.Judge
	Vary  func(*fixtures.Wording, int) fixtures.Variation // of the documented response
}

// Behaviour is one thing that each instance of a client does.
type Behaviour struct {
	Key   string // as errata have it
	Text  string // as the spec's title has it
	check func(*Subject, *fixtures.Wording) (verdict.Verdict, error)
}

// Behaviours returns what each instance must do.
func Behaviours() []Behaviour {
	return []Behaviour{
		{"reused", "surfaces what each of its calls receives, one after another and at once", (*Subject).reuse},
		{"interrupted", "returns an error where its context ends, or the response breaks off", (*Subject).interrupt},
	}
}

// Wordings are those that instances are checked with: of each operation that the client performs, the first that it does not retry
// after.
func (s *Subject) Wordings() []*fixtures.Wording {
	var wordings []*fixtures.Wording
	for _, o := range s.Judge.Client.Contract.Operations {
		if once := s.once(o); len(once) > 0 && s.Judge.Client.Performs(o) {
			wordings = append(wordings, once[0])
		}
	}
	return wordings
}

// once are the first wordings of the clauses of an operation that the client does not retry after.
func (s *Subject) once(o *fixtures.Operation) []*fixtures.Wording {
	var once []*fixtures.Wording
	for _, clause := range o.Clauses {
		if !s.Judge.Client.RetriesAfter(clause) {
			once = append(once, clause.Wordings[0])
		}
	}
	return once
}

// Check is the verdict of a behaviour, with the wording as what its operation fails with.
func (s *Subject) Check(w *fixtures.Wording, b Behaviour) verdict.Verdict {
	v, err := b.check(s, w)
	if err != nil {
		return verdict.EngineError(err)
	}
	return s.Judge.Known(v, w, b.Key)
}

// step is one call of an instance: the failure that it receives, or the operation's success.
type step struct {
	operation *fixtures.Operation
	failure   *fixtures.Wording
}

// reuse has one instance perform several calls: a success of another operation, the operation's success between two different
// failures, and the first again. Another performs some at once. The first operation of each method has a long series of them, and the first of all goes on after
// calls that are interrupted.
func (s *Subject) reuse(w *fixtures.Wording) (verdict.Verdict, error) {
	if v, err := s.receiveOther(w); err != nil || v.Outcome.Fails() {
		return v, err
	}
	o := w.Clause.Operation
	once := s.once(o)
	first, last, success := step{o, w}, step{o, once[len(once)-1]}, step{operation: o}
	v, err := s.perform([]step{{operation: s.another(o)}}, []step{first}, []step{success}, []step{last}, []step{first})
	if err != nil || v.Outcome.Fails() {
		return v, err
	}
	if s.Judge.Client.Dial != nil {
		v, err = s.perform([]step{first}, []step{first, first, first})
	} else {
		v, err = s.perform([]step{first}, []step{success, last, first})
	}
	if err != nil || v.Outcome.Fails() || w != s.firstOf(o.Method) {
		return v, err
	}
	if v, err = s.perform(series(o, once)...); err != nil || v.Outcome.Fails() {
		return v, err
	}
	return s.survive(w)
}

// receiveOther has an instance send other values, and receive the wording with more text after its message, in a long response, whose media
// type is written otherwise: providers change all that without notice.
func (s *Subject) receiveOther(w *fixtures.Wording) (verdict.Verdict, error) {
	open, plain := *w, step{w.Clause.Operation, w}
	open.Text = "synthetic" // so that what follows it is open
	other := step{w.Clause.Operation, &open}
	request, given := s.request(&other, 1, call.Together), client.Minimal(w.Clause.Operation)
	given.Body, request.Call = w.Clause.Operation.VaryBody(1), &given
	respond := request.Variation.Respond
	request.Variation.Respond = func(now time.Time) fixtures.Response { return otherwise(respond(now)) }
	r, err := s.Judge.Client.Do(request)
	if err != nil {
		return verdict.Verdict{}, err
	}
	v := s.judge(other, r)
	if v.Outcome.Fails() {
		usual, err := s.Judge.Client.Do(s.request(&plain, 1, call.Together))
		if err != nil || s.judge(plain, usual).Reason == v.Reason { // one cause is reported once
			return verdict.Verdict{Outcome: report.Honored}, err
		}
		v.Text = "Where the message goes on after its documented text, the response is long, and its media type is written otherwise:\n" + v.Text
	}
	return v, nil
}

// otherwise is a response with an unknown member before the others, longer than clients that read a part of a response read, and with
// another spelling of its media type (RFC 9110, 8.3.1).
func otherwise(r fixtures.Response) fixtures.Response {
	const long = 9 << 10
	if rest, isObject := bytes.CutPrefix(r.Body, []byte("{")); isObject {
		r.Body = fmt.Appendf(nil, `{"unknown":%q,%s`, strings.Repeat("0123456789abcdef", long/16), rest)
	}
	media, charset, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if media += "; charset=utf-8"; strings.Contains(charset, " ") {
		media = strings.ReplaceAll(media, " ", "")
	}
	r.Header.Set("Content-Type", media)
	return r
}

// firstOf is the first of Wordings whose operation has the method; of a client that dials, the first.
func (s *Subject) firstOf(method string) *fixtures.Wording {
	wordings := s.Wordings()
	at := slices.IndexFunc(wordings, func(w *fixtures.Wording) bool {
		return w.Clause.Operation.Method == method || s.Judge.Client.Dial != nil
	})
	return wordings[max(0, at)]
}

// slots is more than a client has calls under way at once, as far as we know of any.
const slots = 17

// series are calls one after another, in which each failure follows each other kind of it, and more fail than a client has slots for calls.
// No circuit breaker opens: of five in a row two fail.
func series(o *fixtures.Operation, failures []*fixtures.Wording) (turns [][]step) {
	success := []step{{operation: o}}
	for i := range max(slots/2+1, len(failures)) {
		turns = append(turns, success, success, success)
		for _, next := range []int{i, i + 1} {
			turns = append(turns, []step{{o, failures[next%len(failures)]}})
		}
	}
	return turns
}

// another is the operation after this one that the client performs, itself if there is no other.
func (s *Subject) another(o *fixtures.Operation) *fixtures.Operation {
	operations := s.Judge.Client.Contract.Operations
	at := 0
	for i, other := range operations {
		if other == o {
			at = i
		}
	}
	for i := range operations {
		if next := operations[(at+1+i)%len(operations)]; s.Judge.Client.Performs(next) {
			return next
		}
	}
	return o
}

// perform has one instance perform the steps of each turn at once, one turn after the other. The verdict is that of the first call
// that is wrong.
func (s *Subject) perform(turns ...[]step) (verdict.Verdict, error) {
	const few = 5
	callers := map[*fixtures.Operation]*client.Call{} // each goes on to use what it gives the client
	var steps []step
	var requests [][]call.Request
	for _, turn := range turns {
		var list []call.Request
		first := len(steps)
		for _, step := range turn {
			number := len(steps)
			if s.Judge.Client.Dial != nil {
				number = first // no server knows which call a request is of
			}
			pace := call.Pace(len(steps)) % call.Paces
			if len(turn) > 1 || len(turns) > few {
				pace = call.Together // who waits while it holds a lock would stop the virtual time of the others
			}
			request := s.request(&step, number, pace)
			switch o := step.operation; {
			case len(turn) > 1: // what they share shows where it differs
				given := client.Minimal(o)
				given.Body, request.Call = o.VaryBody(number), &given
			case step.failure == nil:
				if callers[o] == nil {
					given := client.Minimal(o)
					callers[o] = &given
				}
				request.Call = callers[o]
			}
			list, steps = append(list, request), append(steps, step)
		}
		requests = append(requests, list)
	}
	results, err := s.Judge.Client.DoInTurns(requests...)
	if err != nil {
		return verdict.Verdict{}, err
	}
	atOnce := len(results) // the first of the calls at once
	if len(steps) > len(turns) {
		atOnce = min(len(turns)-1, len(results))
	}
	kept := slices.IndexFunc(results, func(r *call.Result) bool { return !s.Judge.Client.Keeps(r) })
	shareGETs(steps[atOnce:], results[atOnce:])
	mixed := slices.ContainsFunc(results[atOnce:], func(r *call.Result) bool { return r.Guessed })
	for i, r := range results {
		v := s.judge(steps[i], r)
		ended := errors.As(r.Fault, new(*call.Panic)) || errors.As(r.Fault, new(*call.Hang))
		if !v.Outcome.Fails() || i >= atOnce && mixed && !ended { // what else is wrong may be another call's
			continue
		}
		alone, err := s.Judge.Client.Do(s.request(&steps[i], i, call.Together))
		if err != nil || s.judge(steps[i], alone).Reason == v.Reason { // one cause is reported once
			if err == nil && len(turns) > few { // there are others to look at
				continue
			}
			return verdict.NotRun(report.NotRun, fmt.Sprintf("%s is not right by itself either", steps[i].what())), err
		}
		when := fmt.Sprintf("In call %d of one instance", i+1)
		switch {
		case i >= atOnce:
			when += ", of which several are under way at once"
		case i > 0:
			when += fmt.Sprintf(", after it received %s", steps[i-1].what())
		}
		v.Text = when + ":\n" + v.Text
		if given := callers[steps[i].operation]; given != nil && changed(*given) {
			v.Text += "\nAn earlier call changed the Params, Query or Body that it was given, which its caller goes on to use. Have it copy what it changes."
		}
		return v, nil
	}
	if kept >= 0 {
		v := verdict.Broken(fmt.Sprintf("%s returned an error that has changed since: that of call %d of one instance, which received %s.\n"+
			"Have it return an error of its own from each call (none from a pool).", s.Judge.Client.Name, kept+1, steps[kept].what()))
		v.Reason = s.Judge.Client.Name + " returned an error that has changed since"
		return v, nil
	}
	return verdict.Verdict{Outcome: report.Honored}, nil
}

// changed reports whether a call is no longer the minimal one.
func changed(c client.Call) bool {
	was := client.Minimal(c.Operation)
	return !maps.Equal(c.Params, was.Params) || !maps.Equal(c.Query, was.Query) || !bytes.Equal(c.Body, was.Body)
}

// request is the call of a step, which receives the variation of that number of its failure.
func (s *Subject) request(step *step, number int, pace call.Pace) call.Request {
	r := call.Request{Operation: step.operation, Pace: pace, What: step.what(), Once: "nothing failed"}
	if step.failure == nil {
		r.Response = step.operation.SuccessResponse()
		return r
	}
	variation := s.Vary(step.failure, number)
	step.failure, r.Variation, r.Once = variation.Wording, &variation, s.Judge.Client.WhyOnce(step.failure.Clause)
	return r
}

// what names what the step's call receives.
func (s step) what() string {
	if s.failure == nil {
		return "the success of " + s.operation.ID
	}
	return s.failure.ID()
}

// judge is the verdict of a step's call.
func (s *Subject) judge(step step, r *call.Result) verdict.Verdict {
	if step.failure == nil {
		return s.Judge.Success(step.operation, r)
	}
	return s.Judge.Again(step.failure, r)
}

// shareGETs lets, of calls at once, one that sent no request have received what an equal one did, for equal requests that only read may be sent
// once for all callers (golang.org/x/sync/singleflight).
func shareGETs(steps []step, results []*call.Result) {
	for i, r := range results {
		if !errors.As(r.Fault, new(*call.NoRequest)) || steps[i].operation.Method != http.MethodGet {
			continue
		}
		for j, other := range results {
			if steps[j].operation == steps[i].operation && len(other.Exchanges) > 0 && r.Surfaced.Text == other.Surfaced.Text {
				steps[i], results[i] = steps[j], other
				break
			}
		}
	}
}

// interruption is a way in which a call is interrupted.
type interruption struct {
	text   string // when it was interrupted
	remedy string
	wrap   func(call.Line, *interrupted) http.RoundTripper
	after  bool // whether the instance has received a failure before
}

// interrupted is what is known of an interrupted call.
type interrupted struct {
	mutex sync.Mutex
	ended time.Time // when the client's context ended; zero if it did not
	sent  int       // requests
}

// What a client does that is wrong where it is interrupted.
const (
	passOn   = "pass its context on (http.NewRequestWithContext), and return each error of a request and of reading a response's body"
	sendOnce = "send a request that is not idempotent once (RFC 9110, 9.2.2), and return the error"
)

// interruptions returns the ways.
func interruptions(response func() fixtures.Response) []interruption {
	respond := func(l call.Line, r *http.Request) (*http.Response, error) {
		if err := r.Context().Err(); err != nil {
			return nil, err // as http.Transport does
		}
		if err := l.Stub.RespondAt(l.Want, response().At); err != nil {
			return nil, err
		}
		return l.Below.RoundTrip(r)
	}
	return []interruption{
		{"its context ended while it waited for the response", passOn, func(l call.Line, i *interrupted) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				receiveBody(r)
				i.endSoon(l)
				<-r.Context().Done()
				return nil, context.Cause(r.Context())
			})
		}, false},
		{"its context ended while it waited for the response's body", passOn, func(l call.Line, i *interrupted) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				received, err := respond(l, r)
				if err != nil {
					return nil, err
				}
				i.endSoon(l)
				received.Body = stalling{received.Body, r.Context()}
				received.ContentLength++
				return received, nil
			})
		}, false},
		{"the response broke off half way", passOn, func(l call.Line, i *interrupted) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				i.count()
				received, err := respond(l, r)
				if err != nil {
					return nil, err
				}
				half, err := io.ReadAll(io.LimitReader(received.Body, received.ContentLength/2))
				received.Body = breaking{io.MultiReader(bytes.NewReader(half), failingReader{}), received.Body}
				return received, err
			})
		}, false},
		{"the connection was closed before a response", passOn, func(_ call.Line, i *interrupted) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				i.count()
				receiveBody(r)
				return nil, io.EOF // as http.Transport does
			})
		}, true},
	}
}

// receiveBody reads the body of a request, as a server does.
func receiveBody(r *http.Request) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
}

func (i *interrupted) count() {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.sent++
}

// How long a client waits for what does not come, before its context ends, and in what time it must return then: one that looks at
// its context now and then may.
const (
	waits         = 100 * time.Millisecond
	promptReturn  = time.Second
	promptDialled = 10 * time.Second // in real time, on a machine with other work
)

// endSoon ends the client's context after a while.
func (i *interrupted) endSoon(l call.Line) {
	time.AfterFunc(waits, func() {
		i.mutex.Lock()
		defer i.mutex.Unlock()
		if i.ended.IsZero() {
			i.ended = time.Now()
		}
		l.End()
	})
}

// interrupt interrupts a call that receives the wording in each way. The client must return at once, with an error that is not the one
// before, and must not send a request again that is not idempotent, unless it declares to retry the operation.
func (s *Subject) interrupt(w *fixtures.Wording) (verdict.Verdict, error) {
	c, o := s.Judge.Client, w.Clause.Operation
	for _, way := range interruptions(w.Response) {
		i := &interrupted{}
		var began time.Time
		turns := [][]call.Request{{{
			Operation: o, What: w.ID(), Once: c.WhyOnce(w.Clause),
			Wrap: func(l call.Line) http.RoundTripper { began = time.Now(); return way.wrap(l, i) },
		}}}
		if way.after {
			turns = slices.Insert(turns, 0, []call.Request{s.request(&step{o, w}, 0, call.Together)})
		}
		results, err := c.DoInTurns(turns...)
		if err != nil {
			return verdict.Verdict{}, err
		}
		r := results[len(results)-1]
		prompt := promptReturn
		if c.Dial != nil {
			prompt = promptDialled
		}
		i.mutex.Lock()
		hang, late := (*call.Hang)(nil), !i.ended.IsZero() && r.Returned-i.ended.Sub(began) > prompt
		sent, ended := i.sent, !i.ended.IsZero()
		i.mutex.Unlock()
		switch {
		case len(results) < len(turns): // and so with a first one
		case errors.As(r.Fault, &hang) && !hang.Stuck || late || errors.As(r.Fault, new(*call.TimedOut)):
			return s.broken(w, "does not return an error at once where "+way.text, way.remedy), nil
		case r.Fault != nil && way.after:
			continue // what is wrong with a second call shows in that spec
		case r.Fault != nil:
			return s.Judge.Fault(r.Fault), nil
		case r.Surfaced.Err == nil:
			return s.broken(w, "returned nil although "+way.text, way.remedy), nil
		case sent > 1 && !isIdempotent(o.Method) && !slices.ContainsFunc(o.Clauses, c.RetriesAfter):
			return s.broken(w, fmt.Sprintf("sent %s again where %s", o.Method, way.text), sendOnce), nil
		case sent > mostSent:
			return s.broken(w, fmt.Sprintf("sent its request more than %d times where %s", mostSent, way.text), "give up, and return the error"), nil
		case way.after && surfacesAny(results[0].Surfaced, r.Surfaced):
			return s.broken(w, "surfaced a failure that it did not receive where "+way.text, "return the error of the request itself"), nil
		case r.Unclosed != nil && !ended: // net/http itself ends a response with its context
			return s.Judge.Fault(r.Unclosed), nil
		}
	}
	return s.wait(w)
}

// survive has one instance perform calls that are interrupted in each way, more often than most clients have slots for calls. Those between
// them are not, and must return nil. No circuit breaker opens, as in a series.
func (s *Subject) survive(w *fixtures.Wording) (verdict.Verdict, error) {
	const often = 20
	c, o := s.Judge.Client, w.Clause.Operation
	if c.Dial != nil || w != s.Wordings()[0] {
		return verdict.Verdict{Outcome: report.Honored}, nil
	}
	success := step{operation: o}
	ways := interruptions(w.Response)
	var turns [][]call.Request
	var before []string // of each call that is not interrupted, what the one before was; "" for the others
	for n := range often {
		way := ways[n%len(ways)]
		turns = append(turns, []call.Request{{
			Operation: o, What: w.ID(), Once: c.WhyOnce(w.Clause),
			Wrap: func(l call.Line) http.RoundTripper { return way.wrap(l, &interrupted{}) },
		}})
		if before = append(before, ""); n%2 == 0 {
			continue
		}
		for range 3 {
			turns, before = append(turns, []call.Request{s.request(&success, n, call.Together)}), append(before, way.text)
		}
	}
	results, err := c.DoInTurns(turns...)
	if err != nil {
		return verdict.Verdict{}, err
	}
	for i, r := range results {
		v := s.judge(success, r)
		if before[i] == "" || !v.Outcome.Fails() {
			continue
		}
		alone, err := c.Do(s.request(&success, i, call.Together))
		if err != nil || s.judge(success, alone).Reason == v.Reason { // one cause is reported once
			return verdict.Verdict{Outcome: report.Honored}, err
		}
		v.Text = fmt.Sprintf("In call %d of one instance, after calls that were interrupted (in the last, %s). Have each call give back all that it takes, "+
			"however it ends (defer):\n%s", i+1, before[i], v.Text)
		return v, nil
	}
	return verdict.Verdict{Outcome: report.Honored}, nil
}

// isIdempotent reports whether a request of the method may be sent again where its fate is unknown (RFC 9110, 9.2.2).
func isIdempotent(method string) bool { return method != http.MethodPost && method != http.MethodPatch }

// mostSent is how often a client sends a request whose connection is closed.
const mostSent = 20

// surfacesAny reports whether a failure is one that the API responded, or has something of the one before: no response was received.
func surfacesAny(before, now client.Surfaced) bool {
	was, is := before.Failure, now.Failure
	return now.Carried && (is.Status >= http.StatusBadRequest || is.Message != "" && is.Message == was.Message ||
		is.RequestID != "" && is.RequestID == was.RequestID || is.Code != "" && is.Code == was.Code)
}

// holds is for how long a request is under way that others may wait for.
const holds = 2 * time.Second

// wait has an instance perform more calls at once than it has slots. Those that wait for a slot must return with their context. Equal
// requests that only read may be sent once for all callers, so another is taken. A lock knows no context, and its time is not virtual: who
// waits for one is not found.
func (s *Subject) wait(w *fixtures.Wording) (verdict.Verdict, error) {
	c, wordings := s.Judge.Client, s.Wordings()
	at := slices.IndexFunc(wordings, func(w *fixtures.Wording) bool { return w.Clause.Operation.Method != http.MethodGet })
	if c.Dial != nil || c.Locks() || at < 0 || wordings[at] != w {
		return verdict.Verdict{Outcome: report.Honored}, nil
	}
	waiting := make([]*interrupted, slots)
	calls := make([]call.Request, slots)
	for n := range calls {
		i := &interrupted{}
		waiting[n] = i
		calls[n] = call.Request{Operation: w.Clause.Operation, What: w.ID(), Wrap: func(l call.Line) http.RoundTripper {
			time.AfterFunc(waits, func() { i.endUnsent(l) })
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				i.count()
				receiveBody(r)
				<-r.Context().Done()
				return nil, context.Cause(r.Context())
			})
		}}
	}
	results, err := c.DoInTurns([]call.Request{s.request(&step{operation: w.Clause.Operation}, 0, call.Together)}, calls)
	if err != nil || c.Locks() || len(results) <= slots {
		return verdict.Verdict{Outcome: report.Honored}, err
	}
	for n, r := range results[1:] {
		waiting[n].mutex.Lock()
		late := !waiting[n].ended.IsZero() && r.Returned > waits+promptReturn
		waiting[n].mutex.Unlock()
		if late || errors.As(r.Fault, new(*call.Hang)) {
			return s.broken(w, "does not return an error at once where its context ended while it waited for other calls of the instance",
				"wait for the context too (select with ctx.Done())"), nil
		}
	}
	return verdict.Verdict{Outcome: report.Honored}, nil
}

// endUnsent ends the context of a call that has sent no request, and that of any other later.
func (i *interrupted) endUnsent(l call.Line) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if i.sent > 0 {
		time.AfterFunc(holds, l.End)
		return
	}
	i.ended = time.Now()
	l.End()
}

// broken is the verdict of an interrupted client.
func (s *Subject) broken(w *fixtures.Wording, text, remedy string) verdict.Verdict {
	o := w.Clause.Operation
	v := verdict.Broken(fmt.Sprintf("%s %s.\nHave it %s.\n\nThe request:\n  %s %s", s.Judge.Client.Name, text, remedy, o.Method, o.Path))
	v.Reason = s.Judge.Client.Name + " " + text
	return v
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// stalling is a body whose end never comes.
type stalling struct {
	io.ReadCloser
	ctx context.Context //nolint:containedctx // that of the request
}

// Read implements io.Reader.
func (b stalling) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(1, len(p))])
	if errors.Is(err, io.EOF) {
		<-b.ctx.Done()
		return n, context.Cause(b.ctx)
	}
	return n, err
}

// breaking is a body that breaks off.
type breaking struct {
	io.Reader
	io.Closer
}

type failingReader struct{}

// Read implements io.Reader.
func (failingReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
