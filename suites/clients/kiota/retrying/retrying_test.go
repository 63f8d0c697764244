// Package retrying_test asks the client as it is shipped for what its middleware is known to do when it asks again. It does
// not ask it for the documented answers yet: of those with a remedy of waiting every behaviour would have its erratum.
package retrying_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	sdk "github.com/microsoft/kiota-http-go"
	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/clients/kiota"
	"github.com/learncontract/learncontract/suites/stub"
)

var _ = suites.Describe("msgraph-sdk-go + middleware", "graph", kiota.Retrying(), retries)

func TestKiota(t *testing.T) {
	gomega.RegisterFailHandler(ginkgo.Fail)
	ginkgo.RunSpecs(t, "kiota, retrying")
}

// retries registers what the middleware is known to do when it asks again.
func retries(s *suites.Suite) {
	is := func(id string) func(*fixtures.Wording) bool {
		return func(w *fixtures.Wording) bool { return w.Clause.ID == id }
	}
	s.DescribeOwn("max-retries-zero", "no retries are no retries", is("graph.get.throttled"), func(w *fixtures.Wording) {
		never, err := sdk.GetDefaultMiddlewaresWithOptions(&sdk.RetryHandlerOptions{
			MaxRetries:  0,
			ShouldRetry: func(time.Duration, int, *http.Request, *http.Response) bool { return true },
		})
		if err != nil {
			ginkgo.Fail(err.Error())
		}
		s.Hold(w, "max-retries-zero", "attempts", "1", fmt.Sprint(len(attempts(s, w, never, "1"))))
	})
	s.DescribeOwn("retry-after-fraction", "it waits for a fraction of a second, too", is("graph.get.throttled"), func(w *fixtures.Wording) {
		const right = 2128 * time.Millisecond
		asked := attempts(s, w, sdk.GetDefaultMiddlewares(), "2.128")
		if len(asked) < 2 {
			ginkgo.Fail("it did not ask again")
		}
		waited := min(right, asked[1].at.Sub(asked[0].at)) // longer is right, too
		s.Hold(w, "retry-after-fraction", "wait", right.String(), waited.String())
	})
	s.DescribeOwn("body-again", "what is sent again is what its label says", is("graph.create.throttled"), func(w *fixtures.Wording) {
		asked := attempts(s, w, retryOutside(), "1")
		if len(asked) < 2 {
			ginkgo.Fail("it did not ask again")
		}
		s.Hold(w, "body-again", "body", asked[0].body, asked[1].body)
	})
}

// retryOutside is a default middleware with retry outside compression, if one of many has it so.
func retryOutside() (middleware []sdk.Middleware) {
	for range 64 { // of 64 all are otherwise once in 10^19 times
		middleware = sdk.GetDefaultMiddlewares()
		retry := slices.IndexFunc(middleware, func(m sdk.Middleware) bool { _, is := m.(*sdk.RetryHandler); return is })
		compression := slices.IndexFunc(middleware, func(m sdk.Middleware) bool { _, is := m.(*sdk.CompressionHandler); return is })
		if retry < compression {
			break
		}
	}
	return middleware
}

// mostAttempts is more than the middleware makes.
const mostAttempts = 10

// attempt is one request.
type attempt struct {
	at   time.Time // virtual
	body string    // what it is, and what it says it is
}

// attempts has a client with the middleware ask for the wording, which is all it is answered, with the Retry-After.
func attempts(s *suites.Suite, w *fixtures.Wording, middleware []sdk.Middleware, retryAfter string) (asked []attempt) {
	o, answer, answers := w.Clause.Operation, w.Answer(), stub.New()
	defer func() { _ = answers.Close() }() // what it refuses is seen in the attempts
	answer.Header.Set("Retry-After", retryAfter)
	for range mostAttempts {
		if err := answers.Answer(stub.Request{Method: o.Method, URL: o.URL(), Body: o.Body}, answer); err != nil {
			ginkgo.Fail("engine error: " + err.Error())
		}
	}
	below := roundTripper(func(r *http.Request) (*http.Response, error) {
		var body []byte
		if r.Body != nil {
			body, _ = io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		asked = append(asked, attempt{time.Now(), labelled(r.Header, body)})
		return answers.RoundTrip(r)
	})
	s.OnVirtualTime(func() {
		client := kiota.New(kiota.Middleware(&http.Client{Transport: below}, middleware), o.Contract.BaseURL)
		// That it fails is no matter here.
		_, _ = client.Do(context.Background(), clients.Minimal(o))
	})
	return asked
}

// labelled says what a body is, and what its label says.
func labelled(header http.Header, body []byte) string {
	label, is := header.Get("Content-Encoding"), "compressed"
	switch {
	case len(body) == 0:
		is = "nothing"
	case json.Valid(body):
		is = "plain JSON"
	}
	if label == "" {
		return is + " without a label"
	}
	return is + " labelled " + label
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
