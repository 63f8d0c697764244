package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// How much a job's summary and a run's annotations hold: they are read on a page among others.
const (
	mostListed      = 20
	mostText        = 4000 // bytes of a failure
	mostAnnotations = 10   // that GitHub shows of a step
)

// WriteMarkdown writes what a job's summary has room for: a line a run, then what changed, then what failed, the worst
// first.
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
	failed, listed := r.Worst(Failing...), 0
	for i, alike := range Grouped(failed) {
		if i == mostListed {
			fmt.Fprintf(&text, "…and %d more: the JSON and HTML reports have them all.\n\n", len(failed)-listed)
			break
		}
		writeFailure(&text, alike)
		listed += len(alike)
	}
	r.writeNotices(&text)
	_, err := io.WriteString(w, strings.TrimRight(text.String(), "\n")+"\n")
	return err
}

// problems are what is wrong with the set-up of any run.
func (r *Report) problems() (list []string) {
	for _, run := range r.Runs {
		list = append(list, run.Problems...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// writeRuns writes a table: a line a run, a column an outcome that any has.
func (r *Report) writeRuns(text *strings.Builder) {
	totals := map[Outcome]int{}
	for _, run := range r.Runs {
		for o, n := range run.Counts() {
			totals[o] += n
		}
	}
	present := slices.DeleteFunc(slices.Clone(Outcomes), func(o Outcome) bool { return totals[o] == 0 })
	text.WriteString("| client | provider | answered by | clauses |")
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
	for _, kind := range r.Changes.Kinds() {
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

// writeFailure writes a failure, and of which others the same is said: what it is, what differs, and the whole text
// folded up.
func writeFailure(text *strings.Builder, alike []Entry) {
	e, more := alike[0], ""
	if len(alike) > 1 {
		more = fmt.Sprintf(" and %d more", len(alike)-1)
	}
	fmt.Fprintf(text, "#### %s: %s%s\n\n%s\n\n", e.Outcome.Label(), inline(e.ID), more, inline(e.Reason))
	fmt.Fprintf(text, "Asked as %s, answered by %s.\n\n", inline(e.Run.Client.Name), inline(e.Run.RespondedBy()))
	if len(e.Deviations) > 0 {
		text.WriteString("| field | documented | on the wire | told to the caller |\n| --- | --- | --- | --- |\n")
		var rows []string // those of a clause's wordings may be the same
		for _, d := range e.Deviations {
			row := fmt.Sprintf("| %s | %s | %s | %s |\n", inline(d.Field), inline(d.Documented), inline(d.Received),
				inline(cmp.Or(d.Surfaced, "–")))
			if !slices.Contains(rows, row) {
				rows = append(rows, row)
			}
		}
		text.WriteString(strings.Join(rows, "") + "\n")
	}
	if e.Text != "" {
		whole := EscapeLogCommands(e.Text)
		if len(whole) > mostText {
			whole = strings.ToValidUTF8(whole[:mostText], "") + "\n… the JSON and HTML reports have all of it"
		}
		fence := fenceFor(whole)
		fmt.Fprintf(text, "<details><summary>the whole text</summary>\n\n%s text\n%s\n%s\n\n</details>\n\n", fence, whole, fence)
	}
	if len(alike) > 1 {
		text.WriteString("<details><summary>the same is said of</summary>\n\n")
		for _, other := range alike[1:] {
			fmt.Fprintf(text, "- %s\n", inline(other.ID))
		}
		text.WriteString("\n</details>\n\n")
	}
	if e.Of != nil {
		fmt.Fprintf(text, "The contract has it in `%s:%d`.\n\n", e.Of.File, e.Of.Line)
	}
}

// writeNotices writes, a line each, what does not fail and should be known: answers that were others, errata that run out.
func (r *Report) writeNotices(text *strings.Builder) {
	const soon = 30 // days
	for i, e := range r.Worst(Another, Deviating) {
		if i == mostListed {
			fmt.Fprintf(text, "- …and %d more that differ without failing\n", len(r.Worst(Another, Deviating))-mostListed)
			break
		}
		fmt.Fprintf(text, "- %s: %s, %s\n", e.Outcome.Label(), inline(e.ID), inline(e.Reason))
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

// fenceFor is a fence that no line of the text can end.
func fenceFor(text string) string {
	longest, now := 0, 0
	for _, c := range text {
		if c == '`' {
			now++
			longest = max(longest, now)
		} else {
			now = 0
		}
	}
	return strings.Repeat("`", max(3, longest+1))
}

// special are the characters that mean something in Markdown or HTML, each with what means nothing.
var special = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", `\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "#", `\#`,
	"~", `\~`, "@", "&#64;", "\r", " ", "\n", " ", "::", `:\:`,
)

// inline is a text in one line that means nothing in Markdown.
func inline(text string) string { return special.Replace(stripControl(text)) }

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// WriteAnnotations writes GitHub's workflow commands: an error for each problem of the set-up and each disagreement,
// then for each failure, the worst first. One that has a line of the contract points at it where the reader's
// repository has that file; has tells it. GitHub shows ten of a step: the last says how many more there are.
func (r *Report) WriteAnnotations(w io.Writer, has func(file string) bool) error {
	var commands []string
	var failures []int // that each command is of
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
	for _, alike := range Grouped(r.Worst(Failing...)) {
		e, at, text := alike[0], "", cmp.Or(alike[0].Text, alike[0].Reason)
		switch {
		case e.Of == nil:
		case has(e.Of.File):
			at = fmt.Sprintf("file=%s,line=%d,", property(e.Of.File), e.Of.Line)
		default:
			where := fmt.Sprintf("The contract has it in %s:%d.", e.Of.File, e.Of.Line)
			if !strings.Contains(text, where) { // as the failure of a matcher says itself
				text += "\n\n" + where
			}
		}
		more := ""
		if len(alike) > 1 {
			more = fmt.Sprintf(" and %d more", len(alike)-1)
		}
		title := fmt.Sprintf("%s: %s%s (%s)", e.Outcome.Label(), e.ID, more, e.Run.ID())
		add(len(alike), at+"title="+property(title), text)
	}
	if len(commands) > mostAnnotations {
		left := 0
		for _, n := range failures[mostAnnotations-1:] {
			left += n
		}
		commands = commands[:mostAnnotations-1]
		add(left, "title=and more", fmt.Sprintf("%d more fail: the job's summary and the report have them", left))
	}
	_, err := io.WriteString(w, strings.Join(commands, ""))
	return err
}

// message and property are texts as workflow commands have them.
func message(text string) string {
	return strings.NewReplacer("%", "%25", "\n", "%0A").Replace(EscapeLogCommands(text))
}

func property(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(message(text))
}
