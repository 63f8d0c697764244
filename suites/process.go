package suites

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
	"testing"

	"github.com/onsi/ginkgo/v2"

	"github.com/learncontract/learncontract/suites/internal/offline"
	"github.com/learncontract/learncontract/suites/live"
)

// options are how the suites of a process were asked to run.
type options struct {
	report    string       // the folder of run reports, empty for none
	live      bool         // whether a sandbox tenant responds
	sandbox   string       // the file that names what a live run may touch
	provoke   []string     // classes beside safe
	plan      []string     // digests, one of which a live run's plan must have; nil if none is demanded
	record    string       // the folder in which a live run keeps its responses, redacted; empty for none
	replay    string       // the folder of such a recording, which responds in the tenant's place; empty for none
	strict    bool         // whether every field of a tenant binds
	signIn    live.SignIn  // whose token is sent; nil for what the environment has
	transport live.Options // how live requests are sent; the zero value is right for a real tenant
	err       error        // why they cannot be used
}

// process is what the suites of a process share: its flags, and what was written and is to be printed at its end.
var process = newProcess(flag.CommandLine, offline.GoLive)

type processState struct {
	flags  map[string]flag.Value
	parsed func() options

	mutex   sync.Mutex
	suites  int
	writers map[string]writer // who writes each run report, by its file
	written []string
	waits   bool     // whether Run prints at its end what is last
	last    []string // texts
}

const (
	flagPrefix     = "learncontract."
	reportVariable = "LEARNCONTRACT_REPORT"
)

// noBound is the --max-changes of a run that may send any number of changes.
const noBound = -1

// newProcess defines the flags, with a prefix that nobody else has. Before a live run it calls goLive.
func newProcess(set *flag.FlagSet, goLive func()) *processState {
	p := &processState{flags: map[string]flag.Value{}, writers: map[string]writer{}}
	isLive := set.Bool(flagPrefix+"live", false, "check a sandbox tenant, and not the contract's own responses")
	sandbox := set.String(flagPrefix+"sandbox", "", "the `file` that names what a live run may touch")
	provoke := set.String(flagPrefix+"provoke", "", "`classes` of clauses that a live run provokes beside those that are safe: fixture, notifies, racy, tenant")
	plan := set.String(flagPrefix+"plan", "", "the `digests` of plans, as go tool contract plan prints them: a live run whose plan has none of them is refused")
	readOnly := set.Bool(flagPrefix+"read-only", false, "have a live run send nothing that may change something")
	maxChanges := set.Int(flagPrefix+"max-changes", noBound,
		"how `many` requests that may change something a live run may send, those aside that remove what it has made; -1 is no bound")
	record := set.String(flagPrefix+"record", "", "the `folder` in which a live run keeps its responses, redacted")
	replay := set.String(flagPrefix+"replay", "", "the `folder` of such a recording, which responds in a tenant's place")
	folder := set.String(flagPrefix+"report", os.Getenv(reportVariable), "the `folder` into which each run writes its report, for go tool contract report")
	strict := set.Bool(flagPrefix+"strict", false, "compare every field of a live run exactly, whatever the provider says of it")
	for _, name := range []string{"live", "sandbox", "provoke", "plan", "read-only", "max-changes", "record", "replay", "report", "strict"} {
		p.flags[name] = set.Lookup(flagPrefix + name).Value
	}
	p.parsed = sync.OnceValue(func() options {
		o := options{
			report: fromModule(*folder), live: *isLive, sandbox: fromModule(*sandbox), record: fromModule(*record),
			replay: fromModule(*replay), strict: *strict,
		}
		if *provoke != "" {
			o.provoke = strings.Split(*provoke, ",")
		}
		if *plan != "" {
			o.plan = strings.Split(*plan, ",")
		}
		if o.transport.ReadOnly = *readOnly || *maxChanges == 0; *maxChanges != noBound {
			o.transport.MaxChanges = *maxChanges
		}
		if o.live {
			goLive() // before the first test, and before the environment is read for secrets: it has the proxies again
		}
		if o.live || o.replay != "" {
			o.transport.Secrets = live.NewSecrets()
		}
		o.err = o.check()
		return o
	})
	return p
}

// check fails on options that do not go together.
func (o options) check() error {
	switch {
	case !o.live && (o.sandbox != "" || len(o.provoke) > 0 || o.record != ""):
		return errors.New("--sandbox, --provoke and --record are of a live run: add --live")
	case !o.live && (o.plan != nil || o.transport.ReadOnly || o.transport.MaxChanges != 0):
		return errors.New("--plan, --read-only and --max-changes are of a live run: add --live")
	case o.transport.MaxChanges < 0:
		return fmt.Errorf("--max-changes is %d: give a number from 0", o.transport.MaxChanges)
	case o.live && o.replay != "":
		return errors.New("--replay has a recording respond, and --live a tenant: take one out")
	case o.strict && !o.live && o.replay == "":
		return errors.New("--strict is of a live run or a replay, for offline every field binds: add --live or --replay")
	case o.live && o.sandbox == "":
		return errors.New("--live needs --sandbox FILE, which names what the run may touch: suites/live/sandbox.example.yaml is an example")
	}
	return nil
}

// options are those of the flags, once these are parsed.
func (p *processState) options() options {
	if !flag.Parsed() {
		return options{}
	}
	return p.parsed()
}

func (p *processState) nextSuite() int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.suites++
	return p.suites
}

// printLast prints a text after everything of Ginkgo's, where Run knows the end.
func (p *processState) printLast(text string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.waits {
		p.last = append(p.last, text)
		return
	}
	fmt.Print(text)
}

// wait has printLast keep its texts until the function that it returns prints them, unless somebody waits already.
func (p *processState) wait() (printAll func()) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.waits {
		return func() {}
	}
	p.waits = true
	return func() {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		for _, text := range p.last {
			fmt.Print(text)
		}
		p.waits, p.last = false, nil
	}
}

// prepareProcess sets, before the tests begin, what Ginkgo and testing are asked by flags only: no colours where there are none to
// be, for Ginkgo itself knows neither NO_COLOR nor a pipe; and a failure of a client that ends the process with status 0, as go test
// has it and the ginkgo command has not.
func prepareProcess() {
	testing.Init()
	_ = flag.Set("test.paniconexit0", "true") // the flags are there
	if !isColoured() {
		_ = flag.Set("ginkgo.no-color", "true")
	}
}

// writer is who writes a run report.
type writer struct {
	name string
	t    *testing.T // nil for a Ginkgo suite
}

// addWritten notes a file that a run writes, in which no secret may be left.
func (p *processState) addWritten(file string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.written = append(p.written, file)
}

// takeFile notes that somebody writes a run report into the file, and fails if somebody else does. A test that go test runs again
// (-count) writes it anew.
func (p *processState) takeFile(file string, w writer) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if other, taken := p.writers[file]; taken && (other.name != w.name || other.t == w.t) {
		return fmt.Errorf("%s and %s would write the same run report, %s: give each client a Name of its own", other.name, w.name, file)
	}
	p.writers[file] = w
	p.written = append(p.written, file)
	return nil
}

// Run is for a TestMain: os.Exit(suites.Run(m)). It runs the tests, and adds to what works without it: flags without their prefix,
// where nobody else has defined them; one line for a flag that there is not, where the flag package prints all of Ginkgo's and Go's;
// the causes of failures after everything of Ginkgo's; and of a live run a last look for secrets in all that was written.
func Run(m *testing.M) (status int) {
	if !flag.Parsed() {
		for name, value := range process.flags {
			if flag.Lookup(name) == nil {
				flag.Var(value, name, flag.Lookup(flagPrefix+name).Usage)
			}
		}
		if err := parseFlags(); err != nil {
			fmt.Fprintf(os.Stderr, "engine error: %v\n", err)
			return 2
		}
	}
	o := process.options()
	err := o.err
	if err == nil {
		err = checkSelection()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "engine error: %v\n", err)
		return 2
	}
	prepareProcess()
	printLast := process.wait()
	status = m.Run()
	printLast()
	if o.transport.Secrets != nil {
		status = max(status, process.sweep(o))
	}
	return status
}

// parseFlags parses the command line. Its error says how to correct it.
func parseFlags() error {
	handling := flag.CommandLine.ErrorHandling()
	flag.CommandLine.Init(os.Args[0], flag.ContinueOnError)
	flag.CommandLine.SetOutput(io.Discard)
	err := flag.CommandLine.Parse(os.Args[1:])
	flag.CommandLine.SetOutput(os.Stderr)
	flag.CommandLine.Init(os.Args[0], handling)
	if errors.Is(err, flag.ErrHelp) {
		flag.Usage()
		os.Exit(0)
	}
	switch unknown, isUnknown := strings.CutPrefix(fmt.Sprint(err), "flag provided but not defined: -"); {
	case isUnknown && flag.Lookup("ginkgo."+unknown) != nil:
		return fmt.Errorf("there is no flag --%s: with go test it is --ginkgo.%s, and ginkgo run has it before the packages", unknown, unknown)
	case isUnknown:
		return fmt.Errorf("there is no flag --%s: take it out, or put a flag of Ginkgo's before the packages "+
			"('go tool ginkgo help run' lists them)", unknown)
	case err != nil:
		return fmt.Errorf("%w: correct it, or take it out", err)
	case flag.NArg() > 0:
		return fmt.Errorf("%q is no flag: take it out, or write it as --%s", flag.Arg(0), flag.Arg(0))
	}
	return nil
}

// checkSelection fails on a flag of Ginkgo's that is no regular expression: Ginkgo would panic.
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

// sweep looks for secrets in everything that the process has left behind, and returns an exit status. A file that has one is
// removed.
func (p *processState) sweep(o options) (status int) {
	_, reporter := ginkgo.GinkgoConfiguration()
	var artefacts []string
	for _, path := range append([]string{reporter.JSONReport, reporter.GoJSONReport, reporter.JUnitReport, reporter.TeamcityReport}, p.written...) {
		if path != "" {
			artefacts = append(artefacts, path)
		}
	}
	finds, err := o.transport.Secrets.Sweep(artefacts...)
	for _, find := range finds {
		printAtEnd(fmt.Sprintf("engine error: a secret was left behind, and its file was removed: %s\n", find))
		status = 1
	}
	if err != nil {
		printAtEnd(fmt.Sprintf("engine error: what the run left behind could not be searched for secrets: %v\n", err))
		status = 1
	}
	return status
}

// printAtEnd prints a text after Ginkgo's end. Of what one of several processes prints then, the ginkgo command shows nothing, so it
// is sent the text as Ginkgo sends it the output of specs.
func printAtEnd(text string) {
	fmt.Fprint(os.Stderr, text)
	config, _ := ginkgo.GinkgoConfiguration()
	if config.ParallelTotal <= 1 {
		return
	}
	if command, err := rpc.DialHTTPPath("tcp", config.ParallelHost, "/"); err == nil {
		_ = command.Call("Server.EmitOutput", []byte(text), new(int)) // the exit status says that something is wrong
		_ = command.Close()
	}
}
