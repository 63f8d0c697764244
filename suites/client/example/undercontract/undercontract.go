// Package undercontract plugs the connector into the contract.
package undercontract

import (
	"context"
	"errors"
	"net/http"

	"github.com/learncontract/learncontract/suites/clients"

	"example.com/coursesync"
)

// Connector is the connector, as it declares itself.
var Connector = clients.Config{
	Name:       "coursesync",
	Operations: []string{"graph.create", "graph.update", "graph.delete"},
	Exposes:    []clients.Field{clients.Status, clients.Code, clients.Message, clients.RequestID, clients.RetryAfter},
	New: func(client *http.Client, baseURL string) clients.Client {
		return clients.Func(func(ctx context.Context, call clients.Call) (clients.Failure, error) {
			c := &coursesync.Connector{HTTP: client, BaseURL: baseURL, Provider: call.Params["registrationId"]}
			err := map[string]func() error{
				"graph.create": func() error { return c.Assign(ctx, call.Body) },
				"graph.update": func() error { return c.Progress(ctx, call.Params["id"], call.Body) },
				"graph.delete": func() error { return c.Withdraw(ctx, call.Params["id"]) },
			}[call.Operation.ID]()
			var f *coursesync.Failure
			if errors.As(err, &f) {
				return clients.Failure{Status: f.Status, Code: f.Code, Message: f.Message, RequestID: f.RequestID, RetryAfter: f.Wait}, nil
			}
			return clients.Failure{}, err
		})
	},
}
