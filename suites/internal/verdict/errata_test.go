package verdict_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/report"
)

// erratum is one of the client that surfaces "gone", with changes.
func erratum(changes ...func(*fixtures.Erratum)) *fixtures.Erratum {
	e := &fixtures.Erratum{
		Client: "connector", Module: "example.com/connector", Version: "v1.2.3", Clauses: "sample.*.not-found", Field: "code", Seen: "gone",
		Why: "it was made so", Expires: time.Date(2027, 5, 31, 0, 0, 0, 0, time.UTC), File: "errata.yaml", Line: 7,
	}
	for _, change := range changes {
		change(e)
	}
	return e
}

func inCase(key, field, seen string) func(*fixtures.Erratum) {
	return func(e *fixtures.Erratum) { e.Case, e.Field, e.Seen = key, field, seen }
}

func TestErrata(t *testing.T) {
	t.Parallel()
	failing := func(instead func() error) func(error) error {
		return func(err error) error {
			if err == nil {
				return nil
			}
			return instead()
		}
	}
	tooLate := failing(func() error { return errors.New("too late: 17") })
	panics := failing(func() error { panic("no such code: 17") })
	const last, after = "2027-05-31T23:00:00Z", "2027-06-01T00:00:00Z"
	for name, test := range map[string]struct {
		change  func(error) error
		errata  []*fixtures.Erratum
		inCase  string
		today   string
		outcome report.Outcome
		text    string // part of it
	}{
		"known":                             {change: gone, errata: []*fixtures.Erratum{erratum()}, outcome: report.Honored},
		"by its code":                       {change: gone, errata: []*fixtures.Erratum{erratum(func(e *fixtures.Erratum) { e.Clauses = "Not Found" })}, outcome: report.Honored},
		"of another client":                 {change: gone, errata: []*fixtures.Erratum{erratum(func(e *fixtures.Erratum) { e.Client = "another" })}, outcome: report.Broken, text: `surfaced    "gone"`},
		"of another field":                  {change: gone, errata: []*fixtures.Erratum{erratum(inCase("", "message", "gone"))}, outcome: report.Broken, text: `surfaced    "gone"`},
		"that saw something else":           {change: gone, errata: []*fixtures.Erratum{erratum(inCase("", "code", "lost"))}, outcome: report.Broken, text: `surfaced    "gone"`},
		"that saw the beginning":            {change: gone, errata: []*fixtures.Erratum{erratum(inCase("", "code", "go"))}, outcome: report.Broken, text: `surfaced    "gone"`},
		"of another clause":                 {change: gone, errata: []*fixtures.Erratum{erratum(func(e *fixtures.Erratum) { e.Clauses = "sample.*.throttled" })}, outcome: report.Broken, text: `surfaced    "gone"`},
		"of a clause that is right":         {change: right, errata: []*fixtures.Erratum{erratum()}, outcome: report.UnexpectedPass, text: `errata.yaml:7 is stale: connector no longer shows the code of sample.things.get.not-found as "gone", as example.com/connector v1.2.3 did. Remove the erratum, or narrow it. If it is of another client of that name, give yours a name of its own.`},
		"one of two is stale":               {change: gone, errata: []*fixtures.Erratum{erratum(), erratum(inCase("", "code", "lost"))}, outcome: report.UnexpectedPass, text: `as "lost"`},
		"on its last day":                   {change: gone, errata: []*fixtures.Erratum{erratum()}, today: last, outcome: report.Honored},
		"expired":                           {change: gone, errata: []*fixtures.Erratum{erratum()}, today: after, outcome: report.Broken, text: "errata.yaml:7 expired on 2027-05-31, and connector still shows the code of sample.things.get.not-found as \"gone\": it was made so.\nLook again, and set a new date if it must be accepted."},
		"a known panic":                     {change: panics, errata: []*fixtures.Erratum{erratum(inCase("", "panic", "no such code"))}, outcome: report.Honored},
		"a known panic that has expired":    {change: panics, errata: []*fixtures.Erratum{erratum(inCase("", "panic", "no such code"))}, today: after, outcome: report.Broken, text: "expired"},
		"another panic":                     {change: panics, errata: []*fixtures.Erratum{erratum(inCase("", "panic", "nil map"))}, outcome: report.Broken, text: "connector panicked after it received sample.things.get.not-found: no such code: 17"},
		"a panic, of an erratum of nothing": {change: panics, errata: []*fixtures.Erratum{erratum(inCase("", "panic", ""))}, outcome: report.Broken, text: "panicked"},
		"a known error":                     {change: tooLate, errata: []*fixtures.Erratum{erratum(inCase("", "error", "too late"))}, outcome: report.Honored},
		"another error":                     {change: tooLate, errata: []*fixtures.Erratum{erratum(inCase("", "error", "late"))}, outcome: report.Broken, text: "too late: 17"},
		"an error that is no more":          {change: right, errata: []*fixtures.Erratum{erratum(inCase("", "error", "too late"))}, outcome: report.UnexpectedPass, text: `the error of sample.things.get.not-found as "too late"`},
		"in a case":                         {change: gone, errata: []*fixtures.Erratum{erratum(inCase("odd", "code", "gone"))}, inCase: "odd", outcome: report.Honored},
		"in a case that is right":           {change: right, errata: []*fixtures.Erratum{erratum(inCase("odd", "code", "gone"))}, inCase: "odd", outcome: report.UnexpectedPass, text: "the code of sample.things.get.not-found~odd as"},
		"in another case":                   {change: gone, errata: []*fixtures.Erratum{erratum(inCase("odd", "code", "gone"))}, inCase: "even", outcome: report.Broken, text: `surfaced    "gone"`},
		"in no case":                        {change: gone, errata: []*fixtures.Erratum{erratum()}, inCase: "odd", outcome: report.Broken, text: `surfaced    "gone"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := judge(t, surfacing("connector", test.change), test.errata...)
			if test.today != "" {
				var err error
				if j.Today, err = time.Parse(time.RFC3339, test.today); err != nil {
					t.Fatal(err)
				}
			}
			w := first(j.Client.Contract, "get.not-found")
			v := j.Wording(w, test.inCase, receive(t, j, w, w.Response()))
			if v.Outcome != test.outcome || !strings.Contains(v.Text, test.text) || v.Outcome.Fails() != (v.Reason != "") {
				t.Errorf("it is %s, %q, want %s\n%s", v.Outcome, v.Reason, test.outcome, v.Text)
			}
			if confirmed := strings.Join(v.Errata, " "); (confirmed == "errata.yaml:7") != (v.Outcome == report.Honored) {
				t.Errorf("confirmed are %q", confirmed)
			}
		})
	}
}

// An erratum of the client's own file is of no other client of its name.
func TestAStaleErratumOfItsOwnFile(t *testing.T) {
	t.Parallel()
	config := surfacing("connector", right)
	config.Errata = "errata.yaml"
	j := judge(t, config, erratum())
	w := first(j.Client.Contract, "get.not-found")
	v := j.Wording(w, "", receive(t, j, w, w.Response()))
	if v.Outcome != report.UnexpectedPass || strings.Contains(v.Text, "name of its own") || v.Reason != `errata.yaml:7 is stale: connector no longer shows its code as "gone"` {
		t.Errorf("it is %s, %q\n%s", v.Outcome, v.Reason, v.Text)
	}
}

func TestSeen(t *testing.T) {
	t.Parallel()
	j := judge(t, surfacing("connector", right), erratum(inCase("own", "attempts", "4")))
	w := first(j.Client.Contract, "get.not-found")
	for seen, want := range map[string]report.Outcome{"4": report.Honored, "1": report.UnexpectedPass, "5": report.Broken} {
		if v := j.Seen(w, "own", "attempts", "1", seen); v.Outcome != want {
			t.Errorf("%s attempts are %s, %s, want %s", seen, v.Outcome, v.Reason, want)
		}
	}
	if v := j.Seen(w, "own", "attempts", "1", "5"); v.Text != "connector is wrong in the attempts of sample.things.get.not-found~own:\n  want  1\n  got   5" {
		t.Errorf("the text is %s", v.Text)
	}
	if v := judge(t, surfacing("connector", right)).Seen(w, "own", "attempts", "1", "1"); v.Outcome != report.Honored || v.Errata != nil {
		t.Errorf("what is right is %+v", v)
	}
}

const header = "errata:\n"

func entry(of, clauses, more string) string {
	return "  - {client: " + of + ", module: example.com/m, version: v1.0.0, provider: sample, clauses: '" + clauses + "', why: it was made so, expires: 2099-12-31, " + more + "}\n"
}

func TestLoadErrata(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, test := range map[string]struct {
		file    string // text of the client's file; "" for none
		change  func(*client.Config)
		known   []*fixtures.Erratum
		problem string
		loaded  int
	}{
		"none":                        {},
		"of others":                   {known: []*fixtures.Erratum{erratum(func(e *fixtures.Erratum) { e.Client, e.Field = "another", "codes" })}, loaded: 1},
		"its own":                     {file: header + entry("connector", "sample.*.not-found", "field: code, seen: gone"), known: []*fixtures.Erratum{erratum()}, loaded: 2},
		"of another in its file":      {file: header + entry("another", "sample.*.not-found", "field: code, seen: gone"), problem: `client is "another", and the file is that of "connector": give each client a file of its own`, loaded: 1},
		"a file that is missing":      {change: func(c *client.Config) { c.Errata = filepath.Join(folder, "none.yaml") }, problem: "none.yaml"},
		"a field that is none":        {known: []*fixtures.Erratum{erratum(inCase("", "codes", "gone"))}, problem: `errata.yaml:7: field is "codes", which connector does not expose: use one of ["status" "code" "name" "message" "details" "retry-after" "request id" "panic" "error" "body"]`, loaded: 1},
		"a field that is not exposed": {change: func(c *client.Config) { c.Exposes = []client.Field{client.Status} }, known: []*fixtures.Erratum{erratum()}, problem: `field is "code", which connector does not expose: use one of ["status" "panic" "error" "body"]`, loaded: 1},
		"a field of a case":           {known: []*fixtures.Erratum{erratum(inCase("own", "attempts", "4"))}, loaded: 1},
		"a panic and an error":        {known: []*fixtures.Erratum{erratum(inCase("", "panic", "x")), erratum(inCase("", "error", "x"))}, loaded: 2},
		"of no clause":                {known: []*fixtures.Erratum{erratum(func(e *fixtures.Erratum) { e.Clauses = "sample.nosuch.*" })}, problem: `errata.yaml:7: clauses is "sample.nosuch.*", which names no clause of an operation that connector performs: give a code, or a pattern of ids, or take it out`, loaded: 1},
		"of operations it lacks":      {change: func(c *client.Config) { c.New = only("sample.things.create") }, known: []*fixtures.Erratum{erratum()}, problem: "names no clause of an operation that connector performs", loaded: 1},
		"of operations it has":        {change: func(c *client.Config) { c.New = only("sample.things.update") }, known: []*fixtures.Erratum{erratum()}, loaded: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := surfacing("connector", right)
			if test.file != "" {
				config.Errata = filepath.Join(t.TempDir(), "errata.yaml")
				if err := os.WriteFile(config.Errata, []byte(test.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if test.change != nil {
				test.change(&config)
			}
			j := judge(t, config, test.known...)
			err := j.LoadErrata()
			if (err == nil) != (test.problem == "") || err != nil && !strings.Contains(err.Error(), test.problem) {
				t.Errorf("the error is %v, want %s", err, test.problem)
			}
			if len(j.Errata) != test.loaded {
				t.Errorf("it has %d errata, want %d", len(j.Errata), test.loaded)
			}
		})
	}
}

// only constructs a client that performs one operation.
func only(id string) func(*http.Client, string) (client.Calls, error) {
	return func(given *http.Client, base string) (client.Calls, error) {
		calls, err := surfacing("connector", right).New(given, base)
		return client.Calls{id: calls["*"]}, err
	}
}

func TestCheckCases(t *testing.T) {
	t.Parallel()
	w := first(sample(t), "get.not-found")
	const own = "own.yaml"
	of := func(file, key, clauses string) *fixtures.Erratum {
		return erratum(inCase(key, "code", "gone"), func(e *fixtures.Erratum) { e.File, e.Clauses = file, clauses })
	}
	cases := func(keys ...string) map[string][]*fixtures.Wording {
		all := map[string][]*fixtures.Wording{}
		for _, key := range keys {
			all[key] = []*fixtures.Wording{w}
		}
		return all
	}
	const found = "sample.*.not-found"
	for name, test := range map[string]struct {
		errata  []*fixtures.Erratum
		cases   map[string][]*fixtures.Wording
		problem string
	}{
		"that is run":                              {[]*fixtures.Erratum{of("errata.yaml", "odd", found)}, cases("odd"), ""},
		"that is not run":                          {[]*fixtures.Erratum{of("errata.yaml", "none", found)}, cases("odd", "even"), `errata.yaml:7: case is "none", which no spec runs for "sample.*.not-found": use one of ["even" "odd"]`},
		"of other clauses":                         {[]*fixtures.Erratum{of("errata.yaml", "odd", "sample.*.throttled")}, cases("odd"), `case is "odd", which no spec runs for "sample.*.throttled": use one of ["odd"]`},
		"in no case":                               {[]*fixtures.Erratum{of("errata.yaml", "", found)}, cases("odd"), ""},
		"of another client":                        {[]*fixtures.Erratum{erratum(inCase("none", "code", "gone"), func(e *fixtures.Erratum) { e.Client = "another" })}, cases("odd"), ""},
		"embedded, of a suite without cases":       {[]*fixtures.Erratum{of("errata.yaml", "odd", found)}, nil, ""},
		"embedded, of retries only":                {[]*fixtures.Erratum{of("errata.yaml", "odd", found)}, cases("retries-once"), ""},
		"embedded, of retries, of a suite without": {[]*fixtures.Erratum{of("errata.yaml", "retries-date", found)}, cases("odd"), ""},
		"embedded, of other retries":               {[]*fixtures.Erratum{of("errata.yaml", "retries-date", found)}, cases("odd", "retries-once"), `case is "retries-date", which no spec runs for "sample.*.not-found": use one of ["retries-once"]`},
		"its own, of a suite without such cases":   {[]*fixtures.Erratum{of(own, "odd", found)}, cases("retries-once"), `case is "odd", which no spec runs for "sample.*.not-found": use one of ["retries-once"]`},
		"its own, of a suite without cases":        {[]*fixtures.Erratum{of(own, "odd", found)}, nil, `case is "odd", which no spec runs for "sample.*.not-found": take it out`},
		"a case of no clause":                      {nil, map[string][]*fixtures.Wording{"empty": nil}, `the case "empty" is of no clause of sample: correct its pattern, a code or a pattern of ids`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := surfacing("connector", right)
			config.Errata = own
			err := judge(t, config, test.errata...).CheckCases(test.cases)
			if (err == nil) != (test.problem == "") || err != nil && !strings.Contains(err.Error(), test.problem) {
				t.Errorf("the error is %v, want %s", err, test.problem)
			}
		})
	}
	// Of a client that performs some operations, a case may be of none of them.
	config := surfacing("connector", right)
	config.New = only("sample.things.create")
	if err := judge(t, config).CheckCases(map[string][]*fixtures.Wording{"empty": nil}); err != nil {
		t.Error(err)
	}
}
