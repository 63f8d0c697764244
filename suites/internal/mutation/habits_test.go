package mutation

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	markup "html"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/internal/retry/retrytest"
)

// A date that is read in the machine's own zone is right where that is UTC, as it is in most pipelines.
func init() { time.Local = time.FixedZone("UTC+9", 9*60*60) }

// brokenHabits are the reference client with what programs of real life do wrong.
var brokenHabits = []brokenClient{
	{"resends POST where the connection was closed", resending(func(r *http.Request) bool { return r.Method == http.MethodPost }, 2),
		"sent POST again where the connection was closed"},
	{"resends PATCH where the connection was closed", resending(func(r *http.Request) bool { return r.Method == http.MethodPatch }, 2),
		"sent PATCH again where the connection was closed"},
	{"resends POST where the response broke off", calling(func(ctx context.Context, c client.Call, do perform) error {
		err := do(ctx, c)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = do(ctx, c)
		}
		return err
	}), "sent POST again where the response broke off half way"},
	{"resends GET for ever", resending(func(r *http.Request) bool { return r.Method == http.MethodGet }, 1<<30), "sent its request more than 20 times"},
	{"asks for gzip, and does not read it", sending(func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip") }),
		"returned an error that carries no failure"},
	{"asks for gzip with a quality, and does not read it", sending(func(r *http.Request) { r.Header.Set("Accept-Encoding", "br;q=1.0, GZIP; q=0.8") }),
		"returned an error that carries no failure"},
	{"returns its last failure where there is no response", living(func(do perform) perform {
		var mutex sync.Mutex
		var last error
		return func(ctx context.Context, c client.Call) error {
			err := do(ctx, c)
			mutex.Lock()
			defer mutex.Unlock()
			if errors.As(err, new(client.Failure)) {
				last = err
			} else if err != nil && last != nil {
				return last
			}
			return err
		}
	}), "surfaced a failure that it did not receive"},
	{"makes a 503 of a closed connection", calling(func(ctx context.Context, c client.Call, do perform) error {
		err := do(ctx, c)
		if errors.Is(err, io.EOF) {
			return client.Failure{Status: http.StatusServiceUnavailable, Message: err.Error()}
		}
		return err
	}), "surfaced a failure that it did not receive"},
	{"waits for one of its slots without its context", living(slotted(10, false, false)), "where its context ended while it waited for other calls"},
	{"performs one call at a time without its context", living(slotted(1, false, false)), "where its context ended while it waited for other calls"},
	{"loses a slot with each failure", living(slotted(10, true, true)), "did not send the request of its call"},
	{"loses a slot with each failure, without its context", living(slotted(10, false, true)), "hangs"},
	{"loses a slot with each call whose context ends", living(func(do perform) perform {
		taken := make(chan struct{}, 8)
		return func(ctx context.Context, c client.Call) error {
			select {
			case taken <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
			err := do(ctx, c)
			if ctx.Err() == nil {
				<-taken
			}
			return err
		}
	}), "did not send the request of its call"},
	{"fails for ever after a lost connection", living(func(do perform) perform {
		var mutex sync.Mutex
		var lost error
		return func(ctx context.Context, c client.Call) error {
			mutex.Lock()
			defer mutex.Unlock()
			if lost != nil {
				return errors.New("the client is closed")
			}
			err := do(ctx, c)
			if errors.Is(err, io.EOF) {
				lost = err
			}
			return err
		}
	}), "did not send the request of its call"},
	{"retries for the first quarter of an hour of its life", retryingUntil(15 * time.Minute), "does not recover in call 11 of one instance"},
	{"labels its JSON as Latin-1", sending(func(r *http.Request) {
		if r.Body != nil {
			r.Header.Set("Content-Type", "application/json; charset=iso-8859-1")
		}
	}), "sent an unexpected request"},
	{"has the line break of a token's file in its header", sending(func(r *http.Request) { r.Header.Set("Authorization", "Bearer token\n") }),
		"sent an unexpected request"},
	{"shares a buffer between the bodies of calls at once", living(func(do perform) perform {
		var mutex sync.Mutex
		var shared []byte
		return func(ctx context.Context, c client.Call) error {
			mutex.Lock()
			shared = append(shared[:0], c.Body...)
			if c.Body != nil {
				c.Body = shared
			}
			mutex.Unlock()
			return do(ctx, c)
		}
	}), "sent an unexpected request"},
	{"has details of the call before", living(remembering(func(last, f *client.Failure) {
		if f.Details == nil {
			f.Details = last.Details
		}
	})), "details is surfaced, and was not received"},
	{"has the Retry-After of the call before", living(remembering(func(last, f *client.Failure) {
		if f.RetryAfter == 0 {
			f.RetryAfter = last.RetryAfter
		}
	})), "retry-after is surfaced, and was not received"},
	{"has the request id of the first call", living(remembering(func(last, f *client.Failure) {
		if last.RequestID != "" {
			f.RequestID = last.RequestID
		}
	})), "request id is not surfaced as received"},
	{"reads dates in its own zone", reading(func(r *http.Response, _ []byte, f *client.Failure) {
		const withoutZone = "Mon, 02 Jan 2006 15:04:05"
		until, err := time.ParseInLocation(withoutZone, strings.TrimSuffix(r.Header.Get("Retry-After"), " GMT"), time.Local)
		if err == nil {
			f.RetryAfter = max(0, time.Until(until))
		}
	}), "retry-after is not surfaced"},
	{"unescapes HTML in messages", misreading(func(f *client.Failure) { f.Message = markup.UnescapeString(f.Message) }), "message is not surfaced as received"},
	{"escapes HTML in messages", misreading(func(f *client.Failure) { f.Message = markup.EscapeString(f.Message) }), "message is not surfaced as received"},
	{"trims messages", misreading(func(f *client.Failure) { f.Message = strings.TrimSpace(f.Message) }), "message is not surfaced as received"},
	{"folds white space in messages", misreading(func(f *client.Failure) { f.Message = strings.Join(strings.Fields(f.Message), " ") }),
		"message is not surfaced as received"},
	{"cuts the fraction of a wait", misreading(func(f *client.Failure) { f.RetryAfter = f.RetryAfter.Truncate(time.Second) }),
		"retry-after is not surfaced as received"},
	{"rounds a wait down to minutes", misreading(func(f *client.Failure) { f.RetryAfter = f.RetryAfter.Truncate(time.Minute) }),
		"retry-after is not surfaced as received"},
	{"sends If-Match", sending(func(r *http.Request) { r.Header.Set("If-Match", "*") }), "sent an unexpected request"},
	{"sends a header in lower case", sending(func(r *http.Request) { r.Header["if-none-match"] = []string{"*"} }), "sent an unexpected request"},
	{"sends another header than it declares", declaringAdds(sending(func(r *http.Request) { r.Header.Set("If-None-Match", "*") }),
		client.Addition{Headers: []string{"If-Match"}}), "sent an unexpected request"},
	{"sends Prefer", sending(func(r *http.Request) { r.Header.Set("Prefer", "respond-async") }), "sent an unexpected request"},
	{"overrides its method", sending(func(r *http.Request) { r.Header.Set("X-HTTP-Method-Override", http.MethodPut) }), "sent an unexpected request"},
	{"authorizes twice", sending(func(r *http.Request) { r.Header["Authorization"] = []string{"Bearer a", "Bearer b"} }), "sent an unexpected request"},
	{"accepts XML", sending(func(r *http.Request) { r.Header.Set("Accept", "application/xml, text/xml;q=0.9") }), "sent an unexpected request"},
	{"refuses JSON", sending(func(r *http.Request) { r.Header.Set("Accept", "application/json;q=0, text/plain") }), "sent an unexpected request"},
	{"reads 4096 bytes", receiving(func(r *http.Response) {
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(r.Body, 4096), r.Body}
	}), "returned an error that carries no failure"},
	{"clears the caller's parameters", calling(func(ctx context.Context, c client.Call, do perform) error {
		defer clear(c.Params)
		defer clear(c.Query)
		return do(ctx, c)
	}), "sent an unexpected request"},
	{"overwrites the caller's body", calling(func(ctx context.Context, c client.Call, do perform) error {
		defer clear(c.Body)
		return do(ctx, c)
	}), "sent an unexpected request"},
	{"drops a declared parameter from the second page", declaringAdds(paging(false, func(r *http.Request, token string) {
		follow(r, token)
		dropQuery(r, "fields")
	}, "fields"), client.Addition{Query: []string{"fields"}}), "it can only follow the page's token"},
	{"changes a declared parameter on the second page", declaringAdds(paging(false, func(r *http.Request, token string) {
		follow(r, token)
		setQuery(r, "fields", "2")
	}, "fields"), client.Addition{Query: []string{"fields"}}), "it can only follow the page's token"},

	// Errors from a pool, state of an instance, and requests that are built otherwise.
	{"returns errors from a pool", living(func(do perform) perform {
		pooled := &pooledError{}
		return func(ctx context.Context, c client.Call) error {
			err := do(ctx, c)
			if !errors.As(err, &pooled.failure) {
				return err
			}
			return pooled
		}
	}, pooledFailure), "returned an error that has changed since"},
	{"keeps the context of its first call", living(func(do perform) perform {
		var once sync.Once
		var first context.Context
		return func(ctx context.Context, c client.Call) error {
			once.Do(func() { first = ctx })
			return do(first, c)
		}
	}), "sent another request, though nothing failed"},
	{"authorizes its first call alone", living(func(do perform) perform { return do }, func(c *client.Config) {
		c.New = func(hc *http.Client, baseURL string) (client.Calls, error) {
			var once sync.Once
			changed := &http.Client{Transport: changingTransport{hc.Transport, func(r *http.Request) {
				once.Do(func() { r.Header.Set("Authorization", "Bearer token") })
			}}}
			return client.Calls{"*": wire.New(changed, baseURL).Do}, nil
		}
	}), "sent an unexpected request"},
	{"drops what it has sent within a second", living(func(do perform) perform {
		var mutex sync.Mutex
		sent := map[string]time.Time{}
		return func(ctx context.Context, c client.Call) error {
			key := fmt.Sprint(c.Operation.ID, c.Params, string(c.Body))
			mutex.Lock()
			last, has := sent[key]
			sent[key] = time.Now()
			mutex.Unlock()
			if has && time.Since(last) < time.Second {
				return nil
			}
			return do(ctx, c)
		}
	}), "did not send the request of its call"},
	{"is busy while another call is under way", living(func(do perform) perform {
		busy := make(chan struct{}, 1)
		return func(ctx context.Context, c client.Call) error {
			select {
			case busy <- struct{}{}:
				defer func() { <-busy }()
				return do(ctx, c)
			default:
				return errors.New("busy")
			}
		}
	}), "did not send the request of its call"},
	{"sends a body of ASCII", calling(func(ctx context.Context, c client.Call, do perform) error {
		c.Body = bytes.Map(func(r rune) rune {
			if r > 127 {
				return '?'
			}
			return r
		}, c.Body)
		if len(c.Body) == 0 {
			c.Body = nil
		}
		return do(ctx, c)
	}), "sent an unexpected request"},
	{"reads one spelling of the media type", receiving(func(r *http.Response) {
		if spelled := r.Header.Get("Content-Type"); spelled != "application/json" && spelled != "application/json; charset=UTF-8" {
			r.Body.Close()
			r.Body = io.NopCloser(strings.NewReader("unreadable"))
		}
	}), "returned an error that carries no failure"},
	{"sends a body with GET", sending(func(r *http.Request) {
		if r.Method == http.MethodGet {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{}")), 2
			r.Header.Set("Content-Type", "application/json")
		}
	}), "sent an unexpected request"},
	{"sends each parameter twice", sending(func(r *http.Request) {
		if r.URL.RawQuery != "" {
			r.URL.RawQuery += "&" + r.URL.RawQuery
		}
	}), "sent an unexpected request"},
	{"writes paths in lower case", sending(func(r *http.Request) {
		r.URL.RawPath = strings.ToLower(r.URL.EscapedPath())
		r.URL.Path, _ = url.PathUnescape(r.URL.RawPath)
	}), "sent an unexpected request"},
	{"ends its paths with a slash", sending(func(r *http.Request) {
		r.URL.RawPath = r.URL.EscapedPath() + "/"
		r.URL.Path += "/"
	}), "sent an unexpected request"},
	{"writes a space as plus in paths", sending(func(r *http.Request) {
		r.URL.RawPath = strings.ReplaceAll(r.URL.EscapedPath(), "%20", "+")
		r.URL.Path, _ = url.PathUnescape(r.URL.RawPath)
	}), "sent an unexpected request"},
	{"lists each code of details once", misreading(func(f *client.Failure) {
		f.Details = slices.CompactFunc(slices.Clone(f.Details), func(a, b client.Detail) bool { return a.Code == b.Code })
	}), "details is not surfaced as received"},
	{"reads the body of a request for its log", sending(func(r *http.Request) {
		if r.Body != nil {
			_, _ = io.ReadAll(r.Body)
		}
	}), "sent an unexpected request"},
	{"has a prefix to its messages", misreading(func(f *client.Failure) { f.Message = "error: " + f.Message }), "message is not surfaced as received"},
	{"reads headers as they came", reading(func(r *http.Response, _ []byte, f *client.Failure) {
		name := "request-id"
		f.RequestID = strings.Join(r.Header[name], "")
	}), "request id is not surfaced"},
	{"takes an empty body for a failure", receivingAny(func(r *http.Response) error {
		if r.StatusCode < http.StatusBadRequest {
			return json.NewDecoder(r.Body).Decode(new(any))
		}
		return nil
	}), "returned an error although the API responded with a success"},
	{"signs in a second time where it is forbidden", calling(func(ctx context.Context, c client.Call, do perform) error {
		err := do(ctx, c)
		if f, ok := errors.AsType[client.Failure](err); ok && f.Status == http.StatusForbidden {
			return do(ctx, c)
		}
		return err
	}), "sent another request, though it does not declare Retries"},
	{"sends a batch of one", sending(func(r *http.Request) {
		r.Method, r.URL.Path, r.URL.RawPath = http.MethodPost, "/v1/$batch", ""
	}), "sent an unexpected request"},
	{"bounds a call by ten milliseconds", calling(func(ctx context.Context, c client.Call, do perform) error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
		return do(ctx, c)
	}), "returned an error that carries no failure"},
	{"leaves the host to a header", sending(func(r *http.Request) { r.Host = "api.sample.example" }), "sent an unexpected request"},
	{"asks first what it may do", calling(func(ctx context.Context, c client.Call, do perform) error {
		o := *c.Operation
		o.Method = http.MethodOptions
		_ = do(ctx, client.Call{Operation: &o, Params: c.Params, Query: c.Query})
		return do(ctx, c)
	}), "sent an unexpected request"},
}

// correctHabits are what programs of real life do, and may.
var correctHabits = []correctClient{
	{"reads on in the background where the context of its call ended", calling(func(ctx context.Context, c client.Call, do perform) error {
		detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		done := make(chan error, 1)
		go func() {
			defer cancel()
			done <- do(detached, c)
		}()
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	})},
	{"resends GET once where the connection was closed", resending(func(r *http.Request) bool { return r.Method == http.MethodGet }, 2)},
	{"resends what is idempotent three times", resending(func(r *http.Request) bool {
		return r.Method != http.MethodPost && r.Method != http.MethodPatch
	}, 4)},
	{"declares retries, and resends too", declared(retryingBy(&transport{}), func(c *client.Config) {
		construct := c.New
		c.New = func(hc *http.Client, baseURL string) (client.Calls, error) {
			return construct(&http.Client{Transport: resendingTransport{hc.Transport, func(r *http.Request) bool {
				return r.Method == http.MethodPatch || r.Method == http.MethodGet
			}, 2}}, baseURL)
		}
	})},
	{"asks for gzip, and reads it", transported(func(r *http.Request, below http.RoundTripper) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.Header.Set("Accept-Encoding", "gzip")
		response, err := below.RoundTrip(r)
		if err != nil || response.Header.Get("Content-Encoding") != "gzip" {
			return response, err
		}
		plain, err := gzip.NewReader(response.Body)
		if err != nil {
			response.Body.Close()
			return nil, err
		}
		response.Body = struct {
			io.Reader
			io.Closer
		}{plain, response.Body}
		response.Header.Del("Content-Encoding")
		response.ContentLength = -1
		return response, nil
	})},
	{"asks for no encoding", sending(func(r *http.Request) { r.Header.Set("Accept-Encoding", "identity, gzip;q=0") })},
	{"has ten slots, and waits for one with its context", living(slotted(10, true, false))},
	{"has a pool of buffers", living(func(do perform) perform {
		buffers := sync.Pool{New: func() any { return new(bytes.Buffer) }}
		return func(ctx context.Context, c client.Call) error {
			buffer := buffers.Get().(*bytes.Buffer)
			defer buffers.Put(buffer)
			buffer.Reset()
			buffer.Write(c.Body)
			if c.Body != nil {
				c.Body = buffer.Bytes()
			}
			return do(ctx, c)
		}
	})},
	{"rounds waits up to seconds", misreading(func(f *client.Failure) {
		f.RetryAfter = (f.RetryAfter + time.Second - 1).Truncate(time.Second)
	})},
	{"counts dates from its own clock", reading(func(r *http.Response, _ []byte, f *client.Failure) {
		if until, err := http.ParseTime(r.Header.Get("Retry-After")); err == nil {
			f.RetryAfter = max(0, time.Until(until))
		}
	})},
	{"sends the headers of SDKs", sending(func(r *http.Request) {
		for name, value := range map[string]string{
			"User-Agent": "connector/1 (gzip)", "Client-Request-Id": "4d5a2c1e-0000-4000-8000-000000000001", "Return-Client-Request-Id": "true",
			"ConsistencyLevel": "eventual", "SdkVersion": "graph-go/1", "X-Goog-Api-Client": "gl-go/1.26", "X-Goog-User-Project": "project",
			"X-Goog-Request-Params": "a=b", "Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Tracestate": "a=b",
			"Baggage": "a=b", "X-Request-Id": "1", "Accept-Language": "de", "Cache-Control": "no-cache", "Accept-Charset": "utf-8",
		} {
			r.Header.Set(name, value)
		}
	})},
	{"accepts JSON among others", sending(func(r *http.Request) {
		r.Header["Accept"] = []string{"application/json;odata.metadata=none;q=0.9", "text/plain, */*;q=0.1"}
	})},
	{"accepts everything", sending(func(r *http.Request) { r.Header.Set("Accept", "*/*") })},
	{"names nothing that it accepts", sending(func(r *http.Request) { r.Header.Del("Accept") })},
	{"sends the condition that it declares", declaringAdds(sending(func(r *http.Request) { r.Header.Set("If-Match", "*") }),
		client.Addition{Headers: []string{"if-match"}})},
	{"has a declared parameter on each page", declaringAdds(paging(false, follow, "fields"), client.Addition{Query: []string{"fields"}})},
	{"waits out Retry-After before its next call", living(func(do perform) perform {
		var mutex sync.Mutex
		var until time.Time
		return func(ctx context.Context, c client.Call) error {
			mutex.Lock()
			wait := time.Until(until)
			mutex.Unlock()
			if !slept(ctx, wait) {
				return ctx.Err()
			}
			err := do(ctx, c)
			if f, ok := errors.AsType[client.Failure](err); ok {
				mutex.Lock()
				until = time.Now().Add(f.RetryAfter)
				mutex.Unlock()
			}
			return err
		}
	})},
	{"opens its circuit where three in five fail", living(func(do perform) perform {
		var mutex sync.Mutex
		requests, failures := 0, 0
		return func(ctx context.Context, c client.Call) error {
			mutex.Lock()
			open := requests >= 10 && 5*failures >= 3*requests
			mutex.Unlock()
			if open {
				return errors.New("the circuit is open")
			}
			err := do(ctx, c)
			mutex.Lock()
			defer mutex.Unlock()
			if requests++; err != nil {
				failures++
			}
			return err
		}
	})},
	{"has a bucket of tokens", living(func(do perform) perform {
		bucket := make(chan struct{}, 4)
		for range cap(bucket) {
			bucket <- struct{}{}
		}
		go func() {
			for range time.Tick(50 * time.Millisecond) {
				bucket <- struct{}{}
			}
		}()
		return func(ctx context.Context, c client.Call) error {
			select {
			case <-bucket:
				return do(ctx, c)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})},
	{"returns pointers to errors of its own", surfacing(func(f client.Failure) error { return &pooledError{failure: f} }, pooledFailure)},
	{"says what it could not do", calling(func(ctx context.Context, c client.Call, do perform) error {
		if err := do(ctx, c); err != nil {
			return fmt.Errorf("%s: %w", c.Operation.ID, err)
		}
		return nil
	})},
	{"has a failure without a status where there is no response", calling(func(ctx context.Context, c client.Call, do perform) error {
		err := do(ctx, c)
		if err != nil && !errors.As(err, new(client.Failure)) {
			return client.Failure{Code: "transport", Message: err.Error()}
		}
		return err
	})},
	{"refreshes its token between calls", sending(func(r *http.Request) { r.Header.Set("Authorization", fmt.Sprint("Bearer ", rand.Int())) })},
	{"copies what it is given", calling(func(ctx context.Context, c client.Call, do perform) error {
		own := client.Minimal(c.Operation)
		if c.Body != nil {
			own.Body = bytes.Clone(c.Body)
		}
		maps.Copy(own.Params, c.Params)
		maps.Copy(own.Query, c.Query)
		defer clear(own.Params)
		return do(ctx, own)
	})},
	{"drains what it does not read", receiving(func(r *http.Response) { r.Body = drained{r.Body} })},
}

// slotted has slots for some calls at once. It waits for one with its context, or not, and loses it with a failure, or not.
func slotted(slots int, withContext, loses bool) func(do perform) perform {
	return func(do perform) perform {
		taken := make(chan struct{}, slots)
		return func(ctx context.Context, c client.Call) error {
			done := ctx.Done()
			if !withContext {
				done = nil
			}
			select {
			case taken <- struct{}{}:
			case <-done:
				return ctx.Err()
			}
			err := do(ctx, c)
			if err == nil || !loses {
				<-taken
			}
			return err
		}
	}
}

// retryingUntil retries for so long after the instance was made, as who shares one state of a backoff between calls.
func retryingUntil(end time.Duration) client.Config {
	c := retrytest.Config(http.StatusTooManyRequests, http.StatusServiceUnavailable)
	retrying := c.New
	c.New = func(given *http.Client, baseURL string) (client.Calls, error) {
		began := time.Now()
		calls, err := retrying(given, baseURL)
		return client.Calls{"*": func(ctx context.Context, call client.Call) error {
			if time.Since(began) >= end {
				return wire.New(given, baseURL).Do(ctx, call)
			}
			return calls["*"](ctx, call)
		}}, err
	}
	return c
}

// remembering changes each failure by what the ones before left.
func remembering(change func(last, f *client.Failure)) func(do perform) perform {
	return func(do perform) perform {
		var mutex sync.Mutex
		var last client.Failure
		return func(ctx context.Context, c client.Call) error {
			err := do(ctx, c)
			f, ok := errors.AsType[client.Failure](err)
			if !ok {
				return err
			}
			mutex.Lock()
			defer mutex.Unlock()
			change(&last, &f)
			last = f
			return f
		}
	}
}

// resending sends some requests again where the connection was closed, so often in all.
func resending(which func(*http.Request) bool, times int) client.Config {
	return constructing(func(hc *http.Client, baseURL string) *wire.Client {
		return wire.New(&http.Client{Transport: resendingTransport{hc.Transport, which, times}}, baseURL)
	})
}

type resendingTransport struct {
	http.RoundTripper
	which func(*http.Request) bool
	times int
}

// RoundTrip implements http.RoundTripper.
func (t resendingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	for attempt := 1; ; attempt++ {
		again := r.Clone(r.Context())
		if r.GetBody != nil {
			again.Body, _ = r.GetBody()
		}
		response, err := t.RoundTripper.RoundTrip(again)
		if !errors.Is(err, io.EOF) || !t.which(r) || attempt == t.times || !slept(r.Context(), time.Second) {
			return response, err
		}
	}
}

type pooledError struct{ failure client.Failure }

func (e *pooledError) Error() string { return e.failure.Error() }

func pooledFailure(c *client.Config) {
	c.Failure = func(err error) (client.Failure, bool) {
		own, ok := errors.AsType[*pooledError](err)
		if !ok {
			return client.Failure{}, false
		}
		return own.failure, true
	}
}

// receivingAny has each response read by a function first, whose error the call returns.
func receivingAny(read func(*http.Response) error) client.Config {
	return transported(func(r *http.Request, below http.RoundTripper) (*http.Response, error) {
		response, err := below.RoundTrip(r)
		if err == nil {
			if err = read(response); err != nil {
				response.Body.Close()
				return nil, err
			}
		}
		return response, err
	})
}

func dropQuery(r *http.Request, name string) {
	query := r.URL.Query()
	query.Del(name)
	r.URL.RawQuery = query.Encode()
}

// drained is a body that is read to its end before it is closed.
type drained struct{ io.ReadCloser }

func (b drained) Close() error {
	_, _ = io.Copy(io.Discard, b.ReadCloser)
	return b.ReadCloser.Close()
}
