// Package undercontract puts the connector under contract.
package undercontract

import (
	"context"
	"errors"
	"net/http"

	"github.com/learncontract/learncontract/suites/client"

	"example.com/coursesync"
)

// provider is the learning provider of the contract's requests.
var provider = client.Example("graph.create", "registrationId")

// Connector is the connector, as it declares itself.
var Connector = client.Config{
	Name: "coursesync",
	New: func(given *http.Client, baseURL string) (client.Calls, error) {
		c := &coursesync.Connector{HTTP: given, BaseURL: baseURL, Provider: provider}
		return client.Calls{ // the operations that it performs
			"graph.create": func(ctx context.Context, call client.Call) error { return c.Assign(ctx, call.Body) },
			"graph.update": func(ctx context.Context, call client.Call) error {
				return c.Progress(ctx, call.Params["id"], call.Body)
			},
			"graph.delete": func(ctx context.Context, call client.Call) error { return c.Withdraw(ctx, call.Params["id"]) },
		}, nil
	},
	Failure: func(err error) (client.Failure, bool) { // what its caller can learn of an error
		f, ok := errors.AsType[*coursesync.Failure](err)
		if !ok {
			return client.Failure{}, false
		}
		return client.Failure{Status: f.Status, Code: f.Code, Message: f.Message, RequestID: f.RequestID, RetryAfter: f.Wait}, true
	},
	Exposes: []client.Field{client.Status, client.Code, client.Message, client.RequestID, client.RetryAfter},
}
