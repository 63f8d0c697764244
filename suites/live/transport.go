package live

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// Options are how a Transport behaves. The zero value is right for a real tenant.
type Options struct {
	// Base sends; by default what NewHTTPTransport returns.
	Base http.RoundTripper
	// Rate is requests a second. The defaults are far under the published quotas: 1 for Graph, which throttles an app
	// at 130,000 in 10 seconds and does not say what Viva Learning bears (microsoft-graph-docs, concepts/throttling.md);
	// 2 for Classroom, which grants a user 1,200 a minute (developers.google.com/workspace/classroom/reference/limits). An
	// endpoint on a loopback address has no bound where the sandbox file names its ca, as that of a stand-in does: behind
	// another one the real provider may stand.
	Rate rate.Limit
	// Budget is how many requests the whole run may send, token requests aside, and those aside that remove what it has made; 0 is
	// no bound.
	Budget int
	// Patience is how long a run may wait, all its waits for the provider together, and how long its clean-ups may take, all
	// together; 30 minutes by default.
	Patience time.Duration
	// MaxChanges is how many requests that may change something the run may send, those aside that remove what it has made; 0 is no bound.
	MaxChanges int
	// ReadOnly refuses every request that may change something.
	ReadOnly bool
	// Changed is called with each request that may have changed something, after it was sent; nil for nobody.
	Changed func(Change)
	// Timeout bounds a request and the reading of its response; 30 s by default.
	Timeout time.Duration
	// Pause follows a 429 without Retry-After; 30 s by default.
	Pause time.Duration
	// FirstLook is how long what changes eventually is given before it is looked at again, and each look after it gets twice
	// as long; 250 ms by default.
	FirstLook time.Duration
	// Waiting is called with what the run waits for when it begins to, and "" when that is over; nil for nobody.
	Waiting func(what string)
	// Contract says what a refusal of the platform is; nil for none.
	Contract *fixtures.Contract
	// Secrets gets every token that is handed out; nil for none.
	Secrets *Secrets
}

// What Options are by default.
const (
	usualPatience  = 30 * time.Minute
	usualFirstLook = 250 * time.Millisecond
)

// Transport is the only way to a provider. It sends requests to the provider's own host alone, as identities it has checked
// against the sandbox file, at its own pace, and follows no redirect. Its errors are EngineErrors. Goroutines may share it.
type Transport struct {
	sandbox  *Sandbox
	provider string
	endpoint *url.URL
	signIn   SignIn
	options  Options
	limiter  *rate.Limiter
	mark     tenantMark

	mutex      sync.Mutex // guards what follows
	identities map[string]*identity
	changes    int           // those that may change something, clean-ups aside
	spent      int           // requests
	cleaned    int           // those of them that clean up
	allowed    int           // how many may clean up
	waited     time.Duration // what responses have requested, and what polls have waited, all together
	notBefore  time.Time     // no request is sent before
	ended      error         // why no request is sent any more
}

// identity is somebody a request can be sent as.
type identity struct {
	busy  chan struct{} // holds one while somebody signs in
	proof proof
	err   error // why it is not whom the file names
}

// NewTransport makes the transport to a provider, "graph" or "classroom". It sends nothing. The error says what the sandbox lacks.
func NewTransport(sandbox *Sandbox, provider string, signIn SignIn, options Options) (*Transport, error) {
	defaults, ok := map[string]struct {
		needs string
		rate  rate.Limit
		burst int
	}{"graph": {"graph.tenant", 1, 2}, "classroom": {"classroom.domain", 2, 2}}[provider]
	if !ok {
		return nil, fmt.Errorf("there is no live support for %q: the providers are graph and classroom", provider)
	}
	if _, ok := sandbox.Value(defaults.needs); !ok {
		return nil, engineErrorf(opGuard, "%s does not name %s, without which no identity can be proved: name it",
			sandbox.File(), defaults.needs)
	}
	address, err := url.Parse(sandbox.Endpoint(provider))
	if err != nil {
		return nil, err
	}
	if options.Base == nil {
		options.Base = NewHTTPTransport(sandbox, sandbox.Endpoint(provider))
	}
	if sandbox.Roots(sandbox.Endpoint(provider)) != nil { // a stand-in, which has no quota
		defaults.rate = rate.Inf
	}
	options.Rate = cmp.Or(options.Rate, defaults.rate)
	options.Timeout = cmp.Or(options.Timeout, 30*time.Second)
	options.Pause = cmp.Or(options.Pause, 30*time.Second)
	options.Patience = cmp.Or(options.Patience, usualPatience)
	options.FirstLook = cmp.Or(options.FirstLook, usualFirstLook)
	if options.Waiting == nil {
		options.Waiting = func(string) {}
	}
	return &Transport{
		sandbox: sandbox, provider: provider, endpoint: address, signIn: signIn, options: options,
		limiter: rate.NewLimiter(options.Rate, defaults.burst), identities: map[string]*identity{},
	}, nil
}

// NewHTTPTransport is a clone of http.DefaultTransport, proxies of the environment included, that trusts for an endpoint what
// Sandbox.Roots says.
func NewHTTPTransport(sandbox *Sandbox, endpoint string) *http.Transport {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	if usual, ok := http.DefaultTransport.(*http.Transport); ok {
		transport = usual.Clone()
	}
	if roots := sandbox.Roots(endpoint); roots != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return transport
}

// As sends requests as an identity of Identities.
func (tr *Transport) As(identity string) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if err := tr.checkIdentity(identity); err != nil {
			return nil, err
		}
		if err := tr.checkHost(r); err != nil { // before anybody signs in for it
			return nil, err
		}
		own := context.WithValue(r.Context(), sentKey{}, (*atomic.Bool)(nil)) // for requests of the guard's
		found, err := tr.proven(own, identity)
		if err == nil && changes(r) {
			err = tr.marked(own)
		}
		if err != nil {
			return nil, err
		}
		return tr.send(identity, r, found.token.value())
	})
}

// Client is an http.Client that sends requests as an identity and hands redirects to its caller.
func (tr *Transport) Client(identity string) *http.Client {
	return &http.Client{
		Transport:     tr.As(identity),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Spent is how many requests were sent, those of the guard included and those for tokens not.
func (tr *Transport) Spent() int {
	tr.mutex.Lock()
	defer tr.mutex.Unlock()
	return tr.spent
}

// CloseIdleConnections closes the connections that no request uses.
func (tr *Transport) CloseIdleConnections() {
	if base, ok := tr.options.Base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper, which wants the body closed whatever happens.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := f(r)
	if err != nil && r.Body != nil {
		_ = r.Body.Close() // the request was refused, and its error says why
	}
	return response, err
}

// checkHost refuses a request that would go to anybody but the provider.
func (tr *Transport) checkHost(r *http.Request) error {
	switch {
	case r.URL == nil:
		return engineErrorf(opHost, "the request has no URL: %w", ErrOtherHost)
	case r.URL.Scheme != tr.endpoint.Scheme || hostPort(r.URL) != hostPort(tr.endpoint):
		return engineErrorf(opHost, "%s://%s is %w: have the client call the base URL that it was given, for requests and tokens go to %s://%s alone", exchange.Printable(r.URL.Scheme),
			exchange.Printable(r.URL.Host), ErrOtherHost, tr.endpoint.Scheme, tr.endpoint.Host)
	case r.Host != "" && !strings.EqualFold(r.Host, r.URL.Host):
		return engineErrorf(opHost, "a request to %s names %s in Host, and that is %w: have the client leave Host as it is", r.URL.Host,
			exchange.Printable(r.Host), ErrOtherHost)
	}
	return nil
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// send sends a request to the provider, whoever sends it.
func (tr *Transport) send(identity string, r *http.Request, token string) (*http.Response, error) {
	if err := tr.waitForTurn(r.Context(), changes(r)); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), tr.options.Timeout)
	if sent, _ := ctx.Value(sentKey{}).(*atomic.Bool); sent != nil {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }})
	}
	out := r.Clone(ctx)
	out.Host = ""
	if out.Header == nil {
		out.Header = http.Header{}
	}
	for _, name := range []string{"Authorization", "Proxy-Authorization", "Cookie"} {
		out.Header.Del(name)
	}
	if token != "" {
		out.Header.Set("Authorization", "Bearer "+token)
	}
	out.Header.Set("User-Agent", "learncontract/live (+https://github.com/learncontract/learncontract)")
	if tr.provider == "graph" && out.Header.Get("Client-Request-Id") == "" { // Graph's support asks for it
		out.Header.Set("Client-Request-Id", newGUID())
	}
	response, err := tr.options.Base.RoundTrip(out)
	if err != nil {
		cancel()
		err = networkError(r.Context(), tr.endpoint.Host, err)
		tr.note(identity, r, nil, err)
		return nil, err
	}
	tr.observeThrottling(response.StatusCode, response.Header)
	response.Request = r // as the caller sent it, without the token
	response.Body = &body{
		ReadCloser: response.Body, asked: r.Context(), timed: ctx, cancel: cancel, host: tr.endpoint.Host,
	}
	tr.note(identity, r, response, nil)
	return response, nil
}

// sentKey is of the context's value that is set once a request has a connection: what was never sent has changed nothing.
type sentKey struct{}

func newGUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// body is a response's body whose read errors are EngineErrors.
type body struct {
	io.ReadCloser
	asked  context.Context // the caller's
	timed  context.Context // within it, the time-out, which spans the reading too
	cancel context.CancelFunc
	host   string
	whole  bool // whether its end was read in time
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF { //nolint:errorlint // a reader's end is io.EOF itself
		if b.whole = b.whole || b.timed.Err() == nil; b.whole {
			return n, io.EOF
		}
		err = b.timed.Err() // a server that sees the connection end may end its response as if it were whole
	}
	if err != nil {
		err = networkError(b.asked, b.host, err)
	}
	return n, err
}

func (b *body) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// cleaning is a context whose requests remove what was made: the budget does not refuse them, but they have their own.
func cleaning(ctx context.Context) context.Context {
	return context.WithValue(ctx, cleaningKey{}, true)
}

type cleaningKey struct{}

func isCleaning(ctx context.Context) bool { return ctx.Value(cleaningKey{}) != nil }

// allow lets that many more requests clean up.
func (tr *Transport) allow(more int) {
	tr.mutex.Lock()
	defer tr.mutex.Unlock()
	tr.allowed += more
}

// affords reports whether the run may send that many more requests, those that clean up aside.
func (tr *Transport) affords(more int) bool {
	tr.mutex.Lock()
	defer tr.mutex.Unlock()
	return tr.options.Budget == 0 || tr.spent-tr.cleaned+more <= tr.options.Budget
}

// waitForTurn waits until a request may be sent, and counts it.
func (tr *Transport) waitForTurn(ctx context.Context, change bool) error {
	for {
		if err := tr.pause(ctx); err != nil {
			return err
		}
		if err := tr.limiter.Wait(ctx); err != nil {
			return waitError(ctx, err)
		}
		tr.mutex.Lock()
		paused := time.Now().Before(tr.notBefore) // by a response that came meanwhile
		err := tr.ended
		switch {
		case err != nil, paused:
		case isCleaning(ctx) && tr.cleaned >= tr.allowed:
			err = engineErrorf(opBudget, "%w: the run has sent the %d requests that its clean-up may take", ErrBudget, tr.cleaned)
		case !isCleaning(ctx) && tr.options.Budget > 0 && tr.spent-tr.cleaned >= tr.options.Budget:
			err = engineErrorf(opBudget, "%w: the run has sent the %d requests it may send: select fewer clauses, by --label-filter or -run", ErrBudget, tr.spent)
		case change:
			err = tr.mayChange(isCleaning(ctx))
		}
		if err == nil && !paused {
			tr.spent++
			if isCleaning(ctx) {
				tr.cleaned++
			}
		}
		tr.mutex.Unlock()
		if err != nil || !paused {
			return err
		}
	}
}

// pause waits until the time before which the provider wants no request.
func (tr *Transport) pause(ctx context.Context) error {
	tr.mutex.Lock()
	wait, ended := time.Until(tr.notBefore), tr.ended
	if ended == nil && tr.waited > tr.options.Patience && !isCleaning(ctx) {
		ended = engineErrorf(opWait, "%w: all its waits for %s together would take %v, and a run waits %v at most: try again later", ErrLongWait,
			tr.endpoint.Host, tr.waited.Round(time.Second), tr.options.Patience)
	}
	tr.mutex.Unlock()
	if ended != nil || wait <= 0 {
		return ended
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
		return wrapWithText(opWait, context.DeadlineExceeded, "%s wants no request for %v, longer than this one may take: try again later",
			tr.endpoint.Host, wait.Round(time.Second))
	}
	return tr.wait(ctx, wait, fmt.Sprintf("%v, as %s requests", wait.Round(time.Second), tr.endpoint.Host))
}

// wait waits that long, and says for what.
func (tr *Transport) wait(ctx context.Context, long time.Duration, what string) error {
	tr.options.Waiting(what)
	defer tr.options.Waiting("")
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return waitError(ctx, ctx.Err())
	}
}

func waitError(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return wrapWithText(opInterrupt, err, "a wait was canceled, because the run was interrupted")
	}
	return engineErrorf(opWait, "the request's time ended while it waited for its turn: %w", err)
}

// observeThrottling sees to it that what a response asks to wait is waited before the next request.
func (tr *Transport) observeThrottling(status int, header http.Header) {
	if !isBusy(status) {
		return
	}
	var wait time.Duration
	if status == http.StatusTooManyRequests {
		wait = tr.options.Pause
	}
	if header.Get("Retry-After") != "" {
		response := fixtures.Response{Status: status, Header: header}
		asked, err := exchange.RetryAfter(exchange.New("", "", response, time.Now()))
		if err == nil {
			wait = asked
		} else if errors.Is(err, exchange.ErrTooLong) {
			wait = tr.options.Patience + 1
		}
	}
	tr.mutex.Lock()
	defer tr.mutex.Unlock()
	now := time.Now()
	if now.After(tr.notBefore) {
		tr.notBefore = now
	}
	if until := now.Add(wait); until.After(tr.notBefore) {
		tr.waited += until.Sub(tr.notBefore)
		tr.notBefore = until
	}
	if wait > tr.options.Patience && tr.ended == nil {
		tr.ended = engineErrorf(opWait, "%w: %s sent Retry-After: %s, and a run waits %v at most: try again later", ErrLongWait,
			tr.endpoint.Host, exchange.Printable(header.Get("Retry-After")), tr.options.Patience)
	}
}

// busy reports whether a response asks to wait, by its status, which observeThrottling has seen, or by its body, which counts as a 429.
func (tr *Transport) busy(x exchange.Exchange) bool {
	if !isThrottled(tr.options.Contract, x) {
		return isBusy(x.Status())
	}
	header := http.Header{}
	for _, name := range []string{"Retry-After", "Date"} {
		if value := x.Header(name); value != "" {
			header.Set(name, value)
		}
	}
	tr.observeThrottling(http.StatusTooManyRequests, header)
	return true
}

// isBusy reports the statuses with which a provider asks to wait.
func isBusy(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
}

// isThrottled tells a refusal of the platform that says only to send the request later.
func isThrottled(contract *fixtures.Contract, x exchange.Exchange) bool {
	if contract == nil {
		return false
	}
	refusal, _ := x.Refusal(contract)
	return refusal != nil && refusal.Wait
}
