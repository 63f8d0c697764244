package suites_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/clients/wire"
	"github.com/learncontract/learncontract/suites/graph"
)

// clientVariable has TestClient run the suite with one of clientCases.
const clientVariable = "CONTRACT_CLIENT_CASE"

// clientCase is a run of Graph's suite with a client that tells the code of every 404 as "gone".
type clientCase struct {
	change func(*suites.Suite)
	specs  func(*suites.Suite) // beside Graph's
	says   []string            // in its output
	fails  bool
}

func erratum(change func(*fixtures.Erratum)) *fixtures.Erratum {
	e := &fixtures.Erratum{
		Client: "fake", Module: "example.com/fake", Version: "v1.2.3", Clauses: "graph.*.assignment-not-found", Field: "code", Seen: "gone",
		Why: "it was made so", Expires: time.Date(2027, 5, 31, 0, 0, 0, 0, time.UTC), File: "errata.yaml", Line: 7,
	}
	change(e)
	return e
}

func withErratum(change func(*fixtures.Erratum)) func(*suites.Suite) {
	return func(s *suites.Suite) { s.Errata = append(s.Errata, erratum(change)) }
}

var clientCases = map[string]clientCase{
	"a deviation": {
		change: func(*suites.Suite) {},
		says:   []string{`told        "gone"`, "told by fake: 38 clauses right"},
		fails:  true,
	},
	"an erratum": {
		change: withErratum(func(*fixtures.Erratum) {}),
		says: []string{"all honored", "told by fake: 38 clauses right, 3 with an erratum",
			`erratum errata.yaml:7: code told as "gone" in 3 clauses, accepted for 30 more days: it was made so (example.com/fake v1.2.3)`},
	},
	"an erratum of another client": {
		change: withErratum(func(e *fixtures.Erratum) { e.Client = "somebody else's" }),
		says:   []string{`told        "gone"`},
		fails:  true,
	},
	"an erratum that saw something else": {
		change: withErratum(func(e *fixtures.Erratum) { e.Seen = "lost" }),
		says:   []string{`told        "gone"`},
		fails:  true,
	},
	"an erratum of a clause told right": {
		change: withErratum(func(e *fixtures.Erratum) { e.Clauses = "graph.get.*" }),
		says: []string{`unexpected pass: fake does not tell the code of graph.get.`,
			` as "gone" any more, as it did with example.com/fake v1.2.3: take the erratum errata.yaml:7 out, or narrow it. If it is of another client of that name, give yours`},
		fails: true,
	},
	"an erratum that has expired": {
		change: func(s *suites.Suite) {
			s.Errata = []*fixtures.Erratum{erratum(func(*fixtures.Erratum) {})}
			s.Today = time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC)
		},
		says:  []string{"the erratum errata.yaml:7 expired on 2027-05-31, and fake still tells the code of graph.get.assignment-not-found", "it was made so"},
		fails: true,
	},
	"an erratum of a field that is lost": {
		change: withErratum(func(e *fixtures.Erratum) { e.Field = "codes" }),
		says:   []string{`errata.yaml:7: field is "codes", which fake does not expose: use one of ["status" `},
		fails:  true,
	},
	"an erratum of operations that are not performed": {
		change: func(s *suites.Suite) {
			s.Errata = []*fixtures.Erratum{erratum(func(*fixtures.Erratum) {})}
			s.Client.Operations = []string{"graph.create"}
		},
		says:  []string{`errata.yaml:7: clauses is "graph.*.assignment-not-found", which names no clause of an operation that fake performs`},
		fails: true,
	},
	"fields that are not exposed": {
		change: func(s *suites.Suite) { s.Client.Exposes = []clients.Field{clients.Status, clients.Message} },
		says: []string{"all honored", "told by fake: 0 clauses right, 41 without their code, 4 without their details, " +
			"8 without their retry-after, 41 without their request id"},
	},
	"operations that are not performed": {
		change: func(s *suites.Suite) { s.Client.Operations = []string{"graph.create"} },
		says:   []string{"told by fake: 9 clauses right, 32 unsupported"},
	},
	"a query that the client adds": {
		change: func(s *suites.Suite) {
			s.Client.Operations = []string{"graph.create"}
			s.Client.Query = map[string]string{"alt": "json"}
			client := s.Client.New
			s.Client.New = func(c *http.Client, baseURL string) clients.Client {
				return clients.Func(func(ctx context.Context, call clients.Call) (clients.Failure, error) {
					call.Query = map[string]string{"alt": "json"}
					return client(c, baseURL).Do(ctx, call)
				})
			}
		},
	},
	"a query that the client declares and does not add": {
		change: func(s *suites.Suite) { s.Client.Query = map[string]string{"alt": "json"} },
		says:   []string{`differs in query parameter "alt"`},
		fails:  true,
	},
}

// inCase has the client deviate in a case as the erratum says.
func inCase(key, field, seen string) func(*fixtures.Erratum) {
	return func(e *fixtures.Erratum) { e.Case, e.Field, e.Seen = key, field, seen }
}

// failing has the client do something else than tell of a 404.
func failing(instead func() error) func(*suites.Suite) {
	return func(s *suites.Suite) {
		client := s.Client.New
		s.Client.New = func(c *http.Client, baseURL string) clients.Client {
			return clients.Func(func(ctx context.Context, call clients.Call) (clients.Failure, error) {
				f, err := client(c, baseURL).Do(ctx, call)
				if f.Status == http.StatusNotFound {
					return clients.Failure{}, instead()
				}
				return f, err
			})
		}
	}
}

// fractions has the client ask again otherwise than is right where it is asked to wait for fractions of a second.
func fractions(seen string) func(*fixtures.Erratum) {
	return func(e *fixtures.Erratum) {
		e.Clauses, e.Case, e.Field, e.Seen = "graph.*", "retries-fraction", "retries", seen
	}
}

// asksAgain has the client ask again, and deviate in nothing.
func asksAgain(s *suites.Suite) {
	s.Client.Retries, s.Client.RetriesOn = true, wire.RetriedOn
	s.Client.New = func(c *http.Client, baseURL string) clients.Client { return wire.NewRetrying(c, baseURL) }
}

// cutting has the client ask again, and cut the fraction of what Retry-After asks for.
func cutting(s *suites.Suite) {
	asksAgain(s)
	s.Client.New = func(c *http.Client, baseURL string) clients.Client {
		return wire.NewRetrying(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			response, err := c.Transport.RoundTrip(r)
			if err == nil {
				whole, _, cut := strings.Cut(response.Header.Get("Retry-After"), ".")
				if cut {
					response.Header.Set("Retry-After", whole)
				}
			}
			return response, err
		})}, baseURL)
	}
}

// hurried has the client end a call after 100 seconds.
func hurried(s *suites.Suite) {
	client := s.Client.New
	s.Client.New = func(c *http.Client, baseURL string) clients.Client {
		return clients.Func(func(ctx context.Context, call clients.Call) (clients.Failure, error) {
			ctx, cancel := context.WithTimeout(ctx, 100*time.Second)
			defer cancel()
			f, err := client(c, baseURL).Do(ctx, call)
			if ctx.Err() != nil {
				return clients.Failure{}, ctx.Err()
			}
			return f, err
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// own is a spec of the client's own, which sees the same of everything.
func own(s *suites.Suite) {
	s.DescribeOwn("own", "it is its own", func(w *fixtures.Wording) bool { return w.Clause.Name == "" && w.Code == "notFound" },
		func(w *fixtures.Wording) { s.Hold(w, "own", "attempts", "1", "4") })
}

func init() {
	both := func(changes ...func(*suites.Suite)) func(*suites.Suite) {
		return func(s *suites.Suite) {
			for _, change := range changes {
				change(s)
			}
		}
	}
	known := withErratum(func(*fixtures.Erratum) {})
	maps.Copy(clientCases, map[string]clientCase{
		"odd answers": {
			change: both(known, withErratum(inCase("lower-case-innererror", "code", "gone"))),
			specs:  graph.Odd,
			says: []string{"beyond the documented answers: 16 asked, 13 right, 3 with an erratum",
				`code told as "gone" in 3 clauses, case lower-case-innererror, accepted for 30 more days`},
		},
		"an odd answer that is told wrong": {
			change: known, specs: graph.Odd, fails: true,
			says: []string{`told        "gone"`, "3 broken", "broken  graph.delete.assignment-not-found~lower-case-innererror and 1 more: code is told as \"gone\", and was answered as \"Not Found\"",
				"beyond the documented answers: 16 asked, 13 right, 0 with an erratum"},
		},
		"an erratum of an odd answer that is told right": {
			change: both(known, withErratum(inCase("lower-case-innererror", "code", "gone")), withErratum(inCase("lower-case-innererror", "code", "lost"))),
			specs:  graph.Odd, fails: true,
			says: []string{"unexpected pass: fake does not tell the code of graph.get.assignment-not-found~lower-case-innererror as \"lost\" any more"},
		},
		"an erratum in a case that is not asked": {
			change: both(known, withErratum(inCase("no-such", "code", "gone"))), specs: graph.Odd, fails: true,
			says: []string{`errata.yaml:7: case is "no-such", which no spec of "graph.*.assignment-not-found" asks for: use one of ["details-text" "lower-case-innererror"`},
		},
		"an erratum in a case of other clauses": {
			change: both(known, withErratum(inCase("no-message", "code", "gone"))), specs: graph.Odd, fails: true,
			says: []string{`case is "no-message", which no spec of "graph.*.assignment-not-found" asks for`},
		},
		"an erratum in a case, of a suite without cases": {
			change: both(known, withErratum(inCase("no-message", "code", "gone"))),
			says:   []string{"all honored", "told by fake: 38 clauses right, 3 with an erratum\n  erratum errata.yaml:7: code told as \"gone\" in 3 clauses, accepted"},
		},
		"an erratum of its own in a case, of a suite without such cases": {
			change: func(s *suites.Suite) {
				s.Client.Errata = "errata.yaml"
				both(known, withErratum(inCase("no-message", "code", "gone")))(s)
			},
			says:  []string{`case is "no-message", which no spec of "graph.*.assignment-not-found" asks for: use one of ["retries-once"]`},
			fails: true,
		},
		"an erratum of its own in a case, of a suite without any case": {
			change: func(s *suites.Suite) {
				s.Client = clients.Config{Name: "fake", Errata: "errata.yaml", Dial: func(base string) clients.Client {
					return wire.New(&http.Client{Transport: &http.Transport{}}, base)
				}}
				withErratum(inCase("no-message", "code", "gone"))(s)
			},
			says:  []string{`case is "no-message", which no spec of "graph.*.assignment-not-found" asks for: take it out`},
			fails: true,
		},
		"an erratum on its last day": {
			change: func(s *suites.Suite) {
				known(s)
				s.Today = time.Date(2027, 5, 31, 23, 0, 0, 0, time.UTC)
			},
			says: []string{"3 with an erratum", "accepted for 0 more days"},
		},
		"a case of no clause": {
			change: known, fails: true,
			specs: func(s *suites.Suite) { s.DescribeCase(suites.Case{Key: "empty", Clauses: "graph.list.*"}) },
			says:  []string{`the case "empty" is of no clause of graph`},
		},
		"a panic that is known": {
			change: both(failing(func() error { panic("no such code: 17") }), withErratum(inCase("", "panic", "no such code"))),
			says:   []string{"38 clauses right, 3 with an erratum", `panic seen as "no such code" in 3 clauses, accepted for 30 more days`},
		},
		"a panic that is not known": {
			change: both(failing(func() error { panic("something else") }), withErratum(inCase("", "panic", "no such code"))),
			says:   []string{"fake panicked when it was answered graph.get.assignment-not-found", ": something else"}, fails: true,
		},
		"an error that is known": {
			change: both(failing(func() error { return errors.New("too late: 17") }), withErratum(inCase("", "error", "too late"))),
			says:   []string{"38 clauses right, 3 with an erratum", `error seen as "too late" in 3 clauses`},
		},
		"an error that is no more": {
			change: both(known, withErratum(inCase("", "error", "too late"))), fails: true,
			says: []string{`unexpected pass: fake does not show the error of graph.get.assignment-not-found`, ` as "too late" any more`},
		},
		"a fault of retries that is known": {
			change: both(cutting, withErratum(fractions("asks again too early"))),
			says: []string{"41 clauses right", "how it asks again: 110 asked, 102 right, 8 with an erratum",
				`retries seen as "asks again too early" in 8 clauses, case retries-fraction, accepted for 30 more days`},
		},
		"a fault of retries that is not known": {
			change: both(cutting, withErratum(fractions("asks again at once"))), fails: true,
			says: []string{"fake asks again too early: attempt 2 follows after 1s, and the answer before asks to wait 1.9s", "8 broken",
				"broken  graph.create.throttled, answered 429 Too Many Requests, waits for Retry-After in fractions of a second and 7 more: fake asks again"},
		},
		"a fault of retries that is no more": {
			change: both(asksAgain, withErratum(fractions("asks again too early"))), fails: true,
			says: []string{"unexpected pass: fake does not show the retries of graph.get.throttled#error~retries-fraction as \"asks again too early\" any more"},
		},
		"an erratum of a behaviour that is not asked for": {
			change: both(asksAgain, withErratum(inCase("retries-fractions", "retries", "asks again too early"))), fails: true,
			says: []string{`case is "retries-fractions", which no spec of "graph.*.assignment-not-found" asks for: use one of ["retries-backoff" `},
		},
		"an error of a client that retries": {
			change: both(asksAgain, hurried, withErratum(func(e *fixtures.Erratum) {
				e.Clauses, e.Field, e.Seen = "graph.*.throttled", "error", "context deadline exceeded"
			}), withErratum(func(e *fixtures.Erratum) {
				e.Clauses, e.Field, e.Seen = "graph.*.unavailable", "error", "context deadline exceeded"
			}), withErratum(func(e *fixtures.Erratum) {
				e.Clauses, e.Case, e.Field, e.Seen = "graph.*", "retries-date", "error", "context deadline exceeded"
			})),
			says: []string{"33 clauses right, 8 with an erratum", `error seen as "context deadline exceeded" in 8 clauses, case retries-date`},
		},
		"a spec of the client's own": {
			change: both(known, withErratum(inCase("own", "attempts", "4"))), specs: own,
			says: []string{`attempts seen as "4" in 3 clauses, case own`, "beyond the documented answers: 3 asked, 0 right, 3 with an erratum"},
		},
		"a spec of the client's own that sees what is not known": {
			change: known, specs: own, fails: true,
			says: []string{"fake is wrong in the attempts of graph.get.assignment-not-found", "right  1\n    seen   4"},
		},
	})
}

// TestClient is the suite of a case, for TestWhatAClientTells to run.
func TestClient(t *testing.T) {
	test, ok := clientCases[os.Getenv(clientVariable)]
	if !ok {
		t.Skip("it is the child of TestWhatAClientTells: run that")
	}
	s := suites.Load(t, "graph")
	s.Today = time.Date(2027, 5, 1, 12, 0, 0, 0, time.UTC)
	s.Client = clients.Config{Name: "fake", New: func(client *http.Client, baseURL string) clients.Client {
		return clients.Func(func(ctx context.Context, call clients.Call) (clients.Failure, error) {
			f, err := wire.New(client, baseURL).Do(ctx, call)
			if f.Status == http.StatusNotFound {
				f.Code = "gone"
			}
			return f, err
		})
	}}
	test.change(s)
	s.Run(t, func(s *suites.Suite) {
		graph.Specs(s)
		if test.specs != nil {
			test.specs(s)
		}
	})
}

func TestWhatAClientTells(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range clientCases {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			child := exec.CommandContext(ctx, self, "-test.run=^TestClient$", "-ginkgo.no-color")
			child.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", clientVariable+"="+name)
			output, err := child.CombinedOutput()
			if failed := new(exec.ExitError); err != nil && !errors.As(err, &failed) {
				t.Fatalf("the suite did not run: %v", err)
			}
			missing := slices.DeleteFunc(slices.Clone(test.says), func(said string) bool { return strings.Contains(string(output), said) })
			if (err != nil) != test.fails || len(missing) > 0 {
				t.Errorf("the run fails: %t, and does not say %q:\n%s", err != nil, missing, output)
			}
		})
	}
}
