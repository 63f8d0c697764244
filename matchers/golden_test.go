package matchers_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
)

var update = flag.Bool("update", false, "rewrite matchers/testdata/*.golden with the texts as they are")

// token stands where a provider, or a proxy before it, has echoed a credential.
const token = "eyJ0eXAiOiJKV1QifQ.eyJvaWQiOiI3In0.c2lnbmF0dXJl"

// Each case is one failure as its reader sees it, in testdata/NAME.golden. Of a name that ends in -not, the expectation
// is negated.
func TestFailureTexts(t *testing.T) {
	var (
		license    = clause(t, "sample.things.update.license-missing")
		notFound   = clause(t, "sample.things.delete.not-found")
		assignment = clause(t, "sample.things.update.not-found")
		method     = clause(t, "sample.things.update.method-not-allowed")
		throttled  = clause(t, "sample.things.update.throttled")
		fields     = clause(t, "sample.things.create.fields-invalid")
		missingOne = clause(t, "sample.things.update.fields-missing")
		inferred   = clause(t, "sample.things.create.license-inferred")
		modifiable = clause(t, "sample.things.update.failed-precondition.ThingNotModifiable")
		removed    = clause(t, "sample.things.delete.failed-precondition.CannotDeleteOwner")
		incomplete = clause(t, removed.ID+"TransferIncomplete")

		thing = contract(t).Operation("sample.things.get")

		html = body("<html><head><title>502 Bad Gateway</title></head>\n<body>\n<center>nginx</center>\n</body></html>")
		of   = func(c *fixtures.Clause, changes ...change) exchange.Exchange {
			return answered(c.Wordings[0], changes...)
		}
		honor, schema = matchers.HonorClause, license.Operation.Contract.Envelope.Schema
	)
	cases := []struct {
		name    string
		actual  any
		matcher types.GomegaMatcher
	}{
		{"honor-several", of(license, status(404), header("Content-Type", "text/plain"), set("status", "notFound"),
			set("message", "No such thing.")), honor(license)},
		{"honor-spelling-strictly", of(assignment, set("status", "notFound"),
			set("message", "The assignment ID requested doesn’t exist.")), honor(assignment).Strictly()},
		{"honor-spelling-beside-broken", of(assignment, status(410), set("status", "notFound")), honor(assignment)},
		{"honor-advisory-beside-broken", of(license, status(500), set("message", "Something went wrong.")), honor(license)},
		{"honor-another-clause", of(license), honor(assignment)},
		{"honor-another-to-the-letter", of(license), honor(clause(t, "sample.things.update.plan-missing"))},
		{"honor-synthetic-text", of(modifiable, set("message", "@ThingNotModifiable The course is archived.")),
			honor(modifiable).Strictly()},
		{"honor-another-wording", answered(throttled.Wordings[0]), matchers.HonorWording(throttled.Wordings[1]).Strictly()},
		{"honor-nearer-clause", of(license, set("innerError", "none")), honor(method)},
		{"honor-none-nearer", of(method, status(418)), honor(method)},
		{"honor-unexpanded", of(notFound, set("message", notFound.Wordings[0].Message.String())), honor(notFound).Strictly()},
		{"honor-details-missing", answered(fields.Wordings[0], set("details", missing)),
			matchers.HonorWording(fields.Wordings[0]).Strictly()},
		{"honor-details-other", of(missingOne, set("details", []any{
			detail("badRequest", "Input field {fieldName} is required"),
		})), honor(missingOne).Strictly()},
		{"honor-shape", of(fields, set("status", 400), set("message", map[string]any{"value": "badRequest"}),
			set("details", "badRequest"), set("innerError", []any{})), honor(fields)},
		{"honor-error-a-string", of(license, body(`{"error":"invalid_token"}`)), honor(license)},
		{"honor-retry-after-at-odds", of(throttled, header("Retry-After", "60")),
			matchers.HonorWording(throttled.Wordings[0])},
		{"honor-retry-after-negative", of(throttled, header("Retry-After", "-1")), honor(throttled)},
		{"honor-retry-after-twice", of(throttled, header("Retry-After", "300", "301")), honor(throttled)},
		{"honor-headers-missing", of(throttled, header("Retry-After"), header("Content-Type")), honor(throttled).Strictly()},
		{"honor-html", of(license, status(502), header("Content-Type", "text/html"), html), honor(license)},
		{"honor-empty-body", of(license, body("")), honor(license)},
		{"honor-broken-off", of(license, body(`{"error":{"code":"Forbidden","mess`)), honor(license)},
		{"honor-trailing-text", of(license, body(`{"error":{}} OK`)), honor(license)},
		{"honor-duplicate-key", of(license, body(`{"error":{"code":"Forbidden","code":"Forbidden","message":""}}`)),
			honor(license)},
		{"honor-long-body", of(license, status(400), set("message", strings.Repeat("all work and no play ", 200))),
			honor(license)},
		{"honor-token", exchange.New("GET", "https://h/p?access_token="+token, fixtures.Response{
			Status: 401, Header: http.Header{"Content-Type": {"text/plain; echo=" + token}, "Authorization": {token}},
			Body: []byte(`{"error":{"code":"Bearer ` + token + `","message":"` + token + ` has expired"}}`),
		}, received), honor(license).Strictly()},
		{"honor-inferred-code", of(inferred, status(400)), honor(inferred)},
		{"honor-unknown-request", exchange.New("", "", license.Wordings[0].Response(), received), honor(assignment)},
		{"honor-name-without-space", of(modifiable, set("message", "@ThingNotModifiable: the course is archived.")),
			honor(modifiable)},
		{"honor-name-of-sibling", of(incomplete), honor(removed)},
		{"honor-name-missing", of(modifiable, set("message", "Precondition check failed.")), honor(modifiable)},
		{"honor-status-repeated", of(modifiable, set("code", 409)), honor(modifiable)},
		{"honor-status-canonical", of(modifiable, set("status", "INVALID_ARGUMENT")), honor(modifiable)},
		{"honor-named-html", of(removed, status(502), header("Content-Type", "text/html; charset=UTF-8"), html),
			honor(removed)},
		{"honor-not", of(license), honor(license)},
		{"honor-advisory-not", of(license, set("message", "No license.")), honor(license)},
		{"honor-wording-not", of(throttled), matchers.HonorWording(throttled.Wordings[0])},

		{"documented", of(license, status(402)), matchers.BeDocumented(license.Operation)},
		{"documented-strictly", of(license, set("message", "The user license is not valid")),
			matchers.BeDocumented(license.Operation).Strictly()},
		{"documented-html", of(license, status(502), header("Content-Type", "text/html"), html),
			matchers.BeDocumented(license.Operation)},
		{"documented-name-unknown", of(modifiable, set("message", "@CourseStateDenied cannot create or transition")),
			matchers.BeDocumented(modifiable.Operation)},
		{"documented-not", of(license), matchers.BeDocumented(license.Operation)},

		{"success-of-a-failure", of(license), matchers.HonorSuccess(license.Operation)},
		{"success-of-a-body", succeeded(license.Operation, status(200), header("Content-Type", "text/plain"), body("OK")),
			matchers.HonorSuccess(license.Operation)},
		{"success-shape", succeeded(thing, body(`{"id":7,"state":"AJAR"}`)), matchers.HonorSuccess(thing)},
		{"success-html", succeeded(thing, header("Content-Type", "text/html"), html), matchers.HonorSuccess(thing)},
		{"success-not", succeeded(thing), matchers.HonorSuccess(thing)},

		{"status", of(license), matchers.HaveStatus(http.StatusNotFound)},
		{"status-unregistered", of(license), matchers.HaveStatus(499)},
		{"status-matcher", of(license), matchers.HaveStatus(gomega.BeNumerically("<", 400))},
		{"status-not", of(license), matchers.HaveStatus(http.StatusForbidden)},
		{"status-matcher-not", of(license), matchers.HaveStatus(gomega.BeNumerically(">=", 400))},

		{"code", of(license), matchers.HaveErrorCode("Not found")},
		{"code-missing", of(license, body(`{"error":{"message":""}}`)), matchers.HaveErrorCode("Forbidden")},
		{"code-html", of(license, html), matchers.HaveErrorCode("Forbidden")},
		{"code-named", of(modifiable), matchers.HaveErrorCode("INVALID_ARGUMENT")},
		{"code-matcher", of(license), matchers.HaveErrorCode(gomega.HavePrefix("too"))},
		{"code-not", of(license), matchers.HaveErrorCode("Forbidden")},
		{"code-matcher-not", of(license), matchers.HaveErrorCode(gomega.HavePrefix("For"))},

		{"message", of(license), matchers.HaveErrorMessage("Retry after {noOfMinutes} minutes")},
		{"message-spelling", of(assignment, set("message", "The assignment ID requested doesn’t exist.")),
			matchers.HaveErrorMessage(assignment.Wordings[0].Message)},
		{"message-unexpanded", of(throttled, set("message", "Retry after {noOfMinutes} minutes")),
			matchers.HaveErrorMessage("Retry after {noOfMinutes} minutes")},
		{"message-an-object", of(license, set("message", map[string]any{"value": "no"})), matchers.HaveErrorMessage("no")},
		{"message-matcher", of(license), matchers.HaveErrorMessage(gomega.ContainSubstring("plan"))},
		{"message-not", of(throttled), matchers.HaveErrorMessage("Retry after {noOfMinutes} minutes")},
		{"message-matcher-not", of(license), matchers.HaveErrorMessage(gomega.ContainSubstring("license"))},

		{"detail", of(missingOne), matchers.HaveErrorDetail("badRequest", "Input field {fieldName} is invalid")},
		{"detail-missing", of(license), matchers.HaveErrorDetail("badRequest", "Input field {fieldName} is invalid")},
		{"detail-html", of(license, html), matchers.HaveErrorDetail("badRequest", "Input field {fieldName} is invalid")},
		{"detail-not", of(missingOne), matchers.HaveErrorDetail("badRequest", "Input field {fieldName} is required")},

		{"shape", of(fields, set("status", 400), set("message", missing), set("details", "badRequest")),
			matchers.HaveErrorShape(schema)},
		{"shape-root", of(license, body(`[{"error":{}}]`)), matchers.HaveErrorShape(schema)},
		{"shape-empty-body", of(license, body("")), matchers.HaveErrorShape(schema)},
		{"shape-not", of(license), matchers.HaveErrorShape(schema)},

		{"retry-after", of(throttled), matchers.HaveRetryAfter(time.Minute)},
		{"retry-after-missing", of(license), matchers.HaveRetryAfter(time.Minute)},
		{"retry-after-garbage", of(throttled, header("Retry-After", "soon")), matchers.HaveRetryAfter(time.Minute)},
		{"retry-after-matcher", of(throttled), matchers.HaveRetryAfter(gomega.BeNumerically("<", time.Minute))},
		{"retry-after-not", of(throttled), matchers.HaveRetryAfter(5 * time.Minute)},
		{"retry-after-matcher-not", of(throttled), matchers.HaveRetryAfter(gomega.BeNumerically(">", time.Minute))},
	}
	files := map[string]bool{}
	for _, c := range cases {
		file := filepath.Join("testdata", c.name+".golden")
		files[file] = true
		t.Run(c.name, func(t *testing.T) {
			text := failure(func() {
				if strings.HasSuffix(c.name, "-not") {
					gomega.Expect(c.actual).NotTo(c.matcher)
				} else {
					gomega.Expect(c.actual).To(c.matcher)
				}
			})
			if text == "" {
				t.Fatal("the expectation holds, and was to fail")
			}
			if strings.Contains(text, token[:20]) {
				t.Errorf("the text shows a token:\n%s", text)
			}
			golden(t, file, text)
		})
	}
	for _, file := range goldenFiles(t) {
		if !files[file] {
			t.Errorf("%s belongs to no case: remove it", file)
		}
	}
}

// Lines of the contract move with every edit above them, and addresses with every run.
var (
	line    = regexp.MustCompile(`(\S+\.(?:yaml|json)):\d+`)
	address = regexp.MustCompile(`0x[0-9a-f]+`)
)

func golden(t *testing.T, file, text string) {
	t.Helper()
	text = line.ReplaceAllString(text, "$1:LINE")
	text = address.ReplaceAllString(text, "0xADDRESS")
	if *update {
		if err := os.WriteFile(file, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: run go test ./matchers -update, and read what it writes", err)
	}
	if text+"\n" != string(want) {
		t.Errorf("the text is not that of %s: %s\ngo test ./matchers -update rewrites it; git diff shows the whole",
			file, firstDifference(text+"\n", string(want)))
	}
}

func firstDifference(got, want string) string {
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
	for n := range min(len(gotLines), len(wantLines)) {
		if gotLines[n] != wantLines[n] {
			return fmt.Sprintf("line %d is\n%s\nand was to be\n%s", n+1, gotLines[n], wantLines[n])
		}
	}
	return fmt.Sprintf("it has %d lines, and was to have %d", len(gotLines), len(wantLines))
}

func goldenFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.golden")
	if err != nil {
		t.Fatal(err)
	}
	return files
}
