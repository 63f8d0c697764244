package main

import (
	"errors"
	"net/http"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/wire"
)

// caller calls one operation of a server with the reference client.
type caller struct {
	t         *testing.T
	base      string
	operation *fixtures.Operation
}

// chooses returns the request header field that has a server return the response with a status and a name.
type chooses func(status int, name string) (field, value string)

// call performs the operation with one header field more, and returns the exchange and what the client returned.
func (c caller) call(field, value string) (exchange.Exchange, error) {
	c.t.Helper()
	captured := &capturing{field: field, value: value}
	err := wire.New(&http.Client{Transport: captured}, c.base).Do(c.t.Context(), client.Minimal(c.operation))
	if captured.exchange.IsZero() {
		c.t.Fatalf("%s: %v", c.operation.ID, errors.Join(captured.err, err))
	}
	return captured.exchange, err
}

// wantWording calls for a wording: the response must honor it to the letter, and the client must surface it.
func (c caller) wantWording(w *fixtures.Wording, choose chooses) {
	c.t.Helper()
	x, err := c.call(choose(w.Clause.Status, w.ID()))
	honor := matchers.HonorWording(w).Strictly()
	if ok, err := honor.Match(x); !ok {
		c.t.Errorf("%v %s", err, honor.FailureMessage(x))
	}
	surface, surfaced := client.Surface(w), wire.Config().Surfaced(err, x)
	if ok, err := surface.Match(surfaced); !ok {
		c.t.Errorf("%v %s", err, surface.FailureMessage(surfaced))
	}
}

// wantSuccess calls for no wording.
func (c caller) wantSuccess() {
	c.t.Helper()
	x, err := c.call("", "")
	matcher := matchers.HonorSuccess(c.operation)
	if ok, mismatch := matcher.Match(x); !ok || err != nil {
		c.t.Errorf("%v %v %s", err, mismatch, matcher.FailureMessage(x))
	}
}

// wantRejected calls for something that is no wording: the response must be neither a success nor an error of the contract.
func (c caller) wantRejected(field, value string) {
	c.t.Helper()
	x, err := c.call(field, value)
	matcher := matchers.BeDocumented(c.operation)
	if ok, mismatch := matcher.Match(x); ok || mismatch != nil || err == nil || x.Status() < http.StatusBadRequest {
		c.t.Errorf("%s: %s: %s is not rejected (%v, %v)\n%s", c.operation.ID, field, value, mismatch, err, x)
	}
}

// capturing is a transport that adds a header field and captures the exchange.
type capturing struct {
	field, value string
	exchange     exchange.Exchange
	err          error
}

func (c *capturing) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.field != "" {
		r = r.Clone(r.Context())
		r.Header.Set(c.field, c.value)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		c.err = err
		return nil, err
	}
	c.exchange, c.err = exchange.Capture(response)
	return response, c.err
}

// contracts returns the contract of the provider, or all.
func contracts(t *testing.T, provider ...string) []*fixtures.Contract {
	t.Helper()
	all, err := load(provider)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
