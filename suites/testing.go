package suites

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/collect"
	"github.com/learncontract/learncontract/suites/internal/verdict"
)

// Test runs the specs of the provider for a client as subtests of t, one a clause: "TestGraphErrors/graph.update.throttled", and
// below it one a wording or behaviour where there are several. They use nothing of Ginkgo, so every flag of go test works, and t may
// be parallel. A test that fails logs its causes last.
func (p Provider) Test(t *testing.T, config client.Config) {
	t.Helper()
	s := p.newRun(config, process.options())
	s.run = s.newReport(testSelection(t.Name()))
	s.run.Rerun = rerunTest(t.Name())
	ctx, stop := context.Background(), func() {}
	var records []*collect.Record
	s.deadline, _ = t.Deadline()
	s.limit = "go test's -timeout"
	if s.problem = s.setUp(writer{t.Name(), t}); s.problem == nil {
		if s.suite.live {
			ctx, stop = s.endingEarly()
		}
		for _, group := range grouped(s.suite.specs) {
			t.Run(group.name, func(t *testing.T) {
				run := func(t *testing.T, sp *spec) { //nolint:thelper // it is the subtest
					record := &collect.Record{Suite: s.id, Spec: sp.Spec}
					records = append(records, record)
					s.runSubtest(ctx, t, sp, record)
				}
				if len(group.specs) == 1 {
					run(t, group.specs[0])
					return
				}
				for _, sp := range group.specs {
					t.Run(sp.below(group.name), func(t *testing.T) { run(t, sp) })
				}
			})
		}
	}
	ended := context.Cause(ctx)
	stop()
	left := "the selection left them out"
	if failFast := flag.Lookup("test.failfast"); t.Failed() && failFast != nil && failFast.Value.String() == "true" || ended != nil {
		left = "the run ended early"
	}
	problems := s.closeTenant(context.Background())
	if ended != nil {
		problems = append(problems, fmt.Errorf("the run ended early: %w", ended))
	}
	text, err := s.finish(completed(records), left, problems)
	if s.problem != nil {
		t.Fatal("engine error: " + s.mask(s.problem.Error()))
	}
	if len(records) == 0 && s.run.Selection != "" && !t.Failed() {
		t.Skipf("no spec of %s matches %s: nothing was checked", s.provider.Name, s.run.Selection)
	}
	t.Log("\n" + text)
	if err != nil {
		t.Error("engine error: " + s.mask(err.Error()))
	} else if len(problems) > 0 {
		t.Fail() // the text says why
	}
}

// endingEarly is the context of a live run, which an interruption ends, and the run's end before it is given up: so that it cleans up.
func (s *suiteRun) endingEarly() (ctx context.Context, stop func()) {
	ctx, ignore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if s.ends.IsZero() {
		return ctx, ignore
	}
	ctx, cancel := context.WithDeadlineCause(ctx, s.ends, fmt.Errorf("%w: the test's -timeout is near, give it more", context.DeadlineExceeded))
	return ctx, func() { cancel(); ignore() }
}

// runSubtest runs a spec as a test.
func (s *suiteRun) runSubtest(ctx context.Context, t *testing.T, sp *spec, record *collect.Record) { //nolint:thelper // see logAt
	if s.suite.live {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, provokeTime)
		defer cancel()
	}
	s.execute(sp, record, front{
		ctx: ctx,
		fail: func(text string, callerSkip int) {
			file, line := sp.file, sp.line
			if callerSkip > 0 {
				_, file, line, _ = runtime.Caller(callerSkip + 1)
			}
			logAt(t, file, line, "\n"+text)
			t.FailNow()
		},
		skip: func(reason string) { logAt(t, sp.file, sp.line, reason); t.SkipNow() },
		cleanup: func(f func(context.Context) error) {
			t.Cleanup(func() {
				if err := f(context.Background()); err != nil {
					text := "engine error: " + s.mask(err.Error())
					record.Verdict = withFailedCleanUp(record.Verdict, text)
					t.Error(text) // beside the verdict, which stands
				}
			})
		},
	})
}

// logAt logs a text as t.Log does, at a place of its own: marking every function on the way as a helper would take a twentieth of a
// run.
func logAt(t *testing.T, file string, line int, text string) { //nolint:thelper // it marks none
	if fullPath := flag.Lookup("test.fullpath"); fullPath == nil || fullPath.Value.String() != "true" {
		file = filepath.Base(file)
	}
	_, _ = fmt.Fprintf(t.Output(), "%s:%d: %s\n", file, line, strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    "))
}

// withFailedCleanUp is a verdict beside which the clean-up failed.
func withFailedCleanUp(v *verdict.Verdict, text string) *verdict.Verdict {
	if v == nil || !v.Outcome.Fails() {
		failed := verdict.EngineError(errors.New(strings.TrimPrefix(text, "engine error: ")))
		return &failed
	}
	both := *v
	both.Text += "\n\n" + text
	return &both
}

// completed are the records, each with a verdict.
func completed(pointers []*collect.Record) []collect.Record {
	records := make([]collect.Record, len(pointers))
	for i, record := range pointers {
		records[i] = *record
		if record.Verdict == nil {
			v := verdict.EngineError(errors.New("the subtest ended without a verdict"))
			records[i].Verdict = &v
		}
	}
	return records
}

// group is the specs of a clause, or of a check that is of none.
type group struct {
	name  string
	specs []*spec
}

// grouped has the specs of a clause together, in the order of the first of each.
func grouped(specs []*spec) (groups []*group) {
	byName := map[string]*group{}
	for _, sp := range specs {
		name := sp.group()
		if byName[name] == nil {
			byName[name] = &group{name: name}
			groups = append(groups, byName[name])
		}
		byName[name].specs = append(byName[name].specs, sp)
	}
	return groups
}

// group names the subtest that the spec is of: that of its clause.
func (sp *spec) group() string {
	if sp.Clause != "" {
		return sp.Clause
	}
	if kind, id, ok := strings.Cut(sp.ID, ":"); ok { // success:graph.get
		return id + "." + kind
	}
	return sp.ID
}

// below names the spec's own subtest below its group: the edition and the reading of a wording, or the key of a case.
func (sp *spec) below(group string) string {
	if sp.Case != "" {
		return sp.Case
	}
	isSeparator := func(r rune) bool { return r == '@' || r == '#' }
	return cmp.Or(strings.Join(strings.FieldsFunc(strings.TrimPrefix(sp.ID, group), isSeparator), "."), "documented")
}

// testSelection are the flags of go test that select subtests of a test, "" where none does.
func testSelection(test string) string {
	var selection []string
	for _, name := range []string{"run", "skip"} {
		if f := flag.Lookup("test." + name); f != nil && strings.Count(f.Value.String(), "/") > strings.Count(test, "/") {
			selection = append(selection, fmt.Sprintf("-%s=%q", name, f.Value.String()))
		}
	}
	return strings.Join(selection, " ")
}

// rerunTest is the command line that runs one clause of a test again.
func rerunTest(test string) string {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(test), "/", "$/^")
	return fmt.Sprintf("go test %s -run %s", testPackage(), shellQuoted("^"+pattern+"$/^{clause}$"))
}

// testPackage is the import path of the package under test, by which go test runs it from everywhere in its module.
func testPackage() string {
	if build, ok := debug.ReadBuildInfo(); ok && strings.HasSuffix(build.Path, ".test") {
		return strings.TrimSuffix(build.Path, ".test")
	}
	return "."
}

func shellQuoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
