package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/live"
)

// TestWriteAllWritesDevicesAndFiles has a file after what is no file, and an error names every file that failed.
func TestWriteAllWritesDevicesAndFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	o, err := outputTo(file, []byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll([]output{{name: os.DevNull}, o})
	device, err := outputTo(os.DevNull, []byte("text"))
	if err != nil || device.root != nil || device.String() != os.DevNull || o.String() != file {
		t.Fatalf("the outputs are %s and %s, %v", device, o, err)
	}
	if err := writeAll([]output{device, o}); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "text" {
		t.Errorf("the file has %q, %v", text, err)
	}
	gone := filepath.Join(t.TempDir(), "none", "pipe")
	err = writeAll([]output{{name: gone}, o})
	if want := gone + " cannot be written (no such file or directory): give another file"; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}

// TestWriteAllLeavesNoPart has a file that cannot be written after a pipe and a file that can.
func TestWriteAllLeavesNoPart(t *testing.T) {
	folder := t.TempDir()
	root, err := os.OpenRoot(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll([]output{{root: root}})
	err = writeAll([]output{{name: os.DevNull}, {root, "a", nil, 0o600}, {root, "none/b", nil, 0o600}, {root, "c", nil, 0o600}})
	want := filepath.Join(folder, "none", "b") + " cannot be written (no such file or directory), and so no file was: "
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("the error is %v, want %s", err, want)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) > 0 {
		t.Errorf("left are %v, %v", entries, err)
	}
}

// TestReportWritesStandardOutputAndFiles has the flag of a file after that of standard output.
func TestReportWritesStandardOutputAndFiles(t *testing.T) {
	folder, file := t.TempDir(), filepath.Join(t.TempDir(), "report.md")
	write(t, filepath.Join(folder, "x.json"), smallReport)
	status, stdout, stderr := contract("report", folder, "--html", "-", "--markdown", file, "--fail-on", noFailure)
	if status != 0 || stderr != "" || !strings.HasPrefix(stdout, "<!DOCTYPE html>") || strings.Contains(stdout, "wrote ") {
		t.Errorf("exit status %d, %s%.300s", status, stderr, stdout)
	}
	if text, err := os.ReadFile(file); err != nil || !bytes.HasPrefix(text, []byte("### ")) {
		t.Errorf("the file has %q, %v", text, err)
	}
	for want, args := range map[string][]string{
		"--html and --json are both standard output: give a file for one of them": {"--html", "-", "--json", "-"},
		"--html is empty: give a file, or - for standard output":                  {"--html", ""},
	} {
		status, _, stderr := contract(append([]string{"report", folder}, args...)...)
		if status != 2 || stderr != "contract: "+want+"\n" {
			t.Errorf("exit status %d, %s, want %s", status, stderr, want)
		}
	}
}

func TestParameters(t *testing.T) {
	got := parameters(&fixtures.Operation{
		Path: "/a/{b}/c/{a}", Params: map[string]string{"a": "1", "b": "2"}, Query: map[string]string{"z": "3", "y": "4"},
	})
	if want := []oasParameter{
		{"b", "path", true, oasText, "2"}, {"a", "path", true, oasText, "1"},
		{"y", "query", true, oasText, "4"}, {"z", "query", true, oasText, "3"},
	}; !slices.Equal(got, want) {
		t.Errorf("the parameters are %v, want %v", got, want)
	}
}

func TestNearest(t *testing.T) {
	var all []*fixtures.Clause
	for _, id := range []string{"a.get.Throttled", "a.update.throttled", "a.get.not-found", "b.list.throttled", "b.get.throttled"} {
		all = append(all, &fixtures.Clause{ID: id})
	}
	for id, want := range map[string][]string{
		"throttled":       {"a.get.Throttled", "a.update.throttled", "b.list.throttled"}, // three of four
		"get.thr":         {"a.get.Throttled", "b.get.throttled"},
		"A.GET.NOT#text":  {"a.get.not-found"},
		"a.get.throtled":  {"a.get.Throttled", "b.get.throttled"}, // the nearest first
		"b.gett.throttle": {"b.get.throttled", "a.get.Throttled"},
		"c":               nil,
		"quux":            nil,
		"":                nil,
		"#text":           nil,
	} {
		if got := nearest(all, id); !slices.Equal(got, want) {
			t.Errorf("nearest to %q are %q, want %q", id, got, want)
		}
	}
}

func TestOr(t *testing.T) {
	for want, choices := range map[string][]string{"": nil, "a": {"a"}, "a or b": {"a", "b"}, "a, b or c": {"a", "b", "c"}} {
		if got := joinOr(choices); got != want {
			t.Errorf("%q are %q", choices, got)
		}
	}
}

// TestASweepPrintsWhatItSends has a provider respond with what must not be printed.
func TestASweepPrintsWhatItSends(t *testing.T) {
	t.Parallel()
	secrets, out := live.NewSecrets(), &strings.Builder{}
	secrets.Add("a token", "ya29.notForAnybody")
	auditTo(out, secrets)(live.Change{Identity: "admin", Method: "DELETE", Path: "/v1/courses/7", Name: "ya29.notForAnybody", Status: 200})
	want := `{"time":"0001-01-01T00:00:00Z","identity":"admin","method":"DELETE","path":"/v1/courses/7","name":"`
	if line := out.String(); !strings.HasPrefix(line, want) || !strings.HasSuffix(line, `"status":200}`+"\n") || strings.Contains(line, "notForAnybody") {
		t.Errorf("it prints %s", line)
	}
}
