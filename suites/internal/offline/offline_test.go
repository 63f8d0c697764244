package offline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/learncontract/learncontract/suites/internal/offline"
	"github.com/learncontract/learncontract/suites/internal/offline/proxies"
)

// childVariable names the test that a child process runs, for a process reads its environment's proxies once.
const childVariable = "LEARNCONTRACT_OFFLINE_CHILD"

// childOfTestProcess has a child's environment as a test process leaves it.
const childOfTestProcess = "LEARNCONTRACT_OFFLINE_CHILD_OF=test"

// proxy is a server on loopback that says what reaches it. It is a proxy of plain HTTP.
type proxy struct {
	*httptest.Server
	mutex    sync.Mutex
	received []string
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	p := &proxy{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		p.received = append(p.received, r.Method+" "+r.Host)
		_, _ = io.WriteString(w, "from the proxy")
	}))
	t.Cleanup(p.Close)
	return p
}

// runChild runs a test in a process whose environment has the proxy in every variable.
func runChild(t *testing.T, p *proxy, name string, environment ...string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+name+"$", "-test.v")
	child.Env = append(slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasSuffix(strings.ToLower(strings.SplitN(entry, "=", 2)[0]), "_proxy")
	}), environment...)
	child.Env = append(child.Env, childVariable+"="+name, "GORACE=atexit_sleep_ms=0")
	for _, variable := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		if slices.Contains(environment, childOfTestProcess) { // which has replaced them
			child.Env = append(child.Env, variable+"=http://"+proxies.Nowhere, "LEARNCONTRACT_"+variable+"="+p.URL)
			continue
		}
		child.Env = append(child.Env, variable+"="+p.URL)
	}
	output, err := child.CombinedOutput()
	if err != nil || !bytes.Contains(output, []byte("--- PASS: "+name)) {
		t.Errorf("%v\n%s", err, output)
	}
}

func skipUnlessChild(t *testing.T) {
	t.Helper()
	if os.Getenv(childVariable) != t.Name() {
		t.Skip("it is run in a process of its own by the tests that are not named Child")
	}
}

func TestNothingReachesAProxyOffline(t *testing.T) {
	t.Parallel()
	p := newProxy(t)
	runChild(t, p, "TestChildOffline")
	if len(p.received) > 0 {
		t.Errorf("the proxy received %q", p.received)
	}
}

func TestChildOffline(t *testing.T) {
	skipUnlessChild(t)
	if !strings.HasPrefix(proxies.Of("HTTPS_PROXY"), "http://127.0.0.1:") {
		t.Fatalf("the proxy was %q, and so this shows nothing", proxies.Of("HTTPS_PROXY"))
	}
	for _, early := range []string{offline.EarlyProxy, fmt.Sprint(offline.EarlyAnswer)} {
		if early != "http://"+proxies.Nowhere {
			t.Errorf("a variable of a package has the proxy %q", early)
		}
	}
	const own = "a request to graph.example by a transport of the client's own was refused: this test process is offline"
	const proxied = "a request to the environment's proxy by a transport of the client's own was refused: this test process is offline"
	const shared = "GET https://graph.example/v1?token=… by http.DefaultTransport or a clone of it was refused: this test process is offline"
	for name, test := range map[string]struct {
		transport http.RoundTripper
		want      string
	}{
		"the default client":                  {nil, shared},
		"a clone of the default transport":    {http.DefaultTransport.(*http.Transport).Clone(), shared},
		"a clone made at a package's init":    {offline.EarlyTransport, proxied},
		"a proxy read at a package's init":    {offline.EarlyProxyTransport, proxied},
		"a transport of its own":              {&http.Transport{}, own},
		"one with the environment's proxy":    {&http.Transport{Proxy: http.ProxyFromEnvironment}, proxied},
		"HTTP/2":                              {&http.Transport{ForceAttemptHTTP2: true}, own},
		"HTTP/2 with the environment's proxy": {&http.Transport{ForceAttemptHTTP2: true, Proxy: http.ProxyFromEnvironment}, proxied},
	} {
		t.Run(name, func(t *testing.T) {
			for _, withContext := range []bool{true, false} { // a client may send a request within a context of its own
				watch := offline.StartWatch(false)
				ctx := context.Background()
				if withContext {
					ctx = watch.Context(ctx)
				}
				err := get(ctx, &http.Client{Transport: test.transport}, "https://graph.example/v1?token=secret")
				refused := watch.End()
				if err == nil || refused == nil || refused.Error() != test.want || !errors.Is(refused, offline.ErrRefused) {
					t.Errorf("the request returned %v, and the watch saw %v, want %s", err, refused, test.want)
				}
			}
		})
	}
}

func TestAProxyIsUsedLive(t *testing.T) {
	t.Parallel()
	for name, started := range map[string][]string{
		"a test process":                  nil,
		"a test process that one started": {childOfTestProcess},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t)
			runChild(t, p, "TestChildLive", started...)
			slices.Sort(p.received)
			if want := []string{"CONNECT graph.invalid:443", "GET graph.invalid"}; !slices.Equal(p.received, want) {
				t.Errorf("the proxy received %q, want %q", p.received, want)
			}
		})
	}
}

func TestChildLive(t *testing.T) {
	skipUnlessChild(t)
	if got := os.Getenv("HTTPS_PROXY"); got != "http://"+proxies.Nowhere {
		t.Errorf("offline, what the process starts uses the proxy %s", got)
	}
	offline.GoLive()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		if got := os.Getenv(name); !strings.HasPrefix(got, "http://127.0.0.1:") {
			t.Errorf("what the process starts has %s=%q", name, got)
		}
	}
	watch := offline.StartWatch(false)
	own := &http.Client{Transport: offline.Pass(&http.Transport{})}
	if err := get(t.Context(), own, "http://graph.invalid/"); err != nil {
		t.Errorf("the run's own transport does not use the proxy: %v", err)
	}
	if err := get(t.Context(), own, "https://graph.invalid/"); err == nil {
		t.Error("the proxy that understands no CONNECT let a request pass")
	}
	if err := watch.End(); err != nil {
		t.Errorf("refused: %v", err)
	}
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	reserved, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	const refusal = " was refused: in a live run the http.Client that New is given is the only way out"
	for _, test := range []struct {
		client         *http.Client
		address, want  string
		isOfItsContext bool
	}{
		{client: http.DefaultClient, address: "http://graph.invalid/", want: "GET http://graph.invalid/ by http.DefaultTransport or a clone of it" + refusal},
		{client: &http.Client{Transport: &http.Transport{}}, address: "http://graph.invalid/",
			want: "a request to graph.invalid by a transport of the client's own" + refusal},
		{client: &http.Client{Transport: &http.Transport{}}, address: "http://192.0.2.1/", isOfItsContext: true,
			want: "a request to 192.0.2.1 by a transport of the client's own" + refusal},
		{client: http.DefaultClient, address: server.URL, want: "GET " + server.URL + " by http.DefaultTransport or a clone of it" + refusal},
		{client: &http.Client{Transport: &http.Transport{}}, address: server.URL, isOfItsContext: true,
			want: "a request to 127.0.0.1 by a transport of the client's own" + refusal},
	} {
		watch := offline.StartWatch(false, reserved)
		ctx := t.Context()
		if test.isOfItsContext {
			ctx = watch.Context(ctx)
		}
		err := get(ctx, test.client, test.address)
		if refused := watch.End(); err == nil || refused == nil || refused.Error() != test.want || !errors.Is(refused, offline.ErrRefused) {
			t.Errorf("%s returned %v, and the watch saw %v, want %s", test.address, err, refused, test.want)
		}
	}
	if err := get(t.Context(), http.DefaultClient, server.URL); err != nil {
		t.Errorf("no call is under way, and the host's own server is refused: %v", err)
	}
}

func get(ctx context.Context, client *http.Client, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err == nil {
		response.Body.Close()
	}
	return err
}

// A host's own goroutines go on while clients are watched, and loopback passes.
func TestLoopbackPassesMeanwhile(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 10 {
				if response, err := http.Get(server.URL); err != nil { //nolint:noctx // as a host's code does
					t.Error(err)
				} else {
					response.Body.Close()
				}
			}
		})
		group.Go(func() {
			for range 10 {
				watch := offline.StartWatch(false)
				_ = get(watch.Context(t.Context()), http.DefaultClient, "https://graph.example/")
				if err := watch.End(); err == nil || strings.Count(err.Error(), "refused") != 1 {
					t.Errorf("the watch saw %v", err)
				}
			}
		})
	}
	group.Wait()
	for _, address := range []string{"http://[::1]:1/", "http://localhost:1/", "http://127.0.0.1:1/"} {
		if err := get(t.Context(), http.DefaultClient, address); errors.Is(err, offline.ErrRefused) {
			t.Errorf("%s is refused: %v", address, err)
		}
	}
	if err := get(t.Context(), http.DefaultClient, "http://192.0.2.1/"); !errors.Is(err, offline.ErrRefused) {
		t.Errorf("an address that is not loopback is not refused: %v", err)
	}
}

func TestARefusalBelongsToItsWatch(t *testing.T) { //nolint:paralleltest // a request without one belongs to the only watch that runs
	mine, other := offline.StartWatch(false), offline.StartWatch(false)
	_ = get(mine.Context(t.Context()), http.DefaultClient, "https://mine.example/")
	_ = get(t.Context(), http.DefaultClient, "https://anybodys.example/")
	_ = get(other.Context(t.Context()), http.DefaultClient, "https://other.example/")
	seen := func(w *offline.Watch) string { return w.End().Error() }
	first, second := seen(mine), seen(other)
	if !strings.Contains(first, "mine.example") || strings.Contains(first, "anybodys.example") || strings.Contains(first, "other.example") {
		t.Errorf("mine saw %s", first)
	}
	if !strings.Contains(second, "other.example") || strings.Contains(second, "anybodys.example") || strings.Contains(second, "mine.example") {
		t.Errorf("the other saw %s", second)
	}
	only, virtual := offline.StartWatch(false), offline.StartWatch(true)
	_ = get(t.Context(), http.DefaultClient, "https://only.example/")
	if err := only.End(); err == nil || !strings.Contains(err.Error(), "only.example") {
		t.Errorf("the only watch saw %v", err)
	}
	if err := virtual.End(); err != nil {
		t.Errorf("a watch of a call on virtual time saw %v", err)
	}
	ended := offline.StartWatch(false)
	_ = ended.End()
	_ = get(t.Context(), http.DefaultClient, "https://late.example/")
	if err := ended.End(); err != nil {
		t.Errorf("a watch that has ended saw %v", err)
	}
}

func TestBaseURLResolvesNowhere(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://graph.example/v1.0": "https://graph.example.invalid/v1.0", "https://graph.example": "https://graph.example.invalid", ":": ":",
	} {
		if got := offline.BaseURL(address); got != want {
			t.Errorf("of %s it is %s, want %s", address, got, want)
		}
	}
}

// Within the context of a call nothing leaves by a resolver of its own, nor to a numeric address; the resolver is never called.
func TestAResolverOfItsOwnIsNotCalled(t *testing.T) {
	t.Parallel()
	resolver := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		t.Error("the resolver was called")
		return nil, errors.New("there is no name server")
	}}
	dialer := &net.Dialer{Resolver: resolver, ControlContext: func(_ context.Context, network, address string, _ syscall.RawConn) error {
		t.Errorf("it connects to %s %s", network, address)
		return errors.New("no")
	}}
	byTransport := func(address string, transport *http.Transport) func(context.Context) error {
		return func(ctx context.Context) error { return get(ctx, &http.Client{Transport: transport}, address) }
	}
	ended := func(f func(context.Context)) func(context.Context) error { // of a goroutine that is ended
		return func(ctx context.Context) error {
			done := make(chan struct{})
			go func() { defer close(done); f(ctx) }()
			<-done
			return context.Cause(ctx)
		}
	}
	for name, test := range map[string]struct {
		send func(context.Context) error
		host string
	}{
		"a resolver":        {byTransport("https://graph.example/", &http.Transport{DialContext: dialer.DialContext}), "graph.example"},
		"a numeric address": {byTransport("https://192.0.2.1/", &http.Transport{DialContext: dialer.DialContext}), "192.0.2.1"},
		"HTTP/2":            {byTransport("https://[2001:db8::1]:1/", &http.Transport{DialContext: dialer.DialContext, ForceAttemptHTTP2: true}), "2001:db8::1"},
		"a dialer that ignores the URL": {byTransport("http://localhost/", &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, "graph.example:80")
		}}), "graph.example"},
		"a connection by name":    {ended(func(ctx context.Context) { _, _ = dialer.DialContext(ctx, "tcp", "graph.example:443") }), "graph.example"},
		"a connection by address": {ended(func(ctx context.Context) { _, _ = dialer.DialContext(ctx, "udp", "192.0.2.1:53") }), "192.0.2.1"},
		"a look-up":               {ended(func(ctx context.Context) { _, _ = resolver.LookupIPAddr(ctx, "graph.example") }), "graph.example"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			watch := offline.StartWatch(false)
			err := test.send(watch.Context(t.Context()))
			refused := watch.End()
			want := "a request to " + test.host + " by a transport of the client's own was refused: this test process is offline"
			if !errors.Is(err, offline.ErrRefused) || refused == nil || refused.Error() != want {
				t.Errorf("it returned %v, and the watch saw %v, want %s", err, refused, want)
			}
		})
	}
}

// What is on the machine is reached within the context of a call, by a name, an address and a file.
func TestLoopbackIsReachedWithinACall(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	watch := offline.StartWatch(false)
	ctx := watch.Context(t.Context())
	for _, address := range []string{server.URL, strings.Replace(server.URL, "127.0.0.1", "localhost", 1)} {
		if err := get(ctx, &http.Client{Transport: &http.Transport{}}, address); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := new(net.Dialer).DialContext(ctx, "unix", "none"); err == nil || errors.Is(err, offline.ErrRefused) {
		t.Errorf("a socket in a file: %v", err)
	}
	if err := watch.End(); err != nil {
		t.Errorf("the watch saw %v", err)
	}
}
