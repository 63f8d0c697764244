package suites

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/onsi/ginkgo/v2"

	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/internal/collect"
	"github.com/learncontract/learncontract/suites/report"
)

// newReport is what is known of the run before it begins. It names the run's report.
func (s *suiteRun) newReport(selection string) *report.Run {
	flags := []string{selection}
	if s.suite.live && len(s.options.provoke) > 0 {
		flags = append(flags, "--provoke="+strings.Join(s.options.provoke, ","))
	}
	if s.suite.live && s.options.transport.ReadOnly {
		flags = append(flags, "--read-only")
	}
	if s.suite.live && s.options.strict {
		flags = append(flags, "--strict")
	}
	return &report.Run{
		Provider: s.provider.Name, Client: report.Client{Name: s.config.Name}, Transport: s.transport(), Tenant: s.tenantName(),
		Selection: withoutFolders(strings.TrimSpace(strings.Join(flags, " "))), Strict: s.suite.live && s.options.strict,
		Start: time.Now(), Versions: versions(),
	}
}

func (s *suiteRun) transport() report.Transport {
	switch {
	case s.options.replay != "":
		return report.Replay
	case s.options.live:
		return report.Live
	}
	return report.Offline
}

// tenantName is what a live run's tenant is called: its sandbox file is named for it. One that is sandbox.yaml has no name, nor
// has a recording.
func (s *suiteRun) tenantName() string {
	if s.transport() != report.Live {
		return ""
	}
	name := filepath.Base(s.options.sandbox)
	name = strings.TrimSuffix(name, filepath.Ext(name))
	if name == "sandbox" || name == "." {
		return ""
	}
	return name
}

// versions are those of what ran: the language, and this module as its user's module has it.
func versions() map[string]string {
	_, file, _, _ := runtime.Caller(0)
	return map[string]string{"go": runtime.Version(), "learncontract": versionIn(filepath.ToSlash(file))}
}

// versionIn is this module's version in the path that a file of it was compiled from: a binary of tests names no dependencies. The
// path of a checkout has none.
func versionIn(file string) string {
	const module = "github.com/learncontract/learncontract"
	if _, after, found := strings.Cut(file, module+"@"); found {
		version, _, _ := strings.Cut(after, "/")
		return version
	}
	if strings.Contains(file, "/vendor/"+module+"/") {
		return "(vendored)"
	}
	return "(devel)"
}

// finish makes the run's report, writes it if that is asked for, and returns what to print: what was covered, and, last, why specs
// failed. Problems are what is wrong with the set-up. The error is that of a report that cannot be written, or of a run that does
// not test what it claims to.
func (s *suiteRun) finish(records []collect.Record, left string, problems []error) (text string, err error) {
	if s.problem != nil {
		left = "the set-up failed"
		problems = append(problems, s.problem)
	}
	run := s.run
	run.Start = run.Start.UTC().Truncate(time.Millisecond)
	if run.Seconds == 0 {
		run.Seconds = time.Since(s.began).Seconds()
	}
	run.Seconds = time.Duration(run.Seconds * float64(time.Second)).Round(time.Millisecond).Seconds()
	if s.suite.tenant != nil {
		run.Requests = s.suite.tenant.Spent()
	}
	places := map[string]int{} // the specs may have run in any order
	for i, sp := range s.suite.specs {
		places[sp.ID] = i
	}
	slices.SortStableFunc(records, func(a, b collect.Record) int { return places[a.Spec.ID] - places[b.Spec.ID] })
	isReference := s.config.Name == wire.Config().Name
	r := collect.Collect(collect.Run{
		Run: run, Client: s.suite.judge.Client, Errata: s.suite.judge.Own(), Today: s.suite.judge.Today, Left: left, Cases: s.suite.cases,
		Quick: s.options.report == "" && isReference,
	}, records)
	if s.suite.tenant != nil && s.problem == nil {
		if err = collect.ImplausibleRun(run.Results); err != nil {
			err = fmt.Errorf("%w: %w", errImplausible, err)
			problems = append(problems, err)
		}
	}
	for _, problem := range problems {
		text, _, _ := strings.Cut(problem.Error(), "\ngoroutine ") // a panic's stack
		run.Problems = append(run.Problems, "engine error: "+s.mask(text))
	}
	var printed strings.Builder
	console := report.Console{Colour: isColoured()}
	printed.WriteString("\n")
	if s.problem == nil {
		err = cmp.Or(err, console.WriteCoverage(&printed, r, run))
		ran := slices.IndexFunc(run.Results, func(r *report.Result) bool { return r.Ran > 0 })
		if ran >= 0 && slices.ContainsFunc(run.Results[ran+1:], func(r *report.Result) bool { return r.Ran > 0 }) && !isReference {
			err = cmp.Or(err, report.WriteLookAlikes(&printed, run))
		}
	}
	err = cmp.Or(err, console.WriteCauses(&printed, r, run))
	return printed.String(), cmp.Or(s.write(r), err)
}

// isColoured reports whether output may have colours: into a terminal, unless --no-color or NO_COLOR says otherwise.
func isColoured() bool {
	_, reporter := ginkgo.GinkgoConfiguration()
	return !reporter.NoColor && report.IsTerminal(os.Stdout)
}

// write writes the run's report, if one is asked for.
func (s *suiteRun) write(r *report.Report) error {
	if s.file == "" {
		return nil
	}
	r.Scrub(func(text string) string { return withoutFolders(s.mask(text)) })
	_, err := r.Write(s.options.report)
	return err
}

// takeReport takes the file of the run's report, and removes what the run's last time has left: if the run ends early, that must not
// speak for it. It fails if somebody else has taken the file.
func (s *suiteRun) takeReport(w writer) error {
	if s.options.report == "" || !isReporting() {
		return nil
	}
	file := filepath.Join(s.options.report, s.run.FileName())
	if err := process.takeFile(file, w); err != nil {
		return err
	}
	s.file = file
	_ = os.Remove(file) // what cannot be removed cannot be written
	return nil
}

// isReporting reports whether this process is one that writes run reports.
func isReporting() bool {
	config, _ := ginkgo.GinkgoConfiguration()
	return config.ParallelProcess <= 1 && !config.DryRun
}

// fromModule is a path that its user names from the module's folder, for a test runs in its package's. It is absolute where there
// is a module, so that texts do not name another from there.
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

// Where a stack, or a sentence, has a Go file. A line of a stack has nothing before the path, which may have spaces.
var (
	stackLine = regexp.MustCompile(`(?m)^([ \t]+)(?:[A-Za-z]:)?[/\\].*[/\\]([^/\\:]+\.go:\d+)`)
	goFile    = regexp.MustCompile(`(?:[A-Za-z]:)?[/\\][^\s:"]*[/\\]([^\s/\\:"]+\.go:\d+)`)
)

// withoutFolders is a text without the folders of this machine, which are nobody's else.
func withoutFolders(text string) string {
	if strings.Contains(text, ".go:") {
		text = goFile.ReplaceAllString(stackLine.ReplaceAllString(text, "$1$2"), "$1")
	}
	return folders.Replace(text)
}

// folders are this user's, as texts have them.
var folders = func() *strings.Replacer {
	var pairs []string
	if folder, err := filepath.Abs(fromModule(".")); err == nil && len(folder) > 1 {
		pairs = append(pairs, folder+string(filepath.Separator), "")
	}
	if home, err := os.UserHomeDir(); err == nil && len(home) > 1 {
		pairs = append(pairs, home+string(filepath.Separator), "~"+string(filepath.Separator))
	}
	return strings.NewReplacer(pairs...)
}()
