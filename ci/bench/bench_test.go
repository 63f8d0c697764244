//go:build unix

package main

import (
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/ci/bench/plain"
	"github.com/learncontract/learncontract/ci/bench/synthetic"
	"github.com/learncontract/learncontract/fixtures"
	_ "github.com/learncontract/learncontract/suites" // what it builds needs, so that go test gets it
)

// TestEveryContestantAsserts gives each contestant the documented responses, and then responses with one field wrong where
// they have it: so many of its specs must fail, and say so. A contestant that asserts less would be faster.
func TestEveryContestantAsserts(t *testing.T) {
	folder, root := t.TempDir(), "../.."
	var b binaries
	for pkg, binary := range map[string]*string{bench + "/suite": &b.suite, bench + "/plain": &b.plain} {
		var err error
		if *binary, err = build(t.Context(), root, folder, pkg); err != nil {
			t.Fatal(err)
		}
	}
	contract, err := fixtures.Load("graph")
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range append([]string{""}, synthetic.Fields()...) {
		wrong := 0
		respond := func(w *fixtures.Wording) fixtures.Response {
			response := synthetic.Wrong(w, field)
			if !reflect.DeepEqual(response, w.Response()) {
				wrong++
			}
			return response
		}
		file := filepath.Join(folder, "table.json")
		if err := plain.Write(file, table(contract, respond)); err != nil {
			t.Fatal(err)
		}
		if (field == "") != (wrong == 0) {
			t.Fatalf("%d responses have the field %q wrong", wrong, field)
		}
		t.Setenv("BENCH_WRONG", field)
		for _, contestant := range contestants {
			_, printed, err := b.run(t.Context(), contestRun{"graph", file}, contestant)
			failed := strings.Count(printed, "    --- FAIL: ")
			if contestant == "subtests" { // of which those of clauses fail too
				failed = strings.Count(printed, "specs.go:")
			}
			if m := failures.FindStringSubmatch(printed); m != nil {
				failed, _ = strconv.Atoi(m[1]) // the expression admits digits only
			}
			want := wrong
			if field == "Retry-After" && (contestant == "ginkgo" || contestant == "subtests") {
				want = failed // it varies which of its responses have the header
			}
			if (err != nil) != (wrong > 0) || failed != want || (failed > 0) != (wrong > 0) || !strings.Contains(strings.ToLower(printed), strings.ToLower(field)) {
				t.Errorf("%s: %d specs failed, and %d responses had the field %q wrong (%v)\n%s",
					contestant, failed, wrong, field, err, printed)
			}
		}
	}
}

// failures finds in Ginkgo's summary how many specs failed.
var failures = regexp.MustCompile(`(\d+) Failed`)

func TestParseRefuses(t *testing.T) {
	for _, args := range []string{"-n 0", "-sizes own,many", "-sizes -1", "-only suits", "-fast", "now"} {
		if o, err := parse(strings.Fields(args)); err == nil {
			t.Errorf("%s is taken as %+v", args, o)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s is refused with more than a line: %v", args, err)
		}
	}
}

func TestMedian(t *testing.T) {
	for want, values := range map[int64][]int64{3: {3}, 4: {9, 4, 1}, 5: {6, 100, 4, 0}} {
		if got := median(values); got != want {
			t.Errorf("the median of %d is %d, want %d", values, got, want)
		}
	}
}
