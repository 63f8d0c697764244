package graph_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/graph"
)

// connector is the client under contract: here one that withdraws a course activity, by the reference client.
var connector = client.Config{
	Name: "coursesync",
	New: func(hc *http.Client, baseURL string) (client.Calls, error) {
		api := wire.New(hc, baseURL)
		return client.Calls{
			"graph.delete": func(ctx context.Context, call client.Call) error { return api.Do(ctx, call) },
		}, nil
	},
	Failure: func(err error) (client.Failure, bool) { return errors.AsType[client.Failure](err) },
}

// In a file of tests, TestGraphErrors is a function of the package.
func ExampleTest() {
	var TestGraphErrors = func(t *testing.T) { graph.Test(t, connector) } //nolint:thelper // a test

	_ = TestGraphErrors // go test runs it: go test -run TestGraphErrors/graph.delete.throttled
	// Output:
}
