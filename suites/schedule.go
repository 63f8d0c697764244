package suites

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/stub"
)

// Schedule is when a client asked for an operation that was refused, on virtual time. Times are in nanoseconds of it.
type Schedule struct {
	Client   string        `json:"client"`   // as it names itself
	Clause   string        `json:"clause"`   // the id of the clause it was refused with
	Case     string        `json:"case"`     // what the answers asked it to wait, such as "Retry-After: 1.9"
	Attempts []Attempt     `json:"attempts"` // in the order in which the client made them
	Ended    time.Duration `json:"ended"`    // when the client returned, since it was called
	Outcome  string        `json:"outcome"`  // what its caller got
	// Repeated is the request of a create that was sent more than once: what exists twice if a refused one got through.
	Repeated string `json:"repeated,omitempty"`
}

// Attempt is one request of a Schedule, and its answer.
type Attempt struct {
	At     time.Duration `json:"at"`     // since the client was called
	Status int           `json:"status"` // answered; 0 if the request was not for the operation
	Asked  time.Duration `json:"asked"`  // the wait that the answer asks for, 0 if none
	By     string        `json:"by"`     // what asks for it, or would, such as "Retry-After: 1.9"; empty if nothing does
	Kept   time.Duration `json:"kept"`   // the wait until the next attempt, 0 for the last
}

// early is by how much attempt i was followed too early.
func (s *Schedule) early(i int) time.Duration {
	if i+1 == len(s.Attempts) {
		return 0
	}
	return max(0, s.Attempts[i].Asked-s.Attempts[i].Kept)
}

// waits are the waits between the attempts.
func (s *Schedule) waits() []time.Duration {
	var waits []time.Duration
	for i := 0; i+1 < len(s.Attempts); i++ {
		waits = append(waits, s.Attempts[i].Kept)
	}
	return waits
}

// String is the schedule as a table, a line an attempt.
func (s *Schedule) String() string {
	const most = 12 // a client that never stops fills no screen
	var rows, text strings.Builder
	rows.WriteString("  attempt\tat\tanswered\twait asked\twait kept\n")
	for i, a := range s.Attempts {
		if i == most-1 && len(s.Attempts) > most {
			fmt.Fprintf(&rows, "  …\t%s\t%d attempts more\t\t\n", rounded(a.At), len(s.Attempts)-i)
			break
		}
		answered, asked, kept := "nothing", "none", "-"
		if a.Status != 0 {
			answered = fixtures.StatusLine(a.Status)
		}
		if a.Asked > 0 {
			asked = rounded(a.Asked)
		}
		if a.By != "" {
			if a.Asked == 0 && strings.HasPrefix(a.By, theMessage) {
				asked += " that binds"
			}
			asked += " (" + a.By + ")"
		}
		if i+1 < len(s.Attempts) {
			kept = rounded(a.Kept)
		}
		if early := s.early(i); early > 0 {
			kept += ", too early by " + rounded(early)
		}
		fmt.Fprintf(&rows, "  %d\t%s\t%s\t%s\t%s\n", i+1, rounded(a.At), answered, asked, kept)
	}
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	_, _ = io.WriteString(table, rows.String()) // a strings.Builder takes everything
	_ = table.Flush()
	lines := strings.Split(text.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	lines[len(lines)-1] = fmt.Sprintf("  %s at %s", s.Outcome, rounded(s.Ended))
	if s.Repeated != "" {
		lines = append(lines, fmt.Sprintf("  sent %d times: %s", len(s.Attempts), s.Repeated))
	}
	return strings.Join(lines, "\n")
}

// rounded is a time as texts show it: to the millisecond, if that leaves anything of it.
func rounded(d time.Duration) string {
	if d > 100*365*24*time.Hour {
		return "longer than anybody waits"
	}
	if d >= time.Millisecond {
		d = d.Round(time.Millisecond)
	}
	return d.String()
}

// schedulesEntry names the report entries that hold the Schedules of a spec.
const schedulesEntry = "schedules"

// moreSchedulesEntry names those that say how many more a spec measured.
const moreSchedulesEntry = "more schedules"

// Schedules are those that one spec measured, the value of its report entry.
type Schedules []*Schedule

// String is all of them, each below its case.
func (s Schedules) String() string {
	var text []string
	for _, schedule := range s {
		text = append(text, fmt.Sprintf("%s, refused with %s, %s:\n%s", schedule.Client, schedule.Clause, schedule.Case, schedule))
	}
	return strings.Join(text, "\n\n")
}

// trial measures how a client behaves that is refused with a wording.
type trial struct {
	*Suite
	wording   *fixtures.Wording
	behaviour string    // the key of what is measured, empty for the documented answer
	errata    *covering // of the client's, for it
	answered  *covering // and for the documented answer, whose own spec settles them
	schedules Schedules // what was measured, for the report: the first, and what shows a fault
	total     int       // how many schedules there were
}

func (s *Suite) trial(w *fixtures.Wording, behaviour string) *trial {
	return &trial{Suite: s, wording: w, behaviour: behaviour, errata: s.covering(w, behaviour), answered: s.covering(w, "")}
}

// excuses reports whether an erratum has what the client tells in a field: one of the behaviour, or of any answer.
func (t *trial) excuses(field clients.Field, told string) bool {
	return t.errata.excuses(field, told) || t.answered.excuses(field, told)
}

// report keeps what was measured.
func (t *trial) report() {
	if len(t.schedules) > 0 {
		ginkgo.AddReportEntry(schedulesEntry, t.schedules, ginkgo.ReportEntryVisibilityFailureOrVerbose)
	}
	if more := t.total - len(t.schedules); more > 0 {
		ginkgo.AddReportEntry(moreSchedulesEntry, fmt.Sprint(more), types.CodeLocation{}, ginkgo.ReportEntryVisibilityNever)
	}
}

// fail fails the spec with the text, if there is one.
func (t *trial) fail(fault string) {
	if fault != "" {
		fail(fault)
	}
}

// settle fails the spec of a behaviour with the fault, but for one that the client's errata have.
func (t *trial) settle(fault string) {
	if !t.errata.excuses(retriesField, t.withoutName(fault)) {
		t.fail(fault)
	}
	t.errata.settle(caseID(t.wording, t.behaviour), t.Today)
}

// withoutName is a fault as errata have it.
func (t *trial) withoutName(fault string) string { return strings.TrimPrefix(fault, t.Client.Name+" ") }

// request is how an answer asks to wait.
type request struct {
	text string // what it asks for, as a Schedule has it
	// header is the Retry-After of an answer given at a time, "" for none, and the shortest wait that obeys it; nil for
	// the wording's own.
	header func(now time.Time) (value string, wait time.Duration)
}

// How often a client is refused and asked.
const (
	always       = 1 << 30
	mostAttempts = 100 // of a client that ever stops
	mostReported = 8   // schedules of a spec, the first ones
)

// interruptAfter the first answer an interrupted client's context ends: the shortest virtual time.
const interruptAfter = time.Nanosecond

// measured is a call that was refused, and what the client made of it.
type measured struct {
	told
	*Schedule
	faults  []string // what is wrong with the bodies sent, by attempt
	endless bool     // whether the client was stopped from asking
}

// measure has a new client perform the operation on virtual time, refused as often as times and then answered with its
// success.
func (t *trial) measure(asked request, times int) *measured { return t.run(asked, times, false) }

// interrupt is measure with a context that ends right after the first answer.
func (t *trial) interrupt(asked request) *measured { return t.run(asked, always, true) }

func (t *trial) run(asked request, times int, interrupt bool) *measured {
	o := t.wording.Clause.Operation
	t.skipUnperformed(o)
	t.giveUp()
	defer stub.RefuseNetwork()()
	_ = stub.Refusals() // what was refused before is no fault of this call
	m := &measured{Schedule: &Schedule{Client: t.Client.Name, Clause: t.wording.Clause.ID, Case: asked.text}}
	if t.total++; t.total <= mostReported {
		t.schedules = append(t.schedules, m.Schedule)
	}
	answers := stub.New()
	below := &recorder{transport: answers}
	line := &refusing{trial: t, asked: asked, times: times, interrupt: interrupt, measured: m, stub: answers, below: below}
	line.request = t.request(o, t.Contract.BaseURL)
	ended := make(chan time.Duration, 1)
	told := t.callOnVirtualTime(func(told *told) {
		line.start = time.Now()
		told.call(func(ctx context.Context) (clients.Failure, error) {
			ctx, line.end = context.WithCancel(ctx)
			defer line.end()
			return t.Client.New(&http.Client{Transport: line}, t.Contract.BaseURL).Do(ctx, clients.Minimal(o))
		}, virtualPatience)
		ended <- time.Since(line.start)
		time.Sleep(aWhile) // a client may ask again after it has returned
	})
	line.mutex.Lock()
	defer line.mutex.Unlock()
	m.told = *told
	m.close(below, answers)
	if !m.stuck {
		m.Ended = <-ended
	}
	m.Outcome = m.outcome()
	if o.Action == "create" && len(m.Attempts) > 1 {
		m.Repeated = line.request.String() + " " + stub.PrintableBody(o.Body)
	}
	return m
}

// outcome says what the caller got.
func (m *measured) outcome() string {
	switch {
	case m.hung > 0:
		return "given up by its caller"
	case m.panicked != nil:
		return "panicked"
	case m.err != nil:
		return "told its caller of an error"
	case m.succeeded():
		return "succeeded"
	}
	return "told its caller of the failure"
}

// refusing is the transport that refuses, and notes when it was asked.
type refusing struct {
	*trial
	*measured
	asked     request
	times     int
	interrupt bool
	request   stub.Request
	stub      *stub.Stub
	below     *recorder
	start     time.Time
	end       context.CancelFunc // ends the client's context

	mutex   sync.Mutex
	tries   int // attempts, and requests after the context's end
	body    []byte
	hasBody bool
}

// RoundTrip implements http.RoundTripper.
func (l *refusing) RoundTrip(r *http.Request) (*http.Response, error) {
	body, fault := stub.ReadBody(r)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.tries++; l.tries > mostAttempts {
		// It may loop without a pause, in which no virtual time passes: a client that does not even look at its context
		// never gets an answer again.
		l.endless = true
		l.end()
		if l.tries > 2*mostAttempts {
			l.mutex.Unlock()
			<-make(chan struct{})
		}
	}
	if err := r.Context().Err(); err != nil {
		return nil, err // as http.Transport does
	}

	number, now := len(l.Attempts), time.Now()
	if number > 0 {
		l.Attempts[number-1].Kept = now.Sub(l.start) - l.Attempts[number-1].At
	}
	attempt := Attempt{At: now.Sub(l.start)}
	again := l.hasBody
	if again {
		if fault == "" && !bytes.Equal(body, l.body) {
			fault = fmt.Sprintf("sends %s, and the first sent %s", stub.PrintableBody(body), stub.PrintableBody(l.body))
		}
		if fault != "" {
			l.faults = append(l.faults, fmt.Sprintf("attempt %d %s", number+1, fault))
		}
		body = l.body // a wrong one is told of by itself: it spoils no other measurement
	}
	l.body, l.hasBody = body, true

	answer := l.Answer(l.wording)
	answer.Header = answer.Header.Clone()
	if number >= l.times {
		answer = l.wording.Clause.Operation.SuccessResponse()
	} else {
		l.ask(&answer, &attempt, number, now)
	}
	answer.Header.Set("Date", now.UTC().Format(http.TimeFormat))
	if err := l.stub.Respond(l.request, answer); err != nil {
		return nil, err
	}
	plain := r.WithContext(r.Context())
	plain.Body = io.NopCloser(bytes.NewReader(body))
	if again || fault == "" { // what is wrong with the first one, the stub tells
		plain.Header, plain.ContentLength = r.Header.Clone(), int64(len(body))
		plain.Header.Del("Content-Encoding")
		plain.Header.Set("Content-Type", "application/json")
	}
	response, err := l.below.RoundTrip(plain)
	if err == nil {
		attempt.Status = response.StatusCode
	}
	l.Attempts = append(l.Attempts, attempt)
	if l.interrupt && number == 0 {
		time.AfterFunc(interruptAfter, l.end) // the client is in its first wait, or has returned
	}
	return response, err
}

// ask has the answer ask to wait.
func (l *refusing) ask(answer *fixtures.Response, attempt *Attempt, number int, now time.Time) {
	if id := answer.Header.Get("request-id"); id != "" {
		own := fmt.Sprintf("%s-%d", id, number+1) // tells the last failure from the others
		answer.Header.Set("request-id", own)
		answer.Body = bytes.ReplaceAll(answer.Body, []byte(`"request-id":"`+id+`"`), []byte(`"request-id":"`+own+`"`))
	}
	if l.asked.header == nil {
		x := exchange.New("", "", *answer, now)
		attempt.Asked, _ = exchange.RetryAfter(x) // without the header, nothing
	} else {
		answer.Header.Del("Retry-After")
		value, wait := l.asked.header(now)
		if attempt.Asked = wait; value != "" {
			answer.Header.Set("Retry-After", value)
		}
	}
	switch value := answer.Header.Get("Retry-After"); {
	case value != "":
		attempt.By = "Retry-After: " + value
	case l.wording.Message.Has(fixtures.Minutes):
		attempt.By = theMessage + l.wording.Message.Expand(nil)
	}
}

// theMessage begins what asks to wait where no header does.
const theMessage = "the message: "
