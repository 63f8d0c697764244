package suites

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"regexp/syntax"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/onsi/ginkgo/v2"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/live"
)

// liveRun is how Main was asked for a live run, nil if it was not.
var liveRun *Live

// Main is the TestMain of a suite: it has the flag --report and those of a live run, and a flag it doesn't have ends
// the run with one line, where the flag package would print all of Ginkgo's and Go's.
func Main(m *testing.M) {
	asked := flag.Bool("live", false, "ask a sandbox tenant, and not the contract's own answers")
	sandbox := flag.String("sandbox", "", "the `file` that names what a live run may touch")
	provoke := flag.String("provoke", "", "`classes` of clauses that a live run asks beside those that are safe: fixture, racy, tenant")
	record := flag.String("record", "", "the `folder` in which a live run keeps its answers, redacted")
	replay := flag.String("replay", "", "the `folder` of such a recording, which answers in a tenant's place")
	piece := flag.String("report", "", "the `folder` into which each run writes what came of it, for go tool contract report")
	strict := flag.Bool("strict", false, "hold a live run to every field, whatever the provider says of it")
	flag.CommandLine.Init(os.Args[0], flag.ContinueOnError)
	flag.CommandLine.SetOutput(io.Discard)
	err := flag.CommandLine.Parse(os.Args[1:])
	flag.CommandLine.SetOutput(os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		flag.Usage()
		os.Exit(0)
	}
	switch unknown, isUnknown := strings.CutPrefix(fmt.Sprint(err), "flag provided but not defined: -"); {
	case isUnknown:
		err = fmt.Errorf("there is no flag --%s: take it out, or put a flag of Ginkgo's before the packages "+
			"('go tool ginkgo help run' lists them)", unknown)
	case err != nil:
		err = fmt.Errorf("%w: correct it, or take it out", err)
	case flag.NArg() > 0:
		err = fmt.Errorf("%q is no flag: take it out, or write it as --%s", flag.Arg(0), flag.Arg(0))
	case !*asked && (*sandbox != "" || *provoke != "" || *record != ""):
		err = errors.New("--sandbox, --provoke and --record are of a live run: add --live")
	case *asked && *replay != "":
		err = errors.New("--replay has a recording answer, and --live a tenant: take one out")
	case *strict && !*asked && *replay == "":
		err = errors.New("--strict is of a live run or a replay, for offline every field binds: add --live or --replay")
	case *asked && *sandbox == "":
		err = errors.New("--live needs --sandbox FILE, which names what the run may touch: suites/live/sandbox.example.yaml is an example")
	default:
		err = checkSelection()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "engine error: %v\n", err)
		os.Exit(2)
	}
	reportFolder = fromModule(*piece)
	if *asked || *replay != "" {
		liveRun = &Live{Sandbox: fromModule(*sandbox), Strict: *strict, Record: fromModule(*record), Replay: fromModule(*replay)}
		liveRun.Options.Secrets = live.NewSecrets()
		if *provoke != "" {
			liveRun.Provoke = strings.Split(*provoke, ",")
		}
	}
	if os.Getenv("GOGC") == "" {
		// A run ends before most of what it allocates could be used again: half of the collections costs some MiB. With
		// fewer still, a virtual machine takes longer to give the memory than they took (ci/bench).
		debug.SetGCPercent(200)
	}
	status := m.Run()
	if liveRun != nil {
		status = max(status, liveRun.sweep())
	}
	os.Exit(status)
}

// checkSelection tells a flag of Ginkgo's that is no regular expression: Ginkgo would panic.
func checkSelection() error {
	config, _ := ginkgo.GinkgoConfiguration()
	for name, values := range map[string][]string{"focus": config.FocusStrings, "skip": config.SkipStrings} {
		for _, value := range values {
			var wrong *syntax.Error
			if _, err := regexp.Compile(value); errors.As(err, &wrong) {
				return fmt.Errorf("--%s has %q, which is no regular expression (%s): correct it", name, value, wrong.Code)
			}
		}
	}
	return nil
}

// sweep looks for secrets in everything that the run has left behind, and returns an exit status. What holds one is removed.
func (l *Live) sweep() (status int) {
	_, reporter := ginkgo.GinkgoConfiguration()
	artefacts := []string{reporter.JSONReport, reporter.GoJSONReport, reporter.JUnitReport, reporter.TeamcityReport}
	artefacts = append(slices.DeleteFunc(artefacts, func(path string) bool { return path == "" }), written...)
	if l.Record != "" { // of the folder no more than what the run has written: the rest is its user's
		for _, provider := range fixtures.Providers() {
			artefacts = append(artefacts, live.RecordingFile(l.Record, provider))
		}
	}
	finds, err := l.Options.Secrets.Sweep(artefacts...)
	for _, find := range finds {
		fmt.Fprintf(os.Stderr, "engine error: a secret was left behind, and its file was removed: %s\n", find)
		status = 1
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "engine error: what the run left behind could not be searched for secrets: %v\n", err)
		status = 1
	}
	return status
}

// fromModule is a path that its user names from the module's folder, for a test runs in its package's. It is absolute where
// there is a module, so that texts do not name another from there.
func fromModule(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	for folder := "."; ; folder = filepath.Join("..", folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			if absolute, err := filepath.Abs(filepath.Join(folder, path)); err == nil {
				return absolute
			}
			return filepath.Join(folder, path)
		}
		if absolute, err := filepath.Abs(folder); err != nil || absolute == filepath.Dir(absolute) {
			return path
		}
	}
}
