package client_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/suites/client"
)

var update = flag.Bool("update", false, "rewrite suites/client/testdata/*.golden with the texts as they are")

// The whole text of a failure with several wrong fields, but for the clause's title, which is the contract's.
func TestSurfaceShowsAllWrongFieldsAtOnce(t *testing.T) {
	t.Parallel()
	w, x := named(t)
	matcher := client.Surface(w)
	if ok, err := matcher.Match(surfaced(x, client.Failure{
		Status: 400, Code: "INVALID_ARGUMENT", Message: "Precondition check failed.", RequestID: x.Header("Request-Id"),
	})); ok || err != nil {
		t.Fatalf("it matches: %t, %v", ok, err)
	}
	text := strings.Replace(matcher.FailureMessage(nil), w.Title(), "TITLE", 1)
	const file = "testdata/surface.golden"
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || text != string(want) {
		t.Errorf("%v: the text is\n%s\nand %s has\n%s", err, text, file, want)
	}
}
