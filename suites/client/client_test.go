package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
)

func sample(tb testing.TB) *fixtures.Contract {
	tb.Helper()
	contract, err := fixtures.Open(os.DirFS("../../fixtures/testdata/sample"))
	if err != nil {
		tb.Fatal(err)
	}
	return contract
}

// full is a wording, a response to it with every field but a name, and the failure that surfaces it.
func full(tb testing.TB) (*fixtures.Wording, exchange.Exchange, client.Failure) {
	tb.Helper()
	clause := sample(tb).Clause("sample.things.create.fields-invalid")
	w := clause.Wordings[0]
	response := w.Response()
	response.Header.Set("Retry-After", "2.5")
	right := client.Failure{
		Status: clause.Status, Code: w.Code, Message: w.Message.Expand(nil), RetryAfter: 2500 * time.Millisecond,
		RequestID: response.Header.Get("Request-Id"),
	}
	for _, d := range w.Details {
		right.Details = append(right.Details, client.Detail{Code: d.Code, Message: d.Message.Expand(nil)})
	}
	return w, exchange.New(http.MethodPost, clause.Operation.URL(), response, time.Now()), right
}

// named is a wording of a clause with a name, and a response to it.
func named(tb testing.TB) (*fixtures.Wording, exchange.Exchange) {
	tb.Helper()
	clause := sample(tb).Clause("sample.things.update.failed-precondition.OwnerIneligible")
	return clause.Wordings[0], exchange.New(http.MethodPatch, clause.Operation.URL(), clause.Wordings[0].Response(), time.Now())
}

func surfaced(x exchange.Exchange, f client.Failure) client.Surfaced {
	return client.Config{Name: "connector"}.Surfaced(f, x)
}

func TestSurfaceNamesEveryWrongField(t *testing.T) {
	t.Parallel()
	w, x, right := full(t)
	for field, change := range map[string]func(*client.Failure){
		"":            func(*client.Failure) {},
		"status":      func(f *client.Failure) { f.Status = 500 },
		"code":        func(f *client.Failure) { f.Code = strings.ToUpper(f.Code) },
		"name":        func(f *client.Failure) { f.Name = "SomeName" },
		"message":     func(f *client.Failure) { f.Message = "" },
		"details":     func(f *client.Failure) { f.Details = f.Details[1:] },
		"retry-after": func(f *client.Failure) { f.RetryAfter = time.Minute },
		"request id":  func(f *client.Failure) { f.RequestID = "" },
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			wrong := right
			change(&wrong)
			matcher := client.Surface(w)
			ok, err := matcher.Match(surfaced(x, wrong))
			if err != nil || ok != (field == "") {
				t.Fatalf("it matches: %t, %v", ok, err)
			}
			if ok {
				if len(matcher.Deviations()) > 0 {
					t.Errorf("it deviates: %+v", matcher.Deviations())
				}
				return
			}
			text := matcher.FailureMessage(nil)
			if strings.Count(text, "received    ") != 1 || !strings.Contains(text, "\n  "+field+" ") {
				t.Errorf("the text does not name that field alone:\n%s", text)
			}
			documented := map[string]string{
				"status": "400 Bad Request", "code": `"badRequest"`, "name": "(nothing)", "message": `"Input is invalid."`,
				"retry-after": "(left open)", "request id": "(left open)",
				"details": `"badRequest": "Input field {fieldName} is required", "badRequest": "Input field {fieldName}length exceeded ` +
					`than {expectedLength}", "badRequest": "Input field {fieldName} shouldn't be empty"`,
			}
			d, note := matcher.Deviations(), map[string]string{"retry-after": "Retry-After: 2.5"}[field]
			if len(d) != 1 || d[0].Documented != documented[field] || d[0].Field != field || !d[0].Binds || d[0].Wording != w.ID() || d[0].Note != note {
				t.Errorf("the deviations are %+v", d)
			}
		})
	}
}

func TestSurfaceComparesTheTimeToWaitToTheSecond(t *testing.T) {
	t.Parallel()
	w, x, right := full(t)
	for wait, want := range map[time.Duration]bool{
		2401 * time.Millisecond: true, 2400 * time.Millisecond: false, 2 * time.Second: false, 3499 * time.Millisecond: true, 3500 * time.Millisecond: false, 0: false,
	} {
		f := right
		f.RetryAfter = wait
		if ok, err := client.Surface(w).Match(surfaced(x, f)); ok != want || err != nil {
			t.Errorf("%s, where 2.5s was received, matches: %t, %v", wait, ok, err)
		}
	}
}

// A date may be counted from the Date header or from the caller's clock, in whole seconds or not, after the body has come.
func TestSurfaceComparesAWaitUntilADate(t *testing.T) {
	t.Parallel()
	w, _, f := full(t)
	response := w.Response()
	response.Header.Set("Date", "Fri, 27 Nov 2026 23:59:00 GMT")
	response.Header.Set("Retry-After", "Sat, 28 Nov 2026 00:00:30 GMT")
	x := exchange.New(http.MethodPost, w.Clause.Operation.URL(), response, time.Now())
	for wait, want := range map[time.Duration]bool{
		90 * time.Second: true, 89 * time.Second: true, 88900 * time.Millisecond: true, 88899 * time.Millisecond: false, 91001 * time.Millisecond: false, 0: false,
	} {
		f.RetryAfter = wait
		matcher := client.Surface(w)
		if ok, err := matcher.Match(surfaced(x, f)); ok != want || err != nil {
			t.Errorf("%s, where 1m30s was received, matches: %t, %v", wait, ok, err)
		}
		if misread := "received    1m30s  <- Retry-After: Sat, 28 Nov 2026 00:00:30 GMT\n"; !want && !strings.Contains(matcher.FailureMessage(nil), misread) {
			t.Errorf("the text does not name the value that was misread, %q:\n%s", misread, matcher.FailureMessage(nil))
		}
	}
}

// Without the header, the minutes of the message are a time to wait, and nothing is right too.
func TestSurfaceAcceptsMinutesWithoutAHeader(t *testing.T) {
	t.Parallel()
	w := sample(t).Clause("sample.things.update.throttled").Wordings[0]
	for header, accepted := range map[string]map[time.Duration]bool{
		"":    {0: true, 5 * time.Minute: true, 4 * time.Minute: false, time.Second / 2: false},
		"283": {0: false, 5 * time.Minute: false, 283 * time.Second: true},
	} {
		response := w.Response()
		response.Header.Del("Retry-After")
		if header != "" {
			response.Header.Set("Retry-After", header)
		}
		x := exchange.New(http.MethodPatch, w.Clause.Operation.URL(), response, time.Now())
		f := client.Failure{Status: w.Clause.Status, Code: w.Code, Message: w.Message.Expand(nil), RequestID: x.Header("Request-Id")}
		for wait, want := range accepted {
			f.RetryAfter = wait
			if ok, err := client.Surface(w).Match(surfaced(x, f)); ok != want || err != nil {
				t.Errorf("%s with Retry-After %q matches: %t, %v", wait, header, ok, err)
			}
		}
	}
}

func TestSurfaceExcusesWhatIsKnown(t *testing.T) {
	t.Parallel()
	w, x, f := full(t)
	f.Code = "other"
	s := surfaced(x, f)
	s.Known = func(field client.Field, text string) bool { return field == client.Code && text == "other" }
	matcher := client.Surface(w)
	if ok, err := matcher.Match(s); !ok || err != nil {
		t.Errorf("a known code does not match: %v\n%s", err, matcher.FailureMessage(nil))
	}
	if d := matcher.Deviations(); len(d) != 1 || d[0].Binds || d[0].Note != "a known erratum" {
		t.Errorf("the deviations are %+v", d)
	}
	s.Failure.Status = 500
	if ok, _ := matcher.Match(s); ok || strings.Contains(matcher.FailureMessage(nil), "\n  code ") || !strings.Contains(matcher.FailureMessage(nil), "\n  status ") {
		t.Errorf("beside it another status matches (%t), or the text names the code:\n%s", ok, matcher.FailureMessage(nil))
	}

	s = client.Config{Name: "connector"}.Surfaced(errors.New("too late: 17"), x)
	for _, known := range []bool{true, false} {
		s.Known = func(field client.Field, text string) bool { return known && field == "error" && text == "too late: 17" }
		if ok, err := client.Surface(w).Match(s); ok != known || err != nil {
			t.Errorf("an error that is known (%t) matches: %t, %v", known, ok, err)
		}
	}
}

func TestSurfaceListsWhatIsNotExposed(t *testing.T) {
	t.Parallel()
	w, x, right := full(t)
	s := surfaced(x, client.Failure{Status: right.Status, Name: "whatever"})
	s.Exposes = []client.Field{client.Status}
	matcher := client.Surface(w)
	if ok, err := matcher.Match(s); !ok || err != nil {
		t.Fatalf("it does not match: %v\n%s", err, matcher.FailureMessage(nil))
	}
	want := []client.Field{client.Code, client.Message, client.Details, client.RetryAfter, client.RequestID} // the response has no name
	if !slices.Equal(matcher.NotExposed(), want) {
		t.Errorf("not exposed are %q, want %q", matcher.NotExposed(), want)
	}
	if ok, _ := matcher.Match(surfaced(x, right)); !ok || matcher.NotExposed() != nil {
		t.Errorf("after a match of another, not exposed are %q", matcher.NotExposed())
	}
}

func TestSurfaceNeedsAFailure(t *testing.T) {
	t.Parallel()
	w, x, right := full(t)
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"nil": {nil, "connector returned nil although the API responded 400 Bad Request: sample.things.create.fields-invalid,\nwhich "},
		"an error without a failure": {
			errors.New("too bad"), "connector returned an error that carries no failure, although the API responded 400 Bad Request: " +
				"sample.things.create.fields-invalid.\n\n  too bad\n\nIf this is the client's usual error, have Config.Failure read it",
		},
		"an error that wraps a failure": {fmt.Errorf("creating: %w", right), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			matcher := client.Surface(w)
			ok, err := matcher.Match(client.Config{Name: "connector"}.Surfaced(test.err, x))
			if err != nil || ok != (test.want == "") {
				t.Fatalf("it matches: %t, %v", ok, err)
			}
			if text := matcher.FailureMessage(nil); !ok && (!strings.HasPrefix(text, test.want) || !strings.Contains(text, "\nThe request:\n  POST https://api.sample.example/")) {
				t.Errorf("the text is\n%s\nwant at first\n%s", text, test.want)
			}
		})
	}
}

// A client may be known to surface an error without a failure, and not to return nil.
func TestSurfaceExcusesNoNil(t *testing.T) {
	t.Parallel()
	w, x, _ := full(t)
	for want, err := range map[bool]error{false: nil, true: errors.New("too bad")} {
		s := client.Config{Name: "connector"}.Surfaced(err, x)
		s.Known = func(client.Field, string) bool { return true }
		if ok, wrong := client.Surface(w).Match(s); ok != want || wrong != nil {
			t.Errorf("%v matches: %t, %v", err, ok, wrong)
		}
	}
}

func TestSurfaceMasksTokens(t *testing.T) {
	t.Parallel()
	const token = "Bearer 0123456789abcdef"
	w, x, right := full(t)
	right.Code = token
	for _, err := range []error{right, errors.New(token)} {
		s := client.Config{Name: "connector"}.Surfaced(err, x)
		surface, returnNil := client.Surface(w), client.ReturnNil(w.Clause.Operation)
		_, _ = surface.Match(s)
		_, _ = returnNil.Match(s)
		for _, text := range []string{surface.FailureMessage(s), returnNil.FailureMessage(s)} {
			if strings.Contains(text, token) || !strings.Contains(text, "[masked]") {
				t.Errorf("the text of %T is\n%s", err, text)
			}
		}
	}
}

// A text is cut after 64 KiB, and not within a rune.
func TestTextOfAnErrorIsBounded(t *testing.T) {
	t.Parallel()
	most := strings.Repeat("x", 64<<10)
	for text, want := range map[string]string{most: most, most + "x": most + "…", most[1:] + "é": most[1:] + "…"} {
		if got := (client.Config{}).Surfaced(errors.New(text), exchange.Exchange{}).Text; got != want {
			t.Errorf("of %d bytes %d are left", len(text), len(got))
		}
	}
}

func TestSurfaceReadsTheErrorAsTheClientDeclares(t *testing.T) {
	t.Parallel()
	w, x, right := full(t)
	own := errors.New("own")
	config := client.Config{Name: "connector", Exposes: []client.Field{client.Code}, Failure: func(err error) (client.Failure, bool) {
		return right, errors.Is(err, own)
	}}
	if ok, err := client.Surface(w).Match(config.Surfaced(own, x)); !ok || err != nil {
		t.Errorf("its own error does not match: %v", err)
	}
	if s := config.Surfaced(right, x); s.Carried || s.Err == nil {
		t.Errorf("an error that it does not read carries a failure: %+v", s)
	}
	config.Failure = func(error) (client.Failure, bool) { panic("it was called for no error") }
	s := config.Surfaced(nil, x)
	if s.Carried || s.Err != nil || s.Client != "connector" || !slices.Equal(s.Exposes, config.Exposes) || s.Response.IsZero() {
		t.Errorf("no error surfaces %+v", s)
	}
}

func TestSurfaceSaysWhatToPass(t *testing.T) {
	t.Parallel()
	w, x, right := full(t)
	for name, test := range map[string]struct {
		wording *fixtures.Wording
		actual  any
		want    string
	}{
		"no wording":  {nil, surfaced(x, right), "Surface was given no wording: take one of contract.Clause(id).Wordings"},
		"a failure":   {w, right, "Surface takes a client.Surfaced, and was given a client.Failure: make one by the client's Config.Surfaced"},
		"no response": {w, client.Surfaced{Err: right}, "Surface was given no response: capture it by exchange.Capture or exchange.New"},
	} {
		if ok, err := client.Surface(test.wording).Match(test.actual); ok || err == nil || err.Error() != test.want {
			t.Errorf("%s: %t, %v, want %s", name, ok, err, test.want)
		}
	}
	matcher := client.Surface(w)
	_, _ = matcher.Match(surfaced(x, right))
	if got := matcher.NegatedFailureMessage(nil); got != "connector was expected to misreport sample.things.create.fields-invalid, and surfaces it." {
		t.Errorf("negated it says %q", got)
	}
	s := surfaced(x, client.Failure{})
	s.Client = ""
	_, _ = matcher.Match(s)
	if got := matcher.FailureMessage(nil); !strings.HasPrefix(got, "The client misreports sample.things.create.fields-invalid,\n") {
		t.Errorf("of a client without a name it says %q", got)
	}
	if got := matcher.NegatedFailureMessage(nil); !strings.HasPrefix(got, "The client was expected") {
		t.Errorf("negated it says %q", got)
	}
}

func TestTextOfAFailure(t *testing.T) {
	t.Parallel()
	_, _, right := full(t)
	right.Name = "N"
	want := map[client.Field]string{
		client.Status: "400 Bad Request", client.Code: "badRequest", client.Name: "N", client.Message: "Input is invalid.",
		client.RetryAfter: "2.5s", client.RequestID: right.RequestID, client.Details: `"badRequest": "` + right.Details[0].Message +
			`", "badRequest": "` + right.Details[1].Message + `", "badRequest": "` + right.Details[2].Message + `"`,
	}
	for _, field := range client.Fields() {
		if got := right.Text(field); got != want[field] || got == "" {
			t.Errorf("its %s is %q, want %q", field, got, want[field])
		}
		if got := (client.Failure{}).Text(field); got != "" && field != client.Status {
			t.Errorf("the %s of nothing is %q", field, got)
		}
	}
	if got := right.Text("shape"); got != "" {
		t.Errorf("a field that is none is %q", got)
	}
	for want, f := range map[string]client.Failure{
		"400 Bad Request badRequest: Input is invalid.": right,
		"400 Bad Request badRequest":                    {Status: 400, Code: "badRequest"},
		"502 Bad Gateway":                               {Status: 502},
	} {
		if f.Error() != want {
			t.Errorf("as an error it is %q, want %q", f.Error(), want)
		}
	}
}

func TestMinimalIsTheCallersOwn(t *testing.T) {
	t.Parallel()
	o := sample(t).Operation("sample.things.create")
	call := client.Minimal(o)
	if call.Operation != o || call.Params["userId"] != "u-1" || call.Query["notify"] != "true" || string(call.Body) != string(o.Body) || len(call.Body) == 0 {
		t.Fatalf("it is %+v", call)
	}
	call.Params["userId"], call.Query["notify"], call.Body[0] = "x", "x", 'x'
	if again := client.Minimal(o); again.Params["userId"] != "u-1" || again.Query["notify"] != "true" || again.Body[0] == 'x' {
		t.Errorf("a change of one changes the next: %+v", again)
	}
}

// What Example returns is a provider's data: only that it is the contract's matters here.
func TestExampleIsTheContracts(t *testing.T) {
	t.Parallel()
	providers := fixtures.Providers()
	contract, err := fixtures.Load(providers[len(providers)-1])
	if err != nil {
		t.Fatal(err)
	}
	o := contract.Operations[0]
	for name, value := range o.Params {
		if got := client.Example(o.ID, name); got != value || got == "" {
			t.Errorf("the example of %s in %s is %q, want %q", name, o.ID, got, value)
		}
	}
	for _, test := range []struct{ operation, parameter, want string }{
		{"nosuch.get", "id", `client.Example("nosuch.get", "id"): `},
		{contract.Provider + ".nosuch", "id", "no operation of that id has that parameter: go tool contract list " + contract.Provider + " shows the paths"},
		{o.ID, "nosuch", "no operation of that id has that parameter"},
	} {
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.Contains(text, test.want) {
					t.Errorf("Example(%q, %q) panics with %s, want %s", test.operation, test.parameter, text, test.want)
				}
			}()
			client.Example(test.operation, test.parameter)
		}()
	}
}

func TestReturnNil(t *testing.T) {
	t.Parallel()
	o := sample(t).Operation("sample.things.get")
	x := exchange.New(o.Method, o.URL(), o.SuccessResponse(), time.Now())
	config := client.Config{Name: "acme"}
	if ok, err := client.ReturnNil(o).Match(config.Surfaced(nil, x)); !ok || err != nil {
		t.Errorf("nil: %t, %v", ok, err)
	}
	m := client.ReturnNil(o)
	if ok, err := m.Match(config.Surfaced(errors.New("too bad"), x)); ok || err != nil {
		t.Errorf("an error: %t, %v", ok, err)
	}
	if want := "acme returned an error although the API responded 200 OK to sample.things.get:\ntoo bad"; m.FailureMessage(nil) != want {
		t.Errorf("it says %q, want %q", m.FailureMessage(nil), want)
	}
	if _, err := client.ReturnNil(nil).Match(config.Surfaced(nil, x)); err == nil {
		t.Error("no operation is taken")
	}
	const wrong = "ReturnNil takes an operation and a client.Surfaced, and was given a int: make one by the client's Config.Surfaced"
	if _, err := client.ReturnNil(o).Match(1); err == nil || err.Error() != wrong {
		t.Errorf("a number is %v, want %s", err, wrong)
	}
	if want := "acme was expected to return an error, and returned nil."; m.NegatedFailureMessage(nil) != want {
		t.Errorf("negated it says %q, want %q", m.NegatedFailureMessage(nil), want)
	}
	nameless := client.ReturnNil(o)
	_, _ = nameless.Match(client.Config{}.Surfaced(errors.New("too bad"), x))
	for _, text := range []string{nameless.FailureMessage(nil), nameless.NegatedFailureMessage(nil)} {
		if !strings.HasPrefix(text, "The client ") {
			t.Errorf("of a client without a name it says %q", text)
		}
	}
}

// broken is an error whose Error method panics on a nil pointer.
type broken struct{ text string }

func (b *broken) Error() string { return b.text }

func TestATypedNilIsNamed(t *testing.T) {
	t.Parallel()
	var err *broken
	s := client.Config{Name: "acme"}.Surfaced(err, exchange.Exchange{})
	if s.Err == nil || s.Carried || !strings.Contains(s.Text, "a nil *client_test.broken in an error") {
		t.Errorf("it is %+v", s)
	}
}
