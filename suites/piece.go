package suites

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/onsi/ginkgo/v2/types"

	"github.com/learncontract/learncontract/suites/report"
)

// reportFolder is where each run writes its piece of a report, empty for nowhere.
var reportFolder string

// named is the run as its piece is named, before anything is known of it.
func (s *Suite) named(provider string, config types.SuiteConfig) *report.Run {
	return &report.Run{
		Provider: provider, Client: report.Client{Name: s.Client.Name}, Transport: s.transport(), Tenant: s.tenantName(),
		Selection: withoutFolders(selected(config)),
	}
}

// tenantName is what a live run's tenant is called: its sandbox file is named for it. One that is sandbox.yaml has no name,
// nor has a recording.
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
	if reportFolder == "" {
		return
	}
	r.Scrub(func(text string) string { return withoutFolders(scrub(text)) })
	file, err := r.Write(reportFolder)
	if err != nil {
		fail(engineFailure + err.Error())
	}
	written = append(written, file)
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
