package live

import (
	"time"

	"golang.org/x/time/rate"
)

// How long requests take.
const (
	latency = 500 * time.Millisecond
	// slowRemoval is what removing a course takes beside its requests. Users of GAMADV-XTD3 saw ten seconds each (its issue 94).
	slowRemoval = 10 * time.Second
)

// CleanUpTime is what removing all that one clause makes takes, and looking once more for what the whole run has made, where nothing is
// wrong and nobody asks to wait.
func (t *Tenant) CleanUpTime() time.Duration {
	made := 0 // most by one clause
	for _, r := range t.recipes {
		if t.WhyNot(r) != "" {
			continue
		}
		n := 0
		for _, step := range r.Given {
			if t.kindOf(step.Operation) != nil {
				n += max(1, step.Times)
			}
		}
		if t.kindOf(r.Clause.Operation) != nil {
			n++
		}
		if r.Undo != nil {
			n++
		}
		made = max(made, n)
	}
	const requests, looks = 10, 2 // for each that was made, and for each that may have made it
	each, slow := time.Duration(0), slowRemoval
	if pace := t.transport.options.Rate; pace == rate.Inf { // a stand-in
		each, slow = latency/10, 0
	} else {
		each = latency + time.Duration(float64(time.Second)/float64(pace))
	}
	return time.Duration(made)*(requests*each+slow) + time.Duration(looks*len(t.sweepOwners()))*each
}
