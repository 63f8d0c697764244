// Command signin signs in as an identity of a sandbox file and prints one access token as JSON:
//
//	go -C suites/live/signin run . --sandbox sandbox.yaml --as graph/app
//	{"token": "…", "expires": "2026-01-02T03:04:05Z"}
//
// What is wrong it says on stderr, without a secret, and ends with 1. It is a program of its own, run as kubectl runs its
// exec credential plugins, so that nothing else links the SDKs that sign in.
//
// It knows how the providers sign in. It must not know what the token is used for.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/live"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (status int) {
	_ = os.Unsetenv("GOOGLE_SDK_GO_LOGGING_LEVEL") // with it the SDK logs what it sends, secrets too
	token, err := signIn(ctx, args)
	if err == nil {
		err = json.NewEncoder(stdout).Encode(token)
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, live.NewSecrets().Scrub(err.Error())) // there is nowhere else to report it
		return 1
	}
	return 0
}

// printed is what the program prints.
type printed struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

// patience is how long a provider may take to issue a token.
const patience = 90 * time.Second

func signIn(ctx context.Context, args []string) (printed, error) {
	flags := flag.NewFlagSet("signin", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // its error says it too
	file := flags.String("sandbox", "sandbox.yaml", "the sandbox `file`")
	as := flags.String("as", "", "the `identity`, such as graph/app")
	if err := flags.Parse(args); err != nil {
		return printed{}, fmt.Errorf("%s: write signin --sandbox FILE --as IDENTITY", strings.Replace(err.Error(), "flag provided but not defined: ", "there is no flag -", 1))
	}
	provider, identity, _ := strings.Cut(*as, "/")
	if flags.NArg() > 0 || !slices.Contains(live.Identities(provider), identity) {
		var known []string
		for _, provider := range fixtures.Providers() {
			for _, identity := range live.Identities(provider) {
				known = append(known, provider+"/"+identity)
			}
		}
		return printed{}, fmt.Errorf("--as %q is no identity: it is one of %s", *as, strings.Join(known, ", "))
	}
	sandbox, err := live.LoadSandbox(*file)
	if err != nil {
		return printed{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if provider == "graph" {
		return entra(ctx, sandbox, identity)
	}
	return google(ctx, sandbox, identity)
}

// client is for a token endpoint. It follows no redirect, for what it sends is secret.
func client(sandbox *live.Sandbox, endpoint string) *http.Client {
	return &http.Client{
		Transport:     &worded{next: live.NewHTTPTransport(sandbox, endpoint)},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// worded has the errors of a transport say what to do, as the run's own do, and keeps why the last request was rejected.
type worded struct {
	next     http.RoundTripper
	rejected atomic.Pointer[string]
}

// RoundTrip implements http.RoundTripper.
func (w *worded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.URL.Host, live.NetworkReason(err), err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
		_ = response.Body.Close() // all of it that is wanted was read
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", r.URL.Host, live.NetworkReason(err), err)
		}
		response.Body = io.NopCloser(bytes.NewReader(body))
		text := rejection(response.Status, body)
		w.rejected.Store(&text)
	}
	return response, nil
}

// rejection is the code of a rejection and the first line of what describes it: of OAuth 2.0 (RFC 6749, 5.2), or of an API of Google's
// that signs. It is the status of any other.
func rejection(status string, body []byte) string {
	var oauth struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	var api struct {
		Error struct{ Status, Message string } `json:"error"`
	}
	if json.Unmarshal(body, &oauth) != nil && json.Unmarshal(body, &api) == nil {
		oauth.Error, oauth.Description = api.Error.Status, api.Error.Message
	}
	if oauth.Error == "" {
		return status
	}
	line, _, _ := strings.Cut(oauth.Description, "\n")
	return strings.TrimSpace(oauth.Error + " " + line)
}

// cause is why a sign-in failed: what the token endpoint said, for the errors of SDKs are long and begin otherwise.
func cause(requester *http.Client, err error) string {
	if w, ok := requester.Transport.(*worded); ok {
		if text := w.rejected.Load(); text != nil {
			return *text
		}
	}
	return err.Error()
}
