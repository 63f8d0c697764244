package suites

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/report"
	"github.com/learncontract/learncontract/suites/stub"
)

// expect is Gomega's Expect for specs, whatever fail handler the process has.
func expect(actual any) gomega.Assertion { return failing.Expect(actual) }

var failing = gomega.NewGomega(fail)

// fail is ginkgo.Fail, and skip ginkgo.Skip, of a text without secrets, and without what a CI system obeys in a log: it
// has what a provider or a client says.
func fail(text string, callerSkip ...int) {
	frames := 1
	if len(callerSkip) > 0 {
		frames += callerSkip[0]
	}
	ginkgo.Fail(report.EscapeLogCommands(scrub(text)), frames)
}

func skip(text string) { ginkgo.Skip(report.EscapeLogCommands(scrub(text)), 1) }

// scrub masks the secrets of a live run, of which a process has one at a time. Offline there are none.
var scrub = func(text string) string { return text }

// ask has the client perform the operation, which is answered with the wording, and holds the answer and what the
// client tells of it against the contract. A client that declares to ask again must recover if it is answered so once;
// any other must ask once.
func (s *Suite) ask(w *fixtures.Wording) {
	if s.Client.Dial != nil && s.Client.RetriesAfter(w.Clause) {
		skip(fmt.Sprintf(unsupported+"%s asks again after %s, and a socket knows no virtual time: give New, or have it ask once",
			s.Client.Name, fixtures.StatusLine(w.Clause.Status)))
	}
	if !s.Client.RetriesAfter(w.Clause) {
		s.judge(w, s.perform(w.Clause.Operation, s.Answer(w), w.ID(), s.whyOnce(w.Clause)))
		return
	}
	t := s.trial(w, "")
	defer t.report()
	m := t.measure(asDocumented, always)
	t.fail(t.misbehaves(m))
	s.judge(w, &m.told)
	t.fail(t.recovers(t.misbehaves, 1))
}

// judge holds what the client was answered and what it tells of it against the contract.
func (s *Suite) judge(w *fixtures.Wording, told *told) {
	for _, exchange := range told.exchanges {
		honor := matchers.HonorWording(w).Strictly()
		expect(exchange).To(noting{honor, func() []matchers.Deviation { return onTheWire(w, honor.Deviations()) }})
	}
	s.hold(told, w, "")
}

// hold holds what the client told of an answer of the wording, in a case if that is not the documented one, against what was
// answered, but for what its errata have.
func (s *Suite) hold(told *told, w *fixtures.Wording, inCase string) {
	what := caseID(w, inCase)
	errata := s.covering(w, inCase)
	silent := false
	if told.panicked != nil && errata.excuses(panicField, fmt.Sprint(told.panicked)) {
		told.panicked, silent = nil, true
	}
	if told.err != nil && errata.excuses(errorField, told.err.Error()) {
		told.err, silent = nil, true
	}
	told.alright(s, what)
	if silent {
		errata.settle(what, s.Today)
		return
	}
	if told.succeeded() {
		fail(fmt.Sprintf("%s swallowed the failure: it was answered %s, and tells its caller of nothing, without an error.",
			s.Client.Name, what))
	}
	tell := clients.Tell(w, told.last()).Exposing(s.Client.Exposed()).Excusing(errata.excuses)
	differs := func() []matchers.Deviation { return toTheCaller(w, tell.Deviations()) }
	expect(told.failure).To(noting{tell, differs})
	noteDeviations(differs()) // that are known
	errata.settle(what, s.Today)
	for _, field := range tell.Lost() {
		ginkgo.AddReportEntry(lostEntry, string(field), types.CodeLocation{}, ginkgo.ReportEntryVisibilityNever)
	}
}

// askSuccess has the client perform the operation, which does not fail, and holds the client to tell of no failure.
func (s *Suite) askSuccess(o *fixtures.Operation) {
	what := "that " + o.ID + " succeeded"
	told := s.perform(o, s.Succeed(o), what, "nothing failed")
	for _, exchange := range told.exchanges {
		expect(exchange).To(matchers.HonorSuccess(o))
	}
	told.alright(s, what)
	if !told.succeeded() {
		fail(fmt.Sprintf("%s was answered %s, and tells its caller of a failure:\n%s",
			s.Client.Name, what, matchers.Printable(fmt.Sprintf("%+v", told.failure))))
	}
}

// succeeded reports whether the client tells its caller of no failure: by a success's status, or by nothing at all.
func (t *told) succeeded() bool {
	failure := t.failure
	failure.Status, failure.RequestID = 0, ""
	return t.err == nil && reflect.ValueOf(failure).IsZero() && t.failure.Status < http.StatusBadRequest
}

const (
	lostEntry    = "lost"    // names the report entries that say which field a client does not expose
	erratumEntry = "erratum" // names those that say which erratum a client's deviation is
)

// unsupported begins the message of a spec that is skipped because the client does not perform its operation.
const unsupported = "unsupported: "

// told is what a client made of an answer.
type told struct {
	failure   clients.Failure
	err       error
	panicked  any           // what the client panicked with
	stack     []byte        // of the panic
	hung      time.Duration // how long it had not returned, 0 if it did
	stuck     bool          // whether that was real time, for no virtual time passed
	exchanges []matchers.Exchange
	refused   error  // requests that no stub answers
	elsewhere error  // requests to elsewhere by another transport than the one it was given
	once      string // why the client must not ask again
}

func (t *told) last() matchers.Exchange { return t.exchanges[len(t.exchanges)-1] }

// perform has the client perform the operation's minimal valid request, which gets the answer once, for the reason. What
// it asks of nobody, or of somebody else, fails the spec here.
func (s *Suite) perform(o *fixtures.Operation, answer fixtures.Response, what, once string) *told {
	s.skipUnperformed(o)
	if s.t == nil { // or it is refused until the test ends
		defer stub.RefuseNetwork()()
	}
	// Not by DeferCleanup: a node of Ginkgo's own, with its goroutine and context, costs a tenth of the run.
	s.giveUp()
	_ = stub.Refusals() // what was refused before is no fault of this call
	answers := stub.New()
	below := &recorder{transport: answers}
	base := s.Contract.BaseURL
	if s.Client.Dial != nil {
		server := answers.Serve(below)
		defer server.Close()
		base = server.URL
	}
	request := s.request(o, base)
	if err := answers.Respond(request, answer); err != nil {
		fail("engine error: " + err.Error())
	}
	do := func(ctx context.Context) (clients.Failure, error) {
		if s.Client.Dial != nil {
			return s.Client.Dial(base).Do(ctx, clients.Minimal(o))
		}
		return s.Client.New(&http.Client{Transport: below}, base).Do(ctx, clients.Minimal(o))
	}
	t := &told{}
	switch {
	case s.Client.Dial != nil:
		t.call(do, realPatience) // a socket knows no virtual time
		if t.hung > 0 {
			s.stuck++
		}
	case s.isReference():
		t.failure, t.err = do(context.Background())
	default:
		t = s.callOnVirtualTime(func(t *told) {
			t.call(do, virtualPatience)
			time.Sleep(aWhile) // a client may ask again after it has returned
		})
	}
	t.close(below, answers)
	t.once = once
	if fault := t.unasked(s, request, what); fault != "" {
		fail(fault)
	}
	return t
}

// isReference reports whether the client is the reference, which is not watched: a bubble and a goroutine for each spec are
// a fifth of the main job's time.
func (s *Suite) isReference() bool {
	return reflect.ValueOf(s.Client.New).Pointer() == reflect.ValueOf(Reference.New).Pointer()
}

// skipUnperformed skips a spec of an operation that the client does not perform.
func (s *Suite) skipUnperformed(o *fixtures.Operation) {
	if !s.Client.Performs(o) {
		ginkgo.Skip(fmt.Sprintf(unsupported+"%s does not perform %s; if it does, name it in Operations", s.Client.Name, o.ID))
	}
}

// close notes what was asked of the stub.
func (t *told) close(below *recorder, answers *stub.Stub) {
	t.exchanges, t.refused, t.elsewhere = below.all(), answers.Close(), errors.Join(stub.Refusals()...)
	if net := (*url.Error)(nil); errors.As(t.err, &net) {
		t.err = net.Err // without the URL, whose query it would print
	}
}

// unasked tells a client that did not ask for what it was called for, "" if it did.
func (t *told) unasked(s *Suite, request stub.Request, what string) string {
	if len(t.exchanges) > 0 {
		return ""
	}
	if fault := t.wrong(s, what); fault != "" {
		return fault
	}
	switch {
	case errors.Is(t.refused, stub.ErrRefused):
		return fmt.Sprintf("%s asked for something else than %s:\n%v", s.Client.Name, request, t.refused)
	case s.Client.Dial != nil && (t.elsewhere != nil || errors.As(t.err, new(*net.DNSError))):
		return fmt.Sprintf("%s did not ask the base URL that it was given:\n%v", s.Client.Name, cmp.Or(t.err, t.elsewhere))
	case errors.Is(t.err, stub.ErrRefused) || errors.As(t.err, new(*net.DNSError)):
		return fmt.Sprintf("%s did not ask with the http.Client that it was given:\n%v", s.Client.Name, t.err)
	case t.err != nil:
		return fmt.Sprintf("%s did not ask for %s:\n%v", s.Client.Name, request, t.err)
	}
	return fmt.Sprintf("%s did not ask for %s, and reported no error.", s.Client.Name, request)
}

// whyOnce says why the client must not ask again where it is answered the clause.
func (s *Suite) whyOnce(clause *fixtures.Clause) string {
	switch {
	case !s.Client.Retries:
		return "it does not declare Retries"
	case !clause.Remedy.AllowsRetry():
		return "the remedy is to " + clause.Remedy.Do
	}
	return fmt.Sprintf("its RetriesOn does not have %d", clause.Status)
}

// alright fails the spec if the client did anything but answer its caller.
func (t *told) alright(s *Suite, what string) {
	if fault := t.wrong(s, what); fault != "" {
		fail(fault)
	}
}

// wrong tells a client that did anything but answer its caller, "" if it did that.
func (t *told) wrong(s *Suite, what string) string {
	name, when := s.Client.Name, "when it was answered "+what
	if len(t.exchanges) == 0 {
		when = "before it had asked for what is answered " + what
	}
	switch {
	case t.panicked != nil:
		return fmt.Sprintf("%s panicked %s: %v\n%s", name, when, t.panicked, t.stack)
	case t.stuck:
		return fmt.Sprintf("%s hangs %s: in %s it neither returned nor waited for anything that time can end, %s",
			name, when, t.hung, asStuck)
	case t.hung > 0:
		return fmt.Sprintf("%s hangs %s: it had not returned after %s, though its context was done after half of that. "+
			"Have it return with its context.", name, when, t.hung)
	case errors.Is(t.refused, stub.ErrOtherHost):
		return fmt.Sprintf("%s asked another host than %s:\n%v", name, s.Contract.BaseURL, t.refused)
	case len(t.exchanges) > 0 && t.elsewhere != nil:
		return fmt.Sprintf("%s asked another host than %s, not with the http.Client that it was given:\n%v", name, s.Contract.BaseURL, t.elsewhere)
	case len(t.exchanges) > 0 && errors.Is(t.refused, stub.ErrRefused) && t.once != "":
		return fmt.Sprintf("%s was answered %s, and asked again, which nobody asked it to (%s):\n%v", name, what, t.once, t.refused)
	case len(t.exchanges) > 0 && errors.Is(t.refused, stub.ErrRefused):
		return fmt.Sprintf("%s was answered %s, and then asked for something else:\n%v", name, what, t.refused)
	case len(t.exchanges) > 0 && t.err != nil:
		mend := "Have Do return what its caller learns as a Failure, with a nil error."
		if !reflect.ValueOf(t.failure).IsZero() {
			mend = "It returns a Failure, too: return that with a nil error."
		}
		return fmt.Sprintf("%s was answered %s, and tells its caller of an error instead:\n%v\n%s", name, what, t.err, mend)
	case len(t.exchanges) > 0 && t.refused != nil:
		return t.refused.Error()
	}
	return ""
}

// asStuck says what a client does that is stuck in real time, and what to do.
const asStuck = "as one does that waits for a lock or a channel that is not made in New, reads a socket of its own, or loops. " +
	"Make in New what it waits for, or give Dial instead."

// request is the operation's minimal valid request below a base, as the client sends it.
func (s *Suite) request(o *fixtures.Operation, base string) stub.Request {
	return stub.Request{Method: o.Method, URL: addQuery(o.URLAt(base), s.Client.Query), Body: o.Body}
}

// addQuery adds parameters to the query of a URL.
func addQuery(address string, more map[string]string) string {
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

const (
	virtualPatience = 48 * time.Hour // more than any documented wait
	aWhile          = time.Hour
	realPatience    = 5 * time.Second
	lessPatience    = time.Second // with a client that was stuck before
)

// callOnVirtualTime has f call the client on virtual time. One that is stuck in real time is left behind, and with it what f
// was given.
func (s *Suite) callOnVirtualTime(f func(*told)) *told {
	patience := realPatience
	if s.stuck > 0 {
		patience = lessPatience
	}
	within := &told{}
	if onVirtualTime(s.t, patience, func() { f(within) }) {
		return within
	}
	s.stuck++
	return &told{stuck: true, hung: patience}
}

// mostStuck bounds in how many specs a client may be stuck in real time: with each the run would take a second longer.
const mostStuck = 5

// giveUp fails the spec of a client that was stuck in others before.
func (s *Suite) giveUp() {
	if s.stuck >= mostStuck {
		fail(fmt.Sprintf("%s is not asked any more: it hung in %d specs before, which say how. Mend those first.", s.Client.Name, s.stuck))
	}
}

// call has the client called in a goroutine of its own, so that what it does there ends nothing else.
func (t *told) call(do func(context.Context) (clients.Failure, error), patience time.Duration) {
	t.callWithin(context.Background(), do, patience)
}

// callWithin is call within a context.
func (t *told) callWithin(ctx context.Context, do func(context.Context) (clients.Failure, error), patience time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, patience/2)
	defer cancel()
	done := make(chan told, 1)
	go func() {
		growStack()
		r := told{panicked: "its goroutine was ended by runtime.Goexit, as t.FailNow does"}
		defer func() { done <- r }()
		defer func() {
			if p := recover(); p != nil {
				r.panicked, r.stack = p, debug.Stack()
			}
		}()
		r.failure, r.err = do(ctx)
		r.panicked = nil
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case *t = <-done:
	case <-timer.C:
		t.hung = patience
	}
}

// growStack has a new goroutine's stack grow once, while there is little on it to copy: what a client calls goes deep.
//
//go:noinline
func growStack() {
	var space [24 << 10]byte
	runtime.KeepAlive(&space)
}

// onVirtualTime calls f in a bubble of testing/synctest, where time passes when nothing else can happen. It reports whether f
// returned before the patience, in real time, was over: what waits for something that a bubble does not know holds its time.
func onVirtualTime(t *testing.T, patience time.Duration, f func()) (returned bool) { //nolint:thelper // it runs specs, and no test
	done := make(chan any, 1)
	go func() {
		defer func() { done <- recover() }()
		inBubble(t, f)
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case p := <-done:
		if p != nil {
			panic(p) // here Ginkgo sees it
		}
		return true
	case <-timer.C:
		return false
	}
}

// inBubble is onVirtualTime without the patience. Without a test to run f by, it makes one. What f leaves behind is given
// up: f has told of it.
func inBubble(t *testing.T, f func()) { //nolint:thelper // nor is this one
	ran := false
	bubble := func(t *testing.T) { //nolint:thelper // nor does this
		if ran {
			return // the flag cpu asks for a run each
		}
		ran = true
		defer func() {
			if p := recover(); p != nil && !strings.HasPrefix(fmt.Sprint(p), "deadlock: ") {
				panic(p)
			}
		}()
		synctest.Test(t, func(*testing.T) {
			time.Sleep(rand.N(time.Hour)) // or whatever is seeded from the clock would be the same each time
			f()
		})
	}
	if t != nil {
		bubble(t)
		return
	}
	// The flags are for the tests of the process, of which this is none.
	for name, value := range map[string]string{"test.skip": "", "test.v": "false", "test.count": "1"} {
		if set := flag.Lookup(name); set != nil {
			before := set.Value.String()
			_ = set.Value.Set(value) // the flag takes its own values
			defer func() { _ = set.Value.Set(before) }()
		}
	}
	match := func(_, _ string) (bool, error) { return true, nil }
	testing.RunTests(match, []testing.InternalTest{{Name: "virtual time", F: bubble}})
	if !ran {
		fail("engine error: the testing package ran nothing on virtual time: take the flags of go test out")
	}
}

// recorder captures every exchange below the client, whose goroutines may share it.
type recorder struct {
	transport http.RoundTripper
	mutex     sync.Mutex
	exchanges []matchers.Exchange
}

// RoundTrip implements http.RoundTripper.
func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	exchange, err := matchers.Capture(response)
	if err != nil {
		return nil, err
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.exchanges = append(r.exchanges, exchange)
	return response, nil
}

func (r *recorder) all() []matchers.Exchange {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return slices.Clone(r.exchanges)
}
