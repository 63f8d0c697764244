// Package kiota is Microsoft's own client of Graph as a client under contract: the error model of msgraph-sdk-go behind the
// adapter of kiota-http-go, and what its caller can learn of a failure.
//
// It leaves out the SDK's generated request builders, which take 4.5 GB to compile: it makes their requests by hand. It must
// not know what is documented of failures, or which specs call it.
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

	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/wire"
)

// Config is the client whose caller looks at the *odataerrors.ODataError that a call returns. It sends one request: the
// http.Client has none of kiota's middleware.
func Config() client.Config {
	return client.Config{
		Name:    "msgraph-sdk-go",
		New:     New,
		Failure: failure,
		Exposes: []client.Field{
			client.Status, client.Code, client.Message, client.Details, client.RetryAfter, client.RequestID,
		},
	}
}

// Retrying is the client as it is shipped: its http.Client is kiota's default one, which waits and retries, compresses
// what it sends, and ends a call after 100 seconds.
func Retrying() client.Config {
	c := Config()
	c.Name += " + middleware"
	c.New = func(given *http.Client, baseURL string) (client.Calls, error) {
		return New(Middleware(given, sdk.GetDefaultMiddlewares()), baseURL)
	}
	c.Retries = true
	c.RetriesOn = []int{http.StatusTooManyRequests, http.StatusServiceUnavailable}
	return c
}

// Middleware is kiota's default http.Client with the middleware, above the transport of the given one.
func Middleware(given *http.Client, middleware []sdk.Middleware) *http.Client {
	shipped := sdk.GetDefaultClient()
	shipped.Transport = sdk.NewCustomTransportWithParentTransport(given.Transport, middleware...)
	return shipped
}

// New constructs the client that sends by the http.Client.
func New(given *http.Client, baseURL string) (client.Calls, error) {
	adapter, err := sdk.NewNetHttpRequestAdapterWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		&authentication.AnonymousAuthenticationProvider{}, kiotajson.NewJsonParseNodeFactory(), nil, given)
	if err != nil {
		return nil, err
	}
	adapter.SetBaseUrl(baseURL)
	return client.Calls{"*": func(ctx context.Context, call client.Call) error {
		request, err := requestOf(call)
		if err != nil {
			return err
		}
		// A success's body is for the builders' models.
		return adapter.SendNoContent(ctx, request, abstractions.ErrorMappings{"XXX": odataerrors.CreateODataErrorFromDiscriminatorValue})
	}}, nil
}

// methods are the HTTP methods as kiota numbers them.
var methods = map[string]abstractions.HttpMethod{
	http.MethodGet: abstractions.GET, http.MethodPost: abstractions.POST,
	http.MethodPatch: abstractions.PATCH, http.MethodDelete: abstractions.DELETE,
}

// requestOf is the request that the SDK's builders make of a call.
func requestOf(call client.Call) (*abstractions.RequestInformation, error) {
	method, known := methods[call.Operation.Method]
	if !known {
		return nil, fmt.Errorf("%s: the SDK has no builder of a %s request", call.Operation.ID, call.Operation.Method)
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

// failure is what the caller can learn of the error of a call.
func failure(err error) (client.Failure, bool) {
	received, ok := errors.AsType[*odataerrors.ODataError](err)
	if !ok {
		return client.Failure{}, false
	}
	_ = received.Error() // whoever logs an error calls it
	f := client.Failure{Status: received.ResponseStatusCode}
	header := http.Header{} // kiota's names are lower-case
	for _, name := range []string{"Retry-After", "Date", "Request-Id"} {
		header[name] = received.GetResponseHeaders().Get(name)
	}
	f.RetryAfter, f.RequestID = wire.RetryAfter(header), header.Get("Request-Id") // innerError may be absent
	main := received.GetErrorEscaped()
	if main == nil {
		return f, true
	}
	f.Code, f.Message = text(main.GetCode()), text(main.GetMessage())
	for _, d := range main.GetDetails() {
		f.Details = append(f.Details, client.Detail{Code: text(d.GetCode()), Message: text(d.GetMessage())})
	}
	return f, true
}

// text is "" for none.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
