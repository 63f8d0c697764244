package server

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// entra hands out tokens of applications, by the client credentials flow.
type entra struct {
	*http.ServeMux
	options Options
	base    string // its own URL
	tokens  signer
	issuer  signer            // of the federated assertions
	secrets map[string]string // by client id
}

// graphAudience is whom tokens for Microsoft Graph are for, and graphAppID the id of the same.
const (
	graphAudience = "https://graph.microsoft.com"
	graphAppID    = "00000003-0000-0000-c000-000000000000"
)

// appClaims are the claims of an application's token.
type appClaims struct {
	Audience  string   `json:"aud"`
	Issuer    string   `json:"iss"`
	IssuedAt  int64    `json:"iat"`
	NotBefore int64    `json:"nbf"`
	Expires   int64    `json:"exp"`
	AppID     string   `json:"appid"`
	Roles     []string `json:"roles,omitempty"`
	Tenant    string   `json:"tid"`
	Version   string   `json:"ver"`
}

// assertionClaims are those of a federated assertion, such as a CI system gives its jobs.
type assertionClaims struct {
	Audience string `json:"aud"`
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Expires  int64  `json:"exp"`
}

func newEntra(options Options, base string) *entra {
	e := &entra{
		ServeMux: http.NewServeMux(), options: options, base: base,
		tokens: newSigner(), issuer: newSigner(), secrets: map[string]string{},
	}
	for _, app := range seed.Graph.Apps {
		e.secrets[app.ClientID] = secret()
	}
	e.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", e.configuration)
	e.HandleFunc("GET /common/discovery/instance", e.instances)
	e.HandleFunc("POST /{tenant}/oauth2/v2.0/token", e.token)
	e.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { e.reject(w, "page-unknown") })
	return e
}

func (e *entra) reject(w http.ResponseWriter, key string, values ...string) {
	response := named(responses.Entra, key)
	trace := guid()
	writeJSON(w, response.Status, map[string]any{
		"error": response.Error,
		"error_description": fill(response.Description, values) + " Trace ID: " + trace +
			" Timestamp: " + e.options.Now().UTC().Format("2006-01-02 15:04:05Z"),
		"timestamp": e.options.Now().UTC().Format("2006-01-02 15:04:05Z"),
		"trace_id":  trace,
	})
}

func (e *entra) configuration(w http.ResponseWriter, r *http.Request) {
	tenant := r.PathValue("tenant")
	if tenant != seed.Graph.Tenant {
		e.reject(w, "tenant-unknown", "tenant", tenant)
		return
	}
	at := e.base + "/" + tenant
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                at + "/v2.0",
		"authorization_endpoint":                at + "/oauth2/v2.0/authorize",
		"token_endpoint":                        at + "/oauth2/v2.0/token",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt"},
	})
}

// instances says by which names the authority is known.
func (e *entra) instances(w http.ResponseWriter, r *http.Request) {
	host := strings.TrimPrefix(e.base, "https://")
	writeJSON(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": e.base + "/" + seed.Graph.Tenant + "/v2.0/.well-known/openid-configuration",
		"api-version":               r.URL.Query().Get("api-version"),
		"metadata": []any{map[string]any{
			"preferred_network": host, "preferred_cache": host, "aliases": []string{host},
		}},
	})
}

func (e *entra) token(w http.ResponseWriter, r *http.Request) {
	tenant, client := r.PathValue("tenant"), r.PostFormValue("client_id")
	want, known := e.secrets[client]
	scope := r.PostFormValue("scope")
	switch {
	case tenant != seed.Graph.Tenant:
		e.reject(w, "tenant-unknown", "tenant", tenant)
	case r.PostFormValue("grant_type") != "client_credentials":
		e.reject(w, "grant-unsupported", "grant", r.PostFormValue("grant_type"))
	case !known:
		e.reject(w, "client-unknown", "client", client, "tenant", tenant)
	case r.PostForm.Has("client_assertion") && !e.asserts(r.PostFormValue("client_assertion"), client):
		e.reject(w, "assertion-wrong")
	case !r.PostForm.Has("client_assertion") && r.PostFormValue("client_secret") != want:
		e.reject(w, "secret-wrong", "client", client)
	case !slices.Contains(strings.Fields(scope), graphAudience+"/.default"):
		e.reject(w, "scope-wrong", "scope", scope)
	default:
		lifetime := int(e.options.TokenLifetime / time.Second)
		writeJSON(w, http.StatusOK, map[string]any{
			"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime,
			"access_token": e.issue(client),
		})
	}
}

// issue makes a token of an application.
func (e *entra) issue(client string) string {
	now := e.options.Now()
	claims := appClaims{
		Audience: graphAudience, Issuer: "https://sts.windows.net/" + seed.Graph.Tenant + "/",
		IssuedAt: now.Unix(), NotBefore: now.Unix(), Expires: now.Add(e.options.TokenLifetime).Unix(),
		AppID: client, Tenant: seed.Graph.Tenant, Version: "1.0",
	}
	for _, app := range seed.Graph.Apps {
		if app.ClientID == client {
			claims.Roles = app.Roles
		}
	}
	return e.tokens.sign(claims)
}

// asserts reports whether a federated assertion is one for the application.
func (e *entra) asserts(assertion, client string) bool {
	var claims assertionClaims
	return e.issuer.verify(assertion, &claims) == nil && claims.Subject == client &&
		claims.Audience == assertionAudience && e.options.Now().Unix() < claims.Expires
}

const assertionAudience = "api://AzureADTokenExchange"

// Assertion makes a federated assertion for an application, as a CI system's identity provider would: Entra's endpoint takes
// it in place of the client's secret, for an hour.
func (s *Server) Assertion(clientID string) string {
	return s.entra.issuer.sign(assertionClaims{
		Audience: assertionAudience, Issuer: "https://issuer.example", Subject: clientID,
		Expires: s.options.Now().Add(time.Hour).Unix(),
	})
}
