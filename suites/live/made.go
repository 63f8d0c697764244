package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/suites/clients"
)

// made is something that a run has made, or may have: it is registered before the request is sent, and looked for by its
// name, for an answer may be lost.
type made struct {
	kind  kind
	name  string
	as    string // who made it
	found *found // what was answered, nil if nothing was
	// refused says that the answer was a refusal. What there is shows all the same, for an answer may be wrong.
	refused bool
}

// kind is a kind of resource that is removed by itself. What else a recipe makes goes with one of them.
type kind struct {
	operation string // that makes one
	what      string
	removal   string // how one is removed, as a plan has it
	// answered is what the operation's answer says of it.
	answered func(x matchers.Exchange) found
	// find returns what there is whose name a run has given, and all of it where name is empty.
	find func(ctx context.Context, t *Tenant, as string) ([]found, error)
	// remove removes one by its provider's rules. One that is gone is no error.
	remove func(ctx context.Context, t *Tenant, as string, f found) error
}

// found is a resource that a run has made.
type found struct {
	id, name string
	provider string // of an activity, its registration id
}

// kinds are those of each provider.
var kinds = map[string][]kind{
	"graph": {{
		"graph.create", "activity", "an activity of that externalCourseActivityId, by DELETE",
		answeredActivity, findActivities, removeActivity,
	}},
	"classroom": {{
		"classroom.courses.create", "course", "a course of that name with all that is in it: archived by PATCH, and then by DELETE",
		answeredCourse, findCourses, removeCourse,
	}},
}

// ours is the name of everything that a run makes: the prefix, the run, and the number of the recipe.
var ours = regexp.MustCompile(regexp.QuoteMeta(Prefix) + `[a-z2-7]{8}-[0-9]+`)

// register notes, before it is asked for, that what the operation makes must be removed. The result takes the answer.
func (t *Tenant) register(as string, o *fixtures.Operation, v *values) (answered func(matchers.Exchange)) {
	at := slices.IndexFunc(kinds[t.contract.Provider], func(k kind) bool { return k.operation == o.ID })
	if at < 0 {
		return func(matchers.Exchange) {}
	}
	m := &made{kind: kinds[t.contract.Provider][at], name: v.run, as: as}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.made = append(t.made, m)
	return func(x matchers.Exchange) {
		t.mutex.Lock()
		defer t.mutex.Unlock()
		m.refused = x.Status() >= http.StatusBadRequest && x.Status() < http.StatusInternalServerError
		f := m.kind.answered(x)
		if f.name = v.run; f.id != "" && x.Status() < http.StatusMultipleChoices {
			m.found = &f
		} // or it is looked for by its name, whatever the answer says
	}
}

// CleanUp removes what the run has made up to now, the last first. What could not be removed stays registered, and the error
// tells it.
func (t *Tenant) CleanUp(ctx context.Context) error {
	t.mutex.Lock()
	all := t.made
	t.made = nil
	t.mutex.Unlock()
	var problems []error
	for _, m := range slices.Backward(all) {
		err := t.removeNamed(ctx, m)
		if err == nil {
			continue
		}
		problems = append(problems, failed(OpCleanUp, "the %s %s is still there, and go tool contract sweep removes it: %w", m.kind.what, m.name, err))
		t.mutex.Lock()
		t.made = append(t.made, m)
		t.mutex.Unlock()
	}
	return errors.Join(problems...)
}

func (t *Tenant) removeNamed(ctx context.Context, m *made) error {
	if m.found != nil {
		return m.kind.remove(ctx, t, m.as, *m.found)
	}
	all, err := m.kind.find(ctx, t, m.as)
	var answered *refusal
	if m.refused && errors.As(err, &answered) && answered.status == http.StatusForbidden {
		return nil // who may not even look has made nothing
	}
	if err != nil {
		return err
	}
	for _, f := range all {
		if ours.FindString(f.name) == m.name {
			err = errors.Join(err, m.kind.remove(ctx, t, m.as, f))
		}
	}
	return err
}

// Sweep removes what any run has left in the tenant, and nothing else: what has a name that a run gives, whoever of the
// sandbox's identities may find it. It returns what it removed. The error tells what could not be.
func (t *Tenant) Sweep(ctx context.Context) (removed []string, err error) {
	for _, k := range kinds[t.contract.Provider] {
		for _, as := range makers(t) {
			all, problem := k.find(ctx, t, as)
			err = errors.Join(err, problem)
			for _, f := range all {
				if !ours.MatchString(f.name) {
					continue
				}
				if problem := k.remove(ctx, t, as, f); problem != nil {
					err = errors.Join(err, failed(OpCleanUp, "the %s %s could not be removed: %w", k.what, f.name, problem))
					continue
				}
				removed = append(removed, k.what+" "+f.name)
			}
		}
	}
	return removed, err
}

// makers are the identities of the sandbox file that a recipe may make something as.
func makers(t *Tenant) (list []string) {
	named := map[string]bool{}
	for _, r := range t.recipes {
		for _, step := range r.Given {
			named[step.As] = named[step.As] || slices.ContainsFunc(kinds[t.contract.Provider], func(k kind) bool { return k.operation == step.Operation.ID })
		}
		named[r.As] = named[r.As] || slices.ContainsFunc(kinds[t.contract.Provider], func(k kind) bool { return k.operation == r.Clause.Operation.ID })
	}
	for _, as := range Identities(t.contract.Provider) {
		if named[as] && t.has(account(t.contract.Provider, as)) {
			list = append(list, as)
		}
	}
	return list
}

func (t *Tenant) has(key string) bool {
	_, named := t.config.Sandbox.Value(key)
	return named
}

// ask sends a request of a clean-up. The path may have a query.
func (t *Tenant) ask(ctx context.Context, as, method, path string, body any) (matchers.Exchange, error) {
	call := clients.Call{Operation: &fixtures.Operation{ID: method + " " + path, Method: method, Path: path}}
	if body != nil {
		call.Body, _ = json.Marshal(body) // of maps and texts
	}
	return t.send(ctx, as, call)
}

// refusal is the error of a list that could not be read.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

// read asks for a path, and decodes the answer. Of another status than 200 the error is a refusal.
func (t *Tenant) read(ctx context.Context, as, path string, into any) error {
	x, err := t.ask(ctx, as, http.MethodGet, path, nil)
	switch {
	case err != nil:
		return err
	case x.Status() != http.StatusOK:
		return &refusal{x.Status(), fmt.Sprintf("GET %s was answered %s\n%s", path, fixtures.StatusLine(x.Status()), x)}
	}
	if err := json.Unmarshal(x.Body(), into); err != nil {
		return fmt.Errorf("GET %s was answered by something else than a list: %w", path, err)
	}
	return nil
}
