package live_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/learncontract/learncontract/suites/live"
)

// inJSON, inXML and inURL write a text as others write it.
func inJSON(text string) string {
	quoted, _ := json.Marshal(text)
	return string(quoted)
}

func inXML(text string) string {
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(text))
	return escaped.String()
}

func inBase64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// A part of a secret that is long enough to be a secret by itself is found.
func TestAPartOfASecretIsFound(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("Ab3", 20) + "xYz/9-_1" + strings.Repeat("Cd4", 20)
	secrets := &live.Secrets{}
	secrets.Add("a test's secret", secret)
	for from := range len(secret) - 31 {
		scrubbed := secrets.Scrub("before " + secret[from:from+31] + " after")
		if strings.Count(scrubbed, "[masked]") != 1 || len(scrubbed) > len("before [masked] after")+15 {
			t.Errorf("from %d it is %s", from, scrubbed)
		}
	}
	if got := secrets.Scrub("before " + secret[len(secret)/4:3*len(secret)/4] + " after"); strings.Count(got, "[masked]") != 1 {
		t.Errorf("its middle half is %s", got)
	}
}

// found are the finds in a text, each as "offset kind".
func found(tb testing.TB, secrets *live.Secrets, text string) []live.Find {
	tb.Helper()
	finds, err := secrets.Find("report.xml", strings.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	return finds
}

func TestAKnownSecretIsFoundHoweverItIsWritten(t *testing.T) {
	const secret = `s3<cr>"t+&/\é value`
	secrets := &live.Secrets{}
	secrets.Add("a test's secret", secret)
	for name, text := range map[string]string{
		"as it is":                  secret,
		"in JSON":                   inJSON(secret),
		"in XML":                    inXML(secret),
		"in CDATA":                  "<![CDATA[" + strings.Replace(secret, "cr", "c]]><![CDATA[r", 1) + "]]>",
		"in a query":                url.QueryEscape(secret),
		"in a path":                 url.PathEscape(secret),
		"in JSON in XML":            inXML(inJSON(secret)),
		"in JSON in JSON":           inJSON(inJSON(secret)),
		"in XML in JSON":            inJSON(inXML(secret)),
		"in a query in JSON in XML": inXML(inJSON(url.QueryEscape(secret))),
		"in JSON in JSON in XML":    inXML(inJSON(inJSON(secret))),
		"in base64":                 inBase64(secret),
		"in base64 after one byte":  inBase64("x" + secret + "y"),
		"in base64 after two bytes": inBase64("xy" + secret + "y"),
		"in base64 for URLs":        base64.RawURLEncoding.EncodeToString([]byte("user:" + secret)),
		"in base64 in JSON":         inJSON(inBase64("?" + secret)),
		"in base64 twice":           inBase64("x" + inBase64("?"+secret)),
		"in hexadecimal":            hex.EncodeToString([]byte(secret)),
		"in HEXADECIMAL":            fmt.Sprintf("%X", secret),
		"with what nobody sees":     secret[:7] + "\u200b" + secret[7:9] + "\u00ad\ufeff" + secret[9:],
		"over two lines":            secret[:7] + "\n        " + secret[7:],
		"in colours":                secret[:7] + "\x1b[31m" + secret[7:12] + "\x1b[0m" + secret[12:],
	} {
		t.Run(name, func(t *testing.T) {
			text := "<testcase>before " + text + " after</testcase>"
			finds := found(t, secrets, text)
			if len(finds) == 0 || finds[0].Kind != "a test's secret" || finds[0].Artefact != "report.xml" {
				t.Fatalf("in %s was found %v", text, finds)
			}
			if at := finds[0].Offset; at < 12 || at > 30 {
				t.Errorf("it was found at %d of %s", at, text)
			}
			scrubbed := secrets.Scrub(text)
			if !strings.HasPrefix(scrubbed, "<testcase>before ") || !strings.HasSuffix(scrubbed, " after</testcase>") ||
				!strings.Contains(scrubbed, "[masked]") || len(found(t, secrets, scrubbed)) > 0 {
				t.Errorf("%s was scrubbed to %s", text, scrubbed)
			}
		})
	}
}

func TestWhatIsLeftOfALongSecretIsFound(t *testing.T) {
	secrets := &live.Secrets{}
	secrets.Add("a token", "opaque0123456789abcdefghijklmnopqrstuvwxyz-end")
	for _, text := range []string{"opaque0123456789ab…", "…mnopqrstuvwxyz-end"} {
		if finds := found(t, secrets, text); len(finds) != 1 {
			t.Errorf("in %s was found %v", text, finds)
		}
	}
}

func TestASecretIsFoundInBothAlphabetsOfBase64(t *testing.T) {
	const secret = "~~~???~~~???"
	secrets := &live.Secrets{}
	secrets.Add("a token", secret)
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		text := encoding.EncodeToString([]byte(secret))
		if finds := found(t, secrets, text); len(finds) != 1 {
			t.Errorf("in %s was found %v", text, finds)
		}
	}
}

func TestWhatLooksLikeASecretIsFound(t *testing.T) {
	secrets := &live.Secrets{}
	for text, kind := range map[string]string{
		jwt(map[string]any{"a": 1}):            "a JSON Web Token",
		"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0": "a JSON Web Token",
		`{"token":"` + jwt(map[string]any{"a": 1})[:20] + "\n" + jwt(map[string]any{"a": 1})[20:]: "a JSON Web Token",
		"ya29.a0AfB_byC-secret":                               "a Google access token",
		"authorization: bearer opaque.Token~with+every/char=": "a bearer token",
		`Bearer opaque.Token~with`:                            "a bearer token",
		"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END":         "a private key",
		"-----BEGIN RSA PRIVATE KEY-----\\nMIIE":              "a private key",
		"refresh_token=1%2F%2F0gAbCdEfGhIjKlMnOp":             "a Google refresh token",
		"GOCSPX-0123456789abcdefghij":                         "a Google client secret",
		"abc8Q~0123456789abcdefghijklmnopqrstuvw":             "an Entra client secret",
	} {
		if finds := found(t, secrets, "x "+text); len(finds) != 1 || finds[0].Kind != kind {
			t.Errorf("in %s was found %v; want %s", text, finds, kind)
		}
		if scrubbed := secrets.Scrub("x " + text); !strings.Contains(scrubbed, "[masked]") || len(found(t, secrets,
			scrubbed)) > 0 {
			t.Errorf("%s was scrubbed to %s", text, scrubbed)
		}
	}
}

func TestWhatIsNoSecretIsNotFound(t *testing.T) {
	secrets := &live.Secrets{}
	secrets.Add("too short", "1234567")
	secrets.Add("white space", "         \n ")
	for _, text := range []string{
		"", "1234567 1234567", "             \n           ", "Bearer not-a-token", "the bearer of this letter", "eyJ", "[masked]",
		"ya29",
		"-----BEGIN CERTIFICATE-----\nMIIE", "6f1d1d5e-0c5b-4a6c-9f0f-0d6b8a2f3c11", `\u00`, `\ud83d`, "&#x;", "&#;", "&", "%",
		"%4", `\`,
		"\x1b", "\x1b[", "]]", "&amp;&amp;",
	} {
		if finds := found(t, secrets, text); len(finds) > 0 {
			t.Errorf("in %q was found %v", text, finds)
		}
		if scrubbed := secrets.Scrub(text); scrubbed != text {
			t.Errorf("%q was scrubbed to %q", text, scrubbed)
		}
	}
}

func TestASecretIsFoundWhereverItStandsInALongArtefact(t *testing.T) {
	const secret = "opaque-and-secret"
	secrets := &live.Secrets{}
	secrets.Add("a token", secret)
	for _, at := range []int{0, 1, 250_000, 262_144 - 8, 507_904 - 9, 650_000} {
		text := strings.Repeat("0123456789\n", 60_000)
		text = text[:at] + secret + text[at:]
		if finds := found(t, secrets, text); len(finds) != 1 || finds[0].Offset != int64(at) {
			t.Errorf("of a secret at %d was found %v", at, finds)
		}
	}
}

func TestASweepRemovesWhatHoldsASecretAndNothingElse(t *testing.T) {
	const secret = "opaque-and-secret"
	secrets := &live.Secrets{}
	secrets.Add("a token", secret)
	root := t.TempDir()
	for name, text := range map[string]string{
		"junit.xml": "<a>" + secret + "</a>", "log": "clean", "observed/1.yaml": "clean", "observed/2.yaml": inJSON(secret + "<"),
		"observed/" + secret + ".yaml": "clean",
	} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	outside := write(t, "linked", "x "+secret)
	if err := os.Symlink(outside, filepath.Join(root, "observed/link")); err != nil {
		t.Fatal(err)
	}
	finds, err := secrets.Sweep(filepath.Join(root, "junit.xml"), filepath.Join(root, "log"), filepath.Join(root, "observed"),
		filepath.Join(root, "no such file"))
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, find := range finds {
		said = append(said, strings.NewReplacer(root, "", filepath.Dir(outside), "OUTSIDE").Replace(find.String()))
	}
	want := "/junit.xml: at byte 3 stands a token\n/observed/2.yaml: at byte 1 stands a token\n" +
		"OUTSIDE/linked: at byte 2 stands a token\n" +
		"/observed/[masked].yaml: at byte 0 stands a token, in its name"
	got := strings.Join(said, "\n")
	for line := range strings.Lines(want) {
		if !strings.Contains(got+"\n", strings.TrimSpace(line)+"\n") || len(said) != 4 {
			t.Errorf("it said\n%s\nand should tell\n%s", got, want)
		}
	}
	var left []string
	_ = filepath.WalkDir(root, func(path string, entry os.DirEntry, _ error) error {
		if entry.Type().IsRegular() {
			left = append(left, strings.TrimPrefix(path, root))
		}
		return nil
	})
	if got := strings.Join(left, " "); got != "/log /observed/1.yaml" {
		t.Errorf("left are %s", got)
	}
	if _, err := os.Stat(outside); err == nil {
		t.Error("what the link leads to is left")
	}
}

func TestTheSecretsOfTheEnvironmentAreKnown(t *testing.T) {
	key := write(t, "key.json",
		`{"type": "service_account", "private_key":
		"-----BEGIN PRIVATE KEY-----\nkeyline-keyline-1\nkeyline-keyline-2\n-----END PRIVATE KEY-----\n"}`)
	assertion := write(t, "assertion", "assertion-assertion\n")
	for name, value := range map[string]string{
		"AZURE_CLIENT_SECRET": "azure-secret", "LEARNCONTRACT_ROLELESS_CLIENT_SECRET": "roleless-secret",
		"LEARNCONTRACT_GOOGLE_CLIENT_SECRET":                  "google-secret",
		"LEARNCONTRACT_CLASSROOM_OTHER_TEACHER_REFRESH_TOKEN": "refresh-token",
		"LEARNCONTRACT_GRAPH_APP_TOKEN":                       "ready-made-token", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "actions-token",
		"HTTPS_PROXY": "http://user:proxy-password@127.0.0.1:1", "GOOGLE_APPLICATION_CREDENTIALS": key,
		"AZURE_FEDERATED_TOKEN_FILE": assertion,
	} {
		t.Setenv(name, value)
	}
	secrets := live.NewSecrets()
	for _, secret := range []string{
		"azure-secret", "roleless-secret", "google-secret", "refresh-token", "ready-made-token", "actions-token", "proxy-password",
		"keyline-keyline-1", "keyline-keyline-2", "assertion-assertion",
	} {
		if finds := found(t, secrets, "x"+secret); len(finds) != 1 {
			t.Errorf("%s is not known", secret)
		}
	}
	subject := write(t, "subject", "subject-token-subject-token")
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", write(t, "federation.json",
		`{"type": "external_account", "credential_source": {"file": "`+subject+`"}}`))
	if finds := found(t, live.NewSecrets(), "subject-token-subject-token"); len(finds) != 1 {
		t.Error("what a file of workload identity federation names is not known")
	}
}

func TestATokenThatATransportHandsOutIsKnown(t *testing.T) {
	server, ca := startTLS(t, &seen{})
	secrets := &live.Secrets{}
	transport := newTransport(t, sandboxOf(t, server, ca), "classroom", signedInAs("opaque-and-secret"), live.Options{Secrets: secrets})
	if _, _, err := ask(t, transport.As("teacher"), "GET", server.URL+"/v1/courses", nil); err != nil {
		t.Fatal(err)
	}
	if finds := found(t, secrets, "opaque-and-secret"); len(finds) != 1 || finds[0].Kind != "the token of classroom/teacher" {
		t.Errorf("found was %v", finds)
	}
}

// FuzzFind plants a secret in a text that is written in up to three ways, one in another.
func FuzzFind(f *testing.F) {
	f.Add("opaque-and-secret", "before", "after", uint8(0))
	f.Add(`s3<cr>"t+&/\é value`, `\`, `n`, uint8(0b_00_01_10_01))
	f.Add("%41%42%43%44", "%", ";", uint8(0b_11_11_10_01))
	f.Add(`\n\n\n\n\n`, `\u`, `"`, uint8(0b_01_01_01_01))
	f.Add("&amp;amp;amp;", "&", ";", uint8(0b_01_10_10_10))
	f.Fuzz(func(t *testing.T, secret, before, after string, ways uint8) {
		printable := !strings.ContainsFunc(secret, func(r rune) bool {
			return unicode.IsControl(r) || r == utf8.RuneError ||
				r > 0xffef
		})
		if secret = strings.TrimSpace(secret); len(secret) < 8 || len(secret) > 1000 || !utf8.ValidString(before+secret+after) ||
			!printable {
			t.Skip()
		}
		text := before + secret + after
		for range 3 {
			switch ways & 3 {
			case 1:
				text = inJSON(text)
			case 2:
				text = inXML(text)
			case 3:
				text = url.QueryEscape(text)
			}
			ways >>= 2
		}
		if ways&1 == 1 {
			text = inBase64(before + secret + after)
		}
		secrets := &live.Secrets{}
		secrets.Add("planted", secret)
		if finds := found(t, secrets, text); len(finds) == 0 {
			t.Errorf("%q was not found in %q", secret, text)
		}
		if scrubbed := secrets.Scrub(text); len(found(t, secrets, scrubbed)) > 0 {
			t.Errorf("%q was scrubbed to %q, which holds %v", text, scrubbed, found(t, secrets, scrubbed))
		}
	})
}
