package retry

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/retry/retrytest"
	"github.com/learncontract/learncontract/suites/report"
)

const throttled = "sample.things.update.throttled"

func TestRightClientsHaveNoFault(t *testing.T) {
	t.Parallel()
	zipped := zipping()
	once := retrying(func(p *policy) { p.attempts = 1 })
	once.Retries, once.RetriesOn = false, nil
	idempotent := retrying(func(p *policy) { p.methods = []string{http.MethodGet, http.MethodPut, http.MethodDelete} })
	idempotent.RetriesIf = func(clause *fixtures.Clause) bool { return clause.Operation.Method == http.MethodGet }
	everyStatus := retrying(nil)
	everyStatus.RetriesOn = nil
	var drawn atomic.Int32 // how often a wait was drawn
	for name, config := range map[string]client.Config{
		"the reference client with retries":    retrytest.Config(retried...),
		"as all of these tests change it":      retrying(nil),
		"every status that says to wait":       everyStatus,
		"no retries":                           once,
		"idempotent requests only":             idempotent,
		"a token and a number of each attempt": retrying(func(p *policy) { p.body = authorized }),
		"gives up on long waits": retrying(func(p *policy) {
			p.wait = func(attempt int, header http.Header) time.Duration {
				if wait := obey(attempt, header); wait < 20*time.Second {
					return wait
				}
				return giveUp
			}
		}),
		"backs off for longer than Retry-After": retrying(func(p *policy) {
			p.wait = func(attempt int, header http.Header) time.Duration {
				return max(obey(attempt, header), exponential(attempt, 0.5)+30*time.Second)
			}
		}),
		"adds jitter to Retry-After": retrying(func(p *policy) {
			p.wait = func(attempt int, header http.Header) time.Duration {
				wait := obey(attempt, header)
				return wait + rand.N(wait+1)
			}
		}),
		"one retry":         retrying(func(p *policy) { p.attempts = 2 }),
		"a compressed body": retrying(func(p *policy) { p.body = zipped }),
		"waits that are drawn from zero on": retrying(without(func(attempt int) time.Duration {
			return rand.N(time.Second<<min(attempt, 5)) + 1
		})),
		"waits for a date as counted from the response's own": retrying(func(p *policy) {
			p.wait = func(attempt int, header http.Header) time.Duration {
				at, err := http.ParseTime(header.Get("Retry-After"))
				if sent, wrong := http.ParseTime(header.Get("Date")); err == nil && wrong == nil {
					return at.Sub(sent)
				}
				return obey(attempt, header)
			}
		}),
		"every other wait is none, as one that is drawn from zero on may be": retrying(func(p *policy) {
			p.attempts = 2
			p.wait = func(attempt int, header http.Header) time.Duration {
				if value := header.Get("Retry-After"); value == "soon" || value == "-5" {
					return time.Duration((drawn.Add(1)+1)%2) * exponential(attempt, 0.5)
				}
				return obey(attempt, header)
			}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := subjectOf(t, config)
			for _, w := range s.Wordings() {
				for key, fault := range faults(s, w.Clause.ID) {
					t.Errorf("%s, %s:\n%s", w.ID(), key, fault)
				}
			}
		})
	}
}

// TestFaults has clients with one fault each, and compares how each behaviour's failure begins.
func TestFaults(t *testing.T) {
	t.Parallel()
	zipped := zipping()
	all := func(fault string) map[string]string {
		want := map[string]string{}
		for _, key := range []string{
			"recover", "stop", "context", "body", "headers", "seconds", "fraction", "date", "overflow", "zero", "negative", "malformed", "backoff",
		} {
			want[key] = fault
		}
		return want
	}
	but := func(want map[string]string, key, fault string) map[string]string {
		want[key] = fault
		return want
	}
	again := func(change func(*http.Request)) func(*policy) {
		return func(p *policy) {
			p.body = func(attempt int, request *http.Request) {
				if attempt > 1 {
					change(request)
				}
			}
		}
	}
	for name, test := range map[string]struct {
		change func(*policy)
		want   map[string]string // how the text begins after the name, by key
	}{
		"gives up without Retry-After, which is right": {without(func(int) time.Duration { return giveUp }), nil},
		"ignores Retry-After": {
			func(p *policy) {
				p.wait = func(attempt int, _ http.Header) time.Duration { return exponential(attempt, 0.1) }
			},
			map[string]string{
				"seconds": "retried too early: attempt 2 follows after 1.", "fraction": "retried too early: attempt 2 follows after 1.",
				"date": "retried too early: attempt 2 follows after 1.", "overflow": "retried too early: attempt 2 follows after 1.",
			},
		},
		"truncates fractions": {
			func(p *policy) {
				p.wait = func(attempt int, header http.Header) time.Duration {
					if seconds, err := strconv.ParseFloat(header.Get("Retry-After"), 64); err == nil && seconds > 0 {
						return time.Duration(min(seconds, 1e9)) * time.Second
					}
					return obey(attempt, header)
				}
			},
			map[string]string{
				"fraction": "retried too early: attempt 2 follows after 1s, and the response before asks to wait 1.9s (Retry-After: 1.9).\n\n  attempt ",
			},
		},
		"retries a nanosecond too early": {
			func(p *policy) {
				p.wait = func(attempt int, header http.Header) time.Duration { return obey(attempt, header) - 1 }
			},
			map[string]string{
				"seconds":  "retried too early: attempt 2 follows after 2.999999999s, and the response before asks to wait 3s (",
				"fraction": "retried too early: attempt 2 follows after 1.899999999s, ",
				"date":     "retried too early: attempt 2 follows after 1m",
			},
		},
		"overflows, and takes a negative value for a time": {
			func(p *policy) {
				p.wait = func(attempt int, header http.Header) time.Duration {
					if seconds, err := strconv.Atoi(header.Get("Retry-After")); err == nil {
						return time.Duration(seconds) * time.Second
					}
					return obey(attempt, header)
				}
			},
			map[string]string{
				"overflow": "retried too early: attempt 2 follows after 0s, ",
				"negative": "retried at once: attempt 2 follows without any wait.\n\n  attempt ",
			},
		},
		"takes a malformed header for zero": {
			func(p *policy) {
				p.wait = func(attempt int, header http.Header) time.Duration {
					if header.Get("Retry-After") == "soon" {
						return 0
					}
					return obey(attempt, header)
				}
			},
			map[string]string{"malformed": "retried at once: attempt 2 follows without any wait.\n\n  attempt "},
		},
		"takes seconds for minutes": {
			timing(func(wait time.Duration) time.Duration { return 60 * wait }, 0),
			map[string]string{
				"seconds":  "waits far too long: it waited 3m0s, and the response requests 3s (Retry-After: 3).\n\n  attempt ",
				"fraction": "waits far too long: it waited 1m54s, and the response requests 1.9s (Retry-After: 1.9).",
			},
		},
		"takes seconds for days": {
			timing(func(wait time.Duration) time.Duration { return 24 * 3600 * wait }, 0),
			map[string]string{
				"recover":  "waits far too long: it waited 24h0m0s until its context ended, and the response requests 3s",
				"stop":     "waits far too long: it waited 24h0m0s until its context ended, and the response requests 3s",
				"seconds":  "waits far too long: it waited 24h0m0s until its context ended, and the response requests 3s (Retry-After: 3).",
				"fraction": "waits far too long: it waited 24h0m0s until its context ended, and the response requests 1.9s (Retry-After: 1.9).",
			},
		},
		"reads a date in a local time east of Greenwich": {
			timing(nil, -5*time.Hour), map[string]string{"date": "retried too early: attempt 2 follows after 0s, and the response before asks to wait 1m"},
		},
		"reads a date in a local time west of Greenwich": {
			timing(nil, 5*time.Hour), map[string]string{"date": "waits far too long: it waited 5h1m"},
		},
		"is not authorized again": {
			func(p *policy) {
				p.body = func(attempt int, request *http.Request) {
					if authorized(attempt, request); attempt > 1 {
						request.Header.Del("Authorization")
					}
				}
			}, map[string]string{
				"headers": "drops headers of its first attempt: attempt 2 has no Authorization; attempt 3 has no Authorization.\n\n  attempt ",
			},
		},
		"names a scheme alone again": {
			func(p *policy) {
				p.body = func(attempt int, request *http.Request) {
					if authorized(attempt, request); attempt == 3 {
						request.Header.Set("Authorization", "Bearer ")
					}
				}
			}, map[string]string{"headers": "drops headers of its first attempt: attempt 3 has no Authorization.\n\n  attempt "},
		},
		"retries for ever": {
			func(p *policy) { p.attempts = 0 },
			map[string]string{
				"stop": "never stops: it was throttled 100 times in 4m57s, and retried until its context was ended.", "seconds": "never stops: ",
				"fraction": "never stops: ", "date": "never stops: ", "zero": "never stops: it was throttled 100 times in 0s, ",
				"negative": "never stops: ", "malformed": "never stops: ", "backoff": "never stops: ",
			},
		},
		"retries for ever without a pause, whatever its context": {
			func(p *policy) {
				p.attempts, p.deaf, p.wait = 0, true, func(int, http.Header) time.Duration { return 0 }
			},
			map[string]string{
				"stop": "never stops: ", "seconds": "retried too early: ", "fraction": "retried too early: ", "date": "retried too early: ",
				"overflow": "retried too early: ", "zero": "never stops: it was throttled 100 times in 0s, ", "negative": "never stops: ",
				"malformed": "never stops: ", "backoff": "never stops: ", "context": "never stops: ",
			},
		},
		"waits an hour": {
			without(func(int) time.Duration { return rand.N(time.Hour) + time.Hour }),
			map[string]string{"backoff": "does not truncate its backoff: it waits 1h"},
		},
		"does not truncate": {
			without(func(attempt int) time.Duration { return exponential(1, 0.1) << (4 * attempt) }),
			map[string]string{"backoff": "does not truncate its backoff: it waits "},
		},
		"has no jitter": {
			without(func(attempt int) time.Duration { return exponential(attempt, 0) }),
			map[string]string{"backoff": "has no jitter: it waits the same in each of 8 runs, "},
		},
		"has jitter that says no clients apart": {
			without(func(attempt int) time.Duration { return exponential(attempt, 0) + rand.N(time.Millisecond) }),
			map[string]string{"backoff": "has no jitter: it waits the same in each of 8 runs, "},
		},
		"waits less in between": {
			without(func(attempt int) time.Duration {
				wait := []time.Duration{time.Second, 10 * time.Second, 5 * time.Second, 12 * time.Second}[attempt-1]
				return wait + rand.N(wait/5)
			}),
			map[string]string{"backoff": "does not back off: over 400 runs its wait 3 is 5."},
		},
		"does not back off": {
			without(func(int) time.Duration { return exponential(1, 0.5) }),
			map[string]string{"backoff": "does not back off: over 400 runs its first wait is 1.2"},
		},
		"retries at once": {
			without(func(int) time.Duration { return 0 }),
			map[string]string{"backoff": "retried at once: attempt 2 follows without any wait, in each of 8 runs."},
		},
		"ignores its context": {
			func(p *policy) { p.deaf = true },
			map[string]string{
				"context":  "does not end with its context, which ended right after the first response: it returned 1.",
				"overflow": "hangs: it had not returned after 48h0m0s of virtual time, though its context was done after half of that.",
			},
		},
		"does not retry": {
			func(p *policy) { p.attempts = 1 },
			map[string]string{
				"recover": "declares Retries but did not retry after 429 Too Many Requests. If it retries after some statuses only, list them in RetriesOn; " +
					"if after some methods or operations only, give a RetriesIf.",
			},
		},
		"sends no body again": {
			again(func(r *http.Request) { r.Body, r.ContentLength = http.NoBody, 0 }),
			map[string]string{"body": `does not send the same request again: attempt 2 sends no body, and the first sent {"name":"another name"}`},
		},
		"sends an empty body again, and announces it whole": {
			again(func(r *http.Request) { r.Body = http.NoBody }),
			map[string]string{"body": "does not send the same request again: attempt 2 announces "},
		},
		"sends something else again": {
			again(func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader(`{"attempt":2}`)), -1 }),
			map[string]string{"body": `does not send the same request again: attempt 2 sends {"attempt":2}, and the first sent {`},
		},
		"labels JSON as gzip": {
			func(p *policy) {
				p.body = func(attempt int, request *http.Request) {
					if zipped(attempt, request); attempt > 1 {
						request.Body, _ = request.GetBody()
						request.ContentLength = -1
					}
				}
			},
			map[string]string{
				"body": `does not send the same request again: attempt 2 is labelled Content-Encoding: gzip, and sends {"name":"another name"} as it is; attempt 3 `,
			},
		},
		"labels JSON as what nobody documents": {
			again(func(r *http.Request) { r.Header.Set("Content-Encoding", "deflate") }),
			map[string]string{
				"body": "does not send the same request again: attempt 2 is labelled Content-Encoding: deflate, which the provider does not document",
			},
		},
		"hangs": {
			func(p *policy) {
				p.deaf, p.wait = true, func(int, http.Header) time.Duration { select {} }
			},
			but(all("hangs: it had not returned after 48h0m0s of virtual time, "), "context", "does not end with its context, which ended right after the first response: it returned 48h0m0s of virtual time later."),
		},
		"panics": {
			func(p *policy) { p.wait = func(int, http.Header) time.Duration { panic("no such header") } },
			all("panicked after it received sample.things.update.throttled#error: no such header\n"),
		},
		"panics before it sends anything": {
			func(p *policy) { p.body = func(int, *http.Request) { panic("no body") } },
			all("panicked before it sent the request that receives sample.things.update.throttled#error: no body\n"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := faults(subjectOf(t, retrying(test.change)), throttled)
			for key, begins := range test.want {
				fault := found["retries-"+key]
				if !strings.HasPrefix(fault, "our client "+begins) {
					t.Errorf("%s fails with\n%s\nwant\nour client %s…", key, fault, begins)
				}
				delete(found, "retries-"+key)
			}
			for key, fault := range found {
				t.Errorf("%s fails too:\n%s", key, fault)
			}
		})
	}
}

// timing changes the waits of seconds, if it has a function, and shifts those for dates.
func timing(change func(time.Duration) time.Duration, shift time.Duration) func(*policy) {
	return func(p *policy) {
		p.wait = func(attempt int, header http.Header) time.Duration {
			value, wait := header.Get("Retry-After"), obey(attempt, header)
			if _, err := http.ParseTime(value); err == nil {
				return wait + shift
			}
			if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds >= 0 && seconds < 1e6 && change != nil {
				return change(wait)
			}
			return wait
		}
	}
}

// TestChance has clients that do wrong by chance, one of them called 200 times: no verdict of any may differ, with an erratum or
// without.
func TestChance(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change    func(*policy)
		key, seen string
		times     int
	}{
		"cuts fractions and jitters up to the next second": {
			func(p *policy) {
				p.wait = func(attempt int, header http.Header) time.Duration {
					if header.Get("Retry-After") == "1.9" {
						return time.Second + rand.N(time.Second)
					}
					return obey(attempt, header)
				}
			}, "retries-fraction", "retried too early", 200,
		},
		"retries once, too early one time in two": {
			func(p *policy) {
				p.attempts = 2
				p.wait = func(attempt int, header http.Header) time.Duration {
					return obey(attempt, header) - time.Duration(rand.N(2))*time.Millisecond
				}
			}, "retries-seconds", "retried too early", 20,
		},
		"waits too long one time in two": {
			func(p *policy) {
				p.attempts = 2
				p.wait = func(attempt int, header http.Header) time.Duration {
					return obey(attempt, header) + time.Duration(rand.N(2))*time.Hour
				}
			}, "retries-seconds", "waits far too long", 20,
		},
		"drops a header one time in two": {
			func(p *policy) {
				p.attempts = 2
				p.body = func(attempt int, request *http.Request) {
					if authorized(attempt, request); attempt > 1 && rand.N(2) == 0 {
						request.Header.Del("Authorization")
					}
				}
			}, "retries-headers", "drops headers", 20,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := subjectOf(t, retrying(test.change))
			accepted := subjectOf(t, retrying(test.change))
			known(test.key, "retries", test.seen)(accepted)
			if testing.Short() { // with the race detector, each takes ten times as long
				test.times /= 10
			}
			for range test.times {
				if v := check(t, s, throttled, test.key); v.Outcome != report.Broken || !strings.HasPrefix(v.Text, "our client "+test.seen) {
					t.Fatalf("without an erratum the verdict is %s, %s", v.Outcome, v.Text)
				}
				if v := check(t, accepted, throttled, test.key); v.Outcome != report.Honored || len(v.Errata) != 1 {
					t.Fatalf("with its erratum the verdict is %s, %s", v.Outcome, v.Text)
				}
				if test.key == "retries-fraction" {
					continue // the documented response has none
				}
				if _, v := s.Documented(s.first(throttled)); v.Outcome != report.Broken {
					t.Fatalf("of the documented response the verdict is %s", v.Outcome)
				}
				if _, v := accepted.Documented(accepted.first(throttled)); v.Outcome != report.Honored {
					t.Fatalf("of the documented response, with the erratum, the verdict is %s, %s", v.Outcome, v.Text)
				}
			}
		})
	}
}

// TestWhatTheProviderDoesNotDemandIsReported has a client without jitter, and so on, called by providers that demand it or do not.
func TestWhatTheProviderDoesNotDemandIsReported(t *testing.T) {
	t.Parallel()
	steady := without(func(attempt int) time.Duration { return exponential(attempt, 0) })
	level := without(func(int) time.Duration { return exponential(1, 0.5) })
	long := without(func(attempt int) time.Duration { return exponential(1, 0.5) << (4 * attempt) })
	atOnce := without(func(int) time.Duration { return 0 })
	for name, test := range map[string]struct {
		policy func(*policy)
		demand func(*fixtures.Retries) *fixtures.Demand
		text   string
	}{
		"jitter":     {steady, func(r *fixtures.Retries) *fixtures.Demand { return &r.Jitter }, "has no jitter: "},
		"growth":     {level, func(r *fixtures.Retries) *fixtures.Demand { return &r.Growth }, "does not back off: "},
		"truncation": {long, func(r *fixtures.Retries) *fixtures.Demand { return &r.Truncation }, "does not truncate its backoff: "},
		"a pause":    {atOnce, func(r *fixtures.Retries) *fixtures.Demand { return &r.Pause }, "retried at once: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const clause, key = "sample.things.create.internal", "retries-backoff"
			for _, binds := range []bool{true, false} {
				s := subjectOf(t, retrying(test.policy))
				demands := &s.Judge.Client.Contract.Retries
				*demands = fixtures.Retries{} // nothing else binds
				*test.demand(demands) = fixtures.Demand{Source: "so it is written", Binds: binds}
				v := check(t, s, clause, key)
				want := map[bool]report.Outcome{true: report.Broken, false: report.Deviating}[binds]
				if v.Outcome != want || !strings.HasPrefix(v.Text, "our client "+test.text) || !strings.Contains(v.Text, "so it is written") {
					t.Errorf("where it binds: %t, the verdict is %s, %s", binds, v.Outcome, v.Text)
				}
				if !binds && (len(v.Deviations) != 1 || v.Deviations[0].Binds || v.Deviations[0].Documented != "so it is written") {
					t.Errorf("where it does not bind, the deviations are %+v", v.Deviations)
				}
				known(key, "retries", test.text)(s)
				if v := check(t, s, clause, key); v.Outcome != report.Honored || len(v.Errata) != 1 {
					t.Errorf("where it binds: %t, with an erratum the verdict is %s, %s", binds, v.Outcome, v.Text)
				}
			}
		})
	}
}

// TestWhatBindsIsFoundBesideWhatDoesNot has a client that neither truncates nor jitters.
func TestWhatBindsIsFoundBesideWhatDoesNot(t *testing.T) {
	t.Parallel()
	s := subjectOf(t, retrying(without(func(attempt int) time.Duration { return exponential(attempt, 0) + time.Hour })))
	s.Judge.Client.Contract.Retries.Truncation = fixtures.Demand{}
	s.Judge.Client.Contract.Retries.Growth = fixtures.Demand{}
	if v := check(t, s, "sample.things.create.internal", "retries-backoff"); v.Outcome != report.Broken || !strings.Contains(v.Text, "has no jitter") {
		t.Errorf("the verdict is %s, %s", v.Outcome, v.Text)
	}
}

// TestFaultsThatOnlyACallerSees has clients whose attempts are right, and that return something else.
func TestFaultsThatOnlyACallerSees(t *testing.T) {
	t.Parallel()
	other := client.Failure{Status: http.StatusInternalServerError, Code: "INTERNAL", Message: "Internal error."}
	for name, test := range map[string]struct {
		change    func(ctx context.Context, err error, retry func(base string)) error
		key, want string
	}{
		"an error of a success": {
			func(_ context.Context, err error, _ func(string)) error {
				if err == nil {
					return other
				}
				return err
			}, "recover", "does not recover: it retried, the API responded 204 No Content, and it returned an error.",
		},
		"another failure than the last": {
			func(_ context.Context, err error, _ func(string)) error {
				if err != nil {
					return other
				}
				return nil
			}, "stop", "gives up, and does not surface the last failure.\n\n  attempt ",
		},
		"nil after the last failure": {
			func(context.Context, error, func(string)) error { return nil },
			"stop", "gives up, and does not surface the last failure.\n\n  attempt ",
		},
		"an error that carries no failure": {
			func(_ context.Context, err error, _ func(string)) error {
				if err != nil {
					return io.ErrUnexpectedEOF
				}
				return nil
			}, "stop", "returned an error that carries no failure, although the API responded 429 Too Many Requests: unexpected EOF. If this is",
		},
		"nil when its context ended": {
			func(ctx context.Context, err error, _ func(string)) error {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}, "context", "returned nil although its context ended right after the API had responded 429 Too Many Requests.",
		},
		"the last failure, and retries later": {
			func(_ context.Context, err error, retry func(string)) error {
				if err != nil {
					go retry("")
				}
				return err
			}, "stop", "retried after it had returned: attempt 6.",
		},
		"an error when its context ended, and retries later": {
			func(ctx context.Context, err error, retry func(string)) error {
				if ctx.Err() != nil {
					go retry("")
				}
				return err
			}, "context", "retried after its context had ended, which ended right after the first response: attempt 2.",
		},
		"the failure, and calls another host": {
			func(_ context.Context, err error, retry func(string)) error {
				retry("https://elsewhere.example")
				return err
			}, "seconds", "called another host than https://api.sample.example/v1 after it received " + throttled,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := retrying(nil)
			right := config.New
			config.New = func(given *http.Client, baseURL string) (client.Calls, error) {
				calls, err := right(given, baseURL)
				return client.Calls{"*": func(ctx context.Context, call client.Call) error {
					return test.change(ctx, calls["*"](ctx, call), func(base string) {
						if base == "" {
							time.Sleep(20 * time.Second)
							base = baseURL
						}
						again, _ := right(given, base)
						_ = again["*"](context.Background(), call) // that it was sent matters
					})
				}}, err
			}
			v := check(t, subjectOf(t, config), throttled, "retries-"+test.key)
			if !strings.HasPrefix(v.Text, "our client "+test.want) {
				t.Errorf("it fails with\n%s\nwant\nour client %s…", v.Text, test.want)
			}
		})
	}
}

// TestAnEndlessClientMayEndWithItsContext has one return that looks at its context, and gives up one that does not.
func TestAnEndlessClientMayEndWithItsContext(t *testing.T) {
	t.Parallel()
	for outcome, deaf := range map[string]bool{"returned an error that carries no failure at ": false, "given up by its caller at ": true} {
		s := subjectOf(t, retrying(func(p *policy) {
			p.attempts, p.deaf, p.wait = 0, deaf, func(int, http.Header) time.Duration { return time.Second }
			p.base = insistent{p.base, deaf}
		}))
		if v := check(t, s, "sample.things.create.internal", "retries-stop"); !strings.Contains(v.Text, "\n  "+outcome) {
			t.Errorf("deaf: %v, it fails with\n%s\nwant %s", deaf, v.Text, outcome)
		}
	}
}

// TestAClientThatSpinsIsGivenUp has one retry without a pause, in which no virtual time passes.
func TestAClientThatSpinsIsGivenUp(t *testing.T) {
	t.Parallel()
	s := subjectOf(t, retrying(func(p *policy) {
		p.attempts, p.deaf, p.wait = 0, true, func(int, http.Header) time.Duration { return 0 }
		p.base = insistent{p.base, true}
	}))
	const want = "our client never stops: it was throttled 100 times in 0s, "
	if v := check(t, s, "sample.things.create.internal", "retries-stop"); !strings.HasPrefix(v.Text, want) {
		t.Errorf("it fails with\n%s\nwant\n%s", v.Text, want)
	}
}

// insistent is a transport that retries after errors, if it is deaf.
type insistent struct {
	http.RoundTripper
	deaf bool
}

// RoundTrip implements http.RoundTripper.
func (i insistent) RoundTrip(r *http.Request) (*http.Response, error) {
	for {
		response, err := i.RoundTripper.RoundTrip(r)
		if err == nil || !i.deaf {
			return response, err
		}
	}
}

// TestTheEndOfItsContextIsNoBound has a client retry until its context ends, without retrying often.
func TestTheEndOfItsContextIsNoBound(t *testing.T) {
	t.Parallel()
	s := subjectOf(t, retrying(func(p *policy) {
		p.attempts, p.wait = 0, func(int, http.Header) time.Duration { return 50 * time.Minute }
	}))
	const want = "our client never stops by itself: it was throttled 29 times, and retried until its context ended."
	if v := check(t, s, "sample.things.create.internal", "retries-stop"); !strings.HasPrefix(v.Text, want) {
		t.Errorf("it fails with\n%s\nwant\n%s…", v.Text, want)
	}
}

// TestTheFirstFailureIsNotTheLast has a client recover from one failure, and give up after two with the first.
func TestTheFirstFailureIsNotTheLast(t *testing.T) {
	t.Parallel()
	config := retrying(func(p *policy) { p.attempts = 2 })
	config.Failure = func(err error) (client.Failure, bool) {
		f, ok := err.(client.Failure) //nolint:errorlint // the reference client wraps nothing
		f.RequestID = strings.TrimSuffix(f.RequestID, "-2")
		return f, ok
	}
	const want = "our client gives up, and does not surface the last failure.\n\n  attempt "
	if v := check(t, subjectOf(t, config), throttled, "retries-recover"); !strings.HasPrefix(v.Text, want) {
		t.Errorf("it fails with\n%s\nwant\n%s…", v.Text, want)
	}
}

func TestMinutesBindAClientThatReadsThem(t *testing.T) {
	t.Parallel()
	config := retrying(nil)
	config.ReadsMinutes = true
	v := check(t, subjectOf(t, config), throttled, "retries-minutes")
	if !strings.HasPrefix(v.Text, "our client retried too early: attempt 2 follows after 1.") ||
		!strings.Contains(v.Text, "asks to wait 5m0s (message: Retry after 5 minutes).") {
		t.Errorf("one that ignores them fails with\n%s", v.Text)
	}
	config = retrying(func(p *policy) {
		p.wait = func(attempt int, header http.Header) time.Duration { return max(5*time.Minute, obey(attempt, header)) }
	})
	config.ReadsMinutes = true
	for key, fault := range faults(subjectOf(t, config), throttled) {
		t.Errorf("one that reads them fails %s with\n%s", key, fault)
	}
}

// TestAClientThatDoesNotDeclareRetriesSendsOneRequest has one that retries.
func TestAClientThatDoesNotDeclareRetriesSendsOneRequest(t *testing.T) {
	t.Parallel()
	undeclared := retrying(nil)
	undeclared.Retries, undeclared.RetriesOn = false, nil
	unlisted := retrying(nil)
	unlisted.RetriesOn = []int{http.StatusServiceUnavailable}
	unmethodical := retrying(nil)
	unmethodical.RetriesIf = func(clause *fixtures.Clause) bool { return clause.Operation.Method == http.MethodGet }
	elsewhere := undeclared
	elsewhere.New = func(given *http.Client, _ string) (client.Calls, error) {
		return client.Calls{"*": wireAt(given, "https://elsewhere.example")}, nil
	}
	panics := client.Config{Name: name, New: func(*http.Client, string) (client.Calls, error) {
		return client.Calls{"*": func(context.Context, client.Call) error { panic("no such code") }}, nil
	}}
	for want, config := range map[string]client.Config{
		"our client retried, though it does not declare Retries.\n\n  attempt ":           undeclared,
		"our client retried, though its RetriesOn does not have 429.\n\n  attempt ":       unlisted,
		"our client retried, though its RetriesIf is false for the clause.\n\n  attempt ": unmethodical,
		"our client called another host than https://api.sample.example/v1 before it ":    elsewhere,
		"our client panicked before it sent the request that receives " + throttled:       panics,
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			found := faults(subjectOf(t, config), throttled)
			if fault := found["retries-once"]; len(found) != 1 || !strings.HasPrefix(fault, want) {
				t.Errorf("it fails with\n%s\nwant\n%s…", found, want)
			}
		})
	}
}
