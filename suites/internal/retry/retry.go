// Package retry measures a client that is throttled, on virtual time or, if it dials, with waits of a second, and decides whether it
// retries as it declares and the vendors' pages say.
//
// It is pure but for the calls.
package retry

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
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

	measured map[string]*measured // in real time
}

// Wordings are those that a client is throttled with: one for each action, status and remedy that says to retry, after which the
// client retries or does not, of an operation that the client performs and, if there is one, sends a body with. In real time there is
// one for what reads, and one for what writes, whatever the action.
func (s *Subject) Wordings() []*fixtures.Wording {
	type kind struct {
		action string
		status int
		remedy string
		named  bool
		once   bool
	}
	found := map[kind]int{}
	var wordings []*fixtures.Wording
	for clause := range s.Judge.Client.Contract.Clauses() {
		if !clause.Remedy.AllowsRetry() || !s.Judge.Client.Performs(clause.Operation) {
			continue
		}
		action := clause.Operation.Action
		if s.Judge.Client.Dial != nil {
			action = strconv.FormatBool(clause.Operation.Method == http.MethodGet)
		}
		k := kind{action, clause.Status, clause.Remedy.Do, clause.Name != "", !s.Judge.Client.RetriesAfter(clause)}
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

// often is how many clients are measured of which one may do wrong by chance: of what one in two does right, all do but once in 10^7
// times.
const often = 24

// again runs a check until it finds a fault that the function does not excuse, as often as chance demands. In real time it is run
// once.
func (t *trial) again(runs int, check func() error, excused func(error) bool) error {
	defer func() { t.repeats = false }()
	for range runs {
		if fault := check(); fault != nil && (isEngine(fault) || !excused(fault)) {
			return fault
		}
		if t.repeats = true; t.dialled() {
			return nil
		}
	}
	return nil
}

// Check is the verdict of a behaviour where the client is throttled with the wording.
func (s *Subject) Check(w *fixtures.Wording, b Behaviour) verdict.Verdict {
	t := s.trial(w, b.Key)
	runs := often
	if b.once {
		runs = 1
	}
	fault := t.again(runs, func() error { return first(b.check(t), t.leaks()) },
		func(fault error) bool { return t.errata.Excuse(retriesField, t.withoutName(fault)) })
	v := verdict.Verdict{Outcome: report.Honored}
	if fault != nil {
		v = t.verdictOf(fault)
	}
	if v.Outcome == report.Honored || v.Outcome == report.Deviating {
		t.errata.Settle(&v, verdict.CaseID(w, b.Key), s.Judge.Today)
	}
	t.report(&v)
	return v
}

// Documented is what a client that retries after the wording makes of the documented response, given each time, and the
// verdict of that: it must surface the last failure, and recover if it is throttled only once. In real time that is measured of the
// wordings of Wordings; with any other the client is throttled once, and the result is nil, for it surfaced nothing.
func (s *Subject) Documented(w *fixtures.Wording) (result *call.Result, v verdict.Verdict) {
	t := s.trial(w, "")
	defer func() { t.report(&v) }()
	never := func(error) bool { return false }
	requested, once := asDocumented, false
	if t.dialled() {
		requested, once = t.short(), !slices.Contains(s.Wordings(), w)
	}
	if once {
		v = verdict.Verdict{Outcome: report.Honored, Reason: "it recovered when it was throttled once; what it surfaces is checked with another clause of the status"}
	} else {
		m := t.measure(requested, always)
		result = m.Result
		if fault := t.misbehaves(m); fault != nil {
			return result, t.verdictOf(fault)
		}
		if v = s.Judge.Wording(w, "", m.Result); v.Outcome.Fails() {
			return result, v
		}
	}
	fault := t.again(1, func() error { return first(t.recovers(t.misbehaves, 1), t.leaks()) }, never)
	if fault == nil && !t.dialled() {
		t.repeats = true
		fault = t.again(often, func() error { return t.misbehaves(t.measure(requested, always)) }, never)
	}
	if fault != nil {
		v = t.verdictOf(fault)
	}
	return result, v
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
	if unmeasured := (*notMeasured)(nil); errors.As(err, &unmeasured) {
		return verdict.NotRun(report.NotRun, unmeasured.Error())
	}
	v := t.subject.Judge.Fault(err)
	switch found := (*fault)(nil); {
	case !errors.As(err, &found):
	case found.hang:
		v.Reason = t.subject.Judge.Client.Name + " hangs"
	case found.demand != nil && !found.demand.Binds:
		v.Outcome = report.Deviating
		v.Deviations = []matchers.Deviation{{
			Wording: t.wording.ID(), Field: string(retriesField), Documented: cmp.Or(found.demand.Source, "(left open)"), Received: found.text,
		}}
	}
	return v
}

// notMeasured is why a behaviour cannot be measured in real time.
type notMeasured struct{ client, text string }

// Error implements error.
func (n *notMeasured) Error() string { return n.client + " " + n.text }

// inRealTime is the check of a behaviour that takes too long in real time.
func inRealTime(t *trial) error {
	return &notMeasured{t.subject.Judge.Client.Name, "dials, so it is called in real time, in which this takes minutes: give New to have it measured"}
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
	evidence     string           // what shows it
	hang         bool             // whether the client did not return
	demand       *fixtures.Demand // of the provider, that it does not meet; nil for what binds every client
}

// Error implements error.
func (f *fault) Error() string { return f.client + " " + f.text + f.evidence }

// Behaviour is one thing that a client does when it is throttled.
type Behaviour struct {
	Key   string // as errata have it
	Text  string // as the spec's title has it
	check func(*trial) error
	once  bool // whether the check itself measures often enough, or need not
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
	aSecond      = seconds("1", time.Second)
	wholeSeconds = seconds("3", 3*time.Second)
	someTime     = seconds("90", 90*time.Second) // often enough, it is longer than the quarter of an hour that libraries retry for
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
		return []Behaviour{{"retries-once", "sends one request, however short the requested wait is", (*trial).sendsOnce, true}}
	}
	var list []Behaviour
	add := func(key, text string, check func(*trial) error) {
		list = append(list, Behaviour{key, text, check, false})
	}
	// What takes minutes, or needs many calls, is not measured in real time.
	addLong := func(key, text string, check func(*trial) error, once bool) {
		if s.Judge.Client.Dial != nil {
			check = inRealTime
		}
		list = append(list, Behaviour{key, text, check, once})
	}
	add("retries-recover", "retries until it succeeds, or surfaces the last failure", (*trial).recoversFromSome)
	add("retries-stop", "stops after a bounded number of attempts", (*trial).stops)
	add("retries-context", "ends with its context", (*trial).endsWithItsContext)
	add("retries-headers", "sends the headers of the first attempt each time", (*trial).repeatsItsHeaders)
	if clause.Operation.Body != nil {
		add("retries-body", "sends the same body each time", (*trial).repeatsItsBody)
	}
	obeys := func(requested delay) func(*trial) error { return func(t *trial) error { return t.obeys(requested) } }
	backsOff := func(requested delay) func(*trial) error {
		return func(t *trial) error { return t.backsOffFrom(requested) }
	}
	if carriesRetryAfter(clause) {
		add("retries-seconds", "waits for Retry-After in whole seconds", func(t *trial) error { return t.obeys(t.short()) })
		if slices.Contains(s.Judge.Client.Contract.Envelope.RetryAfter, clause.Status) {
			add("retries-fraction", "waits for Retry-After in fractions of a second", obeys(fraction))
		}
		addLong("retries-date", "waits for Retry-After as an HTTP date", obeys(date), false)
		addLong("retries-overflow", "waits for Retry-After of too many seconds to count", obeys(tooMany), false)
		add("retries-zero", "waits for Retry-After of zero", obeys(zero))
		addLong("retries-negative", "backs off from a negative Retry-After", backsOff(negative), true)
		addLong("retries-malformed", "backs off from a malformed Retry-After", backsOff(malformed), true)
	}
	const backsOffText = "backs off with growing, truncated and jittered waits, without Retry-After"
	switch {
	case s.Judge.Client.ReadsMinutes && w.Message.Has(fixtures.Minutes):
		addLong("retries-minutes", "waits for the minutes of the message, without Retry-After", obeys(minutes(w)), false)
	case w.Message.Has(fixtures.Minutes):
		addLong("retries-backoff", backsOffText+" but minutes in the message", (*trial).spreads, true)
	default:
		addLong("retries-backoff", backsOffText, (*trial).spreads, true)
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
	switch {
	case !carriesRetryAfter(t.wording.Clause):
		return absent
	case t.dialled():
		return aSecond
	}
	return wholeSeconds
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

// lacks is say of a client that does not meet a demand of the provider, which binds it or is reported only.
func (t *trial) lacks(demand fixtures.Demand, m *measured, format string, args ...any) *fault {
	found := t.say(m, format, args...)
	found.demand = &demand
	switch {
	case demand.Source == "":
		found.evidence += "\n\nThe provider does not document that, so it does not bind."
	case demand.Binds:
		found.evidence += "\n\nThe provider documents " + demand.Source + "."
	default:
		found.evidence += "\n\nThe provider documents " + demand.Source + ", which does not bind."
	}
	return found
}

// demands are those of the provider.
func (t *trial) demands() fixtures.Retries { return t.subject.Judge.Client.Contract.Retries }

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
	case errors.As(m.Fault, new(*call.TimedOut)) && 1 < len(m.attempts) && len(m.attempts) <= fewAttempts:
		return &notMeasured{t.subject.Judge.Client.Name, fmt.Sprintf("was still retrying when the suite ended its context, after %s: "+
			"give it a longer Timeout", m.ended.Round(time.Second))}
	case errors.As(m.Fault, new(*call.TimedOut)) && len(m.attempts) > fewAttempts:
		return t.say(m, "never stops by itself: it was throttled %d times, and retried until its context ended.", len(m.attempts))
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
	case m.Fault != nil && (m.panicked() != nil || len(m.Exchanges) == 0 || !m.toItsEnd()): // or stops judges it
		return fmt.Errorf("%w\n\n%s", m.Fault, m.schedule)
	case len(m.Exchanges) > 0 && err != nil && !m.Surfaced.Carried && !m.toItsEnd():
		return t.say(m, "returned an error that carries no failure, although the API responded %s: %s. "+
			"If this is the client's usual error, have Config.Failure read it.", fixtures.StatusLine(m.Last().Status()), exchange.Printable(m.Surfaced.Text))
	}
	return nil
}

// fewAttempts of a client are no sign that it never stops.
const fewAttempts = 10

// sendsOnce is the fault of a client that retries without declaring it.
func (t *trial) sendsOnce() error {
	short := wholeSeconds
	if t.dialled() {
		short = aSecond
	}
	for _, requested := range []delay{zero, short} {
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

// recoversFromSome throttles the client a few times.
func (t *trial) recoversFromSome() error {
	if t.dialled() {
		return t.recovers(t.broken, 1)
	}
	if fault := t.recovers(t.broken, 1, 2, 3); fault != nil || t.repeats {
		return fault
	}
	return t.recoversInEachCall()
}

// recoversInEachCall has one instance perform more calls than a client that never resets its count, its budget or its clock recovers in.
func (t *trial) recoversInEachCall() error {
	requested := absent
	if carriesRetryAfter(t.wording.Clause) {
		requested = someTime
	}
	list, err := t.runInTurns(requested, mostCalls)
	if err != nil {
		return engineError{err}
	}
	for n, m := range list {
		if m.Fault == nil && m.Surfaced.Err != nil && list[0].Surfaced.Err == nil { // it may not wait for so long at all
			return t.say(m, "does not recover in call %d of one instance, in which each call is throttled once. Have each call begin anew.", n+1)
		}
	}
	return nil
}

// mostCalls is how many calls one instance performs.
const mostCalls = 12

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
		case len(m.attempts) == 1 && m.lateBy(0) > 0:
			return t.mistimes(m)
		case len(m.attempts) == 1:
			return t.say(m, "declares Retries but did not retry after %s. If it retries after some statuses only, list them in RetriesOn; "+
				"if after some methods or operations only, give a RetriesIf.", fixtures.StatusLine(t.wording.Clause.Status))
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
	if m.toItsEnd() {
		return first(t.mistimes(m),
			t.say(m, "never stops by itself: it was throttled %d times, and retried until its context ended.", len(m.attempts)))
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

// In what time a client whose context ended returns: in virtual time one that looks at it now and then may; in real time, on a machine
// with other work. There it is asked to wait for longer.
const (
	promptReturn  = time.Second
	promptDialled = 5 * time.Second
)

var long = seconds("8", 8*time.Second)

// endsWithItsContext ends the client's context while it waits.
func (t *trial) endsWithItsContext() error {
	delays, prompt := []delay{absent, t.short()}, promptReturn
	if t.dialled() {
		delays, prompt = []delay{long}, promptDialled
	}
	for _, requested := range delays {
		m := t.interrupt(requested)
		hang := m.hang()
		// It ended right after the first response, and what is sent within an ended context does not get here.
		late := slices.IndexFunc(m.attempts, func(a attempt) bool { return a.at > m.attempts[0].at+t.interruptAfter() })
		switch {
		case late >= 0 && !t.dialled(): // in real time, some may be under way
			return t.say(m, "retried after its context had ended, which ended right after the first response: attempt %d.", late+1)
		case isEngine(m.Fault) || m.endless || m.panicked() != nil || hang != nil && hang.Stuck || len(m.Exchanges) == 0:
			return t.broken(m)
		case hang != nil || m.ended > prompt:
			return t.say(m, "does not end with its context, which ended right after the first response: it returned %s later.", t.ended(m))
		case m.Surfaced.Err == nil:
			return t.say(m, "returned nil although its context ended right after the API had responded %s.", fixtures.StatusLine(m.Last().Status()))
		}
	}
	return nil
}

// ended says after which time the client returned, and on which clock.
func (t *trial) ended(m *measured) string {
	after := max(m.ended, m.hangTime())
	if t.dialled() {
		return rounded(after)
	}
	return after.String() + " of virtual time"
}

// hangTime is how long a client had not returned, 0 if it did.
func (m *measured) hangTime() time.Duration {
	if hang := m.hang(); hang != nil {
		return hang.After
	}
	return 0
}

// repeatsItsBody compares what the client sends again. What builds a client's transport may garble it by chance.
func (t *trial) repeatsItsBody() error {
	m := t.measure(t.short(), t.attempts(2))
	return first(t.garbles(m), t.broken(m))
}

// repeatsItsHeaders looks for the headers of the first attempt in those that follow.
func (t *trial) repeatsItsHeaders() error {
	m := t.measure(t.short(), t.attempts(2))
	return first(t.dropsHeaders(m), t.broken(m))
}

// attempts is how often the client is throttled, and once in real time.
func (t *trial) attempts(times int) int {
	if t.dialled() {
		return 1
	}
	return times
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

// dropsHeaders is the fault of a client that does not send a header of the first attempt again.
func (t *trial) dropsHeaders(m *measured) error {
	if len(m.headers) == 0 {
		return nil
	}
	return t.say(m, "drops headers of its first attempt: %s.", strings.Join(m.headers, "; "))
}

// misbehaves is the fault of a client that retries too early or too late or sends something else, or is broken, after any clause: specs of
// their own look closely at one of each kind, and their errata are known here.
func (t *trial) misbehaves(m *measured) error {
	for _, found := range []struct {
		behaviour string
		fault     error
	}{{"retries-seconds", t.mistimes(m)}, {"retries-body", t.garbles(m)}, {"retries-headers", t.dropsHeaders(m)}} {
		if found.fault != nil && !t.subject.Judge.Matching(t.wording, found.behaviour).Excuse(retriesField, t.withoutName(found.fault)) {
			return found.fault
		}
	}
	return t.broken(m)
}

// obeys expects the client to retry no earlier than the response requests and not much later, and to stop all the same.
func (t *trial) obeys(requested delay) error {
	m := t.measure(requested, t.attempts(always))
	return first(t.mistimes(m), t.broken(m))
}

// mistimes is the fault of a client that retried before the requested time, or long after it.
func (t *trial) mistimes(m *measured) error {
	if m.unexpected() {
		return nil // what it sent is no attempt, and broken says so
	}
	for i, a := range m.attempts {
		if m.earlyBy(i) > 0 {
			return t.say(m, "retried too early: attempt %d follows after %s, and the response before asks to wait %s (%s).",
				i+2, a.waited, a.delay, a.source)
		}
		switch late := m.lateBy(i); {
		case late > 0 && i+1 == len(m.attempts):
			return t.say(m, "waits far too long: it waited %s until its context ended, and the response requests %s (%s).",
				rounded(m.ended-a.at), rounded(a.most), a.source)
		case late > 0:
			return t.say(m, "waits far too long: it waited %s, and the response requests %s (%s).", rounded(a.waited), rounded(a.most), a.source)
		}
	}
	return nil
}

// backsOffFrom expects the client to wait, though nothing that it must obey says how long. One wait may be none by chance, where it is
// drawn from zero on.
func (t *trial) backsOffFrom(requested delay) error {
	var longest []time.Duration // the waits, over all runs
	for run := 1; ; run++ {
		m := t.measure(requested, always)
		if fault := t.broken(m); fault != nil {
			return fault
		}
		waits := m.waits()
		if run == 1 {
			longest = waits
		}
		longest = longest[:min(len(longest), len(waits))]
		for i := range longest {
			longest[i] = max(longest[i], waits[i])
		}
		at := slices.Index(longest, 0)
		switch {
		case at < 0:
			return nil
		case run == often:
			return t.lacks(t.demands().Pause, m, "retried at once: attempt %d follows without any wait.", at+2)
		}
		t.repeats = true
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
	var endless error
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
		if longest := slices.Max(waits); longest > longestBackoff && endless == nil {
			endless = t.lacks(t.demands().Truncation, m, "does not truncate its backoff: it waits %s, longer than %s.", rounded(longest), longestBackoff)
			if t.demands().Truncation.Binds {
				return endless
			}
		}
		mean := means(runs, shortest)
		first, last, none = mean[0], mean[shortest-1], slices.Index(mean, 0)
	}
	fall, demands := falls(runs, shortest, 5), t.demands()
	var found []error
	switch {
	case none >= 0:
		found = append(found, t.lacks(demands.Pause, m, "retried at once: attempt %d follows without any wait, in each of %d runs.", none+2, len(runs)))
	case shortest > 1 && last < growth*first:
		found = append(found, t.lacks(demands.Growth, m, "does not back off: over %d runs its first wait is %s and its last is %s, and waits must grow.",
			len(runs), rounded(time.Duration(first)), rounded(time.Duration(last))))
	case fall > 0:
		mean := means(runs, shortest)
		found = append(found, t.lacks(demands.Growth, m,
			"does not back off: over %d runs its wait %d is %s and the one before is %s, and waits must grow until they are truncated.",
			len(runs), fall+1, rounded(time.Duration(mean[fall])), rounded(time.Duration(mean[fall-1]))))
	}
	if !jitters(runs, shortest) {
		found = append(found, t.lacks(demands.Jitter, m,
			"has no jitter: it waits the same in each of %d runs, so clients that were throttled together retry together.", len(runs)))
	}
	if endless != nil {
		found = append(found, endless)
	}
	return binding(found)
}

// binding is the first fault that binds, or else the first.
func binding(found []error) error {
	for _, err := range found {
		if f := (*fault)(nil); errors.As(err, &f) && f.demand.Binds {
			return err
		}
	}
	return first(found...)
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
