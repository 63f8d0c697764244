// Package suites asks a client for every failure its provider documents, and holds what came back against the contract:
// the Ginkgo specs that all suites share.
//
// It knows who is asked and over which transport. It must not know what a provider documents (package fixtures) or
// when an answer honors it (package matchers).
package suites

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/clients/wire"
	"github.com/learncontract/learncontract/suites/stub"
)

// Suite is a contract, asked of a client.
type Suite struct {
	// Contract is what is asked for.
	Contract *fixtures.Contract
	// Client makes the client under contract from the http.Client it must use and the API's base URL.
	Client func(client *http.Client, baseURL string) clients.Client
	// Answer is what the stub answers for a wording: Wording.Answer, but where a test of the suite answers wrongly.
	Answer func(*fixtures.Wording) fixtures.Answer

	described []string // the actions
}

// New is the suite of a contract with the reference client and the documented answers.
func New(contract *fixtures.Contract) *Suite {
	return &Suite{
		Contract: contract,
		Client:   func(client *http.Client, baseURL string) clients.Client { return wire.New(client, baseURL) },
		Answer:   (*fixtures.Wording).Answer,
	}
}

// Load is the suite of a provider's embedded contract. A contract that cannot be loaded ends the test, with every
// problem's file and line.
func Load(t *testing.T, provider string) *Suite {
	t.Helper()
	contract, err := fixtures.Load(provider)
	if err != nil {
		t.Fatalf("engine error: the contract cannot be loaded\n%v", err)
	}
	return New(contract)
}

// Register has describe register the specs, and adds the canary and the report of what was covered. It refuses a suite
// that leaves an operation out. From then on nothing in the process reaches a network. Call it before ginkgo.RunSpecs.
func (s *Suite) Register(t *testing.T, describe func(*Suite)) {
	t.Helper()
	stub.RefuseNetwork()
	gomega.RegisterFailHandler(ginkgo.Fail)
	describe(s)
	for _, o := range s.Contract.Operations {
		if !slices.Contains(s.described, o.Action) {
			t.Fatalf("engine error: no spec asks for %s: describe the action %q too", o.ID, o.Action)
		}
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

// perContainer is the number of specs in a container: Ginkgo's time grows with the square of a flat tree's size.
const perContainer = 100

// Describe registers a spec for each wording of each operation of an action, and one for the operation's success.
func (s *Suite) Describe(action string) {
	s.described = append(s.described, action)
	for _, o := range s.Contract.Operations {
		if o.Action != action {
			continue
		}
		var wordings []*fixtures.Wording
		for _, clause := range o.Clauses {
			wordings = append(wordings, clause.Wordings...)
		}
		for chunk := range slices.Chunk(wordings, perContainer) {
			ginkgo.Describe(o.Method+" "+o.Path, operationLabels(o), func() {
				for _, w := range chunk {
					// Ginkgo sorts specs by place and copies both each time it compares two: by line they are sorted.
					place := types.CodeLocation{FileName: w.Clause.File, LineNumber: w.Clause.Line}
					labels := clauseLabels(w.Clause)
					ginkgo.It(w.Title(), labels, place, ginkgo.SpecTimeout(10*time.Second),
						func(ctx ginkgo.SpecContext) { s.ask(ctx, w) })
				}
			})
		}
		ginkgo.Describe(o.Method+" "+o.Path, operationLabels(o), func() {
			ginkgo.It("answers "+fixtures.StatusLine(o.Success.Status)+" where nothing fails",
				ginkgo.Label(fmt.Sprintf("status:%d", o.Success.Status), "success:"+o.ID), ginkgo.SpecTimeout(10*time.Second),
				func(ctx ginkgo.SpecContext) { s.askSuccess(ctx, o) })
		})
	}
}

func operationLabels(o *fixtures.Operation) ginkgo.Labels {
	return ginkgo.Label("provider:"+o.Contract.Provider, "action:"+o.Action)
}

func clauseLabels(c *fixtures.Clause) ginkgo.Labels {
	return ginkgo.Label(fmt.Sprintf("status:%d", c.Status), "clause:"+c.ID)
}

// ask has the client perform the operation, which is answered with the wording, and holds the answer and what the
// client tells of it against the contract.
func (s *Suite) ask(ctx ginkgo.SpecContext, w *fixtures.Wording) {
	failure, exchanges, err := s.perform(ctx, w.Clause.Operation, s.Answer(w))
	for _, exchange := range exchanges {
		gomega.Expect(exchange).To(matchers.HonorWording(w).Strictly())
	}
	if errors.Is(err, stub.ErrRefused) {
		ginkgo.Fail(fmt.Sprintf("The client was answered %s, and sent another request:\n%v", w.ID(), err))
	}
	gomega.Expect(err).NotTo(gomega.HaveOccurred(), "The client was answered %s, and tells its caller of an error instead", w.ID())
	gomega.Expect(failure).To(clients.Tell(w.Clause, exchanges[len(exchanges)-1]))
}

// askSuccess has the client perform the operation, which does not fail, and holds the client to tell of no failure.
func (s *Suite) askSuccess(ctx ginkgo.SpecContext, o *fixtures.Operation) {
	failure, exchanges, err := s.perform(ctx, o, o.Succeed())
	for _, exchange := range exchanges {
		gomega.Expect(exchange).To(matchers.HonorSuccess(o))
	}
	if errors.Is(err, stub.ErrRefused) {
		ginkgo.Fail(fmt.Sprintf("The client was answered that %s succeeded, and sent another request:\n%v", o.ID, err))
	}
	gomega.Expect(err).NotTo(gomega.HaveOccurred(), "The client was answered that %s succeeded, and tells its caller of an error", o.ID)
	nothing := clients.Failure{Status: o.Success.Status, RequestID: exchanges[len(exchanges)-1].Header("request-id")}
	gomega.Expect(failure).To(gomega.Equal(nothing),
		"The client was answered that %s succeeded, and tells its caller of a failure", o.ID)
}

// perform has the client perform the operation's minimal valid request, which gets the answer. It returns what the client
// tells its caller, and each exchange, at least one, and fails the spec if there is none.
func (s *Suite) perform(ctx ginkgo.SpecContext, o *fixtures.Operation, answer fixtures.Answer) (clients.Failure, []matchers.Exchange, error) {
	// Not by DeferCleanup: a node of Ginkgo's own, with its goroutine and context, costs a tenth of the run.
	answers := stub.New()
	defer func() {
		if err := answers.Close(); err != nil {
			ginkgo.Fail(err.Error())
		}
	}()
	request := stub.Request{Method: o.Method, URL: o.URL(), Body: o.Body}
	if err := answers.Answer(request, answer); err != nil {
		ginkgo.Fail("engine error: " + err.Error())
	}
	below := &recorder{transport: answers}
	client := s.Client(&http.Client{Transport: below}, s.Contract.BaseURL)

	failure, err := client.Do(ctx, clients.Minimal(o))

	if net := (*url.Error)(nil); errors.As(err, &net) {
		err = net.Err // without the URL, whose query it would print
	}
	switch {
	case len(below.exchanges) > 0:
	case errors.Is(err, stub.ErrRefused):
		ginkgo.Fail(fmt.Sprintf("The client asked for something else than %s:\n%v", request, err))
	case err != nil:
		ginkgo.Fail(fmt.Sprintf("The client did not ask for %s:\n%v", request, err))
	default:
		ginkgo.Fail(fmt.Sprintf("The client did not ask for %s, and reported no error.", request))
	}
	return failure, below.exchanges, err
}

// canary registers the spec that proves the network to be refused.
func (s *Suite) canary() {
	ginkgo.Describe("offline", ginkgo.Label("provider:"+s.Contract.Provider), func() {
		ginkgo.It("refuses the network", ginkgo.SpecTimeout(10*time.Second), func(ctx ginkgo.SpecContext) {
			for name, client := range map[string]*http.Client{
				"the stub's client": stub.New().Client(), "http.DefaultClient": http.DefaultClient,
			} {
				request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Contract.BaseURL, nil)
				gomega.Expect(err).NotTo(gomega.HaveOccurred())
				response, err := client.Do(request)
				if err == nil {
					response.Body.Close()
				}
				gomega.Expect(err).To(gomega.MatchError(stub.ErrRefused), name)
			}
		})
	})
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
