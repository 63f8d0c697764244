package live

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
)

// made is something that a run has made, or may have: it is registered before the request is sent, and looked for by its
// name, for a response may be lost.
type made struct {
	kind  kind
	name  string
	as    string // who made it
	found *found // what was received, nil if nothing was
	// rejected says that the last response was a rejection. What there is shows all the same, for a response may be wrong.
	rejected bool
	tried    bool         // to be removed
	undo     *client.Call // that takes back what is of no kind
	sent     *atomic.Bool // whether there may be anything to take back
}

// String names it, as it goes on after "the".
func (m *made) String() string {
	if m.undo != nil {
		return fmt.Sprintf("change that %s %s, as %s, takes back", m.undo.Operation.Method, expand(*m.undo), m.as)
	}
	return m.kind.what + " " + m.name
}

// kind is a kind of resource that is removed by itself. What else a recipe makes goes with one of them.
type kind struct {
	operation string // that makes one
	what      string
	removal   string // how one is removed, as a plan has it
	field     string // of the request's body, that holds the name
	// responded is what the operation's response says of it.
	responded func(x exchange.Exchange) found
	// find returns all that an identity can see.
	find func(ctx context.Context, t *Tenant, as string) ([]found, error)
	// read looks for one by its id, and reports whether it is there. What was just made may not show yet.
	read func(ctx context.Context, t *Tenant, as string, f *found) (there bool, err error)
	// remover is as whom one is looked for and removed that somebody made.
	remover func(t *Tenant, as string) string
	// remove removes one by its provider's rules. One that is gone is no error.
	remove func(ctx context.Context, t *Tenant, as string, f found) error
}

// found is a resource, as a provider shows it.
type found struct {
	id, name string
	provider string // of an activity, its registration id
}

// kinds are those of each provider.
var kinds = map[string][]kind{
	"graph": {{
		"graph.create", "activity", "an activity of that externalCourseActivityId, by DELETE", "externalCourseActivityId",
		receivedActivity, findActivities, readActivity, activityReader, removeActivity,
	}},
	"classroom": {{
		"classroom.courses.create", "course", "a course of that name with all that is in it: archived by PATCH, and then by DELETE", "name",
		receivedCourse, findCourses, readCourse, remover, removeCourse,
	}},
}

// kindOf is the kind that an operation makes, nil if it makes none.
func (t *Tenant) kindOf(o *fixtures.Operation) *kind {
	of := kinds[t.contract.Provider]
	if at := slices.IndexFunc(of, func(k kind) bool { return k.operation == o.ID }); at >= 0 {
		return &of[at]
	}
	return nil
}

// ownedName is the name of everything that a run makes: the prefix, when the run began (of old runs not), what distinguishes it from others,
// and the number of the recipe. One recipe has it in an address. A copy that somebody makes is called otherwise, and is somebody's.
var ownedName = regexp.MustCompile(`^(?:http://)?(` + regexp.QuoteMeta(prefix) + `(?:[a-z2-7]{6})?[a-z2-7]{8}-[0-9]+)(?:\.example\.com)?$`)

// nameIn is the name that a run has given, "" if nobody's run has.
func nameIn(text string) string {
	if m := ownedName.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// base32 are the digits of RFC 4648, in small letters.
const base32 = "abcdefghijklmnopqrstuvwxyz234567"

// newRun is the prefix of the names that a run gives, with the minute in which it began.
func newRun(began time.Time) string {
	var minute [6]byte // until the year 4011
	for i, left := len(minute)-1, began.Unix()/60; i >= 0; i, left = i-1, left/32 {
		minute[i] = base32[left%32]
	}
	return prefix + string(minute[:]) + strings.ToLower(rand.Text()[:8]) // 40 bits
}

// beganAt is when the run began that has given a name; the zero time of an old one, which does not say.
func beganAt(name string) time.Time {
	run, _, _ := strings.Cut(strings.TrimPrefix(name, prefix), "-")
	if len(run) != 6+8 {
		return time.Time{}
	}
	minutes := int64(0)
	for _, digit := range run[:6] {
		minutes = 32*minutes + int64(strings.IndexRune(base32, digit))
	}
	return time.Unix(60*minutes, 0)
}

// register notes, before the request is sent, that what the operation makes must be removed. The result takes each response.
func (t *Tenant) register(as string, o *fixtures.Operation, v *values) (responded func(exchange.Exchange)) {
	k := t.kindOf(o)
	if k == nil {
		return func(exchange.Exchange) {}
	}
	m := &made{kind: *k, name: v.run, as: as}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.made, t.makes[as] = append(t.made, m), true
	return func(x exchange.Exchange) {
		t.mutex.Lock()
		defer t.mutex.Unlock()
		m.rejected = x.Status() >= http.StatusBadRequest && x.Status() < http.StatusInternalServerError
		if f := m.kind.responded(x); f.id != "" && x.Status() < http.StatusMultipleChoices {
			m.found = &f
		} // or it is looked for by its name, whatever the response says
	}
}

// registerUndo notes, before the recipe's request is sent, how it is taken back, if it must be. The result takes the response: what
// was rejected, and what was never sent, is not taken back, for it may have been there before.
func (t *Tenant) registerUndo(v *values, r *fixtures.Recipe, sent *atomic.Bool) (responded func(exchange.Exchange), err error) {
	if r.Undo == nil {
		return func(exchange.Exchange) {}, nil
	}
	call, err := t.call(v, r.Undo.Operation, r.Undo.Change)
	if err != nil {
		return nil, err
	}
	m := &made{as: r.Undo.As, undo: &call, sent: sent}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.made = append(t.made, m)
	return func(x exchange.Exchange) {
		t.mutex.Lock()
		defer t.mutex.Unlock()
		m.rejected = x.Status() >= http.StatusBadRequest && x.Status() < http.StatusInternalServerError
	}, nil
}

// takeBack takes back what was sent and not rejected.
func (t *Tenant) takeBack(ctx context.Context, m *made) error {
	if m.rejected || !m.sent.Load() {
		return nil
	}
	x, err := t.send(ctx, m.as, *m.undo)
	// Nothing is there where it is not found, or, of Classroom, where nothing of the kind can be.
	if err != nil || slices.Contains([]int{http.StatusOK, http.StatusNoContent, http.StatusNotFound, http.StatusBadRequest}, x.Status()) {
		return err
	}
	return fmt.Errorf("the request received %s: undo it yourself\n%s", fixtures.StatusLine(x.Status()), x)
}

// CleanUp removes what the run has made since the last time, the last first. What could not be removed is left to Close, and
// the error names it. It is bounded by itself, and not by the run's budget, which must not keep it from removing.
func (t *Tenant) CleanUp(ctx context.Context) error {
	return t.cleanUp(ctx, false)
}

// cleanUp is CleanUp, or the second try, which ends with the first that could not be removed again.
func (t *Tenant) cleanUp(ctx context.Context, again bool) (err error) {
	t.mutex.Lock()
	all := slices.Clone(t.made)
	t.mutex.Unlock()
	gone := map[string]bool{} // one may have the name that two requests were to give
	for _, m := range slices.Backward(all) {
		if m.tried != again || again && err != nil {
			continue
		}
		m.tried = true
		problem := t.removeMade(unbudgeted(ctx), m, gone)
		if problem == nil {
			t.mutex.Lock()
			t.made = slices.DeleteFunc(t.made, func(other *made) bool { return other == m })
			t.mutex.Unlock()
			continue
		}
		remedy := "and go tool contract sweep --all --sandbox " + t.config.Sandbox.File() + " removes it"
		if m.undo != nil {
			remedy = "and no sweep knows it: take it back yourself"
		}
		err = errors.Join(err, engineErrorf(opCleanUp, "the %s is still there, %s: %w", m, remedy, problem))
	}
	return err
}

// removeMade removes what was received, if it has the name, and whatever else has it: a request may have been sent twice.
func (t *Tenant) removeMade(ctx context.Context, m *made, gone map[string]bool) error {
	if m.undo != nil {
		return t.takeBack(ctx, m)
	}
	if f := m.found; f != nil && !gone[f.id] {
		there := false
		err := t.transport.poll(ctx, newlyMade, "the "+m.kind.what+" to show", func() (done bool, err error) {
			there, err = m.kind.read(ctx, t, m.as, f)
			return there, err
		})
		if err != nil && !errors.Is(err, errPolledEnough) {
			return err
		}
		if there && nameIn(f.name) == m.name { // or the response named something else, which nobody made
			if err := m.kind.remove(ctx, t, m.as, *f); err != nil {
				return err
			}
			gone[f.id] = true
		}
	}
	all, err := m.kind.find(ctx, t, m.as)
	var rejected *rejection
	removed := m.found != nil && gone[m.found.id]
	if (m.rejected || removed) && errors.As(err, &rejected) && rejected.status == http.StatusForbidden {
		err = nil // who may not even look has made nothing, and what was made has gone
	}
	for _, f := range all {
		if nameIn(f.name) != m.name || gone[f.id] {
			continue
		}
		problem := m.kind.remove(ctx, t, m.as, f)
		gone[f.id] = problem == nil
		err = errors.Join(err, problem)
	}
	return err
}

// Sweep removes what any run has left in the tenant, and nothing else: what has a name that a run gives, whoever of the
// sandbox's accounts has it. What a run has made that began less than that long ago it spares, by this machine's clock, for the
// run may be going on; 0 spares nothing. It returns what it removed and what it spared. The error says what could not be
// removed, and whom the sandbox file must name for it to look at all.
func (t *Tenant) Sweep(ctx context.Context, sparing time.Duration) (removed, spared []string, err error) {
	young := time.Now().Add(-sparing)
	such := func(what, name string) bool {
		switch began := beganAt(name); {
		case name == "":
			return false
		case sparing > 0 && began.After(young):
			spared = append(spared, fmt.Sprintf("%s %s, of a run that began at %s", what, name, began.UTC().Format(time.RFC3339)))
			return false
		}
		return true
	}
	for _, keys := range sweepKeys[t.contract.Provider] {
		if !slices.ContainsFunc(keys, t.hasKey) {
			err = errors.Join(err, engineErrorf(opCleanUp, "%s may have something left, and nobody is looked at: name %s in %s, as it was "+
				"when the run was killed", t.contract.Provider, strings.Join(keys, " or "), t.config.Sandbox.File()))
		}
	}
	removed, problems := t.sweep(ctx, t.sweepOwners(), such)
	slices.Sort(spared) // two identities may see the same
	return removed, slices.Compact(spared), errors.Join(err, problems)
}

// sweepKeys are the keys, by provider, of whom a sweep looks at: of each list the sandbox file must name one.
var sweepKeys = map[string][][]string{
	"graph": {{"graph.app.clientID"}, learnerKeys}, "classroom": {{"classroom.teacher", "classroom.admin"}},
}

// sweepOwn is Sweep of this run's own, as those who have made something, and to whom a course may have moved.
func (t *Tenant) sweepOwn(ctx context.Context) error {
	made := slices.DeleteFunc(t.sweepOwners(), func(as string) bool { return !t.makes[as] && as != transferTarget })
	_, err := t.sweep(ctx, made, func(_, name string) bool { return strings.HasPrefix(name, t.run+"-") })
	return err
}

func (t *Tenant) sweep(ctx context.Context, owners []string, such func(what, name string) bool) (removed []string, err error) {
	ctx = unbudgeted(ctx)
	gone := map[string]bool{} // two identities may see the same
	for _, k := range kinds[t.contract.Provider] {
		for _, as := range owners {
			all, problem := k.find(ctx, t, as)
			err = errors.Join(err, problem)
			for _, f := range all {
				if gone[f.id] || !such(k.what, nameIn(f.name)) {
					continue
				}
				if problem := k.remove(ctx, t, as, f); problem != nil {
					err = errors.Join(err, engineErrorf(opCleanUp, "the %s %s could not be removed: try again, or remove it yourself: %w", k.what,
						f.name, problem))
					continue
				}
				gone[f.id] = true
				removed = append(removed, k.what+" "+f.name)
			}
		}
	}
	return removed, err
}

// Left are the names of what the run has made and not removed.
func (t *Tenant) Left() (names []string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for _, m := range t.made {
		names = append(names, m.String())
	}
	return names
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

// request sends a request of a clean-up. The path may have a query.
func (t *Tenant) request(ctx context.Context, as, method, path string, body any) (exchange.Exchange, error) {
	call := client.Call{Operation: &fixtures.Operation{ID: method + " " + path, Method: method, Path: path}}
	if body != nil {
		call.Body, _ = json.Marshal(body) // of maps and texts
	}
	return t.send(ctx, as, call)
}

// rejection is the error of a list that could not be read.
type rejection struct {
	status int
	text   string
}

func (r *rejection) Error() string { return r.text }

// read gets a path, and decodes the response. Of another status than 200 the error is a rejection.
func (t *Tenant) read(ctx context.Context, as, path string, into any) error {
	x, err := t.request(ctx, as, http.MethodGet, path, nil)
	switch {
	case err != nil:
		return err
	case x.Status() != http.StatusOK:
		remedy := "try again later"
		if x.Status() == http.StatusUnauthorized || x.Status() == http.StatusForbidden {
			remedy = fmt.Sprintf("check the roles and scopes of %s/%s", t.contract.Provider, as)
		}
		return &rejection{x.Status(), fmt.Sprintf("GET %s received %s: %s\n%s", path, fixtures.StatusLine(x.Status()), remedy, x)}
	}
	if err := json.Unmarshal(x.Body(), into); err != nil {
		return fmt.Errorf("GET %s received something else than a list: check the sandbox file's endpoint, and proxies (%w)", path, err)
	}
	return nil
}
