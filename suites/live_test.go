package suites

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"golang.org/x/time/rate"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/live"
	"github.com/learncontract/learncontract/suites/live/standin/server"
	"github.com/learncontract/learncontract/suites/report"
)

// standIn starts a stand-in tenant, and returns it with the sandbox file that names all it has.
func standIn(t *testing.T, options server.Options) (*server.Server, string) {
	t.Helper()
	stand, err := server.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stand.Close)
	folder := t.TempDir()
	file := filepath.Join(folder, "sandbox.yaml")
	for name, text := range map[string][]byte{"sandbox.yaml": stand.Sandbox("ca.pem"), "ca.pem": stand.CA} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return stand, file
}

// tokenAt gets an access token of a stand-in's token endpoints, as package signin does, without its SDKs.
func tokenAt(ctx context.Context, stand *server.Server, sandbox *live.Sandbox, identity string) (token string, seconds int, err error) {
	_, as, _ := strings.Cut(identity, "/")
	return tokenWith(ctx, stand, sandbox, identity, strings.Join(sandbox.Scopes(as), " "))
}

// tokenWith is tokenAt, of Classroom with those scopes alone.
func tokenWith(ctx context.Context, stand *server.Server, sandbox *live.Sandbox, identity, scopes string) (token string, seconds int, err error) {
	env := stand.Env()
	provider, as, _ := strings.Cut(identity, "/")
	address := stand.GoogleToken
	form := url.Values{
		"grant_type": {"refresh_token"}, "client_id": {env["LEARNCONTRACT_GOOGLE_CLIENT_ID"]},
		"client_secret": {env["LEARNCONTRACT_GOOGLE_CLIENT_SECRET"]}, "refresh_token": {env[live.RefreshTokenVariable(identity)]},
		"scope": {scopes},
	}
	if as == "otherProject" {
		form.Set("client_id", env["LEARNCONTRACT_OTHER_PROJECT_CLIENT_ID"])
		form.Set("client_secret", env["LEARNCONTRACT_OTHER_PROJECT_CLIENT_SECRET"])
	}
	if provider == "graph" {
		clientID, _ := sandbox.Value("graph." + as + ".clientID")
		secret := env["AZURE_CLIENT_SECRET"]
		if as == "roleless" {
			secret = env["LEARNCONTRACT_ROLELESS_CLIENT_SECRET"]
		}
		address = stand.Entra + "/" + env["AZURE_TENANT_ID"] + "/oauth2/v2.0/token"
		form = url.Values{
			"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {secret},
			"scope": {"https://graph.microsoft.com/.default"},
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := (&http.Client{Transport: live.NewHTTPTransport(sandbox, address)}).Do(request)
	if err != nil {
		return "", 0, err
	}
	defer response.Body.Close()
	var answer struct {
		Token   string `json:"access_token"`
		Seconds int    `json:"expires_in"`
		Error   string `json:"error"`
		Text    string `json:"error_description"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Token == "" {
		return "", 0, fmt.Errorf("%s: %s %s (%w)", response.Status, answer.Error, answer.Text, err)
	}
	return answer.Token, answer.Seconds, nil
}

// signInAt signs in at a stand-in.
func signInAt(t *testing.T, stand *server.Server, file string) live.SignIn {
	t.Helper()
	sandbox, err := live.LoadSandbox(file)
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context, identity string) (live.Token, error) {
		token, seconds, err := tokenAt(ctx, stand, sandbox, identity)
		return live.NewToken(token, time.Now().Add(time.Duration(seconds)*time.Second)), err
	}
}

// providerOf is a provider whose specs assert each documented failure, as packages graph and classroom do.
func providerOf(name string) Provider {
	return Provider{Name: name, Specs: func(s *Suite) {
		var actions []string
		for _, o := range s.Contract.Operations {
			if !slices.Contains(actions, o.Action) {
				actions = append(actions, o.Action)
			}
		}
		for _, action := range actions {
			s.Each(action, func(g gomega.Gomega, w *fixtures.Wording, r Result) {
				g.Expect(r.Response).To(s.Honor(w))
				g.Expect(r.Failure).To(client.Surface(w))
			})
		}
	}}
}

// openSuite is a live suite of the reference client.
func openSuite(t *testing.T, provider string, o options) *suiteRun {
	t.Helper()
	o.live = o.replay == ""
	s := providerOf(provider).newRun(wire.Config(), o)
	if err := s.setUp(writer{t.Name(), t}); err != nil {
		t.Fatal(err)
	}
	return s
}

// callClient has the client perform the call.
func (s *suiteRun) callClient(ctx context.Context, given *http.Client, baseURL string, call client.Call) error {
	return s.suite.judge.Client.Live(ctx, livePatience, given, baseURL, call).Surfaced.Err
}

// liveResponse is what came of a recipe.
type liveResponse struct {
	outcome report.Outcome
	text    string
	err     error
}

// provoke sends the requests of a recipe to a tenant.
func (s *suiteRun) provoke(ctx context.Context, r *fixtures.Recipe) liveResponse {
	x, err := s.suite.tenant.Provoke(ctx, r, s.callClient)
	if err != nil {
		return liveResponse{err: err}
	}
	return s.judged(r, x)
}

func (s *suiteRun) judged(r *fixtures.Recipe, x exchange.Exchange) liveResponse {
	v := s.suite.judge.Provider(r.Clause, x, s.options.strict, r.Class).Verdict
	return liveResponse{outcome: v.Outcome, text: v.Text}
}

func TestEveryRecipeIsHonoredByAStandIn(t *testing.T) {
	t.Parallel()
	only := regexp.MustCompile(os.Getenv("CONTRACT_ONLY"))
	for _, provider := range fixtures.Providers() {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			stand, file := standIn(t, server.Options{Lag: 1})
			s := openSuite(t, provider, options{
				sandbox: file, provoke: []string{"fixture", "notifies", "racy"}, signIn: signInAt(t, stand, file),
				transport: live.Options{Rate: rate.Inf, Pause: time.Millisecond, FirstLook: time.Millisecond}})
			before := stand.Inventory()
			counts := map[report.Outcome]int{}
			for clause := range s.suite.Contract.Clauses() {
				if !only.MatchString(clause.ID) {
					continue
				}
				r := s.suite.tenant.Recipe(clause)
				if why := s.suite.tenant.WhyNot(r); why != "" {
					counts[report.NotRun]++
					if r.Class != "never" && r.Class != "tenant" {
						t.Errorf("%s: not asked: %s", clause.ID, why)
					}
					continue
				}
				a := s.provoke(t.Context(), r)
				if a.err != nil {
					counts[report.Engine]++
					t.Errorf("%s: %v", clause.ID, a.err)
				} else if counts[a.outcome]++; a.outcome != report.Honored && a.outcome != report.Deviating {
					t.Errorf("%s: %s\n%s", clause.ID, a.outcome, a.text)
				}
				if err := s.suite.tenant.CleanUp(t.Context()); err != nil {
					t.Errorf("%s: %v", clause.ID, err)
				}
			}
			if err := s.suite.tenant.Close(t.Context()); err != nil {
				t.Error(err)
			}
			spent, most := s.suite.tenant.Spent(), s.suite.tenant.Plan().MostRequests()
			t.Logf("%v, %d requests, %d at most", counts, spent, most)
			if os.Getenv("CONTRACT_ONLY") == "" && (spent > most || most > spent*5/2+20) {
				t.Errorf("%d requests were sent, and %d were said to be the most", spent, most)
			}
			if after := stand.Inventory(); strings.Join(before, "\n") != strings.Join(after, "\n") {
				t.Errorf("the run left something, or something is gone:\n%s\nwas\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
			}
		})
	}
}
