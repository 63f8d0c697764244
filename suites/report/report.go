// Package report is the model of what runs of the suites came to: an outcome and a reason for every clause, of each client
// over each transport. Its writers serve a console, a pipeline, another program and a browser (package page).
//
// It knows what it was given. It must not know how specs run (Ginkgo), nor who decides an outcome or how: no writer changes
// an outcome, and none leaves one out.
package report

import (
	"cmp"
	"fmt"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
)

// Version is that of the model as JSON. Within a version keys are only added: none is removed, none changes its meaning.
const Version = 1

// Transport is what responded.
type Transport string

// The transports.
const (
	Offline Transport = "offline" // the contract's own responses
	Live    Transport = "live"    // a sandbox tenant
	Replay  Transport = "replay"  // the recording of a live run
)

// transports are all of them, in the order of reports.
var transports = []Transport{Offline, Live, Replay}

// Report is the report of one run, or of several that were merged.
type Report struct {
	Version   int         `json:"version"`
	Contracts []*Contract `json:"contracts"` // that were run, one a provider
	Runs      []*Run      `json:"runs"`      // one for each provider, client, transport and tenant
	// Disagreements are where two merged run reports differ, a sentence each.
	Disagreements []string `json:"disagreements,omitempty"`
	// Changes are the differences from an earlier report; nil if it was compared with none.
	Changes *Changes `json:"changes,omitempty"`
}

// Contract is the documented error contract of a provider.
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
	Evidence  string    `json:"evidence"`       // how surely the documentation attributes it to the operation
	Wordings  []Wording `json:"wordings"`
	Source    Source    `json:"source"` // the newest
	File      string    `json:"file"`   // of the contract's data
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

// Run is one client that was run against a contract over a transport.
type Run struct {
	Provider  string            `json:"provider"`
	Client    Client            `json:"client"`
	Transport Transport         `json:"transport"`
	Tenant    string            `json:"tenant,omitempty"`    // of a live run, if it has a name
	Selection string            `json:"selection,omitempty"` // as flags; empty for all, or for several
	Strict    bool              `json:"strict,omitzero"`     // whether every field of a tenant's response binds
	Start     time.Time         `json:"start"`
	Seconds   float64           `json:"seconds"`           // how long it took
	Versions  map[string]string `json:"versions"`          // of Go and of this module
	Requests  int               `json:"requests,omitzero"` // sent to a tenant
	// Rerun is a command line that runs one clause again; {clause} in it stands for the clause's id.
	Rerun string `json:"rerun,omitempty"`
	// Problems are those of the set-up, not of a contract.
	Problems []string `json:"problems,omitempty"`
	// LeftOut says why clauses that could have run did not; empty if all ran.
	LeftOut string `json:"leftOut,omitempty"`
	// Results has one for each clause, in the contract's order.
	Results []*Result `json:"results"`
	// ExtraChecks go beyond the documented failures: successes, undocumented cases, retries.
	ExtraChecks []*Check        `json:"extraChecks,omitempty"`
	LookAlikes  LookAlikes      `json:"lookAlikes"`
	Errata      []*KnownErratum `json:"errata,omitempty"`
}

// Client is the code under contract, as it declares itself.
type Client struct {
	Name       string   `json:"name"`
	Exposes    []string `json:"exposes"`              // the fields that its caller sees
	Hides      []string `json:"hides,omitempty"`      // the fields that its caller does not see
	Operations []string `json:"operations,omitempty"` // that it performs; all if empty
	Retries    bool     `json:"retries,omitzero"`     // whether it retries by itself
}

// Result is the result of one clause.
type Result struct {
	Clause  string  `json:"clause"`  // its id
	Outcome Outcome `json:"outcome"` //
	// Reason is for the outcome, in a sentence; never empty. It does not name the clause: see Report.Causes.
	Reason         string               `json:"reason"`
	Text           string               `json:"text,omitempty"`          // the whole failure
	Ran            int                  `json:"ran"`                     // of its wordings
	Honored        int                  `json:"honored"`                 // of those
	Seconds        float64              `json:"seconds,omitzero"`        // that it took
	ReceivedStatus int                  `json:"receivedStatus,omitzero"` // of a tenant's response
	Response       string               `json:"response,omitempty"`      // a tenant's
	Deviations     []matchers.Deviation `json:"deviations,omitempty"`
	NotExposed     []string             `json:"notExposed,omitempty"` // fields that the client does not expose
	Errata         []string             `json:"errata,omitempty"`     // that matched, by their KnownErratum.Place
	Schedules      []Schedule           `json:"schedules,omitempty"`
	// MoreSchedules is how many more were measured without a fault.
	MoreSchedules int `json:"moreSchedules,omitzero"`
}

// Kinds of extra checks.
const (
	Success  = "success"  // a successful response, of which the client must surface no failure
	Case     = "case"     // an undocumented response that a reader of the documentation may expect
	Retries  = "retries"  // a client that is throttled
	Instance = "instance" // several calls of one instance of the client, or one that is interrupted
	Network  = "network"  // offline nothing reaches it
)

// Check is the result of a check beyond the documented failures.
type Check struct {
	ID     string `json:"id"` // such as "graph.get.throttled~retries-date" or "success:graph.get"
	Kind   string `json:"kind"`
	Case   string `json:"case,omitempty"` // the key of the case, as errata have it
	Title  string `json:"title"`
	Action string `json:"action,omitempty"`
	Result        // Clause is empty if it is of none
}

// Schedule is when a client sent its requests for an operation that was throttled.
type Schedule struct {
	Case     string    `json:"case"`    // what the responses asked it to wait
	Outcome  string    `json:"outcome"` // what its caller got
	Ended    float64   `json:"ended"`   // when the client returned, in seconds
	Attempts []Attempt `json:"attempts"`
	Repeated string    `json:"repeated,omitempty"` // the create that was sent more than once
}

// Attempt is one request of a Schedule and its response. Times are in seconds since the client was called.
type Attempt struct {
	At             float64 `json:"at"`
	Status         int     `json:"status"`                  // 0 without a response
	RequestedDelay float64 `json:"requestedDelay,omitzero"` // that the response asks for
	DelaySource    string  `json:"delaySource,omitempty"`   // what in the response asks for it
	Waited         float64 `json:"waited,omitzero"`         // until the next attempt
	EarlyBy        float64 `json:"earlyBy,omitzero"`        // by how much that was too short
	LateBy         float64 `json:"lateBy,omitzero"`         // by how much that was far too long
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
	IsClientField bool   `json:"clientField"` // whether the field is one that a client surfaces
	Seen          string `json:"seen"`
	Why           string `json:"why"`
	Link          string `json:"link,omitempty"`
	Expires       string `json:"expires"`  // the last day, such as 2027-05-31
	DaysLeft      int    `json:"daysLeft"` // when the run began
	Covers        int    `json:"covers"`   // how many results or checks matched it
}

// New is the report of the contract, without a run.
func New(contract *fixtures.Contract) *Report {
	c := &Contract{Provider: contract.Provider, API: contract.API}
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

// contract returns the provider's, nil if the report has none.
func (r *Report) contract(provider string) *Contract {
	for _, c := range r.Contracts {
		if c.Provider == provider {
			return c
		}
	}
	return nil
}

// ID identifies the run in a report: "graph, wire, offline", or "graph, wire, live, contoso".
func (r *Run) ID() string {
	return fmt.Sprintf("%s, %s, %s", r.Provider, r.Client.Name, r.TransportName())
}

// TransportName is the transport, and the tenant if it has a name: "live, contoso".
func (r *Run) TransportName() string { return string(r.Transport) + r.tenantSuffix() }

// RespondedBy says what responded: "a sandbox tenant, contoso".
func (r *Run) RespondedBy() string {
	return cmp.Or(responders[r.Transport], string(r.Transport)) + r.tenantSuffix()
}

var responders = map[Transport]string{Offline: "the contract, offline", Live: "a sandbox tenant", Replay: "a recording"}

func (r *Run) tenantSuffix() string {
	if r.Tenant == "" {
		return ""
	}
	return ", " + r.Tenant
}

// Counts are how many clauses of the run have each outcome.
func (r *Run) Counts() map[Outcome]int {
	counts := map[Outcome]int{}
	for _, result := range r.Results {
		counts[result.Outcome]++
	}
	return counts
}

// Worse reports whether the outcome ranks worse than the other.
func (o Outcome) Worse(other Outcome) bool { return o.rank() < other.rank() }
