package matchers_test

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// allMatchers is a valid matcher of each constructor, by the name of the constructor.
func allMatchers(tb testing.TB) map[string]types.GomegaMatcher {
	tb.Helper()
	license := clause(tb, "sample.things.update.license-missing")
	return map[string]types.GomegaMatcher{
		"HonorClause":      matchers.HonorClause(license),
		"HonorWording":     matchers.HonorWording(license.Wordings[0]),
		"BeDocumented":     matchers.BeDocumented(license.Operation),
		"HonorSuccess":     matchers.HonorSuccess(license.Operation),
		"HaveStatus":       matchers.HaveStatus(http.StatusForbidden),
		"HaveErrorCode":    matchers.HaveErrorCode("Forbidden"),
		"HaveErrorMessage": matchers.HaveErrorMessage("The user license is not valid to perform the operation"),
		"HaveErrorDetail":  matchers.HaveErrorDetail("badRequest", "Input field {fieldName} is required"),
		"HaveErrorShape":   matchers.HaveErrorShape(license.Operation.Contract.Envelope.Schema),
		"HaveRetryAfter":   matchers.HaveRetryAfter(time.Minute),
	}
}

// A wrong input is an error in both polarities, never a match, and the error says what to pass.
func TestWrongInput(t *testing.T) {
	for name, matcher := range allMatchers(t) {
		takes := name + " takes an exchange.Exchange or an *http.Response; pass one of them instead of\n    <"
		for _, c := range []struct {
			name   string
			actual any
			text   string
		}{
			{"a string", "403 Forbidden", takes},
			{"nil", nil, takes},
			{"a response by value", http.Response{}, takes},
			{"a nil response", (*http.Response)(nil),
				name + ": there is no response to capture: it is nil; check the error of the request first"},
			{"the zero exchange", exchange.Exchange{},
				name + " was given an empty exchange.Exchange: make it with exchange.Capture or exchange.New"},
			{"a body that breaks off", &http.Response{Body: io.NopCloser(breakOff("{"))},
				name + ": the response's body breaks off after 1 bytes: unexpected EOF"},
		} {
			t.Run(name+" of "+c.name, func(t *testing.T) {
				ok, err := matcher.Match(c.actual)
				if ok || err == nil || !strings.HasPrefix(err.Error(), c.text) {
					t.Errorf("is %v, %v\nwant an error: %s", ok, err, c.text)
				}
				for polarity, text := range map[string]string{
					"To":    failure(func() { gomega.Expect(c.actual).To(matcher) }),
					"NotTo": failure(func() { gomega.Expect(c.actual).NotTo(matcher) }),
				} {
					if !strings.HasPrefix(text, c.text) {
						t.Errorf("%s fails with %q\nwant %s", polarity, text, c.text)
					}
				}
			})
		}
	}
}

// breakOff is a body that breaks off after the text.
func breakOff(text string) io.Reader {
	return io.MultiReader(strings.NewReader(text), readerFunc(func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A matcher reports a wrong argument when it is used: its constructor returns no error.
func TestWrongArgument(t *testing.T) {
	license := clause(t, "sample.things.update.license-missing")
	file := filepath.Join(t.TempDir(), "any.schema.json")
	if err := os.WriteFile(file, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	schema := func(text string) fixtures.Schema {
		return fixtures.Schema{Name: "mine.schema.json", JSON: []byte(text)}
	}
	for _, c := range []struct {
		name    string
		matcher types.GomegaMatcher
		text    string // what the error starts with
	}{
		{"no clause", matchers.HonorClause(nil),
			"HonorClause was given no clause: check the id passed to contract.Clause"},
		{"a clause without wordings", matchers.HonorClause(&fixtures.Clause{ID: "mine"}), "HonorClause was given no clause"},
		{"no wording", matchers.HonorWording(nil), "HonorWording was given no wording"},
		{"a wording without clause", matchers.HonorWording(&fixtures.Wording{}), "HonorWording was given"},
		{"no operation", matchers.BeDocumented(nil), "BeDocumented was given no operation, or one without clauses: " +
			"check the id passed to contract.Operation"},
		{"an operation without clauses", matchers.BeDocumented(&fixtures.Operation{ID: "mine"}),
			"BeDocumented was given no operation, or one without clauses"},
		{"no operation that succeeds", matchers.HonorSuccess(nil), "HonorSuccess was given no operation, or one without a success: " +
			"check the id passed to contract.Operation"},
		{"an operation without a success", matchers.HonorSuccess(&fixtures.Operation{ID: "mine"}),
			"HonorSuccess was given no operation, or one without a success"},
		{"a status as text", matchers.HaveStatus("404"), "HaveStatus takes an HTTP status such as http.StatusNotFound, " +
			"or a matcher of one; pass one of them instead of\n    <string>: 404"},
		{"no status", matchers.HaveStatus(nil), "HaveStatus takes an HTTP status such as http.StatusNotFound, " +
			"or a matcher of one; pass one of them instead of\n    <nil>: nil"},
		{"a code as a number", matchers.HaveErrorCode(403),
			"HaveErrorCode takes a text, or a matcher of one; pass one of them instead of\n    <int>: 403"},
		{"a message as a number", matchers.HaveErrorMessage(42),
			"HaveErrorMessage takes a text with {placeholders}, a fixtures.Template, or a matcher of a text; pass one of them instead of\n    <int>: 42"},
		{"an unknown placeholder", matchers.HaveErrorMessage("{foo}"),
			"HaveErrorMessage: unknown placeholder {foo}: use {id}, {fieldName}, {noOfMinutes} or {expectedLength}"},
		{"an unknown placeholder in a detail", matchers.HaveErrorDetail("badRequest", "Input field {field} is required"),
			"HaveErrorDetail: unknown placeholder {field}: use {id}, {fieldName}, {noOfMinutes} or {expectedLength}"},
		{"no schema", matchers.HaveErrorShape(fixtures.Schema{}), "HaveErrorShape was given no schema"},
		{"a schema that is not JSON", matchers.HaveErrorShape(schema(`{`)), "HaveErrorShape: schema mine.schema.json"},
		{"a schema that is invalid", matchers.HaveErrorShape(schema(`{"type": "text"}`)),
			"HaveErrorShape: schema mine.schema.json"},
		{"a schema that refers to a file", matchers.HaveErrorShape(schema(`{"$ref": "` + (&url.URL{Scheme: "file", Path: file}).String() + `"}`)),
			"HaveErrorShape: schema mine.schema.json"},
		{"a schema that refers to the network", matchers.HaveErrorShape(schema(`{"$ref": "https://example.com"}`)),
			"HaveErrorShape: schema mine.schema.json"},
		{"seconds as a number", matchers.HaveRetryAfter(300),
			"HaveRetryAfter takes a time.Duration, or a matcher of one; pass one of them instead of\n    <int>: 300"},
		{"a matcher of something else", matchers.HaveStatus(gomega.BeNumerically(">=", "400")), "HaveStatus: Expected a number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("panics: %v\nwant an error: %s", p, c.text)
				}
			}()
			ok, err := c.matcher.Match(respond(license))
			if ok || err == nil || !strings.HasPrefix(err.Error(), c.text) {
				t.Errorf("is %v, %v\nwant an error: %s", ok, err, c.text)
			}
		})
	}
}

// The compiled schemas are kept by their text; the name in the error is still that of the schema at hand.
func TestWrongSchemaIsNamed(t *testing.T) {
	x := respond(clause(t, "sample.things.update.license-missing"))
	for _, name := range []string{"one.schema.json", "other.schema.json"} {
		_, err := matchers.HaveErrorShape(fixtures.Schema{Name: name, JSON: []byte(`{"type": 1}`)}).Match(x)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: does not name %s", err, name)
		}
	}
}

// Passing the request instead of the response must not write its token to the log.
func TestWrongInputShowsNoToken(t *testing.T) {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://graph.microsoft.com/v1.0/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	x := respond(clause(t, "sample.things.update.license-missing"), set("message", token))
	response := http.Response{Header: http.Header{"Set-Cookie": {token}}}
	for _, actual := range []any{request, response, &x, "Bearer " + token} {
		for name, matcher := range allMatchers(t) {
			if _, err := matcher.Match(actual); err == nil || strings.Contains(err.Error(), token) {
				t.Errorf("%s of a %T shows the token, or is no error", name, actual)
				break // one matcher says enough
			}
		}
	}
}
