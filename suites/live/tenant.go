package live

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// Config is what a live run does.
type Config struct {
	Sandbox *Sandbox
	Provoke []string // classes of recipes to provoke beside safe, or tenant alone
	SignIn  SignIn   // nil for the environment and, beyond it, the program that signs in
	Options Options
	Record  string   // folder in which the responses are kept, redacted; empty for none
	Plan    []string // digests of plans, one of which is the run's; nil if none is demanded
	Replay  string   // folder of such a recording, which responds in the tenant's place; then nothing else is needed
}

// Tenant is a sandbox tenant of one provider, and what a run has made in it.
type Tenant struct {
	contract  *fixtures.Contract
	recipes   map[string]*fixtures.Recipe // by clause id
	config    Config
	transport *Transport                   // nil where a recording responds
	recorded  map[string]fixtures.Response // that response, by clause id; nil where a tenant does
	recording *recording                   // nil if none is made
	examples  map[string]bool              // ids in the contract's requests
	names     names
	run       string // what the names of everything it makes begin with
	missing   string // the id of nothing
	shared    shared

	mutex         sync.Mutex                     // guards what follows
	runs          int                            // of recipes
	unproven      map[string]error               // why an identity cannot sign in
	wrongIdentity error                          // that of the first identity that is not whom the file names, nil if none is
	makes         map[string]bool                // as whom anything was registered
	made          []*made                        // what is to be removed, the first first
	disappointed  bool                           // whether something that was removed was not seen to be gone
	lost          bool                           // whether a response to what makes something was
	cleanedFor    time.Duration                  // how long clean-ups have taken, all together
	pages         int                            // of lists, beyond the first of each
	users         map[string]string              // the addresses of Classroom's users whom a sweep met, by id
	closing       bool                           // whether what is shared is to be removed, too
	responded     map[string][]exchange.Exchange // to the set-up of a clause that is to be recorded, by its id
}

// Open makes a run against a tenant. It sends nothing. The error says everything that is wrong with what it is to do.
func Open(contract *fixtures.Contract, config Config) (*Tenant, error) {
	recipes, err := fixtures.LoadRecipes(contract)
	if err != nil {
		return nil, err
	}
	var problems []error
	for _, class := range config.Provoke {
		switch {
		case class == "never":
			problems = append(problems, errors.New("--provoke=never: clauses of this class cannot be provoked, and go tool contract plan says why: take it out"))
		case !slices.Contains(fixtures.Classes(), class):
			problems = append(problems, fmt.Errorf("--provoke=%s: there is no such class: use %s", class,
				strings.Join(fixtures.Classes()[:len(fixtures.Classes())-1], ", ")))
		}
	}
	if config.Options.Secrets == nil {
		config.Options.Secrets = NewSecrets()
	}
	if config.SignIn == nil && config.Sandbox != nil {
		config.SignIn = fromEnvironment(child(nil, config.Sandbox.File()))
	}
	t := &Tenant{
		contract: contract, recipes: map[string]*fixtures.Recipe{}, config: config,
		missing: newMissing(), makes: map[string]bool{}, users: map[string]string{}, responded: map[string][]exchange.Exchange{},
		shared: shared{responses: map[string]exchange.Exchange{}, failed: map[string]error{}},
	}
	for _, r := range recipes {
		t.recipes[r.Clause.ID] = r
	}
	t.examples = map[string]bool{}
	for _, o := range contract.Operations {
		for _, value := range o.Params {
			t.examples[value] = strings.ContainsAny(value, "0123456789")
		}
	}
	if config.Replay != "" {
		t.recorded, err = replay(config.Replay, contract)
	} else {
		config.Options.Contract = contract
		config.Options.Budget, _ = t.budgets()
		t.names = newNames(config.Sandbox, contract.Provider)
		t.config.Options = config.Options
		t.transport, err = NewTransport(config.Sandbox, contract.Provider, config.SignIn, config.Options)
	}
	if config.Record != "" {
		var problem error
		t.recording, problem = openRecording(config.Record, contract)
		problems = append(problems, problem)
	}
	if err = errors.Join(append(problems, err)...); err != nil {
		return nil, err
	}
	t.run = newRun(time.Now())
	return t, t.checkPlan()
}

// Provider is the provider's name.
func (t *Tenant) Provider() string { return t.contract.Provider }

// Recipe is how the clause is provoked.
func (t *Tenant) Recipe(clause *fixtures.Clause) *fixtures.Recipe { return t.recipes[clause.ID] }

// WhyNot is why the run does not use the recipe, with the remedy where there is one; "" if it does.
func (t *Tenant) WhyNot(r *fixtures.Recipe) string { return t.whyNot(r, t.config.Sandbox.File()) }

// whyNot is WhyNot, with what the sandbox file is called.
func (t *Tenant) whyNot(r *fixtures.Recipe, file string) string {
	if t.recorded != nil {
		if _, has := t.recorded[r.Clause.ID]; !has {
			return fmt.Sprintf("the recording %s has no response of it: a live run with --record records it", t.config.Replay)
		}
		return ""
	}
	if stopped := t.stopped(); stopped != nil {
		return "the run has stopped: " + stopped.Error()
	}
	only := slices.Contains(t.config.Provoke, "tenant")
	var lacks []string // classes that are not chosen
	for _, class := range r.Chosen() {
		if !slices.Contains(t.config.Provoke, class) {
			lacks = append(lacks, class)
		}
	}
	provokes := fmt.Sprintf("%s: --provoke=%s provokes it", r.Why, strings.Join(lacks, ","))
	switch {
	case r.Class == "never":
		return r.Why
	case only && r.Class != "tenant":
		return "with --provoke=tenant nothing else is run, for that tenant is set up differently: leave tenant out of --provoke"
	}
	var missing []string
	for _, need := range r.Needs() {
		key := t.keyOf(need)
		if _, named := t.config.Sandbox.Value(key); !named && !slices.Contains(missing, key) {
			missing = append(missing, key)
		}
	}
	needs := fmt.Sprintf("it needs %s in %s", strings.Join(missing, " and "), file)
	switch {
	case len(lacks) > 0 && len(missing) > 0:
		return provokes + ", and " + needs
	case len(lacks) > 0:
		return provokes
	case len(missing) > 0:
		return needs
	case t.config.Options.ReadOnly && r.Changes():
		return "it sends what may change something, and with --read-only nothing does: leave that out"
	}
	for _, key := range r.Accounts() {
		if _, allowed := t.proof(key); !allowed {
			return fmt.Sprintf("it reaches %s, who cannot sign in to prove who that is: add the value to %s%s in %s", key, t.contract.Provider, allowKey, file)
		}
	}
	return ""
}

// keyOf is the key that must stand in the sandbox file for one of Recipe.Needs: that of an identity may be another.
func (t *Tenant) keyOf(need string) string {
	provider, name, _ := strings.Cut(need, ".")
	if slices.ContainsFunc(sandboxKeys, func(k sandboxKey) bool { return k.Name == need }) {
		return need
	}
	if slices.Contains(Identities(provider), name) {
		return account(provider, name)
	}
	return need
}

// Spent is how many requests the run has sent.
func (t *Tenant) Spent() int {
	if t.transport == nil {
		return 0
	}
	return t.transport.Spent()
}

// Scrub masks every secret in a text.
func (t *Tenant) Scrub(text string) string { return t.config.Options.Secrets.Scrub(text) }
