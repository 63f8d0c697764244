package exchange_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// throttled responds as Microsoft Graph documents for a throttled update.
func throttled(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Retry-After", "300")
	w.WriteHeader(http.StatusTooManyRequests)
	_, _ = io.WriteString(w, `{"error":{"code":"TooManyRequests","message":"Retry after 5 minutes","innerError":{}}}`)
}

func ExampleCapture() {
	recorder := httptest.NewRecorder()
	throttled(recorder, nil)
	response := recorder.Result()

	x, err := exchange.Capture(response)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(x)

	// The response's body can still be read.
	body, err := io.ReadAll(response.Body)
	fmt.Println(len(body) == len(x.Body()), err)
	// Output:
	// 429 Too Many Requests
	// Content-Type: application/json
	// Retry-After: 300
	//
	// {"error":{"code":"TooManyRequests","message":"Retry after 5 minutes","innerError":{}}}
	// true <nil>
}

func ExampleNew() {
	contract, err := fixtures.Load("graph")
	if err != nil {
		log.Fatal(err)
	}
	// The documented response, without a server.
	wording := contract.Clause("graph.get.assignment-not-found").Wordings[0]
	operation := wording.Clause.Operation
	x := exchange.New(operation.Method, operation.URL(), wording.Response(), time.Now())

	code, _ := x.At("/error/code")
	fmt.Println(x.Status(), code)
	// Output: 404 Not Found
}

func ExampleRetryAfter() {
	recorder := httptest.NewRecorder()
	throttled(recorder, nil)
	x, err := exchange.Capture(recorder.Result())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(exchange.RetryAfter(x))
	// Output: 5m0s <nil>
}
