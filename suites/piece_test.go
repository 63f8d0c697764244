package suites_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/suites/report"
)

func TestAParallelRunSaysWhatASerialOneSays(t *testing.T) {
	t.Parallel()
	run := func(folder string, flags ...string) *report.Run {
		output, status := ginkgo(t, append(flags, "./graph", "--", "--report", folder)...)
		if status != 0 {
			t.Fatalf("exit status %d\n%s", status, output)
		}
		r, err := report.Read(filepath.Join(folder, "graph-wire-offline.json"))
		if err != nil {
			t.Fatal(err)
		}
		return r.Runs[0]
	}
	serial, parallel := run(t.TempDir()), run(t.TempDir(), "-p", "--randomize-all")
	if len(serial.Results) != 41 || len(serial.ExtraChecks) != 17 || len(parallel.ExtraChecks) != len(serial.ExtraChecks) {
		t.Fatalf("%d results, and %d and %d checks", len(serial.Results), len(serial.ExtraChecks), len(parallel.ExtraChecks))
	}
	for i, result := range serial.Results {
		if other := parallel.Results[i]; other.Outcome != result.Outcome || other.Reason != result.Reason || result.Outcome != report.Honored {
			t.Errorf("%s is %s, %q, and in parallel %s, %q", result.Clause, result.Outcome, result.Reason, other.Outcome, other.Reason)
		}
	}
	for i, check := range serial.ExtraChecks {
		if other := parallel.ExtraChecks[i]; other.ID != check.ID || other.Outcome != check.Outcome || len(other.Schedules) != len(check.Schedules) {
			t.Errorf("%s is %s, and in parallel %s %s", check.ID, check.Outcome, other.ID, other.Outcome)
		}
	}
}

// The path is one from the module's folder, though a suite runs in its own. Shards do not overwrite each other.
func TestPiecesOfShardsAreWrittenBelowTheModule(t *testing.T) {
	for _, filter := range []string{"action:create", "!action:create", "action:create"} {
		output, status := ginkgo(t, "--label-filter="+filter, "./graph", "--", "--report=out/pieces")
		if status != 0 {
			t.Fatalf("exit status %d\n%s", status, output)
		}
	}
	pieces, err := report.ReadFolder(filepath.Join(module(t), "out", "pieces"))
	if err != nil || len(pieces) != 2 {
		t.Fatalf("%d pieces: %v", len(pieces), err)
	}
	asked := map[string]int{}
	for _, p := range pieces {
		asked[p.Runs[0].Selection] = p.Runs[0].Counts()[report.Honored]
	}
	if want := map[string]int{`--label-filter="action:create"`: 9, `--label-filter="!action:create"`: 32}; !maps.Equal(asked, want) {
		t.Errorf("they have %v, want %v", asked, want)
	}
	if output, _ := ginkgo(t, "--dry-run", "./graph", "--", "--report=out/dry"); len(output) == 0 {
		t.Error("a dry run says nothing")
	}
	if _, err := report.ReadFolder(filepath.Join(module(t), "out", "dry")); err == nil {
		t.Error("a dry run, which asks nothing, is reported")
	}
}

// What was honored yesterday must not be told of a run that could not begin.
func TestARunThatCannotBeginSaysSoInItsPiece(t *testing.T) {
	folder := t.TempDir()
	old := filepath.Join(folder, "graph-wire-live-contoso.json")
	if err := os.WriteFile(old, []byte("yesterday's"), 0o600); err != nil {
		t.Fatal(err)
	}
	output, status := ginkgo(t, "./graph", "--", "--live", "--sandbox", "nosuch/contoso.yaml", "--report", folder)
	if status == 0 || !strings.Contains(output, "engine error: nothing was asked") {
		t.Fatalf("exit status %d\n%s", status, output)
	}
	r, err := report.Read(old)
	if err != nil {
		t.Fatal(err)
	}
	run := r.Runs[0]
	if len(run.Problems) != 1 || !strings.HasPrefix(run.Problems[0], "engine error: nothing was asked\n") || !strings.Contains(run.Problems[0], "contoso.yaml") {
		t.Errorf("its problems are %q", run.Problems)
	}
	if counts := run.Counts(); counts[report.NotRun] != 41 || run.Results[0].Reason != "the set-up failed" {
		t.Errorf("its outcomes are %v, because %q", counts, run.Results[0].Reason)
	}
	if got := r.Headline().Text; got != "Nothing was asked, 1 set-up problem" {
		t.Errorf("it says %q", got)
	}
}
