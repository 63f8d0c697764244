package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega/format"

	"github.com/learncontract/learncontract/suites/live"
)

func TestATokenPrintsWithoutItsValue(t *testing.T) {
	const value = "opaque-and-secret"
	token := live.NewToken(value, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	within := struct{ token live.Token }{token}
	asJSON, err := json.Marshal(token)
	if err != nil {
		t.Log(err) // it need not be written
	}
	texts := []string{string(asJSON), format.Object(token, 0), format.Object(within, 0)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		texts = append(texts, fmt.Sprintf(verb, token), fmt.Sprintf(verb, &token), fmt.Sprintf(verb, within))
	}
	for _, text := range texts {
		if strings.Contains(text, value) || strings.Contains(text, fmt.Sprintf("%x", value)) {
			t.Errorf("it prints as %s", text)
		}
	}
	if got := token.String(); got != "a token until 2026-01-02T03:04:05Z" {
		t.Errorf("it prints as %s", got)
	}
}

// TestMain has this binary play the program that Child runs.
func TestMain(m *testing.M) {
	switch os.Getenv("LIVE_TEST_CHILD") {
	case "":
		os.Exit(m.Run())
	case "token":
		fmt.Printf(`{"token": "issued to %s", "expires": "2026-01-02T03:04:05Z"}`, strings.Join(os.Args[1:], " "))
	case "refused":
		fmt.Print(`{"token": "not this one"}`)
		fmt.Fprintln(os.Stderr, "the tenant says no to Bearer 0123456789abcdef\nexit status 1")
		os.Exit(1)
	case "long at its end", "long at its beginning":
		long := strings.Repeat("https://www.googleapis.com/auth/classroom.courses ", 200)
		if os.Getenv("LIVE_TEST_CHILD") == "long at its end" {
			fmt.Fprintln(os.Stderr, long+"AADSTS7000215: the secret is wrong")
		} else {
			fmt.Fprintln(os.Stderr, "invalid_grant "+long)
		}
		os.Exit(1)
	case "silent":
		os.Exit(3)
	case "garbled":
		fmt.Print("opaque-and-secret")
	case "slow":
		fmt.Fprintln(os.Stderr, "waiting")
		select {}
	}
}

func child(t *testing.T, plays string) live.SignIn {
	t.Helper()
	t.Setenv("LIVE_TEST_CHILD", plays)
	return live.Child([]string{os.Args[0]}, "some/sandbox.yaml")
}

func TestAChildSignsIn(t *testing.T) {
	server, ca := startTLS(t, &seen{})
	sandbox := sandboxOf(t, server, ca)
	token, err := child(t, "token")(t.Context(), "graph/app")
	if err != nil || !token.Expires.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Fatalf("the token is %v, and %v", token, err)
	}
	// What it was, its transport shows.
	requests := &seen{}
	server.Config.Handler = besides(requests)
	token.Expires = time.Time{}
	transport := newTransport(t, sandbox, "classroom", func(context.Context, string) (live.Token, error) { return token, nil },
		live.Options{})
	if _, _, err := ask(t, transport.As("teacher"), "GET", server.URL+"/v1/courses", nil); err != nil {
		t.Fatal(err)
	}
	want := "Bearer issued to --sandbox some/sandbox.yaml --as graph/app"
	if got := requests.requests[0].Header.Get("Authorization"); got != want {
		t.Errorf("it was %q", got)
	}
}

func TestAChildThatDoesNotSignInIsToldWithItsReason(t *testing.T) {
	for plays, want := range map[string]string{
		"refused": "classroom/teacher cannot sign in: the tenant says no to [masked]",
		"silent":  "classroom/teacher cannot sign in: it did not say why (exit status 3)",
		"garbled": "printed no token as JSON",

		"long at its end":       "AADSTS7000215: the secret is wrong",
		"long at its beginning": "invalid_grant https://",
	} {
		_, err := child(t, plays)(t.Context(), "classroom/teacher")
		wantError(t, err, "sign-in", nil, want)
		if strings.Contains(err.Error(), "opaque-and-secret") || strings.Contains(err.Error(), "not this one") {
			t.Errorf("it said what was printed: %v", err)
		}
	}
	_, err := live.Child([]string{"no-such-program-of-learncontract"}, "")(t.Context(), "graph/app")
	wantError(t, err, "sign-in", nil, "executable file not found")
}

func TestWhatSignsInIsFound(t *testing.T) {
	t.Setenv("LIVE_TEST_CHILD", "token")
	t.Setenv("LEARNCONTRACT_SIGNIN", os.Args[0])
	if _, err := live.Child(nil, "sandbox.yaml")(t.Context(), "graph/app"); err != nil {
		t.Errorf("the program that the variable names: %v", err)
	}
	t.Setenv("LEARNCONTRACT_SIGNIN", filepath.Join(t.TempDir(), "nothing"))
	_, err := live.Child(nil, "sandbox.yaml")(t.Context(), "graph/app")
	wantError(t, err, "sign-in", fs.ErrNotExist, "correct LEARNCONTRACT_SIGNIN, or set LEARNCONTRACT_GRAPH_APP_TOKEN")

	t.Setenv("LEARNCONTRACT_SIGNIN", "")
	t.Chdir(t.TempDir())
	_, err = live.Child(nil, "sandbox.yaml")(t.Context(), "graph/app")
	wantError(t, err, "sign-in", nil, "name the program in LEARNCONTRACT_SIGNIN, or set LEARNCONTRACT_GRAPH_APP_TOKEN")

	// In a checkout it is the module's folder. A go command of ours says what it is called with.
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "suites", "live", "signin"), 0o700); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\nif [ \"$1\" = list ]; then echo '" + folder + "'; else echo \"$*\" >&2; exit 1; fi\n"
	if err := os.WriteFile(filepath.Join(folder, "go"), []byte(script), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	_, err = live.Child(nil, "sandbox.yaml")(t.Context(), "graph/app")
	here, _ := filepath.Abs("sandbox.yaml")
	wantError(t, err, "sign-in", nil, "-C "+filepath.Join(folder, "suites", "live", "signin")+" run . --sandbox "+here+" --as graph/app")
}

func TestAChildIsEndedWithWhoWaitsForIt(t *testing.T) {
	ctx, interrupt := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer interrupt()
	_, err := child(t, "slow")(ctx, "graph/app")
	wantError(t, err, "sign-in", context.DeadlineExceeded, "graph/app did not sign in within the time of its request")
	ctx, interrupt = context.WithCancel(t.Context())
	interrupt()
	_, err = child(t, "slow")(ctx, "graph/app")
	wantError(t, err, "interrupt", context.Canceled, "the sign-in of graph/app was canceled")
}

func TestAReadyMadeTokenWinsOverSigningIn(t *testing.T) {
	next := func(_ context.Context, identity string) (live.Token, error) {
		return live.Token{}, errors.New("asked for " + identity)
	}
	signIn := live.FromEnvironment(next)
	if _, err := signIn(t.Context(), "classroom/otherTeacher"); err == nil ||
		err.Error() != "asked for classroom/otherTeacher" {
		t.Errorf("without a variable, the error is %v", err)
	}
	t.Setenv("LEARNCONTRACT_CLASSROOM_OTHER_TEACHER_TOKEN", " opaque\n")
	token, err := signIn(t.Context(), "classroom/otherTeacher")
	if err != nil || !token.Expires.IsZero() {
		t.Errorf("the token is %v, and %v", token, err)
	}
	t.Setenv("LEARNCONTRACT_GRAPH_APP_TOKEN", jwt(map[string]any{"exp": 4e9}))
	if token, err = signIn(t.Context(), "graph/app"); err != nil || token.Expires.Unix() != 4e9 {
		t.Errorf("the token is %v, and %v", token, err)
	}
	t.Setenv("LEARNCONTRACT_GRAPH_APP_TOKEN", jwt(map[string]any{"exp": 1.7e9}))
	_, err = signIn(t.Context(), "graph/app")
	wantError(t, err, "sign-in", nil, "LEARNCONTRACT_GRAPH_APP_TOKEN expired at 2023-11-14T22:13:20Z: set a new one")
	t.Setenv("LEARNCONTRACT_GRAPH_APP_TOKEN", "Bearer opaque")
	_, err = signIn(t.Context(), "graph/app")
	wantError(t, err, "sign-in", nil, "must hold the token alone")
	_, err = live.FromEnvironment(nil)(t.Context(), "graph/roleless")
	wantError(t, err, "sign-in", nil, "there is no token for graph/roleless: set LEARNCONTRACT_GRAPH_ROLELESS_TOKEN")
}
