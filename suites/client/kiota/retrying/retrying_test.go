package retrying_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	sdk "github.com/microsoft/kiota-http-go"
	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/kiota"
	"github.com/learncontract/learncontract/suites/graph"
	"github.com/learncontract/learncontract/suites/stub"
)

var _ = suites.Provider{Name: "graph", Specs: func(s *suites.Suite) {
	graph.Specs(s)
	graph.Undocumented(s)
	// The other specs take the middleware as it is by default.
	s.ItSees("no retries if MaxRetries is 0", suites.Observation{
		Key: "max-retries-zero", Clauses: "graph.get.throttled", Field: "attempts", Want: "1", See: attemptsWithoutRetries,
	})
}}.Describe("msgraph-sdk-go + middleware", kiota.Retrying())

func TestMain(m *testing.M) { os.Exit(suites.Run(m)) }

func TestKiota(t *testing.T) {
	gomega.RegisterFailHandler(ginkgo.Fail)
	ginkgo.RunSpecs(t, "kiota, retrying")
}

// attemptsWithoutRetries is how often the client sends a request, throttled each time, whose middleware has MaxRetries 0.
func attemptsWithoutRetries(w *fixtures.Wording) (string, error) {
	const most = 10 // more than the middleware makes
	middleware, err := sdk.GetDefaultMiddlewaresWithOptions(&sdk.RetryHandlerOptions{
		MaxRetries:  0,
		ShouldRetry: func(time.Duration, int, *http.Request, *http.Response) bool { return true },
	})
	if err != nil {
		return "", err
	}
	o, response, answers, attempts := w.Clause.Operation, w.Response(), stub.New(), 0
	response.Header.Set("Retry-After", "1")
	for range most {
		if err := answers.Respond(stub.Request{Method: o.Method, URL: o.URL(), Body: o.Body}, response); err != nil {
			return "", err
		}
	}
	counting := roundTripper(func(r *http.Request) (*http.Response, error) {
		attempts++
		return answers.RoundTrip(r)
	})
	calls, err := kiota.New(kiota.Middleware(&http.Client{Transport: counting}, middleware), o.Contract.BaseURL)
	if err != nil {
		return "", err
	}
	if err := calls["*"](context.Background(), client.Minimal(o)); err == nil {
		return "", errors.New("the client returned nil, and was throttled each time")
	}
	return strconv.Itoa(attempts), nil
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
