package libraries_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"sync"
	"time"

	"github.com/gregjones/httpcache"
	"github.com/sony/gobreaker/v2"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"

	"github.com/learncontract/learncontract/suites/client"
)

// ofNetHTTP are clients of net/http, and what is put around it.
func ofNetHTTP() []client.Config {
	shared := rate.NewLimiter(rate.Every(10*time.Millisecond), 2)
	return []client.Config{
		with("net/http", func(given *http.Client) *http.Client { return given }),
		with("http.Client.Timeout", func(given *http.Client) *http.Client {
			return &http.Client{Transport: given.Transport, Timeout: 30 * time.Second}
		}),
		with("httputil.DumpResponse", func(given *http.Client) *http.Client {
			return &http.Client{Transport: dumping{given.Transport, io.Discard}}
		}),
		with("x/oauth2 static token", func(given *http.Client) *http.Client {
			ctx := context.WithValue(context.Background(), oauth2.HTTPClient, given)
			return oauth2.NewClient(ctx, oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token"}))
		}),
		declaring(func(c *client.Config) { c.TokenURL = tokenURL }, with("x/oauth2 client credentials", func(given *http.Client) *http.Client {
			ctx := context.WithValue(context.Background(), oauth2.HTTPClient, given)
			return (&clientcredentials.Config{ClientID: "id", ClientSecret: "secret", TokenURL: tokenURL}).Client(ctx)
		})),
		with("otelhttp", func(given *http.Client) *http.Client {
			return &http.Client{Transport: otelhttp.NewTransport(given.Transport)}
		}),
		with("httpcache", func(given *http.Client) *http.Client {
			cached := httpcache.NewMemoryCacheTransport()
			cached.Transport = given.Transport
			return cached.Client()
		}),
		around("gobreaker", func() func(perform) perform {
			breaker := gobreaker.NewCircuitBreaker[any](gobreaker.Settings{IsSuccessful: func(err error) bool {
				f, ok := errors.AsType[client.Failure](err)
				return err == nil || ok && f.Status < http.StatusInternalServerError
			}})
			return func(next perform) perform {
				return func(ctx context.Context, call client.Call) error {
					_, err := breaker.Execute(func() (any, error) { return nil, next(ctx, call) })
					return err
				}
			}
		}),
		around("x/time/rate", func() func(perform) perform {
			return limited(rate.NewLimiter(rate.Limit(10), 1))
		}),
		around("x/time/rate shared by instances", func() func(perform) perform { return limited(shared) }),
		around("x/sync/semaphore", func() func(perform) perform {
			slots := semaphore.NewWeighted(1)
			return func(next perform) perform {
				return func(ctx context.Context, call client.Call) error {
					if err := slots.Acquire(ctx, 1); err != nil {
						return err
					}
					defer slots.Release(1)
					return next(ctx, call)
				}
			}
		}),
		around("x/sync/singleflight", func() func(perform) perform {
			var group singleflight.Group
			return func(next perform) perform {
				return func(ctx context.Context, call client.Call) error {
					if call.Operation.Method != http.MethodGet {
						return next(ctx, call)
					}
					_, err, _ := group.Do(addressOf("", call), func() (any, error) { return nil, next(ctx, call) })
					return err
				}
			}
		}),
		around("a worker", func() func(perform) perform {
			type job struct {
				run  func() error
				done chan<- error
			}
			jobs := make(chan job)
			go func() {
				for job := range jobs {
					job.done <- job.run()
				}
			}()
			return func(next perform) perform {
				return func(ctx context.Context, call client.Call) error {
					done := make(chan error, 1)
					select {
					case jobs <- job{func() error { return next(ctx, call) }, done}:
						return <-done
					case <-ctx.Done():
						return ctx.Err()
					}
				}
			}
		}),
		pooling(),
		piping(),
		following(),
	}
}

// tokenURL is where the client signs in.
const tokenURL = "https://login.example/tenant/oauth2/v2.0/token" //nolint:gosec // it is no credential

// with is a client of the http.Client that is made of the given one.
func with(name string, wrap func(*http.Client) *http.Client) client.Config {
	return client.Config{Name: name, New: func(given *http.Client, baseURL string) (client.Calls, error) {
		return sending(wrap(given).Do, baseURL).all(), nil
	}}
}

// sending performs a call by a function that sends a request.
func sending(do func(*http.Request) (*http.Response, error), baseURL string) perform {
	return func(ctx context.Context, call client.Call) error {
		request, err := requestOf(ctx, baseURL, call)
		if err != nil {
			return err
		}
		return finish(do(request))
	}
}

// around is a client of net/http, whose calls go through what each instance makes.
func around(name string, instance func() func(perform) perform) client.Config {
	return client.Config{Name: name, New: func(given *http.Client, baseURL string) (client.Calls, error) {
		return instance()(sending(given.Do, baseURL)).all(), nil
	}}
}

func limited(limiter *rate.Limiter) func(perform) perform {
	return func(next perform) perform {
		return func(ctx context.Context, call client.Call) error {
			if err := limiter.Wait(ctx); err != nil {
				return err
			}
			return next(ctx, call)
		}
	}
}

// dumping writes each request and response to a log.
type dumping struct {
	next http.RoundTripper
	log  io.Writer
}

// RoundTrip implements http.RoundTripper.
func (d dumping) RoundTrip(request *http.Request) (*http.Response, error) {
	sent, err := httputil.DumpRequestOut(request, true)
	if err != nil {
		return nil, err
	}
	response, err := d.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	received, err := httputil.DumpResponse(response, true)
	if err != nil {
		response.Body.Close()
		return nil, err
	}
	_, err = d.log.Write(append(sent, received...))
	return response, err
}

// pooling is a client that reads responses into buffers of a sync.Pool.
func pooling() client.Config {
	buffers := sync.Pool{New: func() any { return new(bytes.Buffer) }}
	return client.Config{Name: "sync.Pool", New: func(given *http.Client, baseURL string) (client.Calls, error) {
		return perform(func(ctx context.Context, call client.Call) error {
			request, err := requestOf(ctx, baseURL, call)
			if err != nil {
				return err
			}
			response, err := given.Do(request)
			if err != nil {
				return err
			}
			defer response.Body.Close()
			buffer, _ := buffers.Get().(*bytes.Buffer)
			defer buffers.Put(buffer)
			buffer.Reset()
			if _, err := buffer.ReadFrom(response.Body); err != nil {
				return err
			}
			return failure(response.StatusCode, response.Header, buffer.Bytes())
		}).all(), nil
	}}
}

// piping is a client that writes the request's body while it is sent.
func piping() client.Config {
	return client.Config{Name: "io.Pipe", New: func(given *http.Client, baseURL string) (client.Calls, error) {
		return perform(func(ctx context.Context, call client.Call) error {
			if call.Body == nil {
				return sending(given.Do, baseURL)(ctx, call)
			}
			reader, writer := io.Pipe()
			request, err := http.NewRequestWithContext(ctx, call.Operation.Method, addressOf(baseURL, call), reader)
			if err != nil {
				return err
			}
			request.Header.Set("Content-Type", "application/json")
			go func() {
				_, err := writer.Write(call.Body)
				writer.CloseWithError(err)
			}()
			return finish(given.Do(request))
		}).all(), nil
	}}
}

// pageToken reads a response to its end, and returns the token of the next page, or the failure that it is.
func pageToken(response *http.Response) (string, error) {
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	var page struct {
		NextPageToken string `json:"nextPageToken"`
	}
	_ = json.Unmarshal(body, &page) // what is no page has no next one
	return page.NextPageToken, failure(response.StatusCode, response.Header, body)
}

// following is a client that lists all pages.
func following() client.Config {
	return client.Config{Name: "a client that follows page tokens", New: func(given *http.Client, baseURL string) (client.Calls, error) {
		return perform(func(ctx context.Context, call client.Call) error {
			for {
				request, err := requestOf(ctx, baseURL, call)
				if err != nil {
					return err
				}
				response, err := given.Do(request)
				if err != nil {
					return err
				}
				next, err := pageToken(response)
				if err != nil || next == "" {
					return err
				}
				query := map[string]string{"pageToken": next}
				for name, value := range call.Query {
					query[name] = cmp.Or(query[name], value)
				}
				call.Query = query
			}
		}).all(), nil
	}}
}
