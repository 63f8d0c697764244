package matchers_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// BeDocumented finds the clause and the wording nearest to the response: fewest broken fields, then
// fewest deviations, then the most documented details, then the closest message, then the order of the page.
func TestNearest(t *testing.T) {
	var (
		license    = clause(t, "sample.things.update.license-missing").Wordings[0]
		notFound   = clause(t, "sample.things.update.not-found").Wordings[0]
		throttled  = clause(t, "sample.things.update.throttled")
		modifiable = clause(t, "sample.things.update.failed-precondition.ThingNotModifiable").Wordings[0]
		removed    = clause(t, "sample.things.delete.failed-precondition.CannotDeleteOwner").Wordings[0]
	)
	for name, c := range map[string]struct {
		actual     exchange.Exchange
		nearest    string
		documented bool
	}{
		"the message decides": {respondWording(license), "sample.things.update.license-missing", true},
		"the message by spelling": {
			respondWording(license, set("message", "the user license is NOT valid to perform the operation")),
			"sample.things.update.license-missing", true},
		"the closest message": {respondWording(license, set("message", "The license of the user is invalid for the operation")),
			"sample.things.update.license-missing", true},
		"another close message": {respondWording(license, set("message", "This application cannot touch that.")),
			"sample.things.update.not-yours@second", true},
		"no message: the first row": {respondWording(license, set("message", "")), "sample.things.update.scope-missing", true},
		"no word in common":         {respondWording(license, set("message", "¿?")), "sample.things.update.scope-missing", true},
		"broken fields before message": {respondWording(license, status(404), set("status", "Not found")),
			"sample.things.update.not-found", true},
		"a broken field, the closest message": {respondWording(license, status(409)), "sample.things.update.license-missing", false},
		"the details decide": {respondWording(license, status(400), set("status", "badRequest"), set("message", "invalid"),
			set("details", []any{detail("badRequest", "Input field notes shouldn't be empty")})),
			"sample.things.update.fields-empty", true},
		"a reading": {respondWording(throttled.Wordings[1]), "sample.things.update.throttled#text", true},
		"a reading, broken": {respondWording(throttled.Wordings[1], header("Retry-After", "-1")),
			"sample.things.update.throttled#text", false},
		"the name decides": {respondWording(modifiable, set("message", "@OwnerIneligible Not a teacher.")),
			"sample.things.update.failed-precondition.OwnerIneligible", true},
		"no name: the generic clause": {respondWording(modifiable, set("message", "Bad owner.")),
			"sample.things.update.failed-precondition", true},
		"an unknown name, the closest text": {
			respondWording(removed, set("message", "@CannotRemoveTheOwner The owner may not be removed")),
			"sample.things.delete.failed-precondition.CannotDeleteOwner", false},
		"another status": {respondWording(notFound, status(410)), "sample.things.update.not-found", false},
	} {
		t.Run(name, func(t *testing.T) {
			o := license.Clause.Operation
			if strings.HasPrefix(c.nearest, removed.Clause.Operation.ID) {
				o = removed.Clause.Operation
			}
			m := matchers.BeDocumented(o)
			if matches(t, m, c.actual) != c.documented || (m.Clause() != nil) != c.documented {
				t.Errorf("documented is %v", !c.documented)
			}
			id, _, _ := strings.Cut(strings.ReplaceAll(c.nearest, "@", "#"), "#")
			if c.documented && m.Clause().ID != id {
				t.Errorf("is %s, want %s", m.Clause().ID, id)
			}
			text := m.FailureMessage(c.actual)
			if !strings.Contains(text, "\nNearest is "+c.nearest+",\n") {
				t.Errorf("does not name %s: %s", c.nearest, text)
			}
		})
	}
}

// HonorClause names the other clause of the operation that the response honors or is nearer to.
func TestAnotherClause(t *testing.T) {
	var (
		license  = clause(t, "sample.things.update.license-missing")
		notFound = clause(t, "sample.things.update.not-found")
		alone    = clause(t, "sample.things.list.internal")
	)
	const honors, nearer, none = "It honors another clause: ", "It is nearer to ", "Nothing else that "
	for name, c := range map[string]struct {
		matcher *matchers.HonorMatcher
		actual  exchange.Exchange
		hint    string
	}{
		"honored": {matchers.HonorClause(notFound), respond(license), honors + license.ID + ", "},
		"nearer": {matchers.HonorClause(notFound), respond(license, set("innerError", 1)),
			nearer + license.ID + " and differs from it in shape only."},
		"nearer, but for two fields": {matchers.HonorClause(notFound),
			respond(license, header("Content-Type", "text/plain"), set("innerError", 1)),
			nearer + license.ID + " and differs from it in Content-Type, shape only."},
		"a success": {matchers.HonorClause(notFound), respond(notFound, status(200)),
			"It is no failure: the request succeeded or was redirected.\n"},
		"none nearer":   {matchers.HonorClause(notFound), respond(notFound, status(410)), none + "sample.things.update documents is nearer."},
		"as near":       {matchers.HonorClause(notFound), respond(license, status(404)), none + "sample.things.update documents is nearer."},
		"strictly":      {matchers.HonorClause(notFound).Strictly(), respond(license, set("message", "?")), nearer},
		"no other":      {matchers.HonorClause(alone), respond(alone, status(404)), ""},
		"for a wording": {matchers.HonorWording(notFound.Wordings[0]), respond(license), honors + license.ID + ", "},
	} {
		t.Run(name, func(t *testing.T) {
			if matches(t, c.matcher, c.actual) {
				t.Fatal("honored")
			}
			text := c.matcher.FailureMessage(c.actual)
			if !strings.Contains(text, "\n"+c.hint) {
				t.Errorf("does not say %q: %s", c.hint, text)
			}
			if c.hint == "" && strings.Contains(text, "other clause") {
				t.Errorf("names other clauses although there are none: %s", text)
			}
		})
	}
}

// A matcher that is used again reports the last response only.
func TestMatcherIsReusable(t *testing.T) {
	license := clause(t, "sample.things.update.license-missing")
	honor, documented := matchers.HonorClause(license), matchers.BeDocumented(license.Operation)
	if documented.Clause() != nil {
		t.Error("there is a clause before there is a response")
	}
	for code, want := range map[int]*fixtures.Clause{410: nil, 403: license} {
		x := respond(license, status(code))
		if matches(t, honor, x) != (want != nil) || matches(t, documented, x) != (want != nil) {
			t.Errorf("%d: honored is %v", code, want == nil)
		}
		if documented.Clause() != want || len(honor.Deviations()) > 0 != (want == nil) {
			t.Errorf("%d: is %v, and deviates in %v", code, documented.Clause(), honor.Deviations())
		}
	}
}

// AsPublished makes our own texts advisory, and no others.
func TestAsPublished(t *testing.T) {
	for id, published := range map[string]bool{
		"sample.things.update.license-missing": true, "sample.things.update.failed-precondition.OwnerIneligible": false,
	} {
		c := clause(t, id)
		x := respond(c, set("message", c.Wordings[0].Message.String()+" Indeed."))
		if matches(t, matchers.HonorClause(c).AsPublished(), x) == published || matches(t, matchers.BeDocumented(c.Operation).AsPublished(), x) == published {
			t.Errorf("%s: another message honors the clause as published: %v", id, published)
		}
		if matches(t, matchers.HonorClause(c).Strictly(), x) {
			t.Errorf("%s: another message honors the clause strictly", id)
		}
	}
}

// Excusing makes a known deviation advisory, and no other.
func TestExcusing(t *testing.T) {
	license := clause(t, "sample.things.update.license-missing")
	isKnown := func(d matchers.Deviation) bool { return d.Field == "status" }
	for name, c := range map[string]struct {
		actual exchange.Exchange
		broken string // the field
	}{
		"known":         {respond(license, status(402)), ""},
		"known, beside": {respond(license, status(402), header("Content-Type", "text/plain")), "Content-Type"},
		"unknown":       {respond(license, header("Content-Type", "text/plain")), "Content-Type"},
	} {
		m := matchers.HonorClause(license).Excusing(isKnown)
		if matches(t, m, c.actual) != (c.broken == "") {
			t.Errorf("%s: honored is %v", name, c.broken != "")
		}
		for _, d := range m.Deviations() {
			if d.Binds != (d.Field == c.broken) || (d.Note == "a known erratum") == d.Binds {
				t.Errorf("%s: %+v", name, d)
			}
		}
	}
}

// HaveErrorDetail finds a detail among others.
func TestHaveErrorDetail(t *testing.T) {
	several := respond(clause(t, "sample.things.create.fields-invalid"))
	for message, want := range map[string]bool{"Input field {fieldName} is required": true, "Input field {fieldName} is late": false} {
		if matches(t, matchers.HaveErrorDetail("badRequest", message), several) != want {
			t.Errorf("the response has the detail %q is %v", message, !want)
		}
	}
}

func TestHaveErrorCodeReadsBothForms(t *testing.T) {
	for text, want := range map[string]string{
		`{"error":{"code":"gone"}}`: "gone", `{"error":{"code":404,"status":"GONE"}}`: "GONE",
		`{"error":{"code":"gone","status":"GONE"}}`: "gone", `{"error":{"code":404}}`: "", `{"error":{"status":"GONE"}}`: "", `{}`: "",
	} {
		x := respond(clause(t, "sample.things.update.not-found"), body(text))
		for _, code := range []string{"gone", "GONE", "404", ""} {
			if got := matches(t, matchers.HaveErrorCode(code), x); got != (code == want && want != "") {
				t.Errorf("%s has the code %q is %v", text, code, got)
			}
		}
	}
}

func TestDeviationsOfNearestClause(t *testing.T) {
	license := clause(t, "sample.things.update.license-missing")
	for _, c := range []struct {
		changes []change
		fields  []string // that deviate
		broken  bool     // whether the last does
	}{
		{nil, nil, false},
		{[]change{set("message", "The learner's licence has expired.")}, []string{"message"}, false},
		{[]change{status(402)}, []string{"status"}, true},
	} {
		documented := matchers.BeDocumented(license.Operation)
		_ = matches(t, documented, respondWording(license.Wordings[0], c.changes...))
		var fields []string
		broken := false
		for _, d := range documented.Deviations() {
			fields, broken = append(fields, d.Field), d.Binds
		}
		if !slices.Equal(fields, c.fields) || broken != c.broken {
			t.Errorf("it deviates in %v, want %v", documented.Deviations(), c.fields)
		}
	}
}
