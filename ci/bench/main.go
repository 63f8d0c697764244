//go:build unix

// The bench command measures the suite, by Ginkgo and by subtests, against the floor: the same wordings asserted by a plain testing table, over
// loopback TCP and in memory. It runs them in turn, in one run, and prints medians of CPU time, wall time and memory,
// and what the targets of the project make of them.
//
// CPU time is user and system time of the process. Of the suite everything is counted, loading the contract and
// rendering the responses too, but for the making of a synthetic contract; of the plain table all but reading it, for it
// stands for Go literals: responses rendered beforehand by the same Wording.Response.
//
//	go -C ci/bench run . [-n runs] [-sizes own,410,4100,41000] [-only ginkgo,subtests,loopback,memory,clients,load,loop,cold] [-markdown]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/learncontract/learncontract/ci/bench/plain"
	"github.com/learncontract/learncontract/ci/bench/synthetic"
	"github.com/learncontract/learncontract/ci/bench/usage"
	"github.com/learncontract/learncontract/fixtures"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) (err error) {
	// The two parts that need a process of their own.
	switch {
	case len(args) == 3 && args[0] == "table":
		wordings, err := writeTable(args[1], args[2])
		if err != nil {
			return err
		}
		fmt.Println(wordings)
		return nil
	case len(args) == 2 && args[0] == "load":
		return timeLoad(args[1])
	}
	o, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return fmt.Errorf("%w (go -C ci/bench run . -help lists the flags)", err)
	}
	folder, err := os.MkdirTemp("", "learncontract-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	r, err := o.measure(ctx, folder)
	if err != nil {
		return err
	}
	fmt.Print(r.markdown())
	return nil
}

// options are what the command line chooses.
type options struct {
	runs  int
	sizes []string
	only  []string
	quiet bool
}

// say prints the progress.
func (o options) say(format string, args ...any) {
	if !o.quiet {
		fmt.Fprintf(os.Stderr, format, args...)
	}
}

// parts are what -only chooses from: the contestants, and what else is measured.
var parts = append(slices.Clone(contestants), "clients", "load", "loop", "cold")

func parse(args []string) (options, error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	runs := flags.Int("n", 5, "counted `runs` of each, after one to warm up;"+
		" four times as many below 1,000 wordings, half from 20,000 on")
	sizes := flags.String("sizes", "own,410,4100,41000", "`sizes` in wordings; own: the contracts as they are")
	only := flags.String("only", strings.Join(parts, ","), "`parts` to measure")
	markdown := flags.Bool("markdown", false, "print the tables for the README and nothing else, no progress")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(os.Stderr)
		flags.Usage()
	}
	if err != nil {
		return options{}, err
	}
	o := options{runs: *runs, sizes: strings.Split(*sizes, ","), only: strings.Split(*only, ","), quiet: *markdown}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is no flag: take it out", flags.Arg(0))
	}
	if o.runs < 1 {
		return o, fmt.Errorf("-n %d: give a number from 1", o.runs)
	}
	for _, size := range o.sizes {
		if n, err := strconv.Atoi(size); size != own && (err != nil || n < 1) {
			return o, fmt.Errorf("-sizes: %q is no size: give %s, or a number from 1", size, own)
		}
	}
	for _, part := range o.only {
		if !slices.Contains(parts, part) {
			return o, fmt.Errorf("-only: %q is no part: choose from %s", part, strings.Join(parts, ","))
		}
	}
	return o, nil
}

// rounds is the number of counted runs at a size: many where a run is short and noise is much of it, few where it is
// long.
func (o options) rounds(size string) int {
	switch n, _ := strconv.Atoi(size); { // 0 for own
	case n < 1_000:
		return 4 * o.runs
	case n < 20_000:
		return o.runs
	default:
		return (o.runs + 1) / 2
	}
}

// measure measures what the options choose.
func (o options) measure(ctx context.Context, folder string) (*results, error) {
	_, module, err := run(ctx, "", nil, "go", "env", "GOMOD")
	if err != nil {
		return nil, err
	}
	root := filepath.Join(filepath.Dir(strings.TrimSpace(module)), "..", "..")
	if _, err := os.Stat(filepath.Join(root, bench)); err != nil {
		return nil, fmt.Errorf("run it in the folder %s of a clone: %w", bench, err)
	}
	r := &results{options: o}
	b, err := r.build(ctx, root, folder)
	if err != nil {
		return nil, err
	}
	for _, size := range o.sizes {
		if err := r.contest(ctx, b, folder, size); err != nil {
			return nil, err
		}
	}
	if slices.Contains(o.only, "clients") {
		if err := r.clients(ctx, root, folder); err != nil {
			return nil, err
		}
	}
	if slices.Contains(o.only, "load") {
		if err := r.load(ctx); err != nil {
			return nil, err
		}
	}
	if slices.Contains(o.only, "loop") {
		if err := r.loop(ctx, root, folder); err != nil {
			return nil, err
		}
	}
	if slices.Contains(o.only, "cold") {
		if err := r.coldBuilds(ctx, root, folder); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// build compiles the contestants, and the two suites for their size.
func (r *results) build(ctx context.Context, root, folder string) (b binaries, err error) {
	for _, pkg := range []string{bench + "/suite", bench + "/plain", "suites/graph", "suites/classroom"} {
		r.say("building %s\n", pkg)
		binary, err := build(ctx, root, folder, pkg)
		if err != nil {
			return b, err
		}
		info, err := os.Stat(binary)
		if err != nil {
			return b, err
		}
		switch pkg {
		case bench + "/suite":
			b.suite = binary
			continue // it is neither of what is shipped
		case bench + "/plain":
			b.plain = binary
		}
		r.sizes = append(r.sizes, binarySize{pkg, info.Size()})
	}
	return b, nil
}

// contest runs the contestants at one size: one round to warm up, and then the counted ones.
func (r *results) contest(ctx context.Context, b binaries, folder, size string) error {
	chosen := slices.DeleteFunc(slices.Clone(contestants), func(c string) bool { return !slices.Contains(r.only, c) })
	if len(chosen) == 0 {
		return nil
	}
	c, err := prepare(ctx, folder, size)
	if err != nil {
		return err
	}
	row := contestRow{size: size, wordings: c.wordings, used: map[string][]usage.Usage{}}
	for round := range 1 + r.rounds(size) {
		r.say("%d wordings, run %d, CPU:", c.wordings, round)
		for _, contestant := range chosen {
			used, err := b.measure(ctx, c, contestant)
			if err != nil {
				return err
			}
			r.say(" %s %s", contestant, short(used.CPU))
			if round > 0 {
				row.used[contestant] = append(row.used[contestant], used)
			}
		}
		r.say("\n")
	}
	r.rows = append(r.rows, row)
	return nil
}

// measuredClients are the clients under contract that are measured.
var measuredClients = []string{"wire", "googleapi", "kiota"}

// clients runs the suite of each client, and the plain table of the same calls, in turn.
func (r *results) clients(ctx context.Context, root, folder string) error {
	r.say("building %s/clients\n", bench)
	binary, err := build(ctx, root, folder, bench+"/clients")
	if err != nil {
		return err
	}
	for _, client := range measuredClients {
		row := contestRow{size: client, used: map[string][]usage.Usage{}}
		for round := range 1 + r.rounds(own) {
			for _, contestant := range contestants {
				env := []string{"BENCH_CLIENT=" + client}
				var used usage.Usage
				var err error
				switch contestant {
				case "loopback":
					used, _, err = run(ctx, "", env, binary, "-test.run=^TestLoopback$")
				case "memory":
					used, _, err = run(ctx, "", env, binary, "-test.run=^TestMemory$")
				default:
					used, _, err = runSuite(ctx, env, binary, contestant)
				}
				if err != nil {
					return err
				}
				if round > 0 {
					row.used[contestant] = append(row.used[contestant], used)
				}
			}
		}
		r.clientRows = append(r.clientRows, row)
		r.say("client %s: %s\n", client, row.cell(nanoseconds, cpu, contestants...))
	}
	return nil
}

// load has fresh processes time fixtures.Load.
func (r *results) load(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for _, provider := range fixtures.Providers() {
		var first, later []time.Duration
		for range 1 + r.runs {
			_, printed, err := run(ctx, "", nil, self, "load", provider)
			if err != nil {
				return err
			}
			var a, b time.Duration
			if _, err := fmt.Sscan(printed, (*int64)(&a), (*int64)(&b)); err != nil {
				return fmt.Errorf("load %s printed %q: %w", provider, printed, err)
			}
			first, later = append(first, a), append(later, b)
		}
		r.loads = append(r.loads, loadTimes{provider, median(first[1:]), median(later[1:])})
		r.say("load %s: %s\n", provider, short(median(first[1:])))
	}
	return nil
}

// timeLoad prints, in nanoseconds of wall time, how long the first fixtures.Load of this process takes, and the median
// of 20 more.
func timeLoad(provider string) error {
	var took []time.Duration
	for range 21 {
		started := time.Now()
		if _, err := fixtures.Load(provider); err != nil {
			return err
		}
		took = append(took, time.Since(started))
	}
	fmt.Println(took[0].Nanoseconds(), median(took[1:]).Nanoseconds())
	return nil
}

// loop runs the warm loops in turn, in a copy of the module.
func (r *results) loop(ctx context.Context, root, folder string) error {
	copied := filepath.Join(folder, "copy")
	if err := copyModule(root, copied); err != nil {
		return err
	}
	file := filepath.Join(folder, "table-loop.json")
	if _, err := writeTable("graph", file); err != nil {
		return err
	}
	if err := writeByHand(copied, performed); err != nil {
		return err
	}
	r.loops = map[string][]usage.Usage{}
	for round := range 1 + r.runs {
		r.say("warm loop, run %d, wall:", round)
		for _, l := range loops(file) {
			used, err := l.measure(ctx, copied, round)
			if err != nil {
				return err
			}
			r.say(" %s %s", l.name, short(used.Wall))
			if round > 0 {
				r.loops[l.name] = append(r.loops[l.name], used)
			}
		}
		r.say("\n")
	}
	return nil
}

// cold are the commands of which a build without any cache is measured.
var cold = [][]string{
	{"go", "build", "./..."},
	{"go", "test", "-run=^$", "./suites/graph", "./suites/classroom"},
}

// coldBuilds builds with an empty build cache, once, for it is long.
func (r *results) coldBuilds(ctx context.Context, root, folder string) error {
	for i, command := range cold {
		cache := filepath.Join(folder, fmt.Sprint("cache", i))
		used, _, err := run(ctx, root, []string{"GOCACHE=" + cache}, command[0], command[1:]...)
		if err = errors.Join(err, os.RemoveAll(cache)); err != nil {
			return err
		}
		r.cold = append(r.cold, used)
		r.say("cold, %s: %s\n", strings.Join(command, " "), short(used.CPU))
	}
	return nil
}

// writeTable writes the plain table of a contract, a provider's or one of so many synthetic wordings, to a file, and
// returns how many wordings it has.
func writeTable(contract, file string) (int, error) {
	provider := contract
	wordings, notNumber := strconv.Atoi(contract)
	if notNumber == nil {
		provider = "graph"
	}
	c, err := fixtures.Load(provider)
	if err != nil {
		return 0, err
	}
	if notNumber == nil {
		c = synthetic.Contract(c, wordings)
	}
	cases := table(c, (*fixtures.Wording).Response)
	return len(cases), plain.Write(file, cases)
}
