package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	tenant      = "6f1d1d5e-0c5b-4a6c-9f0f-0d6b8a2f3c11"
	app         = "0b9f6a52-6c6a-4c40-8f3e-51d8f5b7ad22"
	rolelessApp = "c8b0a3d4-7a52-4d51-9f0e-2f5c0f7e6a33"
)

// endpoints play both providers' token endpoints.
type endpoints struct {
	*httptest.Server
	mutex sync.Mutex
	forms []url.Values // what was sent for a token
	paths []string
	// reject is what every request for a token receives, with 400.
	reject string
	// redirect is where every request for a token is sent on to.
	redirect string
}

func (e *endpoints) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration") {
		of := e.URL + "/" + tenant
		_ = json.NewEncoder(w).Encode(map[string]string{
			"authorization_endpoint": of + "/oauth2/v2.0/authorize", "token_endpoint": of + "/oauth2/v2.0/token",
			"issuer": of + "/v2.0",
		})
		return
	}
	_ = r.ParseForm()
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.forms, e.paths = append(e.forms, r.PostForm), append(e.paths, r.URL.Path)
	switch {
	case e.redirect != "":
		w.Header().Set("Location", e.redirect)
		w.WriteHeader(http.StatusTemporaryRedirect)
	case e.reject != "":
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, e.reject)
	default:
		_, _ = io.WriteString(w, `{"token_type": "Bearer", "expires_in": 3600, "access_token": "issued"}`)
	}
}

func start(t *testing.T) *endpoints {
	t.Helper()
	e := &endpoints{}
	e.Server = httptest.NewUnstartedServer(e)
	e.Config.ErrorLog = log.New(io.Discard, "", 0)
	e.StartTLS()
	t.Cleanup(e.Close)
	return e
}

// environment is the process's, without what the machine has of it.
func environment(t *testing.T, set map[string]string) {
	t.Helper()
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		for _, prefix := range []string{"AZURE_", "LEARNCONTRACT_", "GOOGLE_", "IDENTITY_", "MSI_", "IMDS_", "HTTP", "http",
			"ACTIONS_"} {
			if strings.HasPrefix(name, prefix) {
				t.Setenv(name, "") // has the test put it back
				_ = os.Unsetenv(name)
			}
		}
	}
	// Where sign-in sets them, the test takes them away again.
	for _, name := range []string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID"} {
		t.Setenv(name, "")
		_ = os.Unsetenv(name)
	}
	t.Setenv("HOME", t.TempDir())
	for name, value := range set {
		t.Setenv(name, value)
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func (e *endpoints) sandbox(t *testing.T, more string) string {
	t.Helper()
	file := write(t, "sandbox.yaml", `
graph:
  tenant: `+tenant+`
  authority: `+e.URL+`
  app: {clientID: `+app+`}
  roleless: {clientID: `+rolelessApp+`}
classroom:
  domain: school.example
  teacher: teacher@school.example
  tokenEndpoint: `+e.URL+`/token
`+more)
	if more != "" {
		ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: e.Certificate().Raw})
		if err := os.WriteFile(filepath.Join(filepath.Dir(file), "ca.pem"), ca, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// serviceAccount is the key file of one, and its private key's first line.
func serviceAccount(t *testing.T) (file, line string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	object, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "bot@project.example", "private_key_id": "1", "private_key": text,
		"token_uri": "https://token.invalid/never-called",
	})
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "key.json", string(object)), strings.Split(text, "\n")[1]
}

func TestSignInPrintsATokenAndAsksForItAsTheIdentity(t *testing.T) {
	account, _ := serviceAccount(t)
	federated, withNewline := write(t, "assertion", "the-assertion"), write(t, "assertion", "the-assertion\n")
	for name, check := range map[string]struct {
		as   string
		set  map[string]string
		path string
		form map[string]string
	}{
		"an app with a client secret": {"graph/app", map[string]string{"AZURE_CLIENT_SECRET": "app-secret"},
			"/" + tenant + "/oauth2/v2.0/token",
			map[string]string{"grant_type": "client_credentials", "client_id": app, "client_secret": "app-secret",
				"scope": "https://graph.microsoft.com/.default openid offline_access profile"}},
		"an app with a federated assertion": {"graph/app",
			map[string]string{"AZURE_FEDERATED_TOKEN_FILE": federated, "AZURE_TOKEN_CREDENTIALS": "WorkloadIdentityCredential"},
			"/" + tenant + "/oauth2/v2.0/token",
			map[string]string{"client_id": app, "client_assertion": "the-assertion"}},
		"the roleless app with a client secret": {"graph/roleless",
			map[string]string{"AZURE_CLIENT_SECRET": "app-secret", "LEARNCONTRACT_ROLELESS_CLIENT_SECRET": "its-own"},
			"/" + tenant + "/oauth2/v2.0/token",
			map[string]string{"client_id": rolelessApp, "client_secret": "its-own"}},
		"the roleless app with a federated assertion": {"graph/roleless",
			map[string]string{"AZURE_FEDERATED_TOKEN_FILE": withNewline},
			"/" + tenant + "/oauth2/v2.0/token",
			map[string]string{"client_id": rolelessApp, "client_assertion": "the-assertion"}},
		"a user with a refresh token": {"classroom/teacher", map[string]string{
			"LEARNCONTRACT_CLASSROOM_TEACHER_REFRESH_TOKEN": "refresh-me", "LEARNCONTRACT_GOOGLE_CLIENT_ID": "id",
			"LEARNCONTRACT_GOOGLE_CLIENT_SECRET": "secret", "GOOGLE_APPLICATION_CREDENTIALS": account},
			"/token", map[string]string{"grant_type": "refresh_token", "refresh_token": "refresh-me", "client_id": "id",
				"client_secret": "secret"}},
		"a user by domain-wide delegation": {"classroom/teacher", map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": account},
			"/token", map[string]string{"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}},
		"a user by application default credentials": {"classroom/teacher", map[string]string{
			"GOOGLE_APPLICATION_CREDENTIALS": write(t, "adc.json",
				`{"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}`)},
			"/token", map[string]string{"grant_type": "refresh_token", "refresh_token": "r"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := start(t)
			environment(t, check.set)
			var stdout, stderr bytes.Buffer
			args := []string{"--sandbox", e.sandbox(t, "ca: ca.pem\n"), "--as", check.as}
			if status := run(t.Context(), args, &stdout, &stderr); status != 0 || stderr.Len() > 0 {
				t.Fatalf("it ended with %d and said %s", status, &stderr)
			}
			var got printed
			if err := json.Unmarshal(stdout.Bytes(), &got); err != nil || got.Token != "issued" {
				t.Errorf("it printed %s", &stdout)
			}
			if left := time.Until(got.Expires); left < 50*time.Minute || left > time.Hour {
				t.Errorf("the token expires in %v", left)
			}
			if len(e.forms) != 1 || e.paths[0] != check.path {
				t.Fatalf("%v were asked", e.paths)
			}
			for field, want := range check.form {
				if got := e.forms[0].Get(field); got != want {
					t.Errorf("%s is %q; want %q", field, got, want)
				}
			}
			if strings.HasSuffix(check.form["grant_type"], "jwt-bearer") {
				checkAssertion(t, e, e.forms[0].Get("assertion"))
			}
		})
	}
}

// checkAssertion compares what a service account says of itself with the sandbox file.
func checkAssertion(t *testing.T, e *endpoints, assertion string) {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(assertion, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ Iss, Sub, Scope, Aud string }
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	if claims.Iss != "bot@project.example" || claims.Sub != "teacher@school.example" || claims.Aud != e.URL+"/token" ||
		!strings.Contains(claims.Scope, "auth/classroom.profile.emails") {
		t.Errorf("the assertion says %+v", claims)
	}
}

func TestSignInSaysWhatIsWrongWithoutASecret(t *testing.T) {
	account, line := serviceAccount(t)
	secrets := map[string]string{"AZURE_CLIENT_SECRET": "app-secret-app-secret",
		"AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"}
	for name, check := range map[string]struct {
		args   string
		set    map[string]string
		more   string // of the sandbox file
		reject string
		want   string
	}{
		"no identity": {"--as graph/admin", nil, "ca: ca.pem\n", "",
			`--as "graph/admin" is no identity: it is one of classroom/admin,`},
		"no such flag":          {"--who graph/app", nil, "ca: ca.pem\n", "", "write signin --sandbox FILE --as IDENTITY"},
		"a user not named":      {"--as classroom/student", nil, "ca: ca.pem\n", "", "does not name classroom.student"},
		"a broken sandbox file": {"--as graph/app", nil, "more: 1\n", "", "unknown key more"},
		"nothing for the roleless": {"--as graph/roleless", secrets, "ca: ca.pem\n", "",
			"nothing signs graph/roleless in: set LEARNCONTRACT_ROLELESS_CLIENT_SECRET"},
		"half a refresh token": {"--as classroom/teacher",
			map[string]string{"LEARNCONTRACT_CLASSROOM_TEACHER_REFRESH_TOKEN": "refresh-me"},
			"ca: ca.pem\n", "", "a refresh token needs LEARNCONTRACT_GOOGLE_CLIENT_ID"},
		"an app rejected": {"--as graph/app", secrets, "ca: ca.pem\n",
			`{"error": "invalid_client", "error_description": "the secret app-secret-app-secret is wrong"}`,
			"Entra issues no token for graph/app: invalid_client the secret [masked] is wrong: set AZURE_CLIENT_SECRET, and AZURE_TENANT_ID and AZURE_CLIENT_ID where they are " +
				"not those of the sandbox file, or run az login, or set LEARNCONTRACT_GRAPH_APP_TOKEN: "},
		"the roleless app rejected": {"--as graph/roleless", map[string]string{"LEARNCONTRACT_ROLELESS_CLIENT_SECRET": "app-secret-app-secret"},
			"ca: ca.pem\n", `{"error": "invalid_client"}`, "graph/roleless: invalid_client: check LEARNCONTRACT_ROLELESS_CLIENT_SECRET, or AZURE_FEDERATED_TOKEN_FILE, " +
				"or set LEARNCONTRACT_GRAPH_ROLELESS_TOKEN: "},
		"nothing signs the app in": {"--as graph/app", map[string]string{"AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"}, "ca: ca.pem\n", "",
			"set AZURE_CLIENT_SECRET, and "},
		"a user rejected": {"--as classroom/teacher", map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": account}, "ca: ca.pem\n",
			`{"error": "unauthorized_client", "error_description": "` + line + `"}`, "Google issues no token for classroom/teacher: unauthorized_client [masked]: see that"},
		"an authority of nobody known": {"--as graph/app", secrets, "", "", "shows a certificate of an unknown authority: " +
			"if it is a loopback address, name its ca in the sandbox file"},
		"an issuer of nobody known": {"--as classroom/teacher", map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": account}, "", "",
			"shows a certificate of an unknown authority: if it is a loopback address, name its ca in the sandbox file"},
	} {
		t.Run(name, func(t *testing.T) {
			e := start(t)
			e.reject = check.reject
			environment(t, check.set)
			var stdout, stderr bytes.Buffer
			args := append([]string{"--sandbox", e.sandbox(t, check.more)}, strings.Fields(check.args)...)
			if status := run(t.Context(), args, &stdout, &stderr); status != 1 || stdout.Len() > 0 {
				t.Errorf("it ended with %d and printed %s", status, &stdout)
			}
			if !strings.Contains(stderr.String(), check.want) {
				t.Errorf("it said\n%s\nand not\n%s", &stderr, check.want)
			}
			for _, secret := range []string{"app-secret-app-secret", line} {
				if strings.Contains(stderr.String(), secret) {
					t.Errorf("it said a secret: %s", &stderr)
				}
			}
			t.Log(stderr.String())
		})
	}
}

func TestSignInFollowsNoRedirect(t *testing.T) {
	account, _ := serviceAccount(t)
	for as, set := range map[string]map[string]string{
		"graph/app":         {"AZURE_CLIENT_SECRET": "app-secret", "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"},
		"classroom/teacher": {"GOOGLE_APPLICATION_CREDENTIALS": account},
	} {
		t.Run(as, func(t *testing.T) {
			e, elsewhere := start(t), start(t)
			e.redirect = elsewhere.URL + "/token"
			environment(t, set)
			var stdout, stderr bytes.Buffer
			if status := run(t.Context(), []string{"--sandbox", e.sandbox(t, "ca: ca.pem\n"), "--as", as}, &stdout,
				&stderr); status != 1 {
				t.Errorf("it ended with %d", status)
			}
			if len(e.forms) == 0 || len(elsewhere.forms) > 0 {
				t.Errorf("%d were asked here, and %d elsewhere", len(e.forms), len(elsewhere.forms))
			}
		})
	}
}
