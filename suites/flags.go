package suites

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"testing"
)

// Main is the TestMain of a suite: a flag it doesn't have ends the run with one line, where the flag package would print
// all of Ginkgo's and Go's.
func Main(m *testing.M) {
	flag.CommandLine.Init(os.Args[0], flag.ContinueOnError)
	flag.CommandLine.SetOutput(io.Discard)
	err := flag.CommandLine.Parse(os.Args[1:])
	flag.CommandLine.SetOutput(os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		flag.Usage()
		os.Exit(0)
	case err != nil:
		fmt.Fprintf(os.Stderr, "engine error: %v: take it out, "+
			"or put a flag of Ginkgo's before the packages ('go tool ginkgo help run' lists them)\n", err)
		os.Exit(2)
	case flag.NArg() > 0:
		fmt.Fprintf(os.Stderr, "engine error: %q is no flag: take it out, or write it as --%s\n", flag.Arg(0), flag.Arg(0))
		os.Exit(2)
	}
	if os.Getenv("GOGC") == "" {
		// A run ends before most of what it allocates could be used again: half the collections save a sixth of its CPU
		// for a few MiB.
		debug.SetGCPercent(200)
	}
	os.Exit(m.Run())
}
