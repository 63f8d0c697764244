package matchers_test

import (
	"strings"
	"testing"

	"github.com/onsi/gomega/types"

	"github.com/learncontract/learncontract/matchers"
)

// What the platform rejects before the API sees it is no instance of a clause that responds alike.
func TestARefusalOfThePlatformIsNoClause(t *testing.T) {
	t.Parallel()
	license := clause(t, "sample.things.update.license-missing")
	reason := func(place, reason string) change {
		return set(place, []any{map[string]any{"code": "x", "message": "y", "reason": reason}})
	}
	for name, c := range map[string]struct {
		changes []change
		says    string // the note of the deviation; empty where the response is the clause
	}{
		"throttled, errors":  {[]change{reason("errors", "rateLimitExceeded")}, "the platform throttles the caller"},
		"throttled, details": {[]change{reason("details", "RATE_LIMIT_EXCEEDED")}, "the platform throttles the caller"},
		"spelled otherwise":  {[]change{reason("errors", "RateLimitExceeded")}, "the platform throttles the caller"},
		"disabled":           {[]change{reason("details", "SERVICE_DISABLED")}, "the API is disabled in the caller's project"},
		"any of its domain": {[]change{set("details", []any{map[string]any{"code": "x", "message": "y", "reason": "NEW", "domain": "platform.example"}})},
			"the platform rejects the caller"},
		"of another domain": {[]change{set("details", []any{map[string]any{"code": "x", "message": "y", "reason": "NEW", "domain": "api.platform.example"}})},
			""},
		"by its message":         {[]change{set("message", "Request rate higher than configured")}, "the platform throttles the caller"},
		"another reason":         {[]change{reason("errors", "forbidden")}, ""},
		"a reason that contains": {[]change{reason("errors", "notRateLimitExceeded")}, ""},
		"no list":                {[]change{set("errors", map[string]any{"reason": "rateLimitExceeded"})}, ""},
		"no text":                {[]change{set("errors", []any{map[string]any{"reason": 7}, "rateLimitExceeded", nil})}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := respond(license, c.changes...)
			honor := matchers.HonorClause(license)
			for which, m := range map[string]types.GomegaMatcher{
				"HonorClause": honor, "HonorWording": matchers.HonorWording(license.Wordings[0]), "BeDocumented": matchers.BeDocumented(license.Operation),
			} {
				if got := matches(t, m, x); got != (c.says == "") {
					t.Errorf("%s is %t: %s", which, got, m.FailureMessage(x))
				} else if !got && !strings.Contains(m.FailureMessage(x), c.says) {
					t.Errorf("%s does not say %q: %s", which, c.says, m.FailureMessage(x))
				}
			}
			refusal, _ := x.Refusal(contract(t))
			if got := refusal != nil; got != (c.says != "") {
				t.Errorf("it is a refusal: %t", got)
			}
		})
	}
}

// The documentation of a clause may say of a token without a scope what the platform says: it is the clause, and its caller decides.
func TestARefusalForWantOfAScopeMayBeTheClause(t *testing.T) {
	t.Parallel()
	license := clause(t, "sample.things.update.license-missing")
	x := respond(license, set("details", []any{map[string]any{"code": "x", "message": "y", "reason": "SCOPE_MISSING", "domain": "platform.example"}}))
	if m := matchers.HonorClause(license); !matches(t, m, x) {
		t.Error(m.FailureMessage(x))
	}
	if refusal, reason := x.Refusal(contract(t)); refusal == nil || !refusal.Rights || reason != "SCOPE_MISSING" {
		t.Errorf("the refusal is %v, %s", refusal, reason)
	}
}

// A clause that documents what a reason says is one whatever the reason: by its status, or by its name.
func TestADocumentedRefusalIsItsClause(t *testing.T) {
	t.Parallel()
	reasons := set("errors", []any{map[string]any{"reason": "rateLimitExceeded"}, map[string]any{"reason": "SERVICE_DISABLED"}})
	throttled := clause(t, "sample.things.update.throttled")
	named := clause(t, "sample.things.update.failed-precondition.ThingNotModifiable")
	for _, c := range []struct {
		matcher types.GomegaMatcher
		changes []change
	}{
		{matchers.HonorClause(throttled), nil},
		{matchers.BeDocumented(throttled.Operation).Strictly(), nil},
	} {
		if x := respond(throttled, reasons); !matches(t, c.matcher, x) {
			t.Error(c.matcher.FailureMessage(x))
		}
	}
	x := respond(named, reasons, status(403), set("code", 403))
	if refusal, _ := x.Refusal(contract(t)); refusal != nil {
		t.Errorf("a named error is refused: %s", refusal.Says)
	}
}
