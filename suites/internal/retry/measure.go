package retry

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/call"
	"github.com/learncontract/learncontract/suites/internal/verdict"
	"github.com/learncontract/learncontract/suites/stub"
)

// trial measures how a client behaves that is throttled with a wording.
type trial struct {
	subject    *Subject
	wording    *fixtures.Wording
	errata     *verdict.Matching // of the client's, for the behaviour
	documented *verdict.Matching // and for the documented response, whose own spec settles them
	schedules  []*schedule       // the first, and those that show a fault
	total      int               // how many there were
	repeats    bool              // whether it is measured again, of which no schedule is kept but one that shows a fault
	unclosed   error             // of the first call that left a body open
}

func (s *Subject) trial(w *fixtures.Wording, behaviour string) *trial {
	return &trial{subject: s, wording: w, errata: s.Judge.Matching(w, behaviour), documented: s.Judge.Matching(w, "")}
}

// excuse reports whether an erratum has the text in the field: one of the behaviour, or of any response.
func (t *trial) excuse(field client.Field, text string) bool {
	return t.errata.Excuse(field, text) || t.documented.Excuse(field, text)
}

// delay is how a response asks to wait.
type delay struct {
	text string // what it asks for, as a schedule has it
	// header is the Retry-After of a response given at a time, "" for none, and the shortest wait that obeys it; nil for the
	// wording's own.
	header func(now time.Time) (value string, wait time.Duration)
}

// How often a client is throttled and called.
const (
	always       = 1 << 30
	mostAttempts = 100 // of a client that ever stops
	mostReported = 8   // schedules of a spec, the first ones
)

// How long after the first response an interrupted client's context ends: the shortest virtual time, and one in which a response
// is read over a socket.
const (
	interruptAfter        = time.Nanosecond
	interruptDialledAfter = 200 * time.Millisecond
)

// interruptAfter is that of the client.
func (t *trial) interruptAfter() time.Duration {
	if t.dialled() {
		return interruptDialledAfter
	}
	return interruptAfter
}

// dialled reports whether the client is called in real time.
func (t *trial) dialled() bool { return t.subject.Judge.Client.Dial != nil }

// measured is a call that was throttled, and what the client made of it.
type measured struct {
	*call.Result
	*schedule
	bodies  []string // what is wrong with the bodies sent, by attempt
	headers []string // which are missing, by attempt
	endless bool     // whether the client was stopped from retrying
}

// hang is the client's hang, nil if it returned.
func (m *measured) hang() *call.Hang {
	var hang *call.Hang
	errors.As(m.Fault, &hang)
	return hang
}

// panicked is the client's panic, nil if it had none.
func (m *measured) panicked() *call.Panic {
	var panicked *call.Panic
	errors.As(m.Fault, &panicked)
	return panicked
}

// unexpected reports whether the client sent what is no attempt.
func (m *measured) unexpected() bool {
	return errors.As(m.Fault, new(*call.UnexpectedRequest)) || errors.As(m.Fault, new(*call.ForeignHost))
}

// measure has a new client perform the operation, throttled as often as times and then successful. In real time it does so once for
// all behaviours and all wordings of the clause.
func (t *trial) measure(requested delay, times int) *measured {
	if !t.dialled() {
		return t.run(requested, times, false)
	}
	key := fmt.Sprint(t.wording.Clause.ID, requested.text, times)
	m := t.subject.measured[key]
	if m == nil {
		m = t.run(requested, times, false)
		if t.subject.measured == nil {
			t.subject.measured = map[string]*measured{}
		}
		t.subject.measured[key] = m
		return m
	}
	t.total++
	t.schedules = append(t.schedules, m.schedule)
	t.unclosed = first(t.unclosed, m.Unclosed)
	return m
}

// interrupt is measure with a context that ends right after the first response.
func (t *trial) interrupt(requested delay) *measured { return t.run(requested, always, true) }

func (t *trial) run(requested delay, times int, interrupt bool) *measured {
	m := &measured{schedule: &schedule{requested: requested.text}}
	if t.total++; !t.repeats && t.total <= mostReported {
		t.schedules = append(t.schedules, m.schedule)
	}
	throttling := &throttlingTransport{trial: t, requested: requested, times: times, interrupt: interrupt, measured: m}
	result, err := t.subject.Judge.Client.Do(throttling.request())
	if err != nil {
		result = &call.Result{Fault: engineError{err}}
	}
	throttling.end(result)
	return m
}

// runInTurns has one new client perform the operation several times, each throttled once. The results are those up to a fault.
func (t *trial) runInTurns(requested delay, calls int) (list []*measured, err error) {
	var turns [][]call.Request
	transports := make([]*throttlingTransport, calls)
	for n := range transports {
		m := &measured{schedule: &schedule{requested: requested.text}}
		transports[n] = &throttlingTransport{trial: t, requested: requested, times: 1, measured: m}
		turns = append(turns, []call.Request{transports[n].request()})
	}
	results, err := t.subject.Judge.Client.DoInTurns(turns...)
	for n, result := range results {
		transports[n].end(result)
		list = append(list, transports[n].measured)
	}
	return list, err
}

// request is the call that the transport throttles.
func (l *throttlingTransport) request() call.Request {
	wrap := func(line call.Line) http.RoundTripper {
		l.line, l.start = line, time.Now()
		return l
	}
	return call.Request{Operation: l.trial.wording.Clause.Operation, What: l.trial.wording.ID(), Wrap: wrap}
}

// end completes what was measured by the call's result.
func (l *throttlingTransport) end(result *call.Result) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	m, o := l.measured, l.trial.wording.Clause.Operation
	m.Result = result
	m.ended = result.Returned
	l.trial.unclosed = first(l.trial.unclosed, result.Unclosed)
	m.outcome = m.outcomeText()
	if o.Action == "create" && len(m.attempts) > 1 {
		m.repeated = stub.Request{Method: o.Method, URL: o.URL()}.String() + " " + stub.PrintableBody(o.Body)
	}
}

// outcomeText says what the caller got.
func (m *measured) outcomeText() string {
	switch {
	case m.hang() != nil:
		return givenUp
	case m.panicked() != nil:
		return "panicked"
	case m.Surfaced.Err == nil:
		return "succeeded"
	case !m.Surfaced.Carried:
		return "returned an error that carries no failure"
	}
	return "surfaced the failure"
}

// throttlingTransport throttles, and notes when it received a request.
type throttlingTransport struct {
	trial     *trial
	measured  *measured
	requested delay
	times     int
	interrupt bool
	line      call.Line
	start     time.Time

	mutex   sync.Mutex
	tries   int // attempts, and requests after the context's end
	body    []byte
	hasBody bool
	header  http.Header // of the first attempt
}

// RoundTrip implements http.RoundTripper.
func (l *throttlingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, fault := stub.ReadBody(r)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.tries++; l.tries > mostAttempts {
		// It may loop without a pause, in which no virtual time passes: a client that does not even look at its context
		// never gets a response again.
		l.measured.endless = true
		l.line.End()
		if l.tries > 2*mostAttempts {
			l.mutex.Unlock()
			<-make(chan struct{})
		}
	}
	if err := r.Context().Err(); err != nil || l.measured.endless {
		return nil, cmp.Or(err, context.Canceled) // as http.Transport does
	}

	number, now := len(l.measured.attempts), time.Now()
	if number > 0 {
		l.measured.attempts[number-1].waited = now.Sub(l.start) - l.measured.attempts[number-1].at
	}
	a := attempt{at: now.Sub(l.start)}
	again := l.hasBody
	if again {
		if fault == nil && !bytes.Equal(body, l.body) {
			fault = fmt.Errorf("sends %s, and the first sent %s", stub.PrintableBody(body), stub.PrintableBody(l.body))
		}
		if fault != nil {
			l.measured.bodies = append(l.measured.bodies, fmt.Sprintf("attempt %d %v", number+1, fault))
		}
		body = l.body // a wrong one is reported by itself: it spoils no other measurement
	}
	l.body, l.hasBody = body, true
	if l.header == nil {
		l.header = r.Header.Clone()
	} else if missing := missingHeaders(l.header, r.Header); len(missing) > 0 {
		l.measured.headers = append(l.measured.headers, fmt.Sprintf("attempt %d has no %s", number+1, strings.Join(missing, ", ")))
	}

	response := l.trial.subject.Respond(l.trial.wording).At(now)
	if number >= l.times {
		response = l.trial.wording.Clause.Operation.SuccessResponse().At(now)
	} else {
		l.throttle(&response, &a, number, now)
	}
	if err := l.line.Stub.Respond(l.line.Want, response); err != nil {
		return nil, err
	}
	plain := r.WithContext(r.Context())
	plain.Body = io.NopCloser(bytes.NewReader(body))
	if again || fault == nil { // what is wrong with the first one, the stub says
		plain.Header, plain.ContentLength = r.Header.Clone(), int64(len(body))
		plain.Header.Del("Content-Encoding")
		plain.Header.Set("Content-Type", "application/json")
	}
	received, err := l.line.Below.RoundTrip(plain)
	if err == nil {
		a.status = received.StatusCode
	}
	l.measured.attempts = append(l.measured.attempts, a)
	if l.interrupt && number == 0 {
		time.AfterFunc(l.trial.interruptAfter(), l.line.End) // the client is in its first wait, or has returned
	}
	return received, err
}

// throttle has the response ask to wait.
func (l *throttlingTransport) throttle(response *fixtures.Response, a *attempt, number int, now time.Time) {
	if id := response.Header.Get("request-id"); id != "" {
		own := fmt.Sprintf("%s-%d", id, number+1) // distinguishes the last failure from the others
		response.Header.Set("request-id", own)
		response.Body = bytes.ReplaceAll(response.Body, []byte(`"request-id":"`+id+`"`), []byte(`"request-id":"`+own+`"`))
	}
	if l.requested.header == nil {
		a.delay, _ = exchange.RetryAfter(exchange.New("", "", *response, now)) // without the header, nothing
	} else {
		response.Header.Del("Retry-After")
		value, wait := l.requested.header(now)
		if a.delay = wait; value != "" {
			response.Header.Set("Retry-After", value)
		}
	}
	a.most = a.delay
	if client := l.trial.subject.Judge.Client; client.ReadsMinutes && a.delay > 0 && l.trial.wording.Message.Has(fixtures.Minutes) {
		_, wait := minutes(l.trial.wording).header(now)
		a.most = max(a.most, wait)
	}
	switch value := response.Header.Get("Retry-After"); {
	case value != "":
		a.source = "Retry-After: " + value
	case l.trial.wording.Message.Has(fixtures.Minutes):
		a.source = theMessage + l.trial.wording.Message.Expand(nil)
	}
}

// theMessage begins what asks to wait where no header does.
const theMessage = "message: "

// missingHeaders are the names of the headers of the first attempt that a further one has not, or not with a value. Those that frame
// the body are compared with it. The values may differ: tokens expire, and attempts are counted.
func missingHeaders(first, further http.Header) (missing []string) {
	for _, name := range slices.Sorted(maps.Keys(first)) {
		switch name {
		case "Connection", "Content-Encoding", "Content-Length", "Transfer-Encoding":
			continue
		}
		was, is := words(first[name]), words(further[name])
		if is < was && (is == 0 || name == "Authorization") { // a scheme alone authorizes nobody
			missing = append(missing, name)
		}
	}
	return missing
}

// words is how many words the values of a header have.
func words(values []string) int { return len(strings.Fields(strings.Join(values, " "))) }

// ShortWaits has a client that is called in real time asked to wait for a second: by the header, and in the message, whose minutes it
// may round, by the fewest.
func ShortWaits(respond func(*fixtures.Wording) fixtures.Response) func(*fixtures.Wording) fixtures.Response {
	return func(w *fixtures.Wording) fixtures.Response {
		response := respond(w)
		if response.Header.Get("Retry-After") == "" {
			return response
		}
		response.Header = response.Header.Clone()
		response.Header.Set("Retry-After", "1")
		params := maps.Clone(w.Clause.Operation.Params)
		if params == nil {
			params = map[string]string{}
		}
		long := quoted(w.Message.Expand(params))
		params[fixtures.Minutes] = "1"
		response.Body = bytes.ReplaceAll(response.Body, long, quoted(w.Message.Expand(params)))
		return response
	}
}

// quoted is a text as it stands in a response.
func quoted(text string) []byte {
	quoted, err := json.Marshal(text)
	if err != nil {
		return []byte(strconv.Quote(text))
	}
	return quoted
}
