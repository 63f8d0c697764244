package suites

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/collect"
	"github.com/learncontract/learncontract/suites/internal/verdict"
	"github.com/learncontract/learncontract/suites/report"
)

// Describe registers the specs of the provider for a client in the Ginkgo suite of the package, below a container of the text. The
// suite's set-up, flags and reports stay its own. At the suite's end it prints what was covered, and why specs failed: last of all
// with Run or RunSpecs, and before Ginkgo's own summary with neither, for Ginkgo runs nothing after that. A set-up that is wrong is
// one failing spec that says why. The result is for a variable at package level.
func (p Provider) Describe(text string, config client.Config) bool {
	const caller = 2 // of graph.Describe
	prepareProcess()
	s := p.newRun(config, process.options())
	place := types.NewCodeLocation(caller)
	ginkgo.ReportAfterSuite("what "+config.Name+" came to", func(ctx ginkgo.SpecContext, r ginkgo.Report) { s.finishGinkgo(ctx, r) },
		ginkgo.NodeTimeout(2*cleanUpTime), ginkgo.GracePeriod(cleanUpTime))
	return ginkgo.Describe(text, ginkgo.Offset(caller), func() {
		s.setOptions(process.options()) // the flags are parsed now
		s.run = s.newReport(selectionOf(ginkgo.GinkgoConfiguration()))
		s.run.Rerun = "go test " + testPackage() + " -ginkgo.label-filter='clause:{clause}'"
		s.deadline, s.limit = ginkgoDeadline()
		s.problem = s.setUp(writer{name: fmt.Sprintf("the suite %q (%s)", text, filepath.Base(place.String()))})
		endGinkgo(s.ends)
		if s.problem != nil {
			ginkgo.It("can be called", place, func() { ginkgo.Fail("engine error: " + s.mask(s.problem.Error())) })
			return
		}
		s.registerGinkgo()
	})
}

// endGinkgo has Ginkgo end the suite's specs at the time, which is zero for never, or before.
func endGinkgo(ends time.Time) {
	config, _ := ginkgo.GinkgoConfiguration()
	if left := time.Until(ends); !ends.IsZero() && (config.Timeout == 0 || left < config.Timeout) {
		_ = flag.Set("ginkgo.timeout", left.String()) // the flag is there, and the tree is built before Ginkgo reads it
	}
}

// RunSpecs runs the Ginkgo suite of a package that has no specs but those of Describe: a selection that matches no spec fails.
func RunSpecs(t *testing.T, description string) {
	t.Helper()
	gomega.RegisterFailHandler(ginkgo.Fail)
	config, reporter := ginkgo.GinkgoConfiguration()
	config.FailOnEmpty = true
	reporter.NoColor = reporter.NoColor || !isColoured()
	printLast := process.wait()
	defer printLast()
	ginkgo.RunSpecs(t, description, config, reporter)
}

// specTime bounds a spec in real time, of which one takes milliseconds, on however busy a machine.
const specTime = time.Minute

// perContainer is the number of specs in a container: Ginkgo's time grows with the square of a flat tree's size (ci/bench).
const perContainer = 100

// registerGinkgo registers the specs, those of an operation in containers of its own.
func (s *suiteRun) registerGinkgo() {
	for left := s.suite.specs; len(left) > 0; {
		first, n := left[0], 1
		for n < len(left) && n < perContainer && left[n].operation == first.operation && left[n].line == first.line {
			n++
		}
		chunk := left[:n]
		left = left[n:]
		text, labels := "offline", []string{"provider:" + s.suite.Contract.Provider}
		if first.operation != nil {
			text, labels = first.operation.Method+" "+first.operation.Path, operationLabels(first.operation)
		}
		decorators := []any{types.CodeLocation{FileName: first.file, LineNumber: first.line}}
		if s.suite.live {
			decorators = append(decorators, ginkgo.Serial) // they share a tenant, its quota, and what is made in it
		}
		ginkgo.Describe(text, append(decorators, ginkgo.Label(labels...), func() {
			for _, sp := range chunk {
				s.registerSpec(sp)
			}
		})...)
	}
}

func (s *suiteRun) registerSpec(sp *spec) {
	title, timeout := sp.Title, specTime
	if s.suite.live {
		timeout = provokeTime
	}
	if sp.Kind == report.Success {
		title = "responds " + fixtures.StatusLine(sp.operation.Success.Status) + " where nothing fails"
	}
	decorators := []any{ginkgo.Label(sp.labels...), ginkgo.SpecTimeout(timeout)}
	if sp.clause != nil {
		decorators = append(decorators, types.CodeLocation{FileName: sp.clause.File, LineNumber: sp.clause.Line})
	}
	ginkgo.It(title, append(decorators, func(ctx ginkgo.SpecContext) {
		record := &collect.Record{Suite: s.id, Spec: sp.Spec}
		if s.suite.live {
			defer reportWaiting()()
		}
		ginkgo.AddReportEntry(entryName, record, types.CodeLocation{}, ginkgo.ReportEntryVisibilityNever)
		s.execute(sp, record, front{
			ctx:  ctx,
			fail: func(text string, callerSkip int) { ginkgo.Fail(text, callerSkip+1) },
			skip: func(reason string) { ginkgo.Skip(reason, 2) },
			// A node of its own: it runs after a failure, a panic, a time-out and an interruption, too.
			cleanup: func(f func(context.Context) error) {
				ginkgo.DeferCleanup(func(ctx ginkgo.SpecContext) {
					if err := f(ctx); err != nil {
						ginkgo.Fail("engine error: " + s.mask(err.Error())) // beside the verdict, which stands
					}
				}, ginkgo.NodeTimeout(cleanUpTime), ginkgo.GracePeriod(cleanUpTime))
			},
		})
	})...)
}

// entryName names the one report entry that a spec leaves behind.
const entryName = "learncontract"

// recordsOf are the records of the suite's specs that ran.
func (s *suiteRun) recordsOf(r ginkgo.Report) (records []collect.Record) {
	for i := range r.SpecReports {
		sp := &r.SpecReports[i]
		for _, entry := range sp.ReportEntries {
			if entry.Name != entryName {
				continue
			}
			if record, ok := recordIn(entry); ok && record.Suite == s.id {
				records = append(records, judged(record, sp))
			}
		}
	}
	return records
}

// recordIn is the record of a report entry, which another process may have sent as JSON.
func recordIn(entry types.ReportEntry) (record collect.Record, ok bool) {
	if pointer, ok := entry.GetRawValue().(*collect.Record); ok {
		return *pointer, true
	}
	err := json.Unmarshal([]byte(entry.Value.AsJSON), &record)
	return record, err == nil
}

// judged is the record of a spec that ran, with the verdict that what Ginkgo saw adds: a panic, a time-out, or a failed clean-up.
func judged(record collect.Record, sp *types.SpecReport) collect.Record {
	if !sp.State.Is(types.SpecStateFailureStates) {
		if record.Verdict == nil {
			v := verdict.EngineError(errors.New("the spec ended without a verdict"))
			record.Verdict = &v
		}
		return record
	}
	var texts []string
	failures := []types.Failure{sp.Failure}
	if record.Verdict != nil && record.Verdict.Outcome.Fails() {
		failures = nil // the verdict has it
		texts = append(texts, record.Verdict.Text)
	}
	for _, additional := range sp.AdditionalFailures {
		failures = append(failures, additional.Failure)
	}
	for _, failure := range failures {
		texts = append(texts, strings.TrimRight(failure.Message+"\n"+failure.ForwardedPanic, "\n"))
	}
	text := strings.Join(slices.Compact(texts), "\n\n")
	if record.Verdict == nil || !record.Verdict.Outcome.Fails() {
		v := verdict.EngineError(errors.New(strings.TrimPrefix(text, "engine error: ")))
		record.Verdict = &v
		return record
	}
	v := *record.Verdict
	v.Text = text
	record.Verdict = &v
	return record
}

// finishGinkgo reports, at the end of the suite, what came of it.
func (s *suiteRun) finishGinkgo(ctx context.Context, r ginkgo.Report) {
	leftBehind := s.closeTenant(ctx)
	problems := slices.Clone(leftBehind)
	if r.SuiteConfig.DryRun {
		fmt.Printf("\n%s %s: dry run, nothing called\n", s.suite.Contract.Provider, s.suite.Contract.API)
		return
	}
	if s.run == nil { // the tree was not built
		return
	}
	if secret := s.findSecret(r); secret != nil {
		leftBehind = append(leftBehind, secret)
		problems = append(problems, secret)
	}
	records := s.recordsOf(r)
	if len(records) == 0 && s.problem == nil {
		if !r.SuiteConfig.FailOnEmpty || r.PreRunStats.SpecsThatWillRun > 0 {
			return // the selection is of other suites' specs
		}
		problems = append(problems, s.emptySelection(r.SuiteConfig))
	}
	left := "the selection left them out"
	if len(r.SpecialSuiteFailureReasons) > 0 && len(records) > 0 || r.SuiteConfig.FailFast && !r.SuiteSucceeded {
		left = "the run ended early"
	}
	s.run.Start, s.run.Seconds = r.StartTime, r.RunTime.Seconds()
	text, err := s.finish(records, left, problems)
	err = cmp.Or(err, errors.Join(leftBehind...))
	if r.SuiteConfig.ParallelTotal > 1 {
		fmt.Print(text)
	} else {
		process.printLast(text)
	}
	if err != nil {
		ginkgo.Fail("engine error: " + s.mask(err.Error()))
	}
}

// findSecret is the error of a secret in what specs have printed by Ginkgo, or, of several processes, at all; nil if there is none.
// What has been printed cannot be masked any more.
func (s *suiteRun) findSecret(r ginkgo.Report) error {
	if s.options.transport.Secrets == nil {
		return nil
	}
	for i := range r.SpecReports {
		text, _ := json.Marshal(&r.SpecReports[i]) // Ginkgo writes it so itself
		finds, _ := s.options.transport.Secrets.Find("what the spec "+r.SpecReports[i].FullText()+" prints", bytes.NewReader(text))
		if len(finds) > 0 {
			return fmt.Errorf("%s holds %s, which the console, or what has kept it, shows: remove it there, revoke the secret, and have the client print no response as it is",
				finds[0].Artefact, finds[0].Kind)
		}
	}
	return nil
}

// selectionOf are Ginkgo's flags that select specs, "" where none does.
func selectionOf(config types.SuiteConfig, _ types.ReporterConfig) string {
	var selection []string
	for flag, values := range map[string][]string{
		"label-filter": {config.LabelFilter}, "sem-ver-filter": {config.SemVerFilter},
		"focus": config.FocusStrings, "skip": config.SkipStrings,
		"focus-file": config.FocusFiles, "skip-file": config.SkipFiles,
	} {
		for _, value := range values {
			if value != "" {
				selection = append(selection, fmt.Sprintf("--%s=%q", flag, value))
			}
		}
	}
	slices.Sort(selection)
	return strings.Join(selection, " ")
}

// emptySelection is the problem of a selection that matches no spec, with how to fix it.
func (s *suiteRun) emptySelection(config types.SuiteConfig) error {
	return fmt.Errorf("no spec of %s matches %s: %s", s.suite.Contract.Provider, selectionOf(config, types.ReporterConfig{}), s.suggestSelection(config.LabelFilter))
}

// suggestSelection proposes another provider that has what the label filter selects, and the labels that there are otherwise.
func (s *suiteRun) suggestSelection(labelFilter string) string {
	filter, err := types.ParseLabelFilter(labelFilter)
	for _, provider := range fixtures.Providers() {
		other, loadErr := fixtures.Load(provider)
		if labelFilter == "" || err != nil || loadErr != nil || provider == s.suite.Contract.Provider {
			continue
		}
		selected := slices.ContainsFunc(other.Operations, func(o *fixtures.Operation) bool {
			return filter(slices.Concat(operationLabels(o), successLabels(o))) || slices.ContainsFunc(o.Clauses, func(c *fixtures.Clause) bool {
				return filter(slices.Concat(operationLabels(o), clauseLabels(c)))
			})
		})
		if selected {
			return fmt.Sprintf("it selects specs of %s, so run the suite of that alone", provider)
		}
	}
	return fmt.Sprintf("select by provider:, action:, status:, clause:, success:, retries:, instance: or case:, such as --label-filter=%q",
		"clause:"+s.suite.Contract.Operations[0].Clauses[0].ID)
}
