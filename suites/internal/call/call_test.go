package call_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/internal/call"
	"github.com/learncontract/learncontract/suites/internal/offline"
)

func sample(tb testing.TB) *fixtures.Contract {
	tb.Helper()
	contract, err := fixtures.Open(os.DirFS("../../../fixtures/testdata/sample"))
	if err != nil {
		tb.Fatal(err)
	}
	return contract
}

const (
	clauseID = "sample.things.update.scope-missing"
	apiURL   = "https://api.sample.example/v1"
	request  = "PATCH https://api.sample.example/v1/users/u-1/things/8ba2228a-e020-11ec-9d64-0242ac120002?mask=…"
)

// function performs an operation with what the constructor was given.
type function func(ctx context.Context, given *http.Client, base string, call client.Call) error

func do(ctx context.Context, given *http.Client, base string, call client.Call) error {
	return wire.New(given, base).Do(ctx, call)
}

// connector is a client that is constructed by New.
func connector(f function) client.Config {
	return client.Config{Name: "connector", New: func(given *http.Client, base string) (client.Calls, error) {
		return client.Calls{"*": func(ctx context.Context, call client.Call) error { return f(ctx, given, base, call) }}, nil
	}}
}

// dialling is a client that is constructed by Dial.
func dialling(f function) client.Config {
	return client.Config{Name: "connector", Dial: func(base string) (client.Calls, error) {
		return client.Calls{"*": func(ctx context.Context, call client.Call) error {
			return f(ctx, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, base, call)
		}}, nil
	}}
}

// before does something else, and then what it should.
func before(first func(ctx context.Context, given *http.Client, base string)) function {
	return func(ctx context.Context, given *http.Client, base string, call client.Call) error {
		first(ctx, given, base)
		return do(ctx, given, base, call)
	}
}

// after does what it should, and then something else.
func after(last func(ctx context.Context, given *http.Client, base string, call client.Call)) function {
	return func(ctx context.Context, given *http.Client, base string, call client.Call) error {
		err := do(ctx, given, base, call)
		last(ctx, given, base, call)
		return err
	}
}

// by does what it should with another transport.
func by(transport http.RoundTripper) function {
	return func(ctx context.Context, _ *http.Client, base string, call client.Call) error {
		return do(ctx, &http.Client{Transport: transport}, base, call)
	}
}

// get sends another request than the call's.
func get(ctx context.Context, c *http.Client, address string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		panic(err)
	}
	if response, err := c.Do(r); err == nil {
		response.Body.Close()
	}
}

func open(t *testing.T, config client.Config) *call.Client {
	t.Helper()
	c, err := call.Open(config, sample(t))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// receive has the client receive a wording of the clause.
func receive(t *testing.T, c *call.Client) *call.Result {
	t.Helper()
	clause := c.Contract.Clause(clauseID)
	r, err := c.Do(call.Request{
		Operation: clause.Operation, Response: clause.Wordings[0].Response(), What: clauseID, Once: c.WhyOnce(clause),
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// outcome is what a call of a client comes to: the type of the fault, and the fault's text.
type outcome struct {
	config client.Config
	fault  any // a pointer to the fault's type; nil for none
	text   string
}

// outcomes are made anew for each run, for some clients count.
func outcomes() map[string]outcome {
	return map[string]outcome{
		"right":                 {connector(do), nil, ""},
		"right, by Dial":        {dialling(do), nil, ""},
		"returns another error": {connector(func(context.Context, *http.Client, string, client.Call) error { return errors.New("too bad") }), new(*call.NoRequest), "connector did not send " + request + " with what it was given. The call returned:\ntoo bad"},
		"returns another error afterwards": {connector(func(ctx context.Context, c *http.Client, b string, call client.Call) error {
			_ = do(ctx, c, b, call)
			return errors.New("too bad")
		}), nil, ""},
		"goes by a resolver of its own without the call's context": {connector(func(_ context.Context, _ *http.Client, base string, call client.Call) error {
			transport := &http.Transport{DialContext: (&net.Dialer{Resolver: &net.Resolver{PreferGo: true, StrictErrors: true, Dial: func(context.Context, string, string) (net.Conn, error) {
				return nil, errors.New("it is down")
			}}}).DialContext}
			return do(context.Background(), &http.Client{Transport: transport}, base, call)
		}), new(*call.NoRequest), "the host api.sample.example.invalid was looked up: "},
		"keeps the first http.Client": {func() client.Config {
			var first *http.Client
			return client.Config{Name: "connector", New: func(given *http.Client, base string) (client.Calls, error) {
				if first == nil {
					first = given
				}
				return client.Calls{"*": wire.New(first, base).Do}, nil
			}}
		}(), new(*call.NoRequest), "by an http.Client that New was given for another instance was refused"},
		"returns nil without a request": {connector(func(context.Context, *http.Client, string, client.Call) error { return nil }), new(*call.NoRequest), "connector did not send " + request + ", and returned nil. If it sent the request otherwise, by a resolver or to an address of its own, that may have left this machine. Have New pass on the http.Client"},
		"panics":                        {connector(before(func(context.Context, *http.Client, string) { panic("no such code") })), new(*call.Panic), "connector panicked before it sent the request that receives " + clauseID + ": no such code\ngoroutine "},
		"panics afterwards":             {connector(after(func(context.Context, *http.Client, string, client.Call) { panic("no such code") })), new(*call.Panic), "connector panicked after it received " + clauseID + ": no such code\n"},
		"ends its goroutine":            {connector(before(func(context.Context, *http.Client, string) { runtime.Goexit() })), new(*call.Panic), "connector panicked before it sent the request that receives " + clauseID + ": it ended its goroutine by runtime.Goexit, as t.FailNow does"},
		"hangs":                         {connector(before(func(context.Context, *http.Client, string) { select {} })), new(*call.Hang), "connector hangs before it sent the request that receives " + clauseID + ": it had not returned after 48h0m0s of virtual time, which takes none, though its context was done after half of that. Have it return with its context."},
		"sleeps":                        {connector(after(func(context.Context, *http.Client, string, client.Call) { time.Sleep(1000 * time.Hour) })), new(*call.Hang), "connector hangs after it received " + clauseID + ": it had not returned after 48h0m0s of virtual time"},
		"sends to another host": {connector(before(func(ctx context.Context, c *http.Client, _ string) {
			get(ctx, c, "https://elsewhere.example/?token=secret")
		})), new(*call.ForeignHost), "connector called another host than " + apiURL + " after it received " + clauseID + ":\nunexpected request to another host: GET https://elsewhere.example/?token=…"},
		"sends to another host only": {connector(func(ctx context.Context, c *http.Client, _ string, call client.Call) error {
			return do(ctx, c, "https://elsewhere.example", call)
		}), new(*call.ForeignHost), "connector called another host than " + apiURL + " before it sent the request that receives " + clauseID + ":\nunexpected request to another host: PATCH https://elsewhere.example/users/"},
		"sends to another path": {connector(before(func(ctx context.Context, c *http.Client, base string) { get(ctx, c, base+"/me") })), new(*call.UnexpectedRequest), "connector sent another request after it received " + clauseID + ", though it does not declare Retries:\nunexpected request: GET https://api.sample.example/v1/me"},
		"sends to another path only": {connector(func(ctx context.Context, c *http.Client, base string, call client.Call) error {
			return do(ctx, c, base+"/beta", call)
		}), new(*call.UnexpectedRequest), "connector sent an unexpected request before it sent the request that receives " + clauseID + ":\nunexpected request: PATCH https://api.sample.example/v1/beta/users/"},
		"retries undeclared": {connector(after(func(ctx context.Context, c *http.Client, base string, call client.Call) { _ = do(ctx, c, base, call) })), new(*call.UnexpectedRequest), "connector sent another request after it received " + clauseID + ", though it does not declare Retries:\nunexpected request: " + request},
		"sends more when it has returned": {connector(after(func(_ context.Context, c *http.Client, base string, call client.Call) {
			go func() {
				time.Sleep(time.Second)
				_ = do(context.Background(), c, base, call)
			}()
		})), new(*call.UnexpectedRequest), "connector sent another request after it received " + clauseID},
		"cannot be constructed again": {func() client.Config {
			var constructed atomic.Int32
			return client.Config{Name: "connector", New: func(given *http.Client, base string) (client.Calls, error) {
				if constructed.Add(1) > 1 {
					return nil, errors.New("only once")
				}
				return client.Calls{"*": wire.New(given, base).Do}, nil
			}}
		}(), new(*call.NoRequest), "The call returned:\nconnector cannot be constructed: only once"},
		"has other Calls the second time": {func() client.Config {
			var constructed atomic.Int32
			return client.Config{Name: "connector", New: func(given *http.Client, base string) (client.Calls, error) {
				if constructed.Add(1) > 1 {
					return client.Calls{}, nil
				}
				return client.Calls{"*": wire.New(given, base).Do}, nil
			}}
		}(), new(*call.NoRequest), "the Calls of connector had sample.things.update when they were read first, and have it no more"},
		"adds the query that it declares": {func() client.Config {
			c := connector(func(ctx context.Context, given *http.Client, base string, call client.Call) error {
				call.Query["alt"] = "json"
				return do(ctx, given, base, call)
			})
			c.Query = map[string]string{"alt": "json"}
			return c
		}(), nil, ""},
		"does not add the query that it declares": {func() client.Config {
			c := connector(do)
			c.Query = map[string]string{"alt": "json"}
			return c
		}(), new(*call.UnexpectedRequest), "\n  query parameter \"alt\": got nothing, want one"},

		"by Dial, panics":                        {dialling(after(func(context.Context, *http.Client, string, client.Call) { panic("no such code") })), new(*call.Panic), "connector panicked after it received " + clauseID + ": no such code\n"},
		"by Dial, returns nil without a request": {dialling(func(context.Context, *http.Client, string, client.Call) error { return nil }), new(*call.NoRequest), "connector did not send " + request + ", and returned nil."},
		"by Dial, retries undeclared":            {dialling(after(func(ctx context.Context, c *http.Client, base string, call client.Call) { _ = do(ctx, c, base, call) })), new(*call.UnexpectedRequest), "connector sent another request after it received " + clauseID},
		"by Dial, sends to another path only": {dialling(func(ctx context.Context, c *http.Client, base string, call client.Call) error {
			return do(ctx, c, base+"/beta", call)
		}), new(*call.UnexpectedRequest), "connector sent an unexpected request before it sent the request that receives " + clauseID},
	}
}

func TestDo(t *testing.T) {
	t.Parallel()
	for name, test := range outcomes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := receive(t, open(t, test.config))
			checkFault(t, r.Fault, test.fault, test.text)
			if r.Surfaced.Response.Request() != r.Last().Request() || r.Surfaced.Client != "connector" && !errors.As(r.Fault, new(*call.Panic)) && !errors.As(r.Fault, new(*call.Hang)) {
				t.Errorf("surfaced is %+v", r.Surfaced)
			}
			if received := len(r.Exchanges) > 0; received && r.Exchanges[0].Request() != strings.Replace(request, "mask=…", cmpQuery(test.config), 1) {
				t.Errorf("the exchange's request is %s, want %s", r.Exchanges[0].Request(), request)
			}
		})
	}
}

// cmpQuery is the query of the client's request.
func cmpQuery(c client.Config) string {
	if c.Query != nil {
		return "alt=…&mask=…"
	}
	return "mask=…"
}

// checkFault checks the type of a fault, and its text. The type is that of the pointer, nil for no fault.
func checkFault(t *testing.T, fault error, kind any, text string) {
	t.Helper()
	switch {
	case kind == nil && fault != nil:
		t.Errorf("the fault is\n%v", fault)
	case kind == nil:
	case fault == nil || !errors.As(fault, kind):
		t.Errorf("the fault is a %T, want a %T:\n%[1]v", fault, kind)
	case !strings.Contains(fault.Error(), text):
		t.Errorf("the fault is\n%v\nwant\n%s", fault, text)
	}
}

func TestWhatARightClientSurfaces(t *testing.T) {
	t.Parallel()
	for _, config := range []client.Config{connector(do), dialling(do)} {
		c := open(t, config)
		r := receive(t, c)
		w := c.Contract.Clause(clauseID).Wordings[0]
		if ok, err := client.Surface(w).Match(r.Surfaced); !ok || err != nil || len(r.Exchanges) != 1 || r.Last().Status() != w.Clause.Status {
			t.Errorf("it surfaces %+v, %v", r.Surfaced, err)
		}
		if sent, err := http.ParseTime(r.Last().Header("Date")); err != nil || config.New != nil && sent.Year() != 2000 {
			t.Errorf("the response is of %s, %v, and virtual time begins in 2000", sent, err)
		}
		if r.Returned < 0 || r.Returned > time.Minute {
			t.Errorf("it returned after %s", r.Returned)
		}
	}
	if last := new(call.Result).Last(); !last.IsZero() {
		t.Errorf("the last exchange of none is %v", last)
	}
}

func TestTimeIsVirtual(t *testing.T) {
	t.Parallel()
	r := receive(t, open(t, connector(after(func(ctx context.Context, _ *http.Client, _ string, _ client.Call) {
		<-ctx.Done() // after half of 48 hours
	}))))
	if r.Fault != nil || r.Returned != 24*time.Hour {
		t.Errorf("it returned after %s, %v", r.Returned, r.Fault)
	}
}

// A client that http.Client's error has the URL of is shown without it: its query may be secret.
func TestAnErrorIsShownWithoutItsURL(t *testing.T) {
	t.Parallel()
	r := receive(t, open(t, connector(func(ctx context.Context, c *http.Client, base string, call client.Call) error {
		call.Query["token"] = "secret"
		return do(ctx, c, base, call)
	})))
	if text := fmt.Sprint(r.Surfaced.Err, r.Fault); strings.Contains(text, "secret") || !strings.Contains(text, `query parameter "token"`) {
		t.Errorf("it says %s", text)
	}
}

// Nobody else's business is which name server the machine has.
func TestANameServerIsNotShown(t *testing.T) {
	t.Parallel()
	r := receive(t, open(t, connector(func(context.Context, *http.Client, string, client.Call) error {
		return fmt.Errorf("no token: %w", &net.DNSError{Err: "no such host", Name: "login.example", Server: "192.0.2.53:53"})
	})))
	if text := r.Surfaced.Text + r.Fault.Error(); strings.Contains(text, "192.0.2.53") || !strings.Contains(text, "lookup login.example: no such host") {
		t.Errorf("it says %s", text)
	}
}

func TestAServerOfACallEndsWithIt(t *testing.T) {
	t.Parallel()
	var server string
	r := receive(t, open(t, dialling(before(func(_ context.Context, _ *http.Client, base string) { server = base }))))
	address, err := url.Parse(server)
	if err != nil || r.Fault != nil {
		t.Fatal(err, r.Fault)
	}
	if connection, err := net.Dial("tcp", address.Host); err == nil { //nolint:noctx // it is refused at once
		t.Errorf("the server goes on, closed with %v", connection.Close())
	}
}

// A request of a call that was interrupted may come to its server when another client is called, which did not send it.
func TestALateRequestIsNobodyElses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		config  client.Config
		refused bool
	}{{dialling(do), false}, {connector(do), true}} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, apiURL, http.NoBody)
		response, err := open(t, test.config).Ended().RoundTrip(r) //nolint:bodyclose // there is none
		if response != nil || err == nil || errors.Is(err, offline.ErrRefused) != test.refused {
			t.Errorf("it received %v, %v", response, err)
		}
	}
}

func TestAFaultSaysWhetherAResponseWasReceived(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"retries undeclared": true, "sends to another path only": false} {
		if fault, ok := errors.AsType[*call.UnexpectedRequest](receive(t, open(t, outcomes()[name].config)).Fault); !ok || fault.Received() != want {
			t.Errorf("of a client that %s: %+v", name, fault)
		}
	}
}

const patience = 300 * time.Millisecond // of clients that must hang

// timeLimited is a client whose context ends after half of the patience.
func timeLimited(config client.Config) client.Config {
	config.Timeout = patience / 2
	return config
}

func TestAClientThatDialsAndTakesTooLong(t *testing.T) {
	t.Parallel()
	slow := timeLimited(dialling(after(func(ctx context.Context, _ *http.Client, _ string, _ client.Call) { <-ctx.Done() })))
	checkFault(t, receive(t, open(t, slow)).Fault, new(*call.TimedOut), "connector took too long after it received "+clauseID+
		": the suite ended its context after 150ms, and it returned 403 Forbidden")
}

func TestHangInRealTime(t *testing.T) {
	t.Parallel()
	var lock sync.Mutex
	lock.Lock() // for ever: it is not of the client's bubble
	for name, test := range map[string]struct {
		config client.Config
		stuck  bool
		after  []time.Duration // of one call after the other
		text   string
	}{
		"waits for a lock": {
			connector(before(func(context.Context, *http.Client, string) { lock.Lock() })), true,
			[]time.Duration{patience, patience / 5, patience / 5, patience / 5, patience / 5},
			"in 300ms it neither returned nor waited for anything that time can end. It waits for a lock or a channel that New did not make",
		},
		"by Dial, waits for ever": {
			timeLimited(dialling(after(func(context.Context, *http.Client, string, client.Call) { select {} }))), false,
			[]time.Duration{patience, patience},
			": it had not returned after 300ms, though its context was done after half of that.", // before or after it received: it is short
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := open(t, test.config)
			c.SetPatience(patience)
			for i, after := range test.after {
				r := receive(t, c)
				hang, ok := errors.AsType[*call.Hang](r.Fault)
				if !ok || hang.Stuck != test.stuck || hang.After != after || i == 0 && !strings.Contains(r.Fault.Error(), test.text) {
					t.Fatalf("call %d: the fault is %+v\n%[2]v", i+1, r.Fault)
				}
			}
			r := receive(t, c)
			checkFault(t, r.Fault, new(*call.GivenUp), "connector is not called any more: it hung in "+strconv.Itoa(len(test.after))+" calls before. Fix those first.")
		})
	}
}

// A client that sleeps too long on virtual time costs nothing, and is called again.
func TestAVirtualHangIsNotCounted(t *testing.T) {
	t.Parallel()
	c := open(t, outcomes()["hangs"].config)
	for range 7 {
		checkFault(t, receive(t, c).Fault, new(*call.Hang), "after 48h0m0s")
	}
}

func TestGoroutinesCallOneClient(t *testing.T) {
	t.Parallel()
	var lock sync.Mutex
	lock.Lock()
	var calls atomic.Int32
	stuck := open(t, connector(before(func(context.Context, *http.Client, string) {
		if calls.Add(1) == 1 {
			lock.Lock() // what is left behind goes on
		}
	})))
	stuck.SetPatience(5 * patience)
	for _, c := range []*call.Client{open(t, connector(do)), open(t, dialling(do)), stuck} {
		var group sync.WaitGroup
		var faults atomic.Int32
		for range 8 {
			group.Go(func() {
				r := receive(t, c)
				if r.Fault != nil {
					faults.Add(1)
					checkFault(t, r.Fault, new(*call.Hang), "neither returned")
				} else if len(r.Exchanges) != 1 || !r.Surfaced.Carried {
					t.Errorf("a call came to %+v", r)
				}
			})
		}
		group.Wait()
		if want := map[bool]int32{true: 1, false: 0}[c == stuck]; faults.Load() != want {
			t.Errorf("%d calls have a fault, want %d", faults.Load(), want)
		}
	}
	lock.Unlock()
}

// childVariable has TestStrayRequests run in a process whose environment has a proxy.
const childVariable = "LEARNCONTRACT_CALL_CHILD"

func TestNothingReachesAProxy(t *testing.T) {
	t.Parallel()
	var received atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { received.Add(1) }))
	defer proxy.Close()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStrayRequests$", "-test.v")
	child.Env = append(os.Environ(), childVariable+"=1", "GORACE=atexit_sleep_ms=0")
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		child.Env = append(child.Env, name+"="+proxy.URL)
	}
	output, err := child.CombinedOutput()
	if err != nil || !bytes.Contains(output, []byte("--- PASS: TestStrayRequests")) || received.Load() > 0 {
		t.Errorf("the proxy received %d requests, %v\n%s", received.Load(), err, output)
	}
}

// early is made before any test, as by a package of a client.
var early, _ = http.DefaultTransport.(*http.Transport)

func TestStrayRequests(t *testing.T) { //nolint:paralleltest // a request without the call's context is nobody's where several calls run
	proxied := os.Getenv(childVariable) != ""
	clone := early.Clone()
	const given = "connector did not send " + request + " with the http.Client that it was given:\n"
	const advice = "\nHave New pass that http.Client on. The call returned: "
	const shared = "PATCH https://api.sample.example.invalid/v1/users/u-1/things/8ba2228a-e020-11ec-9d64-0242ac120002?mask=… by http.DefaultTransport or a clone of it was refused"
	own := "a request to api.sample.example.invalid by a transport of the client's own was refused"
	viaProxy := own
	if proxied {
		viaProxy = "a request to the environment's proxy by a transport of the client's own was refused"
	}
	telemetry := func(c *http.Client, address string) function {
		return after(func(context.Context, *http.Client, string, client.Call) { get(context.Background(), c, address) })
	}
	foreign := func(refused string) string {
		return "connector called another host than " + apiURL + " after it received " + clauseID + ":\n" + refused +
			": this test process is offline\nSend every request with the given http.Client below the given base URL."
	}
	for name, test := range map[string]struct {
		config client.Config
		fault  any
		texts  []string
	}{
		"the default transport":               {connector(by(http.DefaultTransport)), new(*call.NoRequest), []string{given + shared, advice}},
		"a clone of the default transport":    {connector(by(clone)), new(*call.NoRequest), []string{given + shared, advice}},
		"a transport of its own":              {connector(by(&http.Transport{})), new(*call.NoRequest), []string{given + own, advice}},
		"one with the environment's proxy":    {connector(by(&http.Transport{Proxy: http.ProxyFromEnvironment})), new(*call.NoRequest), []string{given + viaProxy, advice}},
		"HTTP/2 with the environment's proxy": {connector(by(&http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true})), new(*call.NoRequest), []string{given + viaProxy, advice}},
		"a resolver of its own": {connector(by(&http.Transport{DialContext: (&net.Dialer{Resolver: &net.Resolver{
			PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, offline.ErrRefused },
		}}).DialContext})), new(*call.NoRequest), []string{given + own, advice}},
		"a hard-coded host by the default client": {connector(func(ctx context.Context, _ *http.Client, _ string, call client.Call) error {
			return do(ctx, http.DefaultClient, "https://graph.example/v1", call)
		}), new(*call.NoRequest), []string{given + "PATCH https://graph.example/v1/users/", advice}},
		"a hard-coded host by a transport of its own": {connector(func(ctx context.Context, _ *http.Client, _ string, call client.Call) error {
			return do(ctx, &http.Client{Transport: &http.Transport{}}, "https://graph.example/v1", call)
		}), new(*call.NoRequest), []string{given + "a request to graph.example by a transport of the client's own was refused", advice}},
		"by Dial, another base URL": {dialling(func(ctx context.Context, c *http.Client, _ string, call client.Call) error {
			return do(ctx, c, "https://graph.example/v1", call)
		}), new(*call.NoRequest), []string{
			"connector did not send " + request + " to the base URL that it was given:\na request to graph.example by a transport of the client's own was refused",
			"\nHave Dial pass that base URL on. The call returned: ",
		}},
		"telemetry by the default client": {
			connector(telemetry(http.DefaultClient, "https://telemetry.example/?token=secret")), new(*call.ForeignHost),
			[]string{foreign("GET https://telemetry.example/?token=… by http.DefaultTransport or a clone of it was refused")},
		},
		"telemetry by a transport of its own": {
			connector(telemetry(&http.Client{Transport: &http.Transport{}}, "https://telemetry.example/")), new(*call.ForeignHost),
			[]string{foreign("a request to telemetry.example by a transport of the client's own was refused")},
		},
		"by Dial, telemetry by the default client": {
			dialling(telemetry(http.DefaultClient, "https://telemetry.example/")), new(*call.ForeignHost),
			[]string{foreign("GET https://telemetry.example/ by http.DefaultTransport or a clone of it was refused")},
		},
	} {
		t.Run(name, func(t *testing.T) { // one after the other: a request without the call's context belongs to all that run
			r := receive(t, open(t, test.config))
			for _, text := range test.texts {
				checkFault(t, r.Fault, test.fault, text)
			}
			if text := fmt.Sprint(r.Fault); strings.Contains(text, "secret") || !strings.Contains(text, offline.ErrRefused.Error()) {
				t.Errorf("the fault is %s", text)
			}
		})
	}
}

func TestWrapHasTheRequest(t *testing.T) {
	t.Parallel()
	c := open(t, connector(after(func(ctx context.Context, given *http.Client, base string, call client.Call) {
		_ = do(ctx, given, base, call)
		<-ctx.Done()
	})))
	clause := c.Contract.Clause(clauseID)
	var seen []string
	r, err := c.Do(call.Request{
		Operation: clause.Operation, What: clauseID,
		Wrap: func(l call.Line) http.RoundTripper {
			return roundTripper(func(r *http.Request) (*http.Response, error) {
				seen = append(seen, l.Want.String())
				if len(seen) == 2 {
					l.End()
				}
				if err := l.Stub.Respond(l.Want, clause.Wordings[0].Response()); err != nil {
					return nil, err
				}
				return l.Below.RoundTrip(r)
			})
		},
	})
	if err != nil || r.Fault != nil || len(r.Exchanges) < 1 || len(seen) != 2 || r.Returned != 0 {
		t.Errorf("it came to %+v, %v, and saw %q", r, err, seen)
	}
	if !strings.HasPrefix(seen[0], "PATCH https://api.sample.example.invalid/v1/users/u-1/things/") {
		t.Errorf("the request is %s", seen[0])
	}
}

func TestAResponseThatCannotBeStubbed(t *testing.T) {
	t.Parallel()
	c := open(t, connector(do))
	o := c.Contract.Operation("sample.things.get")
	if r, err := c.Do(call.Request{Operation: o, Response: fixtures.Response{Status: 99}}); err == nil || r != nil {
		t.Errorf("it came to %+v, %v", r, err)
	}
	c = open(t, connector(do))
	c.Query = map[string]string{"alt": "json"}
	r, err := c.Do(call.Request{Operation: o, Response: o.SuccessResponse(), What: "a success"})
	if err != nil || !strings.Contains(fmt.Sprint(r.Fault), "query parameter \"alt\": got nothing, want one") {
		t.Errorf("the query of an operation without one: %v, %v", r.Fault, err)
	}
}

func TestLive(t *testing.T) {
	t.Parallel()
	c := open(t, connector(do))
	o := c.Contract.Operation("sample.things.get")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "{}", http.StatusTeapot) }))
	defer server.Close()
	r := c.Live(t.Context(), time.Minute, server.Client(), server.URL, client.Minimal(o))
	if r.Fault != nil || r.Surfaced.Failure.Status != http.StatusTeapot || r.Exchanges != nil {
		t.Errorf("it came to %+v", r)
	}
	for name, test := range map[string]struct {
		f        function
		patience time.Duration
		fault    any
		text     string
	}{
		"panics": {before(func(context.Context, *http.Client, string) { panic("no such code") }), time.Minute, new(*call.Panic), "connector panicked before it sent the request that receives a response to sample.things.get: no such code"},
		"hangs":  {before(func(context.Context, *http.Client, string) { select {} }), 10 * time.Millisecond, new(*call.Hang), "connector hangs before it sent the request that receives a response to sample.things.get: it had not returned after 10ms"},
	} {
		r := open(t, connector(test.f)).Live(t.Context(), test.patience, server.Client(), server.URL, client.Minimal(o))
		t.Log(name)
		checkFault(t, r.Fault, test.fault, test.text)
	}
	elsewhere := func(send func(ctx context.Context, given *http.Client)) function {
		return before(func(ctx context.Context, given *http.Client, _ string) { send(ctx, given) })
	}
	for text, f := range map[string]function{
		"GET https://telemetry.example/ by the given http.Client was refused": elsewhere(func(ctx context.Context, given *http.Client) {
			get(ctx, given, "https://telemetry.example/")
		}),
		"GET https://telemetry.example/ by http.DefaultTransport or a clone of it was refused": elsewhere(func(ctx context.Context, _ *http.Client) {
			get(ctx, http.DefaultClient, "https://telemetry.example/")
		}),
		"a request to telemetry.example by a transport of the client's own was refused": elsewhere(func(ctx context.Context, _ *http.Client) {
			get(ctx, &http.Client{Transport: &http.Transport{}}, "https://telemetry.example/")
		}),
		"a request to 192.0.2.1 by a transport of the client's own was refused": elsewhere(func(ctx context.Context, _ *http.Client) {
			get(ctx, &http.Client{Transport: &http.Transport{}}, "https://192.0.2.1/")
		}),
		"a request to 127.0.0.1 by a transport of the client's own was refused": elsewhere(func(ctx context.Context, _ *http.Client) {
			get(ctx, &http.Client{Transport: &http.Transport{}}, server.URL) // past the run's pace, budget and guard
		}),
	} {
		r := open(t, connector(f)).Live(t.Context(), time.Minute, server.Client(), server.URL, client.Minimal(o))
		checkFault(t, r.Fault, new(*call.ForeignHost), text)
	}
	signsIn := connector(func(ctx context.Context, given *http.Client, base string, c client.Call) error {
		get(ctx, given, "https://login.example/token")
		return do(ctx, given, base, c)
	})
	signsIn.TokenURL = "https://login.example/token"
	if r := open(t, signsIn).Live(t.Context(), time.Minute, server.Client(), server.URL, client.Minimal(o)); r.Fault != nil {
		t.Errorf("a client that signs in where it declares to: %v", r.Fault)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	hangs := connector(before(func(context.Context, *http.Client, string) { select {} }))
	began := time.Now()
	if r := open(t, hangs).Live(ended, time.Minute, server.Client(), server.URL, client.Minimal(o)); time.Since(began) > 30*time.Second {
		t.Errorf("a client that hangs keeps a run that has ended for %s: %v", time.Since(began), r.Fault)
	}
	if r := c.Live(ended, time.Minute, server.Client(), server.URL, client.Minimal(o)); !errors.Is(r.Surfaced.Err, context.Canceled) {
		t.Errorf("within an ended context it returned %v", r.Surfaced.Err)
	}
}

func TestOnVirtualTime(t *testing.T) {
	t.Parallel()
	c := open(t, connector(do))
	began, passed := time.Now(), time.Duration(0)
	if fault := c.OnVirtualTime(func() { began := time.Now(); time.Sleep(time.Hour); passed = time.Since(began) }); fault != nil || passed != time.Hour || time.Since(began) > time.Minute {
		t.Errorf("an hour took %s, of %s: %v", time.Since(began), passed, fault)
	}
	c.SetPatience(10 * time.Millisecond)
	var lock sync.Mutex
	lock.Lock()
	checkFault(t, c.OnVirtualTime(lock.Lock), new(*call.Hang), "connector hangs before it sent the request that receives a response: in 10ms it neither returned")
	c.SetPatience(time.Minute)
	const begins = "connector panicked before it sent the request that receives a response: "
	checkFault(t, c.OnVirtualTime(func() { panic("no such code") }), new(*call.Panic), begins+"no such code")
	checkFault(t, c.OnVirtualTime(runtime.Goexit), new(*call.Panic), begins+"it ended its goroutine by runtime.Goexit")
	checkFault(t, c.OnVirtualTime(func() { select {} }), new(*call.Hang), "it had not returned after 48h0m0s")
}

// What is seeded from the clock is not the same each time.
func TestClocksDiffer(t *testing.T) {
	t.Parallel()
	c := open(t, connector(do))
	var times []time.Time
	for range 3 {
		_ = c.OnVirtualTime(func() { times = append(times, time.Now()) })
	}
	if times[0].Equal(times[1]) && times[1].Equal(times[2]) {
		t.Errorf("the times are %v", times)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
