package matchers_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// The answer that a wording renders honors it to the letter, and so its clause; nothing is reported.
func TestEveryWordingHonorsItsClause(t *testing.T) {
	for _, provider := range fixtures.Providers() {
		for c := range contract(t, provider).Clauses() {
			for _, w := range c.Wordings {
				x := answered(w)
				wording := matchers.HonorWording(w).Strictly()
				if !matches(t, wording, x) || len(wording.Deviations()) > 0 {
					t.Errorf("%s: %s", w.ID(), wording.FailureMessage(x))
				}
				if !matches(t, matchers.HonorClause(c), x) || !matches(t, matchers.BeDocumented(c.Operation), x) {
					t.Errorf("%s does not honor its clause, or is not documented, under the provider's own bindings", w.ID())
				}
				if documented := matchers.BeDocumented(c.Operation).Strictly(); !matches(t, documented, x) {
					t.Errorf("%s is not documented: %s", w.ID(), documented.FailureMessage(x))
				}
			}
		}
	}
}

// A clause cites the wording that the answer is nearest to, and BeDocumented the clause: fewest broken fields, then
// fewest deviations, then the most documented details, then the closest message, then the order of the page.
func TestNearest(t *testing.T) {
	var (
		license    = clause(t, "graph.update.learner-license").Wordings[0]
		notFound   = clause(t, "graph.update.assignment-not-found").Wordings[0]
		throttled  = clause(t, "graph.update.throttled")
		modifiable = clause(t, "classroom.courses.patch.failed-precondition.CourseNotModifiable").Wordings[0]
		removed    = clause(t, "classroom.courses.teachers.delete.failed-precondition.CannotRemoveCourseOwner").Wordings[0]
	)
	for name, c := range map[string]struct {
		actual     exchange.Exchange
		nearest    string
		documented bool
	}{
		"the message decides": {answered(license), "graph.update.learner-license", true},
		"the message by spelling": {
			answered(license, set("message", "the user license is NOT valid to perform the operation")),
			"graph.update.learner-license", true},
		"the closest message": {answered(license, set("message", "The license of the user is invalid for the operation")),
			"graph.update.learner-license", true},
		"another close message": {answered(license, set("message", "The provider cannot create this course activity.")),
			"graph.update.content-of-another-provider@third", true},
		"no message: the first row": {answered(license, set("message", "")), "graph.update.missing-scope", true},
		"no word in common":         {answered(license, set("message", "¿?")), "graph.update.missing-scope", true},
		"broken fields before message": {answered(license, status(404), set("code", "Not found")),
			"graph.update.assignment-not-found", true},
		"a broken field, the closest message": {answered(license, status(409)), "graph.update.learner-license", false},
		"the details decide": {answered(license, status(400), set("code", "badRequest"), set("message", "invalid"),
			set("details", []any{detail("badRequest", "Input field notes shouldn't be empty")})),
			"graph.update.fields-empty", true},
		"a reading": {answered(throttled.Wordings[1]), "graph.update.throttled#text", true},
		"a reading, broken": {answered(throttled.Wordings[1], header("Retry-After", "-1")),
			"graph.update.throttled#text", false},
		"the name decides": {answered(modifiable, set("message", "@IneligibleOwner Not a teacher.")),
			"classroom.courses.patch.failed-precondition.IneligibleOwner", true},
		"no name: the generic clause": {answered(modifiable, set("message", "Bad owner.")),
			"classroom.courses.patch.failed-precondition", true},
		"an unknown name, the closest text": {
			answered(removed, set("message", "@CannotRemoveOwner Course owner may not be removed")),
			"classroom.courses.teachers.delete.failed-precondition.CannotRemoveCourseOwner", false},
		"another status": {answered(notFound, status(410)), "graph.update.assignment-not-found", false},
	} {
		t.Run(name, func(t *testing.T) {
			o := license.Clause.Operation
			if strings.HasPrefix(c.nearest, "classroom.courses.patch.") {
				o = modifiable.Clause.Operation
			} else if strings.HasPrefix(c.nearest, "classroom.") {
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
		license  = clause(t, "graph.update.learner-license")
		notFound = clause(t, "graph.update.assignment-not-found")
		alone    = clause(t, "classroom.courses.topics.patch.permission-denied.ProjectPermissionDenied")
	)
	const honors, nearer, none = "It honors another clause: ", "It is nearer to ", "Nothing else that "
	for name, c := range map[string]struct {
		matcher *matchers.HonorMatcher
		actual  exchange.Exchange
		hint    string
	}{
		"honored": {matchers.HonorClause(notFound), of(license), honors + license.ID + ", "},
		"nearer": {matchers.HonorClause(notFound), of(license, set("innerError", 1)),
			nearer + license.ID + ", and differs from it in shape only."},
		"none nearer":   {matchers.HonorClause(notFound), of(notFound, status(410)), none + "graph.update documents is nearer."},
		"as near":       {matchers.HonorClause(notFound), of(license, status(404)), none + "graph.update documents is nearer."},
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
	license := clause(t, "graph.update.learner-license")
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

// The bodies seen in public are true cases that nobody here wrote; each file says which clause they are, or none.
func TestObserved(t *testing.T) {
	for _, provider := range fixtures.Providers() {
		observed, err := fixtures.LoadObserved(contract(t, provider))
		if err != nil {
			t.Error(err)
		}
		for _, o := range observed {
			t.Run(o.ID, func(t *testing.T) {
				x := exchange.New(o.Operation.Method, o.Operation.URL(), o.Answer, received)
				told := func(text string) {
					t.Errorf("%s, seen in %s (fixtures/%s:%d): %s\n%s", o.ID, o.Source, o.File, o.Line, o.Because, text)
				}
				if o.Clause == nil {
					if m := matchers.BeDocumented(o.Operation); matches(t, m, x) {
						told(m.NegatedFailureMessage(x))
					}
				} else if m := matchers.HonorClause(o.Clause); !matches(t, m, x) {
					told(m.FailureMessage(x))
				}
			})
		}
	}
}

func TestBeDocumentedTellsHowNearTheAnswerIs(t *testing.T) {
	license := clause(t, "graph.update.learner-license")
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
			fields, broken = append(fields, d.Field), d.Broken
		}
		if !slices.Equal(fields, c.fields) || broken != c.broken {
			t.Errorf("it deviates in %v, want %v", documented.Deviations(), c.fields)
		}
	}
}
