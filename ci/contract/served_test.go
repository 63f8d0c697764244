package main

import (
	"net/http"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/clients/wire"
)

// asking asks a server for the answers of an operation, by the reference client.
type asking struct {
	t         *testing.T
	base      string
	operation *fixtures.Operation
}

// chooses is the request header field by which a server is asked for the answer with a status and a name.
type chooses func(status int, name string) (field, value string)

// ask performs the operation with one header field more.
func (a asking) ask(field, value string) (exchange.Exchange, clients.Failure) {
	a.t.Helper()
	captured := &capturing{field: field, value: value}
	failure, err := wire.New(&http.Client{Transport: captured}, a.base).Do(a.t.Context(), clients.Minimal(a.operation))
	if captured.err == nil && captured.exchange.Status() == 0 {
		captured.err = err // nothing was answered
	}
	if captured.err != nil {
		a.t.Fatalf("%s: %v", a.operation.ID, captured.err)
	}
	return captured.exchange, failure
}

// answers asks for a wording, which must be honored to the letter, and told.
func (a asking) answers(w *fixtures.Wording, choose chooses) {
	a.t.Helper()
	x, failure := a.ask(choose(w.Clause.Status, w.ID()))
	matcher := matchers.HonorWording(w).Strictly()
	if ok, err := matcher.Match(x); !ok {
		a.t.Errorf("%v %s", err, matcher.FailureMessage(x))
	}
	told := clients.Tell(w, x)
	if ok, err := told.Match(failure); !ok {
		a.t.Errorf("%v %s", err, told.FailureMessage(failure))
	}
}

// succeeds asks for no wording.
func (a asking) succeeds() {
	a.t.Helper()
	x, _ := a.ask("", "")
	matcher := matchers.HonorSuccess(a.operation)
	if ok, err := matcher.Match(x); !ok {
		a.t.Errorf("%v %s", err, matcher.FailureMessage(x))
	}
}

// refuses asks for something that is no wording: the answer must be neither a success nor an error of the contract.
func (a asking) refuses(field, value string) {
	a.t.Helper()
	x, _ := a.ask(field, value)
	matcher := matchers.BeDocumented(a.operation)
	if ok, err := matcher.Match(x); ok || err != nil || x.Status() < http.StatusBadRequest {
		a.t.Errorf("%s: %s: %s is answered (%v)\n%s", a.operation.ID, field, value, err, x)
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

func contracts(t *testing.T) []*fixtures.Contract {
	t.Helper()
	all, err := load(nil)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
