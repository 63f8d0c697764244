// Package suites asks a client for every failure its provider documents, and holds what came back against the contract:
// the Ginkgo specs that all suites share.
//
// It knows who is asked and over which transport. It must not know what a provider documents (package fixtures) or
// when an answer honors it (package matchers).
package suites

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/extensions/globals"
	"github.com/onsi/ginkgo/v2/types"
	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/clients/wire"
	"github.com/learncontract/learncontract/suites/live"
	"github.com/learncontract/learncontract/suites/stub"
)

// Suite is a contract, asked of a client.
type Suite struct {
	// Contract is what is asked for.
	Contract *fixtures.Contract
	// Client is the client under contract.
	Client clients.Config
	// Answer and Succeed are what the stub answers for a wording, and where nothing fails: Wording.Answer and
	// Operation.Succeed, but where a test of the suite answers wrongly.
	Answer  func(*fixtures.Wording) fixtures.Response
	Succeed func(*fixtures.Operation) fixtures.Response
	// Errata are the deviations, of this client and of others, that are known and accepted until a date.
	Errata []*fixtures.Erratum
	// Live has the clauses asked of a sandbox tenant; nil has them answered offline.
	Live *Live
	// Today is the day on which an erratum is accepted or has expired.
	Today time.Time

	tenant     *live.Tenant                   // of a live run
	progress   *progress                      // of it, nil where nobody watches
	described  []string                       // the actions
	containers int                            // of an operation's specs, that are registered
	cases      map[string][]*fixtures.Wording // what is asked in each case that is described
	t          *testing.T                     // that the specs are run by, nil where they are registered in a suite of somebody else's
	within     string                         // the container they are registered in there
	stuck      int                            // in how many specs the client was stuck in real time
}

// Reference is the reference client, which shows what a caller can learn of an answer.
var Reference = clients.Config{
	Name: "wire",
	New:  func(client *http.Client, baseURL string) clients.Client { return wire.New(client, baseURL) },
}

// New is the suite of a contract with the reference client, the documented answers, and no errata.
func New(contract *fixtures.Contract) *Suite {
	return &Suite{
		Contract: contract, Client: Reference,
		Answer: (*fixtures.Wording).Response, Succeed: (*fixtures.Operation).SuccessResponse, Today: time.Now(),
	}
}

// load is the suite of a provider's embedded contract and errata. Where there is an error, it may be used to tell of it
// only.
func load(provider string) (*Suite, error) {
	contract, err := fixtures.Load(provider)
	if err != nil {
		return New(&fixtures.Contract{Provider: provider}), err
	}
	s := New(contract)
	s.Errata, err = fixtures.LoadErrata(contract)
	return s, err
}

// of makes the suite that of the client, with the client's own errata.
func (s *Suite) of(client clients.Config) error {
	s.Client = client
	if client.Errata == "" {
		return nil
	}
	own, err := fixtures.LoadErrataFile(client.Errata, s.Contract)
	for _, e := range own {
		if e.Client != client.Name {
			err = errors.Join(err, fmt.Errorf("%s: client is %q, and the file is that of %q: give each client a file of its own", e, e.Client, client.Name))
		}
	}
	s.Errata = append(s.Errata, own...)
	return err
}

// check tells everything that is wrong with the client's declaration and with its errata.
func (s *Suite) check() error {
	return errors.Join(s.Client.Check(s.Contract), s.checkErrata())
}

// Load is the suite of a provider's embedded contract. A contract that cannot be loaded ends the test, with every
// problem's file and line.
func Load(t *testing.T, provider string) *Suite {
	t.Helper()
	return loadFor(t, provider, Reference)
}

// loadFor is Load for a client that is known already, and so can be told of if it fails.
func loadFor(t *testing.T, provider string, client clients.Config) *Suite {
	t.Helper()
	s, err := load(provider)
	s.Live, s.Client = liveRun, client
	if err != nil {
		s.cannotBegin(t, "the contract cannot be loaded\n"+err.Error())
	}
	return s
}

// Test runs the whole suite of a provider for a client, from a plain Go test. Several may run in one process, one after
// the other, unless the ginkgo command runs them with -p or has them write a report. It drops specs that were registered
// before: a package with specs of its own takes Describe.
func Test(t *testing.T, provider string, client clients.Config, describe func(*Suite)) {
	t.Helper()
	s := loadFor(t, provider, client)
	config, reporter := ginkgo.GinkgoConfiguration()
	switch again := tested.Swap(true); {
	case again && config.ParallelTotal > 1:
		s.cannotBegin(t, "with -p a process runs one suite only, and shares its specs with the others: "+
			"run without it, or give each suite a package of its own")
	case again && reporter.WillGenerateReport():
		s.cannotBegin(t, "the report of this suite would overwrite that of the suite before it: "+
			"run without it, or give each suite a package of its own")
	}
	globals.Reset()
	defer globals.Reset()
	if err := s.of(client); err != nil {
		s.cannotBegin(t, fmt.Sprintf("the errata of %s are wrong\n%v", client.Name, err))
	}
	s.Run(t, describe)
}

// tested says that this process has run a suite.
var tested atomic.Bool

// Describe registers the specs of a provider for a client in a suite of somebody else's, below a container of the text.
// It takes over nothing of that suite: no set-up, no fail handler, no flag and no report. At the suite's end it prints what
// was covered. It panics if the client's declaration is wrong, as it is called while the tree is built. The result is for a
// variable at package level.
//
// While one of its specs runs, http.DefaultTransport and net.DefaultResolver refuse what would leave the machine: whatever
// else of the process asks in the background meanwhile is refused as well, and is blamed on the client. The specs of a suite
// run one after the other in a process, so those of somebody else's are not concerned.
func Describe(text, provider string, client clients.Config, describe func(*Suite)) bool {
	s, err := load(provider)
	if err == nil {
		s.within = text
		err = errors.Join(s.of(client), s.check())
	}
	if err != nil {
		panic(fmt.Sprintf("engine error: %s of %s cannot be described\n%v", client.Name, provider, err))
	}
	ginkgo.ReportBeforeSuite(func(run ginkgo.Report) { s.forget(run.SuiteConfig) })
	s.reportCoverage()
	return ginkgo.Describe(text, func() {
		describe(s)
		if err := s.checkCases(); err != nil {
			panic(fmt.Sprintf("engine error: a case or its errata are wrong\n%v", err))
		}
	})
}

// Register has describe register the specs, and adds the canary and the report of what was covered. It refuses a suite
// that leaves an operation out. Until the test ends nothing in the process reaches a network. Call it before
// ginkgo.RunSpecs.
func (s *Suite) Register(t *testing.T, describe func(*Suite)) {
	t.Helper()
	config, _ := ginkgo.GinkgoConfiguration()
	s.forget(config)
	if err := s.check(); err != nil {
		s.cannotBegin(t, "the client's declaration is wrong, or its errata are\n"+err.Error())
	}
	s.t = t
	if s.Live != nil {
		if err := s.open(s.Live); err != nil {
			s.cannotBegin(t, "nothing was asked\n"+err.Error())
		}
		scrub = s.tenant.Scrub
	} else {
		t.Cleanup(stub.RefuseNetwork())
	}
	describe(s)
	if err := s.checkCases(); err != nil {
		s.cannotBegin(t, "a case or its errata are wrong\n"+err.Error())
	}
	for _, o := range s.Contract.Operations {
		if !slices.Contains(s.described, o.Action) {
			s.cannotBegin(t, fmt.Sprintf("no spec asks for %s: describe the action %q too", o.ID, o.Action))
		}
	}
	if s.Live != nil {
		s.reportLive()
		return
	}
	s.canary()
	s.reportCoverage()
}

// Run registers the specs and runs them.
func (s *Suite) Run(t *testing.T, describe func(*Suite)) {
	t.Helper()
	s.Register(t, describe)
	ginkgo.RunSpecs(t, s.Contract.Provider+" "+s.Contract.API, Configuration())
}

// Configuration is Ginkgo's, for RunSpecs, with a selection that matches no spec failing.
func Configuration() types.SuiteConfig {
	config, _ := ginkgo.GinkgoConfiguration()
	config.FailOnEmpty = true
	return config
}

// specTime bounds a spec in real time, of which one takes milliseconds, on however busy a machine.
const specTime = time.Minute

// perContainer is the number of specs in a container: Ginkgo's time grows with the square of a flat tree's size.
const perContainer = 100

// Describe registers a spec for each wording of each operation of an action, and one for the operation's success.
func (s *Suite) Describe(action string) {
	s.described = append(s.described, action)
	if s.Live != nil {
		s.describeLive(action)
		return
	}
	for _, o := range s.Contract.Operations {
		if o.Action != action {
			continue
		}
		var wordings []*fixtures.Wording
		for _, clause := range o.Clauses {
			wordings = append(wordings, clause.Wordings...)
		}
		slices.SortFunc(wordings, func(a, b *fixtures.Wording) int { return inOrder(a.Clause, b.Clause, a.Title, b.Title) })
		for chunk := range slices.Chunk(wordings, perContainer) {
			ginkgo.Describe(o.Method+" "+o.Path, operationLabels(o), s.nextPlace(o), func() {
				for _, w := range chunk {
					ginkgo.It(w.Title(), clauseLabels(w.Clause), placeOf(w.Clause), ginkgo.SpecTimeout(specTime),
						func(ginkgo.SpecContext) { s.ask(w) })
				}
			})
		}
		ginkgo.Describe(o.Method+" "+o.Path, operationLabels(o), s.nextPlace(o), func() {
			ginkgo.It("answers "+fixtures.StatusLine(o.Success.Status)+" where nothing fails",
				successLabels(o), ginkgo.SpecTimeout(specTime),
				func(ginkgo.SpecContext) { s.askSuccess(o) })
		})
	}
}

// Ginkgo sorts all specs by the places of their containers and then by their own, and copies both specs each time it
// compares two, which is a tenth of a run. What is registered in that order it need not sort.

// nextPlace is that of the next container of an operation's specs: after those that are registered already.
func (s *Suite) nextPlace(o *fixtures.Operation) types.CodeLocation {
	s.containers++
	return types.CodeLocation{CustomMessage: o.ID, LineNumber: s.containers}
}

// placeOf is where a clause is written.
func placeOf(c *fixtures.Clause) types.CodeLocation {
	return types.CodeLocation{FileName: c.File, LineNumber: c.Line}
}

// inOrder compares the specs of two clauses as Ginkgo does: by place, and by title where that is the same.
func inOrder(a, b *fixtures.Clause, titleA, titleB func() string) int {
	if order := cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line)); order != 0 {
		return order
	}
	return strings.Compare(titleA(), titleB())
}

func operationLabels(o *fixtures.Operation) ginkgo.Labels {
	return ginkgo.Label("provider:"+o.Contract.Provider, "action:"+o.Action)
}

func clauseLabels(c *fixtures.Clause) ginkgo.Labels {
	return ginkgo.Label(fmt.Sprintf("status:%d", c.Status), "clause:"+c.ID)
}

func successLabels(o *fixtures.Operation) ginkgo.Labels {
	return ginkgo.Label(fmt.Sprintf("status:%d", o.Success.Status), "success:"+o.ID)
}

// canaryText is the container of the spec that proves the network to be refused.
const canaryText = "offline"

// canary registers the spec that proves the network to be refused.
func (s *Suite) canary() {
	ginkgo.Describe(canaryText, ginkgo.Label("provider:"+s.Contract.Provider), func() {
		ginkgo.It("refuses the network", ginkgo.SpecTimeout(specTime), func(ctx ginkgo.SpecContext) {
			for name, client := range map[string]*http.Client{
				"the stub's client": stub.New().Client(), "http.DefaultClient": http.DefaultClient,
			} {
				request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Contract.BaseURL, nil)
				expect(err).NotTo(gomega.HaveOccurred())
				response, err := client.Do(request)
				if err == nil {
					response.Body.Close()
				}
				expect(err).To(gomega.MatchError(stub.ErrRefused), name)
			}
		})
	})
}
