package live

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// shared is what the recipes of a run share.
type shared struct {
	mutex     sync.Mutex                   // held while it is made
	responses map[string]exchange.Exchange // by step
	failed    map[string]error             // why a step has no response, which is tried once
	lost      int                          // how often somebody has taken it away
}

// mostLost is how often a run makes anew what somebody has taken away.
const mostLost = 2

// share has the recipe's values have the response to a step that recipes share, and sends its request if none has yet. What it makes is
// removed by Close.
func (t *Tenant) share(ctx context.Context, v *values, step fixtures.Step) error {
	s := &t.shared
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err := s.failed[step.Name]; err != nil {
		return err
	}
	if _, made := s.responses[step.Name]; !made {
		own := t.values()
		own.shared = true
		maps.Copy(own.responses, s.responses)
		if err := t.set(ctx, own, step); err != nil {
			if ctx.Err() == nil {
				s.failed[step.Name] = err
			}
			return err
		}
		s.responses[step.Name] = own.responses[step.Name]
	}
	v.responses[step.Name] = s.responses[step.Name]
	return nil
}

// hasLost reports whether the recipe came to nothing because somebody has taken away, or changed, what it shares. The next recipe makes
// that anew.
func (t *Tenant) hasLost(ctx context.Context, r *fixtures.Recipe, x exchange.Exchange, err error) bool {
	s := &t.shared
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err == nil && x.Status() == r.Clause.Status || s.lost == mostLost || ctx.Err() != nil {
		return false
	}
	v := t.values()
	maps.Copy(v.responses, s.responses)
	var looked []string
	for _, step := range slices.Backward(r.Given) {
		if !step.Shared || step.Until == nil {
			continue
		}
		if _, made := s.responses[step.Name]; !made {
			continue
		}
		call, err := t.call(v, step.Until.Operation, fixtures.Change{Params: step.Until.Params})
		if err != nil || slices.Contains(looked, expand(call)) { // a step has changed what one before it has made
			continue
		}
		looked = append(looked, expand(call))
		x, err := t.send(ctx, step.As, call)
		found, _ := x.At(step.Until.Field)
		isThere := err != nil || x.Status() == http.StatusOK && found == step.Until.Is || x.Status() >= http.StatusInternalServerError
		if isThere || t.transport.busy(x) {
			continue
		}
		s.lost++
		clear(s.responses)
		clear(s.failed)
		return true
	}
	return false
}

// sharedSteps are the steps that the recipes share that are run, in the order in which they are first needed.
func (t *Tenant) sharedSteps() (steps []fixtures.Step) {
	for clause := range t.contract.Clauses() {
		r := t.recipes[clause.ID]
		if t.WhyNot(r) != "" {
			continue
		}
		for _, step := range r.Given {
			if step.Shared && !slices.ContainsFunc(steps, func(other fixtures.Step) bool { return other.Name == step.Name }) {
				steps = append(steps, step)
			}
		}
	}
	return steps
}

// proof is the identity that signs in to prove that an account which the recipe reaches is whom the file names. It is "" where the file
// allows the account without, and where nobody can.
func (t *Tenant) proof(key string) (as string, allowed bool) {
	value, _ := t.config.Sandbox.Value(key)
	if t.config.Sandbox.allows(t.contract.Provider, value) {
		return "", true
	}
	for _, as := range Identities(t.contract.Provider) {
		if account(t.contract.Provider, as) == key {
			return as, true
		}
	}
	return "", false
}
