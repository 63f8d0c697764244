package pipelines

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/live/standin/server"
)

// notRun is what is not run here, and why.
var notRun = map[string]string{
	"actions/checkout":           "the module is there",
	"actions/setup-go":           "Go is there",
	"actions/upload-artifact":    "there is no GitHub: the test looks into the folder that would be uploaded",
	"actions/download-artifact":  "there is no GitHub: the folder of the pieces is that of the run before",
	"google-github-actions/auth": "there is no Google Cloud, and Classroom is not asked",
	"checkout":                   "the module is there",
	"publish":                    "there is no Azure: the test looks into the folder that would be published",
	"GoTool":                     "Go is there",
	"PublishTestResults":         "there is no Azure: the test looks for the file",
	"DownloadPipelineArtifact":   "there is no Azure: the folder of the pieces is that of the run before",
}

// The suites' module, and the one of what signs in.
const (
	self   = "github.com/learncontract/learncontract"
	signin = self + "/suites/live/signin"
)

// team is the module of a team that has its client under contract: the example's, set up as the files' heads say.
var team = sync.OnceValues(func() (string, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	folder, err := os.MkdirTemp("", "coursesync")
	if err == nil {
		err = os.CopyFS(folder, os.DirFS(filepath.Join(root, "suites/client/example")))
	}
	if err != nil {
		return folder, err
	}
	head, err := os.ReadFile(githubFile)
	if err != nil {
		return folder, err
	}
	test := `package contract_test

import (
	"os"
	"testing"

	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/graph"

	"example.com/coursesync/undercontract"
)

` + regexp.MustCompile(`func TestMain.*`).FindString(string(head)) + `

func TestContract(t *testing.T) { graph.Test(t, undercontract.Connector) }
`
	if err := os.Mkdir(filepath.Join(folder, "contract"), 0o755); err != nil {
		return folder, err
	}
	if err := os.WriteFile(filepath.Join(folder, "contract", "contract_test.go"), []byte(test), 0o600); err != nil {
		return folder, err
	}
	// Its requirements are this module's, which go test has: a test downloads nothing, and so neither tidies nor gets.
	sums, err := os.ReadFile("go.sum")
	if err != nil {
		return folder, err
	}
	requirements, err := os.ReadFile("go.mod")
	if err != nil {
		return folder, err
	}
	for name, set := range map[string]string{"go": "go get -tool ", "signin": "go get -modfile=signin.mod -tool "} {
		_, tool, _ := strings.Cut(string(head), "#       "+set)
		tool, _, _ = strings.Cut(tool, "\n")
		if err := errors.Join(
			os.WriteFile(filepath.Join(folder, name+".sum"), sums, 0o600),
			os.WriteFile(filepath.Join(folder, name+".mod"), requirements, 0o600),
		); err != nil {
			return folder, err
		}
		cmd := exec.Command("go", "mod", "edit", "-module=example.com/coursesync", "-droptool="+signin, "-tool="+tool,
			"-replace="+self+"="+root, "-replace="+signin+"="+filepath.Join(root, "suites/live/signin"), name+".mod")
		cmd.Dir = folder
		if out, err := cmd.CombinedOutput(); err != nil {
			return folder, fmt.Errorf("the module cannot be set up as the files say, %s%s: %w\n%s", set, tool, err, out)
		}
	}
	return folder, nil
})

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "6") // the live runs, which wait for the limiter and not for a processor
	status := m.Run()
	if folder, _ := team(); folder != "" {
		_ = os.RemoveAll(folder)
	}
	os.Exit(status)
}

func goEnv(name string) string {
	out, _ := exec.Command("go", "env", name).Output() //nolint:noctx // it asks nobody
	return strings.TrimSpace(string(out))
}

// runner is what a step runs on.
type runner struct {
	module, temp string
	env          map[string]string // of all steps
	said         bytes.Buffer      // what they have printed
	ran          []string          // their names
}

// newRunner is one with a folder of its own and fakes of what would reach a network: curl, which has pages (addresses
// and their texts), and gh and az, which say that there are issues ("7\ttitle") and keep what they are asked for.
func newRunner(t *testing.T, pages map[string]string, issues string) *runner {
	t.Helper()
	if testing.Short() {
		t.Skip("it runs commands of its own, compiled without this run's race detector: leave out -short")
	}
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("there is no bash, in which the engines run their steps: put one on the path")
	}
	module, err := team()
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{module: module, temp: t.TempDir()}
	bin := filepath.Join(r.temp, "bin")
	write(t, filepath.Join(bin, "gh"), `#!/bin/sh
printf '%s\n' "$*" >>"$FAKES/gh"
case "$1 $2" in
  *" list") cat "$FAKES/issues"; exit ;;
  api*) jq -r "$4" "$FAKES/artifacts"; exit ;;
  *" download") mkdir -p "$7" && cp "$FAKES/before" "$7/report.json"; exit ;;
esac
while [ $# -gt 1 ]; do if [ "$1" = --body-file ]; then cat "$2" >"$FAKES/body"; fi; shift; done
`)
	write(t, filepath.Join(bin, "az"), `#!/bin/sh
printf '%s\n' "$*" >>"$FAKES/az"
if [ "$2" = query ]; then awk -F '\t' -v query="$*" 'index(query, "= '\''" $2 "'\''") { print $1 }' "$FAKES/issues"; fi
`)
	write(t, filepath.Join(bin, "curl"), `#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in
    --output) out=$2; shift ;;
    --header) printf '%s\n' "$2" >>"$FAKES/headers"; shift ;;
    --retry | --max-time) shift ;;
    --fail | --silent | --show-error | --location) ;;
    -*) echo "curl: no fake of $1" >&2; exit 2 ;;
    *) url=$1 ;;
  esac
  shift
done
file=$(awk -F '\t' -v url="$url" '$1 == url { print $2 }' "$FAKES/pages")
if [ -z "$file" ]; then echo "curl: (22) 404: $url" >&2; exit 22; fi
cp "$file" "$out"
`)
	write(t, filepath.Join(r.temp, "issues"), issues)
	var table strings.Builder
	for i, url := range slices.Sorted(maps.Keys(pages)) {
		file := filepath.Join(r.temp, fmt.Sprint("page", i))
		write(t, file, pages[url])
		fmt.Fprintf(&table, "%s\t%s\n", url, file)
	}
	write(t, filepath.Join(r.temp, "pages"), table.String())
	r.env = map[string]string{
		"PATH": bin + ":" + os.Getenv("PATH"), "HOME": os.Getenv("HOME"), "FAKES": r.temp, "TMPDIR": t.TempDir(),
		"GOPROXY": "off", "GOCACHE": goEnv("GOCACHE"), "GOMODCACHE": goEnv("GOMODCACHE"), "GOTOOLCHAIN": "local",
	}
	return r
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o755); err != nil { //nolint:gosec // some are programs
		t.Fatal(err)
	}
}

// bash runs a script as an engine does, and returns its exit status.
func (r *runner) bash(t *testing.T, name, script string, flags []string, envs ...map[string]string) (status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	file := filepath.Join(t.TempDir(), "step.sh")
	write(t, file, script)
	cmd := exec.CommandContext(ctx, "bash", append(slices.Clone(flags), file)...) //nolint:gosec // a script of this module
	cmd.Dir, cmd.WaitDelay = r.module, time.Second
	for _, env := range append([]map[string]string{r.env}, envs...) {
		for _, key := range slices.Sorted(maps.Keys(env)) {
			cmd.Env = append(cmd.Env, key+"="+env[key])
		}
	}
	out, err := cmd.CombinedOutput()
	r.said.Write(out)
	r.ran = append(r.ran, name)
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", name, err)
	}
	status = cmd.ProcessState.ExitCode()
	t.Logf("%s ended with %d and said\n%s", name, status, out)
	return status
}

// graphPages are the published pages that drift of Graph is looked for in, as the contract has them.
func graphPages(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	for _, e := range contract(t, "graph").Editions {
		if !strings.HasPrefix(e.URL, "https://learn.microsoft.com/") {
			continue
		}
		var page strings.Builder
		fmt.Fprintf(&page, "---\ntitle: %q\n---\n", e.Title)
		for _, table := range e.Tables {
			fmt.Fprintf(&page, "\n## %s\n\n|%s|\n|%s\n", table.Heading, strings.Join(table.Header, "|"),
				strings.Repeat(":---|", len(table.Header)))
			rows := table.Rows
			if e.Partial { // the published page has the rows that the copy has not, as the older ones have them
				rows = slices.Concat(rows, contract(t, "graph").Editions[0].Tables[0].Rows[len(rows):])
			}
			for _, row := range rows {
				fmt.Fprintf(&page, "|%s|\n", strings.Join(row.Cells, "|"))
			}
		}
		pages[e.URL] = page.String()
	}
	return pages
}

// classroomPages are those of Classroom: the page, and the discovery document of the release that it names.
func classroomPages(t *testing.T) map[string]string {
	t.Helper()
	c := contract(t, "classroom")
	release := c.Discovery
	document, err := os.ReadFile(filepath.Join(goEnv("GOMODCACHE"), release.String(), filepath.FromSlash(release.File)))
	if err != nil {
		t.Skipf("%v: go mod download %s gets it", err, release)
	}
	e := c.Editions[slices.IndexFunc(c.Editions, func(e *fixtures.Edition) bool { return e.ID == "2026-04" })]
	paragraphs := []string{e.Title}
	for _, row := range e.Rows() {
		paragraphs = append(paragraphs, row.Cells...)
	}
	return map[string]string{
		e.URL: strings.Join(paragraphs, "\n\n") + "\n",
		"https://classroom.googleapis.com/$discovery/rest?version=v1": string(document),
	}
}

func contract(t *testing.T, provider string) *fixtures.Contract {
	t.Helper()
	c, err := fixtures.Load(provider)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// oidc is where a job of GitHub asks for an assertion.
const oidc = "https://oidc.invalid/token?version=1"

// standIn starts one as a tenant of the team's module. The assertion is the app's: the stand-in knows of no CI
// system whose assertion is for both apps, so the other has its secret.
func standIn(t *testing.T, r *runner, name string) (assertion string) {
	t.Helper()
	tenant, err := server.Start(server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tenant.Close)
	sandbox := filepath.Join(r.module, "sandbox", name)
	write(t, sandbox+".yaml", string(tenant.Sandbox(name+".pem")))
	write(t, sandbox+".pem", string(tenant.CA))
	env := tenant.Env()
	for name, value := range env {
		if name == "LEARNCONTRACT_ROLELESS_CLIENT_SECRET" || strings.HasPrefix(name, "LEARNCONTRACT_CLASSROOM_") ||
			strings.HasPrefix(name, "LEARNCONTRACT_GOOGLE_") { // the last for the sweep
			r.env[name] = value
		}
	}
	return tenant.Assertion(env["AZURE_CLIENT_ID"])
}

// holds fails the test unless the file has the text.
func holds(t *testing.T, file, want string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
	} else if !strings.Contains(string(content), want) {
		t.Errorf("%s does not have %q, but\n%.2000s", file, want, content)
	}
}
