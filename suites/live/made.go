package live

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
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
	kind kind
	name string
	as   string // who made it
	id   string // that was received, "" if none was, or that of something else
	link string // where a person finds it, if the provider says
	seen bool   // by its id, with its name
	// rejected says that the last response was a rejection. What there is shows all the same, for a response may be wrong.
	rejected bool
	accepted bool // by a response, whatever it named
	tried    bool // to be removed
	shared   bool // by recipes, so that Close alone removes it
	undo     *undo
}

// undo takes back what is of no kind.
type undo struct {
	call, look client.Call
	until      *fixtures.Until
	sent       *atomic.Bool // whether there may be anything to take back
	conflicted bool         // whether the response was that it is there already
}

// String names it, as it goes on after "the".
func (m *made) String() string {
	switch {
	case m.undo != nil:
		return fmt.Sprintf("change that %s %s, as %s, takes back", m.undo.call.Operation.Method, expand(m.undo.call), m.as)
	case m.id != "":
		return found{id: m.id, name: m.name, link: m.link}.describe(m.kind.what)
	}
	return m.kind.what + " " + m.name
}

// kind is a kind of resource that is removed by itself. What else a recipe makes goes with one of them.
type kind struct {
	operation string // that makes one
	update    string // that replaces all of one, "" if none does
	what      string
	removal   string // how one is removed, as a plan has it
	field     string // of the request's body, that holds the name
	marker    string // of the body, that holds the marker; "" if others say whose it is
	requests  int    // that remove one, the looks included
	// find returns all that an identity can see, up to where they could not be read.
	find func(ctx context.Context, t *Tenant, as string) ([]found, error)
	// path is where one is looked for by its id.
	path func(id string) string
	// shown is what a response says of one.
	shown func(t *Tenant, x exchange.Exchange) found
	// remover is as whom one is looked for and removed that somebody made.
	remover func(t *Tenant, as string) string
	// isAccounts reports whether it is of an account of the sandbox file.
	isAccounts func(ctx context.Context, t *Tenant, as string, f found) (bool, error)
	// step is the next request on its way to be removed, by its provider's rules.
	step func(f found) (method, path string, body any)
}

// found is a resource, as a provider shows it.
type found struct {
	id, name string
	state    string    // of a course
	provider string    // of an activity, its registration id
	owner    string    // the id of a course's owner, or of an activity's learner
	marked   bool      // whether a second field says that a run made it
	created  time.Time // zero if the provider does not say
	link     string    // where a person finds it, if the provider says
}

// describe names it for who must look at it, as it goes on after "the".
func (f found) describe(what string) string {
	text := fmt.Sprintf("%s %s (id %.40s", what, f.name, f.id)
	if f.link != "" {
		text += ", " + f.link
	}
	return exchange.Printable(text + ")")
}

// kinds are those of a provider.
func kinds(provider string) []kind {
	if provider == "graph" {
		return []kind{{
			operation: "graph.create", what: "activity", removal: "an activity of that externalCourseActivityId, by DELETE",
			field: "externalCourseActivityId", requests: 3, find: findActivities, path: activityPath, shown: shownActivity,
			remover: activityReader, isAccounts: isLearners, step: removeActivity,
		}}
	}
	return []kind{{
		operation: "classroom.courses.create", update: "classroom.courses.update", what: "course",
		removal: "a course of that name with all that is in it: archived by PATCH, and then by DELETE",
		field:   "name", marker: "section", requests: 5, find: findCourses, path: coursePath, shown: shownCourse,
		remover: remover, isAccounts: isUsers, step: removeCourse,
	}}
}

// kindOf is the kind that an operation makes, nil if it makes none.
func (t *Tenant) kindOf(o *fixtures.Operation) *kind {
	of := kinds(t.contract.Provider)
	if at := slices.IndexFunc(of, func(k kind) bool { return k.operation == o.ID }); at >= 0 {
		return &of[at]
	}
	return nil
}

// isOwn reports a name that this run has given.
func (t *Tenant) isOwn(name string) bool {
	_, valid := t.names.parse(name)
	return valid && strings.HasPrefix(name, t.run+"-")
}

// How often the requests are allowed that remove something: of what is likely to be there, some show late.
const (
	ifMade   = 1
	whenMade = 2
)

// register notes, before the request is sent, that what the operation makes must be removed; nil if it makes nothing of a kind.
func (t *Tenant) register(as string, o *fixtures.Operation, v *values, often int) *made {
	k := t.kindOf(o)
	if k == nil {
		return nil
	}
	m := &made{kind: *k, name: v.run, as: as, shared: v.shared}
	t.transport.allow(often * k.requests)
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.made, t.makes[as] = append(t.made, m), true
	return m
}

// receive notes a response to the request that makes it.
func (t *Tenant) receive(m *made, x exchange.Exchange) {
	if m == nil {
		return
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	m.rejected, m.accepted = isRejection(x), m.accepted || x.Status() < http.StatusMultipleChoices
	t.lost = t.lost || x.Status() >= http.StatusInternalServerError
	if id := x.TextAt("/id"); id != "" && x.Status() < http.StatusMultipleChoices {
		m.id = id
	} // or it is looked for by its name, whatever the response says
}

// lose notes that there may be no response to a request that makes something, although it was sent.
func (t *Tenant) lose(o *fixtures.Operation) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.lost = t.lost || t.kindOf(o) != nil
}

func isRejection(x exchange.Exchange) bool {
	return x.Status() >= http.StatusBadRequest && x.Status() < http.StatusInternalServerError
}

// verify reads what was made by the id that the response gave it, until it shows. An id of something else is used no more.
func (t *Tenant) verify(ctx context.Context, m *made) error {
	err := t.transport.poll(ctx, looksForNews, "the "+m.kind.what+" to show", func() (there bool, err error) {
		f, there, err := t.look(ctx, m.kind, m.as, m.id)
		if there && f.name != m.name {
			id := m.id
			m.id = ""
			return false, fmt.Errorf("the response to %s has the id %s, which is of something else: nothing more is sent with it", m.kind.operation,
				exchange.Printable(id))
		}
		m.seen, m.link = m.seen || there, f.link
		return there, err
	})
	if err == nil {
		return nil
	}
	return engineErrorf(opSetUp, "the %s is not to be used: %w", m, err)
}

// look reads a resource by its id, and reports whether it is there. What is neither there nor 404 is an error.
func (t *Tenant) look(ctx context.Context, k kind, as, id string) (f found, there bool, err error) {
	if err := checkID(id); err != nil {
		return f, false, err
	}
	x, err := t.request(ctx, k.remover(t, as), http.MethodGet, k.path(id), nil)
	switch {
	case err != nil:
		return f, false, err
	case x.Status() == http.StatusNotFound:
		return f, false, nil
	case x.Status() != http.StatusOK:
		return f, false, fmt.Errorf("it cannot be looked up: GET received %s\n%s", fixtures.StatusLine(x.Status()), x)
	}
	if f = k.shown(t, x); f.id != id {
		return f, false, fmt.Errorf("it cannot be looked up: GET of id %s received something else", exchange.Printable(id))
	}
	return f, true, checkID(cmp.Or(f.provider, f.id)) // which is in the path that removes it
}

// remove removes a resource, and looks until it is gone. Before each request that changes it, it is read by its id, and whyNot says why it
// must be left alone, "" if it must not. It reports whether it was seen at all.
func (t *Tenant) remove(ctx context.Context, k kind, as, id string, whyNot func(found) (string, error)) (seen bool, err error) {
	r := &removal{Tenant: t, kind: k, as: as, id: id, whyNot: whyNot, sent: map[string][]int{}, last: "it was not seen to be gone"}
	most := looksForRemoval
	if t.disappointed {
		most = looksOnceDisappointed
	}
	err = t.transport.poll(ctx, most, "the "+k.what+" to be gone", func() (gone bool, err error) {
		for goesOn := true; goesOn && err == nil; { // what takes effect at once is not waited for
			gone, goesOn, err = r.step(ctx)
		}
		return gone, err
	})
	if errors.Is(err, errPolledEnough) || errors.Is(err, ErrBudget) {
		t.disappointed = true
		err = fmt.Errorf("%s (%w)", r.last, err)
	}
	return r.looks > 0, err
}

// removal is one that is under way.
type removal struct {
	*Tenant
	kind   kind
	as, id string
	whyNot func(found) (string, error)
	looks  int              // at what was there
	absent int              // looks at nothing, before its removal was requested
	called bool             // whether its removal was requested
	sent   map[string][]int // at which of them a request was sent, by the state that it was to end
	last   string           // what the last one came to
}

// How many looks pass before a request is sent again, and how often it is sent.
const (
	looksBetween = 4
	mostRequests = 3

	looksAtNothing = 3 // that say it is gone, although nobody is known to have removed it: a replica may not have it yet
)

// step looks, and sends the next request. It goes on if that was accepted.
func (r *removal) step(ctx context.Context) (gone, goesOn bool, err error) {
	f, there, err := r.look(ctx, r.kind, r.as, r.id)
	if err != nil {
		return false, false, err
	}
	if !there {
		r.absent++
		return r.called || r.absent == looksAtNothing, false, nil
	}
	r.looks++
	if why, err := r.whyNot(f); err != nil || why != "" {
		return false, false, cmp.Or(err, errors.New(why))
	}
	if at := r.sent[f.state]; len(at) == mostRequests || len(at) > 0 && r.looks < at[len(at)-1]+looksBetween {
		return false, false, nil
	}
	r.sent[f.state] = append(r.sent[f.state], r.looks)
	method, path, body := r.kind.step(f)
	r.called = r.called || method == http.MethodDelete
	x, err := r.request(ctx, r.kind.remover(r.Tenant, r.as), method, path, body)
	if e, is := errors.AsType[*EngineError](err); is && e.Op == opNetwork { // it may have been done all the same
		r.last = err.Error()
		return false, true, nil
	}
	if err != nil || x.Status() < http.StatusBadRequest || x.Status() == http.StatusNotFound {
		return false, true, err
	}
	r.last = fmt.Sprintf("%s received %s: remove it yourself, or sweep as somebody who may\n%s", method, fixtures.StatusLine(x.Status()), x)
	if x.Status() == http.StatusBadRequest || x.Status() == http.StatusConflict { // its state may have shown late
		return false, false, nil
	}
	return false, false, errors.New(r.last)
}

// CleanUp removes what the run has made since the last time, the last first, by the id that each has. What could not be removed is left
// to Close, and the error names it; so is what has no id, because the response was lost or a rejection. It is bounded by itself,
// and not by the run's budget, which must not keep it from removing.
func (t *Tenant) CleanUp(ctx context.Context) error {
	ctx, end := t.cleaning(ctx)
	defer end()
	return t.cleanUp(ctx, false)
}

// cleaning is a context in which what was made is removed: it may take as long as a run may wait, all clean-ups together.
func (t *Tenant) cleaning(ctx context.Context) (context.Context, func()) {
	if t.transport == nil {
		return ctx, func() {}
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	began := time.Now()
	ctx, cancel := context.WithTimeout(cleaning(ctx), t.transport.options.Patience-t.cleanedFor)
	return ctx, func() {
		cancel()
		t.mutex.Lock()
		defer t.mutex.Unlock()
		t.cleanedFor += time.Since(began)
	}
}

// cleanUp is CleanUp, or the second try, which ends with the first that could not be removed again.
func (t *Tenant) cleanUp(ctx context.Context, again bool) (err error) {
	t.mutex.Lock()
	all := slices.Clone(t.made)
	t.mutex.Unlock()
	for _, m := range slices.Backward(all) {
		if m.tried != again || again && err != nil || m.shared && !t.closing {
			continue
		}
		m.tried = true
		gone, problem := t.removeMade(ctx, m)
		if gone {
			t.forget(m)
		}
		if problem != nil {
			err = errors.Join(err, engineErrorf(opCleanUp, "the %s may be left, %s: %w", m, t.remedy(m, problem), problem))
		}
	}
	return err
}

func (t *Tenant) remedy(m *made, problem error) string {
	switch {
	case m.undo != nil:
		return "and no sweep knows it: take it back yourself"
	case errors.Is(problem, errRenamed):
		return "and no sweep knows it"
	}
	return "and go tool contract sweep --sandbox " + t.config.Sandbox.File() + " looks for it"
}

// forget notes that nothing is left of it.
func (t *Tenant) forget(m *made) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.made = slices.DeleteFunc(t.made, func(other *made) bool { return other == m })
}

// removeMade removes what has the id that was received, if it has the name, and reports whether it was seen to be gone.
func (t *Tenant) removeMade(ctx context.Context, m *made) (gone bool, err error) {
	if m.undo != nil {
		err := t.takeBack(ctx, m)
		return err == nil, err
	}
	if m.id == "" || checkID(m.id) != nil {
		return false, nil
	}
	seen, err := t.remove(ctx, m.kind, m.as, m.id, func(f found) (string, error) {
		if f.name == m.name {
			return "", nil
		}
		return "", errElses
	})
	switch {
	case errors.Is(err, errElses) && m.seen:
		return false, errRenamed
	case errors.Is(err, errElses): // or the response named something that nobody made
		m.id = ""
		return false, nil
	case err != nil:
		return false, err
	}
	return seen || m.seen, nil
}

var (
	errElses   = errors.New("it is something else")
	errRenamed = errors.New("it has another name now, and so it is left alone: look at it, and remove it yourself")
)

// Close removes what is left of everything that the run has made, and looks for it by its name in lists, for a response may have been
// lost. The error says what may be left.
func (t *Tenant) Close(ctx context.Context) error {
	t.mutex.Lock()
	t.closing = true
	t.mutex.Unlock()
	ctx, end := t.cleaning(ctx)
	defer end()
	err := errors.Join(t.cleanUp(ctx, false), t.cleanUp(ctx, true))
	if len(t.makes) > 0 {
		err = errors.Join(err, t.closeLists(ctx))
	}
	if t.transport != nil {
		t.transport.CloseIdleConnections()
	}
	return err
}

// closeLists looks for the run's own in the lists of those who have made something, and to whom a course may have moved.
func (t *Tenant) closeLists(ctx context.Context) (err error) {
	owners := slices.DeleteFunc(t.sweepOwners(), func(as string) bool { return !t.makes[as] && as != transferTarget })
	looks, rejected := 1, !t.lost
	if t.lost {
		looks = looksForNews
	}
	reported := map[string]bool{} // by id
	for _, m := range t.made {
		if m.undo != nil {
			continue
		}
		if !m.rejected {
			looks = looksForNews // what the response named did not show
		}
		rejected = rejected && m.rejected
		reported[m.id] = reported[m.id] || m.seen
	}
	spared := map[string]string{} // why, by what it is
	all, unread := t.removeListed(ctx, owners, looks, func(ctx context.Context, k kind, as string, f found) (string, error) {
		if !t.isOwn(f.name) || reported[f.id] {
			return "it is not this run's, or it could not be removed before", nil
		}
		why, err := t.whyOthers(ctx, k, as, f)
		if why != "" {
			spared[f.describe(k.what)] = why
		}
		return why, err
	})
	for _, described := range slices.Sorted(maps.Keys(spared)) {
		err = errors.Join(err, engineErrorf(opCleanUp, "the %s has a name of this run and is left alone, for %s: look at it, and remove it yourself if it is a run's",
			described, spared[described]))
	}
	if answered, is := errors.AsType[*rejection](unread); is && rejected && answered.status == http.StatusForbidden {
		unread = nil // who may not even look has made nothing
	}
	sweeps := "and go tool contract sweep --sandbox " + t.config.Sandbox.File() + " looks for it"
	shown := map[string]bool{}
	for _, l := range all {
		shown[l.name] = true
		if l.err != nil {
			err = errors.Join(err, engineErrorf(opCleanUp, "the %s may be left, %s: %w", l.described, sweeps, l.err))
		}
	}
	for _, m := range slices.Clone(t.made) {
		switch {
		case m.undo != nil, m.seen && !shown[m.name]: // it was reported
		case shown[m.name]: // it was removed, or reported
			if !slices.ContainsFunc(all, func(l *listed) bool { return l.name == m.name && l.err != nil }) {
				t.forget(m)
			}
		case unread == nil && (m.rejected || !m.accepted): // it was looked for long enough
			t.forget(m)
		case !m.rejected:
			err = errors.Join(err, engineErrorf(opCleanUp, "the %s may be left, %s: it does not show", m, sweeps))
		}
	}
	if unread != nil {
		err = errors.Join(err, engineErrorf(opCleanUp, "what is called %s-… may be left, %s: %w", t.run, sweeps, unread))
	}
	return err
}

// listed is something that a list showed and that was to be removed.
type listed struct {
	found
	described string
	err       error // why it may be left; nil if it was seen to be gone
	shows     bool  // in the last look
}

// removeListed removes what lists show and whyNot does not spare, and looks again, at least that often, until no list shows any of it. The
// error says why a list could not be read to its end.
func (t *Tenant) removeListed(ctx context.Context, owners []string, looks int,
	whyNot func(ctx context.Context, k kind, as string, f found) (string, error),
) (all []*listed, err error) {
	t.transport.allow(looksForNews * len(owners) * lists[t.contract.Provider])
	var unread error
	look := 0
	err = t.transport.poll(ctx, looksForNews, "lists to show what was made, and what is gone no more", func() (bool, error) {
		look++
		shows := false
		for _, l := range all {
			l.shows = false
		}
		for _, k := range kinds(t.contract.Provider) {
			for _, as := range owners {
				shown, err := k.find(ctx, t, as)
				unread = errors.Join(unread, err)
				for _, f := range shown {
					if why, err := whyNot(ctx, k, as, f); why != "" || err != nil {
						unread = errors.Join(unread, err)
						continue
					}
					shows = true
					if at := slices.IndexFunc(all, func(l *listed) bool {
						return l.id == f.id || l.name == f.name && checkID(f.id) != nil
					}); at >= 0 {
						all[at].shows = true
						continue
					}
					t.transport.allow(whenMade * k.requests)
					_, err := t.remove(ctx, k, as, f.id, func(now found) (string, error) {
						if now.name != f.name {
							return "it is called otherwise now", nil
						}
						return whyNot(ctx, k, as, now)
					})
					all = append(all, &listed{f, f.describe(k.what), err, true})
				}
			}
		}
		return look >= looks && !shows || unread != nil, nil
	})
	for _, l := range all {
		if l.shows && l.err == nil && unread == nil {
			l.err = errors.New("lists show it still")
		}
	}
	if errors.Is(err, errPolledEnough) {
		err = nil
	}
	return all, errors.Join(unread, err)
}

// lists is how many lists show what one identity has made.
var lists = map[string]int{"graph": len(learnerKeys), "classroom": 1}

// registerUndo notes, before the recipe's request is sent, how it is taken back: what is there before it is not.
func (t *Tenant) registerUndo(ctx context.Context, v *values, r *fixtures.Recipe, sent *atomic.Bool) (m *made, err error) {
	if r.Undo == nil {
		return nil, nil
	}
	m = &made{as: r.Undo.As, undo: &undo{until: r.Undo.Until, sent: sent}}
	if m.undo.call, err = t.call(v, r.Undo.Operation, r.Undo.Change); err != nil {
		return nil, err
	}
	if m.undo.look, err = t.call(v, r.Undo.Until.Operation, fixtures.Change{Params: r.Undo.Until.Params}); err != nil {
		return nil, err
	}
	switch nothing, err := t.isUndone(ctx, m); {
	case err != nil:
		return nil, engineErrorf(opSetUp, "nothing is requested that could not be taken back: %w", err)
	case nothing:
		t.transport.allow(undoRequests)
		t.mutex.Lock()
		defer t.mutex.Unlock()
		t.made = append(t.made, m)
	}
	return m, nil
}

// undoRequests are a look, the request that takes back, and looks after it.
const undoRequests = 4

// isUndone reports whether there is nothing to take back.
func (t *Tenant) isUndone(ctx context.Context, m *made) (bool, error) {
	x, err := t.send(ctx, m.as, m.undo.look)
	if err != nil {
		return false, err
	}
	value, _ := x.At(m.undo.until.Field)
	switch {
	case value == m.undo.until.Is:
		return true, nil
	case x.Status() < http.StatusMultipleChoices:
		return false, nil
	}
	return false, fmt.Errorf("GET %s received %s: check the roles of %s, and what the sandbox file names\n%s", expand(m.undo.look),
		fixtures.StatusLine(x.Status()), m.as, x)
}

// takeBack takes back what was not there before and is there now, whatever the response was.
func (t *Tenant) takeBack(ctx context.Context, m *made) error {
	if !m.undo.sent.Load() {
		return nil
	}
	if undone, err := t.isUndone(ctx, m); err != nil || undone {
		return err
	}
	if m.undo.conflicted { // what was read before did not show it
		return errors.New("it is there, and the response to the request that adds it was that it is there already: look at who has added it")
	}
	x, err := t.send(ctx, m.as, m.undo.call)
	if err != nil {
		return err
	}
	err = t.transport.poll(ctx, looksForNews, "what was changed to be taken back", func() (bool, error) { return t.isUndone(ctx, m) })
	if errors.Is(err, errPolledEnough) {
		return fmt.Errorf("it is there still, and the request to take it back received %s: undo it yourself\n%s", fixtures.StatusLine(x.Status()), x)
	}
	return err
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

// mostPages is how many pages one list may have, and morePages how many all lists of a run, beyond the first of each.
const (
	mostPages = 50
	morePages = 1000
)

// readPages gets a list. The function takes each page, and returns the path of the next one, "" after the last. Of another status than
// 200 the error is a rejection.
func (t *Tenant) readPages(ctx context.Context, as, path string, take func(page []byte) (next string, err error)) error {
	for seen := map[string]bool{}; path != ""; {
		if len(seen) == mostPages || seen[path] || t.pages == morePages {
			return fmt.Errorf("the pages of %s do not end: what is called %s… may be left there", path, prefix)
		}
		if len(seen) > 0 {
			t.pages++
			t.transport.allow(1)
		}
		seen[path] = true
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
		next, err := take(x.Body())
		if err != nil {
			return fmt.Errorf("GET %s received something else than a list: check the sandbox file's endpoint, and proxies (%w)", path, err)
		}
		path = next
	}
	return nil
}
