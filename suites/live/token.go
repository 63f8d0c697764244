package live

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/learncontract/learncontract/matchers/exchange"
)

// Token is an access token. It prints without its value.
type Token struct {
	value   func() string // what prints a struct, its unexported fields too, does not call functions
	Expires time.Time     // zero if that is not known
}

// NewToken makes a token.
func NewToken(value string, expires time.Time) Token {
	return Token{func() string { return value }, expires}
}

// String says until when the token is valid.
func (t Token) String() string {
	switch {
	case t.value == nil:
		return "no token"
	case t.Expires.IsZero():
		return "a token"
	}
	return "a token until " + t.Expires.UTC().Format(time.RFC3339)
}

// claims are what a JSON Web Token says of itself, unverified.
type claims struct {
	Tenant    string   `json:"tid"`
	Issuer    string   `json:"iss"`
	Audience  string   `json:"aud"`
	App       string   `json:"appid"` // of version 1.0
	Party     string   `json:"azp"`   // of version 2.0
	Roles     []string `json:"roles"` // of the app
	Delegated string   `json:"scp"`   // what a user has let the app do
	Kind      string   `json:"idtyp"` // app, or whose else it is; where the app registration wants it
	Expires   float64  `json:"exp"`   // seconds since 1970
}

func (t Token) claims() (c claims, err error) {
	parts := strings.Split(t.value(), ".")
	if len(parts) != 3 {
		return c, errors.New("it is no JSON Web Token")
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err == nil {
		err = readStrictly(payload, &c)
	}
	if err != nil {
		return c, fmt.Errorf("its payload cannot be read (%w)", err)
	}
	return c, nil
}

// SignIn gets an access token for an identity, such as "graph/app".
type SignIn func(ctx context.Context, identity string) (Token, error)

// childTime is what a child may take. Where it is run from its source, it compiles two SDKs first.
const childTime = 5 * time.Minute

// child signs in by running a command, as kubectl's exec credential plugins do, so that the run links no SDK. It gets the
// arguments --sandbox FILE --as IDENTITY and prints {"token": …, "expires": …}, the time as RFC 3339 has it, or says on
// stderr what is wrong. Without a command it is the program that $LEARNCONTRACT_SIGNIN names, or the module
// suites/live/signin of a checkout.
func child(command []string, sandboxFile string) SignIn {
	return func(ctx context.Context, identity string) (Token, error) {
		limited, cancel := context.WithTimeout(ctx, childTime)
		defer cancel()
		command, sandboxFile := command, sandboxFile
		if len(command) == 0 {
			var err error
			if command, err = program(limited); err == nil {
				sandboxFile, err = filepath.Abs(sandboxFile) // go -C runs it in another folder
			}
			if err != nil {
				return Token{}, wrapWithText(opSignIn, err, "%s cannot sign in: what signs in was not found (%v): build it as "+
					"suites/live/README.md says and name the program in %s, or set %s", identity, err, programVariable,
					TokenVariable(identity))
			}
		}
		args := slices.Concat(command[1:], []string{"--sandbox", sandboxFile, "--as", identity})
		process := exec.CommandContext(limited, command[0], args...)
		process.WaitDelay = 2 * time.Second // go run is killed, and what it runs keeps the pipes open
		var stdout, stderr bytes.Buffer
		process.Stdout, process.Stderr = &stdout, &stderr
		err := process.Run()
		switch {
		case errors.Is(ctx.Err(), context.Canceled):
			return Token{}, wrapWithText(opInterrupt, ctx.Err(), "the sign-in of %s was canceled, because the run was interrupted", identity)
		case ctx.Err() != nil:
			return Token{}, engineErrorf(opSignIn, "%s did not sign in within the time of its request: %s: %w", identity,
				said(&stderr), ctx.Err())
		case limited.Err() != nil:
			return Token{}, engineErrorf(opSignIn, "%s did not sign in within %v: %s", identity, childTime, said(&stderr))
		case err != nil:
			return Token{}, wrapWithText(opSignIn, err, "%s cannot sign in: %s", identity, whyNot(&stderr, err, identity))
		}
		var printed struct {
			Token   string    `json:"token"`
			Expires time.Time `json:"expires"`
		}
		if err := json.Unmarshal(stdout.Bytes(), &printed); err != nil || printed.Token == "" {
			// What it printed may be a token.
			return Token{}, engineErrorf(opSignIn, "%s cannot sign in: %s printed no token as JSON: it must print {\"token\": …, \"expires\": …}, the time as in 2026-01-02T15:04:05Z", identity, command[0])
		}
		return NewToken(printed.Token, printed.Expires), nil
	}
}

// programVariable names the environment variable that names the program that signs in.
const programVariable = "LEARNCONTRACT_SIGNIN"

// program is what signs in. Its SDKs are in a module of its own, so that they are in nobody else's: where this module is a
// checkout, its own or one by which another has replaced it, that module is a folder in it.
func program(ctx context.Context) (command []string, err error) {
	if name := os.Getenv(programVariable); name != "" {
		return []string{name}, nil
	}
	var stderr bytes.Buffer
	list := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/learncontract/learncontract")
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", said(&stderr), err)
	}
	folder := filepath.Join(strings.TrimSpace(string(out)), "suites", "live", "signin")
	if _, err := os.Stat(folder); err != nil {
		return nil, err
	}
	return []string{"go", "-C", folder, "run", "."}, nil
}

// said is what a child said on stderr.
func said(stderr fmt.Stringer) string {
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	if last := len(lines) - 1; strings.HasPrefix(lines[last], "exit status ") && last > 0 {
		lines = lines[:last] // go run's
	}
	text := shown(strings.Join(lines, "\n"))
	if text == "" {
		return "it did not say why"
	}
	return text
}

// shown is a text of somebody's who signs in, without secrets. A long one keeps both its ends: its cause stands at one of them.
func shown(text string) string {
	const most = 1500
	text = exchange.Safe(text)
	if len(text) <= 2*most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + " … " + strings.ToValidUTF8(text[len(text)-most:], "")
}

// whyNot is why a child that ended with an error did not sign in.
func whyNot(stderr fmt.Stringer, err error, identity string) string {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return "what signs in was not found (" + err.Error() + "): correct " + programVariable + ", or set " + TokenVariable(identity)
	}
	if stderr.String() == "" {
		return fmt.Sprintf("it did not say why (%v)", err)
	}
	return said(stderr)
}

var hump = regexp.MustCompile(`([a-z])([A-Z])`)

// variable names the environment variable of an identity: LEARNCONTRACT_CLASSROOM_OTHER_TEACHER_TOKEN for
// "classroom/otherTeacher" and "TOKEN".
func variable(identity, what string) string {
	name := hump.ReplaceAllString(strings.ReplaceAll(identity, "/", "_"), "${1}_$2")
	return "LEARNCONTRACT_" + strings.ToUpper(name) + "_" + what
}

// TokenVariable names the environment variable that holds a ready-made access token of an identity:
// LEARNCONTRACT_CLASSROOM_OTHER_TEACHER_TOKEN for "classroom/otherTeacher".
func TokenVariable(identity string) string { return variable(identity, "TOKEN") }

// RefreshTokenVariable names the environment variable that holds a refresh token of an identity of Classroom.
func RefreshTokenVariable(identity string) string { return variable(identity, "REFRESH_TOKEN") }

// fromEnvironment takes the ready-made access token of an identity from the environment variable TokenVariable names, and
// where that is not set calls next, which may be nil.
func fromEnvironment(next SignIn) SignIn {
	return func(ctx context.Context, identity string) (Token, error) {
		name := TokenVariable(identity)
		value := strings.TrimSpace(os.Getenv(name))
		if value == "" {
			if next == nil {
				return Token{}, engineErrorf(opSignIn, "there is no token for %s: set %s", identity, name)
			}
			return next(ctx, identity)
		}
		if strings.ContainsAny(value, " \t\r\n") {
			return Token{}, engineErrorf(opSignIn, "%s must hold the token alone, without a word such as Bearer: take the rest out", name)
		}
		token := NewToken(value, time.Time{})
		if c, err := token.claims(); err == nil && c.Expires > 0 {
			token.Expires = time.Unix(int64(c.Expires), 0)
		}
		if !token.Expires.IsZero() && !time.Now().Before(token.Expires) {
			return Token{}, engineErrorf(opSignIn, "%s expired at %s: set a new one, or take it out so that the run signs in itself",
				name, token.Expires.UTC().Format(time.RFC3339))
		}
		return token, nil
	}
}
