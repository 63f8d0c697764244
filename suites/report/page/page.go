// Package page writes a report as one HTML file that needs nothing else: no server, no network, no framework.
//
// It knows how a page is laid out. It must not know more of a run than package report has, and it trusts no text of it:
// whatever a provider or a client sent is shown, and never run.
package page

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/report"
)

var (
	//go:embed page.tmpl
	layout string
	//go:embed page.css
	style string
	//go:embed page.js
	script string
)

var page = template.Must(template.New("page").Parse(layout))

// Write writes the report as one HTML file. The error is the writer's.
func Write(w io.Writer, r *report.Report) error { return page.Execute(w, newView(r)) }

// view is what the layout shows.
type view struct {
	Policy   string // of the content that may run: this style and this script
	Style    template.CSS
	Script   template.JS
	Data     *report.Report
	Outcomes []report.Outcome

	Headline report.Headline
	When     string
	Versions []string
	Problems []string
	Columns  []*column
	Changes  []report.ChangesOfKind
	OneSided []string // the runs that only the report or only the baseline has, a line each
	Compared bool
	Causes   []cause
	More     int // causes that are not listed
	Overview overview
	Rows     []row
	Alike    []alike
	Errata   []erratum
	Retried  bool // whether there are schedules
	Checked  bool // whether there are extra checks
}

// column is a client, a transport and a tenant, whatever the provider: what a row has a cell for.
type column struct {
	Client string
	Over   string // the transport, and the tenant
	By     string
	Runs   []*summary
}

// summary is one run of a column.
type summary struct {
	*report.Run
	Index   int // of the report
	Counts  []counted
	Took    string
	Clauses int
}

// counted is an outcome and how many clauses have it.
type counted struct {
	report.Outcome
	N        int
	X, Width float64 // of its part of the bar, in percent
}

// row is a clause or a check, and its outcome in each column, empty if the column has no run of it.
type row struct {
	ID, Title, Provider, Action, Kind string
	Status                            int
	Outcomes                          []report.Outcome
}

// cause is why clauses failed. The first of them are listed, the others are folded up.
type cause struct {
	report.Cause
	Run           *report.Run
	First, Others []report.Entry
}

type alike struct {
	By     string
	Groups []report.Group
	N, Of  int
	Open   bool
}

type erratum struct {
	*report.KnownErratum
	Client string
}

// overview is how many clauses there are by action and status.
type overview struct {
	Statuses []int
	Actions  []actionRow
}

type actionRow struct {
	Action string
	Cells  []statusCell
}

type statusCell struct {
	Status, Clauses, Failing int
}

// How much stands above the matrix, which has all clauses.
const (
	mostCauses = 12
	mostFirst  = 3 // clauses of a cause
)

func newView(r *report.Report) *view {
	v := &view{Data: r, Outcomes: report.Outcomes(), Headline: r.Headline()}
	v.problems(r)
	v.columns(r)
	v.code()
	v.rows(r)
	v.causes(r)
	v.countRows()
	v.alike(r)
	if r.Changes != nil {
		v.Compared, v.OneSided = true, r.Changes.Runs()
		v.Changes = slices.DeleteFunc(r.Changes.ByKind(), func(k report.ChangesOfKind) bool { return len(k.Changes) == 0 })
	}
	return v
}

// code adds the style and the script, and a policy that allows nothing else: it has their digests.
func (v *view) code() {
	style := fmt.Sprintf("%s#clauses { --columns: %d; }\n", style, len(v.Columns))
	v.Style, v.Script = template.CSS(style), template.JS(script)
	v.Policy = "default-src 'none'; style-src '" + digest(style) + "'; script-src '" + digest(script) +
		"'; img-src data:; base-uri 'none'; form-action 'none'"
}

// digest identifies a text in a policy.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func (v *view) problems(r *report.Report) {
	var first, last time.Time
	versions := map[string]bool{}
	for _, run := range r.Runs {
		v.Problems = append(v.Problems, run.Problems...)
		end := run.Start.Add(time.Duration(run.Seconds * float64(time.Second)))
		if first.IsZero() || run.Start.Before(first) {
			first = run.Start
		}
		if end.After(last) {
			last = end
		}
		for name, version := range run.Versions {
			if !strings.HasPrefix(version, name) { // as Go's has its name
				version = name + " " + version
			}
			versions[version] = true
		}
		for _, known := range run.Errata {
			v.Errata = append(v.Errata, erratum{known, run.Client.Name})
		}
		v.Checked = v.Checked || len(run.ExtraChecks) > 0
		for _, e := range r.Entries(run) {
			v.Retried = v.Retried || len(e.Schedules) > 0
		}
	}
	v.Problems = append(v.Problems, r.Disagreements...)
	slices.Sort(v.Problems)
	v.Problems = slices.Compact(v.Problems)
	for version := range versions {
		v.Versions = append(v.Versions, version)
	}
	slices.Sort(v.Versions)
	slices.SortStableFunc(v.Errata, func(a, b erratum) int { return a.DaysLeft - b.DaysLeft })
	if v.When = first.UTC().Format("2 January 2006, 15:04 MST"); last.Sub(first) > 24*time.Hour {
		v.When += " to " + last.UTC().Format("2 January 2006, 15:04 MST")
	}
}

func (v *view) columns(r *report.Report) {
	for i, run := range r.Runs {
		at := slices.IndexFunc(v.Columns, func(c *column) bool {
			return c.Client == run.Client.Name && c.Over == run.TransportName()
		})
		if at < 0 {
			at = len(v.Columns)
			v.Columns = append(v.Columns, &column{Client: run.Client.Name, Over: run.TransportName(), By: run.RespondedBy()})
		}
		s := &summary{Run: run, Index: i, Clauses: len(run.Results), Took: took(run.Seconds)}
		counts, x := run.Counts(), 0.0
		for _, o := range []report.Outcome{
			report.Honored, report.NotExposed, report.Erratum, report.Deviating, report.Another, report.Broken, report.Undocumented,
			report.UnexpectedPass, report.Engine, report.Unsupported, report.NotRun,
		} {
			if counts[o] > 0 {
				width := 100 * float64(counts[o]) / float64(len(run.Results))
				s.Counts = append(s.Counts, counted{o, counts[o], x, width})
				x += width
			}
		}
		v.Columns[at].Runs = append(v.Columns[at].Runs, s)
	}
}

func took(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

func (v *view) rows(r *report.Report) {
	places := map[string]int{}
	for c, column := range v.Columns {
		for _, s := range column.Runs {
			for _, e := range r.Entries(s.Run) {
				i, found := places[e.ID]
				if !found {
					i = len(v.Rows)
					places[e.ID] = i
					n := row{ID: e.ID, Title: e.Title, Provider: s.Provider, Action: e.Action, Kind: "clause"}
					n.Outcomes = make([]report.Outcome, len(v.Columns))
					if e.Documented != nil {
						n.Status = e.Documented.Status
					}
					if e.Check != nil {
						n.Kind = e.Check.Kind
					}
					v.Rows = append(v.Rows, n)
				}
				v.Rows[i].Outcomes[c] = e.Outcome
			}
		}
	}
	// The contract's order, whichever column had a row first; extra checks stand after it.
	provider := func(r row) int { return slices.Index(fixtures.Providers(), r.Provider) }
	slices.SortStableFunc(v.Rows, func(a, b row) int {
		return cmp.Or(a.extra()-b.extra(), provider(a)-provider(b), cmp.Compare(a.Kind, b.Kind))
	})
}

// extra is 1 for an extra check, 0 for a clause.
func (r row) extra() int {
	if r.Kind == "clause" {
		return 0
	}
	return 1
}

func (v *view) causes(r *report.Report) {
	all := r.Causes(r.Runs...)
	for _, c := range all[:min(mostCauses, len(all))] {
		first := min(mostFirst, len(c.Entries))
		v.Causes = append(v.Causes, cause{c, c.Entries[0].Run, c.Entries[:first], c.Entries[first:]})
	}
	v.More = len(all) - len(v.Causes)
}

// countRows counts the clauses by action and status.
func (v *view) countRows() {
	type key struct {
		action string
		status int
	}
	clauses, failing := map[key]int{}, map[key]int{}
	for _, n := range v.Rows {
		if n.Kind != "clause" {
			continue
		}
		k := key{n.Action, n.Status}
		clauses[k]++
		if slices.ContainsFunc(n.Outcomes, func(o report.Outcome) bool { return o.Fails() && o != report.Engine }) {
			failing[k]++
		}
		if !slices.Contains(v.Overview.Statuses, n.Status) {
			v.Overview.Statuses = append(v.Overview.Statuses, n.Status)
		}
	}
	slices.Sort(v.Overview.Statuses)
	for _, action := range fixtures.Actions() {
		n := actionRow{Action: action}
		some := 0
		for _, status := range v.Overview.Statuses {
			k := key{action, status}
			n.Cells = append(n.Cells, statusCell{status, clauses[k], failing[k]})
			some += clauses[k]
		}
		if some > 0 {
			v.Overview.Actions = append(v.Overview.Actions, n)
		}
	}
}

// alike lists the look-alikes: once for each provider, by what that says to rely on, and for each client that has others.
func (v *view) alike(r *report.Report) {
	listed := map[string]bool{}
	add := func(by string, groups []report.Group, of int) {
		a := alike{By: by, Groups: groups, Of: of}
		for _, g := range groups {
			a.N += len(g.Clauses)
		}
		key := fmt.Sprint(by, groups)
		if len(groups) > 0 && !listed[key] {
			listed[key] = true
			v.Alike = append(v.Alike, a)
		}
	}
	for _, c := range r.Contracts {
		var most *report.Run // whose client performs most operations
		for _, run := range r.Runs {
			if run.Provider == c.Provider && (most == nil || run.LookAlikes.Clauses > most.LookAlikes.Clauses) {
				most = run
			}
		}
		if most != nil {
			add(fmt.Sprintf("by what %s says to rely on", c.Provider), most.LookAlikes.Reliable, most.LookAlikes.Clauses)
		}
	}
	for _, run := range r.Runs {
		add(fmt.Sprintf("by what %s exposes of %s: %s", run.Client.Name, run.Provider, strings.Join(run.Client.Exposes, ", ")),
			run.LookAlikes.Exposed, run.LookAlikes.Clauses)
	}
}
