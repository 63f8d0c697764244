package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/learncontract/learncontract/fixtures"
)

var update = flag.Bool("update", false, "rewrite ci/contract/testdata/*.golden with the texts as they are")

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

// Each case is what the command prints, in testdata/NAME.golden.
func TestTexts(t *testing.T) {
	cases := map[string]string{
		"help":                "--help",
		"help-list":           "list --help",
		"help-show":           "show --help",
		"help-report":         "report --help",
		"help-drift":          "drift --help",
		"help-graph":          "drift graph --help",
		"help-classroom":      "drift classroom --help",
		"help-plan":           "plan --help",
		"help-sweep":          "sweep --help",
		"plan":                "plan graph --sandbox testdata/sandbox.yaml",
		"plan-more":           "plan --sandbox testdata/sandbox.yaml --provoke fixture,racy",
		"list":                "list",
		"list-selected":       "list graph --action update --status 403",
		"look-alikes":         "list graph --look-alikes",
		"look-alikes-chosen":  "list --action update --status 403 --look-alikes",
		"look-alikes-none":    "list classroom --look-alikes",
		"show-plain":          "show graph.get.service-plan-missing",
		"show-many-fields":    "show graph.create.fields-invalid",
		"show-throttled":      "show graph.update.throttled",
		"show-repaired":       "show graph.get.missing-scope",
		"show-named":          "show classroom.courses.patch.failed-precondition.CourseNotModifiable",
		"show-seen-in-public": "show classroom.courses.patch.failed-precondition",
		"show-json":           "show graph.create.fields-invalid --json",
	}
	for name, args := range cases {
		t.Run(name, func(t *testing.T) {
			text := printed(t, strings.Fields(args)...)
			file := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v: go test ./ci/contract -update writes it", err)
			}
			if text != string(want) {
				t.Errorf("contract %s prints\n%s\nand %s has\n%s", args, text, file, want)
			}
		})
	}
	files, err := filepath.Glob("testdata/*.golden")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if _, ok := cases[strings.TrimSuffix(filepath.Base(file), ".golden")]; !ok {
			t.Errorf("%s belongs to no case: delete it", file)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"list grap", `unknown provider "grap": use classroom or graph, or none for all`},
		{"list graph classroom", `list was given 2 providers: use classroom or graph, or none for all`},
		{"list --action teleport", `no clause of classroom or graph has --action "teleport":` +
			` use create, delete, get, list, other or update`},
		{"list graph --status 418", `no clause of graph has --status "418": use 400, 403, 404, 405, 429, 500 or 503`},
		{"list graph --status 4O3", `no clause of graph has --status "4O3": use 400, 403, 404, 405, 429, 500 or 503`},
		{"list graph --status=", `no clause of graph has --status "": use 400, 403, 404, 405, 429, 500 or 503`},
		{"list graph --status 404 --action create", `no clause of graph with --action create has --status "404":` +
			` use 400, 403, 429, 500 or 503`},
		{"list --status", `flag needs an argument: --status: go tool contract list --help lists the flags`},
		{"list --stats 403", `unknown flag: --stats: go tool contract list --help lists the flags`},
		{"show", `show takes one clause id, and was given 0: go tool contract list prints them`},
		{"show graph.update.learner-licence", `no clause has the id "graph.update.learner-licence":` +
			` did you mean graph.update.learner-license or graph.create.learner-license?` +
			` go tool contract list prints all ids`},
		{"show graph.update.throttled#eror", `no clause has the id "graph.update.throttled#eror":` +
			` did you mean graph.update.throttled, graph.create.throttled or graph.delete.throttled?` +
			` go tool contract list prints all ids`},
		{"show courses.patch.failed-precondition.coursenot", `no clause has the id` +
			` "courses.patch.failed-precondition.coursenot":` +
			` did you mean classroom.courses.patch.failed-precondition.CourseNotModifiable?` +
			` go tool contract list prints all ids`},
		{"plan", "--sandbox FILE is missing: it names what a run may touch, and suites/live/sandbox.example.yaml is an example"},
		{"plan --sandbox none.yaml", "none.yaml: does not exist: copy suites/live/sandbox.example.yaml and fill in what your tenant has"},
		{"plan classroom --sandbox testdata/sandbox.yaml", "guard: testdata/sandbox.yaml does not name classroom.domain," +
			" without which nobody can be told from another: name it"},
		{"plan --sandbox testdata/sandbox.yaml --provoke never,sure", "--provoke=never: what is of this class cannot be asked for, and plan says why of each: take it out\n" +
			"--provoke=sure: there is no such class: use safe, fixture, tenant, racy"},
		{"plan --sandbox testdata/empty.yaml", "testdata/empty.yaml has nothing of a tenant: fill in what yours has," +
			" as suites/live/sandbox.example.yaml shows"},
		{"sweep graph classroom --sandbox x", `sweep was given 2 providers: use classroom or graph, or none for all`},
		{"show quux", `no clause has the id "quux": go tool contract list prints all ids`},
		{"lst", `unknown command "lst": use list, show, drift, import, plan, sweep, export, serve or report`},
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

// full is a disk without room.
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

// The schema is held against every clause, and must name every key: for its readers others are allowed, here not.
func TestJSON(t *testing.T) {
	text := printed(t, "list", "--schema")
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	closeObjects(t, document)
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	if err := compiler.AddResource("clauses.schema.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("clauses.schema.json")
	if err != nil {
		t.Fatal(err)
	}

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

	none := printed(t, "list", "graph", "--status", "429", "--look-alikes", "--json")
	valid(t, compiled, none)
	if clauses := decoded(t, none).Clauses; len(clauses) != 0 {
		t.Errorf("with --look-alikes are printed %v, which look like no other", clauses)
	}
	alike := printed(t, "list", "graph", "--action", "update", "--status", "403", "--look-alikes", "--json")
	valid(t, compiled, alike)
	if clauses := decoded(t, alike).Clauses; len(clauses) != 4 || len(clauses[0].Alike) != 3 {
		t.Errorf("the four 403 of an update are %v", clauses)
	}

	shown := printed(t, "show", "graph.update.learner-license", "--json")
	valid(t, compiled, shown)
	if clauses := decoded(t, shown).Clauses; len(clauses) != 1 || clauses[0].ID != "graph.update.learner-license" {
		t.Errorf("show --json has the clauses %v", clauses)
	}

	for _, wrong := range []string{
		strings.Replace(shown, `"version": 2`, `"version": 1`, 1),
		strings.Replace(shown, `"status": "exact"`, `"status": "loose"`, 1),
		strings.Replace(shown, `"defects"`, `"faults"`, 1),
	} {
		instance, err := jsonschema.UnmarshalJSON(strings.NewReader(wrong))
		if err != nil {
			t.Fatal(err)
		}
		if wrong == shown || compiled.Validate(instance) == nil {
			t.Errorf("the schema allows\n%s", wrong)
		}
	}
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

func decoded(t *testing.T, text string) (all jsonClauses) {
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
		// cobra tells on standard error what the shell should do about files.
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
	if want := "graph.get.throttled\tanswers 429 Too Many Requests when "; !strings.HasPrefix(described, want) {
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
