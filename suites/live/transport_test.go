package live_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/learncontract/learncontract/suites/live"
	"github.com/learncontract/learncontract/suites/live/standin/server"
)

// startTLS starts a server on a loopback address and returns it with the certificate that signs for it, as PEM.
func startTLS(tb testing.TB, handler http.Handler) (*httptest.Server, []byte) {
	tb.Helper()
	server := httptest.NewUnstartedServer(besides(handler))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // broken handshakes are asked for
	server.EnableHTTP2 = true
	server.StartTLS()
	tb.Cleanup(server.Close)
	return server, pemOf(server.Certificate())
}

// besides responds to what a guard sends beside the requests of a test: it says that every token has all scopes, and that the tenant
// is marked.
func besides(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/tokeninfo":
			_, _ = io.WriteString(w, `{"scope": "https://www.googleapis.com/auth/classroom.courses"}`)
		case "/v1/courses/" + marker:
			_, _ = io.WriteString(w, `{"name": "learncontract sandbox", "ownerId": "1"}`)
		case "/v1.0/employeeExperience/learningCourseActivities/" + guidC:
			_, _ = fmt.Fprintf(w, `{"externalcourseActivityId": "learncontract sandbox", "learnerUserId": %q, "learningProviderId": %q}`, guidD, guidE)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// What stands in the sandbox files of tests.
const (
	marker = "640000000008"
	guidC  = "aaaaaaaa-0c5b-4a6c-9f0f-0d6b8a2f3c11"
	guidD  = "bbbbbbbb-0c5b-4a6c-9f0f-0d6b8a2f3c11"
	guidE  = "cccccccc-0c5b-4a6c-9f0f-0d6b8a2f3c11"
)

func pemOf(certificate *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})
}

// certificate makes one that signs for itself, for a host name or an address and a time.
func certificate(tb testing.TB, host string, from, to time.Time) tls.Certificate {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// sandboxOf is a sandbox whose endpoints are a server.
func sandboxOf(tb testing.TB, server *httptest.Server, ca []byte) *live.Sandbox {
	tb.Helper()
	file := write(tb, "sandbox.yaml", `
graph: {tenant: `+guidA+`, endpoint: "`+server.URL+`/v1.0", app: {clientID: `+guidB+`},
  marker: `+guidC+`, learner: `+guidD+`, provider: `+guidE+`}
classroom:
  domain: school.example
  admin: admin@school.example
  teacher: teacher@school.example
  apiOff: office@school.example
  endpoint: `+server.URL+`
  tokenEndpoint: `+server.URL+`/token
  marker: "`+marker+`"
ca: ca.pem
`)
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), "ca.pem"), ca, 0o600); err != nil {
		tb.Fatal(err)
	}
	sandbox, err := live.LoadSandbox(file)
	if err != nil {
		tb.Fatal(err)
	}
	return sandbox
}

// jwt is a token that says something of itself, as Entra's do.
func jwt(claims map[string]any) string {
	text, _ := json.Marshal(claims)
	return payload(string(text))
}

// payload is a token with a payload.
func payload(text string) string {
	return "eyJhbGciOiJub25lIn0." + base64.RawURLEncoding.EncodeToString([]byte(text)) + ".c2lnbmF0dXJl"
}

const graphAudience = "https://graph.microsoft.com"

// signedInAs hands out one token.
func signedInAs(token string) live.SignIn {
	return func(context.Context, string) (live.Token, error) { return live.NewToken(token, time.Time{}), nil }
}

func rightApp() live.SignIn {
	return signedInAs(jwt(map[string]any{"tid": guidA, "aud": graphAudience, "appid": guidB, "roles": []string{"LearningAssignedCourse.ReadWrite.All"}}))
}

// seen are the requests a server got.
type seen struct {
	mutex    sync.Mutex
	requests []*http.Request
}

func (s *seen) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	s.requests = append(s.requests, r)
	s.mutex.Unlock()
	if r.URL.Path == "/v1/userProfiles/me" {
		_, _ = io.WriteString(w, `{"id": "1", "emailAddress": "Teacher@School.example"}`)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// lines are the method and path of each request.
func (s *seen) lines() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var lines []string
	for _, r := range s.requests {
		lines = append(lines, r.Method+" "+r.URL.Path)
	}
	return strings.Join(lines, ", ")
}

// newTransport makes a transport that waits for no turn.
func newTransport(tb testing.TB, sandbox *live.Sandbox, provider string, signIn live.SignIn, options live.Options) *live.Transport {
	tb.Helper()
	if options.Rate == 0 {
		options.Rate = 1e9
	}
	transport, err := live.NewTransport(sandbox, provider, signIn, options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(transport.CloseIdleConnections)
	return transport
}

// ask sends a request through a transport, and returns the status and the body of its response.
func ask(tb testing.TB, transport http.RoundTripper, method, url string, header http.Header) (int, string, error) {
	tb.Helper()
	return askWith(tb.Context(), tb, transport, method, url, header)
}

func askWith(
	ctx context.Context, tb testing.TB, transport http.RoundTripper, method, url string, header http.Header,
) (int, string, error) {
	tb.Helper()
	r, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		tb.Fatal(err)
	}
	maps.Copy(r.Header, header)
	response, err := transport.RoundTrip(r)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// wantError holds an error against the part of the engine that failed, a cause if there is one, and parts of its text.
func wantError(tb testing.TB, err error, op string, cause error, parts ...string) {
	tb.Helper()
	engine, ok := errors.AsType[*live.EngineError](err)
	if !ok || engine.Op != op {
		tb.Fatalf("the error is %#v (%v); want an EngineError of %s", err, err, op)
	}
	if cause != nil && !errors.Is(err, cause) {
		tb.Errorf("%v is not in the chain of %v", cause, err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			tb.Errorf("%q lacks %q", err, part)
		}
	}
	tb.Log(err)
}

func TestATransportSendsItsOwnCredentialAlone(t *testing.T) {
	requests := &seen{}
	server, ca := startTLS(t, requests)
	transport := newTransport(t, sandboxOf(t, server, ca), "graph", rightApp(), live.Options{})
	status, _, err := ask(t, transport.As("app"), http.MethodDelete, server.URL+"/v1.0/things/1", http.Header{
		"Authorization": {"Bearer another"}, "Cookie": {"a=b"}, "Proxy-Authorization": {"Basic eA=="}, "User-Agent": {"mine"},
		"Accept": {"application/json"},
	})
	if err != nil || status != http.StatusNoContent {
		t.Fatalf("the response is %d, %v", status, err)
	}
	header := requests.requests[0].Header
	for name, want := range map[string]string{
		"Authorization":       `^Bearer eyJhbGciOiJub25lIn0\.\S+\.c2lnbmF0dXJl$`,
		"User-Agent":          `^learncontract/`,
		"Client-Request-Id":   `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`,
		"Accept":              `^application/json$`,
		"Cookie":              `^$`,
		"Proxy-Authorization": `^$`,
	} {
		if got := header.Get(name); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s is %q; want %s", name, got, want)
		}
	}
}

func TestAnAnswerShowsNoToken(t *testing.T) {
	server, ca := startTLS(t, &seen{})
	transport := newTransport(t, sandboxOf(t, server, ca), "graph", rightApp(), live.Options{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.As("app").RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.Request != r || r.Header.Get("Authorization") != "" {
		t.Errorf("its request is %v", response.Request.Header)
	}
}

func TestATransportKeepsTheCallersRequestID(t *testing.T) {
	requests := &seen{}
	server, ca := startTLS(t, requests)
	transport := newTransport(t, sandboxOf(t, server, ca), "graph", rightApp(), live.Options{})
	for _, id := range []string{guidB, ""} {
		header := http.Header{}
		if id != "" {
			header.Set("Client-Request-Id", id)
		}
		if _, _, err := ask(t, transport.As("app"), http.MethodGet, server.URL, header); err != nil {
			t.Fatal(err)
		}
	}
	first, second := requests.requests[0].Header.Get("Client-Request-Id"), requests.requests[1].Header.Get("Client-Request-Id")
	if first != guidB || second == guidB || second == "" {
		t.Errorf("the request ids are %q and %q", first, second)
	}
}

func TestATransportWithoutACredential(t *testing.T) {
	requests := &seen{}
	server, ca := startTLS(t, requests)
	transport := newTransport(t, sandboxOf(t, server, ca), "classroom", nil, live.Options{})
	_, _, err := ask(t, transport.Anonymous(), http.MethodPost, server.URL+"/v1/courses", http.Header{"Authorization": {"Bearer mine"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := requests.requests[0].Header; got.Get("Authorization") != "" || got.Get("Client-Request-Id") != "" || requests.lines() != "POST /v1/courses" {
		t.Errorf("%s was sent with Authorization %q and request id %q; want neither", requests.lines(), got.Get("Authorization"), got.Get("Client-Request-Id"))
	}
}

func TestATransportLeadsToTheProviderAlone(t *testing.T) {
	requests := &seen{}
	server, ca := startTLS(t, requests)
	other, _ := startTLS(t, requests)
	transport := newTransport(t, sandboxOf(t, server, ca), "graph", func(context.Context, string) (live.Token, error) {
		t.Error("somebody signs in for a request that is refused")
		return live.Token{}, errors.New("no")
	}, live.Options{})
	host := strings.TrimPrefix(server.URL, "https://")
	for name, check := range map[string]struct {
		url    string
		host   string
		expect string
	}{
		"another port": {url: other.URL, expect: "is not the provider's host"},
		"another host": {url: "https://graph.microsoft.com/v1.0",
			expect: "https://graph.microsoft.com is not the provider's host"},
		"a name that begins alike": {url: "https://127.0.0.1.evil.example/", expect: "is not the provider's host"},
		"a user that looks like it": {url: "https://" + host + "@evil.example/",
			expect: "evil.example is not the provider's host"},
		"plain http":                   {url: "http://" + host, expect: "is not the provider's host"},
		"another host by its header":   {url: server.URL, host: "evil.example", expect: "names evil.example in Host"},
		"a host that holds a token":    {url: "https://ya29.secretsecret/", expect: "https://[masked] is not"},
		"the same host without a port": {url: "https://127.0.0.1/", expect: "is not the provider's host"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, check.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			if check.host != "" {
				r.Host = check.host
			}
			response, err := transport.As("app").RoundTrip(r)
			if err == nil {
				response.Body.Close()
			}
			wantError(t, err, "host", live.ErrOtherHost, check.expect)
		})
	}
	if requests.lines() != "" || transport.Spent() != 0 {
		t.Errorf("%q was sent, and %d counted", requests.lines(), transport.Spent())
	}
}

func TestRedirectsAreRespondedAndNotFollowed(t *testing.T) {
	elsewhere := &seen{}
	other, _ := startTLS(t, elsewhere)
	var asked atomic.Int32
	server, ca := startTLS(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}))
	transport := newTransport(t, sandboxOf(t, server, ca), "graph", rightApp(), live.Options{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v1.0/x", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.Client("app").Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusTemporaryRedirect || response.Header.Get("Location") != other.URL {
		t.Errorf("the response is %s to %s", response.Status, response.Header.Get("Location"))
	}
	if asked.Load() != 1 || elsewhere.lines() != "" {
		t.Errorf("%d requests were sent here, and %q elsewhere", asked.Load(), elsewhere.lines())
	}
	// A client that follows is stopped.
	follower := &http.Client{Transport: transport.As("app")}
	again, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err = follower.Do(again)
	if err == nil {
		response.Body.Close()
	}
	wantError(t, err, "host", live.ErrOtherHost)
	if elsewhere.lines() != "" {
		t.Errorf("%q was sent elsewhere", elsewhere.lines())
	}
}

func TestARefusedRequestIsClosed(t *testing.T) {
	server, ca := startTLS(t, &seen{})
	transport := newTransport(t, sandboxOf(t, server, ca), "graph", rightApp(), live.Options{})
	body := &closed{Reader: strings.NewReader("{}")}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://elsewhere.example", body)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.As("app").RoundTrip(r)
	if err == nil {
		response.Body.Close()
	}
	if err == nil || !body.closed {
		t.Errorf("the error is %v, and whether the body is closed %v", err, body.closed)
	}
}

type closed struct {
	io.Reader
	closed bool
}

func (c *closed) Close() error { c.closed = true; return nil }

func TestTheBudgetIsNeverPassed(t *testing.T) {
	requests := &seen{}
	server, ca := startTLS(t, requests)
	transport := newTransport(t, sandboxOf(t, server, ca), "classroom", signedInAs("opaque"), live.Options{Budget: 10})
	var group sync.WaitGroup
	var refused atomic.Int32
	for range 20 {
		group.Go(func() {
			if _, _, err := ask(t, transport.As("teacher"), http.MethodGet, server.URL+"/v1/courses", nil); errors.Is(err,
				live.ErrBudget) {
				refused.Add(1)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if sent := len(requests.requests); sent != 10 || transport.Spent() != 10 || refused.Load() != 11 { // one request is the guard's
		t.Errorf("%d were sent, %d counted, %d refused", sent, transport.Spent(), refused.Load())
	}
	_, _, err := ask(t, transport.As("teacher"), http.MethodGet, server.URL+"/v1/courses", nil)
	wantError(t, err, "budget", live.ErrBudget, "the run has sent the 10 requests it may send")
}

func TestATransportNeedsWhatItsGuardHoldsTokensAgainst(t *testing.T) {
	sandbox := load(t, "classroom: {domain: school.example}")
	_, err := live.NewTransport(sandbox, "graph", rightApp(), live.Options{})
	wantError(t, err, "guard", nil, "does not name graph.tenant")
	_, err = live.NewTransport(load(t, "graph: {tenant: "+guidA+"}"), "classroom", rightApp(), live.Options{})
	wantError(t, err, "guard", nil, "does not name classroom.domain")
	if _, err = live.NewTransport(sandbox, "moodle", nil, live.Options{}); err == nil || !strings.Contains(err.Error(),
		`no live support for "moodle"`) {
		t.Errorf("the error is %v", err)
	}
}

// TestAMethodInAHeader has a client read by its method, and change by a header.
func TestAMethodInAHeader(t *testing.T) {
	t.Parallel()
	s := startStandIn(t, server.Options{})
	s.options.ReadOnly = true
	transport, err := live.NewTransport(s.sandbox(), "classroom", s.signIn, s.options)
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Classroom+"/v1/courses/1", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set(header, http.MethodDelete)
		response, err := transport.Client("teacher").Do(request)
		if err == nil {
			response.Body.Close()
		}
		wantError(t, err, "budget", nil, "with --read-only nothing does")
	}
}
