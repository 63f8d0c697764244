package mutation

import (
	"encoding/json"
	"strings"

	"github.com/learncontract/learncontract/fixtures"
)

// Binding says how strongly the vendor's own words bind what a harmful operator has changed in the response of a wording: Exact
// where the mutant breaks the clause, Advisory where it deviates from it, None where the field is not looked at, and "" where that
// depends: with another clause's message it may be that clause to the letter.
func (o Operator) Binding(w *fixtures.Wording, mutant fixtures.Response) fixtures.Binding {
	b := w.Clause.Bindings
	switch field, change, _ := strings.Cut(o.Name, ": "); field {
	case "status", "repeated status":
		return beyondSpelling(b.Status)
	case "code":
		value, _ := get(decodeAny(mutant.Body), envelope(w).Code)
		text, isText := value.(string)
		switch {
		case !isText:
			return b.Shape // the schema wants a text there
		case b.Code == fixtures.Spelling && fixtures.Normalize(text) == fixtures.Normalize(w.Code):
			return fixtures.Advisory
		}
		return beyondSpelling(b.Code)
	case "name":
		return beyondSpelling(b.Name)
	case "message":
		value, _ := get(decodeAny(mutant.Body), envelope(w).Message)
		text, isText := value.(string)
		_, spelled := w.Message.MatchSpelling(text)
		switch {
		case !isText:
			return b.Shape
		case !strings.HasPrefix(text, carrier(w)) || carrier(w) == "" && strings.HasPrefix(text, "@"):
			return beyondSpelling(b.Name)
		case change == "another clause's":
			return ""
		case b.Message == fixtures.Spelling && spelled:
			return fixtures.Advisory
		}
		return beyondSpelling(b.Message)
	case "details":
		if change == "a string" {
			return b.Shape
		}
		return beyondSpelling(b.Details)
	case "innerError":
		if change == "a string" {
			return b.Shape
		}
		return b.InnerError
	case "Retry-After":
		if change != "missing" && b.RetryAfter != fixtures.None {
			return fixtures.Exact // one that contradicts itself or the message breaks any contract
		}
		return b.RetryAfter
	}
	return b.Shape
}

// beyondSpelling is the binding of a field that differs by more than its spelling.
func beyondSpelling(b fixtures.Binding) fixtures.Binding {
	if b == fixtures.Spelling {
		return fixtures.Exact
	}
	return b
}

// decodeAny decodes a body, nil where it is no JSON.
func decodeAny(body []byte) (value any) {
	_ = json.Unmarshal(body, &value)
	return value
}
