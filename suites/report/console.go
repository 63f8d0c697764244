package report

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// Console writes a run to a screen.
type Console struct {
	Colour bool // whether the screen has colours
}

// IsTerminal reports whether the file is a terminal whose reader wants colours. Nil is none.
func IsTerminal(file *os.File) bool {
	return file != nil && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(file.Fd()))
}

// WriteCoverage writes what the run covered. Offline that is an action a column, then a line each for the editions, the
// client and the extra checks; otherwise how many clauses have each outcome, and which are not as documented. Errata come
// last. What failed is for WriteCauses.
func (c Console) WriteCoverage(w io.Writer, r *Report, run *Run) error {
	var text strings.Builder
	if run.Transport == Offline {
		c.writeOffline(&text, r, run)
	} else {
		c.writeLive(&text, r, run)
	}
	for _, e := range run.Errata {
		surfaced, inCase := "seen", ""
		if e.IsClientField {
			surfaced = "surfaced"
		}
		if e.Case != "" {
			inCase = ", case " + e.Case
		}
		fmt.Fprintf(&text, "  %s %s: %s %s as %s in %s%s, accepted for %s: %s (%s %s)\n",
			c.paint(Erratum, "erratum"), line(e.Place), line(e.Field), surfaced, line(strconv.Quote(e.Seen)),
			plural(e.Covers, "clause"), line(inCase), plural(e.DaysLeft, "more day"), line(e.Why), line(e.Module), line(e.Version))
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// WriteCauses writes what failed: the problems of the set-up and the causes, each with the first of its clauses and how to
// run one of them again. If nothing failed it writes nothing.
func (c Console) WriteCauses(w io.Writer, r *Report, run *Run) error {
	causes := r.Causes(run)
	if len(causes)+len(run.Problems) == 0 {
		return nil
	}
	var text strings.Builder
	counts := c.failures(causes)
	if len(run.Problems) > 0 {
		counts = append(counts, c.paint(Engine, plural(len(run.Problems), "set-up problem")))
	}
	fmt.Fprintf(&text, "%s: %s\n", line(run.ID()), strings.Join(counts, ", "))
	for _, problem := range run.Problems {
		fmt.Fprintf(&text, "  %s\n", c.paint(Engine, line(problem)))
	}
	c.writeGroups(&text, causes)
	_, err := io.WriteString(w, text.String())
	return err
}

// failures are how many entries have each outcome of the causes: "2 broken".
func (c Console) failures(causes []Cause) (counts []string) {
	entries := map[Outcome]int{}
	for _, cause := range causes {
		entries[cause.Outcome] += len(cause.Entries)
	}
	for _, o := range Outcomes() {
		if entries[o] > 0 {
			counts = append(counts, c.paint(o, fmt.Sprintf("%d %s", entries[o], o.Label())))
		}
	}
	return counts
}

// mostGroups bounds how many groups of clauses the console lists at once.
const mostGroups = 12

// writeGroups writes of each group its reason, how many entries it has, the first of them, and how to run one again.
func (c Console) writeGroups(text *strings.Builder, groups []Cause) {
	for i, group := range groups {
		if i == mostGroups {
			entries := 0
			for _, left := range groups[i:] {
				entries += len(left.Entries)
			}
			fmt.Fprintf(text, "  and %s, of %d in all\n", plural(len(groups)-i, "more reason"), entries)
			return
		}
		fmt.Fprintf(text, "  %s: %s\n    %s: %s\n", c.paint(group.Outcome, group.Outcome.Label()), line(group.Reason),
			group.Count(), line(group.firstIDs()))
		if rerun := group.Rerun(); rerun != "" && group.Outcome.Fails() {
			fmt.Fprintf(text, "    rerun one: %s\n", exchange.Safe(rerun))
		}
	}
}

// paint colours a text by an outcome.
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

func (c Console) writeOffline(text *strings.Builder, r *Report, run *Run) {
	contract, results := r.contract(run.Provider), run.byClause()
	fmt.Fprintf(text, "%-9s  %-22s", contract.Provider, contract.API)
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
			fmt.Fprintf(text, "  %-35s", fmt.Sprintf("%s %d/%d clauses, %d wordings", action, honored, clauses, wordings))
		}
	}
	failures := c.failures(r.Causes(run))
	for _, count := range failures {
		text.WriteString("  " + count)
	}
	honored := countIf(run.Results, func(r *Result) bool { return r.Outcome.Passes() })
	if len(failures) == 0 && honored == len(run.Results) {
		text.WriteString("  " + c.paint(Honored, "all honored"))
	}
	partly := countIf(run.Results, func(r *Result) bool { return r.Outcome == NotRun && r.Ran > 0 })
	notRun := countIf(run.Results, func(r *Result) bool { return r.Outcome == NotRun && r.Ran == 0 })
	if partly > 0 {
		text.WriteString("  " + c.paint(NotRun, fmt.Sprintf("%d run in part", partly)))
	}
	if notRun > 0 {
		text.WriteString("  " + c.paint(NotRun, fmt.Sprintf("%d not run", notRun)))
	}
	if partly+notRun > 0 {
		text.WriteString(": " + line(run.LeftOut))
	}
	fmt.Fprintf(text, "\n           wordings by edition: %s\n           %s\n", editions(contract, results), clientLine(run))
	writeChecks(text, "extra checks", Case, run)
	writeChecks(text, "instances", Instance, run)
	if run.Client.Retries {
		writeChecks(text, "retries", Retries, run)
	}
}

// byClause are the results by the id of their clause.
func (r *Run) byClause() map[string]*Result {
	results := make(map[string]*Result, len(r.Results))
	for _, result := range r.Results {
		results[result.Clause] = result
	}
	return results
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

// clientLine says of how many clauses the client surfaced everything, and what it does not surface of the others.
func clientLine(run *Run) string {
	ran := countIf(run.Results, func(r *Result) bool { return r.Ran > 0 })
	correct := countIf(run.Results, func(r *Result) bool {
		return r.Honored > 0 && r.Honored == r.Ran && len(r.NotExposed) == 0 && len(r.Errata) == 0
	})
	parts := []string{fmt.Sprintf("%s: %d of %s correct", line(run.Client.Name), correct, plural(ran, "clause"))}
	for _, field := range run.Client.Hides {
		if n := countIf(run.Results, func(r *Result) bool { return slices.Contains(r.NotExposed, field) }); n > 0 {
			parts = append(parts, fmt.Sprintf("%d without %s", n, field))
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

// writeChecks writes what the extra checks of a kind came to, nothing if there are none, and why some were not run by themselves, or
// do not bind.
func writeChecks(text *strings.Builder, name, kind string, run *Run) {
	ran, correct, errata := 0, 0, 0
	var reasons []string
	counts := map[string]int{}
	note := func(check *Check) {
		reason := check.Outcome.Label() + ": " + line(check.Reason)
		if counts[reason]++; counts[reason] == 1 {
			reasons = append(reasons, reason)
		}
	}
	for _, check := range run.ExtraChecks {
		switch {
		case check.Kind != kind:
			continue
		case check.Ran == 0:
			if check.Outcome == NotRun && check.Reason != run.LeftOut {
				note(check)
			}
			continue
		case check.Outcome == Deviating:
			note(check)
			correct++
		case len(check.Errata) > 0:
			errata++
		case check.Outcome.Passes():
			correct++
		}
		ran++
	}
	if ran > 0 || len(reasons) > 0 {
		fmt.Fprintf(text, "           %s: %d of %d correct, %d with an erratum\n", name, correct, ran, errata)
	}
	for _, reason := range reasons {
		fmt.Fprintf(text, "             %d %s\n", counts[reason], reason)
	}
}

// liveOrder are the outcomes in the order of a live run's line.
var liveOrder = []Outcome{
	Honored, Deviating, Erratum, Another, Broken, Undocumented, UnexpectedPass, Unsupported, NotRun, Engine,
}

// writeLive writes what a tenant, or a recording of one, responded. A tenant honors what the client does not expose.
func (c Console) writeLive(text *strings.Builder, r *Report, run *Run) {
	leftOut := func(r *Result) bool { return r.Outcome == NotRun && r.Reason == run.LeftOut }
	counts := run.Counts()
	counts[Honored] += counts[NotExposed]
	left := countIf(run.Results, leftOut)
	counts[NotRun] -= left
	var parts []string
	for _, o := range liveOrder {
		if counts[o] > 0 {
			parts = append(parts, c.paint(o, fmt.Sprintf("%d %s", counts[o], o.Label())))
		}
	}
	if left > 0 {
		parts = append(parts, fmt.Sprintf("%d left out: %s", left, line(run.LeftOut)))
	}
	contract := r.contract(run.Provider)
	fmt.Fprintf(text, "%-9s  %-22s  %s, as %s: %s; %d requests\n", contract.Provider, contract.API, run.TransportName(),
		line(run.Client.Name), strings.Join(parts, ", "), run.Requests)
	for _, listed := range [][]Outcome{{Another}, {Deviating, Erratum}, {NotRun}} {
		entries := slices.DeleteFunc(r.Entries(run), func(e Entry) bool {
			return !slices.Contains(listed, e.Outcome) || leftOut(e.Result)
		})
		c.writeGroups(text, groupBy(entries, Entry.difference))
	}
}

// difference is how the entry differs from its documentation; its reason if it has no deviations.
func (e Entry) difference() string {
	var parts []string
	for _, d := range e.Deviations {
		parts = append(parts, fmt.Sprintf("%s: documented %s, received %s", d.Field, d.Documented, d.Received))
	}
	return cmp.Or(strings.Join(parts, "; "), e.Reason)
}

// WriteLookAlikes writes how many clauses the client's caller cannot tell apart by the fields that the client exposes, which
// they are, and how many by those that the provider says to rely on.
func WriteLookAlikes(w io.Writer, run *Run) error {
	var listed strings.Builder
	for i, group := range run.LookAlikes.Exposed {
		if i == mostGroups {
			fmt.Fprintf(&listed, "\n           and %s", plural(len(run.LookAlikes.Exposed)-i, "more group"))
			break
		}
		var keys []string
		for _, clause := range group.Clauses {
			keys = append(keys, strings.TrimPrefix(clause, group.Operation+"."))
		}
		fmt.Fprintf(&listed, "\n           %s: %s", group.Operation, strings.Join(keys, ", "))
	}
	_, err := fmt.Fprintf(w, "look-alikes: of %s %d cannot be told apart by what %s exposes (%s), "+
		"%d by what %s says to rely on%s\n",
		plural(run.LookAlikes.Clauses, "clause"), alike(run.LookAlikes.Exposed), line(run.Client.Name),
		cmp.Or(strings.Join(run.Client.Exposes, ", "), "nothing"), alike(run.LookAlikes.Reliable), run.Provider,
		listed.String())
	return err
}

// alike is how many clauses the groups have.
func alike(groups []Group) (n int) {
	for _, g := range groups {
		n += len(g.Clauses)
	}
	return n
}

// line is the text on one line, as it may be printed.
func line(text string) string { return exchange.Safe(strings.Join(strings.Fields(text), " ")) }
