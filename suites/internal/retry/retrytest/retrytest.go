// Package retrytest is the reference client with retries, for tests.
package retrytest

import (
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/wire"
)

// Config declares the reference client that retries after these statuses: after the wait that Retry-After asks for, and otherwise
// with truncated exponential backoff and jitter.
func Config(statuses ...int) client.Config {
	return client.Config{
		Name: "wire that retries", Retries: true, RetriesOn: statuses,
		New: func(given *http.Client, baseURL string) (client.Calls, error) {
			return client.Calls{"*": wire.New(&http.Client{Transport: transport{given.Transport, statuses}}, baseURL).Do}, nil
		},
	}
}

// How it retries.
const (
	attempts     = 5
	firstBackoff = time.Second
	mostBackoff  = 32 * time.Second
	longestWait  = time.Hour // that a provider may ask for: after a longer one the caller decides
)

// transport retries.
type transport struct {
	http.RoundTripper
	statuses []int
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	backoff := firstBackoff
	for attempt := 1; ; attempt++ {
		response, err := t.RoundTripper.RoundTrip(request)
		if err != nil || attempt == attempts || !slices.Contains(t.statuses, response.StatusCode) {
			return response, err
		}
		wait, requested := requestedWait(response.Header)
		if !requested {
			wait = backoff + rand.N(backoff/2)
			backoff = min(2*backoff, mostBackoff)
		}
		if wait > longestWait {
			return response, nil
		}
		select {
		case <-request.Context().Done():
			return response, nil // the failure says more than that the context is done
		case <-time.After(wait):
		}
		// Only a body that was read to its end lets the connection be used again.
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		request = request.Clone(request.Context())
		if request.GetBody != nil {
			if request.Body, err = request.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

// requestedWait is the wait that the header asks for, and whether it asks for one that can be read.
func requestedWait(header http.Header) (wait time.Duration, requested bool) {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds >= 0 {
		if seconds > longestWait.Seconds() { // before it overflows
			return longestWait + 1, true
		}
		return time.Duration(math.Ceil(seconds * float64(time.Second))), true
	}
	if date, err := http.ParseTime(value); err == nil {
		return time.Until(date), true
	}
	return 0, false
}
