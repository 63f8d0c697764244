// Package kiota is Microsoft's own client of Graph as a client under contract: the error model of msgraph-sdk-go behind the
// adapter of kiota-http-go, and what its caller can see of a failure.
//
// It leaves out the SDK's generated request builders, which take 4.5 GB to compile: it makes their requests by hand. It must
// not know what is documented of failures, or which specs ask.
package kiota

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/authentication"
	sdk "github.com/microsoft/kiota-http-go"
	kiotajson "github.com/microsoft/kiota-serialization-json-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"

	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/clients/wire"
)

// Config is the client whose caller looks at the *odataerrors.ODataError that a call returns. It asks once: the http.Client
// has none of kiota's middleware.
func Config() clients.Config {
	return config("msgraph-sdk-go", func(client *http.Client) *http.Client { return client })
}

// Retrying is the client as it is shipped: its http.Client is kiota's default one, which waits and asks again, compresses
// what it sends, and ends a call after 100 seconds.
func Retrying() clients.Config {
	c := config("msgraph-sdk-go + middleware", func(client *http.Client) *http.Client {
		return Middleware(client, sdk.GetDefaultMiddlewares())
	})
	c.Retries = true
	c.RetriesOn = []int{http.StatusTooManyRequests, http.StatusServiceUnavailable}
	return c
}

// Middleware is kiota's default http.Client with the middleware, above the client's transport.
func Middleware(client *http.Client, middleware []sdk.Middleware) *http.Client {
	shipped := sdk.GetDefaultClient()
	shipped.Transport = sdk.NewCustomTransportWithParentTransport(client.Transport, middleware...)
	return shipped
}

func config(name string, of func(*http.Client) *http.Client) clients.Config {
	return clients.Config{
		Name: name,
		New:  func(client *http.Client, baseURL string) clients.Client { return New(of(client), baseURL) },
		Exposes: []clients.Field{
			clients.Status, clients.Code, clients.Message, clients.Details, clients.RetryAfter, clients.RequestID,
		},
	}
}

// New is the client that asks by the http.Client.
func New(client *http.Client, baseURL string) clients.Client {
	return &kiota{client, baseURL}
}

type kiota struct {
	http    *http.Client
	baseURL string
}

// methods are the HTTP methods as kiota numbers them.
var methods = map[string]abstractions.HttpMethod{
	http.MethodGet: abstractions.GET, http.MethodPost: abstractions.POST,
	http.MethodPatch: abstractions.PATCH, http.MethodDelete: abstractions.DELETE,
}

// Do implements clients.Client.
func (k *kiota) Do(ctx context.Context, call clients.Call) (clients.Failure, error) {
	adapter, err := sdk.NewNetHttpRequestAdapterWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		&authentication.AnonymousAuthenticationProvider{}, kiotajson.NewJsonParseNodeFactory(), nil, k.http)
	if err != nil {
		return clients.Failure{}, err
	}
	adapter.SetBaseUrl(k.baseURL)
	request, err := requestOf(call)
	if err != nil {
		return clients.Failure{}, err
	}
	// What a success holds is for the builders' models.
	return failure(adapter.SendNoContent(ctx, request, abstractions.ErrorMappings{
		"XXX": odataerrors.CreateODataErrorFromDiscriminatorValue,
	}))
}

// requestOf is the request that the SDK's builders make of a call.
func requestOf(call clients.Call) (*abstractions.RequestInformation, error) {
	method, known := methods[call.Operation.Method]
	if !known {
		return nil, fmt.Errorf("%s: the SDK has no builder that asks by %s", call.Operation.ID, call.Operation.Method)
	}
	request := abstractions.NewRequestInformation()
	request.Method = method
	request.UrlTemplate = "{+baseurl}" + call.Operation.Path
	if len(call.Query) > 0 {
		request.UrlTemplate += "{?" + strings.Join(slices.Sorted(maps.Keys(call.Query)), ",") + "}"
	}
	maps.Copy(request.PathParameters, call.Params)
	maps.Copy(request.QueryParameters, call.Query)
	request.Headers.Add("Accept", "application/json")
	if call.Body != nil {
		request.SetStreamContentAndContentType(call.Body, "application/json")
	}
	return request, nil
}

// failure is what the caller sees of the error of a call. The zero Failure is a success.
func failure(err error) (clients.Failure, error) {
	var answered *odataerrors.ODataError
	if !errors.As(err, &answered) {
		return clients.Failure{}, err
	}
	_ = answered.Error() // whoever logs an error calls it
	f := clients.Failure{Status: answered.ResponseStatusCode}
	header := http.Header{} // kiota's names are lower-case
	for _, name := range []string{"Retry-After", "Date"} {
		header[name] = answered.GetResponseHeaders().Get(name)
	}
	f.RetryAfter = wire.RetryAfter(header)
	main := answered.GetErrorEscaped()
	if main == nil {
		return f, nil
	}
	f.Code, f.Message = text(main.GetCode()), text(main.GetMessage())
	for _, d := range main.GetDetails() {
		f.Details = append(f.Details, clients.Detail{Code: text(d.GetCode()), Message: text(d.GetMessage())})
	}
	if inner := main.GetInnerError(); inner != nil {
		f.RequestID = text(inner.GetRequestId())
	}
	return f, nil
}

// text is "" for none.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
