package verdict_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/internal/call"
	"github.com/learncontract/learncontract/suites/internal/mutation"
	"github.com/learncontract/learncontract/suites/internal/verdict"
	"github.com/learncontract/learncontract/suites/report"
)

func sample(tb testing.TB) *fixtures.Contract {
	tb.Helper()
	contract, err := fixtures.Open(os.DirFS("../../../fixtures/testdata/sample"))
	if err != nil {
		tb.Fatal(err)
	}
	return contract
}

var today = time.Date(2027, 5, 1, 12, 0, 0, 0, time.UTC)

// surfacing is the reference client with what it returns changed.
func surfacing(name string, change func(error) error) client.Config {
	return client.Config{Name: name, New: func(given *http.Client, base string) (client.Calls, error) {
		return client.Calls{"*": func(ctx context.Context, call client.Call) error {
			return change(wire.New(given, base).Do(ctx, call))
		}}, nil
	}}
}

func right(err error) error { return err }

// gone surfaces the code of every 404 as "gone".
func gone(err error) error {
	f, ok := errors.AsType[client.Failure](err)
	if !ok || f.Status != http.StatusNotFound {
		return err
	}
	f.Code = "gone"
	return f
}

func judge(t *testing.T, config client.Config, errata ...*fixtures.Erratum) *verdict.Judge {
	t.Helper()
	c, err := call.Open(config, sample(t))
	if err != nil {
		t.Fatal(err)
	}
	return &verdict.Judge{Client: c, Errata: errata, Today: today}
}

// receive has the client receive a response to the wording's operation.
func receive(t *testing.T, j *verdict.Judge, w *fixtures.Wording, response fixtures.Response) *call.Result {
	t.Helper()
	r, err := j.Client.Do(call.Request{Operation: w.Clause.Operation, Response: response, What: w.ID(), Once: j.Client.WhyOnce(w.Clause)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wordings(c *fixtures.Contract) (all []*fixtures.Wording) {
	for clause := range c.Clauses() {
		all = append(all, clause.Wordings...)
	}
	return all
}

// first is the first wording of a clause of things.
func first(c *fixtures.Contract, clause string) *fixtures.Wording {
	return c.Clause("sample.things." + clause).Wordings[0]
}

func TestARightClientHonorsEveryWording(t *testing.T) {
	t.Parallel()
	j := judge(t, surfacing("connector", right))
	for _, w := range wordings(j.Client.Contract) {
		v := j.Wording(w, "", receive(t, j, w, w.Response()))
		if v.Outcome != report.Honored || v.Text != "" || v.Reason != "" || len(v.Deviations)+len(v.NotExposed)+len(v.Errata) > 0 {
			t.Errorf("%s is %+v", w.ID(), v)
		}
	}
}

// assertions are those of the bodies of package graph and classroom, offline.
func assertions(g gomega.Gomega, w *fixtures.Wording, r *call.Result) {
	g.Expect(r.Last()).To(matchers.HonorWording(w).Strictly())
	g.Expect(r.Last()).To(matchers.HaveStatus(w.Clause.Status))
	g.Expect(r.Last()).To(matchers.HaveErrorCode(w.Code))
	g.Expect(r.Last()).To(matchers.HaveErrorMessage(w.Message))
	g.Expect(r.Last()).To(matchers.HaveErrorShape(w.Clause.Operation.Contract.Envelope.Schema))
	g.Expect(r.Surfaced).To(client.Surface(w))
}

// assert is the first failure of the assertions, "" if they hold.
func assert(w *fixtures.Wording, r *call.Result) (failure string) {
	type stop struct{}
	defer func() {
		if p := recover(); p != nil && p != any(stop{}) {
			panic(p)
		}
	}()
	assertions(gomega.NewGomega(func(message string, _ ...int) { failure = message; panic(stop{}) }), w, r)
	return ""
}

// The assertions of a spec and its verdict come of the same functions, and so never disagree: of no response that is changed in
// one way, whatever the client makes of it.
func TestAssertionsAndVerdictAgree(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]client.Config{
		"the reference client": surfacing("connector", right),
		"a wrong code":         surfacing("connector", gone),
		"nil":                  surfacing("connector", func(error) error { return nil }),
		"another error":        surfacing("connector", func(error) error { return errors.New("too bad") }),
		"little exposed": func() client.Config {
			c := surfacing("connector", right)
			c.Exposes = []client.Field{client.Message}
			return c
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := judge(t, config)
			tried := map[bool]int{}
			for i, w := range wordings(j.Client.Contract) {
				for harmful, operators := range map[bool][]mutation.Operator{true: mutation.Harmful(), false: mutation.Harmless()} {
					for n, operator := range operators {
						mutants := operator.Apply(w, w.Response())
						if len(mutants) == 0 || (i+n)%5 != 0 && len(w.Details) == 0 { // a fifth of them has every operator
							continue
						}
						r, err := j.Client.Do(call.Request{Operation: w.Clause.Operation, Response: mutants[0], What: w.ID(), Once: "once"})
						if err != nil || r.Fault != nil { // such as a body on 304: not a response, or none that the client returned from
							continue
						}
						v := j.Wording(w, "", r)
						failure := assert(w, r)
						if (failure != "") != v.Outcome.Fails() {
							t.Fatalf("%s with %s is %s, %s, and the assertions say %s", w.ID(), operator.Name, v.Outcome, v.Reason, failure)
						}
						if harmful && !v.Outcome.Fails() || v.Outcome.Fails() && (v.Outcome != report.Broken || v.Reason == "" || v.Text == "") {
							t.Fatalf("%s with %s is %+v", w.ID(), operator.Name, v)
						}
						tried[v.Outcome.Fails()]++
					}
				}
			}
			if tried[true] < 100 || name == "the reference client" && tried[false] < 30 {
				t.Errorf("%v were tried, which shows too little", tried)
			}
		})
	}
}

// An outcome is never read from a text.
func TestNoNameDecidesAnOutcome(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"engine error: acme", "unexpected pass: x", "not run: y", "not asked: y", "unsupported: z", "another clause: a", "known erratum", "honored",
	} {
		j := judge(t, surfacing(name, gone))
		w := first(j.Client.Contract, "get.not-found")
		v := j.Wording(w, "", receive(t, j, w, w.Response()))
		if v.Outcome != report.Broken || v.Reason != `code is not surfaced as received` ||
			!strings.HasPrefix(v.Text, name+" misreports sample.things.get.not-found,\n") {
			t.Errorf("%s is %s, %s\n%s", name, v.Outcome, v.Reason, v.Text)
		}
	}
}

func TestWordingOfAClientThatIsWrong(t *testing.T) {
	t.Parallel()
	const status = "the API responded 404 Not Found"
	for name, test := range map[string]struct {
		change         func(error) error
		reason, begins string
	}{
		"nil":         {func(error) error { return nil }, "connector returned nil although the API responded with a failure", "connector returned nil although " + status + ": sample.things.get.not-found,\n"},
		"other error": {func(error) error { return errors.New("too bad:\n  now") }, "connector returned an error that carries no failure", "connector returned an error that carries no failure, although " + status},
		"code":        {gone, `code is not surfaced as received`, "connector misreports sample.things.get.not-found,\n"},
		"a panic":     {func(error) error { panic("no such code") }, "connector panicked: no such code", "connector panicked after it received sample.things.get.not-found: no such code\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := judge(t, surfacing("connector", test.change))
			w := first(j.Client.Contract, "get.not-found")
			v := j.Wording(w, "", receive(t, j, w, w.Response()))
			if v.Outcome != report.Broken || v.Reason != test.reason || !strings.HasPrefix(v.Text, test.begins) {
				t.Errorf("it is %s, %q\n%s", v.Outcome, v.Reason, v.Text)
			}
		})
	}
}

func TestWordingOfAResponseThatIsWrong(t *testing.T) {
	t.Parallel()
	j := judge(t, surfacing("connector", right))
	w := first(j.Client.Contract, "get.not-found")
	other := first(j.Client.Contract, "get.unavailable").Response()
	r := receive(t, j, w, other)
	v := j.Wording(w, "", r)
	if v.Outcome != report.Broken || !strings.HasPrefix(v.Reason, "status is received as 503 Service Unavailable, and documented as 404 Not Found; ") || len(v.Deviations) == 0 || v.Deviations[0].Wording != w.ID() {
		t.Errorf("it is %+v", v)
	}
	// In a case, the response is changed on purpose: only what is surfaced of it counts.
	if v := j.Wording(w, "some-case", r); v.Outcome != report.Honored {
		t.Errorf("in a case it is %+v", v)
	}
	// Not one of several responses may differ.
	r = receive(t, j, w, w.Response())
	r.Exchanges = append([]exchange.Exchange{exchange.New("GET", w.Clause.Operation.URL(), other, time.Now())}, r.Exchanges...)
	if v := j.Wording(w, "", r); v.Outcome != report.Broken {
		t.Errorf("with another response before it is %+v", v)
	}
	r = receive(t, j, w, w.Response())
	r.Surfaced.Response = exchange.Exchange{}
	if v := j.Wording(w, "", r); v.Outcome != report.Engine || v.Text == "" {
		t.Errorf("without a response it is %+v", v)
	}
	r = receive(t, j, w, w.Response())
	r.Exchanges = append(r.Exchanges, exchange.Exchange{})
	if v := j.Wording(w, "", r); v.Outcome != report.Engine {
		t.Errorf("with an exchange of nothing it is %+v", v)
	}
}

func TestWhatIsNotExposed(t *testing.T) {
	t.Parallel()
	config := surfacing("connector", right)
	config.Exposes = []client.Field{client.Status, client.Code}
	j := judge(t, config)
	w := first(j.Client.Contract, "get.not-found")
	v := j.Wording(w, "", receive(t, j, w, w.Response()))
	if want := []string{"message", "request id"}; v.Outcome != report.Honored || !slices.Equal(v.NotExposed, want) {
		t.Errorf("it is %s, not exposed are %q, want %q", v.Outcome, v.NotExposed, want)
	}
}

func TestFaultsHaveOneReason(t *testing.T) {
	t.Parallel()
	do := func(t *testing.T, f func(ctx context.Context, given *http.Client, base string, call client.Call) error) (*verdict.Judge, error) {
		t.Helper()
		j := judge(t, client.Config{Name: "connector", New: func(given *http.Client, base string) (client.Calls, error) {
			return client.Calls{"*": func(ctx context.Context, call client.Call) error { return f(ctx, given, base, call) }}, nil
		}})
		w := first(j.Client.Contract, "get.not-found")
		return j, receive(t, j, w, w.Response()).Fault
	}
	send := func(ctx context.Context, given *http.Client, base string, call client.Call) error {
		return wire.New(given, base).Do(ctx, call)
	}
	for reason, f := range map[string]func(ctx context.Context, given *http.Client, base string, call client.Call) error{
		"connector panicked: no such code": func(context.Context, *http.Client, string, client.Call) error { panic("no such code") },
		"connector hangs":                  func(context.Context, *http.Client, string, client.Call) error { select {} },
		"connector called another host than https://api.sample.example/v1": func(ctx context.Context, given *http.Client, _ string, call client.Call) error {
			call.Operation = &fixtures.Operation{Method: "PATCH", Path: "/things"}
			return send(ctx, given, "https://elsewhere.example", call)
		},
		"connector sent an unexpected request": func(ctx context.Context, given *http.Client, base string, call client.Call) error {
			return send(ctx, given, base+"/beta", call)
		},
		"connector sent another request, though it does not declare Retries": func(ctx context.Context, given *http.Client, base string, call client.Call) error {
			_ = send(ctx, given, base, call)
			return send(ctx, given, base, call)
		},
		"connector did not send the request of its call with what it was given": func(context.Context, *http.Client, string, client.Call) error { return nil },
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			j, fault := do(t, f)
			for _, err := range []error{fault, fmt.Errorf("wrapped: %w", fault)} {
				v := j.Fault(err)
				got := v.Reason
				if strings.HasPrefix(reason, "connector called another host") {
					got, _, _ = strings.Cut(got, " the answer to")
					got = strings.TrimSuffix(got, ":")
				}
				if v.Outcome != report.Broken || got != reason || v.Text != err.Error() {
					t.Errorf("it is %s, %q\n%s", v.Outcome, v.Reason, v.Text)
				}
			}
			if v := j.Success(j.Client.Contract.Operation("sample.things.get"), &call.Result{Fault: fault}); v.Outcome != report.Broken || !strings.HasPrefix(v.Reason, reason) {
				t.Errorf("of a success it is %s, %q", v.Outcome, v.Reason)
			}
		})
	}
	j, _ := do(t, send)
	if v := j.Fault(errors.New("connector is tired: it hung.\n\nMore")); v.Reason != "connector is tired: it hung" {
		t.Errorf("any other fault is %q", v.Reason)
	}
	unexpected := &call.UnexpectedRequest{Why: "it must not"}
	if v := j.Fault(unexpected); v.Reason != "connector sent an unexpected request" {
		t.Errorf("before a response it is %q", v.Reason)
	}
}

func TestSuccess(t *testing.T) {
	t.Parallel()
	ok := judge(t, surfacing("connector", right))
	o := ok.Client.Contract.Operation("sample.things.get")
	success, failure := o.SuccessResponse(), o.Clauses[0].Wordings[0].Response()
	accepted, html := success, fixtures.Response{Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte("<p>OK</p>")}
	accepted.Status = http.StatusAccepted
	disguised := failure
	disguised.Status = http.StatusOK
	for name, test := range map[string]struct {
		change   func(error) error
		response fixtures.Response
		reason   string // the start; "" for honored
	}{
		"right":            {right, success, ""},
		"an error":         {func(error) error { return errors.New("too bad") }, success, "connector returned an error although the API responded with a success"},
		"a failure":        {right, failure, "The "},
		"another status":   {right, accepted, "The "},
		"a failure's body": {right, disguised, "The "},
		"HTML":             {right, html, "The "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := judge(t, surfacing("connector", test.change))
			r, err := j.Client.Do(call.Request{Operation: o, Response: test.response, What: "a success", Once: "nothing failed"})
			if err != nil {
				t.Fatal(err)
			}
			v := j.Success(o, r)
			if test.reason == "" {
				if v.Outcome != report.Honored || v.Text != "" {
					t.Errorf("it is %+v", v)
				}
				return
			}
			if v.Outcome != report.Broken || !strings.HasPrefix(v.Reason, test.reason) || v.Text == "" {
				t.Errorf("it is %s, %q\n%s", v.Outcome, v.Reason, v.Text)
			}
		})
	}
	if v := ok.Success(&fixtures.Operation{}, &call.Result{Exchanges: make([]exchange.Exchange, 1)}); v.Outcome != report.Engine {
		t.Errorf("of no operation it is %+v", v)
	}
}

func TestVerdictsOfTheEngine(t *testing.T) {
	t.Parallel()
	if v := verdict.EngineError(errors.New("no stub.\n\nMore")); v.Outcome != report.Engine || v.Reason != "no stub" || v.Text != "engine error: no stub.\n\nMore" {
		t.Errorf("an engine error is %+v", v)
	}
	if v := verdict.NotRun(report.Unsupported, "a reason"); v.Outcome != report.Unsupported || v.Reason != "a reason" || v.Text != "" {
		t.Errorf("what is not run is %+v", v)
	}
	if v := verdict.Broken("It is:\n  broken\n\nMore"); v.Outcome != report.Broken || v.Reason != "It is: broken" || v.Text != "It is:\n  broken\n\nMore" {
		t.Errorf("what is broken is %+v", v)
	}
}

func TestSentence(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "One.\n\nTwo.": "One", "a\n\t b:": "a b", "panicked: nil\ngoroutine 7 [running]:\nmain.f()": "panicked: nil",
		strings.Repeat("é", 200): strings.Repeat("é", 200), strings.Repeat("é", 201): strings.Repeat("é", 200) + "…",
		"x" + strings.Repeat("é", 200): "x" + strings.Repeat("é", 199) + "…",
	} {
		if got := verdict.Sentence(text); got != want {
			t.Errorf("of %q it is %q, want %q", text, got, want)
		}
	}
}

func TestBinding(t *testing.T) {
	t.Parallel()
	received := matchers.Deviation{Field: "code", Documented: `"a"`, Received: `"b"`, Binds: true}
	surfaced := matchers.Deviation{Field: "message", Documented: `"a"`, Received: `"b"`, Surfaced: `"c"`, Binds: true}
	advisory := matchers.Deviation{Field: "details", Documented: `"a"`, Received: `"b"`}
	if got := verdict.Binding([]matchers.Deviation{advisory}); got != "" {
		t.Errorf("what does not bind is %q", got)
	}
	const want = `code is received as "b", and documented as "a"; message is not surfaced as received`
	if got := verdict.Binding([]matchers.Deviation{received, advisory, surfaced, received}); got != want {
		t.Errorf("it is %q, want %q", got, want)
	}
}

func TestMasked(t *testing.T) {
	t.Parallel()
	mask := func(text string) string { return strings.ReplaceAll(text, "token", "[masked]") }
	v := verdict.Verdict{
		Outcome: report.Broken, Reason: "a token", Text: "the token", Response: "token",
		Deviations: []matchers.Deviation{{Field: "code", Documented: "a token", Received: "token", Surfaced: "the token"}},
	}
	got := v.Masked(mask)
	if text := fmt.Sprintf("%+v", got); strings.Contains(text, "token") || strings.Count(text, "[masked]") != 6 || got.Outcome != report.Broken {
		t.Errorf("masked it is %s", text)
	}
	if v.Deviations[0].Received != "token" {
		t.Error("the verdict itself was changed")
	}
}
