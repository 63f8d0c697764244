package matchers_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// received is when every exchange of these tests was received: the Date of the sample's responses.
var received = time.Date(2022, time.August, 17, 3, 35, 3, 0, time.UTC)

// InterceptGomegaFailures needs a handler that it can replace.
func TestMain(m *testing.M) {
	gomega.RegisterFailHandler(func(message string, _ ...int) { panic(message) })
	os.Exit(m.Run())
}

// sample is the sample contract, loaded once: a fuzz target uses it a thousand times a second.
var sample = sync.OnceValues(func() (*fixtures.Contract, error) {
	return fixtures.Open(os.DirFS("../fixtures/testdata/sample"))
})

func contract(tb testing.TB) *fixtures.Contract {
	tb.Helper()
	c, err := sample()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func clause(tb testing.TB, id string) *fixtures.Clause {
	tb.Helper()
	c := contract(tb).Clause(id)
	if c == nil {
		tb.Fatalf("the contract has no clause %s", id)
	}
	return c
}

// change changes a documented response.
type change func(*fixtures.Response)

// respondWording is the exchange with the response of a wording, changed.
func respondWording(w *fixtures.Wording, changes ...change) exchange.Exchange {
	response := w.Response()
	for _, change := range changes {
		change(&response)
	}
	o := w.Clause.Operation
	return exchange.New(o.Method, o.URL(), response, received)
}

// respond is the exchange with the response of a clause's first wording, changed.
func respond(c *fixtures.Clause, changes ...change) exchange.Exchange {
	return respondWording(c.Wordings[0], changes...)
}

// respondSuccess is the exchange in which the operation succeeds, changed.
func respondSuccess(o *fixtures.Operation, changes ...change) exchange.Exchange {
	response := o.SuccessResponse()
	for _, change := range changes {
		change(&response)
	}
	return exchange.New(o.Method, o.URL(), response, received)
}

// chain is one change after another.
func chain(first, second change) change {
	return func(a *fixtures.Response) { first(a); second(a) }
}

// detail is an entry of error.details.
func detail(code, message any) map[string]any {
	return map[string]any{"code": code, "message": message}
}

// status sets the HTTP status, and its repetition in the body of an error.
func status(code int) change {
	return func(a *fixtures.Response) {
		a.Status = code
		if bytes.Contains(a.Body, []byte(`"error"`)) {
			set("code", code)(a)
		}
	}
}

func body(text string) change { return func(a *fixtures.Response) { a.Body = []byte(text) } }

// header sets the values of a header field; none removes it.
func header(name string, values ...string) change {
	return func(a *fixtures.Response) {
		a.Header.Del(name)
		for _, value := range values {
			a.Header.Add(name, value)
		}
	}
}

// set sets a field of the body's error object; missing removes it.
func set(field string, value any) change {
	return func(a *fixtures.Response) {
		var envelope map[string]map[string]any
		if err := json.Unmarshal(a.Body, &envelope); err != nil {
			panic(err) // only the response of a wording is edited
		}
		envelope["error"][field] = value
		if value == missing {
			delete(envelope["error"], field)
		}
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(envelope); err != nil {
			panic(err)
		}
		a.Body = bytes.TrimSpace(text.Bytes())
	}
}

type absent struct{}

var missing = absent{}

// newResponse returns an *http.Response as a RoundTripper would return it, without the request.
func newResponse(w *fixtures.Wording) *http.Response {
	response := w.Response()
	recorded := &http.Response{StatusCode: response.Status, Header: response.Header}
	recorded.Body = http.NoBody
	if len(response.Body) > 0 {
		recorded.Body = readCloser{bytes.NewReader(response.Body)}
	}
	return recorded
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

// matches returns whether the matcher matches, which must not be an error.
func matches(tb testing.TB, matcher types.GomegaMatcher, actual any) bool {
	tb.Helper()
	ok, err := matcher.Match(actual)
	if err != nil {
		tb.Fatal(err)
	}
	return ok
}

// failure is the text with which an expectation fails, "" if it passes.
func failure(expect func()) string {
	return strings.Join(gomega.InterceptGomegaFailures(expect), "\n")
}

// findDeviation returns the deviation of a field, and whether there is one.
func findDeviation(deviations []matchers.Deviation, field string) (matchers.Deviation, bool) {
	for _, d := range deviations {
		if d.Field == field {
			return d, true
		}
	}
	return matchers.Deviation{}, false
}
