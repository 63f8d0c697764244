// Package call calls a client under contract: over a stub, in virtual time, with every panic, hang and stray request noticed.
//
// It knows what a client did. It must not know whether that was right (package verdict).
package call

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/offline"
)

// Client is a client under contract whose declaration was checked, and whose operations are known.
type Client struct {
	client.Config
	Contract *fixtures.Contract
	api      *url.URL        // the contract's base URL
	base     string          // that with a host that resolves nowhere
	performs map[string]bool // ids of operations; nil for all
	patience time.Duration   // in real time
	hung     atomic.Int32    // how often it hung in real time
	locks    atomic.Bool     // whether its calls at once wait for locks, for which no virtual time passes
}

// Open checks a client's declaration for a contract, and constructs the client once to learn which operations it performs.
// The error says everything that is wrong.
func Open(config client.Config, contract *fixtures.Contract) (*Client, error) {
	c := &Client{Config: config, Contract: contract, patience: realPatience, base: offline.BaseURL(contract.BaseURL)}
	var err error
	if c.api, err = url.Parse(contract.BaseURL); err != nil {
		return c, fmt.Errorf("the contract's base URL cannot be read: %w", err)
	}
	if err := c.check(); err != nil {
		return c, err
	}
	calls, err := c.constructOnce()
	if err != nil {
		return c, err
	}
	if calls["*"] != nil {
		return c, nil
	}
	c.performs = map[string]bool{}
	for id := range calls {
		switch {
		case contract.Operation(id) != nil:
			c.performs[id] = true
		case c.ofAnother(id):
		default:
			err = errors.Join(err, fmt.Errorf("the Calls of %s have %q, which is no operation of %s: go tool contract list %s shows them",
				config.Name, id, contract.Provider, contract.Provider))
		}
	}
	if len(c.performs) == 0 && err == nil {
		err = fmt.Errorf("the Calls of %s have no operation of %s: give the functions that perform some, by their ids, or one by \"*\"",
			config.Name, contract.Provider)
	}
	return c, err
}

// ofAnother reports whether the id is of an operation of another provider: one client may perform several providers' calls.
func (c *Client) ofAnother(id string) bool {
	provider, _, _ := strings.Cut(id, ".")
	if provider == c.Contract.Provider {
		return false
	}
	other, err := fixtures.Load(provider)
	return err == nil && other.Operation(id) != nil
}

// check says everything that is wrong with the declaration itself.
func (c *Client) check() error {
	var problems []error
	expect := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	expect(strings.TrimSpace(c.Name) != "", "Name is empty: say what reports should call the client")
	expect((c.New == nil) != (c.Dial == nil),
		"give one of New, which constructs the client from an http.Client, and Dial, which constructs it from a base URL")
	expect(c.Timeout >= 0 && (c.Timeout == 0 || c.Dial != nil), "Timeout is %s: give a client that dials a time, and others none, for their time is virtual", c.Timeout)
	expect(c.Exposes == nil || len(c.Exposes) > 0, "Exposes is empty, so nothing would be compared: leave it nil for all fields, or name some")
	for _, field := range c.Exposes {
		expect(slices.Contains(client.Fields(), field), "Exposes has %q: use the constants of package client, %q", field, client.Fields())
	}
	expect(c.Retries || c.RetriesOn == nil && c.RetriesIf == nil && !c.ReadsMinutes,
		"RetriesOn, RetriesIf and ReadsMinutes say how the client retries: set Retries too")
	for _, status := range c.RetriesOn {
		expect(status >= 400 && status <= 599, "RetriesOn has %d, which is no status of a failure: use 400 to 599", status)
	}
	token, err := url.Parse(c.TokenURL)
	expect(c.TokenURL == "" || err == nil && (token.Scheme == "https" || token.Scheme == "http") && token.Host != "",
		"TokenURL is %q, which is no absolute URL: give the token endpoint whole, such as https://login.example/oauth2/token", c.TokenURL)
	expect(c.TokenURL == "" || c.Dial == nil, "TokenURL is set, but a client that dials signs in by a transport of its own: give it a token in Dial")
	return errors.Join(append(problems, c.checkAdds()...)...)
}

// checkAdds says everything that is wrong with Adds.
func (c *Client) checkAdds() (problems []error) {
	for _, id := range slices.Sorted(maps.Keys(c.Adds)) {
		o, adds := c.Contract.Operation(id), c.Adds[id]
		if o == nil && id != "*" {
			if !c.ofAnother(id) {
				problems = append(problems, fmt.Errorf("the Adds of %s have %q, which is no operation of %s: give the id of one, or \"*\"", c.Name, id, c.Contract.Provider))
			}
			continue
		}
		for _, field := range adds.Fields {
			if field == "" || !jsontext.Pointer(field).IsValid() {
				problems = append(problems, fmt.Errorf("Adds[%q].Fields has %q, which is no JSON Pointer of a member: write it as /dueDateTime", id, field))
			}
		}
		for _, read := range adds.Reads {
			switch r := c.Contract.Operation(read); {
			case r == nil && id == "*" && c.ofAnother(read):
			case r == nil:
				problems = append(problems, fmt.Errorf("Adds[%q].Reads has %q, which is no operation of %s: give the id of one", id, read, c.Contract.Provider))
			case r.Method != http.MethodGet:
				problems = append(problems, fmt.Errorf("Adds[%q].Reads has %q, which is a %s: only what reads (GET) can be called beside", id, read, r.Method))
			case r == o:
				problems = append(problems, fmt.Errorf("Adds[%q].Reads has the operation itself, whose request is what is checked: take it out", id))
			}
		}
	}
	return problems
}

// constructOnce constructs the client as each call does, with a transport that refuses.
func (c *Client) constructOnce() (client.Calls, error) {
	watch := offline.StartWatch(c.Dial == nil)
	var constructed atomic.Bool
	refuse := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if constructed.Load() {
			return nil, refuseOld(r, r.URL.String())
		}
		return nil, offline.Refuse(watch.Context(r.Context()), fmt.Sprintf("%s %s", r.Method, exchange.PrintableURL(r.URL.String())))
	})}
	type instance struct {
		calls client.Calls
		err   error
	}
	type outcome struct {
		instance
		fault error
	}
	inner := &outcome{}
	run := func(patience time.Duration) {
		inner.instance, inner.fault = guard(context.Background(), patience, func(context.Context) instance {
			calls, err := c.construct(refuse, c.base)
			return instance{calls, err}
		})
	}
	made := inner
	if c.Dial != nil {
		run(c.patience)
	} else if stuck := Bubble(c.patience, func() { run(virtualPatience) }); stuck != nil { // the constructor goes on, and with it what it sets
		made = &outcome{fault: stuck}
	}
	constructed.Store(true)
	sent := watch.End()
	if sent == nil && made.err != nil && strings.Contains(made.err.Error(), offline.ErrRefused.Error()) { // of several watches it belongs to none
		sent = made.err
	}
	if sent != nil {
		return nil, fmt.Errorf("%s cannot be constructed: a client's constructor must send no request, but its calls:\n%w", c.Name, sent)
	}
	if f := (*Panic)(nil); errors.As(made.fault, &f) {
		return nil, fmt.Errorf("%s cannot be constructed: its constructor panicked: %v\n%s", c.Name, f.Value, f.Stack)
	}
	if f := (*Hang)(nil); errors.As(made.fault, &f) {
		return nil, fmt.Errorf("%s cannot be constructed: its constructor had not returned after %s", c.Name, f.waited())
	}
	return made.calls, made.err
}

func (c *Client) construct(given *http.Client, baseURL string) (client.Calls, error) {
	var calls client.Calls
	var err error
	if c.Dial != nil {
		calls, err = c.Dial(baseURL)
	} else {
		calls, err = c.New(given, baseURL)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s cannot be constructed: %w", c.Name, withoutURL(err))
	case calls == nil:
		return nil, fmt.Errorf("%s cannot be constructed: its constructor returned no Calls and no error", c.Name)
	}
	for _, id := range slices.Sorted(maps.Keys(calls)) {
		if calls[id] == nil {
			return nil, fmt.Errorf("%s cannot be constructed: its Calls have no function for %q", c.Name, id)
		}
	}
	return calls, nil
}

// shownURL is a URL of a request with the API's own host.
func (c *Client) shownURL(u *url.URL) string {
	shown := *u
	shown.Scheme, shown.Host = c.api.Scheme, c.api.Host
	return shown.String()
}

// Performs reports whether the client performs the operation.
func (c *Client) Performs(o *fixtures.Operation) bool { return c.performs == nil || c.performs[o.ID] }

// Operations returns the ids of the operations that the client performs, sorted, nil for all of the contract.
func (c *Client) Operations() []string {
	if c.performs == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(c.performs))
}

// Exposed returns the fields that the client exposes.
func (c *Client) Exposed() []client.Field {
	if c.Exposes == nil {
		return client.Fields()
	}
	return c.Exposes
}

// Locks reports whether calls of an instance at once were seen to wait for a lock, for which no virtual time passes.
func (c *Client) Locks() bool { return c.locks.Load() }

// RetriesAfter reports whether the client declares to retry by itself after the clause.
func (c *Client) RetriesAfter(clause *fixtures.Clause) bool { return c.WhyOnce(clause) == "" }

// WhyOnce says why the client must send one request only where it receives the clause, "" if it declares to retry after it.
func (c *Client) WhyOnce(clause *fixtures.Clause) string {
	switch {
	case !c.Retries:
		return "it does not declare Retries"
	case !allowsRetry(clause):
		return "the remedy is to " + clause.Remedy.Do
	case c.RetriesOn == nil && !retriedByDefault(clause.Status):
		return fmt.Sprintf("its RetriesOn does not name %d, and by default no client retries after a 4xx status other than 408 and 429", clause.Status)
	case c.RetriesOn != nil && !slices.Contains(c.RetriesOn, clause.Status):
		return fmt.Sprintf("its RetriesOn does not have %d", clause.Status)
	case c.RetriesIf != nil && !c.RetriesIf(clause):
		return "its RetriesIf is false for the clause"
	}
	return ""
}

// retriedByDefault reports whether a client that retries does so after the status, unless it declares otherwise.
func retriedByDefault(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}

// allowsRetry reports whether the remedy of the clause is to wait or to retry, or that of one that no caller can tell from it, for
// another operation responds alike.
func allowsRetry(clause *fixtures.Clause) bool {
	for other := range clause.Operation.Contract.Clauses() {
		alike := other.Status == clause.Status && other.Name == clause.Name && other.Wordings[0].Code == clause.Wordings[0].Code
		if alike && other.Remedy.AllowsRetry() {
			return true
		}
	}
	return false
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
