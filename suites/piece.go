package suites

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"

	"github.com/learncontract/learncontract/suites/report"
)

// reportFolder is where each run writes its piece of a report, empty for nowhere.
var reportFolder string

// named is the run as its piece is named, before anything is known of it.
func (s *Suite) named(provider string, config types.SuiteConfig) *report.Run {
	return &report.Run{
		Provider: provider, Client: report.Client{Name: s.Client.Name}, Transport: s.transport(), Tenant: s.tenantName(),
		Selection: withoutFolders(s.selection(config)),
	}
}

// selection are the flags that say what is asked, and how strictly.
func (s *Suite) selection(config types.SuiteConfig) string {
	flags := []string{selected(config)}
	if s.Live != nil {
		if len(s.Live.Provoke) > 0 {
			flags = append(flags, "--provoke="+strings.Join(s.Live.Provoke, ","))
		}
		if s.Live.Strict {
			flags = append(flags, "--strict")
		}
	}
	return strings.TrimSpace(strings.Join(flags, " "))
}

// tenantName is what a live run's tenant is called: its sandbox file is named for it. One that is sandbox.yaml has no
// name, nor has a recording.
func (s *Suite) tenantName() string {
	if s.transport() != report.Live {
		return ""
	}
	name := filepath.Base(s.Live.Sandbox)
	name = strings.TrimSuffix(name, filepath.Ext(name))
	if name == "sandbox" || name == "." {
		return ""
	}
	return name
}

// versions are those of what ran: the language, and this module as its user's module has it.
func versions() map[string]string {
	all := map[string]string{"go": runtime.Version()}
	const module = "github.com/learncontract/learncontract"
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, m := range append([]*debug.Module{&build.Main}, build.Deps...) {
			if m.Path == module {
				all["learncontract"] = cmp.Or(m.Version, "(devel)")
			}
		}
	}
	return all
}

// write writes the piece of a report, if one is asked for.
func (s *Suite) write(r *report.Report) {
	if err := keep(r); err != nil {
		fail(engineFailure + err.Error())
	}
}

func keep(r *report.Report) error {
	if reportFolder == "" {
		return nil
	}
	r.Scrub(func(text string) string { return withoutFolders(scrub(text)) })
	file, err := r.Write(reportFolder)
	if err == nil {
		written = append(written, file)
	}
	return err
}

// forget removes the piece that the run's last time has left: if the run ends early, that must not speak for it. Of
// several processes one does so.
func (s *Suite) forget(config types.SuiteConfig) {
	if reportFolder != "" && writes(config) {
		file := filepath.Join(reportFolder, s.named(s.Contract.Provider, config).FileName())
		_ = os.Remove(file) // there may be none, and one that cannot be removed cannot be written
	}
}

// writes reports whether this process is one that writes pieces.
func writes(config types.SuiteConfig) bool { return config.ParallelProcess == 1 && !config.DryRun }

// cannotBegin ends the test before it has asked anything, and has the piece of the report say why.
func (s *Suite) cannotBegin(t *testing.T, why string) {
	t.Helper()
	config, _ := ginkgo.GinkgoConfiguration()
	s.forget(config)
	problem := engineFailure + why
	if writes(config) && len(s.Contract.Operations) > 0 {
		r := s.gather(ginkgo.Report{
			StartTime: time.Now(), SuiteConfig: config, SpecialSuiteFailureReasons: []string{setUpFailed},
		})
		r.Runs[0].Problems = append(r.Runs[0].Problems, problem)
		if err := keep(r); err != nil {
			problem += "\n" + err.Error()
		}
	}
	t.Fatal(problem)
}

// written are the files that this process has written.
var written []string

// goFile is where a stack has a function.
var goFile = regexp.MustCompile(`(?:[A-Za-z]:)?[/\\][^\s:"]*[/\\]([^\s/\\:"]+\.go:\d+)`)

// withoutFolders is a text without the folders of this machine, which are nobody's else.
func withoutFolders(text string) string {
	if strings.Contains(text, ".go:") {
		text = goFile.ReplaceAllString(text, "$1")
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
