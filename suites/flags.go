package suites

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

// liveRun is how Main was asked for a live run, nil if it was not.
var liveRun *Live

// Main is the TestMain of a suite: it has the flags of a live run, and a flag it doesn't have ends the run with one line, where
// the flag package would print all of Ginkgo's and Go's.
func Main(m *testing.M) {
	asked := flag.Bool("live", false, "ask a sandbox tenant, and not the contract's own answers")
	sandbox := flag.String("sandbox", "", "the `file` that names what a live run may touch")
	provoke := flag.String("provoke", "", "`classes` of clauses that a live run asks beside those that are safe: fixture, racy, tenant")
	strict := flag.Bool("strict", false, "hold a live run to every field, whatever the provider says of it")
	flag.CommandLine.Init(os.Args[0], flag.ContinueOnError)
	flag.CommandLine.SetOutput(io.Discard)
	err := flag.CommandLine.Parse(os.Args[1:])
	flag.CommandLine.SetOutput(os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		flag.Usage()
		os.Exit(0)
	}
	switch {
	case err != nil:
		err = fmt.Errorf("%w: take it out, or put a flag of Ginkgo's before the packages ('go tool ginkgo help run' lists them)", err)
	case flag.NArg() > 0:
		err = fmt.Errorf("%q is no flag: take it out, or write it as --%s", flag.Arg(0), flag.Arg(0))
	case !*asked && (*sandbox != "" || *provoke != "" || *strict):
		err = errors.New("--sandbox, --provoke and --strict are of a live run: add --live")
	case *asked && *sandbox == "":
		err = errors.New("--live needs --sandbox FILE, which names what the run may touch: suites/live/sandbox.example.yaml is an example")
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "engine error: %v\n", err)
		os.Exit(2)
	}
	if *asked {
		liveRun = &Live{Sandbox: fromModule(*sandbox), Strict: *strict}
		if *provoke != "" {
			liveRun.Provoke = strings.Split(*provoke, ",")
		}
	}
	if os.Getenv("GOGC") == "" {
		// A run ends before most of what it allocates could be used again: half the collections save a sixth of its CPU
		// for a few MiB.
		debug.SetGCPercent(200)
	}
	os.Exit(m.Run())
}

// fromModule finds a relative path: a test runs in its package's folder, and its user names the file from the module's.
func fromModule(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	for folder := "."; ; folder = filepath.Join("..", folder) {
		if _, err := os.Stat(filepath.Join(folder, path)); err == nil {
			return filepath.Join(folder, path)
		}
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return path // whoever opens it says that it is not there
		}
		if absolute, err := filepath.Abs(folder); err != nil || absolute == filepath.Dir(absolute) {
			return path
		}
	}
}
