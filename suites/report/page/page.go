// Package page writes a report as one HTML file that needs nothing else: no server, no network, no framework.
//
// It knows how a page is laid out. It must not know more of a run than package report tells, and it trusts no text of it:
// whatever a provider or a client says is shown, and never run.
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
	Outcomes []outcome

	Verdict  report.Headline
	When     string
	Versions []string
	Problems []string
	Columns  []*column
	Changes  []report.ChangesOfAKind
	OneSided []string // the runs that only the report or only the baseline has, a line each
	Compared bool
	Failed   []failed
	More     int // failures that are not listed
	Overview overview
	Rows     []row
	Alike    []alike
	Errata   []erratum
	Retried  bool // whether there are schedules
	Checked  bool // whether anything was asked beyond the documented failures
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
	outcome
	N     int
	X, To float64 // where its part of the bar begins, and how long it is, in percent
}

// outcome is one, as the page has it.
type outcome struct {
	Key   report.Outcome
	Label string
}

// row is a clause or a check, and what came of it in each column.
type row struct {
	ID, Title, Provider, Action, Kind, Operation string
	Status                                       int
	Cells                                        []cell
}

// cell is what came of a row in a column; the zero cell is that of a run there is none of.
type cell struct{ outcome }

// failed is a failure, and of which others the same is said.
type failed struct {
	report.Entry
	Label  string
	Others []report.Entry
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

// short are labels that a cell has room for, where that of the outcome is longer.
var short = map[report.Outcome]string{report.Another: "another clause"}

func labelled(o report.Outcome) outcome { return outcome{o, cmp.Or(short[o], o.Label())} }

// mostFailed bounds how many failures stand above the matrix, which has them all.
const mostFailed = 12

func newView(r *report.Report) *view {
	v := &view{Data: r}
	for _, o := range report.Outcomes {
		v.Outcomes = append(v.Outcomes, labelled(o))
	}
	v.problems(r)
	v.columns(r)
	v.code()
	v.rows(r)
	v.failures(r)
	v.countRows()
	v.alike(r)
	if r.Changes != nil {
		v.Compared, v.OneSided = true, r.Changes.Runs()
		v.Changes = slices.DeleteFunc(r.Changes.Kinds(), func(k report.ChangesOfAKind) bool { return len(k.Changes) == 0 })
	}
	return v
}

// code adds the style and the script, and has the page run nothing else: a policy knows both by their digest.
func (v *view) code() {
	style := fmt.Sprintf("%s#clauses { --columns: %d; }\n", style, len(v.Columns))
	v.Style, v.Script = template.CSS(style), template.JS(script)
	v.Policy = "default-src 'none'; style-src '" + digest(style) + "'; script-src '" + digest(script) +
		"'; img-src data:; base-uri 'none'; form-action 'none'"
}

// digest is what a policy calls a text by.
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
				s.Counts = append(s.Counts, counted{outcome: labelled(o), N: counts[o], X: x, To: width})
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
	at := map[string]int{}
	for c, column := range v.Columns {
		for _, s := range column.Runs {
			for _, e := range r.Entries(s.Run) {
				i, has := at[e.ID]
				if !has {
					i = len(v.Rows)
					at[e.ID] = i
					n := row{ID: e.ID, Title: e.Title, Provider: s.Provider, Action: e.Action, Kind: "clause"}
					n.Cells = make([]cell, len(v.Columns))
					if e.Of != nil {
						n.Status, n.Operation = e.Of.Status, e.Of.Operation
					}
					if e.Check != nil {
						n.Kind = e.Check.Kind
					}
					v.Rows = append(v.Rows, n)
				}
				v.Rows[i].Cells[c] = cell{labelled(e.Outcome)}
			}
		}
	}
	// The contract's order, whichever column had a row first; what is beyond it stands after it.
	slices.SortStableFunc(v.Rows, func(a, b row) int {
		return cmp.Or(beyond(a)-beyond(b), cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Kind, b.Kind))
	})
}

func beyond(r row) int {
	if r.Kind == "clause" {
		return 0
	}
	return 1
}

func (v *view) failures(r *report.Report) {
	v.Verdict = r.Headline()
	for i, alike := range report.Grouped(r.Worst(report.Failing...)) {
		if i < mostFailed {
			v.Failed = append(v.Failed, failed{alike[0], labelled(alike[0].Outcome).Label, alike[1:]})
		} else {
			v.More += len(alike)
		}
	}
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
		if slices.ContainsFunc(n.Cells, func(c cell) bool { return c.Key.Fails() && c.Key != report.Engine }) {
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
		var most *report.Run // of its operations performs
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
