package server

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// google hands out access tokens of users: for a refresh token, and for the assertion of a service account to which the
// domain's administrator has delegated its users.
type google struct {
	*http.ServeMux
	options Options
	url     string // its own

	clients    map[string]oauthClient // by sandbox.yaml's name of who signs in by it alone; "" for all others
	account    string                 // the service account's address
	accountKey signer                 // whose key the service account was given
	refresh    map[string]consent     // by refresh token

	mutex  sync.Mutex
	tokens map[string]grant // by access token
}

// grant is what an access token stands for.
type grant struct {
	user      *googleUser
	scopes    []string // without the prefix that all have
	project   string
	client    string // the OAuth client, or the service account, for which it was issued
	delegated bool   // whether by domain-wide delegation
	expires   time.Time
}

// consent is what a refresh token stands for.
type consent struct {
	key     string // what sandbox.yaml calls who consented
	address string
	scopes  string      // as grant takes them
	client  oauthClient // for which the user has consented
}

// oauthClient is an OAuth client of a Cloud project.
type oauthClient struct{ id, secret, project string }

func newOAuthClient(project string) oauthClient {
	return oauthClient{"standin-" + strings.ToLower(secret()[:12]) + ".apps.googleusercontent.com", "GOCSPX-" + secret(), project}
}

// realTokenURL is what an assertion may be made out to as well, as client libraries do whatever the endpoint.
const realTokenURL = "https://oauth2.googleapis.com/token"

const scopePrefix = "https://www.googleapis.com/auth/"

func newGoogle(options Options, url string) *google {
	o := &google{
		ServeMux: http.NewServeMux(), options: options, url: url,
		clients: map[string]oauthClient{"": newOAuthClient(ourProject()), otherProject: newOAuthClient(theirProject())},
		account: "sandbox@" + ourProject() + ".iam.gserviceaccount.com", accountKey: newSigner(),
		refresh: map[string]consent{}, tokens: map[string]grant{},
	}
	for _, user := range seed.Google.Users {
		if user.Key == "" || user.Suspended {
			continue
		}
		o.refresh["1//"+secret()+secret()] = consent{user.Key, user.Address, "", o.clients[""]}
		if user.Key == "teacher" {
			o.refresh["1//"+secret()+secret()] = consent{"limited", user.Address, "classroom.profile.emails", o.clients[""]}
			o.refresh["1//"+secret()+secret()] = consent{otherProject, user.Address, "", o.clients[otherProject]}
		}
	}
	o.HandleFunc("POST /token", o.token)
	o.HandleFunc("POST /tokeninfo", o.info)
	o.HandleFunc("/", notFoundPage)
	return o
}

func notFoundPage(w http.ResponseWriter, r *http.Request) {
	page := named(responses.Pages, "not-found")
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.WriteHeader(page.Status)
	_, _ = fmt.Fprint(w, fill(page.Body, []string{"path", r.URL.EscapedPath()})) // a client that went away needs no response
}

func (o *google) reject(w http.ResponseWriter, key string, values ...string) {
	response := named(responses.Google, key)
	writeJSON(w, response.Status, map[string]string{"error": response.Error, "error_description": fill(response.Description, values)})
}

func (o *google) token(w http.ResponseWriter, r *http.Request) {
	switch kind := r.PostFormValue("grant_type"); kind {
	case "refresh_token":
		o.refreshed(w, r)
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		o.asserted(w, r)
	default:
		o.reject(w, "grant-unsupported", "grant", kind)
	}
}

func (o *google) refreshed(w http.ResponseWriter, r *http.Request) {
	client, clientSecret, basic := r.BasicAuth()
	if !basic {
		client, clientSecret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	consented, known := o.refresh[r.PostFormValue("refresh_token")]
	switch {
	case !slices.ContainsFunc(slices.Collect(maps.Values(o.clients)), func(c oauthClient) bool { return c.id == client }):
		o.reject(w, "client-unknown")
	case !slices.ContainsFunc(slices.Collect(maps.Values(o.clients)), func(c oauthClient) bool { return c.id == client && c.secret == clientSecret }):
		o.reject(w, "secret-wrong")
	case !known || consented.client.id != client:
		o.reject(w, "refresh-token-wrong")
	default:
		scope := r.PostFormValue("scope")
		if consented.scopes != "" {
			scope = consented.scopes // a refresh token grants no more
		}
		o.grant(w, grant{user: findUser(consented.address), project: consented.client.project, client: consented.client.id}, scope)
	}
}

func (o *google) asserted(w http.ResponseWriter, r *http.Request) {
	var claims struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
		Scope    string `json:"scope"`
		IssuedAt int64  `json:"iat"`
		Expires  int64  `json:"exp"`
	}
	err := o.accountKey.verify(r.PostFormValue("assertion"), &claims)
	now := o.options.Now().Unix()
	user := findUser(claims.Subject)
	switch {
	case err != nil || claims.Issuer != o.account:
		o.reject(w, "assertion-wrong")
	case claims.Audience != o.url && claims.Audience != realTokenURL:
		o.reject(w, "audience-wrong")
	case now >= claims.Expires || claims.IssuedAt > now+300 || claims.Expires > claims.IssuedAt+3600:
		o.reject(w, "assertion-expired")
	case user == nil || user.Suspended:
		o.reject(w, "subject-unknown")
	case user.domain() != seed.Google.Domain:
		o.reject(w, "delegation-missing")
	default:
		o.grant(w, grant{user: user, delegated: true, project: ourProject(), client: o.account}, claims.Scope)
	}
}

// grant responds with a new access token for the scopes, or for all if none are asked for.
func (o *google) grant(w http.ResponseWriter, g grant, scope string) {
	all := allScopes()
	for name := range strings.FieldsSeq(scope) {
		name = strings.TrimPrefix(name, scopePrefix)
		if !slices.Contains(all, name) {
			o.reject(w, "scope-wrong")
			return
		}
		g.scopes = append(g.scopes, name)
	}
	if len(g.scopes) == 0 {
		g.scopes = all
	}
	g.expires = o.options.Now().Add(o.options.TokenLifetime)
	token := "ya29.a0" + secret() + secret()
	o.mutex.Lock()
	o.tokens[token] = g
	o.mutex.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": token, "token_type": "Bearer", "expires_in": int(o.options.TokenLifetime / time.Second),
		"scope": scopePrefix + strings.Join(g.scopes, " "+scopePrefix),
	})
}

// info says what an access token stands for, as Google's client libraries have it do, with the token in the header, or as its pages
// do, with the token in the query. It has no address: that is for tokens with a scope of userinfo.
func (o *google) info(w http.ResponseWriter, r *http.Request) {
	token := r.FormValue("access_token")
	if token == "" {
		token = bearer(r.Header.Get("Authorization"))
	}
	g, ok := o.lookUp(token)
	left := g.expires.Sub(o.options.Now())
	if !ok || left <= 0 {
		o.reject(w, "token-unknown")
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{
		"azp": g.client, "aud": g.client, "scope": scopePrefix + strings.Join(g.scopes, " "+scopePrefix), "access_type": "offline",
		"exp": strconv.FormatInt(g.expires.Unix(), 10), "expires_in": strconv.Itoa(int(left / time.Second)),
	})
}

// lookUp returns what an access token stands for, whether or not it has expired.
func (o *google) lookUp(token string) (grant, bool) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	g, ok := o.tokens[token]
	return g, ok
}

// identity is the address of the user who calls.
func (o *google) identity(r *http.Request) string {
	if g, ok := o.lookUp(bearer(r.Header.Get("Authorization"))); ok {
		return g.user.Address
	}
	return ""
}

// ServiceAccount is the key file of a service account that may act as any user of the Google domain.
func (s *Server) ServiceAccount() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(s.google.accountKey.key())
	if err != nil {
		return nil, err
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	file, err := json.MarshalIndent(map[string]string{
		"type": "service_account", "project_id": ourProject(), "client_email": s.google.account,
		"private_key_id": "stand-in", "private_key": string(key), "token_uri": s.GoogleToken,
	}, "", "  ")
	return file, err
}
