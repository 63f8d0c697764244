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

// Each case is one failure as its reader sees it, in testdata/NAME.golden. A name that ends in -not negates the
// expectation.
func TestFailureTexts(t *testing.T) {
	var (
		license     = clause(t, "sample.things.update.license-missing")
		notFound    = clause(t, "sample.things.delete.not-found")
		assignment  = clause(t, "sample.things.update.not-found")
		method      = clause(t, "sample.things.update.method-not-allowed")
		throttled   = clause(t, "sample.things.update.throttled")
		fields      = clause(t, "sample.things.create.fields-invalid")
		missingOne  = clause(t, "sample.things.update.fields-missing")
		unavailable = clause(t, "sample.things.get.unavailable")
		inferred    = clause(t, "sample.things.create.license-inferred")
		modifiable  = clause(t, "sample.things.update.failed-precondition.ThingNotModifiable")
		removed     = clause(t, "sample.things.delete.failed-precondition.CannotDeleteOwner")
		incomplete  = clause(t, removed.ID+"TransferIncomplete")

		thing = contract(t).Operation("sample.things.get")

		html          = body("<html><head><title>502 Bad Gateway</title></head>\n<body>\n<center>nginx</center>\n</body></html>")
		honor, schema = matchers.HonorClause, license.Operation.Contract.Envelope.Schema
	)
	cases := []struct {
		name    string
		actual  any
		matcher types.GomegaMatcher
	}{
		{"honor-several", respond(license, status(404), header("Content-Type", "text/plain"), set("status", "notFound"),
			set("message", "No such thing.")), honor(license)},
		{"honor-spelling-strictly", respond(assignment, set("status", "notFound"),
			set("message", "The assignment ID requested doesn’t exist.")), honor(assignment).Strictly()},
		{"honor-spelling-beside-broken", respond(assignment, status(410), set("status", "notFound")), honor(assignment)},
		{"honor-advisory-beside-broken", respond(license, status(500), set("message", "Something went wrong.")), honor(license)},
		{"honor-another-clause", respond(license), honor(assignment)},
		{"honor-another-to-the-letter", respond(license), honor(clause(t, "sample.things.update.plan-missing"))},
		{"honor-synthetic-text", respond(modifiable, set("message", "@ThingNotModifiable The course is archived.")),
			honor(modifiable).Strictly()},
		{"honor-another-wording", respondWording(throttled.Wordings[0]), matchers.HonorWording(throttled.Wordings[1]).Strictly()},
		{"honor-nearer-clause", respond(license, set("innerError", "none")), honor(method)},
		{"honor-none-nearer", respond(method, status(418)), honor(method)},
		{"honor-unexpanded", respond(notFound, set("message", notFound.Wordings[0].Message.String())), honor(notFound).Strictly()},
		{"honor-details-missing", respondWording(fields.Wordings[0], set("details", missing)),
			matchers.HonorWording(fields.Wordings[0]).Strictly()},
		{"honor-details-other", respond(missingOne, set("details", []any{
			detail("badRequest", "Input field {fieldName} is required"),
		})), honor(missingOne).Strictly()},
		{"honor-shape", respond(fields, set("status", 400), set("message", map[string]any{"value": "badRequest"}),
			set("details", "badRequest"), set("innerError", []any{})), honor(fields)},
		{"honor-error-a-string", respond(license, body(`{"error":"invalid_token"}`)), honor(license)},
		{"honor-retry-after-at-odds", respond(throttled, header("Retry-After", "60")),
			matchers.HonorWording(throttled.Wordings[0])},
		{"honor-retry-after-negative", respond(throttled, header("Retry-After", "-1")), honor(throttled)},
		{"honor-retry-after-twice", respond(throttled, header("Retry-After", "300", "301")), honor(throttled)},
		{"honor-headers-missing", respond(throttled, header("Retry-After"), header("Content-Type")), honor(throttled).Strictly()},
		{"honor-retry-after-missing", respond(unavailable, header("Retry-After")), honor(unavailable).Strictly()},
		{"honor-html", respond(license, status(502), header("Content-Type", "text/html"), html), honor(license)},
		{"honor-empty-body", respond(license, body("")), honor(license)},
		{"honor-broken-off", respond(license, body(`{"error":{"code":"Forbidden","mess`)), honor(license)},
		{"honor-trailing-text", respond(license, body(`{"error":{}} OK`)), honor(license)},
		{"honor-duplicate-key", respond(license, body(`{"error":{"code":"Forbidden","code":"Forbidden","message":""}}`)),
			honor(license)},
		{"honor-long-body", respond(license, status(400), set("message", strings.Repeat("all work and no play ", 200))),
			honor(license)},
		{"honor-token", exchange.New("GET", "https://h/p?access_token="+token, fixtures.Response{
			Status: 401, Header: http.Header{"Content-Type": {"text/plain; echo=" + token}, "Authorization": {token}},
			Body: []byte(`{"error":{"code":"Bearer ` + token + `","message":"` + token + ` has expired"}}`),
		}, received), honor(license).Strictly()},
		{"honor-inferred-code", respond(inferred, status(400)), honor(inferred)},
		{"honor-unknown-request", exchange.New("", "", license.Wordings[0].Response(), received), honor(assignment)},
		{"honor-name-without-space", respond(modifiable, set("message", "@ThingNotModifiable: the course is archived.")),
			honor(modifiable)},
		{"honor-name-of-sibling", respond(incomplete), honor(removed)},
		{"honor-name-missing", respond(modifiable, set("message", "Precondition check failed.")), honor(modifiable)},
		{"honor-status-repeated", respond(modifiable, set("code", 409)), honor(modifiable)},
		{"honor-status-canonical", respond(modifiable, set("status", "INVALID_ARGUMENT")), honor(modifiable)},
		{"honor-named-html", respond(removed, status(502), header("Content-Type", "text/html; charset=UTF-8"), html),
			honor(removed)},
		{"honor-not", respond(license), honor(license)},
		{"honor-advisory-not", respond(license, set("message", "No license.")), honor(license)},
		{"honor-wording-not", respond(throttled), matchers.HonorWording(throttled.Wordings[0])},

		{"documented", respond(license, status(402)), matchers.BeDocumented(license.Operation)},
		{"documented-strictly", respond(license, set("message", "The user license is not valid")),
			matchers.BeDocumented(license.Operation).Strictly()},
		{"documented-broken-off", respond(license, body(`{"error":{"code":"Forbidden","mess`)),
			matchers.BeDocumented(license.Operation)},
		{"documented-html", respond(license, status(502), header("Content-Type", "text/html"), html),
			matchers.BeDocumented(license.Operation)},
		{"documented-name-unknown", respond(modifiable, set("message", "@CourseStateDenied cannot create or transition")),
			matchers.BeDocumented(modifiable.Operation)},
		{"documented-oauth", respond(license, status(400), body(`{"error":"invalid_grant","error_description":"Words."}`)),
			matchers.BeDocumented(license.Operation)},
		{"documented-array", respond(license, body(`[{"error":{"code":403,"message":"No.","status":"Forbidden"}}]`)),
			matchers.BeDocumented(license.Operation)},
		{"documented-br", respond(license, header("Content-Encoding", "br"), body("\x0b\x02\x80\x7b\x7d\x03")), matchers.BeDocumented(license.Operation)},
		{"documented-utf-16", respond(license, body("{\x00}\x00")), matchers.BeDocumented(license.Operation)},
		{"documented-empty", respond(license, body("")), matchers.BeDocumented(license.Operation)},
		{"documented-throttled", respond(license, set("errors", []any{map[string]any{"reason": "rateLimitExceeded"}})),
			matchers.BeDocumented(license.Operation)},
		{"documented-hostile", respond(license, status(418), set("message", "\u202e\x1b[2J"),
			header("Content-Type", "text/plain; x=##vso[task.complete]"), body("\n::error::x\n  ##[error] m.o'brien@school.example "+token)),
			matchers.BeDocumented(license.Operation)},
		{"honor-mark", respond(license, body("\ufeff"+string(license.Wordings[0].Response().Body))), honor(license).Strictly()},
		{"documented-not", respond(license), matchers.BeDocumented(license.Operation)},

		{"success-of-a-failure", respond(license), matchers.HonorSuccess(license.Operation)},
		{"success-of-a-body", respondSuccess(license.Operation, status(200), header("Content-Type", "text/plain"), body("OK")),
			matchers.HonorSuccess(license.Operation)},
		{"success-shape", respondSuccess(thing, body(`{"id":7,"state":"AJAR"}`)), matchers.HonorSuccess(thing)},
		{"success-with-a-message", respondSuccess(thing, body(`{"id":"7","error":{"message":"Not found"}}`)),
			matchers.HonorSuccess(thing)},
		{"success-of-nothing", respondSuccess(thing, body(`{}`)), matchers.HonorSuccess(thing)},
		{"success-html", respondSuccess(thing, header("Content-Type", "text/html"), html), matchers.HonorSuccess(thing)},
		{"success-not", respondSuccess(thing), matchers.HonorSuccess(thing)},

		{"status", respond(license), matchers.HaveStatus(http.StatusNotFound)},
		{"status-unregistered", respond(license), matchers.HaveStatus(499)},
		{"status-matcher", respond(license), matchers.HaveStatus(gomega.BeNumerically("<", 400))},
		{"status-not", respond(license), matchers.HaveStatus(http.StatusForbidden)},
		{"status-matcher-not", respond(license), matchers.HaveStatus(gomega.BeNumerically(">=", 400))},

		{"code", respond(license), matchers.HaveErrorCode("Not found")},
		{"code-missing", respond(license, body(`{"error":{"message":""}}`)), matchers.HaveErrorCode("Forbidden")},
		{"code-html", respond(license, html), matchers.HaveErrorCode("Forbidden")},
		{"code-named", respond(modifiable), matchers.HaveErrorCode("INVALID_ARGUMENT")},
		{"code-matcher", respond(license), matchers.HaveErrorCode(gomega.HavePrefix("too"))},
		{"code-not", respond(license), matchers.HaveErrorCode("Forbidden")},
		{"code-matcher-not", respond(license), matchers.HaveErrorCode(gomega.HavePrefix("For"))},

		{"message", respond(license), matchers.HaveErrorMessage("Retry after {noOfMinutes} minutes")},
		{"message-spelling", respond(assignment, set("message", "The assignment ID requested doesn’t exist.")),
			matchers.HaveErrorMessage(assignment.Wordings[0].Message)},
		{"message-unexpanded", respond(throttled, set("message", "Retry after {noOfMinutes} minutes")),
			matchers.HaveErrorMessage("Retry after {noOfMinutes} minutes")},
		{"message-an-object", respond(license, set("message", map[string]any{"value": "no"})), matchers.HaveErrorMessage("no")},
		{"message-matcher", respond(license), matchers.HaveErrorMessage(gomega.ContainSubstring("plan"))},
		{"message-not", respond(throttled), matchers.HaveErrorMessage("Retry after {noOfMinutes} minutes")},
		{"message-matcher-not", respond(license), matchers.HaveErrorMessage(gomega.ContainSubstring("license"))},

		{"detail", respond(missingOne), matchers.HaveErrorDetail("badRequest", "Input field {fieldName} is invalid")},
		{"detail-missing", respond(license), matchers.HaveErrorDetail("badRequest", "Input field {fieldName} is invalid")},
		{"detail-html", respond(license, html), matchers.HaveErrorDetail("badRequest", "Input field {fieldName} is invalid")},
		{"detail-not", respond(missingOne), matchers.HaveErrorDetail("badRequest", "Input field {fieldName} is required")},

		{"shape", respond(fields, set("status", 400), set("message", missing), set("details", "badRequest")),
			matchers.HaveErrorShape(schema)},
		{"shape-root", respond(license, body(`[{"error":{}}]`)), matchers.HaveErrorShape(schema)},
		{"shape-empty-body", respond(license, body("")), matchers.HaveErrorShape(schema)},
		{"shape-not", respond(license), matchers.HaveErrorShape(schema)},

		{"retry-after", respond(throttled), matchers.HaveRetryAfter(time.Minute)},
		{"retry-after-missing", respond(license), matchers.HaveRetryAfter(time.Minute)},
		{"retry-after-garbage", respond(throttled, header("Retry-After", "soon")), matchers.HaveRetryAfter(time.Minute)},
		{"retry-after-matcher", respond(throttled), matchers.HaveRetryAfter(gomega.BeNumerically("<", time.Minute))},
		{"retry-after-not", respond(throttled), matchers.HaveRetryAfter(5 * time.Minute)},
		{"retry-after-matcher-not", respond(throttled), matchers.HaveRetryAfter(gomega.BeNumerically(">", time.Minute))},
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
				t.Fatal("the expectation passes, but must fail")
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
			return fmt.Sprintf("line %d is\n%s\nwant\n%s", n+1, gotLines[n], wantLines[n])
		}
	}
	return fmt.Sprintf("it has %d lines, want %d", len(gotLines), len(wantLines))
}

func goldenFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.golden")
	if err != nil {
		t.Fatal(err)
	}
	return files
}
