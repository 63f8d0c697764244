package live_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/live"
)

// TestWhoseResponseItIs says of each response who may have written it: the API, or nobody who says anything of a clause.
func TestWhoseResponseItIs(t *testing.T) {
	t.Parallel()
	contract, err := fixtures.Open(os.DirFS("../../fixtures/testdata/sample"))
	if err != nil {
		t.Fatal(err)
	}
	transport := newTransport(t, load(t, "graph: {tenant: "+guidA+"}"), "graph", rightApp(), live.Options{Contract: contract})
	const html, json, plain = "text/html; charset=utf-8", "application/json", "text/plain"
	const failure, page = `{"error":{"code":404,"message":"No."}}`, "<!DOCTYPE html><title>Sign in</title>"
	for name, test := range map[string]struct {
		status      int
		contentType string
		body        string
		header      string // another, of any value
		want        string // of the engine error; empty if the API may have written it
	}{
		"an error":                   {404, json, failure, "Request-Id", ""},
		"a success":                  {200, json, "{}", "Request-Id", ""},
		"no body":                    {204, "", "", "Request-Id", ""},
		"an error without body":      {404, "", "", "Request-Id", ""},
		"JSON that breaks off":       {404, json, `{"error":`, "Request-Id", ""},
		"JSON after what is none":    {404, json, ")]}'\n" + failure, "Request-Id", ""},
		"JSON by another name":       {404, html, failure, "Request-Id", ""},
		"an error without an id":     {404, json, failure, "", "has no Request-Id, as each of the API's has"},
		"a success without an id":    {204, "", "", "", "has no Request-Id"},
		"an empty id":                {200, json, "{}", "Request-Id=", "has no Request-Id"},
		"a page of 200":              {200, html, page, "Request-Id", "with a page of its own"},
		"a page of 403":              {403, html, page, "Request-Id", "with a page of its own"},
		"a page of 404":              {404, html, page, "Request-Id", "with a page of its own"},
		"a page of 500":              {500, html, page, "Request-Id", "with a page of its own"},
		"a page that says JSON":      {403, json, page, "Request-Id", "with a page of its own"},
		"a page of no type":          {404, "", "\ufeff \n" + page, "Request-Id", "with a page of its own"},
		"a page of XHTML":            {404, "application/xhtml+xml", "<?xml version='1.0'?><html/>", "Request-Id", "with a page of its own"},
		"a text":                     {404, plain, "blocked by policy", "Request-Id", "with a page of its own"},
		"a number":                   {404, plain, "404", "Request-Id", "with a page of its own"},
		"a word that is JSON":        {403, html, `"Forbidden"`, "Request-Id", "with a page of its own"},
		"an empty page":              {200, html, "", "Request-Id", "with a page of its own"},
		"an empty text":              {404, plain, "", "Request-Id", ""},
		"the provider's own page":    {404, html, "<html><title>Things</title>", "Request-Id", ""},
		"the provider's, of success": {200, html, "<html><title>Things</title>", "Request-Id", "with a page of its own"},
		"a proxy wants a password":   {407, json, failure, "Request-Id", "a gateway before graph responded 407"},
		"for legal reasons":          {451, json, failure, "Request-Id", "a gateway before graph responded 451"},
		"a portal":                   {511, json, failure, "Request-Id", "a gateway before graph responded 511"},
		"a bad gateway":              {502, json, failure, "Request-Id", "a gateway before graph responded 502"},
		"a redirect":                 {302, html, page, "Request-Id", "follows no redirect"},
		"a redirect without a page":  {308, "", "", "", "follows no redirect"},
		"the API is disabled":        {403, json, `{"error":{"message":"No.","details":[{"reason":"SERVICE_DISABLED"}]}}`, "Request-Id", "the API is disabled in the caller's project (SERVICE_DISABLED)"},
		"anything of the platform":   {403, json, `{"error":{"message":"No.","details":[{"reason":"NEW","domain":"platform.example"}]}}`, "Request-Id", "the platform rejects the caller (NEW)"},
		"a scope is missing":         {403, json, `{"error":{"message":"No.","details":[{"reason":"SCOPE_MISSING"}]}}`, "Request-Id", "to app, and the token lacks a scope (SCOPE_MISSING), which says nothing of the clause: grant it"},
		"a throttling platform":      {403, json, `{"error":{"message":"No.","errors":[{"reason":"rateLimitExceeded"}]}}`, "Request-Id", "throttled the request"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			if test.contentType != "" {
				header.Set("Content-Type", test.contentType)
			}
			if key, empty := strings.CutSuffix(test.header, "="); key != "" {
				header.Set(key, map[bool]string{true: "", false: "1"}[empty])
			}
			x := exchange.New("GET", "https://graph.microsoft.com/v1.0/x", fixtures.Response{Status: test.status, Header: header, Body: []byte(test.body)}, time.Now())
			err := live.Disturbed(transport, "app", x)
			switch {
			case test.want == "" && err != nil:
				t.Errorf("it is said to be somebody else's: %v", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("it is said by %v, want %q", err, test.want)
			}
			if name == "a scope is missing" {
				if err := live.Disturbed(transport, "roleless", x); err != nil {
					t.Errorf("of who must be rejected so: %v", err)
				}
			}
		})
	}
}

// TestWhatTheTokenEndpointSays has Google's tokeninfo say something else than the scopes of the user's token.
func TestWhatTheTokenEndpointSays(t *testing.T) {
	t.Parallel()
	const profile = `{"id": "1", "emailAddress": "t@school.example"}`
	for name, test := range map[string]struct {
		status   int
		body     string
		op, want string // of the engine error; empty if there is none
	}{
		"scopes":            {200, `{"scope": "a b", "expires_in": "3599"}`, "", ""},
		"the user, too":     {200, `{"scope": "a", "email": "T@school.example"}`, "", ""},
		"another user":      {200, `{"scope": "a", "email": "x@school.example"}`, "guard", `is of user "x@school.example"`},
		"no scopes":         {200, `{"expires_in": "3599"}`, "sign-in", "does not say"},
		"scopes twice":      {200, `{"scope": "a", "SCOPE": "b"}`, "sign-in", "does not say"},
		"empty scopes":      {200, `{"scope": ""}`, "sign-in", "does not say (it has no scope)"},
		"a list":            {200, `["a"]`, "sign-in", "does not say"},
		"a page":            {200, `<html>`, "sign-in", "does not say"},
		"an unknown token":  {400, `{"error": "invalid_token", "error_description": "Invalid Value"}`, "sign-in", "none that Google knows (https://oauth2.googleapis.com/tokeninfo received 400 Invalid Value)"},
		"an outage":         {503, ``, "network", "received 503: check the network and its proxies, or try again later"},
		"a redirect":        {302, ``, "network", "received 302"},
		"a proxy's refusal": {403, `<html>`, "network", "received 403"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := 0
			base := roundTripper(func(r *http.Request) response {
				if r.URL.String() != "https://oauth2.googleapis.com/tokeninfo" {
					sent++
					return response{200, http.Header{}, profile}
				}
				if r.Header.Get("Authorization") != "Bearer opaque" || r.URL.RawQuery != "" {
					t.Errorf("the token is sent by %q, %q", r.Header, r.URL)
				}
				return response{test.status, http.Header{}, test.body}
			})
			sandbox := load(t, "classroom: {domain: school.example, teacher: t@school.example}")
			transport := newTransport(t, sandbox, "classroom", signedInAs("opaque"), live.Options{Base: base})
			err := transport.Prove(t.Context(), "teacher")
			if test.op != "" {
				wantError(t, err, test.op, nil, test.want)
			} else if err != nil {
				t.Error(err)
			}
			if (sent > 0) != (test.op == "") {
				t.Errorf("%d requests were sent to Classroom", sent)
			}
		})
	}
}
