package live

import (
	"time"

	"golang.org/x/time/rate"
)

// How long requests take.
const (
	latency = 500 * time.Millisecond
	fast    = latency / 10 // that of a stand-in
	// slowRemoval is what removing a course takes beside its requests. Users of GAMADV-XTD3 saw ten seconds each (its issue 94).
	slowRemoval = 10 * time.Second
)

// timeOf is how long that many requests and removals take, where nobody asks to wait, if each request takes that long beside its turn.
func (t *Tenant) timeOf(requests, removals int, each time.Duration) time.Duration {
	pace := t.transport.options.Rate
	if pace == rate.Inf { // a stand-in
		return time.Duration(requests) * fast
	}
	each += time.Duration(float64(time.Second) / float64(pace))
	return time.Duration(requests)*each + time.Duration(removals)*slowRemoval
}

// CleanUpTime is what removing all that one clause makes takes at most, and what clauses share, and looking once more for what the
// whole run has made, where nobody asks to wait.
func (t *Tenant) CleanUpTime() time.Duration {
	_, shared := t.costOf(t.sharedSteps(), true)
	most := 0 // requests, by one clause
	for _, r := range t.recipes {
		if t.WhyNot(r) == "" {
			_, cleanUp := t.cost(r)
			most = max(most, cleanUp)
		}
	}
	if most+shared == 0 {
		return 0
	}
	return t.timeOf(most+shared+t.looks(looksForNews), 1+len(t.sharedSteps()), latency)
}
