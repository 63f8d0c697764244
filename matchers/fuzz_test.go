package matchers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// No response makes a matcher panic, and any two matchers agree about it. Run one with
//
//	go test -fuzz=FuzzHonorClause -fuzztime=60s ./matchers

// seedBodies are the bodies that the targets start from: documented, observed, and near misses.
func seedBodies(f *testing.F) [][]byte {
	f.Helper()
	seeds := [][]byte{
		nil, []byte("{}"), []byte("[]"), []byte("null"),
		[]byte(`{"error":null}`), []byte(`{"error":[]}`), []byte(`{"error":"invalid_token"}`),
		[]byte(`{"error":{"code":null,"message":null,"details":[null],"innerError":null,"status":null}}`),
		[]byte(`{"error":{"code":{},"message":[],"details":[{"code":[],"message":{}}],"status":0}}`),
		[]byte(`{"error":{"code":1e999}}`), []byte(`{"error":{"message":"@"}}`), []byte(`{"error":{"message":"@ "}}`),
		[]byte(`{"error":{"code":"tooManyRequests","message":"Retry after 99999999999999999999 minutes","innerError":{}}}`),
		[]byte("<html></html>"), []byte("\xff\xfe"), []byte("\ufeff{}"), []byte(`{"a":1,"a":2}`), []byte(`{} {}`),
		[]byte(strings.Repeat("[", 101) + strings.Repeat("]", 101)), []byte(`{"error":{"message":"\ud800\u0000 Bearer x"}}`),
	}
	observed, err := fixtures.LoadObserved(contract(f))
	if err != nil {
		f.Fatal(err)
	}
	for _, o := range observed {
		seeds = append(seeds, o.Response.Body)
	}
	for _, c := range fuzzedClauses(f) {
		for _, w := range c.Wordings {
			seeds = append(seeds, w.Response().Body)
		}
	}
	return seeds
}

// fuzzedClauses are the clauses that FuzzHonorClause compares responses with.
func fuzzedClauses(tb testing.TB) []*fixtures.Clause {
	tb.Helper()
	return []*fixtures.Clause{
		clause(tb, "sample.things.update.license-missing"), clause(tb, "sample.things.update.throttled"),
		clause(tb, "sample.things.create.fields-invalid"),
		clause(tb, "sample.things.delete.failed-precondition.CannotDeleteOwner"),
	}
}

// checkTexts returns whether the exchange matches, and fails unless the texts are UTF-8 and name the request.
func checkTexts(t *testing.T, matcher types.GomegaMatcher, x exchange.Exchange) bool {
	t.Helper()
	ok, err := matcher.Match(x)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{matcher.FailureMessage(x), matcher.NegatedFailureMessage(x)} {
		if !utf8.ValidString(text) {
			t.Fatalf("the text is not UTF-8: %q", text)
		}
		if !strings.Contains(text, "https://h/p") {
			t.Fatalf("the text does not name the request: %q", text)
		}
	}
	return ok
}

func FuzzHonorClause(f *testing.F) {
	for i, text := range seedBodies(f) {
		f.Add(byte(i), 403, "application/json", "", "", text)
	}
	clauses := fuzzedClauses(f)
	for i, c := range clauses {
		f.Add(byte(i), c.Status, "application/json; charset=utf-8", "300", "", c.Wordings[0].Response().Body)
	}
	f.Fuzz(func(t *testing.T, which byte, status int, contentType, retryAfter, date string, body []byte) {
		x := exchange.New("GET", "https://h/p", fixtures.Response{Status: status, Body: body, Header: http.Header{
			"Content-Type": {contentType}, "Retry-After": {retryAfter}, "Date": {date},
		}}, received)
		c := clauses[int(which)%len(clauses)]
		honor, documented := matchers.HonorClause(c), matchers.BeDocumented(c.Operation)
		honored := checkTexts(t, honor, x)
		for _, d := range honor.Deviations() {
			if d.Binds && honored {
				t.Errorf("%s is honored, and %s broken", c.ID, d.Field)
			}
		}
		if checkTexts(t, matchers.HonorClause(c).Strictly(), x) && !honored {
			t.Errorf("%s is honored strictly, and not under the provider's bindings", c.ID)
		}
		if checkTexts(t, documented, x) != (documented.Clause() != nil) || honored && documented.Clause() == nil {
			t.Errorf("%s is honored, and not documented", c.ID)
		}
		one := false
		for _, w := range c.Wordings {
			one = checkTexts(t, matchers.HonorWording(w), x) || one
		}
		if one != honored {
			t.Errorf("%s is honored is %v, one of its wordings %v", c.ID, honored, one)
		}
	})
}

func FuzzFieldMatchers(f *testing.F) {
	for _, text := range seedBodies(f) {
		f.Add("Retry after {noOfMinutes} minutes", "badRequest", text)
	}
	f.Add("{id}{fieldName}{noOfMinutes}{expectedLength}{id}", "", []byte(`{"error":{"message":"1111111111"}}`))
	schema := contract(f).Envelope.Schema
	f.Fuzz(func(t *testing.T, message, code string, body []byte) {
		if _, err := fixtures.ParseTemplate(message); err != nil {
			message = "Input field {fieldName} is required"
		}
		x := exchange.New("GET", "https://h/p", fixtures.Response{Status: 400, Body: body, Header: http.Header{
			"Content-Type": {code}, "Request-Id": {message},
		}}, received)
		checkTexts(t, matchers.HaveErrorCode(code), x)
		checkTexts(t, matchers.HaveErrorDetail(code, message), x)
		exact := checkTexts(t, matchers.HaveErrorMessage(gomega.Equal(message)), x)
		if !strings.Contains(message, "{") && exact != checkTexts(t, matchers.HaveErrorMessage(message), x) {
			t.Errorf("%q is the message is %v, by the matcher Equal, and not by the text", message, exact)
		}
		checkTexts(t, matchers.HaveErrorMessage(message), x)
		aMessage := matchers.HaveErrorMessage(gomega.BeAssignableToTypeOf(""))
		if checkTexts(t, matchers.HaveErrorShape(schema), x) && !checkTexts(t, aMessage, x) {
			t.Errorf("%s is valid, and has no message", body)
		}
	})
}

func FuzzHaveErrorShape(f *testing.F) {
	for _, schema := range []string{
		`{}`, `true`, `false`, `null`, `[]`, `{`, ``, `{"type":"text"}`, `{"$ref":"#"}`, `{"$ref":"#/nowhere"}`,
		`{"$ref":"file:///etc/hostname"}`, `{"$ref":"https://example.com"}`,
		`{"$schema":"https://json-schema.org/draft/2020-12/schema","pattern":"("}`,
		`{"$id":"https://example.com/a","$dynamicRef":"#x"}`, `{"allOf":[{"$ref":"#/allOf/0"}]}`,
		`{"multipleOf":0.1,"maximum":1e999}`,
		string(contract(f).Envelope.Schema.JSON),
	} {
		f.Add(schema, []byte(`{"error":{"code":"Forbidden","message":1e300}}`))
	}
	f.Fuzz(func(t *testing.T, schema string, body []byte) {
		x := exchange.New("GET", "https://h/p", fixtures.Response{Status: 400, Body: body}, received)
		m := matchers.HaveErrorShape(fixtures.Schema{Name: "mine", JSON: []byte(schema)})
		ok, err := m.Match(x)
		if ok && err != nil {
			t.Errorf("matches, and is an error: %v", err)
		}
		if err == nil {
			checkTexts(t, m, x)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, value := range []string{
		"", "0", "300", "2.128", ".5", "5.", "-1", "NaN", "Inf", "1e3", "0x10", ".", "٥", "Wed, 17 Aug 2022 03:40:03 GMT",
		"Fri, 31 Dec 9999 23:59:59 GMT", "Wed, 17 Aug 0000 03:40:03 GMT", strings.Repeat("9", 400),
	} {
		f.Add(value, "Wed, 17 Aug 2022 03:35:03 GMT")
		f.Add(value, "")
		f.Add("300", value)
	}
	f.Fuzz(func(t *testing.T, value, date string) {
		x := exchange.New("GET", "https://h/p", fixtures.Response{
			Status: 429, Header: http.Header{"Retry-After": {value}, "Date": {date}},
		}, received)
		wait, err := exchange.RetryAfter(x)
		if err == nil && (wait < 0 || wait > 366*24*time.Hour) {
			t.Errorf("waits %v", wait)
		}
		if checkTexts(t, matchers.HaveRetryAfter(wait), x) != (err == nil) {
			t.Errorf("RetryAfter says %v, %v, and HaveRetryAfter does not", wait, err)
		}
	})
}
