package verdict_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/call"
	"github.com/learncontract/learncontract/suites/internal/mutation"
	"github.com/learncontract/learncontract/suites/internal/verdict"
	"github.com/learncontract/learncontract/suites/report"
)

// providerJudge judges responses of the sample's provider, whose errata are those.
func providerJudge(t *testing.T, errata ...*fixtures.Erratum) *verdict.Judge {
	t.Helper()
	contract, err := fixtures.Open(os.DirFS("../../../fixtures/testdata/sample"))
	if err != nil {
		t.Fatal(err)
	}
	return &verdict.Judge{Client: &call.Client{Config: client.Config{Name: "acme"}, Contract: contract}, Errata: errata, Today: today}
}

// received is a tenant's response to a request of the operation.
func received(o *fixtures.Operation, r fixtures.Response) exchange.Exchange {
	return exchange.New(o.Method, o.URL(), r, today)
}

// replaced is a response with a text of its body replaced.
func replaced(t *testing.T, r fixtures.Response, from, to string) fixtures.Response {
	t.Helper()
	if !bytes.Contains(r.Body, []byte(from)) {
		t.Fatalf("the body has no %q: %s", from, r.Body)
	}
	r.Body = bytes.Replace(r.Body, []byte(from), []byte(to), 1)
	return r
}

// ofProvider is an erratum of the provider: the code of a clause that is not found is seen as that.
func ofProvider(seen string) *fixtures.Erratum {
	return &fixtures.Erratum{
		Client: "sample", Module: "api.sample.example", Version: "v1", Clauses: "sample.things.delete.not-found", Field: "code",
		Seen: seen, Why: "it was seen", Expires: time.Date(2027, 5, 31, 0, 0, 0, 0, time.UTC), File: "errata.yaml", Line: 1,
	}
}

func TestProvider(t *testing.T) {
	t.Parallel()
	const update, deletion = "sample.things.update.", "sample.things.delete.not-found"
	same := func(r fixtures.Response) fixtures.Response { return r }
	edit := func(from, to string) func(fixtures.Response) fixtures.Response {
		return func(r fixtures.Response) fixtures.Response { return replaced(t, r, from, to) }
	}
	gone := edit(`"Not Found"`, `"GONE"`)
	status := func(status int) func(fixtures.Response) fixtures.Response {
		return func(r fixtures.Response) fixtures.Response { r.Status = status; return r }
	}
	otherWords := edit("This method isn't allowed.", "Something else is the matter.")
	for name, test := range map[string]struct {
		clause, of string // of is the clause whose response is received, clause by default
		change     func(fixtures.Response) fixtures.Response
		strict     bool
		class      string
		errata     []string // what is seen of the code
		today      time.Time
		outcome    report.Outcome
		reason     string // begins so
		says       string
		is         string // the clause that the response honors
	}{
		"honored":      {clause: update + "method-not-allowed", change: same, outcome: report.Honored, is: update + "method-not-allowed"},
		"its spelling": {clause: update + "method-not-allowed", change: edit(`"Method Not Allowed"`, `"methodNotAllowed"`), outcome: report.Deviating, reason: "code differs, and does not bind", says: `received "methodNotAllowed"`, is: update + "method-not-allowed"},
		"other words":  {clause: update + "method-not-allowed", change: otherWords, outcome: report.Deviating, reason: "message differs, and does not bind", says: "Something else is the matter.", is: update + "method-not-allowed"},
		"both": {
			clause: update + "method-not-allowed", outcome: report.Deviating, reason: "code, message differs, and does not bind", is: update + "method-not-allowed",
			change: func(r fixtures.Response) fixtures.Response {
				return replaced(t, otherWords(r), `"Method Not Allowed"`, `"methodNotAllowed"`)
			},
		},
		"other words, strict": {clause: update + "method-not-allowed", change: otherWords, strict: true, outcome: report.Broken, reason: `message is received as "Something else`, says: "Something else is the matter."},
		"another code":        {clause: update + "method-not-allowed", change: edit(`"Method Not Allowed"`, `"Gone"`), outcome: report.Broken, reason: `code is received as "Gone", and documented as "Method Not Allowed"`, says: "PATCH https://api.sample.example"},
		"another clause":      {clause: update + "method-not-allowed", of: update + "not-found", change: same, outcome: report.Another, reason: "the response is " + update + "not-found", says: "was provoked, and the response is", is: update + "not-found"},
		"another clause, the same code": {
			clause: update + "scope-missing", of: update + "plan-missing", change: same, outcome: report.Another,
			reason: "the response is " + update + "plan-missing", is: update + "plan-missing",
		},
		"undocumented": {
			clause: update + "method-not-allowed", change: status(http.StatusTeapot), outcome: report.Undocumented,
			reason: "status is received as 418", says: "A clause for it, to be completed",
		},
		"a success": {
			clause: update + "method-not-allowed", change: status(http.StatusOK), class: "fixture", outcome: report.Undocumented,
			reason: "status is received as 200 OK",
		},
		"a race that is lost": {
			clause: update + "method-not-allowed", change: status(http.StatusOK), class: "racy", outcome: report.Another,
			reason: "the provocation came too late", says: "was provoked too late",
		},
		"a race, redirected": {
			clause: update + "method-not-allowed", change: status(http.StatusMultipleChoices), class: "racy", outcome: report.Undocumented,
			reason: "status is received as 300",
		},

		"no erratum":      {clause: deletion, change: gone, outcome: report.Broken, reason: `code is received as "GONE"`},
		"a known erratum": {clause: deletion, change: gone, errata: []string{"GONE"}, outcome: report.Erratum, reason: "code differs, as is known of the provider", says: `received "GONE"`},
		"a known erratum, and what does not bind": {
			clause: deletion, errata: []string{"GONE"}, outcome: report.Erratum, reason: "code, message differs, as is known of the provider",
			change: func(r fixtures.Response) fixtures.Response { return replaced(t, gone(r), "The thing", "A thing") },
		},
		"on its last day":  {clause: deletion, change: gone, errata: []string{"GONE"}, today: today.AddDate(0, 0, 30), outcome: report.Erratum, reason: "code differs"},
		"an expired one":   {clause: deletion, change: gone, errata: []string{"GONE"}, today: today.AddDate(0, 2, 0), outcome: report.Broken, reason: "errata.yaml:1 expired on 2027-05-31", says: "sample still shows"},
		"another erratum":  {clause: deletion, change: gone, errata: []string{"LOST"}, outcome: report.UnexpectedPass, reason: "errata.yaml:1 is stale", says: `sample no longer shows the code of ` + deletion + ` as "LOST"`},
		"a stale one":      {clause: deletion, change: same, errata: []string{"GONE"}, outcome: report.UnexpectedPass, reason: "errata.yaml:1 is stale", is: deletion},
		"one of two stale": {clause: deletion, change: gone, errata: []string{"GONE", "LOST"}, outcome: report.UnexpectedPass, reason: "errata.yaml:1 is stale", says: `"LOST"`},
		"and more differs": {
			clause: deletion, errata: []string{"GONE"}, outcome: report.Broken, reason: "Content-Type is received as (missing)", says: `"GONE"`,
			change: func(r fixtures.Response) fixtures.Response {
				r = gone(r)
				r.Header = r.Header.Clone()
				r.Header.Del("Content-Type")
				return r
			},
		},
		"of another outcome": {clause: deletion, change: status(http.StatusTeapot), errata: []string{"GONE"}, outcome: report.Undocumented, reason: "status is received as 418"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := providerJudge(t)
			for _, seen := range test.errata {
				j.Errata = append(j.Errata, ofProvider(seen))
			}
			if !test.today.IsZero() {
				j.Today = test.today
			}
			clause, of := j.Client.Contract.Clause(test.clause), j.Client.Contract.Clause(test.clause)
			if test.of != "" {
				of = j.Client.Contract.Clause(test.of)
			}
			x := received(clause.Operation, test.change(of.Wordings[0].Response()))
			p := j.Provider(clause, x, test.strict, test.class)
			v := p.Verdict
			if v.Outcome != test.outcome || !strings.HasPrefix(v.Reason, test.reason) || !strings.Contains(v.Text, test.says) {
				t.Errorf("it is %s, %q, want %s, %q; and its text must have %q:\n%s", v.Outcome, v.Reason, test.outcome, test.reason, test.says, v.Text)
			}
			if (v.Text == "") != (v.Outcome == report.Honored) || v.Status != x.Status() || v.Response != x.String() {
				t.Errorf("the verdict lacks the text or the response: %+v", v)
			}
			if is := ""; p.Is != nil {
				if is = p.Is.ID; is != test.is {
					t.Errorf("the response honors %s, want %q", is, test.is)
				}
			} else if test.is != "" {
				t.Errorf("the response honors nothing, want %s", test.is)
			}
			if (len(v.Errata) > 0) != (v.Outcome == report.Erratum) {
				t.Errorf("the errata are %q", v.Errata)
			}
			for _, d := range v.Deviations {
				if d.Wording != p.Wording.ID() {
					t.Errorf("a deviation is of %s, and the wording is %s", d.Wording, p.Wording.ID())
				}
			}
			if p.Wording.Clause != clause {
				t.Errorf("the wording is %s, of another clause", p.Wording.ID())
			}
		})
	}
}

// TestProviderNearestWording has a response be of a clause's second wording.
func TestProviderNearestWording(t *testing.T) {
	t.Parallel()
	j := providerJudge(t)
	clause := j.Client.Contract.Clause("sample.things.update.not-yours")
	for _, w := range clause.Wordings {
		if p := j.Provider(clause, received(clause.Operation, w.Response()), true, "safe"); p.Verdict.Outcome != report.Honored || p.Wording != w {
			t.Errorf("%s is %s, as %s", w.ID(), p.Verdict.Outcome, p.Wording.ID())
		}
	}
}

// TestProviderHonor has the matcher of the specs' bodies come to what the verdict does.
func TestProviderHonor(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		live, strict bool
		errata       []*fixtures.Erratum
		from, to     string
		want         bool
	}{
		"offline":                      {false, false, nil, "The thing", "A thing", false},
		"offline, with its erratum":    {false, false, []*fixtures.Erratum{ofProvider("GONE")}, "Not Found", "GONE", false},
		"live":                         {true, false, nil, "The thing", "A thing", true},
		"live, strict":                 {true, true, nil, "The thing", "A thing", false},
		"live, another code":           {true, false, nil, "Not Found", "GONE", false},
		"live, with its erratum":       {true, false, []*fixtures.Erratum{ofProvider("GONE")}, "Not Found", "GONE", true},
		"live, with another's erratum": {true, false, []*fixtures.Erratum{ofProvider("LOST")}, "Not Found", "GONE", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := providerJudge(t, test.errata...)
			w := j.Client.Contract.Clause("sample.things.delete.not-found").Wordings[0]
			x := received(w.Clause.Operation, replaced(t, w.Response(), test.from, test.to))
			if got, err := j.Honor(w, test.live, test.strict).Match(x); got != test.want || err != nil {
				t.Errorf("it matches: %v, %v, want %v", got, err, test.want)
			}
		})
	}
}

// TestReceived has a response honor its clause, and the client surface it, or not.
func TestReceived(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err     func(client.Failure) error
		exposes []client.Field
		own     []*fixtures.Erratum
		change  string // of the message
		outcome report.Outcome
		reason  string
		exposed string // what is not
	}{
		"surfaced": {err: func(f client.Failure) error { return f }, outcome: report.Honored},
		"surfaced, and deviating": {
			err: func(f client.Failure) error { return f }, change: "Something else.", outcome: report.Deviating, reason: "message differs",
		},
		"not exposed": {
			err: func(f client.Failure) error { return f }, exposes: []client.Field{client.Status, client.Code}, outcome: report.Honored, exposed: "message",
		},
		"nil": {
			err: func(client.Failure) error { return nil }, outcome: report.Broken,
			reason: "the provider honors the clause, and the client does not surface it: acme returned nil although the API responded with a failure",
		},
		"no failure": {
			err: func(client.Failure) error { return errors.New("EOF") }, outcome: report.Broken,
			reason: "the provider honors the clause, and the client does not surface it: acme returned an error that carries no failure",
		},
		"a wrong field": {
			err: func(f client.Failure) error { f.Code = "x"; return f }, outcome: report.Broken,
			reason: `the provider honors the clause, and the client does not surface it: code is not surfaced as received`,
		},
		"a known erratum of the client": {
			err: func(f client.Failure) error { f.Code = "x"; return f }, outcome: report.Honored,
			own: []*fixtures.Erratum{{Client: "acme", Clauses: "sample.*", Field: "code", Seen: "x", Expires: today.AddDate(0, 1, 0), File: "own.yaml", Line: 3}},
		},
		"a stale erratum of the client": {
			err: func(f client.Failure) error { return f }, outcome: report.UnexpectedPass,
			own:    []*fixtures.Erratum{{Client: "acme", Clauses: "sample.*", Field: "code", Seen: "x", Expires: today.AddDate(0, 1, 0), File: "own.yaml", Line: 3}},
			reason: "the provider honors the clause, and the client does not surface it: own.yaml:3 is stale",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := providerJudge(t, test.own...)
			j.Client.Exposes = test.exposes
			clause := j.Client.Contract.Clause("sample.things.update.method-not-allowed")
			response := clause.Wordings[0].Response()
			message := "This method isn't allowed."
			if test.change != "" {
				response, message = replaced(t, response, message, test.change), test.change
			}
			x := received(clause.Operation, response)
			p := j.Provider(clause, x, false, "safe")
			failure := client.Failure{Status: 405, Code: "Method Not Allowed", Message: message, RequestID: x.Header("request-id")}
			r := &call.Result{Exchanges: []exchange.Exchange{x}, Surfaced: j.Client.Surfaced(test.err(failure), x)}
			v := j.Received(p, r)
			if v.Outcome != test.outcome || !strings.HasPrefix(v.Reason, test.reason) || v.Status != 405 || v.Response == "" {
				t.Errorf("it is %s, %q, want %s, %q:\n%s", v.Outcome, v.Reason, test.outcome, test.reason, v.Text)
			}
			isWrong := v.Outcome == report.Broken && strings.Contains(v.Reason, "surfaced as")
			surfaced := slices.ContainsFunc(v.Deviations, func(d matchers.Deviation) bool { return d.Surfaced != "" && d.Binds })
			if (v.Text == "") != (v.Outcome == report.Honored) || isWrong != surfaced {
				t.Errorf("the text is %q, and the deviations are %v", v.Text, v.Deviations)
			}
			if got := strings.Join(v.NotExposed, ", "); !strings.Contains(got, test.exposed) || test.exposed == "" && got != "" {
				t.Errorf("not exposed are %q", got)
			}
			if excused := len(test.own) > 0 && v.Outcome == report.Honored; excused != (len(v.Errata) > 0) {
				t.Errorf("the errata are %q", v.Errata)
			}
		})
	}
}

// bindingOf is how strongly a change binds, by the field that an operator names, the bindings of the clause, and whether the code
// is another in its spelling only; "" if that depends.
func bindingOf(clause *fixtures.Clause, operator string, sameCode bool) fixtures.Binding {
	field, change, _ := strings.Cut(operator, ": ")
	b := clause.Bindings
	switch field {
	case "status", "repeated status":
		return b.Status
	case "code":
		switch {
		case slices.Contains([]string{"missing", "null", "a number", "moved out of error"}, change):
			return b.Shape // the schema wants a text there
		case b.Code == fixtures.Spelling && !sameCode:
			return fixtures.Exact
		case b.Code == fixtures.Spelling:
			return fixtures.Advisory
		}
		return b.Code
	case "name":
		return b.Name
	case "message":
		switch {
		case slices.Contains([]string{"missing", "null", "an object"}, change):
			return b.Shape
		case change == "another clause's":
			return "" // it may be that clause to the letter
		case change == "empty" && clause.Name != "":
			return b.Name
		case change != "an apostrophe swapped" && b.Message == fixtures.Spelling:
			return fixtures.Exact
		}
		return b.Message
	case "details":
		if change == "a string" {
			return b.Shape
		}
		return b.Details
	case "innerError":
		if change == "a string" {
			return b.Shape
		}
		return b.InnerError
	case "Retry-After":
		if change != "missing" && b.RetryAfter != fixtures.None {
			return fixtures.Exact // a header that is there must make sense
		}
		return b.RetryAfter
	}
	return b.Shape
}

// TestProviderDrift changes each documented response in every way of package mutation: what binds is found, what does not bind is
// noted and fails nothing, and what is harmless is neither.
func TestProviderDrift(t *testing.T) {
	t.Parallel()
	j := providerJudge(t)
	found, noted := 0, 0
	for clause := range j.Client.Contract.Clauses() {
		for _, w := range clause.Wordings {
			response := w.Response()
			before := j.Provider(clause, received(clause.Operation, response), false, "safe").Verdict
			if before.Outcome != report.Honored && before.Outcome != report.Deviating {
				t.Errorf("%s is %s unchanged:\n%s", w.ID(), before.Outcome, before.Text)
			}
			for _, o := range mutation.Harmful() {
				for i, changed := range o.Apply(w, response) {
					after := j.Provider(clause, received(clause.Operation, changed), false, "safe").Verdict
					what := fmt.Sprintf("%s, %s (%d)", w.ID(), o.Name, i)
					binds := after.Outcome == report.Broken || after.Outcome == report.Undocumented || after.Outcome == report.Another
					switch bindingOf(clause, o.Name, hasSameCode(response, changed)) {
					case fixtures.Exact:
						found++
						if !binds {
							t.Errorf("%s binds, and is %s\n%s", what, after.Outcome, after.Text)
						}
					case fixtures.Spelling, fixtures.Advisory:
						noted++
						another := len(clause.Wordings) > 1 && after.Outcome == report.Honored // wording of the same clause, as it now is
						if after.Outcome == report.Broken || after.Outcome == report.Undocumented {
							t.Errorf("%s does not bind, and is %s\n%s", what, after.Outcome, after.Text)
						}
						if !binds && !another && after.Text == before.Text {
							t.Errorf("%s is not seen", what)
						}
					case fixtures.None:
						if binds {
							t.Errorf("%s is not compared, and is %s\n%s", what, after.Outcome, after.Text)
						}
					}
				}
			}
			for _, o := range mutation.Harmless() {
				for i, changed := range o.Apply(w, response) {
					after := j.Provider(clause, received(clause.Operation, changed), false, "safe").Verdict
					if after.Outcome != report.Honored && after.Outcome != report.Deviating {
						t.Errorf("%s, %s (%d): it is %s\n%s", w.ID(), o.Name, i, after.Outcome, after.Text)
					}
				}
			}
		}
	}
	if found < 100 || noted < 100 {
		t.Errorf("too little was changed: %d that binds, %d that does not", found, noted)
	}
}

// hasSameCode reports whether the codes of two responses differ in their spelling alone.
func hasSameCode(a, b fixtures.Response) bool {
	code := func(r fixtures.Response) string {
		var body struct{ Error struct{ Status any } }
		_ = json.Unmarshal(r.Body, &body) // what is no JSON has no code
		return fixtures.Normalize(fmt.Sprint(body.Error.Status))
	}
	return code(a) == code(b)
}
