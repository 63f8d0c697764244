package suites

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/stub"
)

// expect is Gomega's Expect for specs, whatever fail handler the process has.
func expect(actual any) gomega.Assertion { return gomega.NewGomega(ginkgo.Fail).Expect(actual) }

// ask has the client perform the operation, which is answered with the wording, and holds the answer and what the
// client tells of it against the contract.
func (s *Suite) ask(w *fixtures.Wording) {
	told := s.perform(w.Clause.Operation, s.Answer(w), w.ID())
	for _, exchange := range told.exchanges {
		expect(exchange).To(matchers.HonorWording(w).Strictly())
	}
	told.alright(s, w.ID())
	if reflect.ValueOf(told.failure).IsZero() {
		ginkgo.Fail(fmt.Sprintf("%s swallowed the failure: it was answered %s, and tells its caller of nothing, without an error.",
			s.Client.Name, w.ID()))
	}
	errata := s.covering(w)
	tell := clients.Tell(w, told.last()).Exposing(s.Client.Exposed()).Excusing(errata.excuses)
	expect(told.failure).To(tell)
	errata.settle(w, s.Today)
	for _, field := range tell.Lost() {
		ginkgo.AddReportEntry(lostEntry, string(field), ginkgo.ReportEntryVisibilityNever)
	}
}

// askSuccess has the client perform the operation, which does not fail, and holds the client to tell of no failure.
func (s *Suite) askSuccess(o *fixtures.Operation) {
	what := "that " + o.ID + " succeeded"
	told := s.perform(o, s.Succeed(o), what)
	for _, exchange := range told.exchanges {
		expect(exchange).To(matchers.HonorSuccess(o))
	}
	told.alright(s, what)
	// A success may be told by its status, or by nothing at all.
	failure := told.failure
	failure.Status, failure.RequestID = 0, ""
	if !reflect.ValueOf(failure).IsZero() || told.failure.Status >= http.StatusBadRequest {
		ginkgo.Fail(fmt.Sprintf("%s was answered %s, and tells its caller of a failure:\n%s",
			s.Client.Name, what, matchers.Printable(fmt.Sprintf("%+v", told.failure))))
	}
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
	panicked  any    // what the client panicked with
	stack     []byte // of the panic
	hung      bool   // whether it never returned
	exchanges []matchers.Exchange
	refused   error // requests that no stub answers
}

func (t *told) last() matchers.Exchange { return t.exchanges[len(t.exchanges)-1] }

// perform has the client perform the operation's minimal valid request, which gets the answer. What it asks of nobody, or
// of somebody else, fails the spec here.
func (s *Suite) perform(o *fixtures.Operation, answer fixtures.Answer, what string) *told {
	if !s.Client.Performs(o) {
		ginkgo.Skip(fmt.Sprintf(unsupported+"%s does not perform %s; if it does, name it in Operations", s.Client.Name, o.ID))
	}
	defer stub.RefuseNetwork()()
	// Not by DeferCleanup: a node of Ginkgo's own, with its goroutine and context, costs a tenth of the run.
	answers := stub.New()
	below := &recorder{transport: answers}
	base := s.Contract.BaseURL
	if s.Client.Dial != nil {
		server := answers.Serve(below)
		defer server.Close()
		base = server.URL
	}
	request := stub.Request{Method: o.Method, URL: addQuery(o.URLAt(base), s.Client.Query), Body: o.Body}
	set := answers.Answer
	if s.Client.Retries {
		set = answers.AnswerAgain
	}
	if err := set(request, answer); err != nil {
		ginkgo.Fail("engine error: " + err.Error())
	}
	do := func(ctx context.Context) (clients.Failure, error) {
		if s.Client.Dial != nil {
			return s.Client.Dial(base).Do(ctx, clients.Minimal(o))
		}
		return s.Client.New(&http.Client{Transport: below}, base).Do(ctx, clients.Minimal(o))
	}
	told := &told{}
	if s.Client.Dial != nil {
		told.call(do, realPatience) // a socket knows no virtual time
	} else {
		onVirtualTime(s.t, func() { told.call(do, virtualPatience) })
	}
	told.exchanges, told.refused = below.all(), answers.Close()
	if net := (*url.Error)(nil); errors.As(told.err, &net) {
		told.err = net.Err // without the URL, whose query it would print
	}
	if len(told.exchanges) == 0 {
		told.alright(s, what)
		switch {
		case errors.Is(told.refused, stub.ErrRefused):
			ginkgo.Fail(fmt.Sprintf("%s asked for something else than %s:\n%v", s.Client.Name, request, told.refused))
		case errors.Is(told.err, stub.ErrRefused):
			ginkgo.Fail(fmt.Sprintf("%s did not ask with the http.Client that it was given:\n%v", s.Client.Name, told.err))
		case told.err != nil:
			ginkgo.Fail(fmt.Sprintf("%s did not ask for %s:\n%v", s.Client.Name, request, told.err))
		}
		ginkgo.Fail(fmt.Sprintf("%s did not ask for %s, and reported no error.", s.Client.Name, request))
	}
	return told
}

// alright fails the spec if the client did anything but answer its caller.
func (t *told) alright(s *Suite, what string) {
	name := s.Client.Name
	switch {
	case t.panicked != nil:
		ginkgo.Fail(fmt.Sprintf("%s panicked when it was answered %s: %v\n%s", name, what, t.panicked, t.stack))
	case t.hung:
		ginkgo.Fail(fmt.Sprintf("%s hangs: it was answered %s, and had not returned after %s, though its context was done after half of that.",
			name, what, virtualPatience))
	case errors.Is(t.refused, stub.ErrOtherHost):
		ginkgo.Fail(fmt.Sprintf("%s asked another host than %s:\n%v", name, s.Contract.BaseURL, t.refused))
	case len(t.exchanges) > 0 && errors.Is(t.refused, stub.ErrRefused):
		ginkgo.Fail(fmt.Sprintf("%s was answered %s, and asked again, which nobody asked it to (it does not declare Retries):\n%v",
			name, what, t.refused))
	case len(t.exchanges) > 0 && t.err != nil:
		ginkgo.Fail(fmt.Sprintf("%s was answered %s, and tells its caller of an error instead:\n%v", name, what, t.err))
	case len(t.exchanges) > 0 && t.refused != nil:
		ginkgo.Fail(t.refused.Error())
	}
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
	realPatience    = 5 * time.Second
)

// call has the client called in a goroutine of its own, so that what it does there ends nothing else.
func (t *told) call(do func(context.Context) (clients.Failure, error), patience time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), patience/2)
	defer cancel()
	done := make(chan told, 1)
	go func() {
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
		t.hung = true
	}
}

// onVirtualTime calls f in a bubble of testing/synctest, where time passes when nothing else can happen. Without a test to
// run it by, it makes one. What f leaves behind is given up: f has told of it.
func onVirtualTime(t *testing.T, f func()) { //nolint:thelper // it runs specs, and no test
	bubble := func(t *testing.T) { //nolint:thelper // nor does this
		defer func() {
			if p := recover(); p != nil && !strings.HasPrefix(fmt.Sprint(p), "deadlock: ") {
				panic(p)
			}
		}()
		synctest.Test(t, func(*testing.T) { f() })
	}
	if t != nil {
		bubble(t)
		return
	}
	match := func(_, _ string) (bool, error) { return true, nil }
	testing.RunTests(match, []testing.InternalTest{{Name: "virtual time", F: bubble}})
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
