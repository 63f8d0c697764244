package call

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/offline"
)

// Live calls the client for a request to a tenant, in real time, with the http.Client that it must use. What it sends otherwise, or to
// another host than the base URL's, is refused as it is offline, and its fault. The result has no exchange: who gives the http.Client
// has seen it.
func (c *Client) Live(ctx context.Context, patience time.Duration, given *http.Client, base string, call client.Call) *Result {
	r := &Result{}
	reserved := offline.Proxies()
	if endpoint, err := url.Parse(base); err == nil {
		reserved = append(reserved, endpoint)
	}
	watch := offline.StartWatch(false, reserved...)
	bound := *given
	transport := &boundTransport{client: c, transport: given.Transport, watch: watch, base: base}
	bound.Transport = transport
	r.Surfaced, r.Fault = guardOrLeave(watch.Context(ctx), ctx, patience, func(ctx context.Context) client.Surfaced {
		instance, err := c.construct(&bound, base)
		if err != nil {
			return c.Surfaced(err, exchange.Exchange{})
		}
		return c.perform(ctx, instance, call)
	})
	a := about{client: c.Name, what: "a response to " + call.Operation.ID, received: transport.received.Load()}
	if strayed := watch.End(); strayed != nil {
		r.Fault = &ForeignHost{a, c.Contract.BaseURL, strayed}
	}
	complete(r.Fault, a)
	return r
}

// boundTransport keeps a client's requests to the base URL's host.
type boundTransport struct {
	client    *Client
	transport http.RoundTripper
	watch     *offline.Watch
	base      string
	received  atomic.Bool
}

// RoundTrip implements http.RoundTripper. A client that signs in gets a token that nobody sends: the run has its own.
func (b *boundTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.client.isTokenRequest(r) {
		return token(r)
	}
	base, err := url.Parse(b.base)
	if err != nil || r.URL.Scheme != base.Scheme || !strings.EqualFold(r.URL.Host, base.Host) {
		if r.Body != nil {
			_ = r.Body.Close() // the request was refused, and its error says why
		}
		return nil, offline.Refuse(b.watch.Context(r.Context()),
			fmt.Sprintf("%s %s by the given http.Client", r.Method, exchange.PrintableURL(r.URL.String())))
	}
	response, err := b.transport.RoundTrip(r.WithContext(withoutValues{r.Context()}))
	if err == nil {
		b.received.Store(true)
	}
	return response, err
}

// withoutValues is a context that ends as another does. The values of a client's context are of the client's own requests: one
// refuses connections.
type withoutValues struct{ context.Context } //nolint:containedctx // it is one

// Value implements context.Context.
func (withoutValues) Value(any) any { return nil }
