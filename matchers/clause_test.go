package matchers_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// A clause cites the wording that the answer is nearest to, and BeDocumented the clause: fewest broken fields, then
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
		"the message decides": {answered(license), "sample.things.update.license-missing", true},
		"the message by spelling": {
			answered(license, set("message", "the user license is NOT valid to perform the operation")),
			"sample.things.update.license-missing", true},
		"the closest message": {answered(license, set("message", "The license of the user is invalid for the operation")),
			"sample.things.update.license-missing", true},
		"another close message": {answered(license, set("message", "This application cannot touch that.")),
			"sample.things.update.not-yours@second", true},
		"no message: the first row": {answered(license, set("message", "")), "sample.things.update.scope-missing", true},
		"no word in common":         {answered(license, set("message", "¿?")), "sample.things.update.scope-missing", true},
		"broken fields before message": {answered(license, status(404), set("status", "Not found")),
			"sample.things.update.not-found", true},
		"a broken field, the closest message": {answered(license, status(409)), "sample.things.update.license-missing", false},
		"the details decide": {answered(license, status(400), set("status", "badRequest"), set("message", "invalid"),
			set("details", []any{detail("badRequest", "Input field notes shouldn't be empty")})),
			"sample.things.update.fields-empty", true},
		"a reading": {answered(throttled.Wordings[1]), "sample.things.update.throttled#text", true},
		"a reading, broken": {answered(throttled.Wordings[1], header("Retry-After", "-1")),
			"sample.things.update.throttled#text", false},
		"the name decides": {answered(modifiable, set("message", "@OwnerIneligible Not a teacher.")),
			"sample.things.update.failed-precondition.OwnerIneligible", true},
		"no name: the generic clause": {answered(modifiable, set("message", "Bad owner.")),
			"sample.things.update.failed-precondition", true},
		"an unknown name, the closest text": {
			answered(removed, set("message", "@CannotRemoveTheOwner The owner may not be removed")),
			"sample.things.delete.failed-precondition.CannotDeleteOwner", false},
		"another status": {answered(notFound, status(410)), "sample.things.update.not-found", false},
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

// HonorClause points at the clause of the operation that the answer is, or comes nearer to.
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
		"honored": {matchers.HonorClause(notFound), of(license), honors + license.ID + ", "},
		"nearer": {matchers.HonorClause(notFound), of(license, set("innerError", 1)),
			nearer + license.ID + " and differs from it in shape only."},
		"none nearer":   {matchers.HonorClause(notFound), of(notFound, status(410)), none + "sample.things.update documents is nearer."},
		"as near":       {matchers.HonorClause(notFound), of(license, status(404)), none + "sample.things.update documents is nearer."},
		"strictly":      {matchers.HonorClause(notFound).Strictly(), of(license, set("message", "?")), nearer},
		"no other":      {matchers.HonorClause(alone), of(alone, status(404)), ""},
		"for a wording": {matchers.HonorWording(notFound.Wordings[0]), of(license), honors + license.ID + ", "},
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
				t.Errorf("speaks of other clauses, and there are none: %s", text)
			}
		})
	}
}

// A matcher that is used again tells of the last answer only.
func TestMatcherIsReusable(t *testing.T) {
	license := clause(t, "sample.things.update.license-missing")
	honor, documented := matchers.HonorClause(license), matchers.BeDocumented(license.Operation)
	for code, want := range map[int]*fixtures.Clause{410: nil, 403: license} {
		x := of(license, status(code))
		if matches(t, honor, x) != (want != nil) || matches(t, documented, x) != (want != nil) {
			t.Errorf("%d: honored is %v", code, want == nil)
		}
		if documented.Clause() != want || len(honor.Deviations()) > 0 != (want == nil) {
			t.Errorf("%d: is %v, and deviates in %v", code, documented.Clause(), honor.Deviations())
		}
	}
}

// A text that is ours is advisory where the provider's published words are asserted, and only there.
func TestAsPublished(t *testing.T) {
	for id, published := range map[string]bool{
		"sample.things.update.license-missing": true, "sample.things.update.failed-precondition.OwnerIneligible": false,
	} {
		c := clause(t, id)
		x := of(c, set("message", c.Wordings[0].Message.String()+" Indeed."))
		if matches(t, matchers.HonorClause(c).AsPublished(), x) == published || matches(t, matchers.BeDocumented(c.Operation).AsPublished(), x) == published {
			t.Errorf("%s: another message is let through as published is %v", id, published)
		}
		if matches(t, matchers.HonorClause(c).Strictly(), x) {
			t.Errorf("%s: another message is let through strictly", id)
		}
	}
}

func TestHaveErrorCodeReadsBothForms(t *testing.T) {
	for text, want := range map[string]string{
		`{"error":{"code":"gone"}}`: "gone", `{"error":{"code":404,"status":"GONE"}}`: "GONE",
		`{"error":{"code":"gone","status":"GONE"}}`: "gone", `{"error":{"code":404}}`: "", `{"error":{"status":"GONE"}}`: "", `{}`: "",
	} {
		x := of(clause(t, "sample.things.update.not-found"), body(text))
		for _, code := range []string{"gone", "GONE", "404", ""} {
			if got := matches(t, matchers.HaveErrorCode(code), x); got != (code == want && want != "") {
				t.Errorf("%s has the code %q is %v", text, code, got)
			}
		}
	}
}

func TestBeDocumentedTellsHowNearTheAnswerIs(t *testing.T) {
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
		_ = matches(t, documented, answered(license.Wordings[0], c.changes...))
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
