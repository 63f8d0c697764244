// Package host_test is the tests of somebody who depends on the suites: clients that are right and wrong, by both front ends,
// beside a Ginkgo suite and flags of their own. The tests of package suites compile it in a module of its own, and run it.
package host_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/classroom"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/graph"
)

// A flag of the host's own, which a live run has too.
var _ = flag.Bool("record", false, "whether to record")

// token is one that a client must not surface.
const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJob3N0In0.c2lnbmF0dXJlLW9mLWEtdG9rZW4" //nolint:gosec // nobody's

// named is a client that behaves as its kind says.
func named(name, kind string) client.Config {
	change, wrong := changes[kind]
	c := client.Config{Name: name, New: func(hc *http.Client, baseURL string) (client.Calls, error) {
		reference := wire.New(hc, baseURL)
		return client.Calls{"*": func(ctx context.Context, call client.Call) error {
			err := reference.Do(ctx, call)
			if wrong {
				return change(call, err)
			}
			return err
		}}, nil
	}}
	switch kind {
	case "no name":
		c.Name = ""
	case "no constructor":
		c.New = nil
	case "fails to construct":
		c.New = func(*http.Client, string) (client.Calls, error) { return nil, errors.New("no tenant is configured") }
	case "panics constructing":
		c.New = func(*http.Client, string) (client.Calls, error) { panic("no tenant is configured") }
	case "nil calls":
		c.New = func(*http.Client, string) (client.Calls, error) { return nil, nil }
	case "dials, retries", "dials, retries undeclared":
		c.New, c.Dial, c.Retries = nil, dial, kind == "dials, retries"
	case "no errata":
		c.Errata = "none.yaml"
	}
	return c
}

// dial constructs a client that retries twice after 429 and 5xx, by a transport of its own.
func dial(baseURL string) (client.Calls, error) {
	reference := wire.New(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, baseURL)
	return client.Calls{"*": func(ctx context.Context, call client.Call) error {
		for attempt := 1; ; attempt++ {
			err := reference.Do(ctx, call)
			f := client.Failure{}
			if !errors.As(err, &f) || f.Status != http.StatusTooManyRequests && f.Status < http.StatusInternalServerError || attempt == 3 {
				return err
			}
			select {
			case <-time.After(max(f.RetryAfter, 100*time.Millisecond)):
			case <-ctx.Done():
				return err
			}
		}
	}}, nil
}

// changes are what wrong clients make of the reference client's error, by their kind.
var changes = map[string]func(call client.Call, err error) error{
	"code": func(_ client.Call, err error) error {
		if f := (client.Failure{}); errors.As(err, &f) {
			f.Code = "Other"
			return f
		}
		return err
	},
	"exits":  func(client.Call, error) error { os.Exit(0); return nil },
	"nil":    func(client.Call, error) error { return nil },
	"panics": func(client.Call, error) error { panic("no such code") },
	"throttled": func(_ client.Call, err error) error {
		if f := (client.Failure{}); errors.As(err, &f) && f.Status == http.StatusTooManyRequests {
			f.RetryAfter *= 60
			return f
		}
		return err
	},
	"success of get": func(call client.Call, err error) error {
		if err == nil && strings.HasSuffix(call.Operation.ID, "get") {
			return errors.New("it was empty")
		}
		return err
	},
	"token in error": func(client.Call, error) error { return errors.New("sent Authorization: Bearer " + token) },
	"token in panic": func(client.Call, error) error { panic("sent Authorization: Bearer " + token) },
}

// fromEnvironment is the client that a variable declares, "name=kind", a right one without it.
func fromEnvironment(variable, name string) client.Config {
	value := os.Getenv(variable)
	if value == "" {
		return named(name, "")
	}
	given, kind, _ := strings.Cut(value, "=")
	return named(given, kind)
}

// The suites that HOST_DESCRIBE registers: "provider|text|name=kind", separated by semicolons.
var _ = func() bool {
	for _, suite := range strings.Split(os.Getenv("HOST_DESCRIBE"), ";") {
		if parts := strings.Split(suite, "|"); len(parts) == 3 {
			name, kind, _ := strings.Cut(parts[2], "=")
			describe := map[string]func(string, client.Config) bool{"graph": graph.Describe, "classroom": classroom.Describe}[parts[0]]
			describe(parts[1], named(name, kind))
		}
	}
	return true
}()

var (
	_ = ginkgo.BeforeSuite(func() { fmt.Println("the host's BeforeSuite ran") })
	_ = ginkgo.AfterSuite(func() { fmt.Println("the host's AfterSuite ran") })
	_ = ginkgo.Describe("the host's own", func() {
		ginkgo.It("is run", ginkgo.Label("host"), func() { fmt.Println("the host's spec ran") })
	})
)

func TestHost(t *testing.T) {
	gomega.RegisterFailHandler(ginkgo.Fail)
	ginkgo.RunSpecs(t, "the host")
}

// TestRunSpecs runs the suite as a package does that has no specs but those of Describe.
func TestRunSpecs(t *testing.T) {
	if os.Getenv("HOST_RUNSPECS") == "" {
		t.Skip("a process runs one Ginkgo suite, which is TestHost's: set HOST_RUNSPECS")
	}
	suites.RunSpecs(t, "the connector")
}

func TestGraphErrors(t *testing.T) { graph.Test(t, fromEnvironment("HOST_GRAPH", "coursesync")) }

func TestClassroomErrors(t *testing.T) {
	classroom.Test(t, fromEnvironment("HOST_CLASSROOM", "coursesync"))
}

// TestBelow has the contract as a subtest, whose name has what a pattern must escape.
func TestBelow(t *testing.T) {
	t.Run("our (first) größe/of 2", func(t *testing.T) { graph.Test(t, fromEnvironment("HOST_BELOW", "below")) })
}

func TestTogether(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"graph of one":   func(t *testing.T) { graph.Test(t, fromEnvironment("HOST_ONE", "one")) },
		"graph of two":   func(t *testing.T) { graph.Test(t, fromEnvironment("HOST_TWO", "two")) },
		"classroom of 1": func(t *testing.T) { classroom.Test(t, named("one", "")) },
		"classroom of 2": func(t *testing.T) { classroom.Test(t, named("two", "")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}
