package suites

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/onsi/ginkgo/v2"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/clients"
)

// clientErrata are the errata of the client under contract.
func (s *Suite) clientErrata() []*fixtures.Erratum {
	return slices.DeleteFunc(slices.Clone(s.Errata), func(e *fixtures.Erratum) bool { return e.Client != s.Client.Name })
}

// checkErrata tells every erratum of the client that nothing it does could bear out.
func (s *Suite) checkErrata() error {
	var problems []error
	for _, e := range s.clientErrata() {
		if !slices.Contains(s.Client.Exposed(), clients.Field(e.Field)) {
			problems = append(problems, fmt.Errorf("%s: field is %q, which %s does not expose: use one of %q",
				e, e.Field, e.Client, s.Client.Exposed()))
		}
		covers := func(c *fixtures.Clause) bool {
			return s.Client.Performs(c.Operation) && slices.ContainsFunc(c.Wordings, e.Covers)
		}
		if !slices.ContainsFunc(slices.Collect(s.Contract.Clauses()), covers) {
			problems = append(problems, fmt.Errorf("%s: clauses is %q, which names no clause of an operation that %s performs",
				e, e.Clauses, e.Client))
		}
	}
	return errors.Join(problems...)
}

// covering are the client's errata of a wording, and whether each was borne out.
type covering struct {
	errata []*fixtures.Erratum
	seen   []bool
}

func (s *Suite) covering(w *fixtures.Wording) *covering {
	c := &covering{}
	for _, e := range s.Errata {
		if e.Client == s.Client.Name && e.Covers(w) {
			c.errata = append(c.errata, e)
		}
	}
	c.seen = make([]bool, len(c.errata))
	return c
}

// excuses reports whether an erratum has what the client tells in a field, and notes it.
func (c *covering) excuses(field clients.Field, told string) (excused bool) {
	for i, e := range c.errata {
		if e.Field == string(field) && e.Seen == told {
			c.seen[i], excused = true, true
		}
	}
	return excused
}

// settle fails the spec of the wording if an erratum was not borne out or has expired, and records the others.
func (c *covering) settle(w *fixtures.Wording, today time.Time) {
	for i, e := range c.errata {
		what := fmt.Sprintf("the %s of %s as %q", e.Field, w.ID(), e.Seen)
		switch {
		case !c.seen[i]:
			ginkgo.Fail(fmt.Sprintf("unexpected pass: %s does not tell %s any more, as it did with %s %s: take the erratum %s out, or narrow it.",
				e.Client, what, e.Module, e.Version, e))
		case e.DaysLeft(today) < 0:
			ginkgo.Fail(fmt.Sprintf("the erratum %s expired on %s, and %s still tells %s: %s.\nLook again, and set a new date if it must be accepted.",
				e, e.Expires.Format(time.DateOnly), e.Client, what, e.Why))
		}
		ginkgo.AddReportEntry(erratumEntry, e.String(), ginkgo.ReportEntryVisibilityNever)
	}
}
