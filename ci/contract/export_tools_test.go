package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
)

// tools is a folder with testdata/tools installed; tests that need it skip where CONTRACT_TOOLS names none.
func tools(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("CONTRACT_TOOLS")
	if folder == "" {
		t.Skip("CONTRACT_TOOLS names no folder with Prism and WireMock: copy ci/contract/testdata/tools, run" +
			" npm ci --ignore-scripts in the copy, and set CONTRACT_TOOLS to its absolute path; node and java must be on the path")
	}
	return filepath.Join(folder, "node_modules")
}

// tool is a program that serves what was exported.
type tool struct {
	format string
	// command is the program's command line for a contract that was exported to the folder.
	command func(t *testing.T, exported string, c *fixtures.Contract) []string
	started *regexp.Regexp // what it prints once it listens; the first group is the port
	base    func(*fixtures.Contract) string
	choose  chooses
	slips   func(*fixtures.Operation) bool // whether the tool returns the success if the name is no wording of the operation
}

var served = map[string]tool{
	"Prism": {
		format: "openapi",
		command: func(t *testing.T, exported string, c *fixtures.Contract) []string {
			t.Helper()
			return []string{
				"node", filepath.Join(tools(t), "@stoplight/prism-cli/dist/index.js"), "mock", "--host", "127.0.0.1", "--port", "0",
				filepath.Join(exported, c.Provider+".openapi.json"),
			}
		},
		started: regexp.MustCompile(`listening on http://127\.0\.0\.1:(\d+)`),
		base:    func(*fixtures.Contract) string { return "" }, // Prism leaves the server's path out
		choose: func(status int, name string) (field, value string) {
			return "Prefer", fmt.Sprintf("code=%d, example=%s", status, name)
		},
		slips: func(o *fixtures.Operation) bool { return o.Success.Body == nil }, // so the help of export openapi says
	},
	"WireMock": {
		format: "wiremock",
		command: func(t *testing.T, exported string, _ *fixtures.Contract) []string {
			t.Helper()
			jar, err := filepath.Glob(filepath.Join(tools(t), "wiremock/build/wiremock-standalone-*.jar"))
			if err != nil || len(jar) != 1 {
				t.Fatalf("the npm package wiremock has the archives %q, %v: want one", jar, err)
			}
			return []string{"java", "-jar", jar[0], "--bind-address", "127.0.0.1", "--port", "0", "--root-dir", exported}
		},
		started: regexp.MustCompile(`(?m)^port: +(\d+)`),
		base:    basePath,
		choose:  func(_ int, name string) (field, value string) { return chooser, name },
		slips:   func(*fixtures.Operation) bool { return false },
	},
}

// Each tool, once started, returns every wording of every contract as documented, and the success if none is chosen.
func TestToolsReturnEveryWording(t *testing.T) {
	tools(t)
	for name, tool := range served {
		for _, c := range contracts(t) {
			t.Run(name+" "+c.Provider, func(t *testing.T) {
				exported := t.TempDir()
				printed(t, "export", tool.format, c.Provider, "--out", exported)
				address := start(t, tool, exported, c)
				honored := 0
				for _, o := range c.Operations {
					call := caller{t: t, base: address + tool.base(c), operation: o}
					call.wantSuccess()
					for _, clause := range o.Clauses {
						for _, w := range clause.Wordings {
							call.wantWording(w, tool.choose)
							honored++
						}
					}
					if !tool.slips(o) {
						call.wantRejected(tool.choose(o.Clauses[0].Status, "no.such.clause"))
					}
				}
				t.Logf("%d wordings of %d operations honored", honored, len(c.Operations))
			})
		}
	}
}

// start starts the tool and returns where it listens.
func start(t *testing.T, tool tool, exported string, c *fixtures.Contract) (address string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	line := tool.command(t, exported, c)
	program := exec.CommandContext(ctx, line[0], line[1:]...)
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	program.Stderr = program.Stdout
	if err := program.Start(); err != nil {
		t.Fatalf("%v: %s must be on the path", err, line[0])
	}
	port, said := make(chan string, 1), make(chan string, 1)
	go func() {
		var all strings.Builder
		defer func() { said <- all.String() }()
		for lines := bufio.NewScanner(out); lines.Scan(); {
			all.WriteString(lines.Text() + "\n")
			if found := tool.started.FindStringSubmatch(lines.Text()); found != nil {
				port <- found[1]
				_, _ = io.Copy(io.Discard, out) // so that it never waits for its reader
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-said
		_ = program.Wait() // it was ended, and says so
	})
	select {
	case found := <-port:
		return "http://127.0.0.1:" + found
	case all := <-said:
		said <- all
		t.Fatalf("%q ended:\n%s", line, all)
	case <-time.After(time.Minute):
		t.Fatalf("%q does not listen after a minute", line)
	}
	return ""
}

// The published JSON Schema of OpenAPI 3.1 has no fault to find.
func TestOpenAPIIsValid(t *testing.T) {
	validator := filepath.Join(tools(t), "@seriousme/openapi-schema-validator/bin/validate-api-cli.js")
	exported := t.TempDir()
	printed(t, "export", "openapi", "--out", exported)
	files, err := filepath.Glob(filepath.Join(exported, "*.openapi.json"))
	if err != nil || len(files) != len(fixtures.Providers()) {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range files {
		if said, err := exec.CommandContext(t.Context(), "node", validator, file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", filepath.Base(file), err, said)
		}
	}
	// It would find one.
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(exported, "broken.json")
	write(t, broken, strings.Replace(string(text), `"in": "path"`, `"in": "heart"`, 1))
	if said, err := exec.CommandContext(t.Context(), "node", validator, broken).CombinedOutput(); err == nil {
		t.Errorf("a parameter in no known place is valid:\n%s", said)
	}
}
