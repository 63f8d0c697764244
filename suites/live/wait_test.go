package live_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/live"
)

// provider is one without a socket, for virtual time. It responds with what is queued, and then with 204.
type provider struct {
	mutex     sync.Mutex
	start     time.Time
	at        []time.Duration // when it was asked, since the start
	responses []response
}

func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.at = append(p.at, time.Since(p.start))
	next := busy(http.StatusNoContent)
	if len(p.responses) > 0 {
		next, p.responses = p.responses[0], p.responses[1:]
	}
	return next.to(r), nil
}

// response is one, most often without a body.
type response struct {
	status int
	header http.Header
	body   string
}

func (a response) to(r *http.Request) *http.Response {
	return &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}
}

const realGraph = "https://graph.microsoft.com/v1.0/x"

// inVirtualTime runs a test in a bubble, with a transport to a provider.
func inVirtualTime(t *testing.T, name string, options live.Options, test func(*testing.T, *live.Transport, *provider)) {
	t.Helper()
	sandbox := load(t, "graph: {tenant: "+guidA+"}\nclassroom: {domain: school.example}")
	synctest.Test(t, func(t *testing.T) {
		p := &provider{start: time.Now()}
		options.Base = p
		transport, err := live.NewTransport(sandbox, name, rightApp(), options)
		if err != nil {
			t.Fatal(err)
		}
		test(t, transport, p)
	})
}

func TestATransportKeepsItsPaceHoweverManyAsk(t *testing.T) {
	for name, check := range map[string]struct {
		url  string
		last time.Duration
	}{
		"graph":     {realGraph, 8 * time.Second},
		"classroom": {"https://classroom.googleapis.com/v1/courses", 4 * time.Second},
	} {
		inVirtualTime(t, name, live.Options{}, func(t *testing.T, transport *live.Transport, p *provider) {
			t.Helper()
			var group sync.WaitGroup
			for range 10 {
				group.Go(func() {
					if _, _, err := ask(t, transport.Anonymous(), http.MethodGet, check.url, nil); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			if got := p.at[9].Round(time.Millisecond); got != check.last || p.at[1] != 0 {
				t.Errorf("%s was asked at %v", name, p.at)
			}
		})
	}
}

// TestAStandInAloneIsAskedWithoutABound has a loopback address with a ca of its own, and one behind which anybody may stand.
func TestAStandInAloneIsAskedWithoutABound(t *testing.T) {
	const endpoint = "https://127.0.0.1:1/v1.0"
	now := time.Now()
	ca := write(t, "ca.pem", string(pemOf(certificate(t, "127.0.0.1", now, now.Add(time.Hour)).Leaf)))
	for text, last := range map[string]time.Duration{
		"graph: {tenant: " + guidA + ", endpoint: '" + endpoint + "'}":            2 * time.Second,
		"graph: {tenant: " + guidA + ", endpoint: '" + endpoint + "'}\nca: " + ca: 0,
	} {
		sandbox := load(t, text)
		synctest.Test(t, func(t *testing.T) {
			p := &provider{start: time.Now()}
			transport, err := live.NewTransport(sandbox, "graph", rightApp(), live.Options{Base: p})
			if err != nil {
				t.Fatal(err)
			}
			for range 4 {
				if _, _, err := ask(t, transport.Anonymous(), http.MethodGet, endpoint+"/x", nil); err != nil {
					t.Error(err)
				}
			}
			if got := p.at[3].Round(time.Millisecond); got != last {
				t.Errorf("of %s it was asked at %v", text, p.at)
			}
		})
	}
}

func busy(status int, header ...string) response {
	a := response{status, http.Header{}, ""}
	for i := 0; i < len(header); i += 2 {
		a.header.Add(header[i], header[i+1])
	}
	return a
}

func TestNoRequestIsSentBeforeTheProviderWantsIt(t *testing.T) {
	for name, check := range map[string]struct {
		response response
		want     time.Duration
	}{
		"429 with seconds":    {busy(429, "Retry-After", "300"), 300 * time.Second},
		"429 with a fraction": {busy(429, "Retry-After", "2.128"), 2128 * time.Millisecond},
		"429 with a date": {busy(429, "Retry-After", "Fri, 02 Jan 2026 03:05:05 GMT", "Date",
			"Fri, 02 Jan 2026 03:04:05 GMT"), time.Minute},
		"429 without the header":      {busy(429), 30 * time.Second},
		"429 with another header":     {busy(429, "Retry-After", "soon"), 30 * time.Second},
		"429 with two":                {busy(429, "Retry-After", "1", "Retry-After", "2"), 30 * time.Second},
		"429 with a negative one":     {busy(429, "Retry-After", "-1"), 30 * time.Second},
		"429 with the longest":        {busy(429, "Retry-After", "1800"), 30 * time.Minute},
		"503 with seconds":            {busy(503, "Retry-After", "10"), 10 * time.Second},
		"503 without the header":      {busy(503), 0},
		"200 with the header":         {busy(200, "Retry-After", "10"), 0},
		"500 with a header of others": {busy(500, "Retry-After", "10"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, "graph", live.Options{}, func(t *testing.T, transport *live.Transport, p *provider) {
				t.Helper()
				p.responses = []response{check.response}
				status, _, err := ask(t, transport.As("app"), http.MethodGet, realGraph, nil)
				if err != nil || status != check.response.status {
					t.Fatalf("the response is %d, %v", status, err)
				}
				var group sync.WaitGroup
				for range 2 {
					group.Go(func() {
						if _, _, err := ask(t, transport.As("app"), http.MethodGet, realGraph, nil); err != nil {
							t.Error(err)
						}
					})
				}
				group.Wait()
				if got := p.at[1].Round(time.Millisecond); got != check.want {
					t.Errorf("it was asked again after %v; want %v", got, check.want)
				}
			})
		})
	}
}

func TestAShorterWaitDoesNotEndALongerOne(t *testing.T) {
	sandbox := load(t, "graph: {tenant: "+guidA+"}")
	synctest.Test(t, func(t *testing.T) {
		start, sent := time.Now(), make(chan time.Duration, 3)
		transport, err := live.NewTransport(sandbox, "graph", rightApp(), live.Options{Base: roundTripper(func(r *http.Request) response {
			sent <- time.Since(start)
			if r.Method == http.MethodGet {
				time.Sleep(time.Second)
				return busy(429, "Retry-After", "60")
			}
			time.Sleep(2 * time.Second)
			return busy(429, "Retry-After", "1")
		})})
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			group.Go(func() {
				if _, _, err := ask(t, transport.As("app"), method, realGraph, nil); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if _, _, err := ask(t, transport.As("app"), http.MethodGet, realGraph, nil); err != nil {
			t.Error(err)
		}
		if first, second, third := <-sent, <-sent, <-sent; first != 0 || second != 0 || third != 61*time.Second {
			t.Errorf("it was asked at %v, %v and %v", first, second, third)
		}
	})
}

// roundTripper responds to every request, without a body.
type roundTripper func(*http.Request) response

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r).to(r), nil }

func TestWhoWaitsForItsTurnWhenAWaitBeginsWaitsToo(t *testing.T) {
	inVirtualTime(t, "graph", live.Options{}, func(t *testing.T, transport *live.Transport, p *provider) {
		t.Helper()
		p.responses = []response{busy(204), busy(204), busy(429, "Retry-After", "60")}
		var group sync.WaitGroup
		for range 5 { // two at once, one after a second that is throttled, two that wait for their turn meanwhile
			group.Go(func() {
				if _, _, err := ask(t, transport.Anonymous(), http.MethodGet, realGraph, nil); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if p.at[2] != time.Second || p.at[3] < 61*time.Second {
			t.Errorf("it was asked at %v", p.at)
		}
	})
}

func TestAnAbsurdWaitEndsTheRun(t *testing.T) {
	for _, header := range []string{"1801", "99999999999", "Fri, 02 Jan 2099 03:05:05 GMT"} {
		inVirtualTime(t, "graph", live.Options{}, func(t *testing.T, transport *live.Transport, p *provider) {
			t.Helper()
			p.responses = []response{busy(429, "Retry-After", header)}
			if status, _, err := ask(t, transport.As("app"), http.MethodGet, realGraph, nil); err != nil || status != 429 {
				t.Fatalf("the response is %d, %v", status, err)
			}
			for range 2 {
				_, _, err := ask(t, transport.As("app"), http.MethodGet, realGraph, nil)
				wantError(t, err, "wait", live.ErrLongWait, "sent Retry-After: "+header, "a run waits 30m0s at most")
			}
			if len(p.at) != 1 || time.Since(p.start) != 0 {
				t.Errorf("it was asked at %v", p.at)
			}
		})
	}
}

// TestAllWaitsTogetherAreBounded has a provider throttle every request, each for a time that it may ask for.
func TestAllWaitsTogetherAreBounded(t *testing.T) {
	inVirtualTime(t, "graph", live.Options{}, func(t *testing.T, transport *live.Transport, p *provider) {
		t.Helper()
		var err error
		for range 10 {
			p.responses = []response{busy(429, "Retry-After", "800")}
			_, _, err = ask(t, transport.As("app"), http.MethodGet, realGraph, nil)
		}
		wantError(t, err, "wait", live.ErrLongWait, "all its waits for graph.microsoft.com together would take 40m0s, and a run waits 30m0s at most")
		if len(p.at) != 3 || time.Since(p.start) != 1600*time.Second {
			t.Errorf("it was asked at %v, and has waited %v", p.at, time.Since(p.start))
		}
	})
}

func TestAWaitEndsWithItsRequest(t *testing.T) {
	inVirtualTime(t, "graph", live.Options{}, func(t *testing.T, transport *live.Transport, p *provider) {
		t.Helper()
		p.responses = []response{busy(429, "Retry-After", "60")}
		if _, _, err := ask(t, transport.As("app"), http.MethodGet, realGraph, nil); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute-time.Second)
		defer cancel()
		_, _, err := askWith(ctx, t, transport.As("app"), http.MethodGet, realGraph, nil)
		wantError(t, err, "wait", context.DeadlineExceeded, "wants no request for 1m0s, longer than this one may take")
		if waited := time.Since(p.start); waited != 0 {
			t.Errorf("that was said after %v", waited)
		}

		ctx, interrupt := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Second, interrupt)
		_, _, err = askWith(ctx, t, transport.As("app"), http.MethodGet, realGraph, nil)
		wantError(t, err, "interrupt", context.Canceled)
		if waited := time.Since(p.start); waited != 10*time.Second {
			t.Errorf("that was said after %v", waited)
		}
		if transport.Spent() != 1 {
			t.Errorf("%d requests were counted", transport.Spent())
		}
	})
}

func TestATurnThatComesTooLateIsNoAnswer(t *testing.T) {
	inVirtualTime(t, "graph", live.Options{Rate: 0.01}, func(t *testing.T, transport *live.Transport, _ *provider) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var err error
		for range 3 {
			_, _, err = askWith(ctx, t, transport.As("app"), http.MethodGet, realGraph, nil)
		}
		wantError(t, err, "wait", nil, "waited for its turn")
	})
}

func TestATokenIsRenewedBeforeItExpires(t *testing.T) {
	sandbox := load(t, "graph: {tenant: "+guidA+"}")
	synctest.Test(t, func(t *testing.T) {
		signIns := 0
		transport, err := live.NewTransport(sandbox, "graph", func(context.Context, string) (live.Token, error) {
			signIns++
			return live.NewToken(jwt(map[string]any{"tid": guidA, "aud": graphAudience}), time.Now().Add(time.Hour)), nil
		}, live.Options{Base: &provider{start: time.Now()}})
		if err != nil {
			t.Fatal(err)
		}
		for _, check := range []struct {
			at   time.Duration
			want int
		}{{0, 1}, {57 * time.Minute, 1}, {59 * time.Minute, 2}, {60 * time.Minute, 2}} {
			time.Sleep(check.at - time.Since(virtualStart))
			if _, _, err := ask(t, transport.As("app"), http.MethodGet, realGraph, nil); err != nil || signIns != check.want {
				t.Errorf("after %v it has signed in %d times; want %d (%v)", check.at, signIns, check.want, err)
			}
		}
	})
}

// virtualStart is when every bubble's time begins.
var virtualStart = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func TestClassroomIsAskedAgainWhoItIsWhenItWasBusy(t *testing.T) {
	contract, err := fixtures.Load("classroom")
	if err != nil {
		t.Fatal(err)
	}
	tooOften := busy(403)
	tooOften.body = `{"error":{"code":403,"message":"Quota exceeded","errors":[{"reason":"rateLimitExceeded"}]}}`
	scoped := busy(200)
	scoped.body = `{"scope": "https://www.googleapis.com/auth/classroom.courses"}` // as the token endpoint says
	for name, check := range map[string]struct {
		busy     int
		response response
		waits    time.Duration
		op       string
		want     string
	}{
		// The provider of this test responds 204, and says no more.
		"once":             {1, busy(429, "Retry-After", "60"), time.Minute, "guard", "cannot be read"},
		"too often":        {3, busy(429, "Retry-After", "60"), time.Minute, "network", "received 429: try again later"},
		"by 403":           {1, tooOften, 30 * time.Second, "guard", "cannot be read"},
		"by 403 too often": {3, tooOften, 30 * time.Second, "network", "received 403: try again later"},
	} {
		t.Run(name, func(t *testing.T) {
			sandbox := load(t, "classroom: {domain: school.example, teacher: t@school.example}")
			synctest.Test(t, func(t *testing.T) {
				p := &provider{start: time.Now()}
				for range check.busy {
					p.responses = append(p.responses, check.response)
				}
				p.responses = append(append([]response{scoped}, p.responses...), busy(200))
				transport, err := live.NewTransport(sandbox, "classroom", signedInAs("opaque"), live.Options{Base: p, Contract: contract})
				if err != nil {
					t.Fatal(err)
				}
				_, _, err = ask(t, transport.As("teacher"), http.MethodPost, "https://classroom.googleapis.com/v1/courses", nil)
				wantError(t, err, check.op, nil, check.want)
				if p.at[2].Round(time.Second) != check.waits {
					t.Errorf("it was asked at %v", p.at)
				}
			})
		})
	}
}

// TestAWaitIsNotTheClients has Graph ask for a wait, as it documents minutes, that is longer than the client's call may take.
func TestAWaitIsNotTheClients(t *testing.T) {
	sandbox := load(t, "graph: {tenant: "+guidA+", provider: "+guidB+"}")
	contract, err := fixtures.Load("graph")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		p := &provider{start: time.Now(), responses: []response{busy(429, "Retry-After", "300"), busy(404, "Request-Id", guidA)}}
		tenant, err := live.Open(contract, live.Config{Sandbox: sandbox, SignIn: rightApp(), Options: live.Options{Base: p}})
		if err != nil {
			t.Fatal(err)
		}
		recipe := tenant.Recipe(contract.Clause("graph.get.assignment-not-found"))
		x, err := tenant.Provoke(t.Context(), recipe, func(ctx context.Context, client *http.Client, baseURL string, _ client.Call) error {
			call, cancel := context.WithTimeout(ctx, 2*time.Minute)
			defer cancel()
			r, err := http.NewRequestWithContext(call, http.MethodGet, baseURL+"/x", nil)
			if err != nil {
				t.Error(err)
				return err
			}
			response, err := client.Do(r)
			if err != nil {
				return err
			}
			return response.Body.Close()
		})
		if err != nil || x.Status() != http.StatusNotFound || time.Since(p.start) != 5*time.Minute {
			t.Errorf("after %v the response is %d, %v", time.Since(p.start), x.Status(), err)
		}
	})
}

func TestWhoWaitsForAnothersSignInCanGiveUp(t *testing.T) {
	sandbox := load(t, "graph: {tenant: "+guidA+"}")
	synctest.Test(t, func(t *testing.T) {
		transport, err := live.NewTransport(sandbox, "graph", func(ctx context.Context, _ string) (live.Token, error) {
			<-ctx.Done()
			return live.Token{}, ctx.Err()
		}, live.Options{Base: &provider{}})
		if err != nil {
			t.Fatal(err)
		}
		long, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		var group sync.WaitGroup
		group.Go(func() {
			if _, _, err := askWith(long, t, transport.As("app"), http.MethodGet, realGraph, nil); !errors.Is(err,
				context.DeadlineExceeded) {
				t.Error(err)
			}
		})
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, _, err = askWith(short, t, transport.As("app"), http.MethodGet, realGraph, nil)
		wantError(t, err, "wait", context.DeadlineExceeded)
		group.Wait()
		if !strings.Contains(time.Since(virtualStart).String(), "1h") {
			t.Errorf("it took %v", time.Since(virtualStart))
		}
	})
}
