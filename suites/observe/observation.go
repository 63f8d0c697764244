package observe

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/learncontract/learncontract/fixtures"
)

// Observation is what an Observer has seen. It may be printed: it has no query values, and no header or body but what a failure
// shows, in which tokens are masked and mail addresses are {id}. Other ids stay in messages.
type Observation struct {
	Contract *fixtures.Contract
	// Responses counts the error responses to the contract's operations, without Unmatched.
	Responses int
	// Met are the clauses that the responses honor, as strongly as the provider's own words bind, in the order of the contract.
	Met []Met
	// NotMet are the other clauses of the contract, in its order.
	NotMet []*fixtures.Clause
	// Undocumented are the first twenty different responses that no clause of their operation documents; MoreUndocumented
	// counts the others.
	Undocumented     []Undocumented
	MoreUndocumented int
	// Unmatched are responses that could not be compared with the contract, or that its provider's platform sent before the API saw
	// the request, bounded as Undocumented is, and those whose bodies have not ended yet.
	Unmatched     []Unmatched
	MoreUnmatched int
}

// Met is a clause that was met.
type Met struct {
	Clause *fixtures.Clause
	// Responses counts the responses that honor the clause and are nearest to it, ToTheLetter those that differ in nothing.
	Responses, ToTheLetter int
	// LookAlikes are clauses that a response which is not to the letter may be as well, by what the provider says to rely on.
	LookAlikes []*fixtures.Clause
}

// Undocumented is a response that no clause documents.
type Undocumented struct {
	Operation *fixtures.Operation
	Responses int    // how many have the same status, code and name, and break the same fields
	Text      string // of the first: the nearest clause, every difference, and the response
	Draft     string // a clause for it in the contract's YAML, to be completed; empty if only the response's form is wrong
}

// Unmatched is a response that says nothing of the contract.
type Unmatched struct {
	Request   string // method, and the operation's path; of no operation, the URL with its query values masked
	Status    int    // HTTP status
	Reason    string // no operation of the contract matches, the platform refused, or the body or a batch could not be read
	Responses int    // how many there were
}

// Report is what was observed so far.
func (o *Observer) Report() Observation {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	r := Observation{
		Contract: o.contract, Responses: o.responses, MoreUndocumented: o.undocumented.others, MoreUnmatched: o.unmatched.others,
	}
	for clause := range o.contract.Clauses() {
		met := o.met[clause]
		if met == nil {
			r.NotMet = append(r.NotMet, clause)
			continue
		}
		m := *met
		if m.ToTheLetter < m.Responses {
			m.LookAlikes = clause.LookAlikes()
		}
		r.Met = append(r.Met, m)
	}
	for i, u := range o.undocumented.first {
		r.Undocumented = append(r.Undocumented, *u)
		r.Undocumented[i].Responses = o.undocumented.counts[i]
	}
	for i, a := range o.unmatched.first {
		r.Unmatched = append(r.Unmatched, *a)
		r.Unmatched[i].Responses = o.unmatched.counts[i]
	}
	for a, n := range o.pending {
		a.Responses = n
		r.Unmatched = append(r.Unmatched, a)
	}
	slices.SortFunc(r.Unmatched[len(o.unmatched.first):], func(a, b Unmatched) int {
		return cmp.Or(strings.Compare(a.Request, b.Request), a.Status-b.Status)
	})
	return r
}

// String is the observation as a text for the end of a run.
func (r Observation) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s: %s, %d of %d clauses met, %d not\n", r.Contract.Provider, r.Contract.API,
		count(r.Responses, "error response"), len(r.Met), len(r.Met)+len(r.NotMet), len(r.NotMet))
	for _, m := range r.Met {
		fmt.Fprintf(&text, "  met    %s, %s", m.Clause.ID, count(m.Responses, "response"))
		if len(m.LookAlikes) > 0 {
			ids := make([]string, len(m.LookAlikes))
			for i, clause := range m.LookAlikes {
				ids[i] = strings.TrimPrefix(clause.ID, clause.Operation.ID+".")
			}
			fmt.Fprintf(&text, ", %d of them by the nearest message only: nothing that %s says to rely on tells it from %s",
				m.Responses-m.ToTheLetter, r.Contract.Provider, strings.Join(ids, ", "))
		}
		text.WriteByte('\n')
	}
	for _, a := range r.Unmatched {
		fmt.Fprintf(&text, "  unmatched  %s, %s: %s, %s\n", a.Request, fixtures.StatusLine(a.Status), a.Reason, count(a.Responses, "response"))
	}
	if r.MoreUnmatched > 0 {
		fmt.Fprintf(&text, "  unmatched  %s more, of other requests\n", count(r.MoreUnmatched, "response"))
	}
	for _, u := range r.Undocumented {
		fmt.Fprintf(&text, "\nundocumented, %s to %s\n%s", count(u.Responses, "response"), u.Operation.ID, indented(u.Text))
		if u.Draft != "" {
			fmt.Fprintf(&text, "\n  A clause for it, to be completed at every … and given the row that documents it under sources:\n\n%s", u.Draft)
		}
	}
	if r.MoreUndocumented > 0 {
		fmt.Fprintf(&text, "\nundocumented, %s more, different from these\n", count(r.MoreUndocumented, "response"))
	}
	return text.String()
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// indented indents every line but the empty ones.
func indented(text string) string {
	var lines strings.Builder
	for line := range strings.Lines(strings.TrimSuffix(text, "\n") + "\n") {
		if line != "\n" {
			lines.WriteString("  ")
		}
		lines.WriteString(line)
	}
	return lines.String()
}
