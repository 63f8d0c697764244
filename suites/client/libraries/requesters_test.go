package libraries_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/carlmjohnson/requests"
	"github.com/dghubble/sling"
	restyv2 "github.com/go-resty/resty/v2"
	"github.com/imroc/req/v3"
	"resty.dev/v3"

	"github.com/learncontract/learncontract/suites/client"
)

// ofRequesters are clients of libraries that build requests. Those that have path parameters escape them themselves.
func ofRequesters() []client.Config {
	return []client.Config{
		ofRestyV2("resty v2", func(*restyv2.Client) {}),
		ofResty("resty v3", func(*resty.Client) {}),
		ofReq("imroc/req", func(*req.Client) {}),
		{Name: "sling", New: func(given *http.Client, baseURL string) (client.Calls, error) {
			base := sling.New().Client(given).Set("Accept", "application/json")
			return perform(func(ctx context.Context, call client.Call) error {
				request := withMethod(base.New(), call.Operation.Method, addressOf(baseURL, call))
				if call.Body != nil {
					request.BodyJSON(json.RawMessage(call.Body))
				}
				built, err := request.Request()
				if err != nil {
					return err
				}
				var received json.RawMessage
				response, err := request.Do(built.WithContext(ctx), nil, &received) //nolint:bodyclose // sling closes it
				if err != nil {
					return err
				}
				return failure(response.StatusCode, response.Header, received)
			}).all(), nil
		}},
		{Name: "carlmjohnson/requests", New: func(given *http.Client, baseURL string) (client.Calls, error) {
			return perform(func(ctx context.Context, call client.Call) error {
				request := requests.URL(addressOf(baseURL, call)).Client(given).Method(call.Operation.Method).
					AddValidator(func(response *http.Response) error {
						body, err := io.ReadAll(response.Body)
						if err != nil {
							return err
						}
						return failure(response.StatusCode, response.Header, body)
					})
				if call.Body != nil {
					request.BodyBytes(call.Body).ContentType("application/json")
				}
				return request.Fetch(ctx)
			}).all(), nil
		}},
	}
}

// withMethod is sling's request of the method.
func withMethod(s *sling.Sling, method, address string) *sling.Sling {
	switch method {
	case http.MethodGet:
		return s.Get(address)
	case http.MethodPost:
		return s.Post(address)
	case http.MethodPatch:
		return s.Patch(address)
	case http.MethodPut:
		return s.Put(address)
	case http.MethodDelete:
		return s.Delete(address)
	}
	panic(fmt.Sprintf("no operation has the method %s", method))
}

// quiet logs nothing.
type quiet struct{}

func (quiet) Errorf(string, ...any) {}
func (quiet) Warnf(string, ...any)  {}
func (quiet) Debugf(string, ...any) {}

// ofRestyV2 is a client of resty v2, which New configures.
func ofRestyV2(name string, configure func(*restyv2.Client)) client.Config {
	return client.Config{Name: name, New: func(given *http.Client, baseURL string) (client.Calls, error) {
		c := restyv2.NewWithClient(given).SetBaseURL(baseURL).SetLogger(quiet{})
		configure(c)
		return perform(func(ctx context.Context, call client.Call) error {
			request := c.R().SetContext(ctx).SetPathParams(call.Params).SetQueryParams(call.Query)
			if call.Body != nil {
				request.SetHeader("Content-Type", "application/json").SetBody(call.Body)
			}
			response, err := request.Execute(call.Operation.Method, call.Operation.Path)
			if err != nil {
				return err
			}
			return failure(response.StatusCode(), response.Header(), response.Body())
		}).all(), nil
	}}
}

// ofResty is a client of resty v3, which New configures.
func ofResty(name string, configure func(*resty.Client)) client.Config {
	return client.Config{Name: name, New: func(given *http.Client, baseURL string) (client.Calls, error) {
		c := resty.NewWithClient(given).SetBaseURL(baseURL).SetLogger(quiet{})
		configure(c)
		return perform(func(ctx context.Context, call client.Call) error {
			request := c.R().SetContext(ctx).SetPathParams(call.Params).SetQueryParams(call.Query)
			if call.Body != nil {
				request.SetContentType("application/json").SetBody(call.Body)
			}
			response, err := request.Execute(call.Operation.Method, call.Operation.Path)
			if err != nil {
				return err
			}
			return failure(response.StatusCode(), response.Header(), response.Bytes())
		}).all(), nil
	}}
}

// ofReq is a client of imroc/req, which New configures.
func ofReq(name string, configure func(*req.Client)) client.Config {
	return client.Config{Name: name, New: func(given *http.Client, baseURL string) (client.Calls, error) {
		c := req.C().SetBaseURL(baseURL).SetLogger(nil)
		c.GetTransport().WrapRoundTripFunc(func(http.RoundTripper) req.HttpRoundTripFunc { return given.Transport.RoundTrip })
		configure(c)
		return perform(func(ctx context.Context, call client.Call) error {
			request := c.R().SetContext(ctx).SetPathParams(call.Params).SetQueryParams(call.Query)
			if call.Body != nil {
				request.SetBodyJsonBytes(call.Body)
			}
			response, err := request.Send(call.Operation.Method, strings.TrimPrefix(call.Operation.Path, "/"))
			if err != nil {
				return err
			}
			return failure(response.GetStatusCode(), response.Header, response.Bytes())
		}).all(), nil
	}}
}
