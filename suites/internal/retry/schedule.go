package retry

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/report"
)

// schedule is when a client sent the requests of an operation that was throttled, on virtual time.
type schedule struct {
	requested string        // the wait that the responses request, such as "Retry-After: 1.9"
	attempts  []attempt     // in the order in which the client made them
	ended     time.Duration // when the client returned, since it was called
	outcome   string        // what its caller got
	repeated  string        // the request of a create that was sent more than once; empty if none was
}

// attempt is one request of a schedule, and its response.
type attempt struct {
	at     time.Duration // since the client was called
	status int           // of the response; 0 if the request was not the operation's
	delay  time.Duration // the wait that the response asks for, 0 for none
	most   time.Duration // the longest wait that it asks for, its message too where the client reads that
	source string        // what requests it, or would, such as "Retry-After: 1.9"; empty if nothing does
	waited time.Duration // until the next attempt, 0 for the last
}

// earlyBy is by how much attempt i was followed too early.
func (s *schedule) earlyBy(i int) time.Duration {
	if i+1 == len(s.attempts) {
		return 0
	}
	return max(0, s.attempts[i].delay-s.attempts[i].waited)
}

// lateBy is by how much attempt i was followed later than any client has a reason to: twice the requested wait, and what the client's
// own backoff may have grown to. A client whose context ended waited until then.
func (s *schedule) lateBy(i int) time.Duration {
	a := s.attempts[i]
	if a.most == 0 || a.most > math.MaxInt64/4 {
		return 0
	}
	waited := a.waited
	if i+1 == len(s.attempts) && s.toItsEnd() {
		waited = s.ended - a.at
	}
	return max(0, waited-2*a.most-min(firstBackoff<<min(i, 10), longestBackoff))
}

// firstBackoff bounds the first wait of a client's own.
const firstBackoff = time.Minute

// toItsEnd reports whether the client returned because its context ended, after a day.
func (s *schedule) toItsEnd() bool { return s.ended >= 24*time.Hour && s.outcome != givenUp }

// givenUp is the outcome of a client that did not return.
const givenUp = "given up by its caller"

// waits are the waits between the attempts.
func (s *schedule) waits() []time.Duration {
	var waits []time.Duration
	for i := 0; i+1 < len(s.attempts); i++ {
		waits = append(waits, s.attempts[i].waited)
	}
	return waits
}

// reported is the schedule as reports have it.
func (s *schedule) reported() report.Schedule {
	r := report.Schedule{Case: s.requested, Outcome: s.outcome, Ended: s.ended.Seconds(), Repeated: s.repeated, Attempts: []report.Attempt{}}
	for i, a := range s.attempts {
		r.Attempts = append(r.Attempts, report.Attempt{
			At: a.at.Seconds(), Status: a.status, RequestedDelay: a.delay.Seconds(), DelaySource: a.source,
			Waited: a.waited.Seconds(), EarlyBy: s.earlyBy(i).Seconds(), LateBy: s.lateBy(i).Seconds(),
		})
	}
	return r
}

// String is the schedule as a table, a line an attempt.
func (s *schedule) String() string {
	const most = 12 // a client that never stops fills no screen
	var rows, text strings.Builder
	rows.WriteString("  attempt\tat\tresponse\tasks to wait\twaited\n")
	for i, a := range s.attempts {
		if i == most-1 && len(s.attempts) > most {
			fmt.Fprintf(&rows, "  …\t%s\t%d attempts more\t\t\n", rounded(a.at), len(s.attempts)-i)
			break
		}
		response, delay, waited := "none", "no", "-"
		if a.status != 0 {
			response = fixtures.StatusLine(a.status)
		}
		if a.delay > 0 {
			delay = rounded(a.delay)
		}
		switch message := strings.HasPrefix(a.source, theMessage); {
		case a.delay == 0 && message:
			delay = "no (no Retry-After; " + a.source + ")"
		case a.source != "":
			delay += " (" + a.source + ")"
		}
		if i+1 < len(s.attempts) {
			waited = rounded(a.waited)
		}
		if early := s.earlyBy(i); early > 0 {
			waited += ", too early by " + rounded(early)
		}
		if late := s.lateBy(i); late > 0 {
			waited += ", far too long"
		}
		fmt.Fprintf(&rows, "  %d\t%s\t%s\t%s\t%s\n", i+1, rounded(a.at), response, delay, waited)
	}
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	_, _ = io.WriteString(table, rows.String()) // a strings.Builder takes everything
	_ = table.Flush()
	lines := strings.Split(text.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	lines[len(lines)-1] = fmt.Sprintf("  %s at %s", s.outcome, rounded(s.ended))
	if s.repeated != "" {
		lines = append(lines, fmt.Sprintf("  sent %d times: %s", len(s.attempts), s.repeated))
	}
	return strings.Join(lines, "\n")
}

// rounded is a time as texts show it: to the millisecond, if that leaves anything of it.
func rounded(d time.Duration) string {
	if d > 100*365*24*time.Hour {
		return "more than a century"
	}
	if d >= time.Millisecond {
		d = d.Round(time.Millisecond)
	}
	return d.String()
}
