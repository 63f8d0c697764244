package live

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/learncontract/learncontract/fixtures"
)

// Planned is what a run will do for a clause.
type Planned struct {
	Recipe *fixtures.Recipe
	WhyNot string // the clause is not run, with the remedy; empty if it is
	// Requests are those of the set-up and, last, the one whose response counts, as far as they are known beforehand: what an
	// earlier response will say stands as ${step.field}.
	Requests    []string
	Removes     string // what is made and removed again, and how; empty if nothing is
	MaxRequests int    // requests at most, with what is waited for, asked again, and removed
}

// Plan is what a run will do, in the order of the contract. It sends nothing.
func (t *Tenant) Plan() []Planned {
	var plan []Planned
	for clause := range t.contract.Clauses() {
		r := t.recipes[clause.ID]
		p := Planned{Recipe: r, WhyNot: t.WhyNot(r)}
		if p.WhyNot != "" {
			plan = append(plan, p)
			continue
		}
		for _, step := range r.Given {
			text := t.describeRequest(step.As, step.Operation, step.Change)
			if step.Times > 1 {
				text += fmt.Sprintf(", %d times", step.Times)
			}
			if step.Until != nil {
				text += fmt.Sprintf(", and waits until %s is %s", step.Until.Field, step.Until.Is)
			}
			p.Requests = append(p.Requests, text)
		}
		p.Requests = append(p.Requests, t.describeRequest(r.As, r.Clause.Operation, r.Request))
		run, cleanUp := t.cost(r)
		p.Removes, p.MaxRequests = t.removes(r), 2*(run+len(t.identities(r)))+cleanUp
		plan = append(plan, p)
	}
	return plan
}

// cost is how many requests a recipe takes where nothing shows late and nobody asks to wait; and how many its clean-up at most.
func (t *Tenant) cost(r *fixtures.Recipe) (run, cleanUp int) {
	run = 1
	for _, step := range r.Given {
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
	if k := t.kindOf(r.Clause.Operation); k != nil {
		cleanUp += ifMade * k.requests
	}
	if r.Undo != nil {
		return run + 1, cleanUp + undoRequests
	}
	return run, cleanUp
}

// Budget is how many requests the run sends at most, those for tokens aside: that of its Options, or else twice what its recipes
// take, for what shows late and for who asks to wait. Those aside that remove what was made: they are MaxCleanUp.
func (t *Tenant) Budget() int {
	if t.config.Options.Budget > 0 {
		return t.config.Options.Budget
	}
	run, _ := t.costs()
	return 2 * run
}

// MaxCleanUp is how many requests remove what the run makes and look whether it is gone, at most. Where a list has many pages, each
// page after the first is one more; what lists show that no recipe accounts for is, too.
func (t *Tenant) MaxCleanUp() int {
	_, cleanUp := t.costs()
	return cleanUp
}

func (t *Tenant) costs() (run, cleanUp int) {
	run = len(Identities(t.contract.Provider)) + 1 // to prove each, and to look the marker up
	for _, r := range t.recipes {
		if t.WhyNot(r) == "" {
			each, removal := t.cost(r)
			run, cleanUp = run+each, cleanUp+removal
		}
	}
	if cleanUp > 0 {
		cleanUp += looksForNews * len(t.sweepOwners()) * lists[t.contract.Provider]
	}
	return run, cleanUp
}

// removes says what a recipe makes and how that is removed, "" if it makes nothing.
func (t *Tenant) removes(r *fixtures.Recipe) string {
	for _, k := range kinds(t.contract.Provider) {
		makes := func(o *fixtures.Operation) bool { return o.ID == k.operation }
		if makes(r.Clause.Operation) || slices.ContainsFunc(r.Given, func(s fixtures.Step) bool { return makes(s.Operation) }) {
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
	shown := func(text string) string {
		resolved, _ := fixtures.Resolve(text, func(name string) (string, bool) {
			switch name {
			case "run":
				return prefix + "…", true
			case "missing":
				return "${missing}", true
			}
			if value, named := t.config.Sandbox.Value(name); named {
				return value, true
			}
			return "${" + name + "}", true
		})
		return resolved
	}
	call, err := t.callWith(shown, o, change)
	if err != nil {
		return err.Error()
	}
	text, err := url.PathUnescape(expand(call))
	if err != nil {
		text = expand(call)
	}
	text = fmt.Sprintf("%s %s, as %s", call.Operation.Method, text, as)
	if call = t.withOwnName(call, o, prefix+"…"); call.Body != nil {
		body, _ := json.Marshal(json.RawMessage(call.Body)) // compact
		text += ": " + string(body)
	}
	return text
}

// WritePlan writes a plan as a text.
func (t *Tenant) WritePlan(w io.Writer) error {
	var asked, not strings.Builder
	counts, unasked := map[string]int{}, 0
	var reasons []string
	byReason := map[string][]string{}
	for _, p := range t.Plan() {
		id := p.Recipe.Clause.ID
		if p.WhyNot != "" {
			unasked++
			reason := p.Recipe.Class + ": " + p.WhyNot
			if byReason[reason] == nil {
				reasons = append(reasons, reason)
			}
			byReason[reason] = append(byReason[reason], id)
			continue
		}
		counts[p.Recipe.Class]++
		fmt.Fprintf(&asked, "  %s (%s: %s)\n", id, p.Recipe.Class, p.Recipe.Why)
		last := len(p.Requests) - 1
		for _, request := range p.Requests[:last] {
			fmt.Fprintf(&asked, "    +  %s\n", request)
		}
		fmt.Fprintf(&asked, "    ?  %s\n", p.Requests[last])
		if p.Removes != "" {
			fmt.Fprintf(&asked, "    -  %s\n", p.Removes)
		}
	}
	for _, reason := range reasons {
		fmt.Fprintf(&not, "  %s\n", reason)
		for _, id := range byReason[reason] {
			fmt.Fprintf(&not, "       %s\n", id)
		}
	}
	var classes []string
	total := 0
	for _, class := range slices.Sorted(maps.Keys(counts)) {
		classes = append(classes, fmt.Sprintf("%d %s", counts[class], class))
		total += counts[class]
	}
	summary := fmt.Sprintf("%s %s at %s, as %s names it: %d clauses are run", t.contract.Provider, t.contract.API,
		t.config.Sandbox.Endpoint(t.contract.Provider), t.config.Sandbox.File(), total)
	if total > 0 {
		summary += fmt.Sprintf(" (%s), with %d requests at most", strings.Join(classes, ", "), t.Budget()+t.MaxCleanUp())
	}
	_, err := fmt.Fprintf(w, "%s, and %d are not. This is a plan: nothing was sent.\n\n"+
		"+ is set up, ? is the request whose response counts, - is removed, whatever happens.\n\nRun\n%s\nNot run\n%s",
		summary, unasked, asked.String(), not.String())
	return err
}
