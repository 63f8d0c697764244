package verdict

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/call"
	"github.com/learncontract/learncontract/suites/observe"
	"github.com/learncontract/learncontract/suites/report"
)

// Provoked is what a tenant's response makes of the clause that was provoked.
type Provoked struct {
	Verdict Verdict
	Wording *fixtures.Wording // of the clause, the nearest to the response
	Is      *fixtures.Clause  // the clause that the response honors, nil if none
}

// Honor is the matcher of a wording: exact offline; of a tenant, as strongly as the vendor binds its own words, but for known
// errata, and strictly as far as its words are published.
func (j *Judge) Honor(w *fixtures.Wording, live, strict bool) *matchers.HonorMatcher {
	honor := matchers.HonorWording(w)
	if !live {
		return honor.Strictly()
	}
	if strict {
		honor.AsPublished()
	}
	return honor.Excusing(j.known(w))
}

// known reports of a deviation of the provider's whether an erratum has it.
func (j *Judge) known(w *fixtures.Wording) func(matchers.Deviation) bool {
	errata := j.matching(j.Client.Contract.Provider, w, "")
	return func(d matchers.Deviation) bool { return errata.Excuse(client.Field(d.Field), received(d)) }
}

// received is what a deviation has received, as errata have it.
func received(d matchers.Deviation) string {
	if text, err := strconv.Unquote(d.Received); err == nil {
		return text
	}
	return d.Received
}

// Provider is the verdict of a tenant's response where a clause was provoked by a recipe of that class.
func (j *Judge) Provider(clause *fixtures.Clause, x exchange.Exchange, strict bool, class string) Provoked {
	honor, documented := matchers.HonorClause(clause), matchers.BeDocumented(clause.Operation)
	if strict {
		honor.AsPublished()
		documented.AsPublished()
	}
	honored, err := honor.Match(x)
	isDocumented, documentedErr := documented.Match(x)
	if err = errors.Join(err, documentedErr); err != nil {
		return Provoked{Verdict: EngineError(err), Wording: honor.Wording()}
	}
	p := Provoked{Wording: honor.Wording(), Is: documented.Clause()}
	if honored {
		p.Is = clause
	}
	p.Verdict = Verdict{Outcome: report.Honored, Deviations: of(p.Wording, honor.Deviations())}
	v := &p.Verdict
	switch {
	case honored && len(v.Deviations) > 0:
		v.Outcome, v.Text = report.Deviating, lines(v.Deviations)
		v.Reason = fields(v.Deviations) + " differs, and does not bind"
	case honored:
	case isDocumented && documented.Clause() != clause && j.distinguishes(documented.Wording(), clause, x):
		*v = Verdict{Outcome: report.Another, Reason: "the response is " + documented.Clause().ID}
		v.Text = fmt.Sprintf("%s was provoked, and the response is %s\n%s", clause.ID, documented.Clause().ID, x)
	case p.Wording.Clause.Status == x.Status():
		v.Outcome, v.Text = report.Broken, honor.FailureMessage(x)
		v.Reason = Binding(v.Deviations)
	case class == "racy" && x.Status() < http.StatusMultipleChoices:
		*v = Verdict{Outcome: report.Another, Reason: "the provocation came too late: the response is a success"}
		v.Text = fmt.Sprintf("%s was provoked too late: the response is a success\n%s", clause.ID, x)
	default:
		v.Outcome, v.Text = report.Undocumented, honor.FailureMessage(x)
		v.Reason = Binding(v.Deviations)
		if x.Status() >= http.StatusBadRequest {
			v.Text += "\nA clause for it, to be completed at every … and given the row that documents it under sources:\n\n" +
				observe.Draft(clause.Operation, x)
		}
	}
	if v.Outcome == report.Honored || v.Outcome == report.Deviating || v.Outcome == report.Broken {
		j.excuseProvider(&p, clause)
	}
	v.Status, v.Response = x.Status(), x.String()
	return p
}

// distinguishes reports whether a response that honors a wording of another clause tells it from the clause that was provoked:
// by the status, the code, a name, or the message. A response that only lacks what the clause has is the clause, and broken.
func (j *Judge) distinguishes(w *fixtures.Wording, provoked *fixtures.Clause, x exchange.Exchange) bool {
	code := func(c *fixtures.Clause) string { return fixtures.Normalize(c.Wordings[0].Code) }
	if w.Clause.Status != provoked.Status || code(w.Clause) != code(provoked) || w.Clause.Name != "" {
		return true
	}
	message, _ := x.At(j.Client.Contract.Envelope.Message)
	text, _ := message.(string)
	_, is := w.Message.MatchSpelling(text)
	return is
}

// excuseProvider settles the provider's errata: those whose client is the provider.
func (j *Judge) excuseProvider(p *Provoked, clause *fixtures.Clause) {
	errata := j.matching(j.Client.Contract.Provider, p.Wording, "")
	if len(errata.errata) == 0 {
		return
	}
	unknown := 0
	for _, d := range p.Verdict.Deviations {
		if !errata.Excuse(client.Field(d.Field), received(d)) && d.Binds {
			unknown++
		}
	}
	settled := Verdict{}
	errata.Settle(&settled, clause.ID, j.Today)
	switch v := &p.Verdict; {
	case settled.Outcome != "": // stale or expired
		v.Outcome, v.Text, v.Reason = settled.Outcome, settled.Text, settled.Reason
	case unknown == 0:
		v.Outcome, v.Text, v.Errata = report.Erratum, lines(v.Deviations), settled.Errata
		v.Reason = fields(v.Deviations) + " differs, as is known of the provider"
	}
}

// lines are deviations in a report, a line each.
func lines(list []matchers.Deviation) string {
	var all []string
	for _, d := range list {
		all = append(all, fmt.Sprintf("%s: documented %s, received %s", d.Field, d.Documented, d.Received))
	}
	return strings.Join(all, "\n")
}

// fields names what differs.
func fields(list []matchers.Deviation) string {
	var names []string
	seen := map[string]bool{}
	for _, d := range list {
		if !seen[d.Field] {
			seen[d.Field] = true
			names = append(names, d.Field)
		}
	}
	return strings.Join(names, ", ")
}

// Received is the verdict of a live call whose response honors the clause: of the provider's, and of what the client surfaced.
func (j *Judge) Received(p Provoked, r *call.Result) Verdict {
	v := p.Verdict
	surfaced := Verdict{Outcome: report.Honored}
	j.surface(&surfaced, p.Wording, "", r)
	v.Deviations = append(v.Deviations, surfaced.Deviations...)
	v.NotExposed = surfaced.NotExposed
	v.Errata = append(v.Errata, surfaced.Errata...)
	if surfaced.Outcome.Fails() {
		v.Outcome, v.Text = surfaced.Outcome, surfaced.Text
		v.Reason = "the provider honors the clause, and the client does not surface it: " + surfaced.Reason
	}
	return v
}
