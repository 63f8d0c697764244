package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/learncontract/learncontract/fixtures"
)

// Console writes a run to a screen.
type Console struct {
	Colour bool // whether the screen has colours
}

// IsTerminal reports whether somebody reads the file as it is written, and wants colours. No file is none.
func IsTerminal(file *os.File) bool {
	if file == nil || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Write writes what a run covered: an action a column, a line each for the editions, for what the client told, for each
// failure and for each erratum; of a live run, how many clauses have each outcome, and those that are not as they should be.
func (c Console) Write(w io.Writer, r *Report, run *Run) error {
	text := c.offline(r, run)
	if run.Transport != Offline {
		text = c.live(r, run)
	}
	_, err := io.WriteString(w, text+"\n")
	return err
}

// colours of the terminal, by outcome.
func (c Console) paint(o Outcome, text string) string {
	code := ""
	switch {
	case !c.Colour:
		return text
	case o == Engine:
		code = "35" // magenta: not the contract's fault
	case o.Fails():
		code = "31" // red
	case o == Honored:
		code = "32" // green
	default:
		code = "33" // yellow
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (c Console) offline(r *Report, run *Run) string {
	contract := r.contract(run.Provider)
	results := run.byClause()
	var line strings.Builder
	fmt.Fprintf(&line, "%-9s  %-22s", contract.Provider, contract.API)
	for _, action := range fixtures.Actions() {
		honored, clauses, wordings := 0, 0, 0
		for _, clause := range contract.Clauses {
			if clause.Action != action {
				continue
			}
			clauses++
			result := results[clause.ID]
			wordings += result.Ran
			if result.Outcome.Passes() {
				honored++
			}
		}
		if clauses > 0 {
			fmt.Fprintf(&line, "  %-35s", fmt.Sprintf("%s %d/%d clauses, %d wordings", action, honored, clauses, wordings))
		}
	}
	failed := run.failed(r)
	for _, o := range Failing {
		if n := countIf(failed, func(f Entry) bool { return f.Outcome == o }); n > 0 {
			line.WriteString("  " + c.paint(o, fmt.Sprintf("%d %s", n, o.Label())))
		}
	}
	all := countIf(run.Results, func(r *Result) bool { return r.Outcome.Passes() })
	if len(failed) == 0 && all == len(run.Results) {
		line.WriteString("  " + c.paint(Honored, "all honored"))
	}
	partly := countIf(run.Results, func(r *Result) bool { return r.Outcome == NotRun && r.Ran > 0 })
	notAsked := countIf(run.Results, func(r *Result) bool { return r.Outcome == NotRun && r.Ran == 0 })
	if partly > 0 {
		line.WriteString("  " + c.paint(NotRun, fmt.Sprintf("%d asked in part", partly)))
	}
	if notAsked > 0 {
		line.WriteString("  " + c.paint(NotRun, fmt.Sprintf("%d not asked", notAsked)))
	}
	if partly+notAsked > 0 {
		line.WriteString(": " + run.LeftOut)
	}
	fmt.Fprintf(&line, "\n           wordings by edition: %s", editions(contract, results))
	fmt.Fprintf(&line, "\n           told by %s", surfacedLine(run))
	line.WriteString(extraChecks("beyond the documented answers", Case, run))
	if run.Client.Retries {
		line.WriteString(extraChecks("how it asks again", Retries, run))
	}
	c.list(&line, failed, run)
	return line.String()
}

// list writes a line for each failure, with those for the same reason, each problem and each erratum.
func (c Console) list(text *strings.Builder, failed []Entry, run *Run) {
	for _, alike := range grouped(failed, func(e Entry) string { return string(e.Outcome) + e.Reason }) {
		f, more := alike[0], ""
		if len(alike) > 1 {
			more = fmt.Sprintf(" and %d more", len(alike)-1)
		}
		fmt.Fprintf(text, "\n  %s  %s%s: %s", c.paint(f.Outcome, f.Outcome.Label()), line(f.name()), more, line(f.Reason))
	}
	for _, problem := range run.Problems {
		fmt.Fprintf(text, "\n  %s", c.paint(Engine, line(problem)))
	}
	for _, e := range run.Errata {
		told, in := "seen", ""
		if e.IsClientField {
			told = "told"
		}
		if e.Case != "" {
			in = ", case " + e.Case
		}
		fmt.Fprintf(text, "\n  %s %s: %s %s as %s in %s%s, accepted for %s: %s (%s %s)",
			c.paint(Erratum, "erratum"), e.Place, e.Field, told, line(strconv.Quote(e.Seen)), plural(e.Covers, "clause"), in, plural(e.DaysLeft, "more day"),
			line(e.Why), e.Module, e.Version)
	}
}

// name is the entry as a line has it.
func (e Entry) name() string {
	switch {
	case e.Check == nil || e.Check.Kind == Case:
		return e.ID
	case e.Check.Kind == Retries:
		return e.Clause + ", " + e.Title
	}
	return e.Title
}

// failed are the entries that fail the run, those beyond the documented failures first.
func (r *Run) failed(report *Report) []Entry {
	list := slices.DeleteFunc(report.Entries(r), func(e Entry) bool { return !e.Outcome.Fails() })
	slices.SortStableFunc(list, func(a, b Entry) int { return cmp.Compare(place(a), place(b)) })
	return list
}

// place is where an entry stands among those that failed: checks, then clauses by their action.
func place(e Entry) int {
	if e.Check != nil {
		return -1
	}
	return slices.Index(fixtures.Actions(), e.Action)
}

// byClause are the results by the id of their clause.
func (r *Run) byClause() map[string]*Result {
	results := make(map[string]*Result, len(r.Results))
	for _, result := range r.Results {
		results[result.Clause] = result
	}
	return results
}

// extraChecks is the line that says what came of checks of a kind, "" if none was asked.
func extraChecks(what, kind string, run *Run) string {
	asked, right, errata := 0, 0, 0
	for _, check := range run.ExtraChecks {
		if check.Kind != kind || check.Ran == 0 {
			continue
		}
		asked++
		if check.Outcome.Passes() && len(check.Errata) == 0 {
			right++
		}
		if len(check.Errata) > 0 {
			errata++
		}
	}
	if asked == 0 {
		return ""
	}
	return fmt.Sprintf("\n           %s: %d asked, %d right, %d with an erratum", what, asked, right, errata)
}

// surfacedLine says how many clauses the client told its caller of, and what of them: right is a clause told whole.
func surfacedLine(run *Run) string {
	right := countIf(run.Results, func(r *Result) bool {
		return r.Honored > 0 && r.Honored == r.Ran && len(r.NotExposed) == 0 && len(r.Errata) == 0
	})
	parts := []string{fmt.Sprintf("%s: %d clauses right", run.Client.Name, right)}
	for _, field := range run.Client.Hides {
		if lost := countIf(run.Results, func(r *Result) bool { return slices.Contains(r.NotExposed, field) }); lost > 0 {
			parts = append(parts, fmt.Sprintf("%d without their %s", lost, field))
		}
	}
	if known := countIf(run.Results, func(r *Result) bool { return len(r.Errata) > 0 }); known > 0 {
		parts = append(parts, fmt.Sprintf("%d with an erratum", known))
	}
	if unsupported := run.Counts()[Unsupported]; unsupported > 0 {
		parts = append(parts, fmt.Sprintf("%d unsupported", unsupported))
	}
	return strings.Join(parts, ", ")
}

func countIf[T any](list []T, such func(T) bool) (n int) {
	for _, item := range list {
		if such(item) {
			n++
		}
	}
	return n
}

// editions says how many wordings of each edition are honored, in clauses that are honored whole: an edition has those
// of older ones that it did not change.
func editions(contract *Contract, results map[string]*Result) string {
	honored := map[string]int{}
	for _, clause := range contract.Clauses {
		if !results[clause.ID].Outcome.Passes() {
			continue
		}
		for _, w := range clause.Wordings {
			for _, id := range w.Editions {
				honored[id]++
			}
		}
	}
	var counts []string
	for _, e := range contract.Editions {
		counts = append(counts, fmt.Sprintf("%s %d", e.ID, honored[e.ID]))
	}
	return strings.Join(counts, ", ")
}

// asShown are the outcomes in the order of a live run's line.
var asShown = []Outcome{Honored, Deviating, Erratum, Another, Broken, Undocumented, UnexpectedPass, Unsupported, NotRun, Engine}

// live is the text of a run that asked a tenant or a recording. What its client loses is honored by the tenant. Clauses that
// deviate alike are told of together.
func (c Console) live(r *Report, run *Run) string {
	counts := run.Counts()
	counts[Honored] += counts[NotExposed]
	left := countIf(run.Results, func(r *Result) bool { return r.Outcome == NotRun && r.Reason == run.LeftOut })
	counts[NotRun] -= left
	var parts []string
	for _, o := range asShown {
		if counts[o] > 0 {
			parts = append(parts, c.paint(o, fmt.Sprintf("%d %s", counts[o], o.Label())))
		}
	}
	if left > 0 {
		parts = append(parts, fmt.Sprintf("%d left out: %s", left, run.LeftOut))
	}
	contract := r.contract(run.Provider)
	var line strings.Builder
	fmt.Fprintf(&line, "%-9s  %-22s  %s, as %s: %s; %d requests", contract.Provider, contract.API, run.TransportName(),
		run.Client.Name, strings.Join(parts, ", "), run.Requests)
	listed := slices.DeleteFunc(r.Entries(run), func(e Entry) bool {
		return !e.Outcome.Fails() && e.Outcome != Another
	})
	c.list(&line, listed, run)
	c.listByReason(&line, run)
	c.listNotRun(&line, run)
	return line.String()
}

// listByReason writes, for all clauses that deviate in the same way, one of them and how many more there are, the most first.
func (c Console) listByReason(text *strings.Builder, run *Run) {
	groups := map[string][]string{}
	for _, result := range run.Results {
		if result.Outcome != Deviating && result.Outcome != Erratum || len(result.Deviations) == 0 {
			continue
		}
		var how strings.Builder
		for _, d := range result.Deviations {
			fmt.Fprintf(&how, "\n             %s: documented %s, answered %s", d.Field, line(d.Documented), line(d.Received))
		}
		key := string(result.Outcome) + how.String()
		groups[key] = append(groups[key], result.Clause)
	}
	keys := slices.SortedFunc(maps.Keys(groups), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(groups[b]), len(groups[a])), cmp.Compare(a, b))
	})
	for _, key := range keys {
		outcome, how, _ := strings.Cut(key, "\n")
		such := groups[key][0]
		if more := len(groups[key]) - 1; more > 0 {
			such += fmt.Sprintf(" and %d more", more)
		}
		fmt.Fprintf(text, "\n  %s  %s\n%s", c.paint(Outcome(outcome), Outcome(outcome).Label()), such, how)
	}
}

// listNotRun writes, for each reason not to ask a tenant, how many clauses are not asked for it, and some of them, the
// most first.
func (c Console) listNotRun(text *strings.Builder, run *Run) {
	const most = 3 // clauses of a reason
	clauses := map[string][]string{}
	for _, result := range run.Results {
		if result.Outcome == NotRun && result.Reason != run.LeftOut {
			clauses[result.Reason] = append(clauses[result.Reason], result.Clause)
		}
	}
	reasons := slices.SortedFunc(maps.Keys(clauses), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(clauses[b]), len(clauses[a])), cmp.Compare(a, b))
	})
	for i, reason := range reasons {
		if i == mostGroups {
			fmt.Fprintf(text, "\n  and for %s more", plural(len(reasons)-i, "reason"))
			break
		}
		such := clauses[reason]
		listed := strings.Join(such[:min(most, len(such))], ", ")
		if len(such) > most {
			listed += fmt.Sprintf(" and %d more", len(such)-most)
		}
		count := c.paint(NotRun, fmt.Sprintf("%d not asked", len(such)))
		fmt.Fprintf(text, "\n  %s  %s: %s", count, line(reason), line(listed))
	}
}

// mostGroups bounds how many groups of look-alikes, and of clauses that are not asked, the console lists.
const mostGroups = 12

// WriteLookAlikes writes how many clauses the client's caller cannot tell apart by the fields that the client exposes, which
// they are, and how many by those that the provider says to rely on.
func WriteLookAlikes(w io.Writer, run *Run) error {
	var listed strings.Builder
	for i, group := range run.LookAlikes.Exposed {
		if i == mostGroups {
			fmt.Fprintf(&listed, "\n           and %d groups more", len(run.LookAlikes.Exposed)-mostGroups)
			break
		}
		var keys []string
		for _, clause := range group.Clauses {
			keys = append(keys, strings.TrimPrefix(clause, group.Operation+"."))
		}
		fmt.Fprintf(&listed, "\n           %s: %s", group.Operation, strings.Join(keys, ", "))
	}
	_, err := fmt.Fprintf(w, "look-alikes: %d of %d clauses by what %s exposes (%s), %d by what %s says to rely on%s\n",
		alike(run.LookAlikes.Exposed), run.LookAlikes.Clauses, run.Client.Name,
		cmp.Or(strings.Join(run.Client.Exposes, ", "), "nothing"), alike(run.LookAlikes.Reliable), run.Provider, listed.String())
	return err
}

// alike is how many clauses the groups have.
func alike(groups []Group) (n int) {
	for _, g := range groups {
		n += len(g.Clauses)
	}
	return n
}
