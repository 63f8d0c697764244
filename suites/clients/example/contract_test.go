package coursesync

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/graph"
)

var connector = clients.Config{
	Name:       "coursesync",
	Operations: []string{"graph.create", "graph.update", "graph.delete"},
	Exposes:    []clients.Field{clients.Status, clients.Code, clients.Message, clients.RequestID, clients.RetryAfter},
	New: func(client *http.Client, baseURL string) clients.Client {
		return clients.Func(func(ctx context.Context, call clients.Call) (clients.Failure, error) {
			c := &Connector{HTTP: client, BaseURL: baseURL, Provider: call.Params["registrationId"]}
			err := map[string]func() error{
				"graph.create": func() error { return c.Assign(ctx, call.Body) },
				"graph.update": func() error { return c.Progress(ctx, call.Params["id"], call.Body) },
				"graph.delete": func() error { return c.Withdraw(ctx, call.Params["id"]) },
			}[call.Operation.ID]()
			var f *Failure
			if errors.As(err, &f) {
				return clients.Failure{Status: f.Status, Code: f.Code, Message: f.Message, RequestID: f.RequestID, RetryAfter: f.Wait}, nil
			}
			return clients.Failure{}, err
		})
	},
}

// TestContract asks from a plain Go test.
func TestContract(t *testing.T) { graph.Test(t, connector) }
