package live

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/learncontract/learncontract/matchers/exchange"
)

// renewBefore is how long before its end a token is requested anew: longer than a request and its wait take.
const renewBefore = 2 * time.Minute

// Prove signs an identity in and compares it with the sandbox file, as its first request would, so that what is wrong is
// reported before any other request.
func (tr *Transport) Prove(ctx context.Context, identity string) error {
	if err := tr.checkIdentity(identity); err != nil {
		return err
	}
	_, err := tr.proven(ctx, identity)
	return err
}

func (tr *Transport) checkIdentity(identity string) error {
	known := Identities(tr.provider)
	if slices.Contains(known, identity) {
		return nil
	}
	return engineErrorf(opSignIn, "%s has no identity %q: it has %s", tr.provider, identity, strings.Join(known, ", "))
}

// Forget has the next request of an identity sign in anew, after a response that says its token is no longer good.
func (tr *Transport) Forget(identity string) {
	tr.mutex.Lock()
	defer tr.mutex.Unlock()
	delete(tr.identities, identity)
}

// proof is what is known of an identity that is whom the file names.
type proof struct {
	token  Token
	user   string   // the id of the user; empty of an app
	scopes []string // scopes, or an app's roles, that the token has
}

// proven returns the proof of an identity that is whom the file names. It signs in, and checks whose the token is, once for each
// token. An identity that is somebody else is refused for good; the others are not, for they may have to clean up.
func (tr *Transport) proven(ctx context.Context, name string) (proof, error) {
	tr.mutex.Lock()
	who := tr.identities[name]
	if who == nil {
		who = &identity{busy: make(chan struct{}, 1)}
		tr.identities[name] = who
	}
	tr.mutex.Unlock()
	select {
	case who.busy <- struct{}{}:
		defer func() { <-who.busy }()
	case <-ctx.Done():
		return proof{}, waitError(ctx, ctx.Err())
	}
	if who.err != nil {
		return proof{}, who.err
	}
	if token := who.proof.token; token.value != nil && (token.Expires.IsZero() || time.Until(token.Expires) > renewBefore) {
		return who.proof, nil
	}
	token, err := tr.signedIn(ctx, name)
	if err != nil {
		return proof{}, err
	}
	check := tr.checkApp
	if tr.provider == "classroom" {
		check = tr.checkUser
	}
	found, err := check(ctx, name, token)
	if e, ok := err.(*EngineError); ok && e.Op == opGuard { //nolint:errorlint // a check returns it itself
		who.err = err
	}
	if err != nil {
		return proof{}, err
	}
	who.proof = found
	return found, nil
}

// signedIn gets a token.
func (tr *Transport) signedIn(ctx context.Context, name string) (Token, error) {
	as := tr.provider + "/" + name
	key := account(tr.provider, name)
	if tr.provider == "graph" {
		key = "graph.tenant"
	}
	if _, ok := tr.sandbox.Value(key); !ok {
		return Token{}, engineErrorf(opSignIn, "%s does not name %s, so no request can be sent as that identity: name it", tr.sandbox.File(), key)
	}
	tr.options.Waiting(as + " to sign in")
	token, err := tr.signIn(ctx, as)
	tr.options.Waiting("")
	if err != nil {
		if already, ok := err.(*EngineError); ok { //nolint:errorlint // to be shown as it is
			return Token{}, already
		}
		return Token{}, wrapWithText(opSignIn, err, "%s cannot sign in: %s", as, shown(err.Error()))
	}
	if token.value == nil || token.value() == "" {
		return Token{}, engineErrorf(opSignIn, "%s got an empty token: see that what signs in prints one, or set %s", as, TokenVariable(as))
	}
	if tr.options.Secrets != nil {
		tr.options.Secrets.Add("the token of "+as, token.value())
	}
	if !token.Expires.IsZero() && !time.Now().Before(token.Expires) {
		return Token{}, engineErrorf(opSignIn, "%s got a token that expired at %s: check this machine's clock", as,
			token.Expires.UTC().Format(time.RFC3339))
	}
	return token, nil
}

// checkApp compares what a token for Graph says of itself with the file. Nobody verifies its signature: it came from the token
// endpoint over TLS, or from the user, and nobody else can have made it.
func (tr *Transport) checkApp(_ context.Context, name string, token Token) (proof, error) {
	key := account("graph", name)
	found, err := token.claims()
	if err != nil {
		return proof{}, engineErrorf(opGuard, "the token of graph/%s does not say of which tenant it is, for %w, and so it is %w: set one that Entra made for Microsoft Graph", name, err, ErrOtherTenant)
	}
	tenant, _ := tr.sandbox.Value("graph.tenant")
	app, appNamed := tr.sandbox.Value(key)
	issued := found.Issuer == "" || strings.Contains(lowerASCII(found.Issuer), lowerASCII(tenant))
	known := func(audience string) bool { return equalASCII(audience, found.Audience) }
	switch {
	case !equalASCII(found.Tenant, tenant):
		return proof{}, tr.other("the token of graph/"+name, "tenant", "graph.tenant", found.Tenant)
	case !issued:
		return proof{}, tr.other("the token of graph/"+name, "an issuer for a tenant", "graph.tenant", found.Issuer)
	case !slices.ContainsFunc(tr.sandbox.facts.Audiences, known):
		why := "request the scope " + tr.sandbox.facts.Audiences[0] + "/.default"
		if at := tr.sandbox.nationalCloud(found.Audience); at != "" {
			why = at
		}
		return proof{}, engineErrorf(opGuard, "the token of graph/%s is for %q and not for Microsoft Graph, and so it is %w: %s",
			name, exchange.Printable(found.Audience), ErrOtherTenant, why)
	case found.Delegated != "" || found.Kind != "" && found.Kind != "app":
		return proof{}, engineErrorf(opGuard, "the token of graph/%s is a user's, delegated to an app, and so it is %w: sign the app itself in, by its "+
			"secret, certificate or federation", name, ErrOtherTenant)
	case appNamed && found.App != "" && found.Party != "" && !equalASCII(found.App, found.Party):
		return proof{}, tr.other("the token of graph/"+name, "two apps, one of them", key, found.Party)
	case appNamed && !equalASCII(cmp.Or(found.App, found.Party), app):
		return proof{}, tr.other("the token of graph/"+name, "app", key, cmp.Or(found.App, found.Party))
	}
	return proof{token, "", found.Roles}, nil
}

// checkUser gets from Classroom whose token it is, and from the token endpoint which scopes it has.
func (tr *Transport) checkUser(ctx context.Context, name string, token Token) (proof, error) {
	info, err := tr.tokenInfo(ctx, name, token)
	if err != nil {
		return proof{}, err
	}
	as, key := "classroom/"+name, account("classroom", name)
	want, _ := tr.sandbox.Value(key)
	if info.Address != "" && !equalASCII(info.Address, want) {
		return proof{}, tr.other(as, "user", key, info.Address)
	}
	if client, _ := tr.sandbox.Value("classroom.otherProject"); name == "otherProject" && info.Client != client {
		return proof{}, tr.other(as, "client", "classroom.otherProject", info.Client)
	}
	scopes := strings.Fields(info.Scope)
	x, err := tr.get(ctx, name, profilePath, token)
	if err != nil {
		return proof{}, err
	}
	status := x.Status()
	var profile struct {
		ID      string `json:"id"`
		Address string `json:"emailAddress"`
	}
	says, _, _ := strings.Cut(x.TextAt("/error/message"), " ")
	unreadable := readStrictly(x.Body(), &profile)
	foreign := tr.foreign(x)
	refusal, reason := tr.refusal(x)
	switch {
	case isBusy(status) || refusal != nil && refusal.Wait || status >= http.StatusInternalServerError:
		return proof{}, engineErrorf(opNetwork, "%s cannot be identified: GET %s received %d: try again later", as, profilePath, status)
	case status == http.StatusForbidden && turnedOff[name] != "" && says == turnedOff[name]:
		return proof{token, "", scopes}, nil // for whom all of Classroom is off, it lets change nothing, in whatever domain
	case foreign != nil:
		return proof{}, foreign
	case refusal != nil && !refusal.Rights:
		return proof{}, engineErrorf(opSignIn, "%s cannot be identified: GET %s received %d, and %s (%s): see to that first", as, profilePath, status,
			refusal.Says, exchange.Printable(reason))
	case status != http.StatusOK:
		return proof{}, engineErrorf(opSignIn, "%s cannot be identified: GET %s received %d: sign in with the scope classroom.profile.emails",
			as, profilePath, status)
	case unreadable != nil:
		return proof{}, engineErrorf(opGuard, "%s does not say who it is, and so it is %w: the response to GET %s cannot be read, for %w", as,
			ErrOtherTenant, profilePath, unreadable)
	case profile.Address == "":
		return proof{}, engineErrorf(opGuard, "%s does not say who it is, and so it is %w: GET %s has no emailAddress, which the "+
			"scope classroom.profile.emails shows: sign in with it", as, ErrOtherTenant, profilePath)
	case !equalASCII(profile.Address, want):
		return proof{}, tr.other(as, "user", key, profile.Address)
	}
	return proof{token, profile.ID, scopes}, nil
}

// tokenInfo is what Google's token endpoint says of an access token.
type tokenInfo struct {
	Scope   string `json:"scope"`
	Client  string `json:"azp"`   // for which it was issued
	Address string `json:"email"` // where the token has the scope of it
}

// tokenInfo sends a token to those who issued it. What they do not say is not guessed.
func (tr *Transport) tokenInfo(ctx context.Context, name string, token Token) (info tokenInfo, err error) {
	address := tr.sandbox.tokenInfo()
	limited, cancel := context.WithTimeout(ctx, tr.options.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(limited, http.MethodPost, address, nil)
	if err != nil {
		return info, err
	}
	r.Header.Set("Authorization", "Bearer "+token.value())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := tr.options.Base.RoundTrip(r)
	if err != nil {
		return info, networkError(ctx, r.URL.Host, err)
	}
	defer response.Body.Close()
	x, err := exchange.Capture(response)
	if err != nil {
		return info, networkError(ctx, r.URL.Host, err)
	}
	status, says := x.Status(), x.TextAt("/error_description")
	switch {
	case status == http.StatusBadRequest || status == http.StatusUnauthorized:
		return info, engineErrorf(opSignIn, "the token of classroom/%s is none that Google knows (%s received %d %s): sign in again", name, address, status,
			exchange.Printable(says))
	case status != http.StatusOK:
		return info, engineErrorf(opNetwork, "which scopes the token of classroom/%s has is not known, for %s received %d: check the network and its "+
			"proxies, or try again later", name, address, status)
	}
	err = readStrictly(x.Body(), &info)
	if err == nil && info.Scope == "" {
		err = errors.New("it has no scope")
	}
	if err != nil {
		return info, engineErrorf(opSignIn, "which scopes the token of classroom/%s has is not known, for %s does not say (%v): check the network and its proxies",
			name, address, err)
	}
	return info, nil
}

// turnedOff are the errors, by their names, with which Classroom refuses everything to whom an administrator has turned it, or its
// API, off (developers.google.com/workspace/classroom/reference/Access.Denied).
var turnedOff = map[string]string{"classroomOff": "@ClassroomDisabled", "apiOff": "@ClassroomApiDisabled"}

const profilePath = "/v1/userProfiles/me"

// get reads a path, and again where the provider asks to wait.
func (tr *Transport) get(ctx context.Context, as, path string, token Token) (x exchange.Exchange, err error) {
	for range 3 {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, tr.sandbox.Endpoint(tr.provider)+path, nil)
		if err != nil {
			return x, err
		}
		response, err := tr.send(as, r, token.value())
		if err != nil {
			return x, err
		}
		x, err = exchange.Capture(response)
		response.Body.Close()
		if err != nil || !tr.busy(x) {
			return x, engineError(err)
		}
	}
	return x, nil
}

// other is the error of somebody who is not whom the file names.
func (tr *Transport) other(who, what, key, found string) error {
	want, _ := tr.sandbox.Value(key)
	return engineErrorf(opGuard, "%s is of %s %q and not %q, as %s of %s says: it is %w: sign in as another, or correct the file",
		who, what, exchange.Escape(found), want, key, tr.sandbox.File(), ErrOtherTenant)
}

// readStrictly reads a JSON object that says who somebody is: no name stands in it twice, however it is spelled.
func readStrictly(text []byte, v any) error {
	var names map[string]jsontext.Value
	if err := json.Unmarshal(text, &names); err != nil {
		return errors.New("it is no JSON object, or has a name twice") // what is wrong with it would show parts of it
	}
	seen := map[string]bool{}
	for name := range names {
		name = strings.ToLower(strings.ToUpper(name))
		if seen[name] {
			return errors.New("it has a name in two spellings")
		}
		seen[name] = true
	}
	if err := json.Unmarshal(text, v); err != nil {
		return errors.New("a value of it is of another type than it should be")
	}
	return nil
}

// equalASCII reports whether two texts differ in the case of A to Z alone: other letters have a case that is somebody else's address.
func equalASCII(a, b string) bool { return lowerASCII(a) == lowerASCII(b) }

func lowerASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}
