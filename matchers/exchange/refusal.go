package exchange

import (
	"net/http"
	"slices"
	"strings"

	"github.com/learncontract/learncontract/fixtures"
)

// Refusal returns how the platform before the provider's API rejected the request, and the reason that tells it, nil if the
// response is no such refusal. It is none if its message has a name: the API names its own errors, whatever their reason.
func (x Exchange) Refusal(c *fixtures.Contract) (refusal *fixtures.Refusal, reason string) {
	if x.Status() < http.StatusBadRequest || strings.HasPrefix(x.TextAt(c.Envelope.Message), "@") {
		return nil, ""
	}
	for i := range c.Refusals {
		r := &c.Refusals[i]
		if r.Status != x.Status() {
			continue
		}
		says := x.TextAt(c.Envelope.Message)
		if x.Fault() != nil {
			says = strings.TrimSpace(string(x.parts().content.text))
		}
		if r.Text != "" && strings.HasPrefix(says, r.Text) {
			return r, r.Text
		}
		for _, found := range x.reasons(&c.Envelope) {
			same := func(known string) bool { return fixtures.Normalize(known) == fixtures.Normalize(found.reason) }
			if slices.ContainsFunc(r.Reasons, same) || r.Domain != "" && r.Domain == found.domain {
				return r, found.reason
			}
		}
	}
	return nil, ""
}

// reason is an entry at one of the envelope's places of reasons.
type reason struct{ reason, domain string }

func (x Exchange) reasons(envelope *fixtures.Envelope) (reasons []reason) {
	for _, place := range envelope.Reasons {
		if code := x.TextAt(place); code != "" {
			reasons = append(reasons, reason{reason: code})
		}
		list, _ := x.At(place)
		entries, _ := list.([]any)
		for _, entry := range entries {
			object, _ := entry.(map[string]any)
			domain, _ := object["domain"].(string)
			if text, _ := object["reason"].(string); text != "" {
				reasons = append(reasons, reason{text, domain})
			}
		}
	}
	return reasons
}
