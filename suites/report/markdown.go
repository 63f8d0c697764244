package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/learncontract/learncontract/matchers/exchange"
)

// How much a job's summary and a run's annotations hold: they are read on a page among others.
const (
	mostListed      = 20
	mostDetailed    = 3    // clauses of a cause
	mostText        = 4000 // bytes of a failure
	mostAnnotations = 10   // that GitHub shows of a step
)

// WriteMarkdown writes what a job's summary has room for: a line a run, then what changed, then the causes of failures, the
// worst first.
func (r *Report) WriteMarkdown(w io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "### %s\n\n", r.Headline())
	for _, problem := range r.problems() {
		fmt.Fprintf(&text, "> **engine error** %s\n\n", inline(strings.TrimPrefix(problem, "engine error: ")))
	}
	for _, disagreement := range r.Disagreements {
		fmt.Fprintf(&text, "> **disagreement** %s\n\n", inline(disagreement))
	}
	r.writeRuns(&text)
	r.writeChanges(&text)
	causes := r.Causes(r.Runs...)
	for i, cause := range causes {
		if i == mostListed {
			fmt.Fprintf(&text, "…and %s: the JSON and HTML reports have them all.\n\n", plural(len(causes)-i, "more cause"))
			break
		}
		writeCause(&text, cause)
	}
	r.writeNotices(&text)
	_, err := io.WriteString(w, strings.TrimRight(text.String(), "\n")+"\n")
	return err
}

// problems are those of the set-up of any run.
func (r *Report) problems() (list []string) {
	for _, run := range r.Runs {
		list = append(list, run.Problems...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// writeRuns writes a table: a line a run, a column for each outcome that any run has.
func (r *Report) writeRuns(text *strings.Builder) {
	totals := map[Outcome]int{}
	for _, run := range r.Runs {
		for o, n := range run.Counts() {
			totals[o] += n
		}
	}
	present := slices.DeleteFunc(Outcomes(), func(o Outcome) bool { return totals[o] == 0 })
	text.WriteString("| client | provider | responses from | clauses |")
	for _, o := range present {
		fmt.Fprintf(text, " %s |", o.Label())
	}
	text.WriteString("\n| --- | --- | --- | ---: |" + strings.Repeat(" ---: |", len(present)) + "\n")
	for _, run := range r.Runs {
		fmt.Fprintf(text, "| %s | %s | %s | %d |", inline(run.Client.Name), inline(run.Provider),
			inline(run.RespondedBy()), len(run.Results))
		counts := run.Counts()
		for _, o := range present {
			if counts[o] == 0 {
				text.WriteString(" – |")
			} else {
				fmt.Fprintf(text, " %d |", counts[o])
			}
		}
		text.WriteByte('\n')
	}
	text.WriteByte('\n')
}

func (r *Report) writeChanges(text *strings.Builder) {
	if r.Changes == nil {
		return
	}
	none := true
	for _, run := range r.Changes.Runs() {
		fmt.Fprintf(text, "> %s\n\n", inline(run))
		none = false
	}
	for _, kind := range r.Changes.ByKind() {
		for i, change := range kind.Changes {
			if i == 0 {
				fmt.Fprintf(text, "**%s since the baseline: %d**\n\n", kind.Kind, len(kind.Changes))
			}
			if i == mostListed {
				fmt.Fprintf(text, "- …and %d more\n", len(kind.Changes)-mostListed)
				break
			}
			fmt.Fprintf(text, "- %s\n", inline(change.String()))
		}
		if len(kind.Changes) > 0 {
			text.WriteByte('\n')
			none = false
		}
	}
	if none {
		text.WriteString("Nothing changed since the baseline.\n\n")
	}
}

// writeCause writes a cause: its reason, what differs in its first clause, the whole texts of the first clauses, folded up,
// and the ids of the others.
func writeCause(text *strings.Builder, cause Cause) {
	first := cause.Entries[0]
	fmt.Fprintf(text, "#### %s: %s\n\n", cause.Outcome.Label(), inline(cause.Reason))
	fmt.Fprintf(text, "%s of %s, responses from %s.\n\n", cause.Count(), inline(first.Run.Client.Name),
		inline(first.Run.RespondedBy()))
	if len(first.Deviations) > 0 {
		text.WriteString("| field | documented | received | surfaced |\n| --- | --- | --- | --- |\n")
		var rows []string // those of a clause's wordings may be the same
		for _, d := range first.Deviations {
			row := fmt.Sprintf("| %s | %s | %s | %s |\n", inline(d.Field), inline(d.Documented), inline(d.Received),
				inline(cmp.Or(d.Surfaced, "–")))
			if !slices.Contains(rows, row) {
				rows = append(rows, row)
			}
		}
		text.WriteString(strings.Join(rows, "") + "\n")
	}
	if rerun := cause.Rerun(); rerun != "" {
		fmt.Fprintf(text, "Rerun one:\n\n%s\n\n", fenced("sh", exchange.Safe(rerun)))
	}
	for i, e := range cause.Entries {
		if i == mostDetailed {
			fmt.Fprintf(text, "<details><summary>and %d more</summary>\n\n", len(cause.Entries)-i)
			for _, other := range cause.Entries[i:] {
				fmt.Fprintf(text, "- %s\n", inline(other.ID))
			}
			text.WriteString("\n</details>\n\n")
			break
		}
		writeDetail(text, e)
	}
}

// writeDetail writes an entry's id, over its whole text, folded up.
func writeDetail(text *strings.Builder, e Entry) {
	place := ""
	if e.Documented != nil {
		place = fmt.Sprintf("The contract has it in `%s:%d`.\n\n", e.Documented.File, e.Documented.Line)
	}
	whole := exchange.Safe(cmp.Or(e.Text, e.Reason))
	if len(whole) > mostText {
		whole = strings.ToValidUTF8(whole[:mostText], "") + "\n… the JSON and HTML reports have all of it"
	}
	fmt.Fprintf(text, "<details><summary>%s</summary>\n\n%s\n\n%s</details>\n\n", inline(e.ID), fenced("text", whole), place)
}

// writeNotices writes, a line each, what does not fail and should be known: responses that differ, errata that expire soon.
func (r *Report) writeNotices(text *strings.Builder) {
	const soon = 30 // days
	for _, o := range []Outcome{Another, Deviating} {
		entries := slices.DeleteFunc(r.All(), func(e Entry) bool { return e.Outcome != o })
		for i, e := range entries {
			if i == mostListed {
				fmt.Fprintf(text, "- %s: …and %d more\n", o.Label(), len(entries)-i)
				break
			}
			fmt.Fprintf(text, "- %s: %s, %s\n", o.Label(), inline(e.ID), inline(e.Reason))
		}
	}
	for _, run := range r.Runs {
		for _, known := range run.Errata {
			if known.DaysLeft <= soon {
				fmt.Fprintf(text, "- the erratum %s of %s is accepted for %s: %s\n",
					inline(known.Place), inline(run.Client.Name), plural(known.DaysLeft, "more day"), inline(known.Why))
			}
		}
	}
}

// fenced is the text in a fence that no line of it can end.
func fenced(language, text string) string {
	longest, now := 0, 0
	for _, c := range text {
		if c == '`' {
			now++
			longest = max(longest, now)
		} else {
			now = 0
		}
	}
	fence := strings.Repeat("`", max(3, longest+1))
	return fmt.Sprintf("%s %s\n%s\n%s", fence, language, text, fence)
}

// special are the characters that mean something in Markdown or HTML, each with what shows it.
var special = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", `\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "#", `\#`,
	"~", `\~`, "@", "&#64;", "\r", " ", "\n", " ", "::", `:\:`,
)

// inline is a text on one line that Markdown shows as it is.
func inline(text string) string { return special.Replace(exchange.Safe(text)) }

// WriteAnnotations writes GitHub's workflow commands: an error for each problem of the set-up and each disagreement, then
// for each cause of failures, the worst first. One points at the line of its first clause if checkedOut says that the
// reader's repository has the file. GitHub shows ten of a step: the last says how many more there are.
func (r *Report) WriteAnnotations(w io.Writer, checkedOut func(file string) bool) error {
	var commands []string
	var failures []int // of each command
	add := func(n int, properties, text string) {
		commands = append(commands, fmt.Sprintf("::error %s::%s\n", properties, message(text)))
		failures = append(failures, n)
	}
	for _, problem := range r.problems() {
		add(1, "title=engine error", strings.TrimPrefix(problem, "engine error: "))
	}
	for _, disagreement := range r.Disagreements {
		add(1, "title=disagreement", disagreement)
	}
	for _, cause := range r.Causes(r.Runs...) {
		e, at, text := cause.Entries[0], "", cmp.Or(cause.Entries[0].Text, cause.Reason)
		switch clause := e.Documented; {
		case clause == nil:
		case checkedOut(clause.File):
			at = fmt.Sprintf("file=%s,line=%d,", property(clause.File), clause.Line)
		default:
			where := fmt.Sprintf("The contract has it in %s:%d.", clause.File, clause.Line)
			if !strings.Contains(text, where) { // as the failure of a matcher says itself
				text += "\n\n" + where
			}
		}
		more := ""
		if len(cause.Entries) > 1 {
			more = fmt.Sprintf(" and %d more", len(cause.Entries)-1)
		}
		title := fmt.Sprintf("%s: %s%s (%s)", cause.Outcome.Label(), e.ID, more, e.Run.ID())
		add(len(cause.Entries), at+"title="+property(title), text)
	}
	if len(commands) > mostAnnotations {
		left := 0
		for _, n := range failures[mostAnnotations-1:] {
			left += n
		}
		commands = commands[:mostAnnotations-1]
		add(left, "title=and more", fmt.Sprintf("%d more failed: the job's summary and the report have them", left))
	}
	_, err := io.WriteString(w, strings.Join(commands, ""))
	return err
}

// message and property are texts as workflow commands have them.
func message(text string) string {
	return strings.NewReplacer("%", "%25", "\n", "%0A").Replace(exchange.Safe(text))
}

func property(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(message(text))
}
