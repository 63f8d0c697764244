package drift

import (
	"testing"

	"github.com/learncontract/learncontract/fixtures"
)

// TestMatchByTheOtherCell has two rows of one status and code that were reworded beyond recognition and swapped: only the scenario
// distinguishes them.
func TestMatchByTheOtherCell(t *testing.T) {
	row := func(scenario, message string) *statement {
		return &statement{
			status: "403", codes: []string{"forbidden"}, message: message, text: scenario + " | 403 | Forbidden | " + message,
			fields: []field{plain("scenario", scenario), plain(FieldStatus, "403"), plain(FieldCode, "Forbidden"), plain(FieldMessage, message)},
		}
	}
	role := &entry{subject: "role", variants: []*statement{row("No role", "alpha beta")}}
	licence := &entry{subject: "licence", variants: []*statement{row("No licence", "gamma delta")}}
	first, second := row("No licence", "one two"), row("No role", "three four")
	pairs := match([]*entry{role, licence}, []*statement{first, second})
	if pairs[first] != licence || pairs[second] != role {
		t.Errorf("the first row is paired with %v, and the second with %v", pairs[first], pairs[second])
	}
	// Without a scenario that anything has in common, as many go with as many, in their order.
	first, second = row("a", "one two"), row("", "three four")
	pairs = match([]*entry{role, licence}, []*statement{first, second})
	if pairs[first] != role || pairs[second] != licence {
		t.Errorf("the first row is paired with %v, and the second with %v", pairs[first], pairs[second])
	}
	// One row too many is somebody else's.
	if pairs = match([]*entry{role}, []*statement{first, second}); len(pairs) > 0 {
		t.Errorf("%d rows are paired with one clause", len(pairs))
	}
	if role.binding(FieldStatus) != fixtures.Spelling || role.binding("scenario") != fixtures.None {
		t.Error("a status binds but for its spelling, and a scenario does not")
	}
}
