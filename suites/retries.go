package suites

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

	"github.com/onsi/ginkgo/v2"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/stub"
)

// DescribeRetries registers the specs of how the client asks again, on virtual time: for each action one clause of each
// status and remedy that says to wait or to retry. That it recovers from every such clause, and asks once after any other,
// is in the specs of Describe. A client that does not declare Retries is held to ask once.
func (s *Suite) DescribeRetries() {
	if s.Live != nil || s.Client.Dial != nil {
		return // a tenant is never flooded; a socket knows no virtual time
	}
	for _, w := range s.refusals() {
		clause, o := w.Clause, w.Clause.Operation
		line := strings.TrimSpace(fixtures.StatusLine(clause.Status) + " " + named(clause))
		labels := ginkgo.Label(fmt.Sprintf("status:%d", clause.Status), "retries:"+clause.ID)
		behaviours := s.behaviours(w)
		for _, b := range behaviours {
			s.notice(b.key, w) // now: the container's function is called when the tree is built
		}
		ginkgo.Describe(o.Method+" "+o.Path, operationLabels(o), s.nextPlace(o), func() {
			for _, b := range behaviours {
				of := ginkgo.Label("case:" + caseID(w, b.key))
				ginkgo.It("answered "+line+", "+b.text, labels, of, ginkgo.SpecTimeout(specTime), func(ginkgo.SpecContext) {
					t := s.trial(w, b.key)
					defer t.report()
					t.settle(b.check(t))
				})
			}
		})
	}
}

func named(c *fixtures.Clause) string {
	if c.Name == "" {
		return ""
	}
	return "@" + c.Name
}

// refusals are a wording for each action, status and remedy that says to ask again, of an operation that the client
// performs and, if there is one, sends a body with.
func (s *Suite) refusals() []*fixtures.Wording {
	type kind struct {
		action string
		status int
		remedy string
		named  bool
	}
	found := map[kind]int{}
	var refusals []*fixtures.Wording
	for clause := range s.Contract.Clauses() {
		if !clause.Remedy.AllowsRetry() || !s.Client.Performs(clause.Operation) {
			continue
		}
		k := kind{clause.Operation.Action, clause.Status, clause.Remedy.Do, clause.Name != ""}
		at, has := found[k]
		switch {
		case !has:
			found[k] = len(refusals)
			refusals = append(refusals, clause.Wordings[0])
		case refusals[at].Clause.Operation.Body == nil && clause.Operation.Body != nil:
			refusals[at] = clause.Wordings[0]
		}
	}
	return refusals
}

// behaviour is one thing that a client does when it is refused.
type behaviour struct {
	key   string // as errata have it
	text  string // as the spec's title has it
	check func(*trial) (fault string)
}

// How an answer asks to wait. What is demanded where its words leave it open:
//
//   - A fraction of a second is Microsoft Graph's own (concepts/throttling.md has "Retry-After: 2.128"). RFC 9110, 10.2.3,
//     has whole seconds only, so it is asked for where the provider documents the header.
//   - Zero asks for no wait, and is obeyed by any. That the client stops all the same is demanded of every case.
//   - A negative or malformed value is none of the header's (delay-seconds = 1*DIGIT), so it is as if it were absent:
//     the client backs off. Asking at once is what a negative time does to a timer.
//   - Too many seconds to count are a valid value. RFC 9111, 1.2.2, has an overflow taken for the longest time there is,
//     never for a negative one: the client gives up, or waits until its context ends.
//   - Minutes in the message alone are the one wait that the page of learningCourseActivity documents, but Graph says not
//     to branch on messages (concepts/errors.md) and to back off without the header (concepts/throttling.md): they bind a
//     client that declares ReadsMinutes.
var (
	asDocumented = request{text: "as documented"}
	absent       = request{"without Retry-After", func(time.Time) (string, time.Duration) { return "", 0 }}
	wholeSeconds = seconds("3", 3*time.Second)
	fraction     = seconds("1.9", 1900*time.Millisecond)
	zero         = seconds("0", 0)
	negative     = seconds("-5", 0)
	tooMany      = seconds("9999999999", 1<<63-1) // 317 years: in nanoseconds more than 63 bits hold
	malformed    = seconds("soon", 0)
	date         = request{"Retry-After: an HTTP date", func(now time.Time) (string, time.Duration) {
		at := now.Truncate(time.Second).Add(90 * time.Second) // a date has no fractions
		return at.UTC().Format(http.TimeFormat), at.Sub(now)
	}}
)

func seconds(value string, wait time.Duration) request {
	return request{"Retry-After: " + value, func(time.Time) (string, time.Duration) { return value, wait }}
}

// minutes is a wait that the message alone names.
func minutes(w *fixtures.Wording) request {
	named, _ := w.Message.Match(w.Message.Expand(nil))
	number, _ := strconv.Atoi(named[fixtures.Minutes]) // of whole minutes, as the placeholder stands for
	wait := time.Duration(number) * time.Minute
	return request{"minutes in the message, and no Retry-After", func(time.Time) (string, time.Duration) { return "", wait }}
}

// behaviours are those that the client must show where it is refused with the wording.
func (s *Suite) behaviours(w *fixtures.Wording) []behaviour {
	clause := w.Clause
	if !s.Client.RetriesAfter(clause) {
		return []behaviour{{"retries-once", "asks once, however short the wait it is asked for", (*trial).asksOnce}}
	}
	list := []behaviour{
		{"retries-recover", "asks again until it succeeds, or gives its caller the last failure", func(t *trial) string { return t.recovers(t.broken, 1, 2, 3) }},
		{"retries-stop", "stops after a bounded number of attempts", (*trial).stops},
		{"retries-context", "ends with its context", (*trial).endsWithItsContext},
	}
	if clause.Operation.Body != nil {
		list = append(list, behaviour{"retries-body", "sends the same body each time", (*trial).repeatsItsBody})
	}
	obeys := func(key, text string, asked request) {
		list = append(list, behaviour{key, "waits for " + text, func(t *trial) string { return t.obeys(asked) }})
	}
	backsOff := func(key, text string, asked request) {
		list = append(list, behaviour{key, "backs off from " + text, func(t *trial) string { return t.backsOffFrom(asked) }})
	}
	if carriesRetryAfter(clause) {
		obeys("retries-seconds", "Retry-After in whole seconds", wholeSeconds)
		if slices.Contains(s.Contract.Envelope.RetryAfter, clause.Status) {
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
	case s.Client.ReadsMinutes && w.Message.Has(fixtures.Minutes):
		obeys("retries-minutes", "the minutes of the message, without Retry-After", minutes(w))
	case w.Message.Has(fixtures.Minutes):
		list = append(list, behaviour{"retries-backoff", backsOffText + " but minutes in the message", (*trial).spreads})
	default:
		list = append(list, behaviour{"retries-backoff", backsOffText, (*trial).spreads})
	}
	slices.SortFunc(list, func(a, b behaviour) int { return strings.Compare(a.text, b.text) }) // as Ginkgo does
	return list
}

// carriesRetryAfter reports whether Retry-After has a meaning on the clause's status: RFC 6585, 4, gives it one on 429,
// RFC 9110, 15.6.4, on 503.
func carriesRetryAfter(clause *fixtures.Clause) bool {
	return clause.Status == http.StatusTooManyRequests || clause.Status == http.StatusServiceUnavailable
}

// short is a refusal that a client has no reason to take for a long one.
func (t *trial) short() request {
	if carriesRetryAfter(t.wording.Clause) {
		return wholeSeconds
	}
	return absent
}

// say is a fault of the client, with what shows it.
func (t *trial) say(m *measured, format string, args ...any) string {
	if !slices.Contains(t.schedules, m.Schedule) {
		t.schedules = append(t.schedules, m.Schedule)
	}
	o := t.wording.Clause.Operation
	return fmt.Sprintf("%s %s\n\n%s\n\nRefused with %s, %s:\n  %s %s",
		t.Client.Name, fmt.Sprintf(format, args...), m.Schedule, t.wording.ID(), m.Case, o.Method, o.Path)
}

// broken tells a client that panicked, hung, never stopped, asked for something else, or heard an answer and tells of an
// error. What it asks for again is judged by each behaviour.
func (t *trial) broken(m *measured) string {
	switch {
	case m.endless:
		return t.say(m, "never stops: it was refused %d times in %s, and asked again until its context was ended.",
			len(m.Attempts), m.Attempts[len(m.Attempts)-1].At)
	case m.stuck:
		return m.wrong(t.Suite, t.wording.ID())
	case m.hung > 0:
		return t.say(m, "hangs: it had not returned after %s, though its context was done after half of that. "+
			"Have it return with its context.", virtualPatience)
	}
	if late := slices.IndexFunc(m.Attempts, func(a Attempt) bool { return a.At > m.Ended }); late >= 0 {
		return t.say(m, "asks again after it has returned: attempt %d.", late+1)
	}
	if m.err != nil && t.excuses(errorField, m.err.Error()) || m.panicked != nil && t.excuses(panicField, fmt.Sprint(m.panicked)) {
		return ""
	}
	o := t.wording.Clause.Operation
	fault := m.unasked(t.Suite, t.request(o, o.Contract.BaseURL), t.wording.ID())
	if fault == "" && (m.panicked != nil || !m.waitsForItsContext()) { // which it may be told to, or is judged by stops
		fault = m.wrong(t.Suite, t.wording.ID())
	}
	if fault != "" {
		fault += "\n\n" + m.String()
	}
	return fault
}

// waitsForItsContext reports whether the client returned because its context ended, after a day.
func (m *measured) waitsForItsContext() bool { return m.Ended >= virtualPatience/2 }

// asksOnce holds a client that does not ask again to it.
func (t *trial) asksOnce() string {
	for _, asked := range []request{zero, wholeSeconds} {
		m := t.measure(asked, 1)
		if errors.Is(m.refused, stub.ErrRefused) {
			return t.broken(m)
		}
		if len(m.Attempts) > 1 {
			return t.say(m, "asks again, which nobody asked it to (%s).", t.whyOnce(t.wording.Clause))
		}
		if fault := t.broken(m); fault != "" {
			return fault
		}
	}
	return ""
}

// recovers refuses the client as often as each of the numbers: it asks once more, and succeeds, or it has given its caller
// the last failure. After one refusal it must succeed. What else is wrong, the function tells.
func (t *trial) recovers(wrong func(*measured) string, numbers ...int) string {
	for _, times := range numbers {
		m := t.measure(t.short(), times)
		fault := wrong(m)
		switch {
		case fault != "":
			return fault
		case len(m.Attempts) > times && !m.succeeded():
			return t.say(m, "does not recover: it asked again and was answered %s, and tells its caller of a failure.",
				fixtures.StatusLine(t.wording.Clause.Operation.Success.Status))
		case len(m.Attempts) > times:
			continue
		case len(m.Attempts) == 1:
			return t.say(m, "does not ask again, which it declares to: refused once, it leaves its caller with the failure.")
		}
		if fault := t.tellsTheLast(m); fault != "" {
			return fault
		}
	}
	return ""
}

// stops refuses the client until it stops, and holds it to tell its caller of the last failure.
func (t *trial) stops() string {
	m := t.measure(t.short(), always)
	if fault := t.broken(m); fault != "" {
		return fault
	}
	if m.waitsForItsContext() {
		return t.say(m, "never stops by itself: it was refused %d times, and asked again until its context ended.", len(m.Attempts))
	}
	return t.tellsTheLast(m)
}

// tellsTheLast holds the client that gave up to tell its caller of the last failure.
func (t *trial) tellsTheLast(m *measured) string {
	if m.err != nil {
		return "" // broken has judged it
	}
	tell := clients.Tell(t.wording, m.last()).Exposing(t.Client.Exposed()).Excusing(t.excuses)
	ok, err := tell.Match(m.failure)
	switch {
	case err != nil:
		return "engine error: " + err.Error()
	case !ok:
		return t.say(m, "gives up, and does not tell its caller of the last failure.") + "\n\n" + tell.FailureMessage(m.failure)
	}
	return ""
}

// atOnce is the virtual time in which a client whose context ended returns: one that looks at it now and then may.
const atOnce = time.Second

// endsWithItsContext ends the client's context while it waits.
func (t *trial) endsWithItsContext() string {
	for _, asked := range []request{absent, t.short()} {
		m := t.interrupt(asked)
		// It ended right after the first answer, and what is asked within an ended context does not get here.
		late := slices.IndexFunc(m.Attempts, func(a Attempt) bool { return a.At > m.Attempts[0].At+interruptAfter })
		switch {
		case late >= 0:
			return t.say(m, "asks again after its context has ended, which ended right after the first answer: attempt %d.", late+1)
		case m.endless || m.stuck || m.panicked != nil || len(m.exchanges) == 0:
			return t.broken(m)
		case m.hung > 0 || m.Ended > atOnce:
			return t.say(m, "does not end with its context, which ended right after the first answer: it returned %s later.", m.Ended)
		case m.succeeded():
			return t.say(m, "swallowed the failure: its context ended right after the first answer, and it tells its caller of nothing, without an error.")
		}
	}
	return ""
}

// repeatsItsBody reads what the client sends again. What builds a client's transport may do so by chance, so many are
// asked: of what two in three do, one of them shows it but once in 10^15 times.
func (t *trial) repeatsItsBody() string {
	for range 32 {
		m := t.measure(t.short(), 2)
		if fault := cmp.Or(t.garbles(m), t.broken(m)); fault != "" {
			return fault
		}
	}
	return ""
}

// garbles tells a client that sent another body than the first, or one that cannot be read.
func (t *trial) garbles(m *measured) string {
	if len(m.faults) == 0 {
		return ""
	}
	return t.say(m, "does not send the same request again: %s.", strings.Join(m.faults, "; "))
}

// misbehaves tells a client that asks again too early or for something else, or is broken, after any clause: specs of their
// own look closely at one of each kind, and their errata are known here.
func (t *trial) misbehaves(m *measured) string {
	for _, judged := range []struct{ behaviour, fault string }{{"retries-seconds", t.hurries(m)}, {"retries-body", t.garbles(m)}} {
		if judged.fault != "" && !t.covering(t.wording, judged.behaviour).excuses(retriesField, t.withoutName(judged.fault)) {
			return judged.fault
		}
	}
	return t.broken(m)
}

// obeys holds the client to ask again no earlier than it is asked to, and to stop all the same.
func (t *trial) obeys(asked request) string {
	m := t.measure(asked, always)
	return cmp.Or(t.hurries(m), t.broken(m))
}

// hurries tells a client that asked again before it was asked to.
func (t *trial) hurries(m *measured) string {
	if errors.Is(m.refused, stub.ErrRefused) {
		return "" // what it asked for is no attempt, which broken tells
	}
	for i, a := range m.Attempts {
		if m.early(i) > 0 {
			return t.say(m, "asks again too early: attempt %d follows after %s, and the answer before asks to wait %s (%s).",
				i+2, a.Kept, a.Asked, a.By)
		}
	}
	return ""
}

// backsOffFrom holds the client to wait, though nothing it must obey says how long.
func (t *trial) backsOffFrom(asked request) string {
	const runs = 3 // one wait may be none by chance, where it is drawn from zero on
	for run := 1; ; run++ {
		m := t.measure(asked, always)
		if fault := t.broken(m); fault != "" {
			return fault
		}
		at := slices.Index(m.waits(), 0)
		switch {
		case at < 0:
			return ""
		case run == runs:
			return t.say(m, "asks again at once: attempt %d follows without any wait.", at+2)
		}
	}
}

// longestBackoff bounds a wait that nobody asked for. Google's pages truncate at 32 or 64 seconds, Microsoft's clients at
// 180, both before jitter.
const longestBackoff = 5 * time.Minute

// spreads holds the client to truncated exponential backoff with jitter, which Google's page asks for and whose growth
// Microsoft's does too. Waits that are drawn from zero on grow on average only: then more runs tell.
func (t *trial) spreads() string {
	const few, many = mostReported, 400
	var runs [][]time.Duration
	var m *measured
	shortest := 0 // how many waits every run has
	var first, last float64
	none := -1 // the first wait that is none in every run
	unclear := func() bool { return last < clearly(len(runs))*first || falls(runs, shortest, 2) > 0 }
	for len(runs) < few || len(runs) < many && shortest > 1 && none < 0 && unclear() {
		m = t.measure(absent, always)
		if fault := t.broken(m); fault != "" {
			return fault
		}
		waits := m.waits()
		if len(runs) == 0 || len(waits) < shortest {
			shortest = len(waits)
		}
		runs = append(runs, waits)
		if shortest == 0 {
			return "" // it gives up where it isn't told when to ask again
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
		return t.say(m, "asks again at once: attempt %d follows without any wait, in each of %d runs.", none+2, len(runs))
	case shortest > 1 && last < growth*first:
		return t.say(m, "does not back off: over %d runs its first wait is %s and its last is %s, and waits must grow.",
			len(runs), rounded(time.Duration(first)), rounded(time.Duration(last)))
	case fall > 0:
		mean := means(runs, shortest)
		return t.say(m, "does not back off: over %d runs its wait %d is %s and the one before is %s, and waits must grow until they are truncated.",
			len(runs), fall+1, rounded(time.Duration(mean[fall])), rounded(time.Duration(mean[fall-1])))
	case !jitters(runs, shortest):
		return t.say(m, "has no jitter: it waits the same in each of %d runs, so clients that were refused together ask again together.", len(runs))
	}
	return ""
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

// jitters reports whether one of the waits differs between the runs by a hundredth of it: by less, nobody is told apart.
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
