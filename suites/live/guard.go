package live

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

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

// proven returns the token of an identity that is whom the file names. It signs in, and checks whose the token is, once
// for each token. An identity that is somebody else is refused for good; the others are not, for they may have to clean up.
func (tr *Transport) proven(ctx context.Context, name string) (Token, error) {
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
		return Token{}, waitError(ctx, ctx.Err())
	}
	if who.err != nil {
		return Token{}, who.err
	}
	if who.token.value != nil && (who.token.Expires.IsZero() || time.Until(who.token.Expires) > renewBefore) {
		return who.token, nil
	}
	token, err := tr.signedIn(ctx, name)
	if err != nil {
		return Token{}, err
	}
	check := tr.checkTenant
	if tr.provider == "classroom" {
		check = tr.checkUser
	}
	err = check(ctx, name, token)
	if e, ok := err.(*EngineError); ok && e.Op == opGuard { //nolint:errorlint // a check returns it itself
		who.err = err
	}
	if err != nil {
		return Token{}, err
	}
	who.token = token
	return token, nil
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
		return Token{}, wrapWithText(opSignIn, err, "%s cannot sign in: %s", as, exchange.Printable(err.Error()))
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

// audiences are what a token for Graph is for: its URL, or its app id.
var audiences = []string{
	"https://graph.microsoft.com", "https://graph.microsoft.com/", "00000003-0000-0000-c000-000000000000",
}

// checkTenant compares what a token for Graph says of itself with the file. Nobody verifies its signature: it came from the
// token endpoint over TLS, or from the user, and nobody else can have made it.
func (tr *Transport) checkTenant(_ context.Context, name string, token Token) error {
	found, err := token.claims()
	if err != nil {
		return engineErrorf(opGuard, "the token of graph/%s does not say of which tenant it is, for %w, and so it is %w: set one that Entra made for Microsoft Graph", name, err, ErrOtherTenant)
	}
	if tenant, _ := tr.sandbox.Value("graph.tenant"); !strings.EqualFold(found.Tenant, tenant) {
		return tr.other("the token of graph/"+name, "tenant", "graph.tenant", found.Tenant)
	}
	if !slices.Contains(audiences, strings.ToLower(found.Audience)) {
		return engineErrorf(opGuard, "the token of graph/%s is for %q and not for Microsoft Graph, and so it is %w: request the scope %s/.default",
			name, exchange.Printable(found.Audience), ErrOtherTenant, audiences[0])
	}
	app := found.App + found.Party // it has one of them
	if want, ok := tr.sandbox.Value("graph." + name + ".clientID"); ok && app != "" && !strings.EqualFold(app, want) {
		return tr.other("the token of graph/"+name, "app", "graph."+name+".clientID", app)
	}
	return nil
}

// checkUser gets from Classroom whose token it is.
func (tr *Transport) checkUser(ctx context.Context, name string, token Token) error {
	x, err := tr.profile(ctx, token)
	if err != nil {
		return err
	}
	status := x.Status()
	var profile struct {
		Address string `json:"emailAddress"`
	}
	var refusal struct{ Error struct{ Message string } }
	_ = json.Unmarshal(x.Body(), &refusal) // what is none, has no message
	switch {
	case isBusy(status) || isThrottled(tr.options.Contract, x) || status >= http.StatusInternalServerError:
		return engineErrorf(opNetwork, "classroom/%s cannot be identified: GET %s received %d: try again later", name,
			profilePath, status)
	case status == http.StatusForbidden && turnedOff[name] != "" && strings.HasPrefix(refusal.Error.Message, turnedOff[name]):
		return nil // for whom all of Classroom is off, it lets change nothing, in whatever domain
	case status != http.StatusOK:
		return engineErrorf(opSignIn, "classroom/%s cannot be identified: GET %s received %d: sign in with the "+
			"scope classroom.profile.emails", name, profilePath, status)
	case json.Unmarshal(x.Body(), &profile) != nil || profile.Address == "":
		return engineErrorf(opGuard, "classroom/%s does not say who it is, and so it is %w: GET %s has no emailAddress, which the "+
			"scope classroom.profile.emails shows: sign in with it", name, ErrOtherTenant, profilePath)
	}
	key := account("classroom", name)
	if want, _ := tr.sandbox.Value(key); !strings.EqualFold(profile.Address, want) {
		return tr.other("classroom/"+name, "user", key, profile.Address)
	}
	return nil
}

// turnedOff are the errors, by their names, with which Classroom refuses everything to whom an administrator has turned it, or its
// API, off (developers.google.com/workspace/classroom/reference/Access.Denied).
var turnedOff = map[string]string{"classroomOff": "@ClassroomDisabled ", "apiOff": "@ClassroomApiDisabled "}

const profilePath = "/v1/userProfiles/me"

// profile gets the profile of whose token it is, and again where the provider asks to wait.
func (tr *Transport) profile(ctx context.Context, token Token) (x exchange.Exchange, err error) {
	for range 3 {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, tr.sandbox.Endpoint("classroom")+profilePath, nil)
		if err != nil {
			return x, err
		}
		response, err := tr.send(r, token.value())
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
		who,
		what, exchange.Escape(found), want, key, tr.sandbox.File(), ErrOtherTenant)
}
