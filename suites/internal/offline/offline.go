// Package offline keeps a test process off the network: a process that links it reaches loopback addresses only. So does one of a
// live run, but for the run's own transport (Pass).
//
// It acts once, before the first test, on what every transport shares: the proxies of the environment (package proxies), the
// resolver of names, and the proxy function of http.DefaultTransport. It swaps nothing while tests run. What a client does by a
// resolver of its own, or to a numeric address, is refused within the context of the call (Watch.Context). Without that context
// nothing sees it; so a client is given a base URL whose host resolves nowhere (BaseURL).
package offline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/http/httpproxy"

	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/internal/offline/proxies"
)

// ErrRefused is in the chain of the error of each request that is kept off the network.
var ErrRefused = errors.New("refused: this test process is offline")

// refusedLive is ErrRefused in the words of a live run.
type refusedLive struct{}

func (refusedLive) Error() string {
	return "refused: in a live run the http.Client that New is given is the only way out"
}

// Is implements what errors.Is calls.
func (refusedLive) Is(target error) bool { return target == ErrRefused }

var (
	environment = environmentProxies() // those that a live run uses
	resolver    = net.DefaultResolver  // that a live run uses
	live        atomic.Bool
)

func init() {
	// An error that is strict ends a look-up at once, without the search domains.
	net.DefaultResolver = &net.Resolver{PreferGo: true, StrictErrors: true, Dial: dialResolver}
	if transport, ok := http.DefaultTransport.(*http.Transport); ok {
		transport.Proxy = proxyOfDefaultTransport
	}
	// net makes what it needs once. In a bubble of testing/synctest it would belong to that bubble, and end the next one.
	_, _ = net.DefaultResolver.LookupHost(context.Background(), "localhost")
	// net/http reads the environment's proxies once: now, before a test can set one.
	_, _ = http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: "https", Host: "graph.invalid"}})
}

// environmentProxies are the proxies of the environment as the process was given it.
func environmentProxies() *httpproxy.Config {
	config := httpproxy.FromEnvironment()
	config.HTTPProxy = cmp.Or(proxies.Of("HTTP_PROXY"), proxies.Of("http_proxy"))
	config.HTTPSProxy = cmp.Or(proxies.Of("HTTPS_PROXY"), proxies.Of("https_proxy"))
	return config
}

// GoLive prepares the process for a live run: what it starts has the proxies of the environment again. Call it before the first test.
func GoLive() {
	live.Store(true)
	for _, name := range proxies.Variables() { // for what the process starts
		if value := proxies.Of(name); value != "" {
			_ = os.Setenv(name, value) // the name is valid
		}
	}
}

// Pass lets a transport that nobody has used yet, a live run's own, reach the network: by the proxies of the environment, and by the
// resolver that the process was started with.
func Pass(transport *http.Transport) *http.Transport {
	transport.Proxy = func(r *http.Request) (*url.URL, error) { return environment.ProxyFunc()(r.URL) }
	transport.DialContext = (&net.Dialer{Timeout: 30 * time.Second, Resolver: resolver}).DialContext
	return transport
}

// Proxies are the proxies that a live run's own transport uses.
func Proxies() (all []*url.URL) {
	for _, value := range []string{environment.HTTPProxy, environment.HTTPSProxy} {
		if !strings.Contains(value, "://") {
			value = "http://" + value // as httpproxy reads it
		}
		if proxy, err := url.Parse(value); err == nil && proxy.Host != "" {
			all = append(all, proxy)
		}
	}
	return all
}

// BaseURL is an API's base URL with a host that resolves nowhere.
func BaseURL(apiURL string) string {
	if u, err := url.Parse(apiURL); err == nil {
		u.Host += ".invalid"
		return u.String()
	}
	return apiURL
}

func dialResolver(ctx context.Context, _, _ string) (net.Conn, error) {
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
	return 0, &net.OpError{Op: "write", Net: "udp", Err: refuseOwn(c.ctx, host)}
}

func (refusingConn) Close() error                { return nil }
func (refusingConn) SetDeadline(time.Time) error { return nil }

func proxyOfDefaultTransport(r *http.Request) (*url.URL, error) {
	if isLoopback(r.URL.Hostname()) && !isReserved(r.URL) {
		return nil, nil //nolint:nilnil // no proxy, as http.Transport has it
	}
	return nil, Refuse(r.Context(), fmt.Sprintf("%s %s by http.DefaultTransport or a clone of it", r.Method, exchange.PrintableURL(r.URL.String())))
}

// refuseOwn refuses a request to a host by a transport that shares no more than the resolver with others.
func refuseOwn(ctx context.Context, host string) error {
	if host+":1" == proxies.Nowhere {
		host = "the environment's proxy"
	}
	return Refuse(ctx, fmt.Sprintf("a request to %s by a transport of the client's own", host))
}

// Refuse is the error of a request that is refused, and notes it for the watch that it belongs to.
func Refuse(ctx context.Context, request string) error {
	if live.Load() {
		return note(ctx, fmt.Errorf("%s was %w", request, refusedLive{}))
	}
	return note(ctx, fmt.Errorf("%s was %w", request, ErrRefused))
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && address.IsLoopback()
}

// Watch collects what is refused while one call of a client runs.
type Watch struct {
	virtual  bool     // whether the call runs on virtual time
	reserved []string // loopback addresses that are refused too, with their ports
	mutex    sync.Mutex
	refused  []error
}

var watching struct {
	sync.Mutex
	all []*Watch
}

// StartWatch starts a watch, which End ends, of a call on virtual or on real time. A refused request belongs to the watch in its
// context (Context). Without one it belongs to the only watch of the time that it was sent at, and where several may have sent it, to
// none: nobody is accused of another's request, such as one of the host's own.
//
// While it lasts, a request to a reserved address is refused as if it left the machine, although it is a loopback address: a provider,
// or a proxy that leads to one, may stand behind it.
func StartWatch(virtual bool, reserved ...*url.URL) *Watch {
	w := &Watch{virtual: virtual}
	for _, address := range reserved {
		w.reserved = append(w.reserved, hostPort(address))
	}
	watching.Lock()
	defer watching.Unlock()
	watching.all = append(watching.all, w)
	return w
}

// isReserved reports whether a watch of the time reserves the address.
func isReserved(address *url.URL) bool {
	watching.Lock()
	defer watching.Unlock()
	return slices.ContainsFunc(watching.all, func(w *Watch) bool { return slices.Contains(w.reserved, hostPort(address)) })
}

// hostPort is the address of a URL, with the port that its scheme has otherwise.
func hostPort(u *url.URL) string {
	return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), map[string]string{"https": "443"}[u.Scheme], "80"))
}

type watchKey struct{}

// Context is a context whose requests belong to the watch. It ends with the first of them that is to leave the machine: net and
// net/http say so before they look a name up and before they connect, whatever the resolver. The goroutine that would is ended.
func (w *Watch) Context(ctx context.Context) context.Context {
	ctx, end := context.WithCancelCause(context.WithValue(ctx, watchKey{}, w))
	refuses := func(host, address string) bool {
		if isLoopback(host) && !slices.Contains(w.reserved, address) {
			return false
		}
		end(refuseOwn(ctx, host))
		return true
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart: func(info httptrace.DNSStartInfo) {
			if refuses(info.Host, "") {
				runtime.Goexit()
			}
		},
		ConnectStart: func(network, address string) {
			if strings.HasPrefix(network, "unix") {
				return
			}
			if refuses(hostOf(address), address) {
				runtime.Goexit()
			}
		},
	})
}

// hostOf is the host of an address that may have a port.
func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
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
