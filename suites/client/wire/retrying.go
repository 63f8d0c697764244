package wire

import (
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// RetriedOn are the HTTP statuses after which a client of NewRetrying asks again.
var RetriedOn = []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable}

// How it does so.
const (
	attempts     = 5
	firstBackoff = time.Second
	mostBackoff  = 32 * time.Second
	longestWait  = time.Hour // that a provider may ask for: after a longer one the caller decides
)

// NewRetrying makes a client as New does, which asks again: after what Retry-After asks to wait, and otherwise with truncated
// exponential backoff and jitter.
func NewRetrying(client *http.Client, baseURL string) *Client {
	again := *client
	again.Transport = retrying{client.Transport}
	if client.Transport == nil {
		again.Transport = retrying{http.DefaultTransport}
	}
	return New(&again, baseURL)
}

// retrying is a transport that asks again.
type retrying struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (r retrying) RoundTrip(request *http.Request) (*http.Response, error) {
	backoff := firstBackoff
	for attempt := 1; ; attempt++ {
		response, err := r.RoundTripper.RoundTrip(request)
		if err != nil || attempt == attempts || !slices.Contains(RetriedOn, response.StatusCode) {
			return response, err
		}
		wait, asked := waitAsked(response.Header)
		if !asked {
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
		// What cannot be read of a refusal is nobody's loss; what can is, so that the connection is used again.
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

// waitAsked is the time that the header asks to wait, and whether it asks for one that can be read.
func waitAsked(header http.Header) (wait time.Duration, asked bool) {
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
