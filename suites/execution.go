package suites

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/suites/internal/call"
	"github.com/learncontract/learncontract/suites/internal/collect"
	"github.com/learncontract/learncontract/suites/internal/offline"
	"github.com/learncontract/learncontract/suites/internal/verdict"
	"github.com/learncontract/learncontract/suites/report"
	"github.com/learncontract/learncontract/suites/stub"
)

// front is what a front end gives a spec that runs: a Ginkgo spec, or a subtest.
type front struct {
	ctx context.Context //nolint:containedctx // that of the spec
	// fail ends the spec. callerSkip leads from the caller of fail to the assertion that failed, and is 0 where it is the verdict that
	// fails.
	fail    func(text string, callerSkip int)
	skip    func(reason string) // ends the spec
	cleanup func(func(context.Context) error)
}

// execution is one spec that runs. It leaves a record behind.
type execution struct {
	front  front
	run    *suiteRun
	record *collect.Record
}

// execute runs a spec, and completes its record.
func (s *suiteRun) execute(sp *spec, record *collect.Record, f front) {
	call.GrowStack() // what the matchers call goes deep
	began := time.Now()
	defer func() { record.Seconds = time.Since(began).Seconds() }()
	sp.run(&execution{front: f, run: s, record: record})
}

// conclude ends the spec with the verdict.
func (e *execution) conclude(v verdict.Verdict) {
	e.assert(v, nil)
}

// assert has the body assert what the verdict was decided from, and ends the spec with the verdict. Both come of the same
// matchers. What a body asserts beside them breaks the contract as well.
func (e *execution) assert(v verdict.Verdict, body func(gomega.Gomega)) {
	v = v.Masked(e.run.mask)
	e.record.Verdict = &v
	if body != nil {
		body(gomega.NewGomega(func(message string, callerSkip ...int) {
			message = e.run.mask(message)
			failed := v
			if !v.Outcome.Fails() {
				failed = verdict.Broken(message)
				failed.Deviations = v.Deviations
			}
			e.record.Verdict = &failed
			e.front.fail(e.run.causes.text(e.record.Spec, failed, message), slices.Concat(callerSkip, []int{0})[0]+1)
		}))
	}
	switch {
	case v.Outcome.Fails():
		e.front.fail(e.run.causes.text(e.record.Spec, v, v.Text), 0)
	case v.Outcome == report.Another:
		e.front.skip(v.Text)
	case v.Outcome == report.NotRun || v.Outcome == report.Unsupported:
		e.front.skip(v.Reason)
	}
}

// causes counts why clauses fail, so that one cause is told once.
type causes struct {
	mutex   sync.Mutex
	clauses map[string][]string // whose failure was told whole, by the cause
}

// toldWhole bounds the clauses whose failure is told whole for one cause.
const toldWhole = 3

// text is the text of a failure: whole for the first clauses with a cause, and one line for the others.
func (c *causes) text(sp collect.Spec, v verdict.Verdict, text string) string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.clauses == nil {
		c.clauses = map[string][]string{}
	}
	of, cause := cmp.Or(sp.Clause, sp.ID), string(v.Outcome)+v.Reason
	if whole := c.clauses[cause]; len(whole) >= toldWhole || slices.Contains(whole, of) {
		return fmt.Sprintf("%s: %s", sp.ID, v.Reason)
	}
	c.clauses[cause] = append(c.clauses[cause], of)
	return text
}

// networkSpec is the id of the spec that proves that nothing reaches a network.
const networkSpec = "network"

// addNetworkSpec adds the spec that proves that nothing reaches a network.
func addNetworkSpec(s *Suite) {
	_, file, line, _ := runtime.Caller(0)
	s.specs = append(s.specs, &spec{
		Spec: collect.Spec{ID: networkSpec, Kind: report.Network, Title: "keeps every transport off the network"},
		file: file, line: line,
		run: func(e *execution) {
			if err := reachesNothing(e.front.ctx, s.Contract.BaseURL); err != nil {
				e.conclude(verdict.EngineError(err))
				return
			}
			e.conclude(verdict.Verdict{Outcome: report.Honored})
		},
	})
}

// reachesNothing fails if a request by one of the usual transports is not refused, without the context of a call. It is sent to a
// host that resolves nowhere.
func reachesNothing(ctx context.Context, apiURL string) error {
	own := &http.Transport{Proxy: http.ProxyFromEnvironment}
	defer own.CloseIdleConnections()
	for name, c := range map[string]*http.Client{
		"the stub": stub.New().Client(), "http.DefaultTransport": {Transport: http.DefaultTransport}, "a transport of its own": {Transport: own},
	} {
		watch := offline.StartWatch(false)
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, offline.BaseURL(apiURL), nil)
		if err != nil {
			return err
		}
		response, err := c.Do(request)
		if err == nil {
			response.Body.Close()
			return fmt.Errorf("a request by %s got a response, and this run is offline: something has replaced what keeps it so", name)
		}
		// Of several watches the refusal belongs to none, and net drops the error, but not its text.
		refused := watch.End() != nil || strings.Contains(err.Error(), offline.ErrRefused.Error())
		if !refused && name != "the stub" {
			return fmt.Errorf("a request by %s was not refused, and this run is offline: something has replaced what keeps it so: %w", name, err)
		}
	}
	return nil
}
