package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/learncontract/learncontract/fixtures"
)

// contract runs the command in process.
func contract(args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = run(args, &out, &errs)
	return status, out.String(), errs.String()
}

// printed is what the command prints; it must run.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	status, stdout, stderr := contract(args...)
	if status != 0 || stderr != "" {
		t.Fatalf("contract %s: exit status %d, %s", strings.Join(args, " "), status, stderr)
	}
	return stdout
}

// TestListing compares the list of each provider's clauses, which changes with the provider's data.
func TestListing(t *testing.T) {
	for _, provider := range fixtures.Providers() {
		t.Run(provider, func(t *testing.T) { golden(t, "listing", provider, printed(t, "list", provider)) })
	}
}

func TestTexts(t *testing.T) {
	for name, args := range map[string]string{
		"help":          "--help",
		"help-list":     "list --help",
		"help-show":     "show --help",
		"help-report":   "report --help",
		"help-drift":    "drift --help",
		"help-import":   "import --help",
		"help-export":   "export --help",
		"help-openapi":  "export openapi --help",
		"help-wiremock": "export wiremock --help",
		"help-serve":    "serve --help",
		"help-plan":     "plan --help",
		"help-doctor":   "doctor --help",
		"help-sweep":    "sweep --help",
	} {
		t.Run(name, func(t *testing.T) { golden(t, "help", name, printed(t, strings.Fields(args)...)) })
	}
	for name, id := range map[string]string{
		"show-plain":          "graph.get.service-plan-missing",
		"show-many-fields":    "graph.create.fields-invalid",
		"show-throttled":      "graph.update.throttled",
		"show-repaired":       "graph.get.missing-scope",
		"show-named":          "classroom.courses.patch.failed-precondition.CourseNotModifiable",
		"show-seen-in-public": "classroom.courses.patch.failed-precondition",
	} {
		t.Run(name, func(t *testing.T) { golden(t, "show", name, printed(t, "show", id)) })
	}
	alike := []string{
		"graph.update.missing-scope", "graph.update.service-plan-missing", "graph.update.learner-license",
		"classroom.courses.patch.failed-precondition.CourseNotModifiable",
	}
	t.Run("show-json", func(t *testing.T) {
		golden(t, "show", "show-json", texted(t, func(w io.Writer) error { return writeJSON(w, only(t, alike...)[:1]) }))
	})
	t.Run("list", func(t *testing.T) {
		golden(t, "list", "list", texted(t, func(w io.Writer) error { return writeList(w, only(t, alike...)) }))
	})
	t.Run("look-alikes", func(t *testing.T) {
		golden(t, "list", "look-alikes", texted(t, func(w io.Writer) error { return writeLookAlikes(w, only(t, alike...)) }))
	})
	t.Run("look-alikes-none", func(t *testing.T) {
		golden(t, "list", "look-alikes-none", texted(t, func(w io.Writer) error { return writeLookAlikes(w, only(t, alike[3])) }))
	})
}

// TestListSelects compares each filter of list with the same selection made here.
func TestListSelects(t *testing.T) {
	var selected []*fixtures.Clause
	for _, c := range clauses(contracts(t)) {
		if c.Operation.Contract.Provider == "graph" && c.Operation.Action == "update" && c.Status == 403 {
			selected = append(selected, c)
		}
	}
	want := texted(t, func(w io.Writer) error { return writeList(w, selected) })
	if got := printed(t, "list", "graph", "--action", "update", "--status", "403"); len(selected) == 0 || got != want {
		t.Errorf("list prints\n%s\nwant\n%s", got, want)
	}
	want = texted(t, func(w io.Writer) error { return writeLookAlikes(w, selected) })
	if got := printed(t, "list", "--action", "update", "--status", "403", "--look-alikes"); !strings.Contains(got, strings.SplitAfter(want, "\n\n")[0]) {
		t.Errorf("list --look-alikes prints\n%s\nwant\n%s", got, want)
	}
}

// planned matches the first line of a plan.
var planned = regexp.MustCompile(`: (\d+) clauses are \w+ \(.*\), with \d+ requests at most, and (\d+) are not\. `)

// timed matches how long a plan takes, what it waits for, and what its numbers leave out.
var timed = regexp.MustCompile(`\nTime: about \w+ for [1-9]\d* requests, .*\nWaits: .* up to 30m0s all together, .*\nNot counted: .*pages of a list after its first, `)

// TestPlan compares what a plan says of some clauses, and counts all.
func TestPlan(t *testing.T) {
	ids := []string{
		"graph.create.registration-id-invalid", "graph.get.method-not-supported", "graph.get.missing-scope", "graph.get.throttled", "graph.update.fields-empty",
		"classroom.courses.create.already-exists",
	}
	for name, args := range map[string]string{
		"plan":      "plan graph --sandbox testdata/sandbox.yaml",
		"plan-more": "plan --sandbox testdata/sandbox.yaml --provoke fixture,racy",
	} {
		t.Run(name, func(t *testing.T) {
			text, heading, excerpt := printed(t, strings.Fields(args)...), "", ""
			for line := range strings.Lines(text) {
				id, _, _ := strings.Cut(strings.TrimSpace(line), " ")
				chosen := slices.Contains(ids, id)
				switch {
				case !strings.HasPrefix(line, "    "): // a clause, with its requests below it, or a reason
					heading = line
					if chosen {
						excerpt += line
					}
				case chosen: // a clause below its reason
					excerpt += heading + line
				case slices.ContainsFunc(ids, func(id string) bool { return strings.HasPrefix(heading, "  "+id+" ") }):
					excerpt += line
				}
			}
			golden(t, "plan", name, excerpt)
			if !timed.MatchString(text) {
				t.Errorf("a plan says nothing of its time, its waits or what it does not count:\n%.900s", text)
			}
			counts := planned.FindStringSubmatch(text)
			if counts == nil {
				t.Fatalf("a plan begins\n%.300s", text)
			}
			provoked, _ := strconv.Atoi(counts[1])
			others, _ := strconv.Atoi(counts[2])
			if want := len(clauses(contracts(t, "graph"))); provoked == 0 || provoked+others != want {
				t.Errorf("a plan has %d and %d clauses of graph, want %d together", provoked, others, want)
			}
		})
	}
}

// TestPlanAsJSON compares plans with their schema, and their digests with each other.
func TestPlanAsJSON(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("plan.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := compiler(t, document)("")
	if err != nil {
		t.Fatal(err)
	}
	digests := map[string]string{}
	for _, flags := range []string{"", " --provoke fixture", " --provoke fixture,racy", " --read-only"} {
		text := printed(t, strings.Fields("plan graph --json --sandbox testdata/sandbox.yaml"+flags)...)
		plans, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(plans); err != nil {
			t.Errorf("%s: %v", flags, err)
		}
		if again := printed(t, strings.Fields("plan graph --json --sandbox testdata/sandbox.yaml"+flags)...); again != text {
			t.Errorf("%s: two plans differ", flags)
		}
		_, digest, _ := strings.Cut(text, `"digest": "`)
		if other, has := digests[digest]; has {
			t.Errorf("the plans of %q and %q have one digest", other, flags)
		}
		digests[digest] = flags
	}
}

func TestErrors(t *testing.T) {
	choices := func(provider, action string) string { // of --status
		var statuses []string
		for _, c := range clauses(contracts(t)) {
			if c.Operation.Contract.Provider == provider && (action == "" || c.Operation.Action == action) {
				statuses = append(statuses, strconv.Itoa(c.Status))
			}
		}
		slices.Sort(statuses)
		return joinOr(slices.Compact(statuses))
	}
	for _, c := range []struct{ args, want string }{
		{"list grap", `unknown provider "grap": use classroom or graph`},
		{"list graph classroom", `list was given 2 providers: use classroom or graph, or none for all`},
		{"list --action teleport", `no clause of classroom or graph has --action "teleport":` +
			` use create, delete, get, list, other or update`},
		{"list graph --status 418", `no clause of graph has --status "418": use ` + choices("graph", "")},
		{"list graph --status 4O3", `no clause of graph has --status "4O3": use ` + choices("graph", "")},
		{"list graph --status=", `no clause of graph has --status "": use ` + choices("graph", "")},
		{"list graph --status 404 --action create", `no clause of graph with --action create has --status "404":` +
			` use ` + choices("graph", "create")},
		{"help nope", `unknown command "nope": use list, show, drift, import, plan, doctor, sweep, export, serve or report`},
		{"help export nope", `export knows no format "nope": use openapi or wiremock`},
		{"list --status", `flag needs an argument: --status: go tool contract list --help lists the flags`},
		{"list --stats 403", `unknown flag: --stats: go tool contract list --help lists the flags`},
		{"show", `show takes one clause id, and was given 0: go tool contract list prints them`},
		{"show graph.update.learner-licence", `no clause has the id "graph.update.learner-licence":` +
			` did you mean graph.update.learner-license or graph.create.learner-license?` +
			` go tool contract list prints all ids`},
		{"show graph.update.throttled#eror", `no clause has the id "graph.update.throttled#eror":` +
			` did you mean graph.update.throttled?` +
			` go tool contract list prints all ids`},
		{"show courses.patch.failed-precondition.coursenot", `no clause has the id` +
			` "courses.patch.failed-precondition.coursenot":` +
			` did you mean classroom.courses.patch.failed-precondition.CourseNotModifiable?` +
			` go tool contract list prints all ids`},
		{"plan", "--sandbox FILE is missing: it names what a run may touch, and suites/live/sandbox.example.yaml is an example"},
		{"plan --sandbox none.yaml", "none.yaml: does not exist: copy suites/live/sandbox.example.yaml and fill in what your tenant has"},
		{"plan classroom --sandbox testdata/sandbox.yaml", "guard: testdata/sandbox.yaml does not name classroom.domain," +
			" without which no identity can be proved: name it"},
		{"plan --sandbox testdata/sandbox.yaml --provoke never,sure", "--provoke=never: clauses of this class cannot be provoked, and go tool contract plan says why: take it out\n" +
			"--provoke=sure: there is no such class: use safe, fixture, notifies, tenant, racy"},
		{"plan --sandbox testdata/empty.yaml", "testdata/empty.yaml configures no tenant: fill in what yours has," +
			" as suites/live/sandbox.example.yaml shows"},
		{"sweep graph classroom --sandbox x", `sweep was given 2 providers: use classroom or graph, or none for all`},
		{"show quux", `no clause has the id "quux": go tool contract list prints all ids`},
		{"lst", `unknown command "lst": use list, show, drift, import, plan, doctor, sweep, export, serve or report`},
	} {
		t.Run(c.args, func(t *testing.T) {
			status, stdout, stderr := contract(strings.Fields(c.args)...)
			if want := "contract: " + c.want + "\n"; status != 2 || stdout != "" || stderr != want {
				t.Errorf("exit status %d, want 2; standard output %q, want none; standard error\n%swant\n%s",
					status, stdout, stderr, want)
			}
		})
	}
}

func TestShowsTheClauseOfAWording(t *testing.T) {
	if printed(t, "show", "graph.update.throttled#text") != printed(t, "show", "graph.update.throttled") {
		t.Error("the id of a wording and that of its clause must show the same")
	}
}

// full is a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestUnwritableOutput(t *testing.T) {
	for _, args := range []string{
		"list", "list --json", "list --look-alikes", "list --schema", "show graph.update.throttled", "show graph.update.throttled --json",
	} {
		var stderr bytes.Buffer
		status := run(strings.Fields(args), full{}, &stderr)
		if want := "contract: no space left\n"; status != 2 || stderr.String() != want {
			t.Errorf("contract %s: exit status %d, want 2; %q, want %q", args, status, stderr.String(), want)
		}
	}
}

// The schema is checked against every clause, and must name every key: for its readers others are allowed, here not.
func TestJSON(t *testing.T) {
	compiled := closedSchema(t, "list", "--schema")

	var ids []string
	for _, provider := range fixtures.Providers() {
		c, err := fixtures.Load(provider)
		if err != nil {
			t.Fatal(err)
		}
		for clause := range c.Clauses() {
			for _, w := range clause.Wordings {
				ids = append(ids, w.ID())
			}
		}
	}
	var listed []string
	all := printed(t, "list", "--json")
	valid(t, compiled, all)
	for _, clause := range decoded(t, all).Clauses {
		for _, w := range clause.Wordings {
			listed = append(listed, w.ID)
		}
	}
	if !slices.Equal(listed, ids) {
		t.Errorf("list --json has %d wordings, and the contracts have %d, or others", len(listed), len(ids))
	}

	var want []string // those of the updates that look alike
	for _, c := range clauses(contracts(t)) {
		if c.Operation.ID == "graph.update" && len(c.LookAlikes()) > 0 {
			want = append(want, c.ID)
		}
	}
	alike := printed(t, "list", "graph", "--action", "update", "--look-alikes", "--json")
	valid(t, compiled, alike)
	var got []string
	for _, c := range decoded(t, alike).Clauses {
		got = append(got, c.ID)
		if len(c.Alike) == 0 {
			t.Errorf("%s looks like no other, and is printed with --look-alikes", c.ID)
		}
	}
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("look-alikes of the updates are %q, want %q", got, want)
	}

	shown := printed(t, "show", "graph.update.learner-license", "--json")
	valid(t, compiled, shown)
	if clauses := decoded(t, shown).Clauses; len(clauses) != 1 || clauses[0].ID != "graph.update.learner-license" {
		t.Errorf("show --json has the clauses %v", clauses)
	}

	rejects(t, compiled, shown, `"version": 2`, `"version": 1`)
	rejects(t, compiled, shown, `"status": "exact"`, `"status": "loose"`)
	rejects(t, compiled, shown, `"defects"`, `"faults"`)
}

func valid(t *testing.T, schema *jsonschema.Schema, text string) {
	t.Helper()
	instance, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(instance); err != nil {
		t.Error(err)
	}
}

// listed is what the tests read of --json.
type listed struct {
	Clauses []struct {
		ID       string
		Wordings []struct{ ID string }
		Alike    []string `json:"lookAlikes"`
	}
}

func decoded(t *testing.T, text string) (all listed) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// closeObjects has a schema allow no properties but those it names. It must require them all.
func closeObjects(t *testing.T, schema any) {
	t.Helper()
	switch schema := schema.(type) {
	case map[string]any:
		if properties, ok := schema["properties"].(map[string]any); ok {
			schema["additionalProperties"] = false
			required, _ := schema["required"].([]any)
			for name := range properties {
				if !slices.Contains(required, any(name)) {
					t.Errorf("the schema says every key is always there, and does not require %q", name)
				}
			}
		}
		for _, inner := range schema {
			closeObjects(t, inner)
		}
	case []any:
		for _, inner := range schema {
			closeObjects(t, inner)
		}
	}
}

func TestCompletion(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string // among what is proposed
		not  string   // not proposed
	}{
		{[]string{"list", ""}, []string{"graph", "classroom"}, ""},
		{[]string{"list", "graph", ""}, nil, "classroom"},
		{[]string{"list", "graph", "--action", ""}, []string{"create", "get", "update", "delete"}, "other"},
		{[]string{"list", "graph", "--action", "create", "--status", ""}, []string{"403", "429"}, "404"},
		{[]string{"list", "grap", "--status", ""}, nil, "403"},
		{[]string{"show", "graph.update."}, []string{"graph.update.throttled", "graph.update.learner-license"},
			"graph.get.throttled"},
		{[]string{"show", "classroom.courses.patch"},
			[]string{"classroom.courses.patch.failed-precondition.CourseNotModifiable"}, "graph.get.throttled"},
		{[]string{"show", "graph.get.throttled", ""}, nil, "graph.get.throttled"},
	} {
		// cobra prints on standard error what the shell should do about files.
		status, stdout, _ := contract(append([]string{"__completeNoDesc"}, c.args...)...)
		proposed := strings.Fields(stdout)
		if status != 0 || !slices.Contains(proposed, ":4") {
			t.Errorf("%q: exit status %d, and no \":4\", which keeps files out, in %q", c.args, status, proposed)
		}
		for _, want := range c.want {
			if !slices.Contains(proposed, want) {
				t.Errorf("%q proposes %q, without %q", c.args, proposed, want)
			}
		}
		if slices.Contains(proposed, c.not) {
			t.Errorf("%q proposes %q, with %q", c.args, proposed, c.not)
		}
	}
	_, described, _ := contract("__complete", "show", "graph.get.thr")
	if want := "graph.get.throttled\tresponds 429 Too Many Requests when "; !strings.HasPrefix(described, want) {
		t.Errorf("an id is proposed as %q, want %q at the start", described, want)
	}
}

// go.mod has the tool line, and the command works as its users start it.
func TestGoTool(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs commands of its own, compiled without this run's race detector: leave out -short")
	}
	args := []string{"list", "graph", "--status", "429"}
	command := exec.CommandContext(t.Context(), "go", append([]string{"tool", "contract"}, args...)...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdout, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	if want := printed(t, args...); string(stdout) != want {
		t.Errorf("go tool contract prints\n%s\nwant\n%s", stdout, want)
	}
}
