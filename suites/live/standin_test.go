package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/live"
	"github.com/learncontract/learncontract/suites/live/standin/server"
)

// standIn is a stand-in with a sandbox file of it.
type standIn struct {
	*server.Server
	t       *testing.T
	file    string
	options live.Options
	before  []string // its inventory at first
	nobody  string   // an identity that cannot sign in, "" for none
}

func startStandIn(t *testing.T, options server.Options) *standIn {
	t.Helper()
	stand, err := server.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stand.Close)
	file := write(t, "sandbox.yaml", string(stand.Sandbox("ca.pem")))
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), "ca.pem"), stand.CA, 0o600); err != nil {
		t.Fatal(err)
	}
	return &standIn{stand, t, file, live.Options{Rate: rate.Inf, Pause: time.Millisecond, FirstLook: time.Millisecond}, stand.Inventory(), ""}
}

// tenant is one of the file, with keys that have another value, or, for "", none.
func (s *standIn) tenant(provider string, values ...string) *live.Tenant {
	s.t.Helper()
	text, err := os.ReadFile(s.file)
	if err != nil {
		s.t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(values); i += 2 {
		at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "    "+values[i]+": ") })
		if at < 0 {
			s.t.Fatalf("the file has no %s", values[i])
		}
		if lines[at] = "    " + values[i] + ": " + values[i+1]; values[i+1] == "" {
			lines[at] = ""
		}
	}
	file := filepath.Join(filepath.Dir(s.file), fmt.Sprintf("%d.yaml", time.Now().UnixNano()))
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		s.t.Fatal(err)
	}
	sandbox, err := live.LoadSandbox(file)
	if err != nil {
		s.t.Fatal(err)
	}
	contract, err := fixtures.Load(provider)
	if err != nil {
		s.t.Fatal(err)
	}
	tenant, err := live.Open(contract, live.Config{Sandbox: sandbox, Provoke: []string{"fixture"}, SignIn: s.signIn, Options: s.options})
	if err != nil {
		s.t.Fatal(err)
	}
	return tenant
}

// sandbox is the file, read.
func (s *standIn) sandbox() *live.Sandbox {
	s.t.Helper()
	sandbox, err := live.LoadSandbox(s.file)
	if err != nil {
		s.t.Fatal(err)
	}
	return sandbox
}

// signIn gets a token of the stand-in's.
func (s *standIn) signIn(ctx context.Context, identity string) (live.Token, error) {
	if identity == s.nobody {
		return live.Token{}, errors.New("the password has expired")
	}
	env := s.Env()
	address := s.GoogleToken
	form := url.Values{
		"grant_type": {"refresh_token"}, "client_id": {env["LEARNCONTRACT_GOOGLE_CLIENT_ID"]},
		"client_secret": {env["LEARNCONTRACT_GOOGLE_CLIENT_SECRET"]}, "refresh_token": {env[live.RefreshTokenVariable(identity)]},
	}
	if strings.HasPrefix(identity, "graph/") {
		address = s.Entra + "/" + env["AZURE_TENANT_ID"] + "/oauth2/v2.0/token"
		form = url.Values{
			"grant_type": {"client_credentials"}, "client_id": {env["AZURE_CLIENT_ID"]}, "client_secret": {env["AZURE_CLIENT_SECRET"]},
			"scope": {"https://graph.microsoft.com/.default"},
		}
	}
	var token struct {
		Token string `json:"access_token"`
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	err := s.send(ctx, http.MethodPost, address, header, form.Encode(), &token)
	return live.NewToken(token.Token, time.Now().Add(time.Hour)), err
}

// send sends a request past the run, as a person does.
func (s *standIn) send(ctx context.Context, method, address string, header http.Header, body string, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header = header
	transport := live.NewHTTPTransport(s.sandbox(), address)
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %s\n%s", method, address, response.Status, text)
	}
	if len(text) == 0 {
		return nil
	}
	return json.Unmarshal(text, into)
}

// create makes something as somebody, and returns its id.
func (s *standIn) create(as, path string, fields map[string]any) (id string) {
	s.t.Helper()
	provider, _, _ := strings.Cut(as, "/")
	token, err := s.signIn(s.t.Context(), as)
	if err != nil {
		s.t.Fatal(err)
	}
	body, err := json.Marshal(fields)
	if err != nil {
		s.t.Fatal(err)
	}
	var made struct{ ID string }
	base := map[string]string{"classroom": s.Classroom, "graph": s.Graph}[provider]
	header := http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + live.TokenValue(token)}}
	if err := s.send(s.t.Context(), http.MethodPost, base+path, header, string(body), &made); err != nil {
		s.t.Fatal(err)
	}
	return made.ID
}

// provoke provokes clauses, as a run does, each with its clean-up, and returns all errors.
func provoke(t *testing.T, tenant *live.Tenant, clauses ...string) (errs []error) {
	t.Helper()
	contract, err := fixtures.Load(tenant.Provider())
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range clauses {
		_, err := tenant.Provoke(t.Context(), tenant.Recipe(contract.Clause(id)),
			func(ctx context.Context, given *http.Client, baseURL string, call client.Call) error {
				return wire.New(given, baseURL).Do(ctx, call)
			})
		errs = append(errs, err, tenant.CleanUp(t.Context()))
	}
	return errs
}

// changes are the lines that the inventory has or lacks now.
func (s *standIn) changes() (lines []string) {
	after := s.Inventory()
	for _, line := range s.before {
		if !slices.Contains(after, line) {
			lines = append(lines, "gone: "+line)
		}
	}
	for _, line := range after {
		if !slices.Contains(s.before, line) {
			lines = append(lines, "left: "+line)
		}
	}
	return lines
}

// count is how many requests came to an API by that method, or by any, for "".
func (s *standIn) count(api, method string) (count int) {
	for _, r := range s.Requests() {
		if r.API == api && (method == "" || r.Method == method) {
			count++
		}
	}
	return count
}
