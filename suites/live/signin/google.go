package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"strings"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/credentials/impersonate"
	"cloud.google.com/go/auth/httptransport"

	"github.com/learncontract/learncontract/suites/live"
)

const (
	googleKeyFile    = "GOOGLE_APPLICATION_CREDENTIALS"
	googleScopes     = "LEARNCONTRACT_CLASSROOM_SCOPES"
	googleClient     = "LEARNCONTRACT_GOOGLE_CLIENT_ID"
	googleSecret     = "LEARNCONTRACT_GOOGLE_CLIENT_SECRET"
	otherClient      = "LEARNCONTRACT_OTHER_PROJECT_CLIENT_ID"
	otherSecret      = "LEARNCONTRACT_OTHER_PROJECT_CLIENT_SECRET"
	otherKeyFile     = "LEARNCONTRACT_OTHER_PROJECT_CREDENTIALS"
	scopePrefix      = "https://www.googleapis.com/auth/classroom."
	serviceAccountID = "service_account"
	federationID     = "external_account"
)

// scopesOf are what the requests of Classroom need. The environment variable names others, after "classroom.", where an
// administrator has not delegated all of them: a clause that needs another is an engine error.
func scopesOf(sandbox *live.Sandbox, identity string) (scopes []string) {
	names := strings.FieldsFunc(os.Getenv(googleScopes), func(r rune) bool { return r == ' ' || r == ',' })
	if len(names) == 0 || identity == "limited" {
		return sandbox.Scopes(identity)
	}
	for _, name := range names {
		scopes = append(scopes, scopePrefix+strings.TrimPrefix(name, scopePrefix))
	}
	return scopes
}

// google signs a user in: by a refresh token, by a service account to which the domain delegates, whose key or whose file
// of workload identity federation is given, or by application default credentials, which are one user's.
func google(ctx context.Context, sandbox *live.Sandbox, identity string) (printed, error) {
	as := "classroom/" + identity
	user, err := sandbox.Account(identity)
	if err != nil {
		return printed{}, err
	}
	_, custom := sandbox.Value("classroom.tokenEndpoint")
	endpoint, scopes := sandbox.TokenEndpoint(), scopesOf(sandbox, identity)
	requester := client(sandbox, endpoint)

	var provider auth.TokenProvider
	file, clientID, clientSecret := googleKeyFile, googleClient, googleSecret
	if identity == "otherProject" { // whom nothing of the first project signs in
		file, clientID, clientSecret = otherKeyFile, otherClient, otherSecret
	}
	key := keyFile(file)
	switch refresh := os.Getenv(live.RefreshTokenVariable(as)); {
	case refresh != "":
		provider, err = refreshed(refresh, clientID, clientSecret, endpoint, requester)
	case key["type"] == serviceAccountID:
		if custom {
			key["token_uri"] = endpoint
		}
		provider, err = delegated(key, scopes, user, requester)
	case key["type"] == federationID:
		provider, err = federated(key, scopes, user, requester)
	case identity == "otherProject":
		err = errors.New("it takes an OAuth client, or a service account, of a second Cloud project")
	default:
		provider, err = credentials.DetectDefault(&credentials.DetectOptions{Scopes: scopes, TokenURL: endpoint, Client: requester})
	}
	if err != nil {
		return printed{}, fmt.Errorf("nothing signs %s in: %w: set %s, or %s to a service account's key or file of federation, or %s", as, err,
			live.RefreshTokenVariable(as), file, live.TokenVariable(as))
	}
	token, err := provider.Token(ctx)
	if err != nil {
		return printed{}, fmt.Errorf("Google issues no token for %s: %s: see that what signs in is delegated or consented to, or set %s; it requested %s", //nolint:staticcheck // a name
			as, cause(requester, err), live.TokenVariable(as), strings.Join(scopes, " "))
	}
	return printed{token.Value, token.Expiry}, nil
}

// keyFile is the JSON object of the file that a variable names, as that of application default credentials does, nil if there is none.
func keyFile(variable string) (key map[string]any) {
	text, err := os.ReadFile(os.Getenv(variable))
	if err != nil || json.Unmarshal(text, &key) != nil {
		return nil // DetectDefault says what is wrong with it
	}
	return key
}

// delegated signs in as a user by the key of a service account.
func delegated(key map[string]any, scopes []string, user string, requester *http.Client) (auth.TokenProvider, error) {
	text, err := json.Marshal(key)
	if err != nil {
		return nil, err
	}
	return credentials.NewCredentialsFromJSON(credentials.ServiceAccount, text, &credentials.DetectOptions{
		Scopes: scopes, Subject: user, Client: requester,
	})
}

// federated signs in as a user without a key: the file is good for a token of the service account, which then signs for
// the user. It must be Service Account Token Creator of itself.
func federated(key map[string]any, scopes []string, user string, requester *http.Client) (auth.TokenProvider, error) {
	address, _ := key["service_account_impersonation_url"].(string)
	name, found := strings.CutSuffix(path.Base(address), ":generateAccessToken")
	if !found {
		return nil, errors.New("the file of workload identity federation names no service account, and a user of Classroom " +
			"is none: write its service_account_impersonation_url")
	}
	text, err := json.Marshal(key)
	if err != nil {
		return nil, err
	}
	account, err := credentials.NewCredentialsFromJSON(credentials.ExternalAccount, text, &credentials.DetectOptions{
		Scopes: []string{"https://www.googleapis.com/auth/cloud-platform"}, Client: requester,
	})
	if err != nil {
		return nil, err
	}
	signer, err := httptransport.NewClient(&httptransport.Options{Credentials: account, BaseRoundTripper: requester.Transport})
	if err != nil {
		return nil, err
	}
	signer.CheckRedirect = requester.CheckRedirect
	return impersonate.NewCredentials(&impersonate.CredentialsOptions{
		TargetPrincipal: name, Subject: user, Scopes: scopes, Credentials: account, Client: signer,
	})
}

// refreshed signs in by a refresh token, whose scopes are those that the user has consented to.
func refreshed(token, clientID, clientSecret, endpoint string, requester *http.Client) (auth.TokenProvider, error) {
	id, secret := os.Getenv(clientID), os.Getenv(clientSecret)
	if id == "" || secret == "" {
		return nil, fmt.Errorf("a refresh token needs %s and %s too: set them", clientID, clientSecret)
	}
	return auth.New3LOTokenProvider(&auth.Options3LO{
		ClientID: id, ClientSecret: secret, AuthURL: "https://accounts.google.com/o/oauth2/auth", TokenURL: endpoint,
		AuthStyle: auth.StyleInParams, RefreshToken: token, Client: requester, DisableAsyncRefresh: true,
	})
}
