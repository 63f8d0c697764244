package live

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/learncontract/learncontract/fixtures"
)

// isLimited reports the identities that are there to be rejected for want of scopes or roles.
func isLimited(identity string) bool { return identity == "limited" || identity == "roleless" }

// calls are the operations that the recipe calls as each identity: what it makes is removed by who may make it.
func (t *Tenant) calls(r *fixtures.Recipe) map[string][]*fixtures.Operation {
	calls := map[string][]*fixtures.Operation{}
	note := func(as string, o *fixtures.Operation) {
		calls[as] = append(calls[as], o)
		if k := t.kindOf(o); k != nil && k.remover(t, as) != as {
			calls[k.remover(t, as)] = append(calls[k.remover(t, as)], o)
		}
	}
	for _, step := range r.Given {
		note(step.As, step.Operation)
		if step.Until != nil {
			note(step.As, step.Until.Operation)
		}
	}
	note(r.As, r.Clause.Operation)
	if r.Undo != nil {
		note(r.Undo.As, r.Undo.Operation)
	}
	return calls
}

// checkRights compares the scopes or roles of who calls with those that the recipe's operations take, before anything is sent: what a
// provider says to a token without them says nothing of the clause, unless that is what is provoked.
func (t *Tenant) checkRights(ctx context.Context, r *fixtures.Recipe) error {
	calls := t.calls(r)
	for _, as := range t.identities(r) {
		found, err := t.transport.proven(ctx, as)
		if err != nil {
			return err
		}
		for _, o := range calls[as] {
			if len(o.Scopes) > 0 && mayCall(found, o) == isLimited(as) {
				return t.rightsError(r, as, found)
			}
		}
	}
	return nil
}

func mayCall(p proof, o *fixtures.Operation) bool {
	return slices.ContainsFunc(o.Scopes, func(scope string) bool { return slices.Contains(p.scopes, scope) })
}

// rightsError says what an identity has too little or too much of for a recipe, and for the whole run, so that it is said once; nil if
// that is nothing.
func (t *Tenant) rightsError(of *fixtures.Recipe, as string, found proof) error {
	var wrong []string
	for clause := range t.contract.Clauses() {
		r := t.recipes[clause.ID]
		if r != of && t.WhyNot(r) != "" {
			continue
		}
		for _, o := range t.calls(r)[as] {
			switch {
			case isLimited(as):
				wrong = append(wrong, slices.DeleteFunc(slices.Clone(o.Scopes), func(s string) bool { return !slices.Contains(found.scopes, s) })...)
			case len(o.Scopes) > 0 && !mayCall(found, o):
				wrong = append(wrong, t.usualScope(o))
			}
		}
	}
	slices.Sort(wrong)
	is, list := t.contract.Provider+"/"+as, strings.Join(slices.Compact(wrong), " ")
	switch {
	case list == "":
		return nil
	case isLimited(as):
		return engineErrorf(opSignIn, "%s must be rejected for want of scopes or roles, and its token has %s: take that from it, or name another", is, list)
	}
	return engineErrorf(opSignIn, "%s lacks %s, without which what the run calls is rejected, whatever it is: grant it %s", is, list,
		t.config.Sandbox.facts.Grants[t.contract.Provider])
}

// usualScope is the scope or role that a run is granted for an operation.
func (t *Tenant) usualScope(o *fixtures.Operation) string {
	for _, scope := range slices.Concat(t.config.Sandbox.facts.Scopes, t.config.Sandbox.facts.Roles) {
		if slices.Contains(o.Scopes, scope) {
			return scope
		}
	}
	return cmp.Or(o.Scopes...)
}
