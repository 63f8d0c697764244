package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/learncontract/learncontract/suites/client"
)

// apiError is what the connector's callers get where the API responds with a failure.
type apiError struct {
	status        int
	code, message string
}

func (e *apiError) Error() string {
	return fmt.Sprintf("graph: %d %s: %s", e.status, e.code, e.message)
}

// connector is the client under contract.
type connector struct {
	http              *http.Client
	baseURL, provider string
}

func (c *connector) withdraw(ctx context.Context, id string) error {
	address := c.baseURL + "/employeeExperience/learningProviders/" + c.provider + "/learningCourseActivities/" + id
	request, err := http.NewRequestWithContext(ctx, http.MethodDelete, address, nil)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode < http.StatusBadRequest {
		return nil
	}
	return &apiError{status: response.StatusCode} // a connector reads the body here
}

func ExampleConfig() {
	config := client.Config{
		Name: "coursesync",
		New: func(hc *http.Client, baseURL string) (client.Calls, error) {
			c := &connector{hc, baseURL, client.Example("graph.delete", "registrationId")}
			return client.Calls{
				"graph.delete": func(ctx context.Context, call client.Call) error { return c.withdraw(ctx, call.Params["id"]) },
			}, nil
		},
		Failure: func(err error) (client.Failure, bool) {
			e, ok := errors.AsType[*apiError](err)
			if !ok {
				return client.Failure{}, false
			}
			return client.Failure{Status: e.status, Code: e.code, Message: e.message}, true
		},
		Exposes: []client.Field{client.Status, client.Code, client.Message},
	}

	failure, ok := config.Failure(fmt.Errorf("withdraw: %w", &apiError{http.StatusForbidden, "Forbidden", "no license"}))
	fmt.Println(failure, ok)
	// Output: 403 Forbidden Forbidden: no license true
}
