package verdict_test

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/call"
	"github.com/learncontract/learncontract/suites/report"
)

// tenants is a tenant's response, made of a wording's.
func tenants(w *fixtures.Wording, change func(*fixtures.Response)) exchange.Exchange {
	response := w.Response()
	change(&response)
	return exchange.New(w.Clause.Operation.Method, w.Clause.Operation.URL(), response, time.Now())
}

func replacing(old, text string) func(*fixtures.Response) {
	return func(r *fixtures.Response) { r.Body = []byte(strings.ReplaceAll(string(r.Body), old, text)) }
}

// otherMessage gives the response another message.
func otherMessage(r *fixtures.Response) {
	r.Body = regexp.MustCompile(`"message":"[^"]*"`).ReplaceAll(r.Body, []byte(`"message":"It is gone."`))
}

// providers is an erratum of the provider.
func providers(changes ...func(*fixtures.Erratum)) *fixtures.Erratum {
	return erratum(append([]func(*fixtures.Erratum){func(e *fixtures.Erratum) {
		e.Client, e.Clauses, e.Field, e.Seen = "sample", "sample.things.get.*", "message", "It is gone."
	}}, changes...)...)
}

func TestProviderOutcomes(t *testing.T) {
	t.Parallel()
	contract := sample(t)
	const notFound, unavailable = "get.not-found", "get.unavailable"
	coded := replacing(`"status":"Not Found"`, `"status":"Nowhere"`)
	for name, test := range map[string]struct {
		provoked, received string // clauses
		change             func(*fixtures.Response)
		strict             bool
		class              string
		errata             []*fixtures.Erratum
		outcome            report.Outcome
		reason, text       string // part of each
		is                 string
	}{
		"honored":              {notFound, notFound, func(*fixtures.Response) {}, false, "safe", nil, report.Honored, "", "", notFound},
		"honored, by spelling": {notFound, notFound, replacing(`"status":"Not Found"`, `"status":"notfound"`), false, "safe", nil, report.Deviating, "code differs, and does not bind", `code: documented "Not Found", received "notfound"`, notFound},
		"deviating":            {notFound, notFound, otherMessage, false, "safe", nil, report.Deviating, "message differs, and does not bind", `received "It is gone."`, notFound},
		"strictly":             {notFound, notFound, otherMessage, true, "safe", nil, report.Broken, `message is received as "It is gone."`, "It is gone.", ""},
		"broken":               {notFound, notFound, coded, false, "safe", nil, report.Broken, `code is received as "Nowhere"`, "Nowhere", ""},
		"another clause":       {notFound, unavailable, func(*fixtures.Response) {}, false, "safe", nil, report.Another, "the response is sample.things.get.unavailable", "sample.things.get.not-found was provoked, and the response is sample.things.get.unavailable\n503 Service Unavailable", unavailable},
		"undocumented": {notFound, notFound, func(r *fixtures.Response) { r.Status = http.StatusConflict }, false, "safe", nil, report.Undocumented, "status is received as 409 Conflict",
			"\nA clause for it, to be completed at every … and given the row that documents it under sources:\n\n  - key: not-found-2\n", ""},
		"a success":           {notFound, notFound, func(r *fixtures.Response) { *r = contract.Operation("sample.things.get").SuccessResponse() }, false, "safe", nil, report.Undocumented, "status is received as 200 OK", "", ""},
		"a success too late":  {notFound, notFound, func(r *fixtures.Response) { *r = contract.Operation("sample.things.get").SuccessResponse() }, false, "racy", nil, report.Another, "the provocation came too late: the response is a success", "sample.things.get.not-found was provoked too late: the response is a success\n200 OK", ""},
		"racy, and a failure": {notFound, notFound, func(r *fixtures.Response) { r.Status = http.StatusConflict }, false, "racy", nil, report.Undocumented, "status is received as 409 Conflict", "A clause for it", ""},

		"a known deviation":            {notFound, notFound, otherMessage, false, "safe", []*fixtures.Erratum{providers()}, report.Erratum, "message differs, as is known of the provider", `received "It is gone."`, notFound},
		"a known one that binds":       {notFound, notFound, coded, false, "safe", []*fixtures.Erratum{providers(inCase("", "code", "Nowhere"))}, report.Erratum, "code differs, as is known of the provider", `received "Nowhere"`, ""},
		"a known one beside another":   {notFound, notFound, func(r *fixtures.Response) { coded(r); otherMessage(r) }, false, "safe", []*fixtures.Erratum{providers()}, report.Broken, `code is received as "Nowhere"`, "Nowhere", ""},
		"a known one of a client":      {notFound, notFound, otherMessage, false, "safe", []*fixtures.Erratum{erratum(inCase("", "message", "It is gone."))}, report.Deviating, "message differs, and does not bind", "", notFound},
		"a known one that is no more":  {notFound, notFound, func(*fixtures.Response) {}, false, "safe", []*fixtures.Erratum{providers()}, report.UnexpectedPass, "errata.yaml:7 is stale", "Remove the erratum", notFound},
		"a known one that has expired": {notFound, notFound, otherMessage, false, "safe", []*fixtures.Erratum{providers(func(e *fixtures.Erratum) { e.Expires = today.AddDate(0, 0, -2) })}, report.Broken, "errata.yaml:7 expired on 2027-04-29", "Look again", notFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := judge(t, surfacing("connector", right), test.errata...)
			contract := j.Client.Contract
			x := tenants(first(contract, test.received), test.change)
			p := j.Provider(contract.Clause("sample.things."+test.provoked), x, test.strict, test.class)
			v := p.Verdict
			if v.Outcome != test.outcome || !strings.Contains(v.Reason, test.reason) || !strings.Contains(v.Text, test.text) {
				t.Errorf("it is %s, %q, want %s\n%s", v.Outcome, v.Reason, test.outcome, v.Text)
			}
			if got := ""; p.Is != nil && strings.TrimPrefix(p.Is.ID, "sample.things.") != test.is || p.Is == nil && test.is != got {
				t.Errorf("it is the clause %v, want %q", p.Is, test.is)
			}
			if v.Status != x.Status() || v.Response != x.String() || p.Wording == nil {
				t.Errorf("the response is kept as %d %s", v.Status, v.Response)
			}
			if (v.Outcome == report.Erratum) != (len(v.Errata) == 1) {
				t.Errorf("confirmed are %q", v.Errata)
			}
		})
	}
	j := judge(t, surfacing("connector", right))
	if p := j.Provider(contract.Clause("sample.things."+notFound), exchange.Exchange{}, false, ""); p.Verdict.Outcome != report.Engine {
		t.Errorf("of no response it is %+v", p.Verdict)
	}
}

// A named error that only lacks its name is the clause that was provoked, and broken; a sibling is another.
func TestProviderTellsClausesApart(t *testing.T) {
	t.Parallel()
	j := judge(t, surfacing("connector", right))
	named := first(j.Client.Contract, "update.failed-precondition.OwnerIneligible")
	for name, test := range map[string]struct {
		change  func(*fixtures.Response)
		outcome report.Outcome
	}{
		"without its name":                 {replacing("@OwnerIneligible ", ""), report.Broken},
		"with the name of a sibling":       {replacing("@OwnerIneligible The owner is ineligible.", "@ThingNotModifiable The thing is not modifiable."), report.Another},
		"with the message of the section":  {replacing("@OwnerIneligible The owner is ineligible.", "Precondition check failed."), report.Another},
		"with the spelling of the section": {replacing("@OwnerIneligible The owner is ineligible.", "precondition check failed"), report.Another},
	} {
		v := j.Provider(named.Clause, tenants(named, test.change), false, "safe").Verdict
		if v.Outcome != test.outcome {
			t.Errorf("%s it is %s, %q\n%s", name, v.Outcome, v.Reason, v.Text)
		}
	}
	fields := first(j.Client.Contract, "update.fields-missing")
	v := j.Provider(fields.Clause, tenants(first(j.Client.Contract, "update.fields-empty"), func(*fixtures.Response) {}), false, "safe").Verdict
	if v.Outcome != report.Another {
		t.Errorf("of a look-alike it is %s, %q", v.Outcome, v.Reason)
	}
}

func TestHonorBindsAsMuchAsIsRunFor(t *testing.T) {
	t.Parallel()
	contract := sample(t)
	w := first(contract, "get.not-found")
	x := tenants(w, otherMessage)
	coded := tenants(w, replacing(`"status":"Not Found"`, `"status":"Nowhere"`))
	for _, test := range []struct {
		live, strict  bool
		errata        []*fixtures.Erratum
		message, code bool // whether another honors the wording
	}{
		{false, false, nil, false, false},
		{false, true, nil, false, false},
		{true, false, nil, true, false},
		{true, true, nil, false, false},
		{false, false, []*fixtures.Erratum{providers()}, false, false},
		{true, true, []*fixtures.Erratum{providers()}, true, false},
		{true, false, []*fixtures.Erratum{providers(inCase("", "code", "Nowhere"))}, true, true},
		{true, false, []*fixtures.Erratum{erratum(inCase("", "code", "Nowhere"))}, true, false},
	} {
		j := judge(t, surfacing("connector", right), test.errata...)
		message, err := j.Honor(w, test.live, test.strict).Match(x)
		code, codeErr := j.Honor(w, test.live, test.strict).Match(coded)
		if err = errors.Join(err, codeErr); err != nil || message != test.message || code != test.code {
			t.Errorf("%+v: another message honors it: %t, another code: %t, %v", test, message, code, err)
		}
	}
}

func TestReceivedJoinsBothVerdicts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change  func(error) error
		exposes []client.Field
		errata  []*fixtures.Erratum
		outcome report.Outcome
		reason  string
	}{
		"surfaced":      {right, nil, nil, report.Deviating, "message differs, and does not bind"},
		"not exposed":   {right, []client.Field{client.Code}, nil, report.Deviating, "message differs, and does not bind"},
		"misreported":   {gone, nil, nil, report.Broken, `the provider honors the clause, and the client does not surface it: code is not surfaced as received`},
		"nil":           {func(error) error { return nil }, nil, nil, report.Broken, "the provider honors the clause, and the client does not surface it: connector returned nil although the API responded with a failure"},
		"known":         {gone, nil, []*fixtures.Erratum{erratum()}, report.Deviating, "message differs, and does not bind"},
		"known no more": {right, nil, []*fixtures.Erratum{erratum()}, report.UnexpectedPass, "the provider honors the clause, and the client does not surface it: errata.yaml:7 is stale"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := surfacing("connector", test.change)
			config.Exposes = test.exposes
			j := judge(t, config, test.errata...)
			w := first(j.Client.Contract, "get.not-found")
			x := tenants(w, otherMessage)
			envelope := j.Client.Contract.Envelope
			failure := client.Failure{Status: x.Status(), Code: x.TextAt(envelope.Code), Message: x.TextAt(envelope.Message), RequestID: x.Header("Request-Id")}
			r := &call.Result{Exchanges: []exchange.Exchange{x}, Surfaced: config.Surfaced(test.change(failure), x)}
			p := j.Provider(w.Clause, x, false, "safe")
			v := j.Received(p, r)
			if v.Outcome != test.outcome || !strings.HasPrefix(v.Reason, test.reason) || v.Status != http.StatusNotFound || v.Text == "" {
				t.Errorf("it is %s, %q\n%s", v.Outcome, v.Reason, v.Text)
			}
			if len(v.NotExposed) > 0 != (test.exposes != nil) || len(v.Errata) > 0 != (name == "known") {
				t.Errorf("not exposed are %q, confirmed are %q", v.NotExposed, v.Errata)
			}
			surfaced := 0
			for _, d := range v.Deviations {
				if d.Surfaced != "" {
					surfaced++
				}
			}
			if want := map[bool]int{true: 1}[name == "misreported" || name == "known"]; surfaced != want || len(v.Deviations) != want+1 {
				t.Errorf("the deviations are %+v", v.Deviations)
			}
		})
	}
}
