// Package offline keeps a test process off the network: a process that links it reaches loopback addresses only, unless it was
// started for a live run.
//
// It acts once, before the first test, on what every transport shares: the proxies of the environment, the resolver of names,
// and the proxy function of http.DefaultTransport. It swaps nothing while tests run. Of a transport that dials a numeric
// address by itself, it sees nothing; so a client is given a base URL whose host resolves nowhere (BaseURL).
package offline

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/http/httpproxy"

	"github.com/learncontract/learncontract/matchers/exchange"
)

// ErrRefused is in the chain of the error of each request that is kept off the network.
var ErrRefused = errors.New("refused: this test process is offline")

// nowhere is the host that stands for the environment's proxies. RFC 6761, 6.4, has no name resolve below "invalid".
const nowhere = "proxy-of-the-environment.invalid:1"

var (
	environment = httpproxy.FromEnvironment() // the proxies that a live run uses
	resolver    = net.DefaultResolver         // the resolver that a live run uses
	proxies     = map[string]string{}         // the variables that name them
	live        atomic.Bool
	cached      error // why the environment's proxies could not be replaced
)

func init() {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		if value := os.Getenv(name); value != "" {
			proxies[name] = value
			_ = os.Setenv(name, "http://"+nowhere) // the name is valid
		}
	}
	// An error that is strict ends a look-up at once, without the search domains.
	net.DefaultResolver = &net.Resolver{PreferGo: true, StrictErrors: true, Dial: dialResolver}
	if transport, ok := http.DefaultTransport.(*http.Transport); ok {
		transport.Proxy = proxyOfDefaultTransport
	}
	// net makes what it needs once. In a bubble of testing/synctest it would belong to that bubble, and end the next one.
	_, _ = net.DefaultResolver.LookupHost(context.Background(), "localhost")
	// net/http reads the environment's proxies once: now, unless somebody made it do so before.
	probe := &http.Request{URL: &url.URL{Scheme: "https", Host: "graph.invalid"}}
	if proxy, err := http.ProxyFromEnvironment(probe); err == nil && proxy != nil && proxy.Host != nowhere {
		cached = errors.New("something asked net/http for the environment's proxy before the tests began, so that it cannot be kept " +
			"from being used: run without HTTPS_PROXY and HTTP_PROXY")
	}
}

// Check fails if the process cannot be kept off the network.
func Check() error { return cached }

// Release lets requests pass, for a live run. Nothing refuses them again. Call it before the first test.
func Release() {
	live.Store(true)
	for name, value := range proxies { // for what the process starts
		_ = os.Setenv(name, value)
	}
}

// Proxy is the environment's proxy for a request, for the transport of a live run.
func Proxy(r *http.Request) (*url.URL, error) { return environment.ProxyFunc()(r.URL) }

// BaseURL is an API's base URL with a host that resolves nowhere.
func BaseURL(apiURL string) string {
	if u, err := url.Parse(apiURL); err == nil {
		u.Host += ".invalid"
		return u.String()
	}
	return apiURL
}

func dialResolver(ctx context.Context, network, address string) (net.Conn, error) {
	if live.Load() {
		if resolver.Dial != nil {
			return resolver.Dial(ctx, network, address)
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	return refusingConn{ctx: ctx}, nil
}

// refusingConn is a connection to a name server that refuses each query: only that says which host a request is for.
type refusingConn struct {
	net.Conn
	ctx context.Context //nolint:containedctx // that of the look-up
}

// Write implements net.Conn. What is written to a connection that is no net.PacketConn is a message behind its length.
func (c refusingConn) Write(query []byte) (int, error) {
	host := "a host"
	var parser dnsmessage.Parser
	if _, err := parser.Start(query[min(2, len(query)):]); err == nil {
		if question, err := parser.Question(); err == nil {
			host = strings.TrimSuffix(question.Name.String(), ".")
		}
	}
	if host+":1" == nowhere {
		host = "the environment's proxy"
	}
	err := note(c.ctx, fmt.Errorf("a request to %s by a transport of the client's own was %w", host, ErrRefused))
	return 0, &net.OpError{Op: "write", Net: "udp", Err: err}
}

func (refusingConn) Close() error                { return nil }
func (refusingConn) SetDeadline(time.Time) error { return nil }

func proxyOfDefaultTransport(r *http.Request) (*url.URL, error) {
	switch {
	case live.Load():
		return Proxy(r)
	case isLoopback(r.URL.Hostname()):
		return nil, nil //nolint:nilnil // no proxy, as http.Transport has it
	}
	return nil, note(r.Context(), fmt.Errorf("%s %s by http.DefaultTransport was %w", r.Method, exchange.PrintableURL(r.URL.String()), ErrRefused))
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && address.IsLoopback()
}

// Watch collects what is refused while one call of a client runs.
type Watch struct {
	virtual bool // whether the call runs on virtual time
	mutex   sync.Mutex
	refused []error
}

var watching struct {
	sync.Mutex
	all []*Watch
}

// StartWatch starts a watch, which End ends, of a call on virtual or on real time. A refused request belongs to the watch in its
// context (Context). Without one it belongs to the only watch of the time that it was sent at, and where several may have sent it, to
// none: nobody is accused of another's request, such as one of the host's own.
func StartWatch(virtual bool) *Watch {
	w := &Watch{virtual: virtual}
	watching.Lock()
	defer watching.Unlock()
	watching.all = append(watching.all, w)
	return w
}

type watchKey struct{}

// Context is a context whose requests belong to the watch.
func (w *Watch) Context(ctx context.Context) context.Context {
	return context.WithValue(ctx, watchKey{}, w)
}

// End ends the watch, and returns the errors of what was refused, joined, nil if nothing was.
func (w *Watch) End() error {
	watching.Lock()
	watching.all = slices.DeleteFunc(watching.all, func(other *Watch) bool { return other == w })
	watching.Unlock()
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return errors.Join(w.refused...)
}

// note notes a refusal, and returns it.
func note(ctx context.Context, err error) error {
	if w, ok := ctx.Value(watchKey{}).(*Watch); ok {
		w.add(err)
		return err
	}
	watching.Lock()
	defer watching.Unlock()
	var candidates []*Watch
	for _, w := range watching.all {
		if w.virtual == isVirtual(time.Now()) {
			candidates = append(candidates, w)
		}
	}
	if len(candidates) == 1 {
		candidates[0].add(err)
	}
	return err
}

// isVirtual reports whether the time is that of a bubble of testing/synctest, which begins at the start of 2000.
func isVirtual(now time.Time) bool { return now.Year() < 2020 }

func (w *Watch) add(err error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, noted := range w.refused {
		if noted.Error() == err.Error() { // a host is looked up several times
			return
		}
	}
	w.refused = append(w.refused, err)
}
