//go:build unix

package main

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/learncontract/learncontract/ci/bench/usage"
)

// results is everything measured.
type results struct {
	options
	rows       []contestRow
	clientRows []contestRow // by client, the size
	loads      []loadTimes
	loops      map[string][]usage.Usage // by loop
	cold       []usage.Usage            // of the commands of cold
	sizes      []binarySize
}

type contestRow struct {
	size     string
	wordings int
	used     map[string][]usage.Usage // by contestant, a value a run
}

type loadTimes struct {
	provider     string
	first, later time.Duration
}

type binarySize struct {
	pkg   string
	bytes int64
}

// median is the median of a quantity over a contestant's runs; ok if there are any.
func (row contestRow) median(contestant string, of func(usage.Usage) int64) (value int64, ok bool) {
	var values []int64
	for _, used := range row.used[contestant] {
		values = append(values, of(used))
	}
	if len(values) == 0 {
		return 0, false
	}
	return median(values), true
}

func cpu(u usage.Usage) int64  { return int64(u.CPU) }
func wall(u usage.Usage) int64 { return int64(u.Wall) }
func peak(u usage.Usage) int64 { return u.Peak }

// ratio is how many times the CPU of one contestant another takes.
func (row contestRow) ratio(of, to string) (float64, bool) {
	a, hasA := row.median(of, cpu)
	b, hasB := row.median(to, cpu)
	return float64(a) / float64(b), hasA && hasB
}

// cell prints a quantity of each contestant, or of one.
func (row contestRow) cell(format func(int64) string, of func(usage.Usage) int64, contestants ...string) string {
	var cells []string
	for _, contestant := range contestants {
		text := missing
		if value, ok := row.median(contestant, of); ok {
			text = format(value)
		}
		cells = append(cells, text)
	}
	return strings.Join(cells, " · ")
}

const missing = "–"

// markdown is the tables.
func (r *results) markdown() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s, %s/%s, %d CPUs. Medians of %d runs below 1,000 wordings,"+
		" %d below 20,000 and %d above, taken in turn.\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), r.rounds(own), r.runs, r.rounds("20000"))
	r.writeContest(&text)
	r.writeClients(&text)
	r.writeWaits(&text)
	r.writeTargets(&text)
	return text.String()
}

func (r *results) writeContest(w *strings.Builder) {
	if len(r.rows) == 0 {
		return
	}
	w.WriteString("\n| wordings | CPU: Ginkgo (a) | subtests (t) | loopback (b) | memory (c) | a/b | t/b | a/c " +
		"| wall a · t · b · c | peak a · t · b · c |\n" + strings.Repeat("| ---: ", 10) + "|\n")
	for _, row := range r.rows {
		times := func(of, to string) string {
			if ratio, ok := row.ratio(of, to); ok {
				return fmt.Sprintf("%.2f", ratio)
			}
			return missing
		}
		name := grouped(row.wordings)
		if row.size == own {
			name = "both contracts, " + name
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", name,
			row.cell(nanoseconds, cpu, "ginkgo"), row.cell(nanoseconds, cpu, "subtests"),
			row.cell(nanoseconds, cpu, "loopback"), row.cell(nanoseconds, cpu, "memory"),
			times("ginkgo", "loopback"), times("subtests", "loopback"), times("ginkgo", "memory"),
			row.cell(nanoseconds, wall, contestants...), row.cell(mebibytes, peak, contestants...))
	}
}

// writeClients writes what each client's suite costs beside a plain table of the same calls.
func (r *results) writeClients(w *strings.Builder) {
	if len(r.clientRows) == 0 {
		return
	}
	w.WriteString("\n| client | CPU: Ginkgo (a) | subtests (t) | plain table of the same calls, over loopback (b) | in memory (c) | a/b | t/b | a/c |\n" +
		"| --- " + strings.Repeat("| ---: ", 7) + "|\n")
	for _, row := range r.clientRows {
		loopback, _ := row.ratio("ginkgo", "loopback")
		subtests, _ := row.ratio("subtests", "loopback")
		memory, _ := row.ratio("ginkgo", "memory")
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %.2f | %.2f | %.2f |\n", row.size,
			row.cell(nanoseconds, cpu, "ginkgo"), row.cell(nanoseconds, cpu, "subtests"),
			row.cell(nanoseconds, cpu, "loopback"), row.cell(nanoseconds, cpu, "memory"), loopback, subtests, memory)
	}
}

// writeWaits writes what is waited for beside the run itself.
func (r *results) writeWaits(w *strings.Builder) {
	w.WriteString("\n| | |\n| --- | ---: |\n")
	for _, l := range r.loads {
		fmt.Fprintf(w, "| load and validate the contract of %s, first call (later calls) | %s (%s) |\n",
			l.provider, short(l.first), short(l.later))
	}
	loop := contestRow{used: r.loops}
	if len(r.loops) > 0 {
		for _, l := range loops("") {
			command := "`" + strings.Join(l.command, " ") + "`"
			if l.folder != "" {
				command += ", " + l.name + ", in `" + l.folder + "`"
			}
			fmt.Fprintf(w, "| %s after a one-line edit, wall (CPU) | %s (%s) |\n", command,
				loop.cell(nanoseconds, wall, l.name), loop.cell(nanoseconds, cpu, l.name))
		}
	}
	for i, used := range r.cold {
		fmt.Fprintf(w, "| `%s` with an empty build cache, CPU (wall) | %s (%s) |\n",
			strings.Join(cold[i], " "), short(used.CPU), short(used.Wall))
	}
	for _, s := range r.sizes {
		fmt.Fprintf(w, "| compiled `%s` | %s |\n", s.pkg, mebibytes(s.bytes))
	}
}

// The targets of the project.
const (
	mostGinkgo = 2.2 // of the Ginkgo suite's CPU to that of the plain table over loopback
	mostTest   = 1.5 // of that of subtests
	mostClient = 1.5 // of the suite's CPU to that of a plain table of the same calls through an SDK, over loopback
	mostLoop   = 1.2 // of the CPU of the example connector's contract test to that of a suite written by hand
	mostCold   = 100 * time.Second
	mostGrowth = 12 // from 4,100 wordings to 41,000
	mostPeak   = 64 << 20
	mostLoad   = 30 * time.Millisecond
)

// writeTargets says of each target that was measured whether it is met.
func (r *results) writeTargets(w *strings.Builder) {
	var lines []string
	target := func(ok bool, what, measured string) {
		verdict := "met"
		if !ok {
			verdict = "missed"
		}
		lines = append(lines, fmt.Sprintf("| %s | %s | %s |\n", what, measured, verdict))
	}
	suite := map[string]int64{} // CPU by size
	for _, row := range r.rows {
		for _, c := range []struct {
			contestant, letter string
			most               float64
		}{{"ginkgo", "a", mostGinkgo}, {"subtests", "t", mostTest}} {
			if ratio, ok := row.ratio(c.contestant, "loopback"); ok && (row.size == "410" || row.size == "4100") {
				target(ratio <= c.most, fmt.Sprintf("%s/b at %s wordings at most %.1f", c.letter, grouped(row.wordings), c.most),
					fmt.Sprintf("%.2f", ratio))
			}
		}
		if most, ok := row.median("ginkgo", peak); ok && row.size == own {
			target(most < mostPeak, "peak of the suite on each contract under "+mebibytes(mostPeak), mebibytes(most))
		}
		if used, ok := row.median("ginkgo", cpu); ok {
			suite[row.size] = used
		}
	}
	if small, large := suite["4100"], suite["41000"]; small > 0 && large > 0 {
		growth := float64(large) / float64(small)
		target(growth <= mostGrowth, fmt.Sprintf("41,000 wordings cost at most %d x 4,100", mostGrowth),
			fmt.Sprintf("%.1f x", growth))
	}
	for _, row := range r.clientRows {
		if ratio, ok := row.ratio("ginkgo", "loopback"); ok && row.size != "wire" {
			target(ratio <= mostClient, fmt.Sprintf("a/b of %s at most %.1f", row.size, mostClient), fmt.Sprintf("%.2f", ratio))
		}
	}
	loop := contestRow{used: r.loops}
	if a, ok := loop.median("example", cpu); ok { // on a shared machine the wall time includes the others
		b, _ := loop.median("by hand", cpu)
		ratio := float64(a) / float64(b)
		target(ratio <= mostLoop, fmt.Sprintf("the example connector's contract test after a one-line edit at most %.1f x the CPU of one written by hand", mostLoop),
			fmt.Sprintf("%.2f x", ratio))
	}
	if len(r.cold) > 0 {
		target(r.cold[0].CPU < mostCold, "a cold build of everything under "+short(mostCold)+" of CPU", short(r.cold[0].CPU))
	}
	for _, l := range r.loads {
		target(l.first < mostLoad, fmt.Sprintf("the contract of %s is loaded in under %s", l.provider, short(mostLoad)),
			short(l.first))
	}
	if len(lines) > 0 {
		fmt.Fprintf(w, "\n| target | measured | |\n| --- | ---: | --- |\n%s", strings.Join(lines, ""))
	}
}

// short prints a duration to three digits at most.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
}

func nanoseconds(n int64) string { return short(time.Duration(n)) }

func mebibytes(n int64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }

// grouped prints a number with commas.
func grouped(n int) string {
	if n < 1_000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1_000), n%1_000)
}
