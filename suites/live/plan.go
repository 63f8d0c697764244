package live

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/learncontract/learncontract/fixtures"
)

// Plan is what a run will do. Two plans of the same sandbox file, classes and version are the same, and so are their digests.
type Plan struct {
	Provider   string            `json:"provider"`
	API        string            `json:"api"`
	Tenant     string            `json:"tenant"`  // or the domain
	Marker     string            `json:"marker"`  // the id of what marks it as a sandbox, "" if the file names none
	Provoke    []string          `json:"provoke"` // classes beside safe
	ReadOnly   bool              `json:"readOnly"`
	Hosts      []plannedHost     `json:"hosts"`
	Identities []plannedIdentity `json:"identities"`
	Accounts   []plannedAccount  `json:"accounts"` // whom it reaches, if it is not rejected
	Totals     plannedTotals     `json:"totals"`
	Changes    []plannedChange   `json:"changes"` // by kind
	Shared     []plannedRequest  `json:"shared"`  // set up once, when they are first needed
	Clauses    []plannedClause   `json:"clauses"` // all, in the order of the contract
	Digest     string            `json:"digest"`  // of all the others
}

// plannedHost is a host that a run talks to.
type plannedHost struct {
	Address string `json:"address"`
	For     string `json:"for"` // requests or tokens
}

// plannedIdentity is somebody as whom a run calls.
type plannedIdentity struct {
	Name    string `json:"name"`
	Account string `json:"account"` // as the sandbox file names it
	// Scopes are the scopes or roles that what it calls takes; none of one that is to be rejected for want of them.
	Scopes []string `json:"scopes"`
}

// plannedAccount is somebody whom a run reaches.
type plannedAccount struct {
	Key     string         `json:"key"` // of the sandbox file
	Account string         `json:"account"`
	Proof   string         `json:"proof"` // as whom it signs in to prove who it is, or the key that allows it without
	Effects map[string]int `json:"effects"`
}

// MostRequests are all that the run may send, those for tokens aside, and pages of lists after the first of each.
func (p *Plan) MostRequests() int { return p.Totals.Requests + p.Totals.CleanUp }

// plannedTotals are sums over all clauses that are run.
type plannedTotals struct {
	Clauses    int `json:"clauses"`
	Changes    int `json:"changes"`    // requests that may change something, those aside that remove what was made
	IfAccepted int `json:"ifAccepted"` // those of them that are expected to be rejected
	Notifying  int `json:"notifying"`  // those of them of which people may hear
	Removed    int `json:"removed"`    // things that are made, and removed again
	Expected   int `json:"expected"`   // requests, clean-up included, where nothing shows late and nobody asks to wait
	Seconds    int `json:"seconds"`    // that those take
	Waits      int `json:"waits"`      // for what was made or changed to show
	Requests   int `json:"requests"`   // at most
	CleanUp    int `json:"cleanUp"`    // requests at most that look for what was made, and remove it
}

// plannedChange counts the changes of a kind: an effect, such as "enrolment", or else the operation.
type plannedChange struct {
	Kind       string `json:"kind"`
	Notifies   bool   `json:"notifies"`
	SetUp      int    `json:"setUp"`
	IfAccepted int    `json:"ifAccepted"`
}

// plannedClause is what a run will do for a clause.
type plannedClause struct {
	Recipe *fixtures.Recipe `json:"-"`
	Clause string           `json:"clause"`
	Class  string           `json:"class"`
	Why    string           `json:"why"`              // of the class
	WhyNot string           `json:"whyNot,omitempty"` // the clause is not run, with the remedy; empty if it is
	Shared []string         `json:"shared,omitempty"` // steps
	// Requests are those of the set-up that are its own and, last, the one whose response counts.
	Requests    []plannedRequest `json:"requests,omitempty"`
	Removes     string           `json:"removes,omitempty"` // what is made and removed again, and how; empty if nothing is
	MaxRequests int              `json:"-"`                 // requests at most, with what is waited for, sent again, and removed
}

// plannedRequest is a request as it is sent, as far as it is known beforehand: what an earlier response will say stands as ${step.field}.
type plannedRequest struct {
	Step    string            `json:"step,omitempty"` // of a set-up
	As      string            `json:"as"`
	Method  string            `json:"method"`
	Path    string            `json:"path"` // with the query
	Body    json.RawMessage   `json:"body,omitempty"`
	Times   int               `json:"times"`
	Until   string            `json:"until,omitempty"` // what is waited for
	Effects []fixtures.Effect `json:"effects,omitempty"`
}

// Plan is what the run will do. It sends nothing.
func (t *Tenant) Plan() *Plan {
	c := t.contract
	p := &Plan{
		Provider: c.Provider, API: c.API, Provoke: slices.Sorted(slices.Values(t.config.Provoke)), ReadOnly: t.config.Options.ReadOnly,
		Identities: []plannedIdentity{}, Accounts: []plannedAccount{}, Changes: []plannedChange{}, Shared: []plannedRequest{},
	}
	p.Provoke = slices.Compact(append([]string{}, p.Provoke...))
	count := planCount{kinds: map[string]*plannedChange{}, accounts: map[string]*plannedAccount{}, identities: map[string]*plannedIdentity{}}
	for _, step := range t.sharedSteps() {
		p.Shared = append(p.Shared, t.planStep(p, &count, step))
	}
	for clause := range c.Clauses() {
		r := t.recipes[clause.ID]
		planned := plannedClause{Recipe: r, Clause: clause.ID, Class: r.Class, Why: r.Why, WhyNot: t.whyNot(r, "the sandbox file")}
		if planned.WhyNot == "" {
			t.planRecipe(p, &planned, &count)
		}
		p.Clauses = append(p.Clauses, planned)
	}
	p.Totals.Requests, p.Totals.CleanUp = t.budgets()
	p.Totals.Expected = t.expectedRequests(p.Totals.Removed)
	p.Totals.Seconds = int(math.Ceil(t.timeOf(p.Totals.Expected, p.Totals.Removed, 0).Seconds()))
	for _, name := range slices.Sorted(maps.Keys(count.identities)) {
		p.Identities = append(p.Identities, *count.identities[name])
	}
	for _, key := range slices.Sorted(maps.Keys(count.accounts)) {
		p.Accounts = append(p.Accounts, *count.accounts[key])
	}
	for _, kind := range slices.Sorted(maps.Keys(count.kinds)) {
		p.Changes = append(p.Changes, *count.kinds[kind])
	}
	p.Tenant, p.Marker = t.config.Sandbox.tenant(c.Provider), t.config.Sandbox.values[c.Provider+".marker"]
	p.Hosts = []plannedHost{{t.config.Sandbox.Endpoint(c.Provider), "requests"}}
	for _, key := range []string{c.Provider + ".authority", c.Provider + ".tokenEndpoint"} {
		if address := t.config.Sandbox.endpoint(key); address != "" {
			p.Hosts = append(p.Hosts, plannedHost{address, "tokens"})
		}
	}
	text, _ := json.Marshal(p) // of texts and numbers
	digest := sha256.Sum256(text)
	p.Digest = "sha256:" + hex.EncodeToString(digest[:])
	return p
}

// planRecipe plans a clause that is run.
func (t *Tenant) planRecipe(p *Plan, planned *plannedClause, count *planCount) {
	r := planned.Recipe
	p.Totals.Clauses++
	for _, as := range t.identities(r) {
		count.identity(t, as)
	}
	for _, step := range r.Given {
		if step.Shared {
			planned.Shared = append(planned.Shared, step.Name)
			continue
		}
		planned.Requests = append(planned.Requests, t.planStep(p, count, step))
	}
	planned.Requests = append(planned.Requests, t.plannedRequest(r.As, r.Clause.Operation, r.Request, r.Effects))
	count.add(t, p, r.As, r.Clause.Operation, &r.Request, r.Effects, 1, false)
	run, cleanUp := t.cost(r)
	shared, _ := t.costOf(r.Given, true)
	planned.Removes, planned.MaxRequests = t.removes(r), 2*(run+shared+len(t.identities(r)))+cleanUp
}

// planCount counts what a plan sums up.
type planCount struct {
	kinds      map[string]*plannedChange
	accounts   map[string]*plannedAccount
	identities map[string]*plannedIdentity
}

func (c *planCount) identity(t *Tenant, as string) *plannedIdentity {
	if c.identities[as] == nil {
		value, _ := t.config.Sandbox.Value(account(t.contract.Provider, as))
		c.identities[as] = &plannedIdentity{Name: as, Account: value, Scopes: []string{}}
	}
	return c.identities[as]
}

// add counts a request that is sent that often.
func (c *planCount) add(t *Tenant, p *Plan, as string, o *fixtures.Operation, change *fixtures.Change, effects []fixtures.Effect, times int, setUp bool) {
	who := c.identity(t, as)
	if scope := t.usualScope(o); scope != "" && !isLimited(as) && !slices.Contains(who.Scopes, scope) {
		who.Scopes = append(who.Scopes, scope)
		slices.Sort(who.Scopes)
	}
	if !change.Sends(o) {
		return
	}
	p.Totals.Changes += times
	if !setUp {
		p.Totals.IfAccepted += times
	}
	if setUp && t.kindOf(o) != nil {
		p.Totals.Removed += times
		p.Totals.Waits += times
	}
	if slices.ContainsFunc(effects, func(e fixtures.Effect) bool { return e.Notifies }) {
		p.Totals.Notifying += times
	}
	if len(effects) == 0 {
		effects = []fixtures.Effect{{Kind: strings.TrimPrefix(o.ID, p.Provider+".")}}
	}
	for _, e := range effects {
		kind := c.kinds[e.Kind]
		if kind == nil {
			kind = &plannedChange{Kind: e.Kind, Notifies: e.Notifies}
			c.kinds[e.Kind] = kind
		}
		if setUp {
			kind.SetUp += times
		} else {
			kind.IfAccepted += times
		}
		if e.Account == "" {
			continue
		}
		reached := c.accounts[e.Account]
		if reached == nil {
			value, _ := t.config.Sandbox.Value(e.Account)
			as, _ := t.proof(e.Account)
			reached = &plannedAccount{Key: e.Account, Account: value, Proof: cmp.Or(as, p.Provider+allowKey), Effects: map[string]int{}}
			c.accounts[e.Account] = reached
		}
		reached.Effects[e.Kind] += times
	}
}

// planStep plans a step of a set-up, and counts it.
func (t *Tenant) planStep(p *Plan, count *planCount, step fixtures.Step) plannedRequest {
	count.add(t, p, step.As, step.Operation, &step.Change, step.Effects, step.Times, true)
	planned := t.plannedRequest(step.As, step.Operation, step.Change, step.Effects)
	planned.Step, planned.Times = step.Name, step.Times
	if step.Until != nil {
		planned.Until = fmt.Sprintf("%s is %s", step.Until.Field, step.Until.Is)
		p.Totals.Waits += step.Times
	}
	return planned
}

// plannedRequest is the request that call makes, with what is not known yet.
func (t *Tenant) plannedRequest(as string, o *fixtures.Operation, change fixtures.Change, effects []fixtures.Effect) plannedRequest {
	v := t.values()
	v.planned = true
	planned := plannedRequest{As: as, Method: o.Method, Times: 1, Effects: effects}
	call, err := t.call(v, o, change)
	if err != nil {
		planned.Path = err.Error()
		return planned
	}
	anyRun := func(text string) string { return strings.ReplaceAll(text, v.run, prefix+"…") }
	path := expand(call)
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	planned.Method, planned.Path = call.Operation.Method, anyRun(path)
	if call.Body != nil {
		var body bytes.Buffer
		if json.Compact(&body, call.Body) == nil {
			planned.Body = json.RawMessage(anyRun(body.String()))
		}
	}
	return planned
}

// checkPlan fails if the run's plan is not one that its Config demands, or changes more than it grants.
func (t *Tenant) checkPlan() error {
	granted := t.config.Options.MaxChanges
	if t.recorded != nil || len(t.config.Plan) == 0 && granted == 0 {
		return nil
	}
	p := t.Plan()
	shows := fmt.Sprintf("go tool contract plan %s --sandbox %s", p.Provider, t.config.Sandbox.File())
	if len(p.Provoke) > 0 {
		shows += " --provoke " + strings.Join(p.Provoke, ",")
	}
	if p.ReadOnly {
		shows += " --read-only"
	}
	switch {
	case len(t.config.Plan) > 0 && !slices.Contains(t.config.Plan, p.Digest):
		return engineErrorf(opGuard, "the run's plan is not the one that --plan names, but %s: compare what %s --json prints with what was approved, "+
			"and approve it anew or undo what has changed", p.Digest, shows)
	case granted > 0 && p.Totals.Changes > granted:
		return engineErrorf(opBudget, "the run's plan has %d requests that may change something, and --max-changes grants %d: %s shows them; "+
			"provoke fewer classes, or grant more", p.Totals.Changes, granted, shows)
	}
	return nil
}

// cost is how many requests a recipe takes where nothing shows late and nobody asks to wait; and how many its clean-up at most.
func (t *Tenant) cost(r *fixtures.Recipe) (run, cleanUp int) {
	run, cleanUp = t.costOf(r.Given, false)
	run++
	if k := t.kindOf(r.Clause.Operation); k != nil {
		cleanUp += ifMade * k.requests
	}
	if r.Undo != nil {
		return run + 1, cleanUp + undoRequests
	}
	return run, cleanUp
}

// costOf is the cost of those of the steps that are shared, or not.
func (t *Tenant) costOf(steps []fixtures.Step, shared bool) (run, cleanUp int) {
	for _, step := range steps {
		if step.Shared != shared {
			continue
		}
		each := 1
		if k := t.kindOf(step.Operation); k != nil {
			each++ // verifies it
			cleanUp += whenMade * k.requests * step.Times
		} else if step.Operation.ID == invitationCreate {
			each++
		}
		if step.Until != nil {
			each++
		}
		run += each * step.Times
	}
	return run, cleanUp
}

// budgets are how many requests the run sends at most, those for tokens aside: that of its Options, or else twice what its recipes
// take, for what shows late and for who asks to wait; and how many remove what it makes and look whether that is gone. Where a list
// has many pages, each page after the first is one more; what lists show that no recipe accounts for is, too.
func (t *Tenant) budgets() (requests, cleanUp int) {
	run, cleanUp := t.costs()
	return cmp.Or(t.config.Options.Budget, 2*run), cleanUp
}

// expectedRequests are those of a run that makes and removes that much, where nothing shows late and nobody asks to wait.
func (t *Tenant) expectedRequests(removed int) int {
	expected, cleanUp := t.costs()
	if cleanUp > 0 {
		expected += t.looks(1)
	}
	for _, k := range kinds(t.contract.Provider) { // one a provider
		expected += removed * k.requests
	}
	return expected
}

// looks are the requests of that many looks at all lists that may show what the run has made.
func (t *Tenant) looks(count int) int {
	return count * len(t.sweepOwners()) * lists[t.contract.Provider]
}

func (t *Tenant) costs() (run, cleanUp int) {
	run, cleanUp = t.costOf(t.sharedSteps(), true)
	run += len(Identities(t.contract.Provider)) + 1 // to prove each, and to look the marker up
	for _, r := range t.recipes {
		if t.WhyNot(r) == "" {
			each, removal := t.cost(r)
			run, cleanUp = run+each, cleanUp+removal
		}
	}
	if cleanUp > 0 {
		cleanUp += t.looks(looksForNews)
	}
	return run, cleanUp
}

// removes says what a recipe makes and how that is removed, "" if it makes nothing.
func (t *Tenant) removes(r *fixtures.Recipe) string {
	for _, k := range kinds(t.contract.Provider) {
		makes := func(o *fixtures.Operation) bool { return o.ID == k.operation }
		if makes(r.Clause.Operation) || slices.ContainsFunc(r.Given, func(s fixtures.Step) bool { return !s.Shared && makes(s.Operation) }) {
			return k.removal
		}
	}
	if r.Undo != nil {
		return "if it was not there before, and is there then, by " + t.describeRequest(r.Undo.As, r.Undo.Operation, r.Undo.Change)
	}
	return ""
}

// describeRequest is a request as a plan shows it.
func (t *Tenant) describeRequest(as string, o *fixtures.Operation, change fixtures.Change) string {
	return t.plannedRequest(as, o, change, nil).String()
}

// String is the request in a line.
func (r plannedRequest) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s, as %s", r.Method, r.Path, r.As)
	if r.Body != nil {
		fmt.Fprintf(&text, ": %s", r.Body)
	}
	if r.Times > 1 {
		fmt.Fprintf(&text, ", %d times", r.Times)
	}
	if r.Until != "" {
		fmt.Fprintf(&text, ", and waits until %s", r.Until)
	}
	for _, e := range r.Effects {
		if e.Notifies {
			fmt.Fprintf(&text, "  (%s)", strings.TrimSpace(e.Kind+" "+e.Account))
		}
	}
	return text.String()
}

// WriteText writes the plan as a text. The file is the sandbox file.
func (p *Plan) WriteText(w io.Writer, file string) error {
	var b strings.Builder
	classes := map[string]int{}
	for _, planned := range p.Clauses {
		if planned.WhyNot == "" {
			classes[planned.Class]++
		}
	}
	var counted []string
	for _, class := range slices.Sorted(maps.Keys(classes)) {
		counted = append(counted, fmt.Sprintf("%d %s", classes[class], class))
	}
	fmt.Fprintf(&b, "%s %s at %s, as %s names it: %d clauses are run", p.Provider, p.API, p.Hosts[0].Address, file, p.Totals.Clauses)
	if p.Totals.Clauses > 0 {
		fmt.Fprintf(&b, " (%s), with %d requests at most", strings.Join(counted, ", "), p.MostRequests())
	}
	fmt.Fprintf(&b, ", and %d are not. This is a plan: nothing was sent.\n", len(p.Clauses)-p.Totals.Clauses)
	p.writeTime(&b)
	p.writeTotals(&b)
	b.WriteString("\n+ is set up, = is set up once and shared, ? is the request whose response counts, - is removed, whatever happens.\n")
	if len(p.Shared) > 0 {
		b.WriteString("\nShared\n")
		for _, request := range p.Shared {
			fmt.Fprintf(&b, "    =  %s: %s\n", request.Step, request)
		}
	}
	b.WriteString("\nRun\n")
	p.writeClauses(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// writeTime writes how long the run takes, and what its bounds leave out.
func (p *Plan) writeTime(b *strings.Builder) {
	fmt.Fprintf(b, "\nTime: about %s for %d requests, where all shows at once.\n", time.Duration(p.Totals.Seconds)*time.Second, p.Totals.Expected)
	waits := ""
	if p.Totals.Waits > 0 {
		waits = fmt.Sprintf("%d times for what was made or changed to show, up to %s each; with those that ", p.Totals.Waits, pollTime(looksForState).Round(time.Second))
	}
	fmt.Fprintf(b, "Waits: %s%s demands, up to %s all together, and as long again in clean-ups.\n", cmp.Or(waits, "those that "), p.Provider, usualPatience)
	fmt.Fprintf(b, "Not counted: requests for tokens; pages of a list after its first, up to %d a list and %d a run; removing what lists show of this "+
		"run that no request below accounts for.\n", mostPages-1, morePages)
}

// writeTotals writes what a plan sums up.
func (p *Plan) writeTotals(b *strings.Builder) {
	hears := map[bool]string{true: " (people may hear of it)"}
	fmt.Fprintf(b, "\nChanges: %d requests may change something; %d of them are expected to be rejected, and %d make what is removed again.\n",
		p.Totals.Changes, p.Totals.IfAccepted, p.Totals.Removed)
	others, kinds := 0, 0
	for _, change := range p.Changes {
		if change.SetUp == 0 && strings.Contains(change.Kind, ".") {
			others, kinds = others+change.IfAccepted, kinds+1
			continue
		}
		fmt.Fprintf(b, "  %4d set up, %4d if accepted  %s%s\n", change.SetUp, change.IfAccepted, change.Kind, hears[change.Notifies])
	}
	if kinds > 0 {
		fmt.Fprintf(b, "  %4d set up, %4d if accepted  others, of %d operations\n", 0, others, kinds)
	}
	fmt.Fprintf(b, "\nReaches\n")
	for _, reached := range p.Accounts {
		var effects []string
		for _, kind := range slices.Sorted(maps.Keys(reached.Effects)) {
			effects = append(effects, fmt.Sprintf("%d %s", reached.Effects[kind], kind))
		}
		fmt.Fprintf(b, "  %s, %s: %s at most; proven by %s\n", reached.Account, reached.Key, strings.Join(effects, ", "), reached.Proof)
	}
	if len(p.Accounts) == 0 {
		b.WriteString("  nobody\n")
	}
	fmt.Fprintf(b, "\nTenant\n  %s, marked by %s\n", p.Tenant, cmp.Or(p.Marker, "nothing, so that nothing is changed"))
	b.WriteString("\nTalks to\n")
	for _, host := range p.Hosts {
		fmt.Fprintf(b, "  %s, for %s\n", host.Address, host.For)
	}
	b.WriteString("\nCalls as\n")
	for _, who := range p.Identities {
		fmt.Fprintf(b, "  %s (%s)\n", who.Name, who.Account)
		for _, scope := range who.Scopes {
			fmt.Fprintf(b, "       %s\n", scope)
		}
	}
	fmt.Fprintf(b, "\nDigest: %s\n", p.Digest)
}

// writeClauses writes what is run, and what is not by its reason.
func (p *Plan) writeClauses(b *strings.Builder) {
	var reasons []string
	byReason := map[string][]string{}
	for _, planned := range p.Clauses {
		if planned.WhyNot != "" {
			reason := planned.Class + ": " + planned.WhyNot
			if byReason[reason] == nil {
				reasons = append(reasons, reason)
			}
			byReason[reason] = append(byReason[reason], planned.Clause)
			continue
		}
		fmt.Fprintf(b, "  %s (%s: %s)\n", planned.Clause, planned.Class, planned.Why)
		if len(planned.Shared) > 0 {
			fmt.Fprintf(b, "    =  %s\n", strings.Join(planned.Shared, ", "))
		}
		last := len(planned.Requests) - 1
		for _, request := range planned.Requests[:last] {
			fmt.Fprintf(b, "    +  %s\n", request)
		}
		fmt.Fprintf(b, "    ?  %s\n", planned.Requests[last])
		if planned.Removes != "" {
			fmt.Fprintf(b, "    -  %s\n", planned.Removes)
		}
	}
	b.WriteString("\nNot run\n")
	for _, reason := range reasons {
		fmt.Fprintf(b, "  %s\n", reason)
		for _, id := range byReason[reason] {
			fmt.Fprintf(b, "       %s\n", id)
		}
	}
}
