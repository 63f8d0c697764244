package retry

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/call"
	"github.com/learncontract/learncontract/suites/report"
)

// dialled is the client, to be measured in real time.
func dialled(t *testing.T, config client.Config) *Subject {
	t.Helper()
	if testing.Short() {
		t.Skip("a client that dials waits for seconds: run without -short")
	}
	s := subjectOf(t, config)
	s.Respond = ShortWaits(s.Respond)
	return s
}

// TestARightClientThatDials has no fault, and what is not measured of it says so.
func TestARightClientThatDials(t *testing.T) {
	t.Parallel()
	for _, clause := range []string{throttled, "sample.things.create.internal"} {
		t.Run(clause, func(t *testing.T) {
			t.Parallel()
			s := dialled(t, dialling(func(p *policy) { p.body = authorized }))
			w := s.first(clause)
			outcomes := map[string]report.Outcome{}
			for _, b := range s.Behaviours(w) {
				v := s.Check(w, b)
				outcomes[b.Key] = v.Outcome
				if v.Outcome.Fails() || v.Outcome == report.NotRun != (v.Reason == name+" dials, so it is called in real time, in which this takes minutes: give New to have it measured") {
					t.Errorf("%s is %s, %s", b.Key, v.Outcome, v.Reason+v.Text)
				}
			}
			for _, key := range []string{"recover", "stop", "context", "headers", "body"} {
				if outcomes["retries-"+key] != report.Honored {
					t.Errorf("%s is %s", key, outcomes["retries-"+key])
				}
			}
			for key, want := range map[string]report.Outcome{"seconds": report.Honored, "fraction": report.Honored, "zero": report.Honored, "date": report.NotRun, "overflow": report.NotRun} {
				if got := outcomes["retries-"+key]; clause == throttled && got != want {
					t.Errorf("%s is %s, want %s", key, got, want)
				}
			}
			if outcomes["retries-backoff"] != report.NotRun {
				t.Errorf("the backoff is %s", outcomes["retries-backoff"])
			}
			r, v := s.Documented(w)
			if v.Outcome != report.Honored || r == nil || len(r.Exchanges) != 3 {
				t.Errorf("what is documented is %s, %s: %+v", v.Outcome, v.Text, r)
			}
		})
	}
}

// TestOtherClausesOfAStatusAreThrottledOnce in real time.
func TestOtherClausesOfAStatusAreThrottledOnce(t *testing.T) {
	t.Parallel()
	s := dialled(t, dialling(nil))
	w := s.Judge.Client.Contract.Clause(throttled).Wordings[1]
	r, v := s.Documented(w)
	if r != nil || v.Outcome != report.Honored || !strings.HasPrefix(v.Reason, "it recovered when it was throttled once; ") || len(v.Schedules) != 1 || len(v.Schedules[0].Attempts) != 2 {
		t.Errorf("it is %s, %s, with %+v", v.Outcome, v.Reason+v.Text, v.Schedules)
	}
}

// TestFaultsOfClientsThatDial has one fault each.
func TestFaultsOfClientsThatDial(t *testing.T) {
	t.Parallel()
	undeclared := dialling(nil)
	undeclared.Retries, undeclared.RetriesOn = false, nil
	impatient := dialling(func(p *policy) { p.wait = func(int, http.Header) time.Duration { return 40 * time.Second } })
	impatient.Timeout = time.Second
	short := dialling(func(p *policy) { p.attempts = 5 })
	short.Timeout = 1500 * time.Millisecond
	for name, test := range map[string]struct {
		config    client.Config
		key, text string
		outcome   report.Outcome
	}{
		"retries undeclared":   {undeclared, "once", "retried, though it does not declare Retries.\n\n  attempt ", report.Broken},
		"retries too early":    {dialling(hasty50), "seconds", "retried too early: attempt 2 follows after ", report.Broken},
		"retries without end":  {dialling(func(p *policy) { *p = policy{base: p.base, wait: hasty50ms} }), "stop", "never stops: it was throttled 100 times in ", report.Broken},
		"is deaf":              {dialling(func(p *policy) { p.deaf = true }), "context", "does not end with its context, which ended right after the first response: it returned 8", report.Broken},
		"does not retry":       {dialling(func(p *policy) { p.attempts = 1 }), "recover", "declares Retries but did not retry after 429 ", report.Broken},
		"garbles its body":     {dialling(garbling), "body", "does not send the same request again: attempt 2 sends {}", report.Broken},
		"drops Authorization":  {dialling(forgetful), "headers", "drops headers of its first attempt: attempt 2 has no Authorization.", report.Broken},
		"waits for too long":   {impatient, "seconds", "took too long after it received " + throttled + "#error: the suite ended its context after 1s", report.Broken},
		"needs a longer time":  {short, "stop", "was still retrying when the suite ended its context, after ", report.NotRun},
		"retries a second off": {dialling(func(p *policy) { p.attempts = 2 }), "zero", "", report.Honored},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := dialled(t, test.config)
			v := check(t, s, throttled, "retries-"+test.key)
			text := v.Text
			if v.Outcome == report.NotRun {
				text = v.Reason
			}
			if text != "" {
				text = strings.TrimPrefix(text, "our client ")
			}
			if v.Outcome != test.outcome || !strings.HasPrefix(text, test.text) {
				t.Errorf("it is %s, %s\nwant %s, %s…", v.Outcome, text, test.outcome, test.text)
			}
		})
	}
}

func hasty50(p *policy) { p.wait = hasty50ms }

func hasty50ms(int, http.Header) time.Duration { return 50 * time.Millisecond }

func forgetful(p *policy) {
	p.body = func(attempt int, request *http.Request) {
		if authorized(attempt, request); attempt > 1 {
			request.Header.Del("Authorization")
		}
	}
}

// TestShortWaits keeps what is documented.
func TestShortWaits(t *testing.T) {
	t.Parallel()
	s := subjectOf(t, retrying(nil))
	for clause := range s.Judge.Client.Contract.Clauses() {
		for _, w := range clause.Wordings {
			long := w.Response()
			response := ShortWaits((*fixtures.Wording).Response)(w)
			if want := long.Header.Get("Retry-After"); want != "" && response.Header.Get("Retry-After") != "1" || want == "" && response.Header.Get("Retry-After") != "" {
				t.Errorf("%s: Retry-After is %q", w.ID(), response.Header.Get("Retry-After"))
			}
			matcher := matchers.HonorWording(w).Strictly()
			x := exchange.New(clause.Operation.Method, clause.Operation.URL(), response, time.Now())
			if ok, err := matcher.Match(x); !ok || err != nil {
				t.Errorf("%s: %v\n%s", w.ID(), err, matcher.FailureMessage(x))
			}
		}
	}
}

// TestAnUndeclaredRetryOfTheDocumentedResponse happens within the call of a client that dials.
func TestAnUndeclaredRetryOfTheDocumentedResponse(t *testing.T) {
	t.Parallel()
	config := dialling(nil)
	config.Retries, config.RetriesOn = false, nil
	s := dialled(t, config)
	w := s.first(throttled)
	r, err := s.Judge.Client.Do(call.Request{Operation: w.Clause.Operation, Response: s.Respond(w), What: w.ID(), Once: s.Judge.Client.WhyOnce(w.Clause)})
	if err != nil {
		t.Fatal(err)
	}
	const want = "our client sent another request, though it does not declare Retries"
	if v := s.Judge.Wording(w, "", r); v.Outcome != report.Broken || v.Reason != want {
		t.Errorf("it is %s, %s, want %s", v.Outcome, v.Reason, want)
	}
}
