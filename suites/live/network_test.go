package live_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/learncontract/learncontract/suites/live"
)

// hijacked takes a connection over from its server.
func hijacked(w http.ResponseWriter) net.Conn {
	connection, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	return connection
}

func TestWhatBreaksOnTheWayIsNoAnswer(t *testing.T) {
	for name, check := range map[string]struct {
		handler func(http.ResponseWriter, *http.Request)
		cause   error
		want    string
	}{
		"closed without an answer": {func(w http.ResponseWriter, _ *http.Request) { _ = hijacked(w).Close() }, io.EOF,
			"closed the connection without a response"},
		"reset": {func(w http.ResponseWriter, _ *http.Request) {
			connection := hijacked(w)
			_ = connection.(interface{ NetConn() net.Conn }).NetConn().(*net.TCPConn).SetLinger(0)
			_ = connection.(interface{ NetConn() net.Conn }).NetConn().Close()
		}, syscall.ECONNRESET, "reset the connection"},
		"half a body": {func(w http.ResponseWriter, _ *http.Request) {
			connection := hijacked(w)
			_, _ = io.WriteString(connection, "HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\n{\"error\":")
			_ = connection.Close()
		}, io.ErrUnexpectedEOF, "ended its response early"},
		"a stall": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, context.DeadlineExceeded,
			"did not respond in time"},
		"a stall within the body": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"error":`)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, context.DeadlineExceeded, "did not respond in time"},
		"no HTTP": {func(w http.ResponseWriter, _ *http.Request) {
			connection := hijacked(w)
			_, _ = io.WriteString(connection, "ya29.secretsecret\r\n\r\n")
			_ = connection.Close()
		}, nil, "cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(http.HandlerFunc(check.handler)) // HTTP/1.1, whose connections can be broken
			server.StartTLS()
			t.Cleanup(server.Close)
			ca := pemOf(server.Certificate())
			transport := newTransport(t, sandboxOf(t, server, ca), "graph", rightApp(), live.Options{Timeout: 3 * time.Second})
			_, _, err := ask(t, transport.As("app"), http.MethodGet, server.URL+"/v1.0/x", nil)
			wantError(t, err, "network", check.cause, strings.TrimPrefix(server.URL, "https://")+" "+check.want)
			if strings.Contains(err.Error(), "secretsecret") || transport.Spent() != 1 {
				t.Errorf("%q was said, and %d counted", err, transport.Spent())
			}
		})
	}
}

func TestWhoCannotBeReachedIsNoAnswer(t *testing.T) {
	server, ca := startTLS(t, &seen{})
	now := time.Now()
	showing := func(host string, from, to time.Time) *live.Sandbox {
		shown := certificate(t, host, from, to)
		server := httptest.NewUnstartedServer(&seen{})
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.TLS = &tls.Config{Certificates: []tls.Certificate{shown}}
		server.StartTLS()
		t.Cleanup(server.Close)
		return sandboxOf(t, server, pemOf(shown.Leaf))
	}
	other := pemOf(certificate(t, "127.0.0.1", now, now.Add(time.Hour)).Leaf)
	plain := httptest.NewServer(&seen{})
	t.Cleanup(plain.Close)
	gone := httptest.NewTLSServer(&seen{})
	gone.Close()
	url := func(address string) *httptest.Server { return &httptest.Server{URL: address} }
	for name, check := range map[string]struct {
		sandbox *live.Sandbox
		want    string
	}{
		"nobody listens":       {sandboxOf(t, url(gone.URL), ca), "refuses the connection, because nothing listens there: check the sandbox file's endpoint"},
		"an unknown authority": {sandboxOf(t, server, other), "shows a certificate of an unknown authority"},
		"another name": {showing("elsewhere.example", now.Add(-time.Hour), now.Add(time.Hour)),
			"shows a certificate of another host"},
		"an old certificate":    {showing("127.0.0.1", now.Add(-time.Hour), now.Add(-time.Minute)), "check this machine's clock"},
		"a certificate to come": {showing("127.0.0.1", now.Add(time.Hour), now.Add(2*time.Hour)), "check this machine's clock"},
		"no TLS":                {sandboxOf(t, url(strings.Replace(plain.URL, "http:", "https:", 1)), ca), "does not speak TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			transport := newTransport(t, check.sandbox, "graph", rightApp(), live.Options{})
			_, _, err := ask(t, transport.As("app"), http.MethodGet, check.sandbox.Endpoint("graph")+"/x", nil)
			wantError(t, err, "network", nil, check.want)
		})
	}
}

// failing is a network that fails in a way that needs one to be seen.
type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

func TestANameThatIsNotKnownIsNoAnswer(t *testing.T) {
	sandbox := load(t, "graph: {tenant: "+guidA+"}")
	for want, fault := range map[string]error{
		"graph.microsoft.com is not known to the name server": &net.DNSError{Err: "no such host",
			IsNotFound: true},
		"graph.microsoft.com could not be looked up: check the network":                                    &net.DNSError{Err: "server misbehaving"},
		"graph.microsoft.com cannot be reached: check the network and its proxies (a proxy says [masked])": errors.New("a proxy says Bearer 0123456789abcdef"),
	} {
		transport := newTransport(t, sandbox, "graph", rightApp(), live.Options{Base: failing{fault}})
		_, _, err := ask(t, transport.As("app"), http.MethodGet, realGraph, nil)
		wantError(t, err, "network", fault, want)
	}
}

func TestARequestThatIsGivenUpIsNoBrokenNetwork(t *testing.T) {
	arrived := make(chan struct{})
	server, ca := startTLS(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}))
	transport := newTransport(t, sandboxOf(t, server, ca), "graph", rightApp(), live.Options{})
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		<-arrived
		interrupt()
	}()
	_, _, err := askWith(ctx, t, transport.As("app"), http.MethodGet, server.URL, nil)
	wantError(t, err, "interrupt", context.Canceled, "was canceled")
}

func TestABodyThatEndsWhenItsTimeIsOverIsNotWhole(t *testing.T) {
	sandbox := load(t, "graph: {tenant: "+guidA+"}")
	for name, check := range map[string]struct {
		first time.Duration // before the end is read
		whole bool
	}{"in time": {29 * time.Second, true}, "too late": {31 * time.Second, false}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				transport, err := live.NewTransport(sandbox, "graph", rightApp(), live.Options{Base: &provider{}})
				if err != nil {
					t.Fatal(err)
				}
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, realGraph, nil)
				if err != nil {
					t.Fatal(err)
				}
				response, err := transport.As("app").RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				time.Sleep(check.first)
				_, err = response.Body.Read(make([]byte, 1))
				if check.whole {
					time.Sleep(time.Minute)
					_, again := response.Body.Read(make([]byte, 1))
					if err != io.EOF || again != io.EOF { //nolint:errorlint // a reader's end is io.EOF itself
						t.Errorf("its end is %v, and later %v", err, again)
					}
					return
				}
				wantError(t, err, "network", context.DeadlineExceeded, "did not respond in time")
			})
		})
	}
}

func TestABodyIsReadLongAfterItsHeadWithinTheTime(t *testing.T) {
	server, ca := startTLS(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 20 {
			_, _ = io.WriteString(w, strings.Repeat("x", 1000))
			w.(http.Flusher).Flush()
		}
	}))
	transport := newTransport(t, sandboxOf(t, server, ca), "graph", rightApp(), live.Options{})
	_, text, err := ask(t, transport.As("app"), http.MethodGet, server.URL, nil)
	if err != nil || len(text) != 20_000 {
		t.Errorf("%d bytes came, and %v", len(text), err)
	}
}

func TestTheProxyOfTheEnvironmentIsKept(t *testing.T) {
	sandbox := load(t, "graph: {tenant: "+guidA+"}")
	transport := live.NewHTTPTransport(sandbox, sandbox.Endpoint("graph"))
	if transport.Proxy == nil || transport == http.DefaultTransport {
		t.Errorf("the transport is %#v", transport)
	}
}

func TestPlainHTTPIsSpokenToALoopbackAddress(t *testing.T) {
	requests := &seen{}
	plain := httptest.NewServer(requests)
	t.Cleanup(plain.Close)
	sandbox := load(t, "graph: {tenant: "+guidA+", endpoint: '"+plain.URL+"/v1.0'}")
	transport := newTransport(t, sandbox, "graph", rightApp(), live.Options{})
	if _, _, err := ask(t, transport.As("app"), http.MethodGet, plain.URL+"/v1.0/x", nil); err != nil ||
		requests.lines() != "GET /v1.0/x" {
		t.Errorf("%q was sent, and %v", requests.lines(), err)
	}
}
