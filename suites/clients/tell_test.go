package clients_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/clients"
)

// multiple is the wording with all three details of a create, and the failure that tells it.
func multiple(t testing.TB) (*fixtures.Wording, clients.Failure) {
	t.Helper()
	contract, err := fixtures.Load("graph")
	if err != nil {
		t.Fatal(err)
	}
	w := contract.Clause("graph.create.field-validation").Wordings[3]
	told := clients.Failure{
		Status: w.Clause.Status, Code: w.Code, Message: w.Message.Expand(nil), RequestID: w.Answer().Header.Get("request-id"),
	}
	for _, d := range w.Details {
		told.Details = append(told.Details, clients.Detail{Code: d.Code, Message: d.Message.Expand(nil)})
	}
	return w, told
}

func TestTellNamesEveryFieldThatIsWrong(t *testing.T) {
	w, right := multiple(t)
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
		matcher := clients.Tell(w)
		ok, err := matcher.Match(told)
		if err != nil {
			t.Fatal(err)
		}
		if ok != (field == "") {
			t.Errorf("with another %s the failure matches: %v", field, ok)
		}
		if !ok && strings.Count(matcher.FailureMessage(told), "documented  ") != 1 {
			t.Errorf("with another %s the text does not name one field:\n%s", field, matcher.FailureMessage(told))
		}
		if !ok && !strings.Contains(matcher.FailureMessage(told), "\n  "+field+" ") {
			t.Errorf("with another %s the text does not name it:\n%s", field, matcher.FailureMessage(told))
		}
	}
}

func TestTellSaysWhatToPass(t *testing.T) {
	w, _ := multiple(t)
	if _, err := clients.Tell(w).Match("a failure"); err == nil || !strings.HasPrefix(err.Error(), "Tell takes a clients.Failure; pass what the client's Do returned instead of") {
		t.Errorf("the error is %v", err)
	}
	if _, err := clients.Tell(nil).Match(clients.Failure{}); err == nil {
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
	matcher := clients.Tell(clause.Wordings[0])
	told := clients.Failure{Status: 400, Code: "INVALID_ARGUMENT", Message: "Precondition check failed."}
	if ok, _ := matcher.Match(told); !ok {
		fmt.Println(matcher.FailureMessage(told))
	}
	// Output:
	// The client does not tell its caller of classroom.courses.patch.failed-precondition.CourseNotModifiable,
	// which answers 400 Bad Request when the course's state doesn't allow its properties to be modified.
	//
	//   code         documented  FAILED_PRECONDITION
	//                told        INVALID_ARGUMENT
	//   name         documented  CourseNotModifiable
	//                told        (nothing)
	//   message      documented  @CourseNotModifiable The state of the course doesn't allow its properties to be modified.
	//                told        Precondition check failed.
}
