package suites

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/call"
	"github.com/learncontract/learncontract/suites/internal/retry"
	"github.com/learncontract/learncontract/suites/internal/verdict"
	"github.com/learncontract/learncontract/suites/report"
)

// suiteRun is one run of a suite, by either front end: its set-up, and what is reported of it.
type suiteRun struct {
	suite    *Suite
	provider Provider
	config   client.Config
	options  options
	id       int // tells the suites of a process apart
	causes   causes
	run      *report.Run // what is known of the run before it begins
	file     string      // of the run's report, empty if none is written
	audit    audit
	problem  error // why nothing can be run
	began    time.Time
	deadline time.Time // when it is given up; zero for never
	limit    string    // the flag that says so
	ends     time.Time // when a live run's specs end; zero for never
}

// newRun makes the run of a provider's suite for a client.
func (p Provider) newRun(config client.Config, options options) *suiteRun {
	contract := cmp.Or(p.Contract, &fixtures.Contract{Provider: p.Name})
	s := &suiteRun{
		provider: p, config: config, id: process.nextSuite(), began: time.Now(),
		suite: &Suite{
			Contract: contract, respond: (*fixtures.Wording).Response, vary: (*fixtures.Wording).Vary, cases: map[string][]*fixtures.Wording{},
			judge: &verdict.Judge{Today: time.Now(), Client: &call.Client{Config: config, Contract: contract}},
		},
	}
	s.setOptions(options)
	return s
}

// setOptions says how the suite is run.
func (s *suiteRun) setOptions(o options) {
	s.options = o
	s.suite.live, s.suite.strict = o.live || o.replay != "", o.strict
}

// setUp takes the run report's file, loads the contract, opens the client and, live, the tenant, and has the provider's Specs say
// what is checked. The error says everything that is wrong with the set-up.
func (s *suiteRun) setUp(w writer) error {
	taken := s.takeReport(w)
	if s.provider.Contract == nil {
		contract, err := fixtures.Load(s.provider.Name)
		if err != nil {
			return fmt.Errorf("the contract of %s cannot be loaded:\n%w", s.provider.Name, err)
		}
		s.suite.Contract = contract
	}
	var err error
	if s.suite.judge.Errata, err = fixtures.LoadErrata(s.suite.Contract); err != nil {
		return err
	}
	s.suite.judge.Client.Contract = s.suite.Contract
	if err := cmp.Or(taken, s.options.err); err != nil {
		return err
	}
	opened, err := call.Open(s.config, s.suite.Contract)
	if s.suite.judge.Client = opened; err == nil {
		err = s.suite.judge.LoadErrata()
	}
	if err != nil {
		return fmt.Errorf("the client %q cannot be checked:\n%w", s.config.Name, err)
	}
	if opened.Dial != nil && !s.suite.live {
		s.suite.respond = retry.ShortWaits(s.suite.respond)
	}
	if s.suite.live {
		if err := s.openTenant(); err != nil {
			return err
		}
	}
	if s.provider.Specs == nil {
		return fmt.Errorf("the Provider of %s has no Specs: give a function that says what is checked", s.provider.Name)
	}
	s.provider.Specs(s.suite)
	for i, action := range s.suite.actions {
		if !slices.Contains(fixtures.Actions(), action) || slices.Contains(s.suite.actions[:i], action) {
			return fmt.Errorf("the Specs check the action %q, which is none of %q, or which they check already: check each action once",
				action, fixtures.Actions())
		}
	}
	if err := s.suite.judge.CheckCases(s.suite.cases); err != nil {
		return fmt.Errorf("a case or its errata are wrong:\n%w", err)
	}
	for _, o := range s.suite.Contract.Operations {
		if !slices.Contains(s.suite.actions, o.Action) {
			return fmt.Errorf("no spec checks %s: have Specs check the action %q too", o.ID, o.Action)
		}
	}
	if !s.suite.live {
		addNetworkSpec(s.suite)
	}
	if len(s.suite.specs) == 0 {
		return errors.New("there is nothing to check")
	}
	return nil
}

// mask is a text as logs and reports may have it: without tokens, secrets and addresses, and a command of no log.
func (s *suiteRun) mask(text string) string {
	if s.suite.tenant != nil {
		text = s.suite.tenant.Scrub(text)
	}
	return exchange.Safe(text)
}
