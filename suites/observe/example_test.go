package observe_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/observe"
)

// The lines between the comments are those of a TestMain.
func ExampleNew() {
	contract, err := fixtures.Load("graph")
	if err != nil {
		log.Fatal(err)
	}
	observer := observe.New(http.DefaultTransport, contract)
	connector := &http.Client{Transport: observer} // or http.DefaultTransport = observer

	// Here m.Run runs the tests. This one requests a course activity that the provider does not have.
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"error":{"code":"notFound","message":"The assignment ID requested doesn't exist.","innerError":{}}}`)
	}))
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet,
		provider.URL+"/employeeExperience/learningCourseActivities/612", nil)
	if err != nil {
		log.Fatal(err)
	}
	response, err := connector.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	response.Body.Close()
	fmt.Printf("the connector received %s with %d bytes\n", response.Status, len(body))
	provider.Close()

	// At the end:
	fmt.Print(observer.Report())
	// Output:
	// the connector received 404 Not Found with 100 bytes
	// graph learningCourseActivity: 1 error response, 1 of 41 clauses met, 40 not
	//   met    graph.get.assignment-not-found, 1 response
}
