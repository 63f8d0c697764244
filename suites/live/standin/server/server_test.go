package server_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/learncontract/learncontract/suites/live/standin/server"
)

// tenant is a stand-in and a client of it.
type tenant struct {
	*server.Server
	t      *testing.T
	client *http.Client
	env    map[string]string
	ids    map[string]string
	tokens map[string]string // by identity
}

func start(t *testing.T, options server.Options) *tenant {
	t.Helper()
	s, err := server.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return &tenant{s, t, trusting(t, s.CA), s.Env(), s.Fixtures(), map[string]string{}}
}

// trusting is a client that trusts one CA, and nobody else.
func trusting(tb testing.TB, ca []byte) *http.Client {
	tb.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		tb.Fatal("the CA is no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	tb.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// ask is the error of a request.
func ask(t *testing.T, client *http.Client, method, url string) error {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// response is what came back.
type response struct {
	status int
	header http.Header
	text   string
	body   map[string]any // nil if it is no JSON object
}

// at looks a value up by the names that lead to it.
func (a response) at(names ...string) any {
	var value any = a.body
	for _, name := range names {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

func (n *tenant) send(method, address, contentType, authorization, body string) response {
	n.t.Helper()
	request, err := http.NewRequestWithContext(n.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	reply, err := n.client.Do(request)
	if err != nil {
		n.t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	a := response{status: reply.StatusCode, header: reply.Header, text: string(text)}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	_ = decoder.Decode(&a.body)
	return a
}

// form posts a form.
func (n *tenant) form(address string, pairs ...string) response {
	n.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return n.send(http.MethodPost, address, "application/x-www-form-urlencoded", "", form.Encode())
}

// graph asks Microsoft Graph as one of the applications.
func (n *tenant) graph(as, method, path, body string) response {
	n.t.Helper()
	if n.tokens[as] == "" {
		id, secret := n.env["AZURE_CLIENT_ID"], n.env["AZURE_CLIENT_SECRET"]
		if as == "roleless" {
			id, secret = n.ids["graph.roleless"], n.env["LEARNCONTRACT_ROLELESS_CLIENT_SECRET"]
		}
		n.tokens[as] = n.appToken("client_id", id, "client_secret", secret)
	}
	return n.send(method, n.Graph+path, "application/json", "Bearer "+n.tokens[as], body)
}

// appToken signs an application in.
func (n *tenant) appToken(credentials ...string) string {
	n.t.Helper()
	form := append([]string{"grant_type", "client_credentials", "scope", "https://graph.microsoft.com/.default"}, credentials...)
	a := n.form(n.Entra+"/"+n.env["AZURE_TENANT_ID"]+"/oauth2/v2.0/token", form...)
	token, _ := a.at("access_token").(string)
	if token == "" {
		n.t.Fatalf("no token: %d %s", a.status, a.text)
	}
	return token
}

func TestAStandInIsTrustedByItsOwnCAOnly(t *testing.T) {
	g := NewWithT(t)
	n := start(t, server.Options{})
	g.Expect(ask(t, trusting(t, start(t, server.Options{}).CA), http.MethodGet, n.Graph)).To(MatchError(ContainSubstring("certificate")))
	g.Expect(n.Requests()).To(BeEmpty())
}

func TestAClosedStandInIsGone(t *testing.T) {
	g := NewWithT(t)
	n := start(t, server.Options{})
	n.Close()
	g.Expect(ask(t, n.client, http.MethodGet, n.Graph)).To(MatchError(ContainSubstring("refused")))
}
