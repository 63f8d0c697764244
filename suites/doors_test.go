package suites_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	g "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/classroom"
	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/clients/wire"
	"github.com/learncontract/learncontract/suites/graph"
)

// The environment of the children that TestEveryClientIsTold runs.
const (
	doorVariable      = "CONTRACT_DOOR"
	behaviourVariable = "CONTRACT_BEHAVIOUR"
)

// changed is the reference client, with what it tells changed.
func changed(change func(*clients.Failure, *error)) clients.Config {
	return clients.Config{Name: "our connector", New: func(client *http.Client, base string) clients.Client {
		return clients.Func(func(ctx context.Context, call clients.Call) (clients.Failure, error) {
			failure, err := wire.New(client, base).Do(ctx, call)
			change(&failure, &err)
			return failure, err
		})
	}}
}

// known tells every code as "Other", which the file of errata has of one clause.
func known(name, errata string) clients.Config {
	c := changed(func(f *clients.Failure, _ *error) {
		if f.Status >= http.StatusBadRequest {
			f.Code = "Other"
		}
	})
	c.Name, c.Errata = name, errata
	return c
}

// before is the reference client, which does something else first.
func before(first func(ctx context.Context, client *http.Client, base string, call clients.Call)) clients.Config {
	return clients.Config{Name: "our connector", New: func(client *http.Client, base string) clients.Client {
		return clients.Func(func(ctx context.Context, call clients.Call) (clients.Failure, error) {
			first(ctx, client, base, call)
			return wire.New(client, base).Do(ctx, call)
		})
	}}
}

// dialling is the reference client with a transport of its own, which does something else last.
func dialling(last func(ctx context.Context, base string, failure *clients.Failure)) clients.Config {
	return clients.Config{Name: "our connector", Dial: func(base string) clients.Client {
		return clients.Func(func(ctx context.Context, call clients.Call) (clients.Failure, error) {
			failure, err := wire.New(&http.Client{Transport: &http.Transport{}}, base).Do(ctx, call)
			last(ctx, base, &failure)
			return failure, err
		})
	}}
}

// get asks for something else than the call.
func get(ctx context.Context, client *http.Client, address string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		panic(err)
	}
	if response, err := client.Do(request); err == nil {
		response.Body.Close()
	}
}

// The clients under contract, and what their run says; empty if all is well.
var told = map[string]struct {
	client clients.Config
	says   string
}{
	"right": {changed(func(*clients.Failure, *error) {}), ""},
	"right, by a transport of its own": {clients.Config{Name: "our connector", Dial: func(base string) clients.Client {
		return wire.New(&http.Client{Transport: &http.Transport{}}, base)
	}}, ""},
	"right, exposing little": {
		func() clients.Config {
			c := changed(func(f *clients.Failure, _ *error) { *f = clients.Failure{Status: f.Status} })
			c.Exposes = []clients.Field{clients.Status}
			return c
		}(), "",
	},
	"wrong": {
		changed(func(f *clients.Failure, _ *error) { f.Code = "Other" }),
		"code         documented  \"Forbidden\"\n                 answered    \"Forbidden\"\n                 told        \"Other\"",
	},
	"panics":                   {before(func(context.Context, *http.Client, string, clients.Call) { panic("no such code") }), "our connector panicked before it had asked for what is answered graph.get.missing-scope: no such code"},
	"ends":                     {before(func(context.Context, *http.Client, string, clients.Call) { runtime.Goexit() }), "its goroutine was ended by runtime.Goexit"},
	"hangs":                    {before(func(context.Context, *http.Client, string, clients.Call) { select {} }), "our connector hangs before it had asked for what is answered graph.get.missing-scope: it had not returned after 48h0m0s"},
	"wrong, as its errata say": {known("our connector", "testdata/errata.yaml"), ""},
	"errata of another":        {known("their connector", "testdata/errata.yaml"), `testdata/errata.yaml:3: client is "our connector", and the file is that of "their connector"`},
	"errata that are missing":  {known("our connector", "testdata/none.yaml"), "testdata/none.yaml: cannot be read, for there is no such file"},
	"waits for a lock": {before(func(context.Context, *http.Client, string, clients.Call) {
		var lock sync.Mutex
		lock.Lock()
		lock.Lock()
	}), "graph.get.missing-scope: in 5s it neither returned nor waited for anything that time can end"},
	"round the client, by a transport of its own": {clients.Config{Name: "our connector", New: func(_ *http.Client, base string) clients.Client {
		return wire.New(&http.Client{Transport: &http.Transport{}}, base)
	}}, "our connector did not ask with the http.Client that it was given"},
	"sleeps":   {before(func(context.Context, *http.Client, string, clients.Call) { time.Sleep(1000 * time.Hour) }), "our connector hangs"},
	"swallows": {changed(func(f *clients.Failure, _ *error) { *f = clients.Failure{} }), "our connector swallowed the failure"},
	"errs":     {changed(func(_ *clients.Failure, err *error) { *err = errors.New("too bad") }), "and tells its caller of an error instead:\n  too bad"},
	"other host": {before(func(ctx context.Context, c *http.Client, _ string, _ clients.Call) {
		get(ctx, c, "https://elsewhere.example/")
	}), "our connector asked another host than https://graph.microsoft.com/v1.0"},
	"round the client": {clients.Config{Name: "our connector", New: func(_ *http.Client, base string) clients.Client {
		return wire.New(http.DefaultClient, base)
	}}, "our connector did not ask with the http.Client that it was given"},
	"other path": {before(func(ctx context.Context, c *http.Client, base string, _ clients.Call) { get(ctx, c, base+"/me") }), "differs in path"},
	"again":      {changed(func(*clients.Failure, *error) {}), ""},
	"nothing": {clients.Config{Name: "our connector", New: func(*http.Client, string) clients.Client {
		return clients.Func(func(context.Context, clients.Call) (clients.Failure, error) { return clients.Failure{}, nil })
	}}, "our connector did not ask for GET https://graph.microsoft.com/v1.0/employeeExperience/learningCourseActivities/8ba2228a-e020-11ec-9d64-0242ac120002, and reported no error"},
	"undeclared": {clients.Config{}, "engine error: "},
	"retrying by a transport of its own": {
		clients.Config{Name: "our connector", Retries: true, Dial: func(base string) clients.Client {
			return wire.NewRetrying(&http.Client{Transport: &http.Transport{}}, base)
		}}, "",
	},
	"wrong, by a transport of its own": {dialling(func(_ context.Context, _ string, f *clients.Failure) { f.Code = "Other" }), `told        "Other"`},
	"hangs, by a transport of its own": {
		dialling(func(context.Context, string, *clients.Failure) { select {} }),
		"our connector hangs when it was answered graph.get.missing-scope: it had not returned after 5s",
	},
	"asks again by a transport of its own": {
		dialling(func(ctx context.Context, base string, _ *clients.Failure) { get(ctx, http.DefaultClient, base) }),
		"our connector was answered graph.get.missing-scope, and asked again, which nobody asked it to",
	},
	"another base URL": {clients.Config{Name: "our connector", Dial: func(string) clients.Client {
		return wire.New(&http.Client{Transport: &http.Transport{}}, "https://graph.microsoft.com")
	}}, "our connector did not ask the base URL that it was given:\n  dial tcp: lookup graph.microsoft.com"},
	"another host, by the default transport": {before(func(ctx context.Context, _ *http.Client, _ string, _ clients.Call) {
		get(ctx, http.DefaultClient, "https://telemetry.example/?secret=value")
	}), "our connector asked another host than https://graph.microsoft.com/v1.0, not with the http.Client that it was given:\n  telemetry.example:443 was refused"},
	"another host, by a transport of its own": {dialling(func(ctx context.Context, _ string, _ *clients.Failure) {
		get(ctx, &http.Client{Transport: &http.Transport{}}, "https://telemetry.example/")
	}), "our connector asked another host than https://graph.microsoft.com/v1.0, not with the http.Client that it was given:\n  to look up a host's name was refused"},
	"takes the failure for a success": {
		changed(func(f *clients.Failure, _ *error) { *f = clients.Failure{Status: http.StatusOK} }), "our connector swallowed the failure",
	},
	"errs with a query": {clients.Config{Name: "our connector", Query: map[string]string{"secret": "value"}, New: func(_ *http.Client, base string) clients.Client {
		return wire.New(&http.Client{Transport: &http.Transport{}}, base+"/?secret=value&rest=")
	}}, "did not ask with the http.Client that it was given:\n  dial tcp: lookup"},
	"nothing exposed": {
		func() clients.Config {
			c := changed(func(*clients.Failure, *error) {})
			c.Exposes = []clients.Field{}
			return c
		}(), "Exposes is empty, so that nothing would be held",
	},
	"nothing performed": {
		func() clients.Config {
			c := changed(func(*clients.Failure, *error) {})
			c.Operations = []string{}
			return c
		}(), "Operations is empty, so that nothing would be asked",
	},
	"errs after the answer": {
		changed(func(_ *clients.Failure, err *error) { *err = errors.New("too bad") }),
		"It returns a Failure, too: return that with a nil error.",
	},
	"panics after the answer": {
		changed(func(*clients.Failure, *error) { panic("no such code") }),
		"our connector panicked when it was answered graph.get.missing-scope: no such code",
	},
	"asks again when it has returned": {
		clients.Config{Name: "our connector", New: func(client *http.Client, base string) clients.Client {
			return clients.Func(func(ctx context.Context, call clients.Call) (clients.Failure, error) {
				go func() {
					time.Sleep(time.Second)
					_, _ = wire.New(client, base).Do(context.Background(), call)
				}()
				return wire.New(client, base).Do(ctx, call)
			})
		}}, "and asked again, which nobody asked it to",
	},
	"a clone of the default transport": {
		clients.Config{Name: "our connector", New: func(_ *http.Client, base string) clients.Client {
			transport, ok := http.DefaultTransport.(*http.Transport)
			if !ok {
				panic("the default transport is none of net/http's")
			}
			return wire.New(&http.Client{Transport: transport.Clone()}, base)
		}}, "our connector did not ask with the http.Client that it was given",
	},
	"always fails": {
		changed(func(f *clients.Failure, _ *error) { f.Code = "Forbidden"; f.Status = http.StatusForbidden }),
		"", // as it is documented
	},
	"silent": {
		changed(func(f *clients.Failure, _ *error) {
			if f.Status < http.StatusBadRequest {
				*f = clients.Failure{}
			}
		}), "",
	},
}

func init() {
	// A client that asks again by itself, though it does not say so.
	again := told["again"]
	again.client.New = func(client *http.Client, base string) clients.Client {
		return clients.Func(func(ctx context.Context, call clients.Call) (clients.Failure, error) {
			failure, err := wire.New(client, base).Do(ctx, call)
			if second, again := wire.New(client, base).Do(ctx, call); again == nil {
				return second, nil
			}
			return failure, err
		})
	}
	again.says = "and asked again, which nobody asked it to"
	told["again"] = again
}

// TestDoor is the child of TestEveryClientIsTold: it runs one client through one door.
func TestDoor(t *testing.T) {
	client := told[os.Getenv(behaviourVariable)].client
	switch os.Getenv(doorVariable) {
	case "test":
		graph.Test(t, client)
	case "describe":
		setUp := 0
		g.BeforeSuite(func() { setUp++ })
		graph.Describe("our connector", client)
		g.Describe("something of our own", g.Label("clause:graph.get.missing-scope"), func() {
			g.It("is run too", func() {
				gomega.Expect(setUp).To(gomega.Equal(1))
				gomega.Expect(http.DefaultTransport).To(gomega.BeAssignableToTypeOf(&http.Transport{}))
			})
		})
		gomega.RegisterFailHandler(g.Fail)
		g.RunSpecs(t, "ours")
	case "both":
		graph.Test(t, client)
		classroom.Test(t, client)
	case "a wrong success":
		suite := suites.Load(t, "graph")
		suite.Succeed = func(o *fixtures.Operation) fixtures.Response { return wrong[os.Getenv(behaviourVariable)](o) }
		suite.Run(t, graph.Specs)
	default:
		t.Skip("it is the child of TestEveryClientIsTold and TestAWrongSuccessIsTold: run those")
	}
}

// wrong are answers that are no success of an operation.
var wrong = map[string]func(o *fixtures.Operation) fixtures.Response{
	"a documented failure": func(o *fixtures.Operation) fixtures.Response { return o.Clauses[0].Wordings[0].Response() },
	"another status": func(o *fixtures.Operation) fixtures.Response {
		answer := o.SuccessResponse()
		answer.Status = http.StatusAccepted
		return answer
	},
	"a failure's body": func(o *fixtures.Operation) fixtures.Response {
		answer := o.Clauses[0].Wordings[0].Response()
		answer.Status = http.StatusOK
		return answer
	},
	"HTML": func(*fixtures.Operation) fixtures.Response {
		return fixtures.Response{Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte("<p>OK</p>")}
	},
}

// TestAWrongSuccessIsTold answers every success wrongly: each spec of one fails, no other does, and the run names them.
func TestAWrongSuccessIsTold(t *testing.T) {
	for name := range wrong {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			output, failed := door(t, "a wrong success", name)
			for _, want := range []string{"  4 broken", "\n  broken  the success of graph.delete: ", " 4 Failed ", "The answer is no success of graph.update"} {
				if !failed || !strings.Contains(output, want) {
					t.Errorf("failed is %t, and the run does not say %q:\n%s", failed, want, output)
				}
			}
		})
	}
}

// TestAClientThatFailsASuccessIsTold runs a client that tells its caller of a failure where there is none.
func TestAClientThatFailsASuccessIsTold(t *testing.T) {
	for client, says := range map[string]string{
		"always fails": "our connector was answered that graph.get succeeded, and tells its caller of a failure:",
		"errs":         "our connector was answered that graph.get succeeded, and tells its caller of an error instead",
		"silent":       "",
	} {
		t.Run(client, func(t *testing.T) {
			t.Parallel()
			output, failed := door(t, "test", client, "-ginkgo.label-filter=success:graph.get")
			if failed != (says != "") || !strings.Contains(output, says) {
				t.Errorf("failed is %t, and the run does not say %q:\n%s", failed, says, output)
			}
		})
	}
}

// door runs one client through one door, in a process of its own.
func door(t *testing.T, name, client string, flags ...string) (output string, failed bool) {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], append([]string{"-test.run=^TestDoor$", "-ginkgo.no-color"}, flags...)...)
	command.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", doorVariable+"="+name, behaviourVariable+"="+client)
	text, err := command.CombinedOutput()
	return string(text), err != nil
}

// TestEveryClientIsTold runs clients that are right and clients that are wrong through both doors, as their users do: each
// that is wrong fails with its own sentence.
func TestEveryClientIsTold(t *testing.T) {
	t.Parallel()
	for client, want := range told {
		for _, name := range []string{"test", "describe"} {
			t.Run(client+", by "+name, func(t *testing.T) {
				t.Parallel()
				output, failed := door(t, name, client, "-ginkgo.label-filter=clause:graph.get.missing-scope")
				if failed != (want.says != "") || !strings.Contains(output, want.says) {
					t.Errorf("failed is %t, and the output does not have %q:\n%s", failed, want.says, output)
				}
			})
		}
	}
}

// TestBothDoorsAskEverything runs a right client over the whole contract.
func TestBothDoorsAskEverything(t *testing.T) {
	output, failed := door(t, "both", "right")
	if failed || strings.Count(output, "all honored") != 2 {
		t.Errorf("failed is %t:\n%s", failed, output)
	}
	output, failed = door(t, "both", "right, by a transport of its own")
	if failed || strings.Count(output, "all honored") != 2 {
		t.Errorf("with a transport of the client's own, failed is %t:\n%s", failed, output)
	}
	report := "-ginkgo.junit-report=" + filepath.Join(t.TempDir(), "junit.xml")
	if output, failed = door(t, "both", "right", report); !failed || !strings.Contains(output, "would overwrite that of the suite before it") {
		t.Errorf("failed is %t, and one report overwrites the other:\n%s", failed, output)
	}
	for _, flags := range [][]string{{"-test.v"}, {"-test.skip=Slow"}, {"-test.cpu=2"}, {"-test.count=1"}} {
		output, failed := door(t, "describe", "right", append(flags, "-ginkgo.label-filter=clause:graph.get.missing-scope")...)
		if failed || !strings.Contains(output, "4 Passed") || strings.Contains(output, "virtual time") {
			t.Errorf("%s: failed is %t:\n%s", flags, failed, output)
		}
	}
	if output, failed = door(t, "describe", "right"); failed || strings.Count(output, "all honored") != 1 {
		t.Errorf("failed is %t, or it does not say once what was covered:\n%s", failed, output)
	}
	if output, _ = door(t, "describe", "right", "-ginkgo.label-filter=theirs"); strings.Contains(output, "graph      ") {
		t.Errorf("it tells of a selection of the host's that leaves it out:\n%s", output)
	}
}
