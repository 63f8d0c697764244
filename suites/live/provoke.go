package live

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
)

// Provoke sets up what the recipe has given and has the client make the request. It returns the response that counts: the
// last one, after what only says to wait or to sign in again. The error is an EngineError, or that of the function where nothing was
// responded. The function performs a call with an http.Client, below a base URL. What it makes is removed by CleanUp, whatever happens.
func (t *Tenant) Provoke(ctx context.Context, r *fixtures.Recipe,
	perform func(ctx context.Context, given *http.Client, baseURL string, call client.Call) error,
) (exchange.Exchange, error) {
	if response, has := t.recorded[r.Clause.ID]; has {
		below := &capture{transport: replayed(response)}
		err := perform(ctx, &http.Client{Transport: below, CheckRedirect: noRedirect}, t.contract.BaseURL, client.Minimal(r.Clause.Operation))
		x, received := below.last()
		if !received {
			return x, cmp.Or(err, error(engineErrorf(opSetUp, "the client sent no request: have it use the http.Client that it was given")))
		}
		return x, nil
	}
	for _, as := range t.identities(r) { // within the time of the spec, and not of the client's call
		if err := t.prove(ctx, as); err != nil {
			return exchange.Exchange{}, err
		}
	}
	if err := t.checkRights(ctx, r); err != nil {
		return exchange.Exchange{}, err
	}
	if err := t.checkMarked(ctx, r); err != nil {
		return exchange.Exchange{}, err
	}
	if run, _ := t.cost(r); !t.transport.affords(run) {
		return exchange.Exchange{}, engineErrorf(opBudget, "%w: %s takes %d requests, and the run may not send as many any more", ErrBudget, r.Clause.ID, run)
	}
	x, err := t.provoke(ctx, r, perform)
	if t.hasLost(ctx, r, x, err) {
		return t.provoke(ctx, r, perform)
	}
	return x, err
}

// provoke is Provoke with identities that are proven.
func (t *Tenant) provoke(ctx context.Context, r *fixtures.Recipe,
	perform func(ctx context.Context, given *http.Client, baseURL string, call client.Call) error,
) (exchange.Exchange, error) {
	v := t.values()
	for _, step := range r.Given {
		if step.Shared {
			if err := t.share(ctx, v, step); err != nil {
				return exchange.Exchange{}, err
			}
			continue
		}
		for range step.Times {
			if err := t.set(ctx, v, step); err != nil {
				return exchange.Exchange{}, err
			}
		}
	}
	if t.recording != nil {
		t.mutex.Lock()
		t.responded[r.Clause.ID] = slices.Collect(maps.Values(v.responses))
		t.mutex.Unlock()
	}
	call, err := t.call(v, r.Clause.Operation, r.Request)
	if err != nil {
		return exchange.Exchange{}, err
	}
	sent := &atomic.Bool{}
	undone, err := t.registerUndo(ctx, v, r, sent)
	if err != nil {
		return exchange.Exchange{}, err
	}
	m := t.register(r.As, r.Clause.Operation, v, ifMade)
	for try := 1; ; try++ {
		if err := t.transport.pause(ctx); err != nil { // within the time of the spec: the client's call may be shorter than the wait
			return exchange.Exchange{}, err
		}
		bound, err := t.callOnly(call, m, t.transport.As(r.As))
		if err != nil {
			return exchange.Exchange{}, engineErrorf(opSetUp, "%s cannot be called: %w", r.Clause.Operation.ID, err)
		}
		below := &capture{transport: bound, sent: sent}
		client := &http.Client{Transport: below, CheckRedirect: noRedirect}
		err = perform(ctx, client, t.config.Sandbox.Endpoint(t.contract.Provider), call)
		x, received := below.last()
		if received {
			t.receive(m, x)
			if undone != nil && try == 1 {
				undone.undo.conflicted = x.Status() == http.StatusConflict
			}
		}
		switch {
		case bound.stray() != nil:
			t.lose(r.Clause.Operation)
			return x, bound.stray()
		case below.failure() != nil:
			t.lose(r.Clause.Operation)
			return x, below.failure()
		case !received:
			return x, cmp.Or(err, error(engineErrorf(opSetUp, "the client sent no request: have it use the http.Client that it was given")))
		case try < mostTries && t.shouldRepeat(r, x):
			continue
		}
		return x, t.inconclusive(r, x)
	}
}

// prove signs an identity in. One that cannot is not tried again: each time takes as long.
func (t *Tenant) prove(ctx context.Context, as string) error {
	t.mutex.Lock()
	err := t.unproven[as]
	t.mutex.Unlock()
	if err != nil {
		return err
	}
	err = t.transport.Prove(ctx, as)
	engine, _ := errors.AsType[*EngineError](err)
	if engine == nil || ctx.Err() != nil {
		return err
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	switch engine.Op {
	case opSignIn:
		if t.unproven == nil {
			t.unproven = map[string]error{}
		}
		t.unproven[as] = err
	case opGuard:
		t.wrongIdentity = cmp.Or(t.wrongIdentity, err)
	}
	return err
}

// checkMarked looks the tenant's marker up where the recipe changes anything: within the time of the spec, too.
func (t *Tenant) checkMarked(ctx context.Context, r *fixtures.Recipe) error {
	if !r.Changes() {
		return nil
	}
	err := t.transport.marked(ctx)
	if engine, is := errors.AsType[*EngineError](err); is && engine.Op == opGuard {
		t.mutex.Lock()
		defer t.mutex.Unlock()
		t.wrongIdentity = cmp.Or(t.wrongIdentity, err)
	}
	return err
}

// identities are those that the recipe takes, who remove what it makes included: nothing is made that nobody can remove. So are those
// whom it reaches: nobody is invited whom a mistake in the file names.
func (t *Tenant) identities(r *fixtures.Recipe) []string {
	all := r.Identities()
	note := func(as string, o *fixtures.Operation) {
		if k := t.kindOf(o); k != nil && !slices.Contains(all, k.remover(t, as)) {
			all = append(all, k.remover(t, as))
		}
	}
	for _, step := range r.Given {
		note(step.As, step.Operation)
	}
	note(r.As, r.Clause.Operation)
	for _, key := range r.Accounts() {
		if as, _ := t.proof(key); as != "" && !slices.Contains(all, as) {
			all = append(all, as)
		}
	}
	return all
}

// stopped is why nothing more is run: somebody is not whom the file names. nil if nothing keeps the run from going on.
func (t *Tenant) stopped() error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.wrongIdentity
}

// mostTries bounds how often a request is sent that is throttled.
const mostTries = 4

// shouldRepeat reports whether the response says nothing of the clause, but that it must be sent again: later, or with a new token.
func (t *Tenant) shouldRepeat(r *fixtures.Recipe, x exchange.Exchange) bool {
	if x.Status() == http.StatusUnauthorized && r.Clause.Status != http.StatusUnauthorized {
		t.transport.Forget(r.As)
		return true
	}
	return t.transport.busy(x) && (isThrottled(t.contract, x) || x.Status() != r.Clause.Status)
}

// inconclusive is the error of a response that says nothing of the clause.
func (t *Tenant) inconclusive(r *fixtures.Recipe, x exchange.Exchange) error {
	line := fixtures.StatusLine(x.Status())
	switch disturbed := t.transport.disturbed(r.As, x); {
	case isBusy(x.Status()) && x.Status() != r.Clause.Status:
		return engineErrorf(opWait, "%s responded %s %d times: try again later", t.contract.Provider, line, mostTries)
	case disturbed != nil:
		return disturbed
	case x.Status() == http.StatusUnauthorized && x.Status() != r.Clause.Status:
		return engineErrorf(opSignIn, "%s/%s received %s with a new token, too: check that its token is for this API",
			t.contract.Provider, r.As, line)
	}
	return nil
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// values are what the references of one recipe stand for.
type values struct {
	sandbox   *Sandbox
	run       string
	missing   string
	responses map[string]exchange.Exchange // by step
	fresh     string                       // one a request
	odd       error                        // why an id of a response is none
	shared    bool                         // whether what is made is for all recipes
	planned   bool                         // whether references without a value stand for themselves
}

func (t *Tenant) values() *values {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.runs++
	return &values{
		sandbox: t.config.Sandbox, run: t.names.name(t.run, t.runs), missing: t.missing, responses: map[string]exchange.Exchange{},
	}
}

func (v *values) value(name string) (string, bool) {
	value, known := v.valueOf(name)
	if v.planned && (!known || name == "fresh" || name == "missing") {
		return "${" + name + "}", true
	}
	return value, known
}

func (v *values) valueOf(name string) (string, bool) {
	switch name {
	case "run":
		return v.run, true
	case "fresh":
		return v.fresh, true
	case "missing":
		return v.missing, true
	}
	if value, named := v.sandbox.Value(name); named {
		return value, true
	}
	step, field, _ := strings.Cut(name, ".")
	if response, made := v.responses[step]; made {
		found, ok := response.At("/" + strings.ReplaceAll(field, ".", "/"))
		text := fmt.Sprint(found)
		if err := checkID(text); ok && err != nil && strings.HasSuffix(strings.ToLower(field), "id") {
			v.odd = fmt.Errorf("of the response to the step %s, %w", step, err)
		}
		return text, ok
	}
	return "", false
}

// call is an operation's minimal request with the change.
func (t *Tenant) call(v *values, o *fixtures.Operation, change fixtures.Change) (client.Call, error) {
	v.fresh = newGUID()
	var unknown []error
	call, err := t.callWith(func(text string) string {
		text, err := fixtures.Resolve(text, v.value)
		unknown = append(unknown, err)
		return text
	}, o, change)
	if err = errors.Join(append(unknown, err, v.odd)...); err != nil {
		return call, engineErrorf(opSetUp, "%s cannot be called: %w", o.ID, err)
	}
	return t.withOwnName(call, o, v), nil
}

// withOwnName gives what the operation makes, or replaces, the run's name and marker, whatever its recipe says, so that nothing is
// without. What is replaced may keep the name that the run has given it.
func (t *Tenant) withOwnName(call client.Call, o *fixtures.Operation, v *values) client.Call {
	k := t.kindOf(o)
	makes := k != nil
	for _, other := range kinds(t.contract.Provider) {
		if other.update == o.ID {
			k = &other
		}
	}
	var body map[string]any
	if k == nil || json.Unmarshal(call.Body, &body) != nil || body == nil {
		return call
	}
	name, _ := body[k.field].(string)
	keeps := !makes && (t.isOwn(name) || v.planned && strings.HasPrefix(name, "${"))
	if bareName(name) != v.run && !keeps {
		body[k.field] = v.run
	}
	if k.marker != "" {
		body[k.marker] = marker
	}
	call.Body, _ = json.Marshal(body) // it was read from JSON
	return call
}

// callWith is call with texts resolved otherwise.
func (t *Tenant) callWith(resolved func(string) string, o *fixtures.Operation, change fixtures.Change) (client.Call, error) {
	var problems []error
	call := t.withNonexistentIDs(client.Minimal(o), resolved)
	if change.Method != "" || change.Path != "" {
		other := *o
		other.Method, other.Path = cmp.Or(change.Method, o.Method), cmp.Or(resolved(change.Path), o.Path)
		call.Operation = &other
	}
	for name, value := range change.Params {
		call.Params[name] = resolved(value)
	}
	for name, value := range change.Query {
		if call.Query == nil {
			call.Query = map[string]string{}
		}
		call.Query[resolved(name)] = resolved(value)
	}
	if change.Body != nil {
		var body any
		if call.Body != nil {
			problems = append(problems, json.Unmarshal(call.Body, &body))
		}
		var err error
		call.Body, err = json.Marshal(fixtures.Merge(body, each(change.Body, resolved)))
		problems = append(problems, err)
	}
	return call, errors.Join(problems...)
}

// withNonexistentIDs is a minimal request with the id of nothing in place of each id that the contract has as an example: somebody's
// course may have one.
func (t *Tenant) withNonexistentIDs(call client.Call, resolved func(string) string) client.Call {
	nothing := func(text string) string {
		switch {
		case !t.examples[text]:
			return text
		case strings.HasPrefix(text, "d:"): // an alias
			return resolved("d:${run}")
		case strings.Count(text, "-") == 4: // a GUID
			return resolved("${fresh}")
		}
		return resolved("${missing}")
	}
	for _, values := range []map[string]string{call.Params, call.Query} {
		for name, value := range values {
			values[name] = nothing(value)
		}
	}
	var body any
	if json.Unmarshal(call.Body, &body) == nil {
		call.Body, _ = json.Marshal(each(body, nothing)) // it was read from JSON
	}
	return call
}

// each is a JSON value with every text of it changed.
func each(value any, change func(string) string) any {
	switch value := value.(type) {
	case string:
		return change(value)
	case []any:
		changed := make([]any, len(value))
		for i, entry := range value {
			changed[i] = each(entry, change)
		}
		return changed
	case map[string]any:
		changed := map[string]any{}
		for name, entry := range value {
			changed[name] = each(entry, change)
		}
		return changed
	}
	return value
}

// set sends the request of one step of a set-up, and waits for what it waits for.
func (t *Tenant) set(ctx context.Context, v *values, step fixtures.Step) error {
	call, err := t.call(v, step.Operation, step.Change)
	if err != nil {
		return err
	}
	m := t.register(step.As, step.Operation, v, whenMade)
	x, err := t.send(ctx, step.As, call)
	if err != nil {
		return err
	}
	t.receive(m, x)
	if x.Status() >= http.StatusBadRequest {
		return engineErrorf(opSetUp, "%s, as %s, received %s: check the roles of %s, and what the sandbox file names for it\n%s", step.Operation.ID, step.As,
			fixtures.StatusLine(x.Status()), step.As, x)
	}
	switch {
	case m != nil:
		err = t.verify(ctx, m)
	case step.Operation.ID == invitationCreate:
		err = t.verifyInvitation(ctx, step.As, call.Body, x)
	}
	v.responses[step.Name] = x
	if step.Until == nil || err != nil {
		return err
	}
	looked, err := t.call(v, step.Until.Operation, fixtures.Change{Params: step.Until.Params})
	if err != nil {
		return err
	}
	awaited := fmt.Sprintf("%s to be %s", strings.TrimPrefix(step.Until.Field, "/"), step.Until.Is)
	err = t.transport.poll(ctx, looksForState, awaited, func() (bool, error) {
		x, err := t.send(ctx, step.As, looked)
		if err != nil {
			return false, err
		}
		found, _ := x.At(step.Until.Field)
		return found == step.Until.Is, nil
	})
	if errors.Is(err, errPolledEnough) {
		return engineErrorf(opSetUp, "%s did not become %s after %s: %w", step.Until.Field, step.Until.Is, step.Operation.ID, err)
	}
	return err
}

// How often what is eventually consistent is looked at, with growing waits: for a minute, for 13 seconds, and for 33.
const (
	looksForState   = 16
	looksForNews    = 7 // until what was made shows, or what was removed no more
	looksForRemoval = 11

	looksOnceDisappointed = 3 // of a removal, after one that was not seen to have an effect
)

// errPolledEnough is the error of a poll that is over.
var errPolledEnough = errors.New("it was looked at often enough")

// poll calls look until it is true, with growing waits, at most that often.
func (tr *Transport) poll(ctx context.Context, most int, awaited string, look func() (bool, error)) error {
	first := tr.options.FirstLook
	for n := 1; ; n++ {
		done, err := look()
		if done || err != nil {
			return err
		}
		if n == most {
			return fmt.Errorf("%w (%d times)", errPolledEnough, most)
		}
		wait := waitAfter(n, first)
		tr.mutex.Lock()
		tr.waited += wait
		tr.mutex.Unlock()
		if err := tr.wait(ctx, wait, awaited); err != nil {
			return err
		}
	}
}

// waitAfter is how long a look waits for the next one: twice as long each time, up to 20 times as long as the first.
func waitAfter(look int, first time.Duration) time.Duration { return min(first<<(look-1), 20*first) }

// pollTime is how long that many looks wait for each other, in all.
func pollTime(looks int) (sum time.Duration) {
	for look := range looks - 1 {
		sum += waitAfter(look+1, usualFirstLook)
	}
	return sum
}

// send sends a request of a set-up or a clean-up, as an identity, and again where the provider asks to wait, or wants another
// token.
func (t *Tenant) send(ctx context.Context, as string, call client.Call) (exchange.Exchange, error) {
	for try := 1; ; try++ {
		x, err := t.sendOnce(ctx, as, call)
		if err != nil || x.Status() >= http.StatusInternalServerError {
			t.lose(call.Operation)
		}
		if err != nil {
			return x, err
		}
		switch {
		case try < mostTries && x.Status() == http.StatusUnauthorized:
			t.transport.Forget(as)
		case !t.transport.busy(x):
			return x, t.transport.disturbed(as, x)
		case try == mostTries:
			return x, engineErrorf(opWait, "%s responded %s %d times: try again later", t.contract.Provider, fixtures.StatusLine(x.Status()), mostTries)
		}
	}
}

func (t *Tenant) sendOnce(ctx context.Context, as string, call client.Call) (x exchange.Exchange, err error) {
	address := t.config.Sandbox.Endpoint(t.contract.Provider) + expand(call)
	request, err := http.NewRequestWithContext(ctx, call.Operation.Method, address, bytes.NewReader(call.Body))
	if err != nil {
		return x, engineErrorf(opSetUp, "%s cannot be called: %w", call.Operation.ID, err)
	}
	if call.Body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := t.transport.Client(as).Do(request)
	if err != nil {
		return x, engineError(err)
	}
	defer response.Body.Close()
	x, err = exchange.Capture(response)
	return x, engineError(err)
}

// engineError is the EngineError that err has in its chain, or else err.
func engineError(err error) error {
	if already, ok := errors.AsType[*EngineError](err); ok {
		return already
	}
	return err
}

// expand is a call's path and query.
func expand(call client.Call) string { return call.Operation.Expand(call.Params, call.Query) }

// capture captures the exchanges below a client, and why the last one failed.
type capture struct {
	transport http.RoundTripper
	sent      *atomic.Bool // set once a request may have reached the provider; nil if nobody asks
	mutex     sync.Mutex
	exchange  exchange.Exchange
	responded bool
	failed    error
}

// RoundTrip implements http.RoundTripper.
func (c *capture) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := c.transport.RoundTrip(r.WithContext(context.WithValue(r.Context(), sentKey{}, c.sent)))
	var x exchange.Exchange
	if err == nil {
		x, err = exchange.Capture(response)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.failed = engineError(err)
	if err != nil {
		return nil, err
	}
	c.exchange, c.responded = x, true
	return response, nil
}

func (c *capture) last() (exchange.Exchange, bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.exchange, c.responded
}

// failure is why the last request has no response, nil if it has one.
func (c *capture) failure() error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.failed
}
