package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// roundTripper is a function that is one.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestFederatedSignsInAsAUser plays Google's endpoints for a file of workload identity federation: the assertion buys a
// token of the pool, that one the service account's, which signs what buys the user's.
func TestFederatedSignsInAsAUser(t *testing.T) {
	var asked []string
	google := roundTripper(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		at, bearer := r.URL.Host+r.URL.Path, r.Header.Get("Authorization")
		recorder := httptest.NewRecorder()
		recorder.Header().Set("Content-Type", "application/json")
		switch {
		case at == "sts.googleapis.com/v1/token" && strings.Contains(string(body), "subject_token=the-assertion"):
			recorder.Body.WriteString(`{"access_token": "pool", "token_type": "Bearer", "expires_in": 3600,
				"issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}`)
		case strings.HasSuffix(at, "bot@project.example:generateAccessToken") && bearer == "Bearer pool":
			recorder.Body.WriteString(`{"accessToken": "account", "expireTime": "2099-01-02T03:04:05Z"}`)
		case strings.HasSuffix(at, "bot@project.example:signJwt") && bearer == "Bearer account":
			var sent struct{ Payload string }
			var claims struct{ Iss, Sub, Scope string }
			if json.Unmarshal(body, &sent) != nil || json.Unmarshal([]byte(sent.Payload), &claims) != nil ||
				claims.Iss != "bot@project.example" || claims.Sub != "teacher@school.example" ||
				!strings.Contains(claims.Scope, "auth/classroom.courses") {
				t.Errorf("it has signed %s", body)
			}
			recorder.Body.WriteString(`{"keyId": "1", "signedJwt": "signed"}`)
		case at == "oauth2.googleapis.com/token" && strings.Contains(string(body), "assertion=signed"):
			recorder.Body.WriteString(`{"access_token": "issued", "token_type": "Bearer", "expires_in": 3600}`)
		default:
			recorder.WriteHeader(http.StatusForbidden)
		}
		asked = append(asked, fmt.Sprintf("%s: %d", at, recorder.Code))
		response := recorder.Result()
		response.Request = r
		return response, nil
	})
	key := map[string]any{
		"type":               "external_account",
		"audience":           "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
		"subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": "https://sts.googleapis.com/v1/token",
		"credential_source": map[string]any{"file": write(t, "assertion", "the-assertion")},
		"service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/" +
			"bot@project.example:generateAccessToken",
	}
	provider, err := federated(key, []string{"https://www.googleapis.com/auth/classroom.courses"}, "teacher@school.example", &http.Client{Transport: google})
	if err != nil {
		t.Fatal(err)
	}
	token, err := provider.Token(t.Context())
	if err != nil || token.Value != "issued" {
		t.Errorf("the token is %+v, %v", token, err)
	}
	rejected := func(one string) bool { return !strings.HasSuffix(one, ": 200") }
	if len(asked) != 4 || slices.ContainsFunc(asked, rejected) {
		t.Errorf("it has asked %q", asked)
	}

	delete(key, "service_account_impersonation_url")
	if _, err := federated(key, []string{"https://www.googleapis.com/auth/classroom.courses"}, "teacher@school.example", &http.Client{Transport: google}); err == nil ||
		!strings.Contains(err.Error(), "names no service account") {
		t.Errorf("without a service account the error is %v", err)
	}
}
