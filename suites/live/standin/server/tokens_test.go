package server_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/learncontract/learncontract/suites/live/standin/server"
)

func TestEntraTellsWhyThereIsNoToken(t *testing.T) {
	n := start(t, server.Options{})
	tenantID, id, secret := n.env["AZURE_TENANT_ID"], n.env["AZURE_CLIENT_ID"], n.env["AZURE_CLIENT_SECRET"]
	const scope = "https://graph.microsoft.com/.default"
	for _, c := range []struct {
		name    string
		tenant  string
		changes []string
		want    string
	}{
		{"another tenant", unknown, nil, "invalid_request AADSTS90002:"},
		{"another application", tenantID, []string{"client_id", unknown}, "unauthorized_client AADSTS700016:"},
		{"another secret", tenantID, []string{"client_secret", "guess"}, "invalid_client AADSTS7000215:"},
		{"no secret", tenantID, []string{"client_secret", ""}, "invalid_client AADSTS7000215:"},
		{"another's assertion", tenantID, []string{"client_assertion", n.Assertion(unknown)}, "invalid_client AADSTS700027:"},
		{"no assertion", tenantID, []string{"client_assertion", "a.b.c"}, "invalid_client AADSTS700027:"},
		{"another resource", tenantID, []string{"scope", "https://vault.azure.net/.default"}, "invalid_scope AADSTS1002012:"},
		{"another grant", tenantID, []string{"grant_type", "password"}, "unsupported_grant_type AADSTS70003:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			form := []string{"grant_type", "client_credentials", "client_id", id, "client_secret", secret, "scope", scope}
			a := n.form(n.Entra+"/"+c.tenant+"/oauth2/v2.0/token", append(form, c.changes...)...)
			g := NewWithT(t)
			g.Expect(a.status).To(BeNumerically(">=", 400))
			g.Expect(a.at("access_token")).To(BeNil())
			description, _ := a.at("error_description").(string)
			g.Expect(a.at("error").(string) + " " + description).To(HavePrefix(c.want))
		})
	}
}

func TestAnAssertionIsAsGoodAsASecret(t *testing.T) {
	g := NewWithT(t)
	n := start(t, server.Options{})
	id := n.env["AZURE_CLIENT_ID"]
	n.tokens["app"] = n.appToken("client_id", id, "client_assertion", n.Assertion(id))
	g.Expect(n.graph("app", http.MethodGet, "/employeeExperience/learningProviders", "").status).To(Equal(200))
}

func TestATokensClaimsTellWhoseItIs(t *testing.T) {
	g := NewWithT(t)
	now := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	n := start(t, server.Options{Now: func() time.Time { return now }, TokenLifetime: 10 * time.Minute})
	n.graph("app", http.MethodGet, "/", "")
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(n.tokens["app"], ".")[1])
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(payload).To(MatchJSON(`{
		"aud": "https://graph.microsoft.com", "iss": "https://sts.windows.net/` + n.env["AZURE_TENANT_ID"] + `/",
		"iat": 1788249600, "nbf": 1788249600, "exp": 1788250200, "ver": "1.0",
		"appid": "` + n.env["AZURE_CLIENT_ID"] + `", "tid": "` + n.env["AZURE_TENANT_ID"] + `",
		"roles": ["LearningAssignedCourse.ReadWrite.All", "LearningSelfInitiatedCourse.ReadWrite.All"]}`))
}

func TestGraphTakesNoTokenButItsOwn(t *testing.T) {
	now := time.Now()
	n := start(t, server.Options{Now: func() time.Time { return now }})
	other := start(t, server.Options{})
	n.graph("app", http.MethodGet, "/", "")
	n.graph("roleless", http.MethodGet, "/", "")
	other.graph("app", http.MethodGet, "/", "")
	own := n.tokens["app"]
	parts := strings.Split(own, ".")
	for _, c := range []struct{ name, authorization, want string }{
		{"none", "", "Access token is empty."},
		{"another scheme", "Basic " + own, "Access token is empty."},
		{"garbage", "Bearer garbage", "CompactToken parsing failed"},
		{"one of Google", "Bearer " + n.userToken("teacher"), "CompactToken parsing failed"},
		{"one that somebody else signed", "Bearer " + other.tokens["app"], "CompactToken parsing failed"},
		{"one that was changed", "Bearer " + parts[0] + "." + strings.Split(n.tokens["roleless"], ".")[1] + "." + parts[2], "CompactToken"},
		{"one for something else", "Bearer " + n.Assertion(n.env["AZURE_CLIENT_ID"]), "CompactToken parsing failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			a := n.send(http.MethodGet, n.Graph+item+unknown, "", c.authorization, "")
			g.Expect(a.rejected()).To(HavePrefix("401 InvalidAuthenticationToken " + c.want))
		})
	}
	t.Run("one that has expired", func(t *testing.T) {
		g := NewWithT(t)
		now = now.Add(time.Hour)
		a := n.graph("app", http.MethodGet, item+unknown, "")
		g.Expect(a.rejected()).To(HavePrefix("401 InvalidAuthenticationToken Lifetime validation failed"))
		g.Expect(n.Requests()[len(n.Requests())-1].Identity).To(Equal(n.env["AZURE_CLIENT_ID"]))
	})
}

func TestClassroomTakesNoTokenThatHasExpired(t *testing.T) {
	g := NewWithT(t)
	now := time.Now()
	n := start(t, server.Options{Now: func() time.Time { return now }, TokenLifetime: time.Minute})
	n.must("teacher", http.MethodGet, "courses", "")
	now = now.Add(time.Minute)
	a := n.as("teacher", http.MethodGet, "courses", "")
	g.Expect(a.failure()).To(HavePrefix("401 UNAUTHENTICATED Request had invalid authentication credentials."))
	date, err := http.ParseTime(a.header.Get("Date"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(date).To(BeTemporally("~", now, time.Second), "the server's clock is the one it was given")
}

func TestGoogleTellsWhyThereIsNoToken(t *testing.T) {
	n := start(t, server.Options{})
	id, secret := n.env["LEARNCONTRACT_GOOGLE_CLIENT_ID"], n.env["LEARNCONTRACT_GOOGLE_CLIENT_SECRET"]
	refresh := n.env["LEARNCONTRACT_CLASSROOM_OTHER_TEACHER_REFRESH_TOKEN"]
	for _, c := range []struct {
		name string
		form []string
		want string
	}{
		{"another client", []string{"client_id", "x", "client_secret", secret, "refresh_token", refresh}, "401 invalid_client"},
		{"another secret", []string{"client_id", id, "client_secret", "x", "refresh_token", refresh}, "401 invalid_client"},
		{"another token", []string{"client_id", id, "client_secret", secret, "refresh_token", "x"}, "400 invalid_grant"},
		{"a scope that is none", []string{"client_id", id, "client_secret", secret, "refresh_token", refresh, "scope", "x"}, "400 invalid_scope"},
		{"another grant", []string{"grant_type", "password"}, "400 unsupported_grant_type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := n.form(n.GoogleToken, append([]string{"grant_type", "refresh_token"}, c.form...)...)
			g := NewWithT(t)
			g.Expect(a.at("access_token")).To(BeNil())
			g.Expect(http.StatusText(a.status)).NotTo(BeEmpty())
			g.Expect(a.at("error")).To(Equal(c.want[4:]))
			g.Expect(a.status).To(Equal(map[string]int{"400": 400, "401": 401}[c.want[:3]]))
			g.Expect(a.at("error_description")).NotTo(BeEmpty())
		})
	}
}

// serviceAccount signs assertions with the key of the stand-in's service account.
func (n *tenant) serviceAccount(claims map[string]any) response {
	n.t.Helper()
	text, err := n.ServiceAccount()
	if err != nil {
		n.t.Fatal(err)
	}
	var file struct {
		Key   string `json:"private_key"`
		Email string `json:"client_email"`
		URI   string `json:"token_uri"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		n.t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(file.Key))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		n.t.Fatal(err)
	}
	now := time.Now().Unix()
	all := map[string]any{
		"iss": file.Email, "aud": file.URI, "iat": now, "exp": now + 3600, "sub": n.ids["classroom.teacher"],
		"scope": "https://www.googleapis.com/auth/classroom.courses",
	}
	maps.Copy(all, claims)
	payload, err := json.Marshal(all)
	if err != nil {
		n.t.Fatal(err)
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key.(*rsa.PrivateKey), crypto.SHA256, digest[:])
	if err != nil {
		n.t.Fatal(err)
	}
	return n.form(file.URI, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer",
		"assertion", signed+"."+base64.RawURLEncoding.EncodeToString(signature))
}

func TestAServiceAccountActsAsAUserOfTheDomain(t *testing.T) {
	g := NewWithT(t)
	n := start(t, server.Options{})
	a := n.serviceAccount(nil)
	g.Expect(a.status).To(Equal(200), a.text)
	n.tokens["delegated"] = a.at("access_token").(string)
	g.Expect(n.must("delegated", http.MethodGet, "courses/"+n.ids["classroom.fullCourse"], "").id()).NotTo(BeEmpty())
	g.Expect(n.Requests()[len(n.Requests())-1].Identity).To(Equal(n.ids["classroom.teacher"]))
	g.Expect(n.as("delegated", http.MethodGet, "courses/1/topics", "").failure()).To(
		Equal("403 PERMISSION_DENIED Request had insufficient authentication scopes."))

	for name, claims := range map[string]map[string]any{
		"invalid_grant":       {"sub": "nobody@school.example"},
		"unauthorized_client": {"sub": n.ids["classroom.outsider"]},
		"invalid_scope":       {"scope": "x"},
	} {
		g.Expect(n.serviceAccount(claims).at("error")).To(Equal(name))
	}
	for _, claims := range []map[string]any{{"aud": "https://elsewhere.example/token"}, {"exp": 1}, {"iss": "x"}} {
		g.Expect(n.serviceAccount(claims).at("error")).To(Equal("invalid_grant"), "%v", claims)
	}
}
