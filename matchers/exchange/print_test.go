package exchange_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/learncontract/learncontract/matchers/exchange"
)

func TestEscape(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a\n::error::b":                "a\n\\::error::b",
		" \t ::stop-commands::x":       " \t \\::stop-commands::x",
		"\u00a0\u3000::x":              `\u00a0\u3000::x`, // which .NET trims, and nobody prints here
		"std::string is no command":    "std::string is no command",
		"x ##[error]y":                 `x ##\[error]y`,
		"x ##vso[task.complete]y":      `x ##vso\[task.complete]y`,
		"##teamcity[buildStop]":        `##teamcity\[buildStop]`,
		"## A heading [with a link]":   "## A heading [with a link]",
		"\x1b[2J\x00\x7f\u009b":        `\u001b[2J\u0000\u007f\u009b`,
		"a\u202eb\u2066c\u200bd\ufeff": `a\u202eb\u2066c\u200bd\ufeff`,
		"\U000e0041":                   `\U000e0041`,
		"\xff":                         "\ufffd",
		"a\r\nb\rc\td\v":               "a\nb\\u000dc\td\\u000b",
		"the user\u2019s licence – é":  "the user\u2019s licence – é",
		"mary@school.example":          "mary@school.example", // it is for documentation too
	} {
		if got := exchange.Escape(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// people are addresses and user principal names as they really are.
var people = []string{
	"ada@school.example", "ada.l+x@school.example", "m.o'brien@school.example", "o\u2019neil@school.example", "jörg.müller@schule.example",
	"student@schüle.example", "ученик@школа.example", "mary_obrien_school.example#EXT#@contoso.onmicrosoft.com",
	"name_domain#EXT#@tenant", "a!b#c$d@school.example", `"quoted local"@school.example`, "x@xn--schle-kva.example", "x@sub.sub.school.example",
	"mary@odata.example",
}

// Each is an id, however the text around it is written.
func TestAddressesAreMasked(t *testing.T) {
	t.Parallel()
	dotNET := strings.NewReplacer("'", `\u0027`, "+", `\u002B`, "ö", `\u00F6`, "ü", `\u00FC`, "#", "#", `"`, `\u0022`)
	for _, who := range people {
		inJSON, _ := json.Marshal(who)
		for _, text := range []string{
			who, "No user " + who + " here.", "'" + who + "'", "(" + who + ")", "<" + who + ">", "user=" + who + "&x=1", `{"user":` + string(inJSON) + `}`,
			`{"message":"No user ` + dotNET.Replace(who) + ` here"}`, "https://h/users/" + url.PathEscape(who) + "/x", "https://h/?u=" + url.QueryEscape(who),
			"/users('" + who + "')/things", strings.ReplaceAll(who, "'", "&#39;"), "i:0#.f|membership|" + who, strings.Replace(who, "@", "&#64;", 1),
			who + ", " + who, who + "\n", who + ":", who + "-",
		} {
			safe := exchange.Safe(text)
			rest := strings.NewReplacer("user", "", "example.com", "").Replace(strings.ToLower(safe))
			if !strings.Contains(safe, "{id}") || regexp.MustCompile(`ada|brien|neil|rg\b|ller|student|sch|quoted|mary|name|a!b|tenant|ученик|contoso`).MatchString(rest) {
				t.Errorf("%s is shown as %s", text, safe)
			}
		}
	}
}

func TestSecretsAreMasked(t *testing.T) {
	t.Parallel()
	const opaque = "opaque0123456789abcdef"
	for _, text := range []string{
		token, "x" + token, `"` + token + `"`, "%22" + token + "%22", token + ".aaa.bbb", "Bearer " + opaque, "bearer%20" + opaque, "BEARER\t" + opaque,
		"Authorization: Basic dXNlcjpvcGFxdWU=", "map[Authorization:[Bearer " + opaque + "]]", "ya29." + opaque, "1//0" + opaque, "1%2F%2F" + opaque, `1\/\/0` + opaque,
		"client_secret=" + opaque + "&x=1", "grant_type=x&refresh_token=" + opaque, "access_token%3D" + opaque + "%26x", "password=opaque", "assertion=" + opaque,
		"client_assertion=" + opaque, `{"client_secret":"` + opaque + `"}`, `{"refresh_token" : "a\"` + opaque + `"}`, `"{\"access_token\":\"` + opaque + `\",\"x\":1}"`,
		`{'password': '` + opaque + `'}`, `{"clientSecret":"` + opaque + `"}`, "Set-Cookie: sid=" + opaque + "; Path=/", "map[Set-Cookie:[sid=" + opaque + "]]",
		`{"Cookie":"a=b; sid=` + opaque + `"}`, "http://user:" + opaque + "@proxy:8080/", "GOCSPX-" + opaque, "abc8Q~0123456789" + opaque + "abcd",
		"-----BEGIN PRIVATE KEY-----\n" + opaque + "\n-----END",
	} {
		if safe := exchange.Safe(text); strings.Contains(safe, "opaque") || strings.Contains(safe, "eyJ") || strings.Contains(safe, "dXNl") || !strings.Contains(safe, "[masked]") {
			t.Errorf("%s is shown as %s", text, safe)
		}
	}
}

// What only looks like it is shown.
func TestWhatIsNoSecretIsShown(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"graph.create.throttled@second#error", "classroom.courses.get.not-found@2026-04", "sample.things.get~message-object", "a@b", "@ThingNotModifiable The thing.x",
		"thing@odata.bind", "x@odata.nextLink:", "x@microsoft.graph.downloadUrl", `{"@odata.type":"#microsoft.graph.x","@type":"type.googleapis.com/google.rpc.ErrorInfo"}`,
		`{"a":"b","@microsoft.graph.foo":1}`, "github.com/onsi/gomega@v1.38.0/format/format.go:12", "go-resty/resty/v2 @ v2.16.5", "x@v0.0.0-20250101000000-abcdef123456/x.go",
		"pkg@1.2.3-rc.1", "{id} is not {id}", "[masked]", "Basic authentication is off", "the basic documentation", "password: must be given", "the bearer of this letter",
		"Bearer not-a-token", "https://graph.microsoft.com/v1.0/users/612/things", "the cookie: none", "100%", "a & b; c", "40 @ 64;", "http://h/1//x", "access_token=…",
	} {
		if safe := exchange.Safe(text); safe != text {
			t.Errorf("%s is shown as %s", text, safe)
		}
	}
}

// What is printed is obeyed by nobody, is the same when it is printed again, and is bounded.
func FuzzPrint(f *testing.F) {
	for _, text := range append([]string{
		"\x1b[2J::error::x", " ::a@b.example ##vso[x] ##" + token, "password=a@b.example&Bearer 0123456789abcdef", "a@b.bc9", "\\u0040\\::", "a@b.example@c.example",
		`"password":"\"##[x`, "Set-Cookie: a=b\r\n\r::", "%40%C3%40;&#64;", "\xff@\xfe.example", "https://a:b@c@d.example/", "x#EXT#@y",
	}, people...) {
		f.Add(text)
	}
	commands := regexp.MustCompile(`(?m)^\s*::|##\w*\[`)
	f.Fuzz(func(t *testing.T, text string) {
		for name, write := range map[string]func(string) string{"Escape": exchange.Escape, "Safe": exchange.Safe, "Printable": exchange.Printable} {
			shown := write(text)
			hidden := func(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsPrint(r) }
			if !utf8.ValidString(shown) || strings.ContainsFunc(shown, hidden) || commands.MatchString(shown) {
				t.Errorf("%s of %q is %q", name, text, shown)
			}
			if twice := write(shown); twice != shown {
				t.Errorf("%s of %q is %q, and then %q", name, text, shown, twice)
			}
			if name == "Printable" && len(shown) > 700 || len(shown) > 10*len(text)+20 {
				t.Errorf("%s of %d bytes has %d", name, len(text), len(shown))
			}
		}
		for _, u := range []string{text, "https://h/" + url.PathEscape(text) + "?" + text} {
			if shown := exchange.PrintableURL(u); commands.MatchString(shown) || strings.ContainsFunc(shown, unicode.IsControl) {
				t.Errorf("%q is shown as %q", u, shown)
			}
		}
		_ = fmt.Sprint(exchange.FindSecrets([]byte(text)))
	})
}
