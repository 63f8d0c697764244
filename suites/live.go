package suites

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/call"
	"github.com/learncontract/learncontract/suites/internal/offline"
	"github.com/learncontract/learncontract/suites/internal/verdict"
	"github.com/learncontract/learncontract/suites/live"
	"github.com/learncontract/learncontract/suites/report"
)

// How long things take at most.
const (
	livePatience = 4 * time.Minute // of a client, half of it until its context ends
	provokeTime  = 15 * time.Minute
	cleanUpTime  = 5 * time.Minute
)

// openTenant makes the tenant of a live run. It sends nothing.
func (s *suiteRun) openTenant() (err error) {
	if s.config.New == nil {
		return fmt.Errorf("%s dials by itself, and a live run and a replay send through a transport of their own, which has the "+
			"token and goes nowhere else: give its Config New, or check it offline", s.config.Name)
	}
	o := s.options
	config := live.Config{Provoke: o.provoke, Plan: o.plan, SignIn: o.signIn, Options: o.transport, Record: o.record, Replay: o.replay}
	config.Options.Waiting = func(what string) { waiting.Store(&what) }
	if o.replay == "" && s.file != "" {
		if err := s.audit.take(s.file, s.mask); err != nil {
			return fmt.Errorf("the audit beside the run's report cannot be written: %w: choose another folder", err)
		}
		config.Options.Changed = s.audit.add
	}
	if o.replay == "" {
		if config.Sandbox, err = live.LoadSandbox(o.sandbox); err != nil {
			return err
		}
		if config.Options.Base == nil {
			config.Options.Base = offline.Pass(live.NewHTTPTransport(config.Sandbox, config.Sandbox.Endpoint(s.suite.Contract.Provider)))
		}
	}
	if s.suite.tenant, err = live.Open(s.suite.Contract, config); err != nil || o.replay != "" {
		return err
	}
	if o.record != "" {
		process.addWritten(live.RecordingFile(o.record, s.suite.Contract.Provider))
	}
	watchEnd()
	return s.setEnd(s.suite.tenant.CleanUpTime())
}

// waiting is what the process's live run waits for, for Ginkgo's progress reports.
var waiting atomic.Pointer[string]

// checkLive has the client provoke the clause, and compares the response, and what the client surfaces of it, with the contract.
func checkLive(s *Suite, e *execution, clause *fixtures.Clause, body func(gomega.Gomega, *fixtures.Wording, Result)) {
	recipe := s.tenant.Recipe(clause)
	why := s.tenant.WhyNot(recipe)
	if e.front.ctx.Err() != nil {
		why = "the run ended early"
	}
	if why != "" {
		e.conclude(verdict.NotRun(report.NotRun, why))
		return
	}
	e.front.cleanup(func(ctx context.Context) error {
		whole, cancel := e.run.cleanUpContext(ctx)
		defer cancel()
		return s.tenant.CleanUp(whole)
	})
	r := &call.Result{}
	x, err := s.tenant.Provoke(e.front.ctx, recipe, func(ctx context.Context, given *http.Client, baseURL string, c client.Call) error {
		r = s.judge.Client.Live(ctx, livePatience, given, baseURL, c)
		return r.Surfaced.Err
	})
	if errors.As(r.Fault, new(*call.Hang)) && e.front.ctx.Err() != nil {
		e.conclude(verdict.NotRun(report.NotRun, "the run ended early"))
		return
	}
	if r.Fault != nil { // whatever the response was
		e.conclude(s.judge.Fault(r.Fault))
		return
	}
	if err != nil {
		e.conclude(verdict.EngineError(err))
		return
	}
	r.Exchanges = append(r.Exchanges, x)
	r.Surfaced.Response = x
	p := s.judge.Provider(clause, x, s.strict, recipe.Class)
	if err := s.tenant.Record(clause, x, p.Is); err != nil {
		e.conclude(verdict.EngineError(err))
		return
	}
	if p.Verdict.Outcome.Fails() || p.Verdict.Outcome == report.Another {
		e.conclude(p.Verdict)
		return
	}
	e.assert(s.judge.Received(p, r), func(g gomega.Gomega) { body(g, p.Wording, Result{x, r.Surfaced}) })
}

// closeTenant removes what could not be removed before, and returns what is wrong with the run.
func (s *suiteRun) closeTenant(ctx context.Context) (problems []error) {
	if s.suite.tenant == nil {
		return nil
	}
	whole, cancel := s.cleanUpContext(ctx)
	defer cancel()
	if err := s.suite.tenant.Close(whole); err != nil {
		problems = append(problems, err)
	}
	if err := s.audit.err; err != nil {
		problems = append(problems, fmt.Errorf("a change is missing in %s: %w: choose another folder", s.audit.file, err))
	}
	if left := s.suite.tenant.Left(); len(left) > 0 {
		problems = append(problems, fmt.Errorf("left behind: %s: go tool contract sweep --sandbox %s lists those that have a run's name",
			strings.Join(left, ", "), s.options.sandbox))
	}
	return problems
}

// reportWaiting has Ginkgo's progress reports say what the live run waits for.
func reportWaiting() (detach func()) {
	return ginkgo.AttachProgressReporter(func() string {
		if what := waiting.Load(); what != nil {
			return *what
		}
		return ""
	})
}

var errImplausible = errors.New("this run does not test what it claims to")
