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
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/learncontract/learncontract/fixtures"
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
// failures, and the first again. Another performs some at once.
func (s *Subject) reuse(w *fixtures.Wording) (verdict.Verdict, error) {
	o := w.Clause.Operation
	once := s.once(o)
	first, last, success := step{o, w}, step{o, once[len(once)-1]}, step{operation: o}
	v, err := s.perform([]step{{operation: s.another(o)}}, []step{first}, []step{success}, []step{last}, []step{first})
	if err != nil || v.Outcome.Fails() {
		return v, err
	}
	if s.Judge.Client.Dial != nil {
		return s.perform([]step{first}, []step{first, first, first})
	}
	return s.perform([]step{first}, []step{success, last, first})
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
			if len(turn) > 1 {
				pace = call.Together // who waits while it holds a lock would stop the virtual time of the others
			}
			request := s.request(&step, number, pace)
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
		return v, nil
	}
	return verdict.Verdict{Outcome: report.Honored}, nil
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
	text string // when it was interrupted
	wrap func(call.Line, *interrupted) http.RoundTripper
}

// interrupted is what is known of an interrupted call.
type interrupted struct {
	mutex sync.Mutex
	ended time.Time // when the client's context ended; zero if it did not
}

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
		{"its context ended while it waited for the response", func(l call.Line, i *interrupted) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				if r.Body != nil {
					_, _ = io.Copy(io.Discard, r.Body)
					r.Body.Close()
				}
				i.endSoon(l)
				<-r.Context().Done()
				return nil, context.Cause(r.Context())
			})
		}},
		{"its context ended while it waited for the response's body", func(l call.Line, i *interrupted) http.RoundTripper {
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
		}},
		{"the response broke off half way", func(l call.Line, _ *interrupted) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				received, err := respond(l, r)
				if err != nil {
					return nil, err
				}
				half, err := io.ReadAll(io.LimitReader(received.Body, received.ContentLength/2))
				received.Body = breaking{io.MultiReader(bytes.NewReader(half), failingReader{}), received.Body}
				return received, err
			})
		}},
	}
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

// interrupt interrupts a call that receives the wording in each way. The client must return at once, with an error.
func (s *Subject) interrupt(w *fixtures.Wording) (verdict.Verdict, error) {
	c := s.Judge.Client
	for _, way := range interruptions(w.Response) {
		i := &interrupted{}
		var began time.Time
		r, err := c.Do(call.Request{
			Operation: w.Clause.Operation, What: w.ID(), Once: c.WhyOnce(w.Clause),
			Wrap: func(l call.Line) http.RoundTripper { began = time.Now(); return way.wrap(l, i) },
		})
		if err != nil {
			return verdict.Verdict{}, err
		}
		prompt := promptReturn
		if c.Dial != nil {
			prompt = promptDialled
		}
		i.mutex.Lock()
		hang, late := (*call.Hang)(nil), !i.ended.IsZero() && r.Returned-i.ended.Sub(began) > prompt
		i.mutex.Unlock()
		switch {
		case errors.As(r.Fault, &hang) && !hang.Stuck || late || errors.As(r.Fault, new(*call.TimedOut)):
			return s.broken(w, "does not return an error at once where "+way.text), nil
		case r.Fault != nil:
			return s.Judge.Fault(r.Fault), nil
		case r.Surfaced.Err == nil:
			return s.broken(w, "returned nil although "+way.text), nil
		case r.Unclosed != nil:
			return s.Judge.Fault(r.Unclosed), nil
		}
	}
	return verdict.Verdict{Outcome: report.Honored}, nil
}

// broken is the verdict of an interrupted client.
func (s *Subject) broken(w *fixtures.Wording, text string) verdict.Verdict {
	o := w.Clause.Operation
	v := verdict.Broken(fmt.Sprintf("%s %s.\nHave it pass its context on (http.NewRequestWithContext), and return each error of a request "+
		"and of reading a response's body.\n\nThe request:\n  %s %s", s.Judge.Client.Name, text, o.Method, o.Path))
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
