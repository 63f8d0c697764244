package suites

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onsi/ginkgo/v2/types"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/internal/collect"
	"github.com/learncontract/learncontract/suites/internal/verdict"
	"github.com/learncontract/learncontract/suites/live"
	"github.com/learncontract/learncontract/suites/report"
)

func TestOptionsOfFlags(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		flags string
		want  options
		err   string
	}{
		{"", options{}, ""},
		{"-learncontract.report=/out", options{report: "/out"}, ""},
		{"-learncontract.replay=/r -learncontract.strict", options{replay: "/r", strict: true}, ""},
		{"-learncontract.live -learncontract.sandbox=/s -learncontract.provoke=racy,tenant -learncontract.record=/r -learncontract.strict",
			options{live: true, sandbox: "/s", provoke: []string{"racy", "tenant"}, record: "/r", strict: true}, ""},
		{"-learncontract.live -learncontract.sandbox=/s -learncontract.plan=sha256:a,sha256:b -learncontract.max-changes=3 -learncontract.read-only",
			options{live: true, sandbox: "/s", plan: []string{"sha256:a", "sha256:b"}, transport: live.Options{MaxChanges: 3, ReadOnly: true}}, ""},
		{"-learncontract.plan=sha256:a", options{plan: []string{"sha256:a"}}, "add --live"},
		{"-learncontract.read-only", options{transport: live.Options{ReadOnly: true}}, "add --live"},
		{"-learncontract.max-changes=1", options{transport: live.Options{MaxChanges: 1}}, "add --live"},
		{"-learncontract.live -learncontract.sandbox=/s -learncontract.max-changes=-2",
			options{live: true, sandbox: "/s", transport: live.Options{MaxChanges: -2}}, "give a number from 0"},
		{"-learncontract.live -learncontract.sandbox=/s -learncontract.max-changes=0", options{live: true, sandbox: "/s", transport: live.Options{ReadOnly: true}}, ""},
		{"-learncontract.provoke=racy", options{provoke: []string{"racy"}}, "add --live"},
		{"-learncontract.record=/r", options{record: "/r"}, "add --live"},
		{"-learncontract.sandbox=/s", options{sandbox: "/s"}, "add --live"},
		{"-learncontract.strict", options{strict: true}, "add --live or --replay"},
		{"-learncontract.live", options{live: true}, "--live needs --sandbox FILE"},
		{"-learncontract.live -learncontract.replay=/r", options{live: true, replay: "/r"}, "take one out"},
	} {
		t.Run(test.flags, func(t *testing.T) {
			t.Parallel()
			set := flag.NewFlagSet("test", flag.ContinueOnError)
			p := newProcess(set, func() {})
			if err := set.Parse(strings.Fields(test.flags)); err != nil {
				t.Fatal(err)
			}
			got := p.parsed()
			if (got.transport.Secrets != nil) != (test.want.live || test.want.replay != "") {
				t.Errorf("its secrets are %v", got.transport.Secrets)
			}
			if test.err == "" && got.err != nil || test.err != "" && (got.err == nil || !strings.Contains(got.err.Error(), test.err)) {
				t.Errorf("the error is %v, want %q", got.err, test.err)
			}
			if got.report != test.want.report || got.live != test.want.live || got.sandbox != test.want.sandbox || got.record != test.want.record ||
				got.replay != test.want.replay || got.strict != test.want.strict || strings.Join(got.provoke, " ") != strings.Join(test.want.provoke, " ") ||
				!slices.Equal(got.plan, test.want.plan) || got.transport.ReadOnly != test.want.transport.ReadOnly ||
				got.transport.MaxChanges != test.want.transport.MaxChanges {
				t.Errorf("they are %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestTakeFile(t *testing.T) {
	t.Parallel()
	p := newProcess(flag.NewFlagSet("test", flag.ContinueOnError), func() {})
	again := &testing.T{}
	for _, test := range []struct {
		file   string
		writer writer
		err    string
	}{
		{"a", writer{"TestA", t}, ""},
		{"b", writer{"TestA", t}, ""},
		{"a", writer{"TestA", again}, ""}, // -count=2
		{"a", writer{"TestA", again}, "TestA and TestA would write the same run report, a: give each client a Name of its own"},
		{"a", writer{"TestB", t}, "TestA and TestB would write the same run report, a: give each client a Name of its own"},
		{"c", writer{name: "x"}, ""},
		{"c", writer{name: "x"}, "x and x would write the same run report, c: give each client a Name of its own"},
	} {
		err := p.takeFile(test.file, test.writer)
		if got := textOf(err); got != test.err {
			t.Errorf("%s by %s: %q, want %q", test.file, test.writer.name, got, test.err)
		}
	}
	if got := strings.Join(p.written, " "); got != "a b a c" {
		t.Errorf("%s were written", got)
	}
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestWithoutFolders(t *testing.T) {
	t.Parallel()
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"main.f()\n\t/home/größe & mehr/a/x_test.go:12 +0x5":  "main.f()\n\tx_test.go:12 +0x5",
		"main.f()\n\tC:\\Users\\große & mehr\\x_test.go:12":   "main.f()\n\tx_test.go:12",
		"it fails at /home/a/x.go:3: no":                      "it fails at x.go:3: no",
		`it fails at "/home/a/x.go:3"`:                        `it fails at "x.go:3"`,
		"GET /v1.0/employeeExperience/learningProviders":      "GET /v1.0/employeeExperience/learningProviders",
		filepath.Join(home, "clients", "errata.yaml") + ":3":  "~/clients/errata.yaml:3",
		filepath.Join(fromModule("."), "suites", "none.yaml"): "suites/none.yaml",
		"errata.yaml:3: no such file":                         "errata.yaml:3: no such file",
	} {
		if got := withoutFolders(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestVersionOfThisModule(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"/root/go/pkg/mod/github.com/learncontract/learncontract@v0.3.0/suites/runreport.go": "v0.3.0",
		"github.com/learncontract/learncontract@v0.3.1-0.2026/suites/runreport.go":           "v0.3.1-0.2026",
		"/src/app/vendor/github.com/learncontract/learncontract/suites/runreport.go":         "(vendored)",
		"/src/learncontract/suites/runreport.go":                                             "(devel)",
	} {
		if got := versionIn(file); got != want {
			t.Errorf("of %s it is %s, want %s", file, got, want)
		}
	}
}

func TestFromModule(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"": "", "/out": "/out", "out": filepath.Join(root, "out"), "./a/../b": filepath.Join(root, "b")} {
		if got := fromModule(path); got != want {
			t.Errorf("%q is %q, want %q", path, got, want)
		}
	}
}

func TestTenantName(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		options options
		want    string
	}{
		{options{}, ""},
		{options{sandbox: "contoso.yaml"}, ""},
		{options{live: true, sandbox: "/a/contoso.yaml"}, "contoso"},
		{options{live: true, sandbox: "/a/sandbox.yaml"}, ""},
		{options{live: true}, ""},
		{options{replay: "/contoso"}, ""},
	} {
		s := &suiteRun{suite: &Suite{}, options: test.options}
		if got := s.tenantName(); got != test.want {
			t.Errorf("of %+v it is %q, want %q", test.options, got, test.want)
		}
	}
}

func TestRunBeforeItBegins(t *testing.T) {
	t.Parallel()
	s := Provider{Name: "graph"}.newRun(wire.Config(), options{live: true, sandbox: "contoso.yaml", strict: true, provoke: []string{"racy", "tenant"}})
	run := s.newReport("-run=x")
	if run.FileName() == "" || run.Transport != report.Live || run.Tenant != "contoso" || !run.Strict || run.Client.Name != "wire" ||
		run.Selection != "-run=x --provoke=racy,tenant --strict" || run.Provider != "graph" || run.Versions["go"] == "" {
		t.Errorf("it is %+v", run)
	}
	s.setOptions(options{replay: "x", strict: true})
	if run = s.newReport(""); run.Transport != report.Replay || run.Selection != "--strict" || !run.Strict {
		t.Errorf("of a replay it is %+v", run)
	}
	s.setOptions(options{strict: true, provoke: []string{"racy"}})
	if run = s.newReport(""); run.Transport != report.Offline || run.Selection != "" || run.Strict {
		t.Errorf("offline it is %+v", run)
	}
}

// A failure is told whole for three clauses of a cause, once for each, and in one line for the others.
func TestCausesAreToldOnce(t *testing.T) {
	t.Parallel()
	differs := func(field string) verdict.Verdict {
		return verdict.Verdict{Outcome: report.Broken, Reason: field + " is not surfaced as received"}
	}
	var c causes
	for _, test := range []struct {
		id, clause string
		v          verdict.Verdict
		want       string
	}{
		{"a#1", "a", differs("code"), "whole"},
		{"a#2", "a", differs("code"), "a#2: code is not surfaced as received"},
		{"b", "b", differs("code"), "whole"},
		{"b", "b", differs("status"), "whole"},
		{"success:c", "", differs("code"), "whole"},
		{"d", "d", differs("code"), "d: code is not surfaced as received"},
		{"d", "d", verdict.Verdict{Outcome: report.Broken, Reason: "it hangs"}, "whole"},
		{"e", "e", verdict.Verdict{Outcome: report.Broken, Reason: "it panicked"}, "whole"},
		{"d", "d", verdict.Verdict{Outcome: report.Engine, Reason: "it hangs"}, "whole"},
	} {
		if got := c.text(collect.Spec{ID: test.id, Clause: test.clause}, test.v, "whole"); got != test.want {
			t.Errorf("%s, %s: %q, want %q", test.id, test.v.Reason, got, test.want)
		}
	}
}

func TestSelectionOfGinkgo(t *testing.T) {
	t.Parallel()
	for want, config := range map[string]types.SuiteConfig{
		"":                            {},
		`--label-filter="status:429"`: {LabelFilter: "status:429"},
		`--focus-file="specs.go" --focus="a" --focus="b" --skip-file="d" --skip="c"`: {
			FocusStrings: []string{"b", "a"}, SkipStrings: []string{"c"}, FocusFiles: []string{"specs.go"}, SkipFiles: []string{"d"},
		},
		`--sem-ver-filter=">1"`: {SemVerFilter: ">1"},
	} {
		if got := selectionOf(config, types.ReporterConfig{}); got != want {
			t.Errorf("it is %s, want %s", got, want)
		}
	}
}

func TestRerunOfATest(t *testing.T) {
	t.Parallel()
	for test, want := range map[string]string{
		"TestA":            `'^TestA$/^{clause}$'`,
		"TestA/our_(1)/of": `'^TestA$/^our_\(1\)$/^of$/^{clause}$'`,
		"TestA/it's_a|b":   `'^TestA$/^it'\''s_a\|b$/^{clause}$'`,
	} {
		if got := rerunTest(test); got != "go test github.com/learncontract/learncontract/suites -run "+want {
			t.Errorf("of %s it is %s", test, got)
		}
	}
}

func TestNamesOfSubtests(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		spec         collect.Spec
		group, below string
	}{
		{collect.Spec{ID: "graph.get.throttled", Clause: "graph.get.throttled"}, "graph.get.throttled", "documented"},
		{collect.Spec{ID: "graph.get.throttled@second#text", Clause: "graph.get.throttled"}, "graph.get.throttled", "second.text"},
		{collect.Spec{ID: "graph.get.throttled~retries-date", Clause: "graph.get.throttled", Case: "retries-date"}, "graph.get.throttled", "retries-date"},
		{collect.Spec{ID: "success:graph.get"}, "graph.get.success", "success:graph.get"},
		{collect.Spec{ID: "network"}, "network", "documented"},
	} {
		sp := &spec{Spec: test.spec}
		if group, below := sp.group(), sp.below(sp.group()); group != test.group || below != test.below {
			t.Errorf("%s is %s/%s, want %s/%s", test.spec.ID, group, below, test.group, test.below)
		}
	}
	one, other := &spec{Spec: collect.Spec{ID: "a", Clause: "a"}}, &spec{Spec: collect.Spec{ID: "b", Clause: "b"}}
	groups := grouped([]*spec{other, one, other})
	if len(groups) != 2 || groups[0].name != "b" || len(groups[0].specs) != 2 || groups[1].name != "a" {
		t.Errorf("there are %d groups, the first is %+v", len(groups), groups[0])
	}
}

// What Ginkgo saw beside the verdict is in the record: a panic of the spec, a time-out, a clean-up that failed.
func TestJudgedByGinkgo(t *testing.T) {
	t.Parallel()
	broken := &verdict.Verdict{Outcome: report.Broken, Reason: "code", Text: "the code differs"}
	honored := &verdict.Verdict{Outcome: report.Honored}
	additional := []types.AdditionalFailure{{Failure: types.Failure{Message: "engine error: left behind"}}}
	for name, test := range map[string]struct {
		verdict *verdict.Verdict
		spec    types.SpecReport
		want    verdict.Verdict
	}{
		"passed":  {honored, types.SpecReport{State: types.SpecStatePassed}, *honored},
		"skipped": {honored, types.SpecReport{State: types.SpecStateSkipped}, *honored},
		"no verdict": {
			nil, types.SpecReport{State: types.SpecStatePassed},
			verdict.Verdict{Outcome: report.Engine, Reason: "the spec ended without a verdict", Text: "engine error: the spec ended without a verdict"},
		},
		"failed": {broken, types.SpecReport{State: types.SpecStateFailed, Failure: types.Failure{Message: "in one line"}}, *broken},
		"failed, with its clean-up": {
			broken, types.SpecReport{State: types.SpecStateFailed, AdditionalFailures: additional},
			verdict.Verdict{Outcome: report.Broken, Reason: "code", Text: "the code differs\n\nengine error: left behind"},
		},
		"only its clean-up failed": {
			honored, types.SpecReport{State: types.SpecStateFailed, Failure: types.Failure{Message: "engine error: left behind"}},
			verdict.Verdict{Outcome: report.Engine, Reason: "left behind", Text: "engine error: left behind"},
		},
		"panicked": {
			nil, types.SpecReport{State: types.SpecStatePanicked, Failure: types.Failure{Message: "Test Panicked", ForwardedPanic: "nil map"}},
			verdict.Verdict{Outcome: report.Engine, Reason: "Test Panicked nil map", Text: "engine error: Test Panicked\nnil map"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := judged(collect.Record{Verdict: test.verdict}, &test.spec).Verdict
			if got.Outcome != test.want.Outcome || got.Reason != test.want.Reason || got.Text != test.want.Text {
				t.Errorf("it is %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestFailedCleanUpOfASubtest(t *testing.T) {
	t.Parallel()
	broken := &verdict.Verdict{Outcome: report.Broken, Reason: "code", Text: "the code differs"}
	if v := withFailedCleanUp(broken, "engine error: left"); v.Outcome != report.Broken || v.Text != "the code differs\n\nengine error: left" || broken.Text != "the code differs" {
		t.Errorf("it is %+v", v)
	}
	for _, before := range []*verdict.Verdict{nil, {Outcome: report.Honored}} {
		if v := withFailedCleanUp(before, "engine error: left"); v.Outcome != report.Engine || v.Text != "engine error: left" {
			t.Errorf("it is %+v", v)
		}
	}
	records := completed([]*collect.Record{{Verdict: broken}, {}})
	if records[0].Verdict != broken || records[1].Verdict.Reason != "the subtest ended without a verdict" {
		t.Errorf("they are %v", records)
	}
}

// Specs that leave an action of the contract out, and a contract that there is not, are refused.
func TestSetUpRefuses(t *testing.T) {
	t.Parallel()
	sample, err := fixtures.Open(os.DirFS(filepath.Join("..", "fixtures", "testdata", "sample")))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		provider Provider
		want     string
	}{
		"no contract":   {Provider{Name: "nobody"}, "the contract of nobody cannot be loaded:"},
		"nothing":       {Provider{Name: "sample", Contract: sample, Specs: func(*Suite) {}}, "no spec checks sample."},
		"not an action": {Provider{Name: "sample", Contract: sample, Specs: func(s *Suite) { s.Each("get", nil) }}, "have Specs check the action"},
		"a case of no clause": {Provider{Name: "sample", Contract: sample, Specs: func(s *Suite) {
			for _, action := range fixtures.Actions() {
				s.Each(action, nil)
			}
			s.It("does", Case{Key: "empty", Clauses: "none.*"})
		}}, "a case or its errata are wrong:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := test.provider.newRun(wire.Config(), options{})
			if got := textOf(s.setUp(writer{t.Name(), t})); !strings.Contains(got, test.want) {
				t.Errorf("it says %q, want %q", got, test.want)
			}
		})
	}
}
