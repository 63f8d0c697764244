package matchers_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"github.com/onsi/gomega/format"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// serve answers every request on a loopback server, and asks it once. The response's body is the caller's to close.
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

// answer writes the answer of a wording, as its provider would send it.
func answer(w *fixtures.Wording) http.HandlerFunc {
	return func(writer http.ResponseWriter, _ *http.Request) {
		answer := w.Response()
		maps.Copy(writer.Header(), answer.Header)
		writer.WriteHeader(answer.Status)
		_, _ = writer.Write(answer.Body)
	}
}

func TestBodyStaysReadable(t *testing.T) {
	license := clause(t, "graph.update.learner-license")
	w := license.Wordings[0]
	for name, ask := range map[string]func() *http.Response{
		"from a loopback server": func() *http.Response { return serve(t, answer(w)) },
		"without the request":    func() *http.Response { return response(w) },
		"without the request's URL": func() *http.Response {
			r := response(w)
			r.Request = &http.Request{}
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			response := ask()
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

func TestCaptureWithoutBody(t *testing.T) {
	x, err := exchange.Capture(&http.Response{StatusCode: 503})
	if err != nil {
		t.Fatal(err)
	}
	if x.Status() != 503 || len(x.Body()) != 0 || x.Method() != "" || x.URL() != "" || x.Header("Date") != "" {
		t.Errorf("is %v", x)
	}
	if text := matchers.HaveStatus(500); matches(t, text, x) {
		t.Error("503 is 500")
	}
}

func TestCaptureBrokenBody(t *testing.T) {
	response := serve(t, func(writer http.ResponseWriter, _ *http.Request) {
		writer.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(writer, `{"error":`)
	})
	defer response.Body.Close()
	for range 2 {
		_, err := exchange.Capture(response)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("Capture: %v, want the error of the body", err)
		}
		if want := "the response's body breaks off after 9 bytes: unexpected EOF"; err != nil && err.Error() != want {
			t.Errorf("Capture: %v, want %s", err, want)
		}
	}
	text, err := io.ReadAll(response.Body)
	if string(text) != `{"error":` || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("afterwards the body is %q, %v", text, err)
	}
}

func TestCaptureLargeBody(t *testing.T) {
	const tooLarge = "the response's body is larger than 1048576 bytes: no answer of the API is"
	for _, size := range []int{exchange.MaxBody, exchange.MaxBody + 1, 3 * exchange.MaxBody} {
		fits := size <= exchange.MaxBody
		large := bytes.Repeat([]byte("x"), size)
		response := serve(t, func(writer http.ResponseWriter, _ *http.Request) { _, _ = writer.Write(large) })
		defer response.Body.Close()
		for range 2 {
			x, err := exchange.Capture(response)
			if fits != (err == nil) || fits && len(x.Body()) != size {
				t.Errorf("%d bytes: %v", size, err)
			}
			if !fits && err != nil && err.Error() != tooLarge {
				t.Errorf("%d bytes: %v", size, err)
			}
		}
		if text, err := io.ReadAll(response.Body); err != nil || !bytes.Equal(text, large) {
			t.Errorf("of %d bytes, %d are readable afterwards: %v", size, len(text), err)
		}
	}
}

func TestOnlyKeptHeaders(t *testing.T) {
	w := clause(t, "graph.update.throttled").Wordings[0]
	response := serve(t, func(writer http.ResponseWriter, request *http.Request) {
		for _, name := range []string{"Authorization", "Set-Cookie", "WWW-Authenticate", "X-Api-Key", "Location"} {
			writer.Header().Set(name, token)
		}
		writer.Header().Set("x-ms-ags-diagnostic", "kept")
		answer(w)(writer, request)
	})
	defer response.Body.Close()
	x, err := exchange.Capture(response)
	if err != nil {
		t.Fatal(err)
	}
	harmless := []string{
		"Content-Type", "Retry-After", "Date", "Request-Id", "Client-Request-Id", "X-Ms-Ags-Diagnostic",
	}
	for name := range response.Header {
		kept := slices.Contains(harmless, http.CanonicalHeaderKey(name))
		if shown := strings.Contains(x.String(), name+": "); kept != shown || kept != (x.Header(name) != "") {
			t.Errorf("%s: kept %v, shown %v, Header returns %q", name, kept, shown, x.Header(name))
		}
	}
	if x.Header("retry-after") != "300" || x.Header("X-Ms-Ags-Diagnostic") != "kept" {
		t.Errorf("lost a header: %v", x)
	}
	if response.Header.Get("Set-Cookie") == "" {
		t.Error("the response itself has lost a header")
	}
}

// A RoundTripper may set header fields under any spelling, and one field under two.
func TestHeaderSpelling(t *testing.T) {
	for range 20 { // the order of a map
		x := exchange.New("GET", "https://example.com", fixtures.Response{
			Status: 429, Header: http.Header{"retry-after": {"1"}, "Retry-After": {"2"}, "DATE": {"today"}},
		}, received)
		if _, err := exchange.RetryAfter(x); err == nil || x.Header("Date") != "today" {
			t.Fatalf("one of two Retry-After is lost, or the Date: %v", x)
		}
	}
}

// Whatever prints an exchange, on purpose or in passing, prints no token.
func TestTokensAreMasked(t *testing.T) {
	license := clause(t, "graph.update.learner-license")
	asked := func(url string) exchange.Exchange {
		return exchange.New("GET", url, license.Wordings[0].Response(), received)
	}
	envelope := `{"error":{"code":"Forbidden","message":%q,"innerError":{}}}`
	for _, secret := range []string{
		token, "Bearer opaque.Token~with+every/char=", "bearer " + token, "ya29.a0AfB_byC-secret",
	} {
		escaped := strings.ReplaceAll(secret, " ", "%20")
		for place, x := range map[string]exchange.Exchange{
			"a query value":        asked("https://h/p?a=1&access_token=" + escaped),
			"a query without name": asked("https://h/p?" + escaped),
			"a fragment":           asked("https://h/p#access_token=" + escaped),
			"the password":         asked("https://u:" + token + "@h/p"),
			"the path":             asked("https://h/p/" + token),
			"an unreadable URL":    asked("https://h:" + secret),
			"Content-Type":         of(license, header("Content-Type", secret)),
			"Retry-After":          of(license, header("Retry-After", secret)),
			"Request-Id":           of(license, header("Request-Id", secret)),
			"code":                 of(license, set("code", secret)),
			"message":              of(license, set("message", "denied to "+secret)),
			"details":              of(license, set("details", []any{secret})),
			"a long body":          of(license, body(strings.Repeat(" ", 1990)+fmt.Sprintf(envelope, secret))),
			"HTML":                 of(license, body("<p>"+secret+"</p>")),
			"a repeated key":       of(license, body(fmt.Sprintf(`{%q:1,%[1]q:2}`, secret))),
		} {
			texts := map[string]string{
				"String": x.String(), "URL": x.URL(), "%v": fmt.Sprintf("%v", x), "%+v": fmt.Sprintf("%+v", x),
				"%#v": fmt.Sprintf("%#v", x), "%q": fmt.Sprintf("%q", x), "format.Object": format.Object(x, 0),
			}
			all := every(t)
			all["HonorClause strictly"] = matchers.HonorClause(license).Strictly()
			all["HonorClause of a 429"] = matchers.HonorClause(clause(t, "graph.update.throttled"))
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

func TestURLIsMasked(t *testing.T) {
	for given, want := range map[string]string{
		"":                            "",
		"https://h/p":                 "https://h/p",
		"https://u:p@h/p?b=2&a=1#f":   "https://h/p?a=…&b=…",
		"https://h/p?a=1&a=2":         "https://h/p?a=…",
		"https://h/p?$filter=x%20y":   "https://h/p?%24filter=…",
		"https://h/l('8%2Fb')/x?q=":   "https://h/l('8%2Fb')/x?q=…",
		"https://h/p?%zz=1":           "https://h/p?",
		"https://h/p?a=" + token:      "https://h/p?a=…",
		"http://[::1/":                "[unreadable URL]",
		"https://h/%zz":               "[unreadable URL]",
		"https://h/p?a;b=secret&c=d":  "https://h/p?c=…",
		"https://h/learn?$select=a,b": "https://h/learn?%24select=…",
	} {
		if got := exchange.New("GET", given, fixtures.Response{}, received).URL(); got != want {
			t.Errorf("%s is shown as %s, want %s", given, got, want)
		}
	}
}

func TestExchangeIsImmutable(t *testing.T) {
	license := clause(t, "graph.update.learner-license")
	given := license.Wordings[0].Response()
	x := exchange.New("GET", "https://h", given, received)
	before := x.String()

	given.Header.Set("Content-Type", "text/html")
	given.Header["Date"][0] = "changed"
	for i := range given.Body {
		given.Body[i] = 'x'
	}
	for i, text := 0, x.Body(); i < len(text); i++ {
		text[i] = 'x'
	}
	if x.String() != before {
		t.Errorf("was\n%s\nand is\n%s", before, x)
	}
	if !matches(t, matchers.HonorClause(license).Strictly(), x) {
		t.Error("does not honor its clause any more")
	}
}

func TestExchangeIsLongOrOdd(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		ends string
	}{
		"cut within a rune": {strings.Repeat("é", 1001), "é… (2002 bytes in all)"},
		"not UTF-8":         {"\xff\xfe\x00", "\uFFFD\x00"},
		"cut off a rune":    {"x" + strings.Repeat("é", 1001), "é… (2003 bytes in all)"},
		"cut off a token":   {strings.Repeat("x", 1985) + " Bearer 0123456789abcdef0123456789", "x [masked]"},
	} {
		x := exchange.New("GET", "https://h", fixtures.Response{Status: 400, Body: []byte(c.body)}, time.Time{})
		if !strings.HasSuffix(x.String(), c.ends) {
			t.Errorf("%s: ends in %q", name, x.String()[max(0, len(x.String())-40):])
		}
	}
}

func TestAt(t *testing.T) {
	answer := fixtures.Response{Body: []byte(`{"error":{"code":400,"message":null,"details":[{"code":"x"}]}}`)}
	x := exchange.New("GET", "https://h", answer, received)
	for pointer, want := range map[string]struct {
		value any
		found bool
	}{
		"/error/code":            {400.0, true},
		"/error/message":         {nil, true},
		"/error/status":          {},
		"/error/code/of":         {},
		"/error/details/0/code":  {"x", true},
		"/error/details/00/code": {}, // RFC 6901, 4: no leading zeros
		"/error/details/1/code":  {},
		"/error/details/-1/code": {},
		"/error/details/-":       {},
		"/Error":                 {},
	} {
		if value, found := x.At(pointer); value != want.value || found != want.found {
			t.Errorf("at %s is %v, %v; want %v, %v", pointer, value, found, want.value, want.found)
		}
	}
	answer.Body = []byte("<html>")
	if value, found := exchange.New("GET", "https://h", answer, received).At("/error"); found {
		t.Errorf("HTML has %v at /error", value)
	}
}

// Keys are counted by colons: one that stands in a text is none.
func TestARepeatedKeyIsFoundWhateverTheTextsHold(t *testing.T) {
	for _, body := range []string{
		`{"error":{"code":"a","code":"b","message":"c"}}`,
		`{"error":"a:b","error":1}`,
		`{"error":"a\":\\","error":1}`,
		`{"error":[{"a":1},{"a":1,"a":":"}]}`,
	} {
		x := exchange.New("GET", "https://h", fixtures.Response{Status: 400, Body: []byte(body)}, time.Time{})
		if _, found := x.At("/error"); found {
			t.Errorf("%s was read", body)
		}
	}
	x := exchange.New("GET", "https://h", fixtures.Response{Status: 400, Body: []byte(`{"a":"b:\"c\":","d":[":"]}`)}, time.Time{})
	if value, found := x.At("/a"); !found || value != `b:"c":` {
		t.Errorf("read %v, %t", value, found)
	}
}
