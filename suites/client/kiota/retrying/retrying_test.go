package retrying_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	sdk "github.com/microsoft/kiota-http-go"
	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/clients/kiota"
	"github.com/learncontract/learncontract/suites/graph"
	"github.com/learncontract/learncontract/suites/stub"
)

var _ = suites.Describe("msgraph-sdk-go + middleware", "graph", kiota.Retrying(), func(s *suites.Suite) {
	graph.Specs(s)
	graph.Odd(s)
	noRetries(s)
})

func TestMain(m *testing.M) { suites.Main(m) }

func TestKiota(t *testing.T) {
	gomega.RegisterFailHandler(ginkgo.Fail)
	ginkgo.RunSpecs(t, "kiota, retrying")
}

// noRetries asks the middleware to ask once, which no other spec does: the others take it as it is by default.
func noRetries(s *suites.Suite) {
	throttled := func(w *fixtures.Wording) bool { return w.Clause.ID == "graph.get.throttled" }
	s.DescribeOwn("max-retries-zero", "no retries are no retries", throttled, func(w *fixtures.Wording) {
		never, err := sdk.GetDefaultMiddlewaresWithOptions(&sdk.RetryHandlerOptions{
			MaxRetries:  0,
			ShouldRetry: func(time.Duration, int, *http.Request, *http.Response) bool { return true },
		})
		if err != nil {
			ginkgo.Fail("engine error: " + err.Error())
		}
		s.Hold(w, "max-retries-zero", "attempts", "1", fmt.Sprint(attempts(s, w, never)))
	})
}

// attempts is how often a client with the middleware asks that is answered with the wording each time.
func attempts(s *suites.Suite, w *fixtures.Wording, middleware []sdk.Middleware) (asked int) {
	const most = 10 // more than the middleware makes
	o, answer, answers := w.Clause.Operation, w.Answer(), stub.New()
	defer func() { _ = answers.Close() }() // what it refuses is not counted
	answer.Header.Set("Retry-After", "1")
	for range most {
		if err := answers.Answer(stub.Request{Method: o.Method, URL: o.URL(), Body: o.Body}, answer); err != nil {
			ginkgo.Fail("engine error: " + err.Error())
		}
	}
	below := roundTripper(func(r *http.Request) (*http.Response, error) {
		asked++
		return answers.RoundTrip(r)
	})
	s.OnVirtualTime(func() {
		client := kiota.New(kiota.Middleware(&http.Client{Transport: below}, middleware), o.Contract.BaseURL)
		// That it fails is no matter here.
		_, _ = client.Do(context.Background(), clients.Minimal(o))
	})
	return asked
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
