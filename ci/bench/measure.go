//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/learncontract/learncontract/ci/bench/plain"
	"github.com/learncontract/learncontract/ci/bench/usage"
	"github.com/learncontract/learncontract/fixtures"
)

// contestants run the same wordings, in this order in every round.
var contestants = []string{"ginkgo", "subtests", "loopback", "memory"}

// own is the size of the providers' own contracts, each in a process of its own; the other sizes are numbers.
const own = "own"

// bench is this module's folder, from that of the suites' module.
const bench = "ci/bench"

// build compiles the tests in a folder below the root into another folder and returns the binary's path.
func build(ctx context.Context, root, folder, pkg string) (string, error) {
	binary := filepath.Join(folder, strings.ReplaceAll(pkg, "/", "-"))
	_, _, err := run(ctx, filepath.Join(root, pkg), nil, "go", "test", "-c", "-o", binary, ".")
	return binary, err
}

// run runs a command to its end and returns what it used and printed. The error of one that fails has its last lines.
func run(ctx context.Context, folder string, env []string, name string, args ...string) (usage.Usage, string, error) {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir, command.Env = folder, append(os.Environ(), env...)
	var printed bytes.Buffer
	command.Stdout, command.Stderr = &printed, &printed
	started := time.Now()
	err := command.Run()
	wall := time.Since(started)
	if err != nil {
		const most = 2_000
		last := printed.Bytes()[max(0, printed.Len()-most):]
		return usage.Usage{}, printed.String(), fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, last)
	}
	return usage.Of(command.ProcessState, wall, printed.Bytes()), printed.String(), nil
}

// contest is one size, ready to be run by each contestant.
type contest struct {
	size     string
	wordings int
	runs     []contestRun // the processes that make up one run: one a contract
}

type contestRun struct {
	contract string // what BENCH_SIZE is set to
	table    string // what BENCH_TABLE is set to
}

// prepare has another process write the plain tables of a size, so that this one stays small: see usage.Of.
func prepare(ctx context.Context, folder, size string) (contest, error) {
	c := contest{size: size}
	contracts := []string{size}
	if size == own {
		contracts = fixtures.Providers()
	}
	self, err := os.Executable()
	if err != nil {
		return c, err
	}
	for _, contract := range contracts {
		table := filepath.Join(folder, "table-"+contract+".json")
		_, printed, err := run(ctx, "", nil, self, "table", contract, table)
		if err != nil {
			return c, err
		}
		wordings, err := strconv.Atoi(strings.TrimSpace(printed))
		if err != nil {
			return c, fmt.Errorf("the table of %s: %w", contract, err)
		}
		c.wordings += wordings
		c.runs = append(c.runs, contestRun{contract, table})
	}
	return c, nil
}

// measure runs a contestant once: all the processes of one run, their usage added, but for the highest of their peaks.
func (b binaries) measure(ctx context.Context, c contest, contestant string) (sum usage.Usage, err error) {
	for _, r := range c.runs {
		used, _, err := b.run(ctx, r, contestant)
		if err != nil {
			return sum, err
		}
		sum.CPU, sum.Wall, sum.Peak = sum.CPU+used.CPU, sum.Wall+used.Wall, max(sum.Peak, used.Peak)
	}
	return sum, nil
}

// run runs a contestant in one process.
func (b binaries) run(ctx context.Context, r contestRun, contestant string) (usage.Usage, string, error) {
	env := []string{"BENCH_SIZE=" + r.contract, "BENCH_TABLE=" + r.table}
	switch contestant {
	case "loopback":
		return run(ctx, "", env, b.plain, "-test.run=^TestLoopback$")
	case "memory":
		return run(ctx, "", env, b.plain, "-test.run=^TestMemory$")
	}
	return runSuite(ctx, env, b.suite, contestant)
}

// runSuite runs the test of a binary that is a Ginkgo suite, or that of subtests.
func runSuite(ctx context.Context, env []string, binary, contestant string) (usage.Usage, string, error) {
	if contestant == "subtests" {
		return run(ctx, "", env, binary, "-test.run=^TestSubtests$")
	}
	used, printed, err := run(ctx, "", env, binary, "-test.run=^TestGinkgo$")
	if err == nil && !strings.Contains(printed, "all honored") {
		err = fmt.Errorf("the suite did not check everything:\n%s", printed)
	}
	return used, printed, err
}

// binaries are the paths of the compiled contestants.
type binaries struct{ suite, plain string }

// table is the plain table of a contract's wordings: every response rendered by Wording.Response beforehand, as
// literals in a test file are, and beside it what is asserted of it, which is not read from that response.
func table(contract *fixtures.Contract, respond func(*fixtures.Wording) fixtures.Response) (cases []plain.Case) {
	for clause := range contract.Clauses() {
		o := clause.Operation
		for _, w := range clause.Wordings {
			response := respond(w)
			c := plain.Case{
				Name: w.ID(), Method: o.Method, Path: strings.TrimPrefix(o.URL(), contract.BaseURL), RequestBody: o.Body,
				ResponseStatus: response.Status, ResponseHeader: response.Header, ResponseBody: response.Body,
				Status: clause.Status, ContentType: contract.Envelope.Header["Content-Type"], Code: w.Code,
				Message: w.Message.Expand(o.Params), RetryAfter: w.Response().Header.Get("Retry-After"),
			}
			for _, d := range w.Details {
				c.Details = append(c.Details, plain.Detail{Code: d.Code, Message: d.Message.Expand(o.Params)})
			}
			cases = append(cases, c)
		}
	}
	return cases
}

// median is the middle of the values, or the mean of the two in the middle. values must not be empty.
func median[T ~int64](values []T) T {
	values = slices.Sorted(slices.Values(values))
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}
