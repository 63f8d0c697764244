package retry

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/report"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares a text with a file of testdata.
func golden(t *testing.T, file, got string) {
	t.Helper()
	file = "testdata/" + file
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the text is\n%s\nwant, of %s, which -update writes,\n%s", got, file, want)
	}
}

// TestBehaviours lists what is demanded of three clients after each clause that they are throttled with.
func TestBehaviours(t *testing.T) {
	t.Parallel()
	once, minutes, someStatuses := retrying(nil), retrying(nil), retrying(nil)
	once.Retries, once.RetriesOn = false, nil
	minutes.RetriesOn, minutes.ReadsMinutes = nil, true
	someStatuses.RetriesOn = []int{http.StatusInternalServerError, http.StatusServiceUnavailable}
	var text strings.Builder
	for _, test := range []struct {
		about  string
		config client.Config
	}{{"does not retry", once}, {"retries, and reads minutes", minutes}, {"retries after 500 and 503", someStatuses}} {
		s := subjectOf(t, test.config)
		fmt.Fprintf(&text, "A client that %s:\n", test.about)
		for _, w := range s.Wordings() {
			fmt.Fprintf(&text, "  throttled with %s, it\n", w.ID())
			for _, b := range s.Behaviours(w) {
				fmt.Fprintf(&text, "    %s (%s)\n", b.Text, b.Key)
			}
		}
	}
	golden(t, "behaviours.txt", text.String())
}

// TestFractionsAreDemandedWhereTheProviderDocumentsTheHeader takes it from the sample's envelope.
func TestFractionsAreDemandedWhereTheProviderDocumentsTheHeader(t *testing.T) {
	t.Parallel()
	for _, documented := range []bool{true, false} {
		s := subjectOf(t, retrying(nil))
		if !documented {
			s.Judge.Client.Contract.Envelope.RetryAfter = nil
		}
		found := false
		for _, b := range s.Behaviours(s.first(throttled)) {
			found = found || b.Key == "retries-fraction"
		}
		if found != documented {
			t.Errorf("documented: %v, and fractions are demanded: %v", documented, found)
		}
	}
}

// TestAnOperationWithABodyIsPreferred has two clauses of one kind.
func TestAnOperationWithABodyIsPreferred(t *testing.T) {
	t.Parallel()
	for _, withBody := range []bool{true, false} {
		s := subjectOf(t, retrying(nil))
		contract := s.Judge.Client.Contract
		contract.Operation("sample.things.get").Action = "update" // it sends no body, and is before the one that does
		if !withBody {
			contract.Operation("sample.things.update").Body = nil
		}
		var chosen []string
		for _, w := range s.Wordings() {
			if w.Clause.Status == http.StatusServiceUnavailable {
				chosen = append(chosen, w.Clause.ID)
			}
		}
		want := "[sample.things.get.unavailable]"
		if withBody {
			want = "[sample.things.update.unavailable]"
		}
		if fmt.Sprint(chosen) != want {
			t.Errorf("with a body: %v, chosen is %s, want %s", withBody, chosen, want)
		}
	}
}

func TestOperationsThatTheClientDoesNotPerformAreLeftOut(t *testing.T) {
	t.Parallel()
	config := retrying(nil)
	right := config.New
	config.New = func(given *http.Client, baseURL string) (client.Calls, error) {
		calls, err := right(given, baseURL)
		return client.Calls{"sample.things.get": calls["*"]}, err
	}
	var ids []string
	for _, w := range subjectOf(t, config).Wordings() {
		ids = append(ids, w.ID())
	}
	if want := "[sample.things.get.unavailable]"; fmt.Sprint(ids) != want {
		t.Errorf("the client is throttled with %s, want %s", ids, want)
	}
}

// hasty has a client retry after a second, and garbling send something else.
func hasty(p *policy) {
	p.wait = func(attempt int, _ http.Header) time.Duration { return exponential(attempt, 0.1) }
}

func garbling(p *policy) {
	p.body = func(attempt int, request *http.Request) {
		if attempt > 1 && request.Body != nil {
			request.Body, request.ContentLength = io.NopCloser(strings.NewReader(`{}`)), -1
		}
	}
}

// TestDocumented has a client meet the documented response.
func TestDocumented(t *testing.T) {
	t.Parallel()
	once := func(s *Subject) { // after which it is not throttled any more, and fails nonetheless
		s.Judge.Client.Failure = func(error) (client.Failure, bool) { return client.Failure{}, false }
	}
	for name, test := range map[string]struct {
		policy func(*policy)
		change func(*Subject)
		want   report.Outcome
		text   string
	}{
		"a right client":                  {nil, nil, report.Honored, ""},
		"one that retries too early":      {hasty, nil, report.Broken, "our client retried too early: attempt 2 follows after 1."},
		"one that sends something else":   {garbling, nil, report.Broken, "our client does not send the same request again: attempt 2 sends {}, "},
		"one whose error has no failure":  {nil, once, report.Broken, "our client returned an error that carries no failure, "},
		"one that does not retry":         {func(p *policy) { p.attempts = 1 }, nil, report.Broken, "our client declares Retries but did not retry after 429 "},
		"one that surfaces another code":  {nil, surfacesOtherCode, report.Broken, "our client misreports " + throttled},
		"one that is known to do so":      {nil, knownToSurfaceOtherCode, report.Honored, ""},
		"one known to retry too early":    {hasty, known("retries-seconds", "retries", "retried too early"), report.Honored, ""},
		"one known to send another body":  {garbling, known("retries-body", "retries", "does not send the same"), report.Honored, ""},
		"one known to do something else":  {hasty, known("retries-body", "retries", "does not send the same"), report.Broken, "our client retried too early: "},
		"one that panics":                 {func(p *policy) { p.body = func(int, *http.Request) { panic("no") } }, nil, report.Broken, "our client panicked before it sent"},
		"one known to panic":              {panicsLater, known("", "panic", "no"), report.Honored, ""},
		"one known not to panic any more": {nil, known("", "panic", "no"), report.UnexpectedPass, "errata.yaml:7 is stale: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := subjectOf(t, retrying(test.policy))
			if test.change != nil {
				test.change(s)
			}
			result, v := s.Documented(s.first(throttled))
			if v.Outcome != test.want || !strings.HasPrefix(v.Text, test.text) || (v.Text == "") != (test.text == "") {
				t.Errorf("the verdict is %s, %s\nwant %s, %s…", v.Outcome, v.Text, test.want, test.text)
			}
			if result == nil || len(v.Schedules) == 0 {
				t.Errorf("the result is %v, with %d schedules", result, len(v.Schedules))
			}
		})
	}
}

func panicsLater(p *policy) { p.wait = func(int, http.Header) time.Duration { panic("no") } }

func surfacesOtherCode(s *Subject) {
	s.Judge.Client.Failure = func(err error) (client.Failure, bool) {
		f, ok := err.(client.Failure) //nolint:errorlint // the reference client wraps nothing
		f.Code = "Other"
		return f, ok
	}
}

func knownToSurfaceOtherCode(s *Subject) {
	surfacesOtherCode(s)
	known("", "code", "Other")(s)
}

// known adds an erratum of the client.
func known(inCase, field, seen string) func(*Subject) {
	return func(s *Subject) {
		s.Judge.Errata = append(s.Judge.Errata, &fixtures.Erratum{
			Client: name, Clauses: "sample.*", Case: inCase, Field: field, Seen: seen, File: "errata.yaml", Line: 7,
			Expires: time.Now().Add(72 * time.Hour),
		})
	}
}

// TestErrataOfBehaviours has clients show a fault that is known, or no more.
func TestErrataOfBehaviours(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		policy func(*policy)
		change func(*Subject)
		key    string
		want   report.Outcome
		text   string
	}{
		"a known fault":                    {hasty, known("retries-seconds", "retries", "retried too early"), "retries-seconds", report.Honored, ""},
		"of another behaviour":             {hasty, known("retries-date", "retries", "retried too early"), "retries-seconds", report.Broken, "our client retried too early"},
		"another fault":                    {hasty, known("retries-seconds", "retries", "hangs"), "retries-seconds", report.Broken, "our client retried too early"},
		"a fault that is gone":             {nil, known("retries-seconds", "retries", "retried too early"), "retries-seconds", report.UnexpectedPass, "errata.yaml:7 is stale: our client no longer shows the retries of sample.things.update.throttled#error~retries-seconds as"},
		"a known panic":                    {panicsLater, known("retries-stop", "panic", "no"), "retries-stop", report.Honored, ""},
		"a panic known of any response":    {panicsLater, known("", "panic", "no"), "retries-stop", report.Honored, ""},
		"another panic":                    {panicsLater, known("", "panic", "yes"), "retries-stop", report.Broken, "our client panicked"},
		"a known error":                    {nil, errorsOut("retries-stop"), "retries-stop", report.Honored, ""},
		"an error known of any response":   {nil, errorsOut(""), "retries-recover", report.Honored, ""},
		"a known code of the last failure": {nil, knownToSurfaceOtherCode, "retries-stop", report.Honored, ""},
		"a code that is not known":         {nil, surfacesOtherCode, "retries-stop", report.Broken, "our client gives up, and does not surface the last failure."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := subjectOf(t, retrying(test.policy))
			if test.change != nil {
				test.change(s)
			}
			v := check(t, s, throttled, test.key)
			if v.Outcome != test.want || !strings.HasPrefix(v.Text, test.text) || (v.Text == "") != (test.text == "") {
				t.Errorf("the verdict is %s, %s\nwant %s, %s…", v.Outcome, v.Text, test.want, test.text)
			}
		})
	}
}

// errorsOut has the client's errors carry no failure, which is known in the case.
func errorsOut(inCase string) func(*Subject) {
	return func(s *Subject) {
		s.Judge.Client.Failure = func(error) (client.Failure, bool) { return client.Failure{}, false }
		known(inCase, "error", "429 Too Many Requests tooManyRequests")(s)
	}
}

// TestTheReasonIsWithoutTheEvidence is what makes one cause of many clauses.
func TestTheReasonIsWithoutTheEvidence(t *testing.T) {
	t.Parallel()
	for want, policy := range map[string]func(*policy){
		"our client never stops: it was throttled 100 times in 0s, and retried until its context was ended": func(p *policy) { p.attempts = 0 },
		"our client hangs": func(p *policy) {
			p.deaf, p.wait = true, func(int, http.Header) time.Duration { select {} }
		},
	} {
		if v := check(t, subjectOf(t, retrying(policy)), throttled, "retries-zero"); v.Reason != want || !strings.HasPrefix(v.Text, want) {
			t.Errorf("the reason is\n%s\nwant\n%s", v.Reason, want)
		}
	}
}

// TestSchedulesOfAVerdict has a client do wrong in the last of many runs.
func TestSchedulesOfAVerdict(t *testing.T) {
	t.Parallel()
	s := subjectOf(t, retrying(func(p *policy) {
		p.wait = func(attempt int, _ http.Header) time.Duration {
			return []time.Duration{time.Second, 10 * time.Second, 5 * time.Second, 12 * time.Second}[attempt-1] + rand.N(time.Second)
		}
	}))
	tr := s.trial(s.first("sample.things.create.internal"), "retries-backoff")
	fault := tr.spreads()
	if kept := tr.schedules; tr.total != 400 || len(kept) != 9 || !strings.Contains(fmt.Sprint(fault), kept[8].String()) {
		t.Errorf("of %d schedules %d are kept, and the last is not that of\n%v", tr.total, len(kept), fault)
	}
	v := check(t, s, "sample.things.create.internal", "retries-backoff")
	if len(v.Schedules) != 9 || v.MoreSchedules != 391 {
		t.Errorf("the verdict has %d schedules, and %d more", len(v.Schedules), v.MoreSchedules)
	}
}

// TestTexts compares the failures of clients without chance.
func TestTexts(t *testing.T) {
	t.Parallel()
	steady := without(func(attempt int) time.Duration { return exponential(attempt, 0) })
	once := retrying(nil)
	once.RetriesIf = func(clause *fixtures.Clause) bool { return clause.Operation.Method == http.MethodGet }
	repeats400 := retrying(func(p *policy) { p.statuses = []int{http.StatusBadRequest} })
	repeats400.RetriesOn = nil
	silent := func(s *Subject) { s.Judge.Client.Contract.Retries.Jitter = fixtures.Demand{} }
	const internal, precondition = "sample.things.create.internal", "sample.things.delete.failed-precondition.CannotDeleteOwnerTransferIncomplete"
	var text strings.Builder
	for _, test := range []struct {
		config      client.Config
		change      func(*Subject)
		clause, key string
	}{
		{retrying(timing(func(wait time.Duration) time.Duration { return 60 * wait }, 0)), nil, throttled, "retries-seconds"},
		{retrying(timing(func(wait time.Duration) time.Duration { return 24 * 3600 * wait }, 0)), nil, throttled, "retries-seconds"},
		{retrying(forgetful), nil, throttled, "retries-headers"},
		{retrying(func(p *policy) { p.attempts = 1 }), nil, internal, "retries-recover"},
		{once, nil, throttled, "retries-once"},
		{repeats400, nil, precondition, "retries-once"},
		{retrying(steady), nil, internal, "retries-backoff"},
		{retrying(steady), silent, internal, "retries-backoff"},
	} {
		s := subjectOf(t, test.config)
		if test.change != nil {
			test.change(s)
		}
		v := check(t, s, test.clause, test.key)
		fmt.Fprintf(&text, "%s:\n%s\n\n", v.Outcome, v.Text)
	}
	golden(t, "texts.txt", text.String())
}

// TestMeasured compares what is measured of a right client, in each way in which a response requests a wait.
func TestMeasured(t *testing.T) {
	t.Parallel()
	steady := without(func(attempt int) time.Duration { return time.Second << (attempt - 1) })
	var text strings.Builder
	for _, test := range []struct {
		clause    string
		requested delay
		times     int
	}{
		{throttled, asDocumented, 1}, {throttled, absent, always}, {throttled, wholeSeconds, 0}, {throttled, zero, 2},
		{"sample.things.get.unavailable", fraction, 1}, {"sample.things.get.unavailable", absent, 2},
		{"sample.things.create.internal", absent, 1}, {"sample.things.get.unavailable", absent, always}, {"sample.things.create.internal", absent, 0}, {throttled, tooMany, 1},
	} {
		s := subjectOf(t, retrying(steady))
		m := s.trial(s.first(test.clause), "").measure(test.requested, test.times)
		if m.Fault != nil {
			t.Errorf("%s, %s: %v", test.clause, test.requested.text, m.Fault)
		}
		fmt.Fprintf(&text, "%s, %s:\n%s\n\n", test.clause, m.requested, m.schedule)
		// The failures are told apart by a header and by the body alike.
		if x := m.Last(); x.Status() >= http.StatusBadRequest {
			inner, want := x.TextAt("/error/innerError/request-id"), fmt.Sprint("-", len(m.attempts))
			if inner != "" && (inner != x.Header("Request-Id") || !strings.HasSuffix(inner, want)) {
				t.Errorf("%s, %s: the last failure has the ids %q and %q", test.clause, m.requested, x.Header("Request-Id"), inner)
			}
		}
	}
	golden(t, "measured.txt", text.String())
}

// TestADateIsAWholeNumberOfSecondsAhead looks at what a client is given for a date.
func TestADateIsAWholeNumberOfSecondsAhead(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 10, 1, 12, 0, 0, 600_000_000, time.UTC)
	value, wait := date.header(now)
	if value != "Thu, 01 Oct 2026 12:01:30 GMT" || wait != 89*time.Second+400*time.Millisecond {
		t.Errorf("it is %q, to wait %s", value, wait)
	}
}
