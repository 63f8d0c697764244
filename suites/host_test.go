package suites_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/learncontract/learncontract/suites/report"
)

// host is a module that depends on the suites, testdata/host, compiled once for a run of these tests, without a TestMain and with one,
// with the race detector where they have it. Its path has what paths seldom have.
type host struct {
	folder      string // of its package, below the module's
	plain, main func() (string, error)
	ginkgo      func() (string, error) // the command
}

var theHost = sync.OnceValues(func() (*host, error) {
	root, err := os.MkdirTemp("", "learncontract-")
	if err != nil {
		return nil, err
	}
	removed = root
	h := &host{folder: filepath.Join(root, "größe & mehr", "contract")}
	checkout, err := filepath.Abs("..")
	if err != nil {
		return nil, err
	}
	goMod, err := os.ReadFile(filepath.Join(checkout, "go.mod"))
	if err != nil {
		return nil, err
	}
	const module = "github.com/learncontract/learncontract"
	text := strings.Replace(string(goMod), "module "+module, "module example.com/host", 1)
	text += fmt.Sprintf("\nrequire %s v0.0.0\n\nreplace %s => %q\n", module, module, checkout)
	goSum, err := os.ReadFile(filepath.Join(checkout, "go.sum"))
	err = errors.Join(err, os.CopyFS(h.folder, os.DirFS(filepath.Join("testdata", "host"))),
		os.WriteFile(filepath.Join(h.folder, "..", "go.mod"), []byte(text), 0o600),
		os.WriteFile(filepath.Join(h.folder, "..", "go.sum"), goSum, 0o600))
	h.plain = h.compiled(root, "plain")
	h.main = h.compiled(root, "main", "-tags=run")
	h.ginkgo = sync.OnceValues(func() (string, error) {
		path, err := h.command(context.Background(), "go", "tool", "-n", "ginkgo").Output()
		return strings.TrimSpace(string(path)), err
	})
	return h, err
})

var removed string // the folder of the host, which TestMain removes

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil { // some wait for a time-out, and not for a processor
		panic(err)
	}
	status := m.Run()
	if removed != "" {
		if err := os.RemoveAll(removed); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
	}
	os.Exit(status)
}

// compiled compiles the host's tests when they are first wanted.
func (h *host) compiled(root, name string, flags ...string) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		file := filepath.Join(root, name+".test")
		if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
			flags = append(flags, "-race")
		}
		output, err := h.command(context.Background(), "go", append(append([]string{"test", "-c", "-o", file}, flags...), ".")...).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("the host does not compile: %w\n%s", err, output)
		}
		return file, err
	})
}

// command is a command in the host's folder, which downloads nothing.
func (h *host) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = h.folder
	command.Env = append(os.Environ(), "GOFLAGS=-mod=mod -vet=off", "GOPROXY=off", "GORACE=atexit_sleep_ms=0")
	return command
}

// process is one run of the host's tests.
type process struct {
	binary string   // "plain", "main", or "ginkgo": the command, with the main one
	env    []string // such as HOST_GRAPH=acme=code: client acme, which surfaces wrong codes
	args   []string
	fails  bool
}

// run runs it, and returns what it printed. It fails the test if the process does not end as it should.
func (p process) run(t *testing.T) string {
	t.Helper()
	output, failed := p.start(t)
	if failed != p.fails {
		t.Fatalf("%s %q %q: it fails: %t, want %t\n%s", p.binary, p.env, p.args, failed, p.fails, output)
	}
	return output
}

func (p process) start(t *testing.T) (output string, failed bool) {
	t.Helper()
	if testing.Short() {
		t.Skip("it compiles and runs tests of another module: leave out -short")
	}
	h, err := theHost()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	binary, args := map[string]func() (string, error){"plain": h.plain, "main": h.main, "ginkgo": h.main}[p.binary], p.args
	path, err := binary()
	if p.binary == "ginkgo" && err == nil {
		before, after := args, []string(nil)
		for i, arg := range args {
			if arg == "--" {
				before, after = args[:i], args[i:]
			}
		}
		args = append(append(append([]string{"run"}, before...), path), after...)
		path, err = h.ginkgo()
	}
	if err != nil {
		t.Fatal(err)
	}
	command := h.command(ctx, path, args...)
	command.Env = append(command.Env, p.env...)
	text, err := command.CombinedOutput()
	if exit := (*exec.ExitError)(nil); ctx.Err() != nil || err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s did not end: %v\n%s", p.binary, cmp.Or(ctx.Err(), err), text)
	}
	return string(text), err != nil
}

// runReport reads the run report of that file in the folder.
func runReport(t *testing.T, folder, file string) *report.Run {
	t.Helper()
	r, err := report.Read(filepath.Join(folder, file))
	if err != nil {
		t.Fatal(err)
	}
	return r.Runs[0]
}

// files are the names in a folder, one a line.
func files(t *testing.T, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return strings.Join(names, " ")
}

// expectLines fails the test for each text that the output has not, and for each after a "!" that it has.
func expectLines(t *testing.T, output string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		unwanted, not := strings.CutPrefix(text, "!")
		if strings.Contains(output, unwanted) == not {
			t.Errorf("the output should have %q:\n%s", text, output)
		}
	}
}

// results are the names of the tests with a result, PASS or FAIL, in the output of -test.v.
func results(output, result string) (names []string) {
	for _, match := range regexp.MustCompile(`(?m)^ *--- `+result+`: (\S+)`).FindAllStringSubmatch(output, -1) {
		names = append(names, match[1])
	}
	return names
}

// shell runs a command line as a person does who copies it, in the folder.
func shell(t *testing.T, folder, line string, env ...string) (output string, failed bool) {
	t.Helper()
	h, err := theHost()
	if err != nil {
		t.Fatal(err)
	}
	command := h.command(t.Context(), "sh", "-c", line)
	command.Dir, command.Env = folder, append(command.Env, env...)
	var text bytes.Buffer
	command.Stdout, command.Stderr = &text, &text
	err = command.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return text.String(), err != nil
}
