package retry

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/internal/call"
	"github.com/learncontract/learncontract/suites/internal/verdict"
	"github.com/learncontract/learncontract/suites/report"
)

// name is the name of the clients under contract.
const name = "our client"

// retried are the statuses after which they retry.
var retried = []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable}

// policy is a transport that retries as a test has it. The zero policy never does.
type policy struct {
	base     http.RoundTripper
	attempts int      // 0 for any number
	statuses []int    // after which it retries, nil for those of retried
	methods  []string // of the requests that are repeated, nil for all
	wait     func(attempt int, header http.Header) time.Duration
	deaf     bool                                     // to its context
	body     func(attempt int, request *http.Request) // changes what is sent
}

// RoundTrip implements http.RoundTripper.
func (p *policy) RoundTrip(request *http.Request) (*http.Response, error) {
	statuses := p.statuses
	if statuses == nil {
		statuses = retried
	}
	for attempt := 1; ; attempt++ {
		if request.GetBody != nil {
			request.Body, _ = request.GetBody()
		}
		if p.body != nil {
			p.body(attempt, request)
		}
		response, err := p.base.RoundTrip(request)
		if err != nil || attempt == p.attempts || !slices.Contains(statuses, response.StatusCode) ||
			p.methods != nil && !slices.Contains(p.methods, request.Method) {
			return response, err
		}
		wait := p.wait(attempt, response.Header)
		if wait == giveUp {
			return response, nil
		}
		done := request.Context().Done()
		if p.deaf {
			done = nil
		}
		select {
		case <-done:
			return response, nil
		case <-time.After(wait):
		}
		response.Body.Close()
	}
}

// giveUp is a wait that a policy does not wait for.
const giveUp = time.Duration(math.MinInt64)

// obey is the wait of a client that does it right.
func obey(attempt int, header http.Header) time.Duration {
	if date, err := http.ParseTime(header.Get("Retry-After")); err == nil {
		return time.Until(date)
	}
	if seconds, err := strconv.ParseFloat(header.Get("Retry-After"), 64); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, 1e9) * float64(time.Second))
	}
	return exponential(attempt, 0.5)
}

// exponential is a wait that doubles each time, and is longer by chance by up to a part of it.
func exponential(attempt int, part float64) time.Duration {
	wait := min(time.Second<<min(attempt-1, 10), time.Minute)
	return wait + time.Duration(part*rand.Float64()*float64(wait))
}

// without is a wait as the function has it where there is no Retry-After, and that of a right client where there is.
func without(wait func(attempt int) time.Duration) func(*policy) {
	return func(p *policy) {
		p.wait = func(attempt int, header http.Header) time.Duration {
			if header.Get("Retry-After") != "" {
				return obey(attempt, header)
			}
			return wait(attempt)
		}
	}
}

// zipping has the body sent as gzip. It makes each once, for a gzip.Writer takes a megabyte.
func zipping() func(attempt int, request *http.Request) {
	var known sync.Map
	return func(_ int, request *http.Request) {
		if request.Body == nil {
			return
		}
		plain, _ := io.ReadAll(request.Body)
		body, ok := known.Load(string(plain))
		if !ok {
			var zipped bytes.Buffer
			writer := gzip.NewWriter(&zipped)
			_, _ = writer.Write(plain)
			_ = writer.Close()
			body, _ = known.LoadOrStore(string(plain), zipped.Bytes())
		}
		zipped, _ := body.([]byte)
		request.Header.Set("Content-Encoding", "gzip")
		request.ContentLength, request.Body = int64(len(zipped)), io.NopCloser(bytes.NewReader(zipped))
	}
}

// retrying declares a client with the policy, which is a right one until it is changed.
func retrying(change func(*policy)) client.Config {
	return client.Config{
		Name: name, Retries: true, RetriesOn: retried,
		New: func(given *http.Client, baseURL string) (client.Calls, error) {
			p := &policy{base: given.Transport, attempts: 5, wait: obey}
			if change != nil {
				change(p)
			}
			return client.Calls{"*": wire.New(&http.Client{Transport: p}, baseURL).Do}, nil
		},
	}
}

// dialling is the client that retrying declares, with a transport of its own.
func dialling(change func(*policy)) client.Config {
	config := retrying(nil)
	config.New, config.Dial = nil, func(baseURL string) (client.Calls, error) {
		p := &policy{base: &http.Transport{}, attempts: 3, wait: obey}
		if change != nil {
			change(p)
		}
		return client.Calls{"*": wire.New(&http.Client{Transport: p}, baseURL).Do}, nil
	}
	return config
}

// authorized has each attempt carry a token of its own, and the number of the attempt but in the first.
func authorized(attempt int, request *http.Request) {
	request.Header.Set("Authorization", fmt.Sprint("Bearer token-", attempt))
	if attempt > 1 {
		request.Header.Set("X-Attempt", strconv.Itoa(attempt))
	}
}

// subjectOf is the client, to be measured with the sample contract.
func subjectOf(t *testing.T, config client.Config) *Subject {
	t.Helper()
	contract, err := fixtures.Open(os.DirFS("../../../fixtures/testdata/sample"))
	if err != nil {
		t.Fatal(err)
	}
	// The sample has no failed create that a client retries after.
	contract.Clause("sample.things.create.internal").Remedy.Do = "retry with backoff"
	opened, err := call.Open(config, contract)
	if err != nil {
		t.Fatal(err)
	}
	return &Subject{Judge: &verdict.Judge{Client: opened, Today: time.Now()}, Respond: (*fixtures.Wording).Response}
}

func (s *Subject) first(clause string) *fixtures.Wording {
	return s.Judge.Client.Contract.Clause(clause).Wordings[0]
}

// faults are the texts of the behaviours that the client fails after the clause, by their keys.
func faults(s *Subject, clause string) map[string]string {
	found := map[string]string{}
	w := s.first(clause)
	for _, b := range s.Behaviours(w) {
		if v := s.Check(w, b); v.Outcome != report.Honored {
			found[b.Key] = v.Text
		}
	}
	return found
}

// check is the verdict of one behaviour after the clause.
func check(t *testing.T, s *Subject, clause, key string) verdict.Verdict {
	t.Helper()
	w := s.first(clause)
	for _, b := range s.Behaviours(w) {
		if b.Key == key {
			return s.Check(w, b)
		}
	}
	t.Fatalf("%s has no behaviour %s", clause, key)
	return verdict.Verdict{}
}

// wireAt is the reference client's call below a base URL.
func wireAt(given *http.Client, baseURL string) func(context.Context, client.Call) error {
	return wire.New(given, baseURL).Do
}
