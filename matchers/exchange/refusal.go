package exchange

import (
	"bytes"
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
		if r.Text != "" && x.Fault() != nil && bytes.HasPrefix(bytes.TrimSpace(x.parts().content.text), []byte(r.Text)) {
			return r, r.Text
		}
		for _, reason := range x.reasons(&c.Envelope) {
			same := func(known string) bool { return fixtures.Normalize(known) == fixtures.Normalize(reason) }
			if slices.ContainsFunc(r.Reasons, same) {
				return r, reason
			}
		}
	}
	return nil, ""
}

// reasons are those of the entries at the envelope's places of reasons.
func (x Exchange) reasons(envelope *fixtures.Envelope) (reasons []string) {
	for _, place := range envelope.Reasons {
		list, _ := x.At(place)
		entries, _ := list.([]any)
		for _, entry := range entries {
			object, _ := entry.(map[string]any)
			if reason, _ := object["reason"].(string); reason != "" {
				reasons = append(reasons, reason)
			}
		}
	}
	return reasons
}
