package sdk

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"testing"

	"cloud.google.com/go/auth/credentials"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	. "github.com/onsi/gomega"

	"github.com/learncontract/learncontract/suites/live/standin/server"
)

const unknown = "99999999-9999-4999-8999-999999999999"

// start starts a stand-in, and makes a client that trusts it and nobody else.
func start(t *testing.T) (*server.Server, *http.Client) {
	t.Helper()
	s, err := server.Start(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.CA) {
		t.Fatal("the CA is no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return s, &http.Client{Transport: transport}
}

// status is what a GET with the token receives.
func status(t *testing.T, client *http.Client, url, token string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}

// TestMicrosoftsOwnClientSignsIn signs in as an application by the library that live runs sign in by.
func TestMicrosoftsOwnClientSignsIn(t *testing.T) {
	n, client := start(t)
	env := n.Env()
	tenantID, id, secret := env["AZURE_TENANT_ID"], env["AZURE_CLIENT_ID"], env["AZURE_CLIENT_SECRET"]
	options := azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: n.Entra},
		Transport: client,
		Retry:     policy.RetryOptions{MaxRetries: -1},
	}
	bySecret := func(tenantID, secret string) (azcore.TokenCredential, error) {
		return azidentity.NewClientSecretCredential(tenantID, id, secret, &azidentity.ClientSecretCredentialOptions{
			ClientOptions: options, DisableInstanceDiscovery: true,
		})
	}
	byAssertion := func(of string) (azcore.TokenCredential, error) {
		get := func(context.Context) (string, error) { return n.Assertion(of), nil }
		return azidentity.NewClientAssertionCredential(tenantID, id, get, &azidentity.ClientAssertionCredentialOptions{
			ClientOptions: options, DisableInstanceDiscovery: true,
		})
	}
	for _, c := range []struct {
		name string
		make func() (azcore.TokenCredential, error)
		want string // what the error says
	}{
		{"by the secret", func() (azcore.TokenCredential, error) { return bySecret(tenantID, secret) }, ""},
		{"by an assertion", func() (azcore.TokenCredential, error) { return byAssertion(id) }, ""},
		{"by another secret", func() (azcore.TokenCredential, error) { return bySecret(tenantID, "guess") }, "AADSTS7000215"},
		{"by another's assertion", func() (azcore.TokenCredential, error) { return byAssertion(unknown) }, "AADSTS700027"},
		{"to another tenant", func() (azcore.TokenCredential, error) { return bySecret(unknown, secret) }, "AADSTS90002"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			credential, err := c.make()
			g.Expect(err).NotTo(HaveOccurred())
			token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/.default"}})
			if c.want != "" {
				g.Expect(err).To(MatchError(ContainSubstring(c.want)))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			activity := n.Graph + "/employeeExperience/learningCourseActivities/" + unknown
			g.Expect(status(t, client, activity, token.Token)).To(Equal(http.StatusNotFound))
		})
	}
}

// TestGooglesOwnClientSignsIn signs in as a user by the library that live runs sign in by.
func TestGooglesOwnClientSignsIn(t *testing.T) {
	n, client := start(t)
	env, ids := n.Env(), n.Fixtures()
	account, err := n.ServiceAccount()
	if err != nil {
		t.Fatal(err)
	}
	user := func(secret string) []byte {
		text, err := json.Marshal(map[string]string{
			"type": "authorized_user", "client_id": env["LEARNCONTRACT_GOOGLE_CLIENT_ID"], "client_secret": secret,
			"refresh_token": env["LEARNCONTRACT_CLASSROOM_TEACHER_REFRESH_TOKEN"],
		})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for _, c := range []struct {
		name    string
		kind    credentials.CredType
		file    []byte
		subject string
		want    string // what the error says
	}{
		{"by a service account", credentials.ServiceAccount, account, ids["classroom.teacher"], ""},
		{"by a refresh token", credentials.AuthorizedUser, user(env["LEARNCONTRACT_GOOGLE_CLIENT_SECRET"]), "", ""},
		{"as a user of another domain", credentials.ServiceAccount, account, ids["classroom.outsider"], "unauthorized_client"},
		{"by another secret", credentials.AuthorizedUser, user("guess"), "", "invalid_client"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			made, err := credentials.NewCredentialsFromJSON(c.kind, c.file, &credentials.DetectOptions{
				Scopes:  []string{"https://www.googleapis.com/auth/classroom.courses"},
				Subject: c.subject, TokenURL: n.GoogleToken, Client: client,
			})
			g.Expect(err).NotTo(HaveOccurred())
			token, err := made.Token(t.Context())
			if c.want != "" {
				g.Expect(err).To(MatchError(ContainSubstring(c.want)))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(status(t, client, n.Classroom+"/v1/courses", token.Value)).To(Equal(http.StatusOK))
		})
	}
}
