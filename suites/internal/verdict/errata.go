package verdict

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/report"
)

// What a client can do instead of surfacing a failure, as errata have it.
const (
	panicField   client.Field = "panic"   // with a text that begins with what is seen
	errorField   client.Field = "error"   // whose text begins with what is seen
	retriesField client.Field = "retries" // with a fault whose text, after the client's name, begins with what is seen
	faultField   client.Field = "fault"   // with a reason that begins, after the client's name, with what is seen
	bodyField    client.Field = "body"    // of a response, "not closed"
)

// ExcuseUnclosed reports whether an erratum has that the client leaves bodies open, and confirms it.
func (m *Matching) ExcuseUnclosed() bool { return m.Excuse(bodyField, "not closed") }

// Own are the errata of the client.
func (j *Judge) Own() []*fixtures.Erratum {
	return slices.DeleteFunc(slices.Clone(j.Errata), func(e *fixtures.Erratum) bool { return e.Client != j.Client.Name })
}

// LoadErrata are the errata that the client's own file has, beside those of the contract. The error says everything that is
// wrong with the client's errata.
func (j *Judge) LoadErrata() (err error) {
	if file := j.Client.Errata; file != "" {
		own, loadErr := fixtures.LoadErrataFile(file, j.Client.Contract)
		err = loadErr
		for _, e := range own {
			if e.Client != j.Client.Name {
				err = errors.Join(err, fmt.Errorf("%s: client is %q, and the file is that of %q: give each client a file of its own",
					e, e.Client, j.Client.Name))
			}
		}
		j.Errata = append(j.Errata, own...)
	}
	for _, e := range j.Own() {
		fields := append(slices.Clone(j.Client.Exposed()), panicField, errorField, bodyField)
		if e.Case == "" && !slices.Contains(fields, client.Field(e.Field)) {
			err = errors.Join(err, fmt.Errorf("%s: field is %q, which %s does not expose: use one of %q", e, e.Field, e.Client, fields))
		}
		covers := func(c *fixtures.Clause) bool {
			return j.Client.Performs(c.Operation) && slices.ContainsFunc(c.Wordings, e.Covers)
		}
		if !slices.ContainsFunc(slices.Collect(j.Client.Contract.Clauses()), covers) {
			err = errors.Join(err, fmt.Errorf("%s: clauses is %q, which names no clause of an operation that %s performs: "+
				"give a code, or a pattern of ids, or take it out", e, e.Clauses, e.Client))
		}
	}
	return err
}

// CheckCases fails on errata of the client in a case that no spec runs, and on cases of no clause. Cases are the wordings that
// specs run in each. Of errata that are embedded, a suite may leave out all cases of retries, or all others.
func (j *Judge) CheckCases(cases map[string][]*fixtures.Wording) error {
	var problems []error
	retries := func(key string) bool { return strings.HasPrefix(key, "retries-") }
	for _, e := range j.Own() {
		keys := slices.Sorted(maps.Keys(cases))
		embedded := e.File != j.Client.Errata
		if embedded {
			keys = slices.DeleteFunc(keys, func(key string) bool { return retries(key) != retries(e.Case) })
		}
		if len(keys) == 0 && embedded || e.Case == "" || slices.ContainsFunc(cases[e.Case], e.Covers) {
			continue
		}
		fix := fmt.Sprintf("use one of %q", keys)
		if len(keys) == 0 {
			fix = "take it out"
		}
		problems = append(problems, fmt.Errorf("%s: case is %q, which no spec runs for %q: %s", e, e.Case, e.Clauses, fix))
	}
	for _, key := range slices.Sorted(maps.Keys(cases)) {
		if len(cases[key]) == 0 && j.Client.Operations() == nil {
			problems = append(problems, fmt.Errorf("the case %q is of no clause of %s: correct its pattern, a code or a pattern of ids",
				key, j.Client.Contract.Provider))
		}
	}
	return errors.Join(problems...)
}

// Matching are the errata of a wording in a case, and whether each was confirmed.
type Matching struct {
	errata    []*fixtures.Erratum
	confirmed []bool
	client    *client.Config
}

// Matching finds the client's errata of a wording in a case.
func (j *Judge) Matching(w *fixtures.Wording, inCase string) *Matching {
	return j.matching(j.Client.Name, w, inCase)
}

// matching finds the errata of somebody, a client or, in live runs, the provider.
func (j *Judge) matching(whose string, w *fixtures.Wording, inCase string) *Matching {
	m := &Matching{client: &j.Client.Config}
	for _, e := range j.Errata {
		if e.Client == whose && e.Case == inCase && e.Covers(w) {
			m.errata = append(m.errata, e)
		}
	}
	m.confirmed = make([]bool, len(m.errata))
	return m
}

// Excuse reports whether an erratum has the text in the field, and confirms it.
func (m *Matching) Excuse(field client.Field, text string) (excused bool) {
	for i, e := range m.errata {
		// What follows in a text may hold an address, a time, or what happened first.
		isText := field == panicField || field == errorField || field == retriesField || field == faultField
		begins := isText && e.Seen != "" && strings.HasPrefix(text, e.Seen)
		if e.Field == string(field) && (e.Seen == text || begins) {
			m.confirmed[i], excused = true, true
		}
	}
	return excused
}

// Settle makes the verdict that of an erratum that was not confirmed, or that has expired, and otherwise notes the errata.
func (m *Matching) Settle(v *Verdict, what string, today time.Time) {
	for i, e := range m.errata {
		deviation := fmt.Sprintf("the %s of %s as %q", e.Field, what, e.Seen)
		switch {
		case !m.confirmed[i]:
			unless := ""
			if e.Client == m.client.Name && e.File != m.client.Errata {
				unless = " If it is of another client of that name, give yours a name of its own."
			}
			v.Outcome = report.UnexpectedPass
			v.Text = fmt.Sprintf("%s is stale: %s no longer shows %s, as %s %s did. Remove the erratum, or narrow it.%s",
				e, e.Client, deviation, e.Module, e.Version, unless)
			v.Reason = Sentence(fmt.Sprintf("%s is stale: %s no longer shows its %s as %q", e, e.Client, e.Field, e.Seen))
			return
		case e.DaysLeft(today) < 0:
			v.Outcome = report.Broken
			v.Text = fmt.Sprintf("%s expired on %s, and %s still shows %s: %s.\nLook again, and set a new date if it must be accepted.",
				e, e.Expires.Format(time.DateOnly), e.Client, deviation, e.Why)
			v.Reason = Sentence(fmt.Sprintf("%s expired on %s", e, e.Expires.Format(time.DateOnly)))
			return
		}
	}
	for _, e := range m.errata {
		v.Errata = append(v.Errata, e.String())
	}
}
