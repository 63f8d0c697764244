package mutation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/internal/retry/retrytest"
)

// brokenInstances are the reference client, broken in what it does with bodies, in several calls, or where it is interrupted.
var brokenInstances = []brokenClient{
	{"reads the body after it has closed it", receiving(func(r *http.Response) { r.Body.Close() }), "returned an error that carries no failure"},
	{"cancels before it reads the body", transported(func(r *http.Request, below http.RoundTripper) (*http.Response, error) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		return below.RoundTrip(r.WithContext(ctx))
	}), "returned an error that carries no failure"},
	{"never closes a body", receiving(func(r *http.Response) { r.Body = neverClosed{r.Body, nil} }), "returned without closing the body of a response"},
	{"closes the bodies of successes alone", receiving(func(r *http.Response) {
		if r.StatusCode >= http.StatusBadRequest {
			r.Body = neverClosed{r.Body, nil}
		}
	}), "returned without closing the body of a response"},
	{"closes the body later", receiving(func(r *http.Response) {
		r.Body = neverClosed{r.Body, func() { time.AfterFunc(time.Second, func() { r.Body.Close() }) }}
	}), "returned without closing the body of a response"},
	{"reads once", receiving(func(r *http.Response) {
		some := make([]byte, 4096)
		n, _ := r.Body.Read(some)
		r.Body = struct {
			io.Reader
			io.Closer
		}{bytes.NewReader(some[:n]), r.Body}
	}), "returned an error that carries no failure"},
	{"reads as much as Content-Length says", receiving(func(r *http.Response) {
		all := make([]byte, r.ContentLength)
		if _, err := io.ReadFull(r.Body, all); err == nil {
			r.Body = struct {
				io.Reader
				io.Closer
			}{bytes.NewReader(all), r.Body}
		}
	}), "panicked: runtime error: makeslice"},
	{"drops its context", transported(func(r *http.Request, below http.RoundTripper) (*http.Response, error) {
		return below.RoundTrip(r.WithContext(context.Background()))
	}), "does not return an error at once where its context ended while it waited for the response"},
	{"takes what it cannot read for a success", calling(func(ctx context.Context, c client.Call, do perform) error {
		if err := do(ctx, c); errors.As(err, new(client.Failure)) {
			return err
		}
		return nil
	}), "returned nil although its context ended while it waited for the response"},
	{"takes half a response for a success", calling(func(ctx context.Context, c client.Call, do perform) error {
		if err := do(ctx, c); !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		return nil
	}), "returned nil although the response broke off half way"},
	{"is slow to end", calling(func(ctx context.Context, c client.Call, do perform) error {
		err := do(ctx, c)
		if ctx.Err() != nil {
			time.Sleep(time.Minute)
		}
		return err
	}), "does not return an error at once where its context ended"},
	{"returns its first error for ever", living(func(do perform) perform {
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
	}), "did not send the request of its call"},
	{"returns for ever what an operation came to", living(func(do perform) perform {
		var mutex sync.Mutex
		results := map[string]error{}
		return func(ctx context.Context, c client.Call) error {
			mutex.Lock()
			defer mutex.Unlock()
			if _, called := results[c.Operation.ID]; !called {
				results[c.Operation.ID] = do(ctx, c)
			}
			return results[c.Operation.ID]
		}
	}), "did not send the request of its call"},
	{"opens its circuit at the first failure", living(func(do perform) perform {
		var mutex sync.Mutex
		open := false
		return func(ctx context.Context, c client.Call) error {
			mutex.Lock()
			defer mutex.Unlock()
			if open {
				return errors.New("the circuit is open")
			}
			err := do(ctx, c)
			open = err != nil
			return err
		}
	}), "did not send the request of its call"},
	{"uses http.DefaultClient from its second call on", declaring(func(config *client.Config) {
		config.New = func(given *http.Client, baseURL string) (client.Calls, error) {
			var mutex sync.Mutex
			calls := 0
			return client.Calls{"*": func(ctx context.Context, c client.Call) error {
				mutex.Lock()
				calls++
				hc := given
				if calls > 1 {
					hc = http.DefaultClient
				}
				mutex.Unlock()
				return wire.New(hc, baseURL).Do(ctx, c)
			}}, nil
		}
	}), "did not send the request of its call"},
	{"grows its base URL with each call", declaring(func(config *client.Config) {
		config.New = func(given *http.Client, baseURL string) (client.Calls, error) {
			return client.Calls{"*": func(ctx context.Context, c client.Call) error {
				do := wire.New(given, baseURL).Do
				baseURL += "/v1"
				return do(ctx, c)
			}}, nil
		}
	}), "sent an unexpected request"},
	{"never releases its semaphore", living(func(do perform) perform {
		semaphore := make(chan struct{}, 2)
		return func(ctx context.Context, c client.Call) error {
			semaphore <- struct{}{}
			return do(ctx, c)
		}
	}), "hangs"},
	{"shares its last error between its callers", living(func(do perform) perform {
		var mutex sync.Mutex
		var last error
		return func(ctx context.Context, c client.Call) error {
			err := do(ctx, c)
			mutex.Lock()
			last = err
			mutex.Unlock()
			time.Sleep(time.Millisecond)
			mutex.Lock()
			defer mutex.Unlock()
			return last
		}
	}), ""},
	{"takes 201 for a failure", calling(func(ctx context.Context, c client.Call, do perform) error {
		if err := do(ctx, c); err != nil || c.Operation.Success.Status != http.StatusCreated {
			return err
		}
		return fmt.Errorf("unexpected status %d", http.StatusCreated)
	}), "returned an error although the API responded with a success"},
	{"returns a failure of a success", calling(func(ctx context.Context, c client.Call, do perform) error {
		err := do(ctx, c)
		if err == nil {
			return client.Failure{Status: c.Operation.Success.Status}
		}
		return err
	}), "returned an error although the API responded with a success"},
	{"shares the request of calls at once, whatever they send", living(sharing(func(client.Call) bool { return true })), "did not send the request of its call"},
}

// correctClient is a client that is right.
type correctClient struct {
	name   string
	config client.Config
}

// correctClients are right, each in a way of its own.
var correctClients = []correctClient{
	{"the reference client", wire.Config()},
	{"by Dial", dialled(&http.Transport{DisableKeepAlives: true})},
	{"by Dial, with connections that are kept", dialled(&http.Transport{})},
	{"retries as the vendors' pages say", retrytest.Config(http.StatusTooManyRequests, http.StatusServiceUnavailable)},
	{"has a time-out of its http.Client", constructing(func(hc *http.Client, baseURL string) *wire.Client {
		limited := *hc
		limited.Timeout = time.Minute
		return wire.New(&limited, baseURL)
	})},
	{"has a time-out of each call", calling(func(ctx context.Context, c client.Call, do perform) error {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		return do(ctx, c)
	})},
	{"wraps its errors", surfacing(func(f client.Failure) error { return fmt.Errorf("the API rejects it: %w", f) })},
	{"joins its errors", surfacing(func(f client.Failure) error { return errors.Join(errors.New("it is rejected"), f) })},
	{"has an error of its own", declaring(func(c *client.Config) {
		construct := c.New
		c.New = func(hc *http.Client, baseURL string) (client.Calls, error) {
			calls, err := construct(hc, baseURL)
			do := calls["*"]
			return client.Calls{"*": func(ctx context.Context, call client.Call) error {
				if err := do(ctx, call); err != nil {
					return &ownError{err}
				}
				return nil
			}}, err
		}
		c.Failure = func(err error) (client.Failure, bool) {
			own, ok := errors.AsType[*ownError](err)
			if !ok {
				return client.Failure{}, false
			}
			f, ok := errors.AsType[client.Failure](own.error)
			return f, ok
		}
	})},
	{"exposes the status alone", declaring(func(c *client.Config) { c.Exposes = []client.Field{client.Status} })},
	{"reads a byte at a time", receiving(func(r *http.Response) {
		r.Body = struct {
			io.Reader
			io.Closer
		}{oneByOne{r.Body}, r.Body}
	})},
	{"restores the body it has read", receiving(func(r *http.Response) {
		text, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err == nil {
			r.Body = io.NopCloser(bytes.NewReader(text))
		} else {
			r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(text), failing{err}))
		}
	})},
	{"closes bodies twice", receiving(func(r *http.Response) { r.Body = closedTwice{r.Body} })},
	{"bounds what it reads", receiving(func(r *http.Response) {
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(r.Body, 1<<20), r.Body}
	})},
	{"logs its requests and responses", transported(func(r *http.Request, below http.RoundTripper) (*http.Response, error) {
		if _, err := httputil.DumpRequestOut(r, true); err != nil {
			return nil, err
		}
		response, err := below.RoundTrip(r)
		if err == nil {
			if _, err := httputil.DumpResponse(response, true); err != nil {
				return response, nil // whoever reads the body finds it
			}
		}
		return response, err
	})},
	{"adds headers", sending(func(r *http.Request) {
		r.Header.Set("User-Agent", "connector/1")
		r.Header.Set("Authorization", "Bearer none")
		r.Header.Set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	})},
	{"escapes more than it must", sending(func(r *http.Request) { r.URL.RawPath = strings.ReplaceAll(r.URL.EscapedPath(), "-", "%2D") })},
	{"orders its query otherwise", sending(func(r *http.Request) {
		parts := strings.Split(r.URL.RawQuery, "&")
		for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
			parts[i], parts[j] = parts[j], parts[i]
		}
		r.URL.RawQuery = strings.Join(parts, "&")
	})},
	{"writes its JSON otherwise", calling(func(ctx context.Context, c client.Call, do perform) error {
		if c.Body != nil {
			var body any
			if err := json.Unmarshal(c.Body, &body); err != nil {
				return err
			}
			c.Body, _ = json.MarshalIndent(body, " ", "\t")
		}
		return do(ctx, c)
	})},
	{"streams its body", sending(func(r *http.Request) {
		if r.Body != nil {
			r.ContentLength, r.GetBody = -1, nil
		}
	})},
	{"performs one call at a time", living(func(do perform) perform {
		turn := make(chan struct{}, 1)
		return func(ctx context.Context, c client.Call) error {
			select {
			case turn <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
			defer func() { <-turn }()
			return do(ctx, c)
		}
	})},
	{"performs its calls under a lock", living(func(do perform) perform {
		var mutex sync.Mutex
		return func(ctx context.Context, c client.Call) error {
			mutex.Lock()
			defer mutex.Unlock()
			return do(ctx, c)
		}
	})},
	{"waits between its calls", living(func(do perform) perform {
		ready := make(chan struct{}, 1)
		ready <- struct{}{}
		return func(ctx context.Context, c client.Call) error {
			select {
			case <-ready:
			case <-ctx.Done():
				return ctx.Err()
			}
			defer time.AfterFunc(100*time.Millisecond, func() { ready <- struct{}{} })
			return do(ctx, c)
		}
	})},
	{"has a worker", living(func(do perform) perform {
		type work struct {
			ctx  context.Context
			call client.Call
			done chan error
		}
		queue := make(chan work)
		go func() {
			for w := range queue {
				go func() { w.done <- do(w.ctx, w.call) }()
			}
		}()
		return func(ctx context.Context, c client.Call) error {
			w := work{ctx, c, make(chan error, 1)}
			queue <- w
			return <-w.done
		}
	})},
	{"opens its circuit after five failures in a row", living(func(do perform) perform {
		var mutex sync.Mutex
		failures := 0
		return func(ctx context.Context, c client.Call) error {
			mutex.Lock()
			open := failures >= 5
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
	})},
	{"shares equal reads at once", living(sharing(func(c client.Call) bool { return c.Operation.Method == http.MethodGet }))},
	{"logs after it has returned", calling(func(ctx context.Context, c client.Call, do perform) error {
		err := do(ctx, c)
		time.AfterFunc(time.Minute, func() { _ = fmt.Sprint(err) })
		return err
	})},
}

type ownError struct{ error }

// dialled is the reference client with a transport of its own.
func dialled(transport *http.Transport) client.Config {
	return client.Config{Name: "wire", Dial: func(baseURL string) (client.Calls, error) {
		return client.Calls{"*": wire.New(&http.Client{Transport: transport}, baseURL).Do}, nil
	}}
}

// living makes an instance of the reference client's calls.
func living(instance func(do perform) perform, declare ...func(*client.Config)) client.Config {
	return declaring(func(config *client.Config) {
		config.New = func(hc *http.Client, baseURL string) (client.Calls, error) {
			return client.Calls{"*": instance(wire.New(hc, baseURL).Do)}, nil
		}
		for _, change := range declare {
			change(config)
		}
	})
}

// transported sends requests otherwise.
func transported(send func(r *http.Request, below http.RoundTripper) (*http.Response, error)) client.Config {
	return constructing(func(hc *http.Client, baseURL string) *wire.Client {
		return wire.New(&http.Client{Transport: sendingTransport{hc.Transport, send}}, baseURL)
	})
}

type sendingTransport struct {
	below http.RoundTripper
	send  func(r *http.Request, below http.RoundTripper) (*http.Response, error)
}

// RoundTrip implements http.RoundTripper.
func (t sendingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.send(r, t.below)
}

// receiving does something with each response.
func receiving(change func(*http.Response)) client.Config {
	return transported(func(r *http.Request, below http.RoundTripper) (*http.Response, error) {
		response, err := below.RoundTrip(r)
		if err == nil && response.Body != http.NoBody {
			change(response)
		}
		return response, err
	})
}

// sharing has calls of one operation at once share a request, where they may.
func sharing(may func(client.Call) bool) func(do perform) perform {
	type flight struct {
		done chan struct{}
		err  error
	}
	return func(do perform) perform {
		var mutex sync.Mutex
		flights := map[string]*flight{}
		return func(ctx context.Context, c client.Call) error {
			if !may(c) {
				return do(ctx, c)
			}
			key := fmt.Sprint(c.Operation.ID, c.Params, c.Query)
			if !may(client.Call{Operation: c.Operation}) || c.Operation.Method != http.MethodGet {
				key = c.Operation.ID
			}
			mutex.Lock()
			f := flights[key]
			if f != nil {
				mutex.Unlock()
				<-f.done
				return f.err
			}
			f = &flight{done: make(chan struct{})}
			flights[key] = f
			mutex.Unlock()
			f.err = do(ctx, c)
			time.Sleep(time.Millisecond) // the others have come
			mutex.Lock()
			delete(flights, key)
			mutex.Unlock()
			close(f.done)
			return f.err
		}
	}
}

type neverClosed struct {
	io.ReadCloser
	instead func()
}

func (b neverClosed) Close() error {
	if b.instead != nil {
		b.instead()
	}
	return nil
}

type closedTwice struct{ io.ReadCloser }

func (b closedTwice) Close() error { return errors.Join(b.ReadCloser.Close(), b.ReadCloser.Close()) }

type oneByOne struct{ io.Reader }

func (r oneByOne) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(1, len(p))]) }

type failing struct{ err error }

func (r failing) Read([]byte) (int, error) { return 0, r.err }

var update = flag.Bool("update", false, "writes the golden files anew")

// golden compares a text with a file of testdata.
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
		t.Errorf("the text is not that of %s: go test ./suites/internal/mutation -run Clients -update rewrites it, and git diff shows the difference:\n%s", path, got)
	}
}
