package matchers_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/onsi/gomega"
	"github.com/onsi/gomega/format"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// serve starts a loopback server and sends it one request. The caller closes the response's body.
func serve(t *testing.T, handler http.HandlerFunc) *http.Response {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v1.0/me?access_token="+token, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// handler responds with a wording, as its provider would send it.
func handler(w *fixtures.Wording) http.HandlerFunc {
	return func(writer http.ResponseWriter, _ *http.Request) {
		response := w.Response()
		maps.Copy(writer.Header(), response.Header)
		writer.WriteHeader(response.Status)
		_, _ = writer.Write(response.Body)
	}
}

func TestBodyStaysReadable(t *testing.T) {
	license := clause(t, "sample.things.update.license-missing")
	w := license.Wordings[0]
	for name, receive := range map[string]func() *http.Response{
		"from a loopback server": func() *http.Response { return serve(t, handler(w)) },
		"without the request":    func() *http.Response { return newResponse(w) },
		"without the request's URL": func() *http.Response {
			r := newResponse(w)
			r.Request = &http.Request{}
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			response := receive()
			g := gomega.NewWithT(t)
			for range 2 {
				g.Expect(response).To(matchers.HonorClause(license).Strictly())
				g.Expect(response).To(matchers.BeDocumented(license.Operation))
				g.Expect(response).To(matchers.HaveStatus(http.StatusForbidden))
				g.Expect(response).To(matchers.HaveErrorCode("Forbidden"))
				g.Expect(response).NotTo(matchers.HaveErrorMessage("other"))
			}
			text, err := io.ReadAll(response.Body)
			if err != nil || !bytes.Equal(text, w.Response().Body) {
				t.Errorf("the body is %q, %v after the matchers", text, err)
			}
			if err := response.Body.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Whatever prints an exchange, on purpose or in passing, prints no token.
func TestTokensAreMasked(t *testing.T) {
	license := clause(t, "sample.things.update.license-missing")
	requested := func(url string) exchange.Exchange {
		return exchange.New("GET", url, license.Wordings[0].Response(), received)
	}
	envelope := `{"error":{"code":"Forbidden","message":%q,"innerError":{}}}`
	for _, secret := range []string{
		token, "Bearer opaque.Token~with+every/char=", "bearer " + token, "ya29.a0AfB_byC-secret",
	} {
		escaped := strings.ReplaceAll(secret, " ", "%20")
		for place, x := range map[string]exchange.Exchange{
			"a query value":        requested("https://h/p?a=1&access_token=" + escaped),
			"a query without name": requested("https://h/p?" + escaped),
			"a fragment":           requested("https://h/p#access_token=" + escaped),
			"the password":         requested("https://u:" + token + "@h/p"),
			"the path":             requested("https://h/p/" + token),
			"an unreadable URL":    requested("https://h:" + secret),
			"Content-Type":         respond(license, header("Content-Type", secret)),
			"Retry-After":          respond(license, header("Retry-After", secret)),
			"Request-Id":           respond(license, header("Request-Id", secret)),
			"code":                 respond(license, set("status", secret)),
			"message":              respond(license, set("message", "denied to "+secret)),
			"details":              respond(license, set("details", []any{secret})),
			"a long body":          respond(license, body(strings.Repeat(" ", 1990)+fmt.Sprintf(envelope, secret))),
			"HTML":                 respond(license, body("<p>"+secret+"</p>")),
			"a repeated key":       respond(license, body(fmt.Sprintf(`{%q:1,%[1]q:2}`, secret))),
		} {
			texts := map[string]string{
				"String": x.String(), "URL": x.URL(), "%v": fmt.Sprintf("%v", x), "%+v": fmt.Sprintf("%+v", x),
				"%#v": fmt.Sprintf("%#v", x), "%q": fmt.Sprintf("%q", x), "format.Object": format.Object(x, 0),
			}
			all := allMatchers(t)
			all["HonorClause strictly"] = matchers.HonorClause(license).Strictly()
			all["HonorClause of a 429"] = matchers.HonorClause(clause(t, "sample.things.update.throttled"))
			// A fault of this schema quotes the text that breaks it.
			all["HaveErrorShape with a pattern"] = matchers.HaveErrorShape(fixtures.Schema{
				Name: "pattern", JSON: []byte(`{"properties": {"error": {"properties": {"message": {"pattern": "^ok$"}}}}}`),
			})
			for name, matcher := range all {
				matches(t, matcher, x)
				texts[name] = matcher.FailureMessage(x)
				texts[name+", negated"] = matcher.NegatedFailureMessage(x)
			}
			var leaks []string
			for name, text := range texts {
				if strings.Contains(text, secret) {
					leaks = append(leaks, name)
				}
			}
			if slices.Sort(leaks); len(leaks) > 0 {
				t.Errorf("%.12s… in %s is shown by %s", secret, place, strings.Join(leaks, "; "))
			}
		}
	}
}
