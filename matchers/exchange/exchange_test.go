package exchange_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// received is when every exchange of these tests was received.
var received = time.Date(2022, time.August, 17, 3, 35, 3, 0, time.UTC)

// token stands where a provider, or a proxy before it, has echoed a credential.
const token = "eyJ0eXAiOiJKV1QifQ.eyJvaWQiOiI3In0.c2lnbmF0dXJl"

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

// withBody is an exchange whose response has the body.
func withBody(body string) exchange.Exchange {
	return exchange.New("GET", "https://h", fixtures.Response{Status: 400, Body: []byte(body)}, received)
}

// withRetryAfter is an exchange whose response has the Retry-After headers; date is its Date, if it has one.
func withRetryAfter(date string, retryAfter ...string) exchange.Exchange {
	header := http.Header{"Retry-After": retryAfter}
	if date != "" {
		header.Set("Date", date)
	}
	return exchange.New("GET", "https://h", fixtures.Response{Status: 429, Header: header}, received)
}

func TestCaptureWithoutBody(t *testing.T) {
	x, err := exchange.Capture(&http.Response{StatusCode: 503})
	if err != nil {
		t.Fatal(err)
	}
	if x.Status() != 503 || len(x.Body()) != 0 || x.Method() != "" || x.URL() != "" || x.Header("Date") != "" {
		t.Errorf("is %v", x)
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

// A body may report its error once only: the rest of it reports the same again.
func TestCaptureKeepsTheError(t *testing.T) {
	failed := false
	body := readerFunc(func(p []byte) (int, error) {
		if failed {
			return 0, io.EOF
		}
		failed = true
		return copy(p, "{"), io.ErrUnexpectedEOF
	})
	response := &http.Response{Body: io.NopCloser(body)}
	for range 2 {
		if _, err := exchange.Capture(response); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("Capture: %v, want the error of the body", err)
		}
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestCaptureNothing(t *testing.T) {
	const want = "there is no response to capture: it is nil; check the error of the request first"
	if x, err := exchange.Capture(nil); err == nil || err.Error() != want || !x.IsZero() {
		t.Errorf("Capture: %v, %v; want %s", x, err, want)
	}
}

// What was captured is read as net/http's bodies are: not after Close, and not after the request's context has ended.
func TestCapturedBodyEnds(t *testing.T) {
	handler := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "text") }
	ended := errors.New("the test has ended the context")
	for name, c := range map[string]struct {
		use  func(body io.ReadCloser, cancel context.CancelCauseFunc)
		read string
		err  error
	}{
		"closed": {func(body io.ReadCloser, _ context.CancelCauseFunc) { body.Close() }, "", http.ErrBodyReadAfterClose},
		"closed, and the context ended": {func(body io.ReadCloser, cancel context.CancelCauseFunc) {
			cancel(ended)
			body.Close()
		}, "", http.ErrBodyReadAfterClose},
		"the context ended": {func(_ io.ReadCloser, cancel context.CancelCauseFunc) { cancel(ended) }, "", ended},
		"read to its end before the context ended": {func(body io.ReadCloser, cancel context.CancelCauseFunc) {
			_, _ = io.ReadAll(body)
			cancel(ended)
		}, "", nil},
		"read in part": {func(body io.ReadCloser, _ context.CancelCauseFunc) { _, _ = body.Read(make([]byte, 2)) }, "xt", nil},
	} {
		response := serve(t, handler)
		ctx, cancel := context.WithCancelCause(t.Context())
		response.Request = response.Request.WithContext(ctx)
		if _, err := exchange.Capture(response); err != nil {
			t.Fatal(err)
		}
		c.use(response.Body, cancel)
		text, err := io.ReadAll(response.Body)
		if string(text) != c.read || !errors.Is(err, c.err) || c.err == nil && err != nil {
			t.Errorf("%s: read %q, %v, want %q, %v", name, text, err, c.read, c.err)
		}
		cancel(nil)
		response.Body.Close()
	}
}

func TestCaptureLargeBody(t *testing.T) {
	const tooLarge = "the response's body is larger than 1048576 bytes: no response of the API is"
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
	response := serve(t, func(writer http.ResponseWriter, _ *http.Request) {
		for _, name := range []string{"Authorization", "Set-Cookie", "WWW-Authenticate", "X-Api-Key", "Location"} {
			writer.Header().Set(name, token)
		}
		writer.Header().Set("x-ms-ags-diagnostic", "kept")
		writer.Header().Set("Retry-After", "300")
		writer.WriteHeader(http.StatusTooManyRequests)
	})
	defer response.Body.Close()
	x, err := exchange.Capture(response)
	if err != nil {
		t.Fatal(err)
	}
	harmless := []string{
		"Content-Type", "Content-Encoding", "Retry-After", "Date", "Request-Id", "Client-Request-Id", "X-Ms-Ags-Diagnostic",
	}
	for name := range response.Header {
		kept := slices.Contains(harmless, http.CanonicalHeaderKey(name))
		if shown := strings.Contains(x.String(), name+": "); kept != shown || kept != (x.Header(name) != "") {
			t.Errorf("%s: kept %v, shown %v, Header returns %q", name, kept, shown, x.Header(name))
		}
	}
	if want := response.Request.URL; x.Method() != "GET" || x.URL() != "http://"+want.Host+want.Path+"?access_token=…" {
		t.Errorf("the request is %s", x.Request())
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
		"https://h/p?" + token:        "https://h/p?%5Bmasked%5D=…",
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
	given := fixtures.Response{
		Status: 403, Body: []byte(`{"error":{"details":[{"code":"a"}]}}`),
		Header: http.Header{"Content-Type": {"application/json"}, "Date": {"Wed, 17 Aug 2022 03:35:03 GMT"}},
	}
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
	x.Values("Date")[0] = "changed"
	details, _ := x.At("/error/details")
	details.([]any)[0].(map[string]any)["code"] = "changed"
	details.([]any)[0] = "changed"
	body, _ := x.At("")
	body.(map[string]any)["error"].(map[string]any)["details"] = "changed"
	if x.String() != before {
		t.Errorf("was\n%s\nand is\n%s", before, x)
	}
	if code, _ := x.At("/error/details/0/code"); code != "a" {
		t.Errorf("the code was a, and is %v", code)
	}
}

func TestStringCutsAndCleansBody(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		ends string
	}{
		"cut within a rune": {strings.Repeat("é", 1001), "é… (2002 bytes in all)"},
		"not cut":           {strings.Repeat("x", 2000), "xxx"},
		"not UTF-8":         {"\xff\x80x\x00", `x\u0000`},
		"cut off a rune":    {"x" + strings.Repeat("é", 1001), "é… (2003 bytes in all)"},
		"cut off a token":   {strings.Repeat("x", 1985) + " Bearer 0123456789abcdef0123456789", "x [masked]"},
	} {
		x := exchange.New("GET", "https://h", fixtures.Response{Status: 400, Body: []byte(c.body)}, time.Time{})
		if !strings.HasSuffix(x.String(), c.ends) {
			t.Errorf("%s: ends in %q", name, x.String()[max(0, len(x.String())-40):])
		}
	}
}

func TestRequest(t *testing.T) {
	for _, c := range []struct{ method, address, want string }{
		{"", "", "(unknown)"}, {"GET", "", "GET"}, {"", "https://h/p", "https://h/p"}, {"GET", "https://h/p?q=1", "GET https://h/p?q=…"},
	} {
		if got := exchange.New(c.method, c.address, fixtures.Response{}, received).Request(); got != c.want {
			t.Errorf("%q of %q is printed as %q, want %q", c.method, c.address, got, c.want)
		}
	}
}

// Whatever prints an exchange prints what String prints.
func TestPrintsAsString(t *testing.T) {
	x := withRetryAfter("", token)
	if want := "429 Too Many Requests\nRetry-After: [masked]"; x.String() != want || x.IsZero() {
		t.Errorf("is printed as %q, want %q", x, want)
	}
	for verb, text := range map[string]string{"%v": fmt.Sprintf("%v", x), "%#v": fmt.Sprintf("%#v", x), "Gomega": x.GomegaString()} {
		if text != x.String() {
			t.Errorf("%s prints %q, want %q", verb, text, x)
		}
	}
}

func TestPrintable(t *testing.T) {
	long := strings.Repeat("x", 600)
	for text, want := range map[string]string{
		"":                                "",
		"ok":                              "ok",
		"a\xffb":                          "a\uFFFDb",
		long:                              long,
		long + "x":                        long + "…",
		long[1:] + "é":                    long[1:] + "…", // not half of it
		"Bearer 0123456789abcdef, denied": "[masked], denied",
		"BEARER\t0123456789abcdef":        "[masked]",
		"the bearer of this":              "the bearer of this",
		"of " + token + ".":               "of [masked].",
		"ya29.a0AfB_byC-secret!":          "[masked]!",
		"payday29.x":                      "payday29.x",
	} {
		if got := exchange.Printable(text); got != want {
			t.Errorf("%.40q is printed as %.700q, want %.700q", text, got, want)
		}
	}
}

func TestTextAt(t *testing.T) {
	x := withBody(`{"error":{"code":400,"message":"No"}}`)
	for pointer, want := range map[string]string{"/error/message": "No", "/error/code": "", "/error": "", "/none": "", "": ""} {
		if got := x.TextAt(pointer); got != want {
			t.Errorf("the text at %q is %q, want %q", pointer, got, want)
		}
	}
}

// What has no code or no message is no detail.
func TestDetailsAt(t *testing.T) {
	const entries = `[{"code":"a","message":"b"},{"code":"c"},{"message":"d"},{"code":1,"message":"e"},"f",{"code":"","message":""}]`
	x := withBody(`{"error":{"details":` + entries + `}}`)
	if got, want := x.DetailsAt("/error/details"), []exchange.Detail{{Code: "a", Message: "b"}, {}}; !slices.Equal(got, want) {
		t.Errorf("the details are %v, want %v", got, want)
	}
	for pointer, x := range map[string]exchange.Exchange{"": withBody(entries), "/error": x, "/none": x} {
		if got := x.DetailsAt(pointer); len(got) > 0 {
			t.Errorf("the details at %q are %v", pointer, got)
		}
	}
}

func TestAt(t *testing.T) {
	response := fixtures.Response{Body: []byte(`{"error":{"code":400,"message":null,"details":[{"code":"x"}]}}`)}
	x := exchange.New("GET", "https://h", response, received)
	for pointer, want := range map[string]struct {
		value any
		found bool
	}{
		"/error/code":            {400.0, true},
		"/error/message":         {nil, true},
		"/error/status":          {},
		"/error/code/x":          {},
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
	response.Body = []byte("<html>")
	if value, found := exchange.New("GET", "https://h", response, received).At("/error"); found {
		t.Errorf("HTML has %v at /error", value)
	}
}

func TestRetryAfter(t *testing.T) {
	const (
		neither = "the header is neither seconds nor an HTTP date"
		long    = "the header says to wait longer than a year"
		sent    = "Wed, 17 Aug 2022 03:35:03 GMT" // as received
	)
	for _, c := range []struct {
		value string
		date  string // the Date header
		wait  time.Duration
		text  string // of the error
	}{
		{value: "0"},
		{value: "300", wait: 5 * time.Minute},
		{value: " 300 ", wait: 5 * time.Minute},
		{value: "00300", wait: 5 * time.Minute},
		{value: strings.Repeat("0", 30) + "300", wait: 5 * time.Minute},
		{value: "2.128", wait: 2128 * time.Millisecond}, // concepts/throttling.md
		{value: "1.001", wait: 1001 * time.Millisecond}, // no float64
		{value: "0.000000001", wait: time.Nanosecond},
		{value: "31622400", wait: 366 * 24 * time.Hour},

		{value: "Wed, 17 Aug 2022 03:40:03 GMT", date: sent, wait: 5 * time.Minute},
		{value: "Wed, 17 Aug 2022 03:40:03 GMT", wait: 5 * time.Minute}, // from when it was received
		{value: "Wed, 17 Aug 2022 03:40:03 GMT", date: "yesterday", wait: 5 * time.Minute},
		{value: "Wed, 17 Aug 2022 03:40:03 GMT", date: "Wed, 17 Aug 2022 03:39:03 GMT", wait: time.Minute},
		{value: "Wednesday, 17-Aug-22 03:40:03 GMT", date: sent, wait: 5 * time.Minute}, // RFC 850
		{value: "Wed Aug 17 03:40:03 2022", date: sent, wait: 5 * time.Minute},          // asctime
		{value: "Wed, 17 Aug 2022 03:30:03 GMT", date: sent},                            // over already
		{value: "Fri, 31 Dec 9999 23:59:59 GMT", date: sent, text: long},

		{value: "-1", text: "the header is negative"},
		{value: "-0.5", text: "the header is negative"},
		{value: "31622401", text: long},
		{value: strings.Repeat("9", 300), text: long},
		{value: strings.Repeat("9", 100_000), text: long},
		{value: "soon", text: neither},
		{value: "NaN", text: neither},
		{value: "Inf", text: neither},
		{value: "+5", text: neither},
		{value: "0x10", text: neither},
		{value: "1e3", text: neither},
		{value: ".", text: neither},
		{value: "1.2.3", text: neither},
		{value: "1,5", text: neither},
		{value: "1_000", text: neither},
		{value: "5 minutes", text: neither},
		{value: "٥", text: neither}, // a digit, but not of HTTP
		{value: "2022-08-17T03:40:03Z", text: neither},
		{value: "", text: neither},
	} {
		wait, err := exchange.RetryAfter(withRetryAfter(c.date, c.value))
		text := ""
		if err != nil {
			text = err.Error()
		}
		if wait != c.wait || text != c.text {
			t.Errorf("%.40q sent %q is %v, %q; want %v, %q", c.value, c.date, wait, text, c.wait, c.text)
		}
	}
	for want, values := range map[string][]string{
		"the header occurs 0 times instead of once": {},
		"the header occurs 2 times instead of once": {"300", "300"},
	} {
		if wait, err := exchange.RetryAfter(withRetryAfter(sent, values...)); err == nil || err.Error() != want || wait != 0 {
			t.Errorf("%q: %v, %v", values, wait, err)
		}
	}
}

// decode rejects bodies that encoding/json would accept, in whole or in part.
func TestBodyFaults(t *testing.T) {
	nested := strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000)
	for text, fault := range map[string]string{
		"":                            "the body is empty",
		" \n":                         "the body is empty",
		"<html>":                      "the body is HTML, not JSON",
		`{"error":`:                   "the body is not JSON: it breaks off",
		`{"error":{"code":"Forbidden`: "the body is not JSON: it breaks off",
		`[1,`:                         "the body is not JSON: it breaks off",
		`{"a":1,}`:                    "the body is not JSON: invalid character ',' at start of value, in byte 7",
		`{"a":1]`: "the body is not JSON: " +
			"invalid character ']' after object value (expecting ',' or '}'), in byte 7",
		`{} {}`:                        "the body is not JSON: invalid character '{' after top-level value, in byte 4",
		`{}}`:                          "the body is not JSON: invalid character '}' after top-level value, in byte 3",
		`{"a":{"b":1,"b":2}}`:          "the body is not JSON: duplicate object member name, in byte 13 of /a/b",
		`{"a":[0,{"b":1,"\u0062":2}]}`: "the body is not JSON: duplicate object member name, in byte 16 of /a/1/b",
		`{"a":"b:\"c\":","a":[":"]}`:   "the body is not JSON: duplicate object member name, in byte 17 of /a",
		`{1:2}`:                        "the body is not JSON: object member name must be a string, in byte 2",
		"{\"a\":\"\xff\"}":             "the body is not JSON: invalid UTF-8, in byte 7 of /a",
		`{"a":"\ud800"}`:               "the body is not JSON: invalid surrogate pair",
		`{"error":{"code":"a\q"}}`:     "the body is not JSON: invalid escape sequence `\\q` in string, in byte 20 of /error/code",
		`{"a":-1e999}`:                 "the body is not JSON: value out of range, in byte 6 of /a",
		strings.Repeat("9", 1000):      "the body is not JSON: value out of range, in byte 1",
		nested:                         "the body is not JSON: exceeded max depth, in byte 50001 of /a/a",
		strings.Repeat("[", 1<<20-1):   "the body is not JSON: exceeded max depth, in byte 10001 of /0/0",
	} {
		x := withBody(text)
		if got := x.Fault(); got == nil || !strings.HasPrefix(got.Error(), fault) || len(got.Error()) > 700 {
			t.Errorf("the fault of %.40q is %.200v, want %q", text, got, fault)
		}
		if value, found := x.At(""); found {
			t.Errorf("%.40q has %v", text, value)
		}
	}
	if x := withBody(`{"a":"b:\"c\":","d":[":"]}`); x.Fault() != nil {
		t.Error(x.Fault())
	}
}

func FuzzCapture(f *testing.F) {
	for _, text := range []string{"", "{}", "<html></html>", "\xff\xfe", `{"error":{"message":"\ud800\u0000 Bearer x"}}`} {
		f.Add("GET", "/p?access_token=secret", "Content-Type", "application/json", []byte(text))
	}
	f.Fuzz(func(t *testing.T, method, target, name, value string, body []byte) {
		response := &http.Response{
			StatusCode: 400, Header: http.Header{name: {value, value}}, Body: io.NopCloser(bytes.NewReader(body)),
			Request: &http.Request{Method: method},
		}
		first, err := exchange.Capture(response)
		if err != nil {
			t.Fatal(err)
		}
		again, err := exchange.Capture(response)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Body(), body) || first.String() != again.String() {
			t.Errorf("captured\n%s\nand then\n%s", first, again)
		}
		if rest, err := io.ReadAll(response.Body); err != nil || !bytes.Equal(rest, body) {
			t.Errorf("the body is %q, %v afterwards", rest, err)
		}
		x := exchange.New(method, "https://h"+target, fixtures.Response{Body: body}, received)
		if !utf8.ValidString(x.URL()) || !utf8.ValidString(x.String()) || !utf8.ValidString(first.String()) {
			t.Errorf("not UTF-8: %q", x.URL()+x.String()+first.String())
		}
	})
}

func TestOnceComputesOnceForEachKey(t *testing.T) {
	t.Parallel()
	x, computed := exchange.New("GET", "https://api.example/", fixtures.Response{Status: 404}, time.Time{}), 0
	compute := func(any) any { computed++; return computed }
	copied := x
	if a, b, c := x.Once("a", compute), copied.Once("a", compute), x.Once("b", compute); a != 1 || b != 1 || c != 2 {
		t.Errorf("the results are %v, %v and %v", a, b, c)
	}
	if first, second := (exchange.Exchange{}).Once("a", compute), (exchange.Exchange{}).Once("a", compute); first == second {
		t.Errorf("the zero values share %v", first)
	}
}
