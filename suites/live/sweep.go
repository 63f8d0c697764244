package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Swept is what a sweep has found, a line each.
type Swept struct {
	Left   []string // what runs have left: what was removed, or, by a sweep that only lists, what would be
	Spared []string // what has the name that a run gives, and is not removed, with the reason
	Others []string // what resembles it, and is never removed
}

// Sweep lists what runs have left in the tenant, and removes it if it is to, and the tenant is marked as a run's must be. It looks at what has a name that a run of this tenant gives,
// whoever of the sandbox's accounts has it, and spares what anything else is at odds with. What a run has made that began less than that
// long ago it spares, by this machine's clock, for the run may be going on; 0 spares nothing. The error says what may be left, and whom
// the sandbox file must name for it to look at all.
func (t *Tenant) Sweep(ctx context.Context, sparing time.Duration, remove bool) (swept Swept, err error) {
	for _, keys := range sweepKeys[t.contract.Provider] {
		if !slices.ContainsFunc(keys, t.hasKey) {
			err = errors.Join(err, engineErrorf(opCleanUp, "%s may have something left, and nobody is looked at: name %s in %s, as it was "+
				"when the run was killed", t.contract.Provider, strings.Join(keys, " or "), t.config.Sandbox.File()))
		}
	}
	if remove {
		if unmarked := t.transport.marked(ctx); unmarked != nil {
			return swept, errors.Join(err, unmarked)
		}
	}
	failed := map[string]bool{} // identities that cannot sign in, each of which is reported once
	owners := slices.DeleteFunc(t.sweepOwners(), func(as string) bool {
		as = kinds(t.contract.Provider)[0].remover(t, as)
		if !failed[as] {
			problem := t.prove(ctx, as)
			failed[as], err = problem != nil, errors.Join(err, problem)
		}
		return failed[as]
	})
	ctx, end := t.cleaning(ctx)
	defer end()
	now := time.Now()
	all, unread := t.removeListed(ctx, owners, 1, func(ctx context.Context, k kind, as string, f found) (string, error) {
		line := f.describe(k.what)
		began, valid := t.names.parse(f.name)
		if !valid {
			if t.names.resembles(f.name) {
				swept.Others = append(swept.Others, line)
			}
			return "it has no name of a run", nil
		}
		why, err := t.whyForeign(ctx, k, as, f, began, now)
		if why == "" && err == nil && sparing > 0 && began.After(now.Add(-sparing)) {
			why = fmt.Sprintf("its run began at %s, and may be going on", began.UTC().Format(time.DateTime))
		}
		switch {
		case err != nil:
			return "", fmt.Errorf("whose the %s is cannot be looked up: %w", line, err)
		case why != "":
			swept.Spared = append(swept.Spared, line+": "+why)
			return why, nil
		case !remove:
			swept.Left = append(swept.Left, line)
			return "it is only listed", nil
		}
		return "", nil
	})
	for _, l := range all {
		if l.err == nil {
			swept.Left = append(swept.Left, l.described)
			continue
		}
		err = errors.Join(err, engineErrorf(opCleanUp, "the %s may be left: try again, or remove it yourself: %w", l.described, l.err))
	}
	for _, lines := range []*[]string{&swept.Left, &swept.Spared, &swept.Others} {
		slices.Sort(*lines)
		*lines = slices.Compact(*lines) // two identities may see the same, and it is looked at more than once
	}
	return swept, errors.Join(err, unread)
}

// whyForeign is why what has the name of a run is not a run's, for all that can be seen; "" if it is.
func (t *Tenant) whyForeign(ctx context.Context, k kind, as string, f found, began, now time.Time) (string, error) {
	if why := implausible(began, f.created, now); why != "" {
		return why, nil
	}
	return t.whyOthers(ctx, k, as, f)
}

// whyOthers is why what has the name of a run is somebody else's, whenever it was made; "" if it is a run's.
func (t *Tenant) whyOthers(ctx context.Context, k kind, as string, f found) (string, error) {
	if !f.marked {
		return "it lacks the marker that a run gives what it makes: somebody has changed or copied it", nil
	}
	ours, err := k.isAccounts(ctx, t, as, f)
	if err == nil && !ours {
		return "it is of nobody whom " + t.config.Sandbox.File() + " names", nil
	}
	return "", err
}

// sweepKeys are the keys, by provider, of whom a sweep looks at: of each list the sandbox file must name one.
var sweepKeys = map[string][][]string{
	"graph": {{"graph.app.clientID"}, learnerKeys}, "classroom": {{"classroom.teacher", "classroom.admin"}},
}

// transferTarget is to whom a recipe has a course move.
const transferTarget = "otherTeacher"

// sweepOwners are the identities of the sandbox file who may own what a run has made: those as which a recipe makes something, and
// transferTarget.
func (t *Tenant) sweepOwners() (list []string) {
	makes := map[string]bool{transferTarget: true}
	for _, r := range t.recipes {
		for _, step := range r.Given {
			makes[step.As] = makes[step.As] || t.kindOf(step.Operation) != nil
		}
		makes[r.As] = makes[r.As] || t.kindOf(r.Clause.Operation) != nil
	}
	accounts := map[string]bool{} // limited is teacher
	for _, as := range Identities(t.contract.Provider) {
		if key := account(t.contract.Provider, as); makes[as] && t.hasKey(key) && !accounts[key] {
			list, accounts[key] = append(list, as), true
		}
	}
	return list
}

func (t *Tenant) hasKey(key string) bool {
	_, named := t.config.Sandbox.Value(key)
	return named
}
