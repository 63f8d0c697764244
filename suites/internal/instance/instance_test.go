package instance

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/internal/call"
	"github.com/learncontract/learncontract/suites/internal/verdict"
	"github.com/learncontract/learncontract/suites/report"
)

var update = flag.Bool("update", false, "writes the golden files anew")

func sample(tb testing.TB) *fixtures.Contract {
	tb.Helper()
	contract, err := fixtures.Open(os.DirFS("../../../fixtures/testdata/sample"))
	if err != nil {
		tb.Fatal(err)
	}
	return contract
}

type perform = func(context.Context, client.Call) error

// made is a client whose instances are made of the reference client's by a function.
func made(instance func(*http.Client, perform) perform) client.Config {
	return client.Config{Name: "connector", New: func(given *http.Client, base string) (client.Calls, error) {
		return client.Calls{"*": instance(given, wire.New(given, base).Do)}, nil
	}}
}

// through is a client that sends its requests by a transport of its own, above the given one.
func through(transport func(below http.RoundTripper) http.RoundTripper) client.Config {
	return client.Config{Name: "connector", New: func(given *http.Client, base string) (client.Calls, error) {
		return client.Calls{"*": wire.New(&http.Client{Transport: transport(given.Transport)}, base).Do}, nil
	}}
}

// dialled is the client with a transport of its own.
func dialled(config client.Config) client.Config {
	construct := config.New
	config.New, config.Dial = nil, func(base string) (client.Calls, error) {
		return construct(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, base)
	}
	return config
}

func subject(t *testing.T, config client.Config) *Subject {
	t.Helper()
	c, err := call.Open(config, sample(t))
	if err != nil {
		t.Fatal(err)
	}
	return &Subject{Judge: &verdict.Judge{Client: c, Today: time.Now()}, Vary: (*fixtures.Wording).Vary}
}

func reference(_ *http.Client, do perform) perform { return do }

// cached is an instance that returns the first error of a kind for ever.
func cached(_ *http.Client, do perform) perform {
	var mutex sync.Mutex
	var first error
	return func(ctx context.Context, c client.Call) error {
		mutex.Lock()
		defer mutex.Unlock()
		if first == nil {
			first = do(ctx, c)
		}
		return first
	}
}

// cachedByOperation is an instance that returns what an operation came to first for ever.
func cachedByOperation(_ *http.Client, do perform) perform {
	var mutex sync.Mutex
	results := map[string]error{}
	return func(ctx context.Context, c client.Call) error {
		mutex.Lock()
		defer mutex.Unlock()
		if _, ok := results[c.Operation.ID]; !ok {
			results[c.Operation.ID] = do(ctx, c)
		}
		return results[c.Operation.ID]
	}
}

// later is an instance that does something else from its second call on.
func later(f func(given *http.Client, do perform) perform) func(*http.Client, perform) perform {
	return func(given *http.Client, do perform) perform {
		var mutex sync.Mutex
		calls, other := 0, f(given, do)
		return func(ctx context.Context, c client.Call) error {
			mutex.Lock()
			calls++
			again := calls > 1
			mutex.Unlock()
			if again {
				return other(ctx, c)
			}
			return do(ctx, c)
		}
	}
}

// shared is an instance whose calls at once share what they read.
func shared(_ *http.Client, do perform) perform {
	var mutex sync.Mutex
	var last error
	return func(ctx context.Context, c client.Call) error {
		err := do(ctx, c)
		mutex.Lock()
		last = err
		mutex.Unlock()
		time.Sleep(time.Millisecond) // it has work to do
		mutex.Lock()
		defer mutex.Unlock()
		return last
	}
}

// serial is an instance that performs one call at a time, and none in the millisecond after one.
func serial(_ *http.Client, do perform) perform {
	turn := make(chan struct{}, 1)
	return func(ctx context.Context, c client.Call) error {
		select {
		case turn <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		defer func() { <-turn }()
		defer time.Sleep(time.Millisecond)
		return do(ctx, c)
	}
}

// queued is an instance that has slots for ten calls, for which others wait without their context.
func queued(_ *http.Client, do perform) perform {
	slots := make(chan struct{}, 10)
	return func(ctx context.Context, c client.Call) error {
		slots <- struct{}{}
		defer func() { <-slots }()
		return do(ctx, c)
	}
}

// leaking is an instance that loses one of ten slots with each failure.
func leaking(_ *http.Client, do perform) perform {
	slots := make(chan struct{}, 10)
	return func(ctx context.Context, c client.Call) error {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		err := do(ctx, c)
		if err == nil {
			<-slots
		}
		return err
	}
}

// locked is serial with a lock, which no virtual time can wait for.
func locked(_ *http.Client, do perform) perform {
	var mutex sync.Mutex
	return func(ctx context.Context, c client.Call) error {
		mutex.Lock()
		defer mutex.Unlock()
		defer time.Sleep(time.Millisecond)
		return do(ctx, c)
	}
}

// sharing is an instance whose equal reads at once share one request.
func sharing(_ *http.Client, do perform) perform {
	type flight struct {
		done chan struct{}
		err  error
	}
	var mutex sync.Mutex
	flights := map[string]*flight{}
	return func(ctx context.Context, c client.Call) error {
		if c.Operation.Method != http.MethodGet {
			return do(ctx, c)
		}
		mutex.Lock()
		if f := flights[c.Operation.ID]; f != nil {
			mutex.Unlock()
			<-f.done
			return f.err
		}
		f := &flight{done: make(chan struct{})}
		flights[c.Operation.ID] = f
		mutex.Unlock()
		f.err = do(ctx, c)
		time.Sleep(time.Microsecond) // all have come
		mutex.Lock()
		delete(flights, c.Operation.ID)
		mutex.Unlock()
		close(f.done)
		return f.err
	}
}

// breaker is an instance that sends no request after five failures in a row.
func breaker(_ *http.Client, do perform) perform {
	var mutex sync.Mutex
	failures := 0
	return func(ctx context.Context, c client.Call) error {
		mutex.Lock()
		open := failures > 5
		mutex.Unlock()
		if open {
			return errors.New("the circuit is open")
		}
		err := do(ctx, c)
		mutex.Lock()
		defer mutex.Unlock()
		if failures++; err == nil {
			failures = 0
		}
		return err
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// deaf is a transport that drops the context of its requests.
func deaf(below http.RoundTripper) http.RoundTripper {
	return transport(func(r *http.Request) (*http.Response, error) {
		return below.RoundTrip(r.WithContext(context.Background()))
	})
}

// forgiving is a transport that takes what it has of a body for all of it.
func forgiving(below http.RoundTripper) http.RoundTripper {
	return transport(func(r *http.Request) (*http.Response, error) {
		response, err := below.RoundTrip(r)
		if err == nil {
			response.Body = forgivingBody{response.Body}
		}
		return response, err
	})
}

type forgivingBody struct{ io.ReadCloser }

func (b forgivingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		err = io.EOF
	}
	return n, err
}

// optimist returns nil where no response can be read.
func optimist(_ *http.Client, do perform) perform {
	return func(ctx context.Context, c client.Call) error {
		err := do(ctx, c)
		if !errors.As(err, new(client.Failure)) {
			return nil
		}
		return err
	}
}

// patient returns ten seconds after its context has ended.
func patient(_ *http.Client, do perform) perform {
	return func(ctx context.Context, c client.Call) error {
		err := do(ctx, c)
		if ctx.Err() != nil {
			time.Sleep(10 * time.Second)
		}
		return err
	}
}

func TestInstances(t *testing.T) {
	t.Parallel()
	clients := map[string]struct {
		config client.Config
		wrong  map[string]string // the start of the reason, by the behaviour's key
	}{
		"reference":           {made(reference), nil},
		"reference, dialled":  {dialled(made(reference)), nil},
		"serial":              {made(serial), nil},
		"locked":              {made(locked), nil},
		"sharing":             {made(sharing), nil},
		"breaker":             {made(breaker), nil},
		"cached":              {made(cached), map[string]string{"reused": "connector did not send the request"}},
		"cached by operation": {made(cachedByOperation), map[string]string{"reused": "connector did not send the request"}},
		"the default client from the second call on": {made(later(func(*http.Client, perform) perform {
			return func(ctx context.Context, c client.Call) error {
				return wire.New(http.DefaultClient, "https://api.sample.example.invalid/v1").Do(ctx, c)
			}
		})), map[string]string{"reused": "connector did not send the request"}},
		"a failure from the second call on": {made(later(func(*http.Client, perform) perform {
			return func(context.Context, client.Call) error { return errors.New("it is spent") }
		})), map[string]string{"reused": "connector did not send the request"}},
		"a panic in the second call": {made(later(func(*http.Client, perform) perform {
			return func(context.Context, client.Call) error { panic("it is spent") }
		})), map[string]string{"reused": "connector panicked: it is spent"}},
		"leaking":          {made(leaking), map[string]string{"reused": "connector did not send the request"}},
		"queued":           {made(queued), map[string]string{"interrupted": "connector does not return an error at once where its context ended while it waited for other calls"}},
		"shared":           {made(shared), map[string]string{"reused": "connector"}},
		"deaf":             {through(deaf), map[string]string{"interrupted": "connector does not return an error at once where its context ended while it waited for the response"}},
		"forgiving":        {through(forgiving), nil}, // a failure without a body is one
		"optimist":         {made(optimist), map[string]string{"interrupted": "connector returned nil although its context ended while it waited for the response"}},
		"patient":          {made(patient), map[string]string{"interrupted": "connector does not return an error at once where its context ended"}},
		"dialled cached":   {dialled(made(cached)), map[string]string{"reused": "connector did not send the request"}},
		"dialled optimist": {dialled(made(optimist)), map[string]string{"interrupted": "connector returned nil although its context ended while it waited for the response"}},
	}
	first := map[string]bool{"leaking": true, "queued": true} // what needs many calls is checked with the first operation
	t.Run("all", func(t *testing.T) {
		for name, test := range clients {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := subject(t, test.config)
				wordings := s.Wordings()
				if len(wordings) != len(s.Judge.Client.Contract.Operations) {
					t.Errorf("there are %d wordings", len(wordings))
				}
				for _, b := range Behaviours() {
					for i, w := range wordings {
						v := s.Check(w, b)
						want, wrong := test.wrong[b.Key]
						switch {
						case !wrong && v.Outcome != report.Honored:
							t.Errorf("%s of %s: %s: %s", b.Key, w.ID(), v.Outcome, v.Text)
						case first[name] && i > 0 && v.Outcome == report.Honored:
						case wrong && (v.Outcome != report.Broken || !strings.HasPrefix(v.Reason, want)):
							t.Errorf("%s of %s: %s: %s, want %s", b.Key, w.ID(), v.Outcome, v.Reason, want)
						}
					}
				}
			})
		}
	})
}

// What a reader sees of one client each.
func TestTexts(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for _, test := range []struct {
		config client.Config
		at     int // of the behaviour
	}{
		{made(cachedByOperation), 0}, {through(deaf), 1}, {made(optimist), 1},
	} {
		s := subject(t, test.config)
		fmt.Fprintf(&text, "%s\n\n----\n\n", s.Check(s.Wordings()[0], Behaviours()[test.at]).Text)
	}
	golden(t, "texts.txt", text.String())
	s := subject(t, made(shared))
	if v := s.Check(s.Wordings()[0], Behaviours()[0]); !strings.Contains(v.Text, " of one instance, of which several are under way at once:\nconnector ") {
		t.Errorf("of calls that share what they read, the text is\n%s", v.Text)
	}
}

// An erratum accepts what a client is known for.
func TestErrata(t *testing.T) {
	t.Parallel()
	s := subject(t, made(optimist))
	w := s.Wordings()[0]
	s.Judge.Errata = []*fixtures.Erratum{{Client: "connector", Clauses: w.Clause.ID, Case: "interrupted", Field: "fault",
		Seen: "returned nil although its context ended", Expires: time.Now().Add(48 * time.Hour)}}
	if v := s.Check(w, Behaviours()[1]); v.Outcome != report.Honored || len(v.Errata) != 1 {
		t.Errorf("the verdict is %+v", v)
	}
	right := subject(t, made(reference))
	right.Judge.Errata = s.Judge.Errata
	if v := right.Check(w, Behaviours()[1]); v.Outcome != report.UnexpectedPass {
		t.Errorf("the verdict of a client that does better is %+v", v)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the text is\n%s\nwant\n%s", got, want)
	}
}
