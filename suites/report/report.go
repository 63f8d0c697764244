// Package report is what a run of the suites says, for whoever reads it: one model of every clause and what came of it for
// each client over each transport, and its writers for a console, a pipeline, another program and a browser (package page).
//
// It knows what was told to it. It must not know how specs are run (Ginkgo), who decides an outcome, or how (package
// suites and package matchers): no writer changes an outcome, and none leaves one out.
package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/learncontract/learncontract/fixtures"
)

// Version is that of the model as JSON. Within a version keys are added only: none goes, none changes its meaning.
const Version = 1

// Outcome is what came of something that was asked, or not asked.
type Outcome string

// The outcomes.
const (
	Broken         Outcome = "broken"          // a field that binds differs, or the client does not tell it
	Undocumented   Outcome = "undocumented"    // no clause of the operation
	UnexpectedPass Outcome = "unexpected-pass" // an erratum has it otherwise
	Engine         Outcome = "engine"          // the run's own fault, and nobody's contract
	Another        Outcome = "another"         // documented, and not the clause that was provoked
	Deviating      Outcome = "deviating"       // honored, and a field that does not bind differs
	Erratum        Outcome = "erratum"         // known, and accepted until a date
	NotExposed     Outcome = "lost"            // honored, and the client's caller does not learn all of it
	Honored        Outcome = "honored"         // to the letter, and the client's caller learns all of it
	Unsupported    Outcome = "unsupported"     // by the client
	NotRun         Outcome = "not-asked"       // or not in all its wordings
)

// Outcomes are all of them, the worst first.
var Outcomes = []Outcome{
	Broken, Undocumented, UnexpectedPass, Engine, Another, Deviating, Erratum, NotExposed, Honored, Unsupported, NotRun,
}

// Failing are the outcomes that fail a run.
var Failing = []Outcome{Broken, Undocumented, UnexpectedPass, Engine}

// labels are the outcomes as people read them.
var labels = map[Outcome]string{
	UnexpectedPass: "unexpected pass", Engine: "engine error", Another: "documented, but not the one provoked",
	Erratum: "known erratum", NotExposed: "lost fields", NotRun: "not asked",
}

// Label is the outcome as people read it.
func (o Outcome) Label() string { return cmp.Or(labels[o], string(o)) }

// Fails reports whether the outcome fails a run.
func (o Outcome) Fails() bool { return slices.Contains(Failing, o) }

// Passes reports whether all of it was asked and honored, but for what is known or does not bind.
func (o Outcome) Passes() bool {
	return slices.Contains([]Outcome{Deviating, Erratum, NotExposed, Honored}, o)
}

// rank is the outcome's place among Outcomes.
func (o Outcome) rank() int { return slices.Index(Outcomes, o) }

// Transport is who answered.
type Transport string

// The transports.
const (
	Offline Transport = "offline" // the contract's own answers
	Live    Transport = "live"    // a sandbox tenant
	Replay  Transport = "replay"  // the recording of a live run
)

// transports are all of them, in the order of reports.
var transports = []Transport{Offline, Live, Replay}

// Report is what one run says, or several that were merged.
type Report struct {
	Version   int         `json:"version"`
	Contracts []*Contract `json:"contracts"` // that were asked for, one a provider
	Runs      []*Run      `json:"runs"`      // one for each provider, client, transport and tenant
	// Disagreements are what two merged pieces say otherwise, a sentence each.
	Disagreements []string `json:"disagreements,omitempty"`
	// Changes are what is otherwise than in an earlier report; nil where it was held against none.
	Changes *Changes `json:"changes,omitempty"`
}

// Contract is what was asked for.
type Contract struct {
	Provider string    `json:"provider"`
	API      string    `json:"api"`
	Editions []Edition `json:"editions"` // the oldest first
	Clauses  []*Clause `json:"clauses"`
}

// Edition is one dated state of the provider's documentation.
type Edition struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	URL   string `json:"url"`
}

// Clause is one documented failure of one operation.
type Clause struct {
	ID        string    `json:"id"`
	Operation string    `json:"operation"`
	Action    string    `json:"action"` // one of fixtures.Actions
	Method    string    `json:"method"`
	Path      string    `json:"path"`
	Title     string    `json:"title"` // a sentence, without the id
	Status    int       `json:"status"`
	Name      string    `json:"name,omitempty"` // Google's named error
	Remedy    string    `json:"remedy"`         // what the reader of the error should do
	Evidence  string    `json:"evidence"`       // how surely the documentation puts it on the operation
	Wordings  []Wording `json:"wordings"`
	Source    Source    `json:"source"` // the newest
	File      string    `json:"file"`   // where the contract has it
	Line      int       `json:"line"`   // in File, from 1
}

// Wording is one documented rendering of a clause.
type Wording struct {
	ID       string   `json:"id"`
	Code     string   `json:"code"`
	Message  string   `json:"message"`
	Details  []string `json:"details,omitempty"` // a code and a message each
	Editions []string `json:"editions"`          // that have it, the oldest first
}

// Source is where a clause is documented.
type Source struct {
	Edition string   `json:"edition"`
	URL     string   `json:"url"`
	Row     string   `json:"row"`   // such as: row 3 of "Response"
	Cells   []string `json:"cells"` // verbatim
}

// Run is a client that was asked for a contract over a transport.
type Run struct {
	Provider  string            `json:"provider"`
	Client    Client            `json:"client"`
	Transport Transport         `json:"transport"`
	Tenant    string            `json:"tenant,omitempty"`    // that a live run asked, where it has a name
	Selection string            `json:"selection,omitempty"` // as flags; empty for all, or for several
	Strict    bool              `json:"strict,omitempty"`    // whether every field of a tenant's answer binds
	Start     time.Time         `json:"start"`
	Seconds   float64           `json:"seconds"`            // how long it took
	Versions  map[string]string `json:"versions"`           // of Go and of this module
	Requests  int               `json:"requests,omitempty"` // sent to a tenant
	// Problems are what is wrong with the set-up, and not with a contract.
	Problems []string `json:"problems,omitempty"`
	// LeftOut says why clauses were left out that could have been asked; empty if none was.
	LeftOut string `json:"leftOut,omitempty"`
	// Results has one for each clause, in the contract's order.
	Results []*Result `json:"results"`
	// Beyond is what was asked beyond the documented failures: successes, cases, and how a client asks again.
	ExtraChecks []*Check        `json:"beyond,omitempty"`
	LookAlikes  LookAlikes      `json:"lookAlikes"`
	Errata      []*KnownErratum `json:"errata,omitempty"`
}

// Client is the code under contract, as it declares itself.
type Client struct {
	Name       string   `json:"name"`
	Exposes    []string `json:"exposes"`              // the fields that its caller learns
	Hides      []string `json:"hides,omitempty"`      // the fields that its caller does not learn
	Operations []string `json:"operations,omitempty"` // that it performs; none means all
	Retries    bool     `json:"retries,omitempty"`    // whether it asks again by itself
}

// Result is what came of one clause.
type Result struct {
	Clause         string      `json:"clause"`             // its id
	Outcome        Outcome     `json:"outcome"`            //
	Reason         string      `json:"reason"`             // for it, in a sentence; never empty
	Text           string      `json:"text,omitempty"`     // the whole failure
	Ran            int         `json:"asked"`              // of its wordings
	Honored        int         `json:"honored"`            // of those
	Seconds        float64     `json:"seconds,omitempty"`  // that asking took
	ReceivedStatus int         `json:"answered,omitempty"` // the status of a tenant's answer
	Response       string      `json:"answer,omitempty"`   // a tenant's, as it came over the wire
	Deviations     []Deviation `json:"deviations,omitempty"`
	NotExposed     []string    `json:"lost,omitempty"`   // fields that the client does not expose
	Errata         []string    `json:"errata,omitempty"` // that were borne out, by their Known.Place
	Schedules      []Schedule  `json:"schedules,omitempty"`
	// MoreSchedules is how many more were measured, of which none showed a fault.
	MoreSchedules int `json:"moreSchedules,omitempty"`
}

// Kinds of checks beyond the documented failures.
const (
	Success = "success" // the client tells of no failure where there is none
	Case    = "case"    // what a reader of the documentation may expect beyond it
	Retries = "retries" // how the client asks again
	Network = "network" // nothing reaches it offline
)

// Check is what came of something asked beyond the documented failures.
type Check struct {
	ID     string `json:"id"` // such as "graph.get.throttled~retries-date" or "success:graph.get"
	Kind   string `json:"kind"`
	Case   string `json:"case,omitempty"` // the key of the case, as errata have it
	Title  string `json:"title"`
	Action string `json:"action,omitempty"`
	Result        // Clause is empty where it is of none
}

// Deviation is one field in which an answer differs from its clause, or what a client tells from the answer.
type Deviation struct {
	Wording    string `json:"wording"`        // its id
	Field      string `json:"field"`          // such as "code"
	Documented string `json:"documented"`     // printable, as what follows
	Received   string `json:"wire"`           // what was answered
	Surfaced   string `json:"seen,omitempty"` // what the client tells its caller; empty where only the wire was held
	Note       string `json:"note,omitempty"` // such as "differs by spelling only"
	Binds      bool   `json:"binds"`          // whether it breaks the contract
}

// Schedule is when a client asked for an operation that was refused.
type Schedule struct {
	Case     string    `json:"case"`    // what the answers asked it to wait
	Outcome  string    `json:"outcome"` // what its caller got
	Ended    float64   `json:"ended"`   // when the client returned, in seconds
	Attempts []Attempt `json:"attempts"`
	Repeated string    `json:"repeated,omitempty"` // the create that was sent more than once
}

// Attempt is one request of a Schedule and its answer. Times are in seconds since the client was called.
type Attempt struct {
	At             float64 `json:"at"`
	Status         int     `json:"status"`          // 0 if nothing was answered
	RequestedDelay float64 `json:"asked,omitempty"` // the wait that the answer asks for
	DelaySource    string  `json:"by,omitempty"`    // what asks for it
	Waited         float64 `json:"kept,omitempty"`  // the wait until the next attempt
	EarlyBy        float64 `json:"early,omitempty"` // by how much that was too short
}

// LookAlikes are the clauses that a caller cannot tell apart.
type LookAlikes struct {
	Clauses  int     `json:"clauses"`  // of operations that the client performs
	Exposed  []Group `json:"exposed"`  // by the fields that the client exposes
	Reliable []Group `json:"reliable"` // by what the provider says to rely on
}

// Group is clauses of one operation that look alike.
type Group struct {
	Operation string   `json:"operation"`
	Clauses   []string `json:"clauses"` // their ids
}

// KnownErratum is an erratum: a deviation of the client that is accepted until a date.
type KnownErratum struct {
	Place         string `json:"place"` // file and line
	Module        string `json:"module"`
	Version       string `json:"version"` // of the module
	Case          string `json:"case,omitempty"`
	Field         string `json:"field"`
	IsClientField bool   `json:"told"` // whether the field is one that a caller is told
	Seen          string `json:"seen"`
	Why           string `json:"why"`
	Link          string `json:"link,omitempty"`
	Expires       string `json:"expires"`  // the last day, such as 2027-05-31
	DaysLeft      int    `json:"daysLeft"` // when the run began
	Covers        int    `json:"covers"`   // how many results or checks bore it out
}

// New is the report of a run that is to be filled, with the contract that is asked for.
func New(contract *fixtures.Contract) *Report {
	c := &Contract{Provider: contract.Provider, API: contract.API, Editions: []Edition{}}
	for _, e := range contract.Editions {
		c.Editions = append(c.Editions, Edition{ID: e.ID, Title: e.Title, URL: e.URL})
	}
	for clause := range contract.Clauses() {
		c.Clauses = append(c.Clauses, newClause(clause))
	}
	return &Report{Version: Version, Contracts: []*Contract{c}}
}

func newClause(clause *fixtures.Clause) *Clause {
	o, s := clause.Operation, clause.Sources[len(clause.Sources)-1]
	c := &Clause{
		ID: clause.ID, Operation: o.ID, Action: o.Action, Method: o.Method, Path: o.Path, Title: clause.Title(),
		Status: clause.Status, Name: clause.Name, Remedy: clause.Remedy.Do, Evidence: clause.Evidence,
		File: clause.File, Line: clause.Line,
		Source: Source{Edition: s.Edition.ID, URL: s.Edition.URL, Row: s.Row.String(), Cells: s.Row.Cells},
	}
	for _, w := range clause.Wordings {
		wording := Wording{ID: w.ID(), Code: w.Code, Message: w.Message.String(), Editions: w.Editions()}
		for _, d := range w.Details {
			wording.Details = append(wording.Details, d.Code+": "+d.Message.String())
		}
		c.Wordings = append(c.Wordings, wording)
	}
	return c
}

// contract is that of a provider, nil if the report has none.
func (r *Report) contract(provider string) *Contract {
	for _, c := range r.Contracts {
		if c.Provider == provider {
			return c
		}
	}
	return nil
}

// ID tells runs apart: "graph, wire, offline", or "graph, wire, live, contoso".
func (r *Run) ID() string {
	return fmt.Sprintf("%s, %s, %s", r.Provider, r.Client.Name, r.TransportName())
}

// TransportName is the transport, and the tenant where it has a name: "live, contoso".
func (r *Run) TransportName() string { return string(r.Transport) + r.ofTenant() }

// RespondedBy says who answered: "a sandbox tenant, contoso".
func (r *Run) RespondedBy() string {
	return cmp.Or(responders[r.Transport], string(r.Transport)) + r.ofTenant()
}

// answeredBy are the transports as people read them.
var responders = map[Transport]string{Offline: "the contract, offline", Live: "a sandbox tenant", Replay: "a recording"}

func (r *Run) ofTenant() string {
	if r.Tenant == "" {
		return ""
	}
	return ", " + r.Tenant
}

// Entry is one outcome of a run, of a clause or of a check, as every writer lists it.
type Entry struct {
	*Result
	Run    *Run
	Of     *Clause // nil where it is of none
	Check  *Check  // nil where it is of a clause's documented failure
	ID     string
	Title  string // a sentence
	Action string
}

// Entries are all outcomes of a run: those of the clauses in the contract's order, then those of the checks.
func (r *Report) Entries(run *Run) []Entry {
	contract, of := r.contract(run.Provider), map[string]*Clause{}
	if contract != nil {
		for _, clause := range contract.Clauses {
			of[clause.ID] = clause
		}
	}
	var list []Entry
	for _, result := range run.Results {
		clause := of[result.Clause]
		e := Entry{Result: result, Run: run, Of: clause, ID: result.Clause}
		if clause != nil {
			e.Title, e.Action = clause.Title, clause.Action
		}
		list = append(list, e)
	}
	for _, check := range run.ExtraChecks {
		list = append(list, Entry{
			Result: &check.Result, Run: run, Of: of[check.Clause], Check: check,
			ID: check.ID, Title: check.Title, Action: check.Action,
		})
	}
	return list
}

// All are the entries of all runs.
func (r *Report) All() (list []Entry) {
	for _, run := range r.Runs {
		list = append(list, r.Entries(run)...)
	}
	return list
}

// Worst are the entries with one of the outcomes, the worst first, otherwise in the order of All.
func (r *Report) Worst(outcomes ...Outcome) []Entry {
	list := slices.DeleteFunc(r.All(), func(e Entry) bool { return !slices.Contains(outcomes, e.Outcome) })
	slices.SortStableFunc(list, func(a, b Entry) int { return a.Outcome.rank() - b.Outcome.rank() })
	return list
}

// Grouped has the entries of a run together that say the same of several clauses, such as that nobody could sign in, in
// the order of the first of each.
func Grouped(list []Entry) [][]Entry {
	return grouped(list, func(e Entry) string {
		key := fmt.Sprintf("%s\n%s\n%s\n%s", e.Run.ID(), e.Outcome, e.Reason, e.Text)
		if len(e.Deviations)+len(e.Schedules) > 0 {
			key += "\n" + e.ID // which are its own
		}
		return key
	})
}

// grouped has the entries with the same key together.
func grouped(list []Entry, key func(Entry) string) (groups [][]Entry) {
	at := map[string]int{}
	for _, e := range list {
		i, has := at[key(e)]
		if !has {
			i = len(groups)
			at[key(e)] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], e)
	}
	return groups
}

// Counts are how many clauses of a run have each outcome.
func (r *Run) Counts() map[Outcome]int {
	counts := map[Outcome]int{}
	for _, result := range r.Results {
		counts[result.Outcome]++
	}
	return counts
}

// Worse reports whether the outcome ranks worse than the other.
func (o Outcome) Worse(other Outcome) bool { return o.rank() < other.rank() }
