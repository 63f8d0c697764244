package suites

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/report"
)

// spec is a spec of a clause that ended in a state, with a failure's message and report entries by name.
func spec(clause string, state types.SpecState, message string, entries ...any) types.SpecReport {
	s := types.SpecReport{
		LeafNodeType: types.NodeTypeIt, LeafNodeLabels: []string{"status:429", "clause:" + clause}, State: state,
		Failure: types.Failure{Message: message}, RunTime: time.Millisecond,
	}
	for i := 0; i < len(entries); i += 2 {
		s.ReportEntries = append(s.ReportEntries, types.ReportEntry{Name: entries[i].(string), Value: types.WrapEntryValue(entries[i+1])})
	}
	return s
}

// sent is a report as another process sends it.
func sent(t *testing.T, run ginkgo.Report) (received ginkgo.Report) {
	t.Helper()
	text, err := json.Marshal(run)
	if err == nil {
		err = json.Unmarshal(text, &received)
	}
	if err != nil {
		t.Fatal(err)
	}
	return received
}

func gatherable(t *testing.T, l *Live) *Suite {
	t.Helper()
	contract, err := fixtures.Load("graph")
	if err != nil {
		t.Fatal(err)
	}
	s := New(contract)
	s.Live = l
	s.Client = clients.Config{Name: "connector", Exposes: []clients.Field{clients.Status, clients.Code}, New: Reference.New}
	s.Today = time.Date(2027, 5, 21, 0, 0, 0, 0, time.UTC)
	s.Errata = []*fixtures.Erratum{{
		Client: "connector", Module: "m", Version: "v1", Clauses: "graph.*", Field: "code", Seen: "gone", Why: "it was made so",
		Expires: time.Date(2027, 5, 31, 0, 0, 0, 0, time.UTC), File: "errata.yaml", Line: 7,
	}}
	return s
}

func TestOutcomesAreGathered(t *testing.T) {
	const id, plain = "graph.get.throttled", "graph.get.service-plan-missing" // in three wordings, and in one
	code := matchers.Deviation{Wording: plain, Field: "code", Documented: `"a"`, Received: `"b"`, Binds: true}
	told := matchers.Deviation{Wording: plain, Field: "message", Documented: `"a"`, Received: `"a"`, Surfaced: `"b"`, Binds: true}
	advisory := matchers.Deviation{Wording: plain, Field: "message", Documented: `"a"`, Received: `"b"`}
	offline, tenant := (*Live)(nil), &Live{}
	for name, test := range map[string]struct {
		live    *Live
		clause  string
		specs   []types.SpecReport
		outcome report.Outcome
		reason  string
	}{
		"a wording that passed": {
			offline, plain, []types.SpecReport{spec(plain, types.SpecStatePassed, "")}, report.Honored, "answered as documented, and told whole",
		},
		"one wording of three": {
			offline, id, []types.SpecReport{spec(id, types.SpecStatePassed, "")}, report.NotRun, "1 of 3 wordings asked: the selection left them out",
		},
		"one of three that failed": {
			offline, id, []types.SpecReport{spec(id, types.SpecStatePassed, ""), spec(id, types.SpecStateFailed, "It hangs.\n\nMore")}, report.Broken, "It hangs",
		},
		"a field that was answered otherwise": {
			offline, plain, []types.SpecReport{spec(plain, types.SpecStateFailed, "The answer broke it", deviationsEntry, []matchers.Deviation{code})},
			report.Broken, `code is answered as "b", and documented as "a"`,
		},
		"a field that was told otherwise": {
			offline, plain, []types.SpecReport{spec(plain, types.SpecStateFailed, "It does not tell", deviationsEntry, []matchers.Deviation{told})},
			report.Broken, `message is told as "b", and was answered as "a"`,
		},
		"a field that is not exposed": {
			offline, plain, []types.SpecReport{spec(plain, types.SpecStatePassed, "", lostEntry, "message")}, report.NotExposed,
			"honored, and connector does not expose its message",
		},
		"an erratum": {
			offline, plain, []types.SpecReport{spec(plain, types.SpecStatePassed, "", erratumEntry, "errata.yaml:7")}, report.Erratum,
			"it was made so; accepted for 10 more days",
		},
		"an unexpected pass": {
			offline, plain, []types.SpecReport{spec(plain, types.SpecStateFailed, "unexpected pass: it does not")}, report.UnexpectedPass, "unexpected pass: it does not",
		},
		"an operation that the client does not perform": {
			offline, plain, []types.SpecReport{spec(plain, types.SpecStateSkipped, unsupported+"it does not perform it")}, report.Unsupported, "it does not perform it",
		},
		"an engine error": {
			offline, plain, []types.SpecReport{spec(plain, types.SpecStateFailed, "engine error: no room")}, report.Engine, "no room",
		},
		"a panic of the spec": {
			offline, plain, []types.SpecReport{spec(plain, types.SpecStatePanicked, "Test Panicked")}, report.Engine, "Test Panicked",
		},
		"a panic of the client": {
			offline, plain, []types.SpecReport{spec(plain, types.SpecStateFailed, "connector panicked: nil map\ngoroutine 7 [running]:\nmain.f()")},
			report.Broken, "connector panicked: nil map",
		},
		"no spec at all": {offline, plain, nil, report.NotRun, "the selection left them out"},
		"a tenant that honors": {
			tenant, id, []types.SpecReport{spec(id, types.SpecStatePassed, "", outcomeEntry, string(Honored))}, report.Honored, "answered as documented, and told whole",
		},
		"a tenant that honors, of which the client does not tell": {
			tenant, plain, []types.SpecReport{spec(plain, types.SpecStateFailed, "x", outcomeEntry, string(Honored), deviationsEntry, []matchers.Deviation{told})},
			report.Broken, `the provider honors it, and its caller does not learn that: message is told as "b", and was answered as "a"`,
		},
		"a tenant that deviates": {
			tenant, plain, []types.SpecReport{spec(plain, types.SpecStatePassed, "", outcomeEntry, string(Deviating), deviationsEntry, []matchers.Deviation{advisory})},
			report.Deviating, "message differs, and does not bind",
		},
		"a tenant that answers another clause": {
			tenant, plain, []types.SpecReport{spec(plain, types.SpecStateSkipped, string(Another)+": it is graph.get.x\n403 Forbidden", outcomeEntry, string(Another))},
			report.Another, "it is graph.get.x",
		},
		"a tenant that answers what is not documented": {
			tenant, plain, []types.SpecReport{spec(plain, types.SpecStateFailed, "The answer broke it", outcomeEntry, string(Undocumented), deviationsEntry, []matchers.Deviation{code})},
			report.Undocumented, `code is answered as "b", and documented as "a"`,
		},
		"a tenant that is not asked": {
			tenant, plain, []types.SpecReport{spec(plain, types.SpecStateSkipped, notAsked+"no sandbox can", outcomeEntry, string(NotAsked))},
			report.NotRun, "no sandbox can",
		},
		"a tenant that is not cleaned up": {
			tenant, plain, []types.SpecReport{spec(plain, types.SpecStateFailed, engineFailure+"it stayed", outcomeEntry, string(Honored), outcomeEntry, string(EngineError))},
			report.Engine, "it stayed",
		},
		"a tenant whose time ended": {tenant, plain, []types.SpecReport{spec(plain, types.SpecStateTimedout, "A node timeout occurred")}, report.Engine, "A node timeout occurred"},
	} {
		t.Run(name, func(t *testing.T) {
			run := ginkgo.Report{SpecReports: test.specs, SuiteSucceeded: true}
			s := gatherable(t, test.live)
			here, there := s.gather(run), s.gather(sent(t, run))
			for i, r := range []*report.Report{here, there} {
				for _, result := range r.Runs[0].Results {
					if result.Reason == "" {
						t.Fatalf("%s has no reason", result.Clause)
					}
					if result.Clause == test.clause && (result.Outcome != test.outcome || result.Reason != test.reason) {
						t.Errorf("from process %d it is %s, %q; want %s, %q", i, result.Outcome, result.Reason, test.outcome, test.reason)
					}
				}
			}
			if !reflect.DeepEqual(here.Runs[0].Results, there.Runs[0].Results) {
				t.Error("from another process it is otherwise")
			}
		})
	}
}

func TestSchedulesAndChecksAreGathered(t *testing.T) {
	const id = "graph.get.throttled#error~retries-date"
	again := spec("", types.SpecStateFailed, "connector asks again too early", moreSchedulesEntry, "392", schedulesEntry, Schedules{{
		Client: "connector", Clause: "graph.get.throttled", Case: "a date", Outcome: "succeeded", Ended: 90 * time.Second,
		Attempts: []Attempt{{Status: 429, Asked: 90 * time.Second, Kept: 60 * time.Second}, {At: 60 * time.Second, Status: 200}},
	}})
	again.LeafNodeText, again.LeafNodeLabels = "answered 429, waits for a date", []string{"retries:graph.get.throttled", "case:" + id}
	again.ContainerHierarchyLabels = [][]string{{"provider:graph", "action:get"}}
	failed := types.SpecReport{LeafNodeType: types.NodeTypeBeforeSuite, State: types.SpecStateFailed, Failure: types.Failure{Message: "engine error: no room"}}
	theirs := spec("", types.SpecStateFailed, "of somebody else")
	theirs.LeafNodeLabels = nil
	run := ginkgo.Report{SpecReports: types.SpecReports{failed, again, theirs}, SuiteSucceeded: false}
	for _, r := range []*report.Report{gatherable(t, nil).gather(run), gatherable(t, nil).gather(sent(t, run))} {
		got := r.Runs[0]
		if want := []string{"engine error: BeforeSuite: no room"}; !reflect.DeepEqual(got.Problems, want) {
			t.Errorf("the problems are %q, want %q", got.Problems, want)
		}
		want := []*report.Check{{
			ID: id, Kind: report.Retries, Case: "retries-date", Title: "answered 429, waits for a date", Action: "get",
			Result: report.Result{
				Clause: "graph.get.throttled", Outcome: report.Broken, Reason: "connector asks again too early", Text: "connector asks again too early",
				Ran: 1, Seconds: 0.001, Schedules: []report.Schedule{{Case: "a date", Outcome: "succeeded", Ended: 90, Attempts: []report.Attempt{
					{Status: 429, RequestedDelay: 90, Waited: 60, EarlyBy: 30}, {At: 60, Status: 200},
				}}}, MoreSchedules: 392,
			},
		}}
		if !reflect.DeepEqual(got.ExtraChecks, want) {
			t.Errorf("the checks are %+v, want %+v", got.ExtraChecks, want)
		}
	}
}

func TestDeviationsAreScrubbedBeforeGinkgoHasThem(t *testing.T) {
	defer func(before func(string) string) { scrub = before }(scrub)
	scrub = func(text string) string { return strings.ReplaceAll(text, "token", "[masked]") }
	got := scrubbed([]matchers.Deviation{{Field: "code", Documented: "a token", Received: "token", Surfaced: "the token"}})
	want := []matchers.Deviation{{Field: "code", Documented: "a [masked]", Received: "[masked]", Surfaced: "the [masked]"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestAPieceHasNoFolderOfThisMachine(t *testing.T) {
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	text := "panicked: nil\ngoroutine 1 [running]:\nmain.f()\n\t" + here + "/ask.go:12 +0x1\nmain.g()\n\t/home/somebody/go/pkg/mod/example.com/m@v1/g.go:7\n" +
		"open " + filepath.Dir(here) + "/out/x.yaml: no such file"
	want := "panicked: nil\ngoroutine 1 [running]:\nmain.f()\n\task.go:12 +0x1\nmain.g()\n\tg.go:7\nopen out/x.yaml: no such file"
	if got := withoutFolders(text); got != want {
		t.Errorf("it is\n%s\nwant\n%s", got, want)
	}
}

func TestProgressIsShownBehindTheCursor(t *testing.T) {
	var nobody *progress
	nobody.next("graph.get.throttled") // shows nothing, and does not fail
	nobody.end()
	var screen strings.Builder
	p := &progress{screen: &screen, total: 41}
	p.next("graph.get.throttled")
	p.enters("the answer")
	p.waitsFor("30s, as graph.microsoft.com asks")
	p.end()
	const before, after = "\x1b7\x1b[?7l\x1b[K", "\x1b[?7h\x1b8"
	want := before + " clause 1 of 41: graph.get.throttled waits for its set-up" + after +
		before + " clause 1 of 41: graph.get.throttled waits for the answer" + after +
		before + " clause 1 of 41: graph.get.throttled waits for the answer: 30s, as graph.microsoft.com asks" + after + "\x1b[K"
	if screen.String() != want {
		t.Errorf("shown is %q, want %q", screen.String(), want)
	}
}

func TestALiveRunIsNamedForItsTenant(t *testing.T) {
	for _, test := range []struct {
		live *Live
		want string
	}{
		{nil, ""}, {&Live{Sandbox: "out/sandbox.yaml"}, ""}, {&Live{Sandbox: "/tenants/contoso.yaml"}, "contoso"},
		{&Live{Sandbox: "contoso.eu.yml"}, "contoso.eu"}, {&Live{Replay: "recorded"}, ""},
	} {
		if got := gatherable(t, test.live).gather(ginkgo.Report{}).Runs[0].Tenant; got != test.want {
			t.Errorf("of %+v it is %q, want %q", test.live, got, test.want)
		}
	}
}

func TestLiveRunsThatAskOtherwiseLeavePiecesOfTheirOwn(t *testing.T) {
	names := map[string]bool{}
	for _, l := range []Live{{}, {Provoke: []string{"tenant"}}, {Provoke: []string{"fixture", "racy"}}, {Strict: true}} {
		l.Sandbox = "contoso.yaml"
		names[gatherable(t, &l).named("graph", types.SuiteConfig{}).FileName()] = true
	}
	if len(names) != 4 || !names["graph-connector-live-contoso.json"] {
		t.Errorf("the files are %v", names)
	}
}

func TestThePieceOfTheLastTimeIsForgotten(t *testing.T) {
	defer func(before string) { reportFolder = before }(reportFolder)
	reportFolder = t.TempDir()
	file := filepath.Join(reportFolder, "graph-connector-offline.json")
	for name, test := range map[string]struct {
		config types.SuiteConfig
		stays  bool
	}{
		"a run":             {types.SuiteConfig{ParallelProcess: 1}, false},
		"a dry run":         {types.SuiteConfig{ParallelProcess: 1, DryRun: true}, true},
		"another process":   {types.SuiteConfig{ParallelProcess: 2}, true},
		"another selection": {types.SuiteConfig{ParallelProcess: 1, LabelFilter: "action:get"}, true},
	} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		gatherable(t, nil).forget(test.config)
		if _, err := os.Stat(file); (err == nil) != test.stays {
			t.Errorf("%s: %v", name, err)
		}
	}
}
