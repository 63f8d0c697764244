package matchers_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// A test would write gomega.NewWithT(t); the examples print their failures.
var g = gomega.NewGomega(func(text string, _ ...int) { fmt.Println(text) })

// throttled responds as the sample documents for a throttled update.
func throttled(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Retry-After", "300")
	w.WriteHeader(http.StatusTooManyRequests)
	_, _ = io.WriteString(w, `{"error":{"code":429,"status":"TooManyRequests","message":"Retry after 5 minutes","innerError":{}}}`)
}

func ExampleHonorClause() {
	contract, err := fixtures.Open(os.DirFS("../fixtures/testdata/sample")) // or Load("graph")
	if err != nil {
		log.Fatal(err)
	}
	recorder := httptest.NewRecorder()
	throttled(recorder, nil)
	response := recorder.Result()

	clause := contract.Clause("sample.things.update.throttled")
	honor := matchers.HonorClause(clause)
	g.Expect(response).To(honor)
	// The code binds by spelling: this deviation is reported and does not fail.
	for _, d := range honor.Deviations() {
		fmt.Printf("%s is %s, documented %s: %s\n", d.Field, d.Received, d.Documented, d.Note)
	}
	// Output: code is "TooManyRequests", documented "tooManyRequests": differs by spelling only
}

func ExampleHonorWording() {
	contract, err := fixtures.Open(os.DirFS("../fixtures/testdata/sample")) // or Load("graph")
	if err != nil {
		log.Fatal(err)
	}
	clause := contract.Clause("sample.things.update.throttled")
	response := clause.Wordings[1].Response()
	x := exchange.New("PATCH", clause.Operation.URL(), response, time.Now())

	// The row of the documentation has two readings, and a later edition spells it differently: which one matches?
	for _, wording := range clause.Wordings {
		ok, err := matchers.HonorWording(wording).Strictly().Match(x)
		fmt.Println(wording.ID(), ok, err)
	}
	// Output:
	// sample.things.update.throttled#error false <nil>
	// sample.things.update.throttled#text true <nil>
	// sample.things.update.throttled@second#text false <nil>
}

func ExampleBeDocumented() {
	contract, err := fixtures.Open(os.DirFS("../fixtures/testdata/sample")) // or Load("graph")
	if err != nil {
		log.Fatal(err)
	}
	recorder := httptest.NewRecorder()
	throttled(recorder, nil)

	documented := matchers.BeDocumented(contract.Operation("sample.things.update"))
	g.Expect(recorder.Result()).To(documented)
	fmt.Println(documented.Clause().ID, "so:", documented.Clause().Remedy.Do)
	// Output: sample.things.update.throttled so: wait
}

func ExampleHaveStatus() {
	recorder := httptest.NewRecorder()
	throttled(recorder, nil)

	g.Expect(recorder.Result()).To(matchers.HaveStatus(http.StatusTooManyRequests))
	g.Expect(recorder.Result()).To(matchers.HaveStatus(gomega.BeNumerically(">=", 400)))
	g.Expect(recorder.Result()).To(matchers.HaveStatus(http.StatusNotFound))
	// Output:
	// Expected the response to have
	//   status 404 Not Found
	// Got
	//   status 429 Too Many Requests
	//
	// The request:
	//   (unknown)
	// The response:
	//   429 Too Many Requests
	//   Content-Type: application/json
	//   Retry-After: 300
	//
	//   {"error":{"code":429,"status":"TooManyRequests","message":"Retry after 5 minutes","innerError":{}}}
}

func ExampleHaveErrorCode() {
	recorder := httptest.NewRecorder()
	throttled(recorder, nil)
	response := recorder.Result()

	g.Expect(response).To(matchers.HaveErrorCode("TooManyRequests"))
	g.Expect(response).To(matchers.HaveErrorCode(gomega.MatchRegexp("(?i)^too ?many ?requests$")))
	g.Expect(response).NotTo(matchers.HaveErrorCode("Forbidden"))
	// Output:
}

func ExampleHaveErrorMessage() {
	recorder := httptest.NewRecorder()
	throttled(recorder, nil)
	response := recorder.Result()

	g.Expect(response).To(matchers.HaveErrorMessage("Retry after {noOfMinutes} minutes"))
	g.Expect(response).To(matchers.HaveErrorMessage(gomega.HavePrefix("Retry")))
	// Output:
}

func ExampleHaveErrorDetail() {
	contract, err := fixtures.Open(os.DirFS("../fixtures/testdata/sample")) // or Load("graph")
	if err != nil {
		log.Fatal(err)
	}
	response := contract.Clause("sample.things.update.fields-missing").Wordings[0].Response()
	x := exchange.New("PATCH", contract.Operation("sample.things.update").URL(), response, time.Now())

	g.Expect(x).To(matchers.HaveErrorDetail("badRequest", "Input field {fieldName} is required"))
	g.Expect(x).NotTo(matchers.HaveErrorDetail("badRequest", "Input field {fieldName} is invalid"))
	// Output:
}

func ExampleHaveErrorShape() {
	contract, err := fixtures.Open(os.DirFS("../fixtures/testdata/sample")) // or Load("graph")
	if err != nil {
		log.Fatal(err)
	}
	recorder := httptest.NewRecorder()
	throttled(recorder, nil)
	g.Expect(recorder.Result()).To(matchers.HaveErrorShape(contract.Envelope.Schema))

	// Or your own.
	throttle := fixtures.Schema{Name: "throttle.schema.json", JSON: []byte(`{"required": ["error"]}`)}
	g.Expect(recorder.Result()).To(matchers.HaveErrorShape(throttle))
	// Output:
}

func ExampleHaveRetryAfter() {
	recorder := httptest.NewRecorder()
	throttled(recorder, nil)
	response := recorder.Result()

	g.Expect(response).To(matchers.HaveRetryAfter(5 * time.Minute))
	g.Expect(response).To(matchers.HaveRetryAfter(gomega.BeNumerically("<=", time.Hour)))
	// Output:
}
