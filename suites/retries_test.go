package suites

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/clients/wire"
)

// policy is a transport that asks again as a test has it. The zero policy never does.
type policy struct {
	base     http.RoundTripper
	on       []int
	attempts int // 0 for any number
	wait     func(attempt int, header http.Header) time.Duration
	deaf     bool                                     // to its context
	body     func(attempt int, request *http.Request) // changes what is sent
}

// RoundTrip implements http.RoundTripper.
func (p policy) RoundTrip(request *http.Request) (*http.Response, error) {
	for attempt := 1; ; attempt++ {
		if request.GetBody != nil {
			request.Body, _ = request.GetBody()
		}
		if p.body != nil {
			p.body(attempt, request)
		}
		response, err := p.base.RoundTrip(request)
		if err != nil || attempt == p.attempts || !slices.Contains(p.on, response.StatusCode) {
			return response, err
		}
		done := request.Context().Done()
		if p.deaf {
			done = nil
		}
		select {
		case <-done:
			return response, nil
		case <-time.After(p.wait(attempt, response.Header)):
		}
	}
}

// well is how a client waits that does it right, without dates and with what a header of too many seconds asks for cut off.
func well(attempt int, header http.Header) time.Duration {
	if date, err := http.ParseTime(header.Get("Retry-After")); err == nil {
		return time.Until(date)
	}
	if seconds, err := strconv.ParseFloat(header.Get("Retry-After"), 64); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, 1e9) * float64(time.Second))
	}
	return exponential(attempt, 0.5)
}

// exponential is a wait that doubles each time, and is longer by chance by up to a part of it.
func exponential(attempt int, part float64) time.Duration {
	wait := min(time.Second<<min(attempt-1, 10), time.Minute)
	return wait + time.Duration(part*rand.Float64()*float64(wait))
}

// client is a client with the policy, which starts as a good one.
func client(name string, change func(*policy)) clients.Config {
	return clients.Config{Name: name, Retries: true, RetriesOn: wire.RetriedOn, New: func(c *http.Client, baseURL string) clients.Client {
		p := policy{base: c.Transport, on: wire.RetriedOn, attempts: 5, wait: well}
		change(&p)
		return wire.New(&http.Client{Transport: p}, baseURL)
	}}
}

// suite is the suite of a client, for a test that asks without Ginkgo.
func suite(t *testing.T, provider string, client clients.Config) *Suite {
	t.Helper()
	s := Load(t, provider)
	if err := client.Check(s.Contract); err != nil {
		t.Fatal(err)
	}
	s.Client, s.t = client, t
	return s
}

// faults are what the client does wrong where it is refused with the clause, by behaviour.
func faults(t *testing.T, s *Suite, clause string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, b := range s.behaviours(s.Contract.Clause(clause).Wordings[0]) {
		if fault := b.check(s.trial(s.Contract.Clause(clause).Wordings[0], b.key)); fault != "" {
			found[b.text] = fault
		}
	}
	return found
}

func TestAGoodClientShowsEveryBehaviour(t *testing.T) {
	good := map[string]clients.Config{
		"wire": {Name: "wire", Retries: true, RetriesOn: wire.RetriedOn, New: func(c *http.Client, baseURL string) clients.Client {
			return wire.NewRetrying(c, baseURL)
		}},
		"waits that are drawn from zero on": client("", func(p *policy) {
			p.wait = func(attempt int, header http.Header) time.Duration {
				if header.Get("Retry-After") != "" {
					return well(attempt, header)
				}
				return rand.N(time.Second<<min(attempt, 5)) + 1
			}
		}),
		"gzip":             client("", func(p *policy) { p.body = compressed }),
		"one attempt more": client("", func(p *policy) { p.attempts = 2 }),
		"every status that says to wait": func() clients.Config {
			c := client("", func(p *policy) { p.on = []int{429, 500, 503} })
			c.RetriesOn = nil
			return c
		}(),
		"does not retry": Reference,
	}
	for name, client := range good {
		client.Name = name
		for _, provider := range fixtures.Providers() {
			s := suite(t, provider, client)
			for _, w := range s.refusals() {
				if w.Clause.Status == http.StatusBadRequest && client.RetriesOn == nil && client.Retries {
					continue // by its status alone it cannot be told from what is never retried
				}
				for text, fault := range faults(t, s, w.Clause.ID) {
					t.Errorf("%s: %s, %s:\n%s", name, w.Clause.ID, text, fault)
				}
			}
		}
	}
}

// compressed has the body sent as gzip.
func compressed(_ int, request *http.Request) {
	if request.Body == nil {
		return
	}
	var body bytes.Buffer
	writer := gzip.NewWriter(&body)
	_, _ = io.Copy(writer, request.Body)
	_ = writer.Close()
	request.Header.Set("Content-Encoding", "gzip")
	request.ContentLength, request.Body = int64(body.Len()), io.NopCloser(&body)
}

// TestEachFaultHasASentenceOfItsOwn has clients that do one thing wrong each, and are held to every behaviour.
func TestEachFaultHasASentenceOfItsOwn(t *testing.T) {
	const (
		recovers = "asks again until it succeeds, or gives its caller the last failure"
		stops    = "stops after a bounded number of attempts"
		ends     = "ends with its context"
		body     = "sends the same body each time"
		whole    = "waits for Retry-After in whole seconds"
		parts    = "waits for Retry-After in fractions of a second"
		dated    = "waits for Retry-After as an HTTP date"
		large    = "waits for Retry-After of too many seconds to count"
		nothing  = "waits for Retry-After of zero"
		below    = "backs off from a negative Retry-After"
		odd      = "backs off from a malformed Retry-After"
		spreads  = "backs off with growing, truncated and jittered waits, without Retry-After but minutes in the message"
	)
	// wait has the policy wait so where the header has no value, and well where it has.
	wait := func(without func(attempt int) time.Duration) func(*policy) {
		return func(p *policy) {
			p.wait = func(attempt int, header http.Header) time.Duration {
				if header.Get("Retry-After") != "" {
					return well(attempt, header)
				}
				return without(attempt)
			}
		}
	}
	var drawn atomic.Int32 // how often a wait was drawn
	for name, test := range map[string]struct {
		change func(*policy)
		want   map[string]string // the start of the sentence after the name, by behaviour
	}{
		"ignores Retry-After": {
			func(p *policy) {
				p.wait = func(attempt int, _ http.Header) time.Duration { return exponential(attempt, 0.1) }
			},
			map[string]string{
				whole: "asks again too early: attempt 2 follows after 1.", parts: "asks again too early: attempt 2 follows after 1.",
				dated: "asks again too early: ", large: "asks again too early: ",
			},
		},
		"truncates fractions": {
			func(p *policy) {
				p.wait = func(attempt int, header http.Header) time.Duration {
					if seconds, err := strconv.ParseFloat(header.Get("Retry-After"), 64); err == nil && seconds > 0 {
						return time.Duration(min(seconds, 1e9)) * time.Second
					}
					return well(attempt, header)
				}
			},
			map[string]string{parts: "asks again too early: attempt 2 follows after 1s, and the answer before asks to wait 1.9s (Retry-After: 1.9)."},
		},
		"overflows, and trusts a negative wait": {
			func(p *policy) {
				p.wait = func(attempt int, header http.Header) time.Duration {
					if seconds, err := strconv.Atoi(header.Get("Retry-After")); err == nil {
						return time.Duration(seconds) * time.Second
					}
					return well(attempt, header)
				}
			},
			map[string]string{
				large: "asks again too early: ",
				below: "asks again at once: attempt 2 follows without any wait.",
			},
		},
		"takes a malformed header for zero": {
			func(p *policy) {
				p.wait = func(attempt int, header http.Header) time.Duration {
					if header.Get("Retry-After") == "soon" {
						return 0
					}
					return well(attempt, header)
				}
			},
			map[string]string{odd: "asks again at once: attempt 2 follows without any wait."},
		},
		"retries forever": {
			func(p *policy) { p.attempts = 0 },
			map[string]string{
				stops: "never stops: it was refused 100 times in ", whole: "never stops: ", parts: "never stops: ",
				dated: "never stops: ", nothing: "never stops: it was refused 100 times in 0s", below: "never stops: ",
				odd: "never stops: ", spreads: "never stops: ",
			},
		},
		"retries forever, deaf to its context": {
			func(p *policy) {
				p.attempts, p.deaf, p.wait = 0, true, func(int, http.Header) time.Duration { return 0 }
			},
			map[string]string{
				stops: "never stops: ", whole: "asks again too early: ", parts: "asks again too early: ", dated: "asks again too early: ",
				large: "asks again too early: ", nothing: "never stops: ", below: "never stops: ", odd: "never stops: ",
				spreads: "never stops: ", ends: "never stops: ",
			},
		},
		"waits an hour": {
			wait(func(int) time.Duration { return rand.N(time.Hour) + time.Hour }),
			map[string]string{spreads: "does not truncate its backoff: it waits 1h"},
		},
		"does not truncate": {
			wait(func(attempt int) time.Duration { return exponential(1, 0.1) << (4 * attempt) }),
			map[string]string{spreads: "does not truncate its backoff: it waits "},
		},
		"has no jitter": {
			wait(func(attempt int) time.Duration { return exponential(attempt, 0) }),
			map[string]string{spreads: "has no jitter: it waits the same in each of 8 runs"},
		},
		"has jitter that tells nobody apart": {
			wait(func(attempt int) time.Duration { return exponential(attempt, 0) + rand.N(time.Millisecond) }),
			map[string]string{spreads: "has no jitter: it waits the same in each of 8 runs"},
		},
		"waits less in between": {
			wait(func(attempt int) time.Duration {
				wait := []time.Duration{time.Second, 10 * time.Second, 5 * time.Second, 12 * time.Second}[attempt-1]
				return wait + rand.N(wait/5)
			}),
			map[string]string{spreads: "does not back off: over 400 runs its wait 3 is 5."},
		},
		"does not back off": {
			wait(func(int) time.Duration { return exponential(1, 0.5) }),
			map[string]string{spreads: "does not back off: over 400 runs its first wait is 1.2"},
		},
		"asks again at once": {
			wait(func(int) time.Duration { return 0 }),
			map[string]string{spreads: "asks again at once: attempt 2 follows without any wait, in each of 8 runs"},
		},
		"is deaf to its context": {
			func(p *policy) { p.deaf = true },
			map[string]string{
				ends:  "does not end with its context, which ended right after the first answer: it returned 1.",
				large: "hangs: it had not returned after 48h0m0s",
			},
		},
		"does not ask again": {
			func(p *policy) { p.attempts = 1 },
			map[string]string{recovers: "does not ask again, which it declares to: refused once, it leaves its caller with the failure."},
		},
		"sends nothing again": {
			func(p *policy) {
				p.body = func(attempt int, request *http.Request) {
					if attempt > 1 {
						request.Body, request.ContentLength = http.NoBody, 0
					}
				}
			},
			map[string]string{body: "does not send the same request again: attempt 2 sends no body, and the first sent {"},
		},
		"sends an empty body again, and announces it whole": {
			func(p *policy) {
				p.body = func(attempt int, request *http.Request) {
					if attempt > 1 {
						request.Body = http.NoBody
					}
				}
			},
			map[string]string{body: "does not send the same request again: attempt 2 announces "},
		},
		"sends something else again": {
			func(p *policy) {
				p.body = func(attempt int, request *http.Request) {
					if attempt > 1 {
						request.Body, request.ContentLength = io.NopCloser(strings.NewReader(`{"attempt":2}`)), -1
					}
				}
			},
			map[string]string{body: `does not send the same request again: attempt 2 sends {"attempt":2}, and the first sent {`},
		},
		"labels JSON as gzip": {
			func(p *policy) {
				p.body = func(attempt int, request *http.Request) {
					if compressed(attempt, request); attempt > 1 {
						request.Body, _ = request.GetBody()
						request.ContentLength = -1
					}
				}
			},
			map[string]string{body: `does not send the same request again: attempt 2 is labelled Content-Encoding: gzip, and sends {"@odata.type"`},
		},
		"labels JSON as something nobody documents": {
			func(p *policy) {
				p.body = func(attempt int, request *http.Request) {
					if attempt > 1 {
						request.Header.Set("Content-Encoding", "deflate")
					}
				}
			},
			map[string]string{body: "does not send the same request again: attempt 2 is labelled Content-Encoding: deflate, which the provider does not document"},
		},
		"waits for nothing every other time, as a wait that is drawn from zero on may": {
			func(p *policy) {
				p.wait = func(attempt int, header http.Header) time.Duration {
					if value := header.Get("Retry-After"); value == "soon" || value == "-5" {
						return time.Duration((drawn.Add(1)+1)%2) * exponential(attempt, 0.5)
					}
					return well(attempt, header)
				}
				p.attempts = 2
			},
			nil,
		},
		"hangs": {
			func(p *policy) {
				p.deaf, p.wait = true, func(int, http.Header) time.Duration { select {} }
			},
			map[string]string{
				recovers: "hangs: ", stops: "hangs: ", ends: "does not end with its context", body: "hangs: ", whole: "hangs: ", parts: "hangs: ",
				dated: "hangs: ", large: "hangs: ", nothing: "hangs: ", below: "hangs: ", odd: "hangs: ", spreads: "hangs: ",
			},
		},
		"panics": {
			func(p *policy) { p.wait = func(int, http.Header) time.Duration { panic("no such header") } },
			map[string]string{
				recovers: "panicked when it was answered", stops: "panicked", ends: "panicked", body: "panicked", whole: "panicked", parts: "panicked",
				dated: "panicked", large: "panicked", nothing: "panicked", below: "panicked", odd: "panicked", spreads: "panicked",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := faults(t, suite(t, "graph", client("this client", test.change)), "graph.create.throttled")
			for text, sentence := range test.want {
				fault, ok := got[text]
				if !ok || !strings.HasPrefix(fault, "this client "+sentence) {
					t.Errorf("%q is told by\n%s\nwant %q", text, fault, sentence)
				}
				delete(got, text)
			}
			for text, fault := range got {
				t.Errorf("%q fails too:\n%s", text, fault)
			}
		})
	}
}

// TestTheEndOfItsContextIsNoBound has a client ask until its context ends, without asking often.
func TestTheEndOfItsContextIsNoBound(t *testing.T) {
	config := client("this client", func(p *policy) {
		p.attempts, p.wait = 0, func(int, http.Header) time.Duration { return 50 * time.Minute }
	})
	fault := faults(t, suite(t, "classroom", config), "classroom.courses.get.internal")["stops after a bounded number of attempts"]
	if !strings.HasPrefix(fault, "this client never stops by itself: it was refused 29 times, and asked again until its context ended.") {
		t.Errorf("it is told by\n%s", fault)
	}
}

// TestTheScheduleOfAFaultIsKept has a client do wrong in the last of many runs.
func TestTheScheduleOfAFaultIsKept(t *testing.T) {
	s := suite(t, "graph", client("this client", func(p *policy) {
		p.wait = func(attempt int, _ http.Header) time.Duration {
			return []time.Duration{time.Second, 10 * time.Second, 5 * time.Second, 12 * time.Second}[attempt-1] + rand.N(time.Second)
		}
	}))
	trial := s.trial(s.Contract.Clause("graph.create.internal-error").Wordings[0], "retries-backoff")
	fault := trial.spreads()
	if kept := trial.schedules; trial.total != 400 || len(kept) != 9 || !strings.Contains(fault, kept[8].String()) {
		t.Errorf("of %d schedules %d are kept, and the last is not the one of\n%s", trial.total, len(kept), fault)
	}
}

func TestMinutesBindWhoReadsThem(t *testing.T) {
	const text = "waits for the minutes of the message, without Retry-After"
	config := client("this client", func(*policy) {})
	config.ReadsMinutes = true
	fault := faults(t, suite(t, "graph", config), "graph.get.unavailable")[text]
	if !strings.HasPrefix(fault, "this client asks again too early: ") || !strings.Contains(fault, "5m0s (the message: Retry after 5 minutes)") {
		t.Errorf("one that does not read them is told by\n%s", fault)
	}
	config = client("this client", func(p *policy) {
		p.wait = func(attempt int, header http.Header) time.Duration {
			return max(5*time.Minute, well(attempt, header))
		}
	})
	config.ReadsMinutes = true
	if faults := faults(t, suite(t, "graph", config), "graph.get.unavailable"); len(faults) > 0 {
		t.Errorf("one that reads them is told by\n%s", faults)
	}
}

// TestTheLastFailureIsTold has a client give up with the first of the failures.
func TestTheLastFailureIsTold(t *testing.T) {
	config := client("this client", func(*policy) {})
	retrying := config.New
	config.New = func(c *http.Client, baseURL string) clients.Client {
		return clients.Func(func(ctx context.Context, call clients.Call) (clients.Failure, error) {
			failure, err := retrying(c, baseURL).Do(ctx, call)
			failure.RequestID, _, _ = strings.Cut(failure.RequestID, "-5")
			return failure, err
		})
	}
	fault := faults(t, suite(t, "graph", config), "graph.create.internal-error")["stops after a bounded number of attempts"]
	if !strings.HasPrefix(fault, "this client gives up, and does not tell its caller of the last failure.") {
		t.Errorf("it is told by\n%s", fault)
	}
}

// TestWhoGivesUpAfterTheSecondRefusal has a client that recovers from one refusal, and no more, and tells of the first.
func TestWhoGivesUpAfterTheSecondRefusal(t *testing.T) {
	config := client("this client", func(p *policy) { p.attempts = 2 })
	retrying := config.New
	config.New = func(c *http.Client, baseURL string) clients.Client {
		return clients.Func(func(ctx context.Context, call clients.Call) (clients.Failure, error) {
			failure, err := retrying(c, baseURL).Do(ctx, call)
			failure.RequestID = strings.TrimSuffix(failure.RequestID, "-2")
			return failure, err
		})
	}
	fault := faults(t, suite(t, "graph", config), "graph.create.internal-error")["asks again until it succeeds, or gives its caller the last failure"]
	if !strings.HasPrefix(fault, "this client gives up, and does not tell its caller of the last failure.") {
		t.Errorf("it is told by\n%s", fault)
	}
}

// TestAKnownFailureIsKnownWhereItIsTheLast has a client tell one code wrong, which its errata have.
func TestAKnownFailureIsKnownWhereItIsTheLast(t *testing.T) {
	config := client("this client", func(*policy) {})
	retrying := config.New
	config.New = func(c *http.Client, baseURL string) clients.Client {
		return clients.Func(func(ctx context.Context, call clients.Call) (clients.Failure, error) {
			failure, err := retrying(c, baseURL).Do(ctx, call)
			if failure.Status == http.StatusInternalServerError {
				failure.Code = "Other"
			}
			return failure, err
		})
	}
	s := suite(t, "graph", config)
	if fault := faults(t, s, "graph.create.internal-error")["stops after a bounded number of attempts"]; fault == "" {
		t.Error("without the erratum, nothing is told")
	}
	s.Errata = append(s.Errata, &fixtures.Erratum{Client: "this client", Clauses: "graph.*.internal-error", Field: "code", Seen: "Other"})
	if faults := faults(t, s, "graph.create.internal-error"); len(faults) > 0 {
		t.Errorf("it is told by\n%s", faults)
	}
}

// TestWhatIsAskedAgainIsJudgedAfterEachClause has a client that asks again too early, or for something else, be judged where
// no spec of its behaviour is: after the documented answer, and after one refusal.
func TestWhatIsAskedAgainIsJudgedAfterEachClause(t *testing.T) {
	for name, test := range map[string]struct {
		change    func(*policy)
		want      string
		behaviour string
	}{
		"too early": {
			func(p *policy) {
				p.wait = func(attempt int, _ http.Header) time.Duration { return exponential(attempt, 0.1) }
			}, "asks again too early: attempt 2 follows after 1.", "retries-seconds",
		},
		"something else": {
			func(p *policy) {
				p.body = func(attempt int, request *http.Request) {
					if attempt > 1 && request.Body != nil {
						request.Body, request.ContentLength = io.NopCloser(strings.NewReader(`{}`)), -1
					}
				}
			}, "does not send the same request again: attempt 2 sends {}", "retries-body",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := suite(t, "graph", client("this client", test.change))
			judged := func() []string {
				w := s.Contract.Clause("graph.create.throttled").Wordings[1]
				return []string{s.trial(w, "").misbehaves(s.trial(w, "").measure(asDocumented, always)), s.trial(w, "").recovers(s.trial(w, "").misbehaves, 1)}
			}
			for _, fault := range judged() {
				if !strings.HasPrefix(fault, "this client "+test.want) {
					t.Errorf("it is told by\n%s\nwant\n%s", fault, test.want)
				}
			}
			s.Errata = append(s.Errata, &fixtures.Erratum{
				Client: "this client", Clauses: "graph.*", Case: test.behaviour, Field: "retries", Seen: test.want[:20],
			})
			for _, fault := range judged() {
				if fault != "" {
					t.Errorf("with the erratum it is told by\n%s", fault)
				}
			}
		})
	}
}

// TestWhatWasMadeTwiceIsReported measures a create and an update that are sent more than once.
func TestWhatWasMadeTwiceIsReported(t *testing.T) {
	s := suite(t, "graph", client("this client", func(*policy) {}))
	for clause, want := range map[string]string{
		"graph.create.throttled": `POST https://graph.microsoft.com/v1.0/employeeExperience/learningProviders/`,
		"graph.update.throttled": "",
	} {
		m := s.trial(s.Contract.Clause(clause).Wordings[0], "").measure(wholeSeconds, 1)
		if len(m.Attempts) != 2 || !strings.HasPrefix(m.Repeated, want) || (m.Repeated == "") != (want == "") {
			t.Errorf("%s: it is reported as %q after %d attempts, want %q", clause, m.Repeated, len(m.Attempts), want)
		}
	}
	m := s.trial(s.Contract.Clause("graph.create.throttled").Wordings[0], "").measure(wholeSeconds, 0)
	if len(m.Attempts) != 1 || m.Repeated != "" {
		t.Errorf("asked once, it is reported as %q", m.Repeated)
	}
}

// TestWhatOnlyACallerSees has clients whose attempts are right, and that tell their caller something else.
func TestWhatOnlyACallerSees(t *testing.T) {
	for name, test := range map[string]struct {
		change   func(ctx context.Context, f *clients.Failure, again func())
		behavior string
		want     string
	}{
		"a failure of a success": {
			func(_ context.Context, f *clients.Failure, _ func()) {
				if f.Status < http.StatusBadRequest {
					f.Code = "Other"
				}
			},
			"asks again until it succeeds, or gives its caller the last failure",
			"this client does not recover: it asked again and was answered 201 Created, and tells its caller of a failure.",
		},
		"nothing where its context ended": {
			func(ctx context.Context, f *clients.Failure, _ func()) {
				if ctx.Err() != nil {
					*f = clients.Failure{}
				}
			},
			"ends with its context", "this client swallowed the failure: its context ended right after the first answer",
		},
		"the last failure, and asks again later": {
			func(_ context.Context, f *clients.Failure, again func()) {
				if f.Status >= http.StatusBadRequest {
					go again()
				}
			},
			"stops after a bounded number of attempts", "this client asks again after it has returned: attempt 6.",
		},
		"the failure where its context ended, and asks again later": {
			func(ctx context.Context, _ *clients.Failure, again func()) {
				if ctx.Err() != nil {
					go again()
				}
			},
			"ends with its context", "this client asks again after its context has ended, which ended right after the first answer: attempt 2.",
		},
		"the failure, and asks another host": {
			func(_ context.Context, _ *clients.Failure, again func()) { again() },
			"waits for Retry-After in whole seconds", "this client asked another host than https://graph.microsoft.com/v1.0:",
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := client("this client", func(*policy) {})
			retrying := config.New
			config.New = func(c *http.Client, baseURL string) clients.Client {
				return clients.Func(func(ctx context.Context, call clients.Call) (clients.Failure, error) {
					failure, err := retrying(c, baseURL).Do(ctx, call)
					test.change(ctx, &failure, func() {
						if strings.Contains(name, "another host") {
							baseURL = "https://elsewhere.example"
						} else {
							time.Sleep(20 * time.Second) // virtual
						}
						_, _ = wire.New(c, baseURL).Do(context.Background(), call) // what it is answered is nobody's business
					})
					return failure, err
				})
			}
			fault := faults(t, suite(t, "graph", config), "graph.create.throttled")[test.behavior]
			if !strings.HasPrefix(fault, test.want) {
				t.Errorf("it is told by\n%s\nwant\n%s", fault, test.want)
			}
		})
	}
}

// TestAnOperationWithABodyIsPreferred holds the refusals to operations that send one, where there is one of the kind.
func TestAnOperationWithABodyIsPreferred(t *testing.T) {
	for _, w := range suite(t, "classroom", client("this client", func(*policy) {})).refusals() {
		if o := w.Clause.Operation; o.Action == "update" && o.Body == nil {
			t.Errorf("%s is chosen, and sends no body", o.ID)
		}
	}
}

// TestNothingElseIsAskedAgain has a client that asks again after any failure meet each clause.
func TestNothingElseIsAskedAgain(t *testing.T) {
	eager := client("this client", func(p *policy) {
		p.on = nil
		for status := 400; status < 600; status++ {
			p.on = append(p.on, status)
		}
	})
	for _, provider := range fixtures.Providers() {
		s := suite(t, provider, eager)
		for clause := range s.Contract.Clauses() {
			if s.Client.RetriesAfter(clause) {
				continue
			}
			w := clause.Wordings[0]
			told := s.perform(clause.Operation, w.Response(), w.ID(), s.whyOnce(clause))
			why := "the remedy is to " + clause.Remedy.Do
			if clause.Remedy.AllowsRetry() {
				why = fmt.Sprintf("its RetriesOn does not have %d", clause.Status)
			}
			want := fmt.Sprintf("this client was answered %s, and asked again, which nobody asked it to (%s):", w.ID(), why)
			if got := told.wrong(s, w.ID()); !strings.HasPrefix(got, want) {
				t.Fatalf("%s: it is told by\n%s\nwant\n%s", clause.ID, got, want)
			}
		}
	}
}

// TestWhoDoesNotDeclareItAsksOnce has a client that asks again without having declared it.
func TestWhoDoesNotDeclareItAsksOnce(t *testing.T) {
	config := client("this client", func(*policy) {})
	config.Retries, config.RetriesOn = false, nil
	fault := faults(t, suite(t, "classroom", config), "classroom.courses.get.internal")["asks once, however short the wait it is asked for"]
	if want := "this client asks again, which nobody asked it to (it does not declare Retries).\n\n  attempt  at "; !strings.HasPrefix(fault, want) {
		t.Errorf("it is told by\n%s\nwant\n%s", fault, want)
	}
}

func TestWhoAsksOnceMustTellOfIt(t *testing.T) {
	panics := clients.Config{Name: "our connector", New: func(*http.Client, string) clients.Client {
		return clients.Func(func(context.Context, clients.Call) (clients.Failure, error) { panic("no such code") })
	}}
	const want = "our connector panicked before it had asked for what is answered graph.get.throttled#error: no such code"
	found := faults(t, suite(t, "graph", panics), "graph.get.throttled")
	if len(found) != 1 {
		t.Errorf("it shows %d faults, and one behaviour is asked of it", len(found))
	}
	for behaviour, fault := range found {
		if !strings.Contains(fault, want) {
			t.Errorf("%s: the text is\n%s\nand does not have %q", behaviour, fault, want)
		}
	}
}

func ExampleSchedule() {
	fmt.Println(&Schedule{
		Client: "our connector", Clause: "graph.create.throttled", Case: "Retry-After: 1.9",
		Attempts: []Attempt{
			{At: 0, Status: 429, Asked: 1900 * time.Millisecond, By: "Retry-After: 1.9", Kept: time.Second},
			{At: time.Second, Status: 429, Asked: 1900 * time.Millisecond, By: "Retry-After: 1.9", Kept: 2345678 * time.Microsecond},
			{At: 3345678 * time.Microsecond, Status: 201},
		},
		Ended: 3345678 * time.Microsecond, Outcome: "succeeded", Repeated: `POST https://graph.microsoft.com/… {"status":"notStarted"}`,
	})
	// Output:
	//   attempt  at      answered               wait asked               wait kept
	//   1        0s      429 Too Many Requests  1.9s (Retry-After: 1.9)  1s, too early by 900ms
	//   2        1s      429 Too Many Requests  1.9s (Retry-After: 1.9)  2.346s
	//   3        3.346s  201 Created            none                     -
	//   succeeded at 3.346s
	//   sent 3 times: POST https://graph.microsoft.com/… {"status":"notStarted"}
}
