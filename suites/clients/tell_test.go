package clients_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/clients"
)

// several is an answer with every field but a name, and the failure that tells it.
func several(tb testing.TB) (*fixtures.Wording, exchange.Exchange, clients.Failure) {
	tb.Helper()
	contract, err := fixtures.Load("graph")
	if err != nil {
		tb.Fatal(err)
	}
	clause := contract.Clause("graph.create.fields-invalid")
	w := clause.Wordings[3]
	answer := w.Response()
	answer.Header.Set("Retry-After", "2.5")
	told := clients.Failure{
		Status: clause.Status, Code: w.Code, Message: w.Message.Expand(nil), RetryAfter: 2500 * time.Millisecond,
		RequestID: answer.Header.Get("request-id"),
	}
	for _, d := range w.Details {
		told.Details = append(told.Details, clients.Detail{Code: d.Code, Message: d.Message.Expand(nil)})
	}
	return w, exchange.New("POST", clause.Operation.URL(), answer, time.Now()), told
}

func TestTellNamesEveryFieldThatIsWrong(t *testing.T) {
	wording, x, right := several(t)
	for field, change := range map[string]func(*clients.Failure){
		"":            func(*clients.Failure) {},
		"status":      func(f *clients.Failure) { f.Status = 500 },
		"code":        func(f *clients.Failure) { f.Code = strings.ToUpper(f.Code) },
		"name":        func(f *clients.Failure) { f.Name = "SomeName" },
		"message":     func(f *clients.Failure) { f.Message = "" },
		"details":     func(f *clients.Failure) { f.Details = f.Details[1:] },
		"retry-after": func(f *clients.Failure) { f.RetryAfter = time.Minute },
		"request id":  func(f *clients.Failure) { f.RequestID = "" },
	} {
		told := right
		change(&told)
		matcher := clients.Tell(wording, x)
		ok, err := matcher.Match(told)
		if err != nil {
			t.Fatal(err)
		}
		if ok != (field == "") {
			t.Errorf("with another %s the failure matches: %v", field, ok)
		}
		if !ok && strings.Count(matcher.FailureMessage(told), "answered    ") != 1 {
			t.Errorf("with another %s the text does not name one field:\n%s", field, matcher.FailureMessage(told))
		}
		if !ok && !strings.Contains(matcher.FailureMessage(told), "\n  "+field+" ") {
			t.Errorf("with another %s the text does not name it:\n%s", field, matcher.FailureMessage(told))
		}
	}
}

func TestTellExcusesWhatIsKnown(t *testing.T) {
	wording, x, told := several(t)
	told.Code = "other"
	matcher := clients.Tell(wording, x).Excusing(func(field clients.Field, told string) bool {
		return field == clients.Code && told == "other"
	})
	if ok, err := matcher.Match(told); !ok || err != nil {
		t.Errorf("a code that is known to be told otherwise does not match: %v\n%s", err, matcher.FailureMessage(told))
	}
	told.Status = 500
	if ok, _ := matcher.Match(told); ok || strings.Contains(matcher.FailureMessage(told), "\n  code ") {
		t.Errorf("beside it another status matches (%t), or the text names the code:\n%s", ok, matcher.FailureMessage(told))
	}
}

func TestTellSaysWhatToPass(t *testing.T) {
	wording, x, _ := several(t)
	if _, err := clients.Tell(wording, x).Match("a failure"); err == nil || !strings.HasPrefix(err.Error(), "Tell takes a clients.Failure; pass what the client's Do returned instead of") {
		t.Errorf("the error is %v", err)
	}
	if _, err := clients.Tell(nil, x).Match(clients.Failure{}); err == nil {
		t.Error("a nil wording is no error")
	}
}

func ExampleTell() {
	contract, err := fixtures.Load("classroom")
	if err != nil {
		fmt.Println(err)
		return
	}
	clause := contract.Clause("classroom.courses.patch.failed-precondition.CourseNotModifiable")
	answer := clause.Wordings[0].Response()
	matcher := clients.Tell(clause.Wordings[0], exchange.New("PATCH", clause.Operation.URL(), answer, time.Now()))
	told := clients.Failure{Status: 400, Code: "INVALID_ARGUMENT", Message: "Precondition check failed."}
	if ok, _ := matcher.Match(told); !ok {
		fmt.Println(matcher.FailureMessage(told))
	}
	// Output:
	// The client does not tell its caller of classroom.courses.patch.failed-precondition.CourseNotModifiable,
	// which answers 400 Bad Request @CourseNotModifiable when the course's state doesn't allow its properties to be modified.
	//
	//   code         documented  "FAILED_PRECONDITION"
	//                answered    "FAILED_PRECONDITION"
	//                told        "INVALID_ARGUMENT"
	//   name         documented  "CourseNotModifiable"
	//                answered    "CourseNotModifiable"
	//                told        (nothing)
	//   message      documented  "@CourseNotModifiable The state of the course doesn't allow its properties to be modified."
	//                answered    "@CourseNotModifiable The state of the course doesn't allow its properties to be modified."
	//                told        "Precondition check failed."
	//
	// The request:
	//   PATCH https://classroom.googleapis.com/v1/courses/604800123456?updateMask=…
	// The answer:
	//   400 Bad Request
	//   Content-Type: application/json; charset=UTF-8
	//   Date: Thu, 23 Apr 2026 15:26:06 GMT
	//
	//   {"error":{"code":400,"message":"@CourseNotModifiable The state of the course doesn't allow its properties to be modified.","status":"FAILED_PRECONDITION"}}
}
