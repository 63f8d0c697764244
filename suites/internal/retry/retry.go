// Package retry measures a client that is throttled, on virtual time, and decides whether it retries as the vendors' pages say.
//
// It is pure but for the calls.
package retry

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/call"
	"github.com/learncontract/learncontract/suites/internal/verdict"
	"github.com/learncontract/learncontract/suites/report"
)

// Subject is the client whose retries are measured.
type Subject struct {
	Judge   *verdict.Judge
	Respond func(*fixtures.Wording) fixtures.Response // the documented response
}

// Wordings are those that a client is throttled with: one for each action, status and remedy that says to retry, of an
// operation that the client performs and, if there is one, sends a body with.
func (s *Subject) Wordings() []*fixtures.Wording {
	type kind struct {
		action string
		status int
		remedy string
		named  bool
	}
	found := map[kind]int{}
	var wordings []*fixtures.Wording
	for clause := range s.Judge.Client.Contract.Clauses() {
		if !clause.Remedy.AllowsRetry() || !s.Judge.Client.Performs(clause.Operation) {
			continue
		}
		k := kind{clause.Operation.Action, clause.Status, clause.Remedy.Do, clause.Name != ""}
		at, has := found[k]
		switch {
		case !has:
			found[k] = len(wordings)
			wordings = append(wordings, clause.Wordings[0])
		case wordings[at].Clause.Operation.Body == nil && clause.Operation.Body != nil:
			wordings[at] = clause.Wordings[0]
		}
	}
	return wordings
}

// Check is the verdict of a behaviour where the client is throttled with the wording.
func (s *Subject) Check(w *fixtures.Wording, b Behaviour) verdict.Verdict {
	t := s.trial(w, b.Key)
	fault := first(b.check(t), t.leaks())
	v := verdict.Verdict{Outcome: report.Honored}
	if text := t.withoutName(fault); fault != nil && (isEngine(fault) || !t.errata.Excuse(retriesField, text)) {
		v = t.verdictOf(fault)
	} else {
		t.errata.Settle(&v, verdict.CaseID(w, b.Key), s.Judge.Today)
	}
	t.report(&v)
	return v
}

// Documented is what a client that retries after the wording makes of the documented response, given each time, and the
// verdict of that: it must surface the last failure, and recover if it is throttled only once.
func (s *Subject) Documented(w *fixtures.Wording) (*call.Result, verdict.Verdict) {
	t := s.trial(w, "")
	m := t.measure(asDocumented, always)
	var v verdict.Verdict
	if fault := t.misbehaves(m); fault != nil {
		v = t.verdictOf(fault)
	} else if v = s.Judge.Wording(w, "", m.Result); !v.Outcome.Fails() {
		if fault := first(t.recovers(t.misbehaves, 1), t.leaks()); fault != nil {
			v = t.verdictOf(fault)
		}
	}
	t.report(&v)
	return m.Result, v
}

// report adds what was measured to a verdict.
func (t *trial) report(v *verdict.Verdict) {
	for _, schedule := range t.schedules {
		v.Schedules = append(v.Schedules, schedule.reported())
	}
	v.MoreSchedules = t.total - len(t.schedules)
}

// verdictOf is the verdict of a fault.
func (t *trial) verdictOf(err error) verdict.Verdict {
	if isEngine(err) {
		return verdict.EngineError(err)
	}
	v := t.subject.Judge.Fault(err)
	if found := (*fault)(nil); errors.As(err, &found) && found.hang {
		v.Reason = t.subject.Judge.Client.Name + " hangs"
	}
	return v
}

const (
	retriesField client.Field = "retries"
	errorField   client.Field = "error"
	panicField   client.Field = "panic"
)

// engineError is a call that could not be made.
type engineError struct{ error }

func isEngine(err error) bool { return errors.As(err, new(engineError)) }

// fault is what a client that retries does wrong.
type fault struct {
	client, text string
	evidence     string // what shows it
	hang         bool   // whether the client did not return
}

// Error implements error.
func (f *fault) Error() string { return f.client + " " + f.text + f.evidence }

// Behaviour is one thing that a client does when it is throttled.
type Behaviour struct {
	Key   string // as errata have it
	Text  string // as the spec's title has it
	check func(*trial) error
}

// How a response asks to wait. What is demanded where its words leave it open:
//
//   - A fraction of a second is Microsoft Graph's own (concepts/throttling.md has "Retry-After: 2.128"). RFC 9110, 10.2.3,
//     has whole seconds only, so it is sent where the provider documents the header.
//   - Zero asks for no wait, and is obeyed by any. That the client stops all the same is demanded of every case.
//   - A negative or malformed value is none of the header's (delay-seconds = 1*DIGIT), so it is as if it were absent:
//     the client backs off. Retrying at once is what a negative time does to a timer.
//   - Too many seconds to count are a valid value. RFC 9111, 1.2.2, has an overflow taken for the longest time there is,
//     never for a negative one: the client gives up, or waits until its context ends.
//   - Minutes in the message alone are the one wait that the page of learningCourseActivity documents, but Graph says not
//     to branch on messages (concepts/errors.md) and to back off without the header (concepts/throttling.md): they bind a
//     client that declares ReadsMinutes.
var (
	asDocumented = delay{text: "as documented"}
	absent       = delay{"without Retry-After", func(time.Time) (string, time.Duration) { return "", 0 }}
	wholeSeconds = seconds("3", 3*time.Second)
	fraction     = seconds("1.9", 1900*time.Millisecond)
	zero         = seconds("0", 0)
	negative     = seconds("-5", 0)
	tooMany      = seconds("9999999999", 1<<63-1) // 317 years: in nanoseconds more than 63 bits hold
	malformed    = seconds("soon", 0)
	date         = delay{"Retry-After: an HTTP date", func(now time.Time) (string, time.Duration) {
		at := now.Truncate(time.Second).Add(90 * time.Second) // a date has no fractions
		return at.UTC().Format(http.TimeFormat), at.Sub(now)
	}}
)

func seconds(value string, wait time.Duration) delay {
	return delay{"Retry-After: " + value, func(time.Time) (string, time.Duration) { return value, wait }}
}

// minutes is a wait that the message alone names.
func minutes(w *fixtures.Wording) delay {
	named, _ := w.Message.Match(w.Message.Expand(nil))
	number, _ := strconv.Atoi(named[fixtures.Minutes]) // of whole minutes, as the placeholder stands for
	wait := time.Duration(number) * time.Minute
	return delay{"minutes in the message, and no Retry-After", func(time.Time) (string, time.Duration) { return "", wait }}
}

// Behaviours are those that the client must show where it is throttled with the wording.
func (s *Subject) Behaviours(w *fixtures.Wording) []Behaviour {
	clause := w.Clause
	if !s.Judge.Client.RetriesAfter(clause) {
		return []Behaviour{{"retries-once", "sends one request, however short the requested wait is", (*trial).sendsOnce}}
	}
	list := []Behaviour{
		{"retries-recover", "retries until it succeeds, or surfaces the last failure", func(t *trial) error { return t.recovers(t.broken, 1, 2, 3) }},
		{"retries-stop", "stops after a bounded number of attempts", (*trial).stops},
		{"retries-context", "ends with its context", (*trial).endsWithItsContext},
	}
	if clause.Operation.Body != nil {
		list = append(list, Behaviour{"retries-body", "sends the same body each time", (*trial).repeatsItsBody})
	}
	obeys := func(key, text string, requested delay) {
		list = append(list, Behaviour{key, "waits for " + text, func(t *trial) error { return t.obeys(requested) }})
	}
	backsOff := func(key, text string, requested delay) {
		list = append(list, Behaviour{key, "backs off from " + text, func(t *trial) error { return t.backsOffFrom(requested) }})
	}
	if carriesRetryAfter(clause) {
		obeys("retries-seconds", "Retry-After in whole seconds", wholeSeconds)
		if slices.Contains(s.Judge.Client.Contract.Envelope.RetryAfter, clause.Status) {
			obeys("retries-fraction", "Retry-After in fractions of a second", fraction)
		}
		obeys("retries-date", "Retry-After as an HTTP date", date)
		obeys("retries-overflow", "Retry-After of too many seconds to count", tooMany)
		obeys("retries-zero", "Retry-After of zero", zero)
		backsOff("retries-negative", "a negative Retry-After", negative)
		backsOff("retries-malformed", "a malformed Retry-After", malformed)
	}
	const backsOffText = "backs off with growing, truncated and jittered waits, without Retry-After"
	switch {
	case s.Judge.Client.ReadsMinutes && w.Message.Has(fixtures.Minutes):
		obeys("retries-minutes", "the minutes of the message, without Retry-After", minutes(w))
	case w.Message.Has(fixtures.Minutes):
		list = append(list, Behaviour{"retries-backoff", backsOffText + " but minutes in the message", (*trial).spreads})
	default:
		list = append(list, Behaviour{"retries-backoff", backsOffText, (*trial).spreads})
	}
	slices.SortFunc(list, func(a, b Behaviour) int { return strings.Compare(a.Text, b.Text) }) // as Ginkgo does
	return list
}

// carriesRetryAfter reports whether Retry-After has a meaning on the clause's status: RFC 6585, 4, gives it one on 429,
// RFC 9110, 15.6.4, on 503.
func carriesRetryAfter(clause *fixtures.Clause) bool {
	return clause.Status == http.StatusTooManyRequests || clause.Status == http.StatusServiceUnavailable
}

// short is a delay that a client has no reason to take for a long one.
func (t *trial) short() delay {
	if carriesRetryAfter(t.wording.Clause) {
		return wholeSeconds
	}
	return absent
}

// say is a fault of the client, with what shows it.
func (t *trial) say(m *measured, format string, args ...any) *fault {
	if !slices.Contains(t.schedules, m.schedule) {
		t.schedules = append(t.schedules, m.schedule)
	}
	o := t.wording.Clause.Operation
	return &fault{
		client: t.subject.Judge.Client.Name, text: fmt.Sprintf(format, args...),
		evidence: fmt.Sprintf("\n\n%s\n\nThrottled with %s, %s:\n  %s %s", m.schedule, t.wording.ID(), m.requested, o.Method, o.Path),
	}
}

// leaks is the fault of a client that left the body of a response open.
func (t *trial) leaks() error {
	if t.unclosed != nil && (t.errata.ExcuseUnclosed() || t.documented.ExcuseUnclosed()) {
		return nil
	}
	return t.unclosed
}

// withoutName is a fault as errata have it.
func (t *trial) withoutName(err error) string {
	if err == nil {
		return ""
	}
	return strings.TrimPrefix(err.Error(), t.subject.Judge.Client.Name+" ")
}

// broken is the fault of a client that panicked, hung, never stopped, sent something else, or returned an error that carries
// no failure. Each behaviour checks what it sends again.
func (t *trial) broken(m *measured) error {
	hang := m.hang()
	switch {
	case isEngine(m.Fault):
		return m.Fault
	case m.endless:
		return t.say(m, "never stops: it was throttled %d times in %s, and retried until its context was ended.",
			len(m.attempts), m.attempts[len(m.attempts)-1].at)
	case hang != nil && !hang.Stuck:
		found := t.say(m, "hangs: it had not returned after %s of virtual time, though its context was done after half of that. "+
			"Have it return with its context.", hang.After)
		found.hang = true
		return found
	case hang != nil:
		return m.Fault
	}
	if late := slices.IndexFunc(m.attempts, func(a attempt) bool { return a.at > m.ended }); late >= 0 {
		return t.say(m, "retried after it had returned: attempt %d.", late+1)
	}
	err := m.Surfaced.Err
	if panicked := m.panicked(); panicked != nil && t.excuse(panicField, fmt.Sprint(panicked.Value)) {
		return nil
	}
	if err != nil && !m.Surfaced.Carried && t.excuse(errorField, m.Surfaced.Text) {
		return nil
	}
	switch {
	case m.Fault != nil && (m.panicked() != nil || len(m.Exchanges) == 0 || !m.waitsForItsContext()): // or stops judges it
		return fmt.Errorf("%w\n\n%s", m.Fault, m.schedule)
	case len(m.Exchanges) > 0 && err != nil && !m.Surfaced.Carried && !m.waitsForItsContext():
		return t.say(m, "returned an error that carries no failure, although the API responded %s: %s. "+
			"If this is the client's usual error, have Config.Failure read it.", fixtures.StatusLine(m.Last().Status()), exchange.Printable(m.Surfaced.Text))
	}
	return nil
}

// waitsForItsContext reports whether the client returned because its context ended, after a day.
func (m *measured) waitsForItsContext() bool { return m.ended >= 24*time.Hour }

// sendsOnce is the fault of a client that retries without declaring it.
func (t *trial) sendsOnce() error {
	for _, requested := range []delay{zero, wholeSeconds} {
		m := t.measure(requested, 1)
		if m.unexpected() {
			return t.broken(m)
		}
		if len(m.attempts) > 1 {
			return t.say(m, "retried, though %s.", t.subject.Judge.Client.WhyOnce(t.wording.Clause))
		}
		if fault := t.broken(m); fault != nil {
			return fault
		}
	}
	return nil
}

// recovers throttles the client as often as each of the numbers: it retries once more, and succeeds, or it has surfaced the
// last failure. After one throttled attempt it must succeed. What else is wrong, the function says.
func (t *trial) recovers(wrong func(*measured) error, numbers ...int) error {
	for _, times := range numbers {
		m := t.measure(t.short(), times)
		fault := wrong(m)
		switch {
		case fault != nil:
			return fault
		case m.panicked() != nil:
			continue // it is known
		case len(m.attempts) > times && m.Surfaced.Err != nil:
			return t.say(m, "does not recover: it retried, the API responded %s, and it returned an error.",
				fixtures.StatusLine(t.wording.Clause.Operation.Success.Status))
		case len(m.attempts) > times:
			continue
		case len(m.attempts) == 1:
			return t.say(m, "declares Retries but did not retry after %s. List the statuses that it retries after in RetriesOn.",
				fixtures.StatusLine(t.wording.Clause.Status))
		}
		if fault := t.surfacesTheLast(m); fault != nil {
			return fault
		}
	}
	return nil
}

// stops throttles the client until it stops, and expects it to surface the last failure.
func (t *trial) stops() error {
	m := t.measure(t.short(), always)
	if fault := t.broken(m); fault != nil {
		return fault
	}
	if m.waitsForItsContext() {
		return t.say(m, "never stops by itself: it was throttled %d times, and retried until its context ended.", len(m.attempts))
	}
	return t.surfacesTheLast(m)
}

// surfacesTheLast is the fault of a client that gave up without surfacing the last failure.
func (t *trial) surfacesTheLast(m *measured) error {
	if m.panicked() != nil || m.Surfaced.Err != nil && !m.Surfaced.Carried {
		return nil // broken has judged it
	}
	m.Surfaced.Known = t.excuse
	surface := client.Surface(t.wording)
	switch ok, err := surface.Match(m.Surfaced); {
	case err != nil:
		return engineError{err}
	case !ok:
		f := t.say(m, "gives up, and does not surface the last failure.")
		return fmt.Errorf("%w\n\n%s", f, surface.FailureMessage(m.Surfaced))
	}
	return nil
}

// promptReturn is the virtual time in which a client whose context ended returns: one that looks at it now and then may.
const promptReturn = time.Second

// endsWithItsContext ends the client's context while it waits.
func (t *trial) endsWithItsContext() error {
	for _, requested := range []delay{absent, t.short()} {
		m := t.interrupt(requested)
		hang := m.hang()
		// It ended right after the first response, and what is sent within an ended context does not get here.
		late := slices.IndexFunc(m.attempts, func(a attempt) bool { return a.at > m.attempts[0].at+interruptAfter })
		switch {
		case late >= 0:
			return t.say(m, "retried after its context had ended, which ended right after the first response: attempt %d.", late+1)
		case isEngine(m.Fault) || m.endless || m.panicked() != nil || hang != nil && hang.Stuck || len(m.Exchanges) == 0:
			return t.broken(m)
		case hang != nil || m.ended > promptReturn:
			return t.say(m, "does not end with its context, which ended right after the first response: it returned %s of virtual time later.",
				max(m.ended, m.hangTime()))
		case m.Surfaced.Err == nil:
			return t.say(m, "returned nil although its context ended right after the API had responded %s.", fixtures.StatusLine(m.Last().Status()))
		}
	}
	return nil
}

// hangTime is how long a client had not returned, 0 if it did.
func (m *measured) hangTime() time.Duration {
	if hang := m.hang(); hang != nil {
		return hang.After
	}
	return 0
}

// repeatsItsBody compares what the client sends again. What builds a client's transport may do so by chance, so many are
// called: of what two in three do, one of them shows it but once in 10^15 times.
func (t *trial) repeatsItsBody() error {
	for range 32 {
		m := t.measure(t.short(), 2)
		if fault := first(t.garbles(m), t.broken(m)); fault != nil {
			return fault
		}
	}
	return nil
}

// first is the first error that is one.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// garbles is the fault of a client that sent another body than the first, or one that cannot be read.
func (t *trial) garbles(m *measured) error {
	if len(m.bodies) == 0 {
		return nil
	}
	return t.say(m, "does not send the same request again: %s.", strings.Join(m.bodies, "; "))
}

// misbehaves is the fault of a client that retries too early or sends something else, or is broken, after any clause: specs of
// their own look closely at one of each kind, and their errata are known here.
func (t *trial) misbehaves(m *measured) error {
	for _, found := range []struct {
		behaviour string
		fault     error
	}{{"retries-seconds", t.hurries(m)}, {"retries-body", t.garbles(m)}} {
		if found.fault != nil && !t.subject.Judge.Matching(t.wording, found.behaviour).Excuse(retriesField, t.withoutName(found.fault)) {
			return found.fault
		}
	}
	return t.broken(m)
}

// obeys expects the client to retry no earlier than the response requests, and to stop all the same.
func (t *trial) obeys(requested delay) error {
	m := t.measure(requested, always)
	return first(t.hurries(m), t.broken(m))
}

// hurries is the fault of a client that retried before the requested time.
func (t *trial) hurries(m *measured) error {
	if m.unexpected() {
		return nil // what it sent is no attempt, and broken says so
	}
	for i, a := range m.attempts {
		if m.earlyBy(i) > 0 {
			return t.say(m, "retried too early: attempt %d follows after %s, and the response before asks to wait %s (%s).",
				i+2, a.waited, a.delay, a.source)
		}
	}
	return nil
}

// backsOffFrom expects the client to wait, though nothing that it must obey says how long.
func (t *trial) backsOffFrom(requested delay) error {
	const runs = 3 // one wait may be none by chance, where it is drawn from zero on
	for run := 1; ; run++ {
		m := t.measure(requested, always)
		if fault := t.broken(m); fault != nil {
			return fault
		}
		at := slices.Index(m.waits(), 0)
		switch {
		case at < 0:
			return nil
		case run == runs:
			return t.say(m, "retried at once: attempt %d follows without any wait.", at+2)
		}
	}
}

// longestBackoff bounds a wait that no response requested. Google's pages truncate at 32 or 64 seconds, Microsoft's clients at
// 180, both before jitter.
const longestBackoff = 5 * time.Minute

// spreads expects of the client truncated exponential backoff with jitter, which Google's page asks for and whose growth
// Microsoft's does too. Waits that are drawn from zero on grow on average only: then more runs tell.
func (t *trial) spreads() error {
	const few, many = mostReported, 400
	var runs [][]time.Duration
	var m *measured
	shortest := 0 // how many waits every run has
	var first, last float64
	none := -1 // the first wait that is none in every run
	unclear := func() bool { return last < clearly(len(runs))*first || falls(runs, shortest, 2) > 0 }
	for len(runs) < few || len(runs) < many && shortest > 1 && none < 0 && unclear() {
		m = t.measure(absent, always)
		if fault := t.broken(m); fault != nil {
			return fault
		}
		waits := m.waits()
		if len(runs) == 0 || len(waits) < shortest {
			shortest = len(waits)
		}
		runs = append(runs, waits)
		if shortest == 0 {
			return nil // it gives up where it is not given a time to retry
		}
		if longest := slices.Max(waits); longest > longestBackoff {
			return t.say(m, "does not truncate its backoff: it waits %s, longer than %s.", rounded(longest), longestBackoff)
		}
		mean := means(runs, shortest)
		first, last, none = mean[0], mean[shortest-1], slices.Index(mean, 0)
	}
	fall := falls(runs, shortest, 5)
	switch {
	case none >= 0:
		return t.say(m, "retried at once: attempt %d follows without any wait, in each of %d runs.", none+2, len(runs))
	case shortest > 1 && last < growth*first:
		return t.say(m, "does not back off: over %d runs its first wait is %s and its last is %s, and waits must grow.",
			len(runs), rounded(time.Duration(first)), rounded(time.Duration(last)))
	case fall > 0:
		mean := means(runs, shortest)
		return t.say(m, "does not back off: over %d runs its wait %d is %s and the one before is %s, and waits must grow until they are truncated.",
			len(runs), fall+1, rounded(time.Duration(mean[fall])), rounded(time.Duration(mean[fall-1])))
	case !jitters(runs, shortest):
		return t.say(m, "has no jitter: it waits the same in each of %d runs, so clients that were throttled together retry together.", len(runs))
	}
	return nil
}

// growth is by what factor the last wait is longer than the first at least. Over 400 runs, waits that are drawn from zero on
// and do not grow are 5 standard deviations below it, and those that grow by half are 5 above.
const growth = 1.2

// clearly is the factor at which fewer runs tell as surely.
func clearly(runs int) float64 { return growth + 4/math.Sqrt(float64(runs)) }

// falls is the first of the waits that is shorter than the one before on average, by that many standard errors and more
// than a hundredth; 0 if none is.
func falls(runs [][]time.Duration, waits int, standardErrors float64) int {
	n := float64(len(runs))
	for i := 1; i < waits; i++ {
		var before, sum, squares float64
		for _, run := range runs {
			grown := float64(run[i] - run[i-1])
			before, sum, squares = before+float64(run[i-1])/n, sum+grown, squares+grown*grown
		}
		mean := sum / n
		if standardError := math.Sqrt(max(0, squares/n-mean*mean) / n); mean < -before/100 && mean < -standardErrors*standardError {
			return i
		}
	}
	return 0
}

// jitters reports whether one of the waits differs between the runs by a hundredth of it: by less, no two clients can be distinguished.
func jitters(runs [][]time.Duration, waits int) bool {
	for i := range waits {
		shortest, longest := runs[0][i], runs[0][i]
		for _, run := range runs {
			shortest, longest = min(shortest, run[i]), max(longest, run[i])
		}
		if (longest-shortest)*100 >= longest {
			return true
		}
	}
	return false
}

// means are the means of the first waits of the runs, in nanoseconds.
func means(runs [][]time.Duration, waits int) []float64 {
	mean := make([]float64, waits)
	for _, run := range runs {
		for i := range mean {
			mean[i] += float64(run[i]) / float64(len(runs))
		}
	}
	return mean
}
