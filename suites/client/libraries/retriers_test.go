package libraries_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
	restyv2 "github.com/go-resty/resty/v2"
	"github.com/googleapis/gax-go/v2"
	"github.com/hashicorp/go-retryablehttp"
	"github.com/imroc/req/v3"
	"resty.dev/v3"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
)

// retried are the statuses that the clients retry after.
var retried = []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable}

const (
	attempts = 4
	patience = 10 * time.Minute // of clients that give up rather than wait longer
)

// ofRetriers are clients that retry.
func ofRetriers() []client.Config {
	list := []client.Config{
		around("backoff v5", func() func(perform) perform { return byBackoff }),
		around("gax.Invoke", func() func(perform) perform { return byGax }),
		ofRestyV2("resty v2 that retries", func(c *restyv2.Client) {
			c.SetRetryCount(attempts - 1).SetRetryWaitTime(time.Second).SetRetryMaxWaitTime(patience).
				AddRetryCondition(func(r *restyv2.Response, err error) bool {
					return err == nil && slices.Contains(retried, r.StatusCode())
				}).
				SetRetryAfter(func(_ *restyv2.Client, r *restyv2.Response) (time.Duration, error) {
					wait := retryAfter(r.Header())
					if wait > patience {
						return 0, failure(r.StatusCode(), r.Header(), r.Body())
					}
					return wait, nil // zero is for its own backoff
				})
		}),
		ofResty("resty v3 that retries", func(c *resty.Client) {
			retryingByResty(c).SetRetryAllowNonIdempotent(true)
		}),
		declaring(func(c *client.Config) {
			c.RetriesIf = func(clause *fixtures.Clause) bool {
				return clause.Operation.Method != http.MethodPost && clause.Operation.Method != http.MethodPatch
			}
		}, ofResty("resty v3 that retries what is idempotent", func(c *resty.Client) {
			retryingByResty(c)
		})),
		ofReq("imroc/req that retries", func(c *req.Client) {
			c.SetCommonRetryCount(attempts - 1).
				SetCommonRetryCondition(func(r *req.Response, err error) bool {
					return err == nil && slices.Contains(retried, r.GetStatusCode())
				}).
				SetCommonRetryInterval(func(r *req.Response, attempt int) time.Duration {
					if wait := retryAfter(r.Header); wait > 0 {
						return wait
					}
					return grown(attempt)
				})
		}),
		with("go-retryablehttp", func(given *http.Client) *http.Client { return retryable(given).StandardClient() }),
		with("go-retryablehttp with jitter", func(given *http.Client) *http.Client {
			c := retryable(given)
			c.Backoff, c.RetryWaitMin, c.RetryWaitMax = retryablehttp.RateLimitLinearJitterBackoff, 800*time.Millisecond, 1200*time.Millisecond
			return c.StandardClient()
		}),
	}
	errata := map[string]string{
		"resty v3 that retries": "resty", "resty v3 that retries what is idempotent": "resty-idempotent", "imroc/req that retries": "req",
		"go-retryablehttp": "retryablehttp", "go-retryablehttp with jitter": "retryablehttp-jitter",
	}
	for i := range list {
		config := &list[i]
		config.Retries, config.RetriesOn = true, retried
		if file := errata[config.Name]; file != "" {
			config.Errata = "testdata/errata/" + file + ".yaml"
		}
	}
	return list
}

// retryingByResty has resty retry by its own conditions and waits.
func retryingByResty(c *resty.Client) *resty.Client {
	return c.SetRetryCount(attempts-1).
		AddRetryConditions(resty.RetryConditionStatusTooManyRequests, resty.RetryConditionStatus5XX)
}

// grown is the wait after an attempt, from 1 on, that nothing says how long to wait after.
func grown(attempt int) time.Duration {
	limit := time.Second << attempt
	return limit/2 + rand.N(limit/2)
}

// retryable is a client of go-retryablehttp that gives its caller the last response.
func retryable(given *http.Client) *retryablehttp.Client {
	c := retryablehttp.NewClient()
	c.HTTPClient, c.Logger, c.ErrorHandler = given, nil, retryablehttp.PassthroughErrorHandler
	return c
}

// byBackoff retries by backoff v5, whose backoff each call has for itself.
func byBackoff(next perform) perform {
	return func(ctx context.Context, call client.Call) error {
		_, err := backoff.Retry(ctx, func() (struct{}, error) {
			err := next(ctx, call)
			f, ok := errors.AsType[client.Failure](err)
			switch {
			case err == nil:
				return struct{}{}, nil
			case !ok || !slices.Contains(retried, f.Status):
				return struct{}{}, backoff.Permanent(err)
			case f.RetryAfter > 0:
				return struct{}{}, errors.Join(err, &backoff.RetryAfterError{Duration: f.RetryAfter})
			}
			return struct{}{}, err
		}, backoff.WithMaxTries(attempts))
		return err
	}
}

// byGax retries by gax.Invoke.
func byGax(next perform) perform {
	return func(ctx context.Context, call client.Call) error {
		return gax.Invoke(ctx, func(ctx context.Context, _ gax.CallSettings) error { return next(ctx, call) },
			gax.WithRetry(func() gax.Retryer { return &obedient{left: attempts - 1} }))
	}
}

// obedient is gax's backoff, of so many retries, where no response names a time to wait.
type obedient struct {
	left    int
	backoff gax.Backoff
}

// Retry implements gax.Retryer.
func (r *obedient) Retry(err error) (time.Duration, bool) {
	f, ok := errors.AsType[client.Failure](err)
	if r.left--; r.left < 0 || !ok || !slices.Contains(retried, f.Status) {
		return 0, false
	}
	if f.RetryAfter > 0 {
		return f.RetryAfter, true
	}
	return r.backoff.Pause(), true
}
