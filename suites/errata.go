package suites

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/onsi/ginkgo/v2"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/clients"
)

// clientErrata are the errata of the client under contract.
func (s *Suite) clientErrata() []*fixtures.Erratum {
	return slices.DeleteFunc(slices.Clone(s.Errata), func(e *fixtures.Erratum) bool { return e.Client != s.Client.Name })
}

// What a client can do instead of telling its caller of a failure, as errata have it.
const (
	panicField   clients.Field = "panic"   // with a text that begins with what is seen
	errorField   clients.Field = "error"   // whose text begins with what is seen
	retriesField clients.Field = "retries" // with a fault whose text, after the client's name, begins with what is seen
)

// checkErrata tells every erratum of the client that nothing it does could bear out.
func (s *Suite) checkErrata() error {
	var problems []error
	for _, e := range s.clientErrata() {
		fields := append(slices.Clone(s.Client.Exposed()), panicField, errorField)
		if e.Case == "" && !slices.Contains(fields, clients.Field(e.Field)) {
			problems = append(problems, fmt.Errorf("%s: field is %q, which %s does not expose: use one of %q",
				e, e.Field, e.Client, fields))
		}
		covers := func(c *fixtures.Clause) bool {
			return s.Client.Performs(c.Operation) && slices.ContainsFunc(c.Wordings, e.Covers)
		}
		if !slices.ContainsFunc(slices.Collect(s.Contract.Clauses()), covers) {
			problems = append(problems, fmt.Errorf("%s: clauses is %q, which names no clause of an operation that %s performs: "+
				"give a code, or a pattern of ids, or take it out", e, e.Clauses, e.Client))
		}
	}
	return errors.Join(problems...)
}

// covering are the client's errata of a wording in a case, and whether each was borne out.
type covering struct {
	errata []*fixtures.Erratum
	seen   []bool
	client clients.Config
}

func (s *Suite) covering(w *fixtures.Wording, inCase string) *covering {
	return s.coveringOf(s.Client.Name, w, inCase)
}

// coveringOf are the errata of somebody, a client or in live runs the provider, of a wording in a case.
func (s *Suite) coveringOf(whom string, w *fixtures.Wording, inCase string) *covering {
	c := &covering{client: s.Client}
	for _, e := range s.Errata {
		if e.Client == whom && e.Case == inCase && e.Covers(w) {
			c.errata = append(c.errata, e)
		}
	}
	c.seen = make([]bool, len(c.errata))
	return c
}

// excuses reports whether an erratum has what the client tells in a field, and notes it.
func (c *covering) excuses(field clients.Field, told string) (excused bool) {
	for i, e := range c.errata {
		// What follows in a text may hold an address, a time, or what happened first.
		text := field == panicField || field == errorField || field == retriesField
		begins := text && e.Seen != "" && strings.HasPrefix(told, e.Seen)
		if e.Field == string(field) && (e.Seen == told || begins) {
			c.seen[i], excused = true, true
		}
	}
	return excused
}

// settle fails the spec of what was asked if an erratum was not borne out or has expired, and records the others.
func (c *covering) settle(asked string, today time.Time) {
	if fault := c.fault(asked, today); fault != "" {
		fail(fault)
	}
	for _, e := range c.errata {
		ginkgo.AddReportEntry(erratumEntry, e.String(), ginkgo.ReportEntryVisibilityNever)
	}
}

// fault tells an erratum that was not borne out or has expired, "" if none.
func (c *covering) fault(asked string, today time.Time) string {
	for i, e := range c.errata {
		what := fmt.Sprintf("the %s of %s as %q", e.Field, asked, e.Seen)
		switch {
		case !c.seen[i]:
			unless := ""
			if e.Client == c.client.Name && e.File != c.client.Errata {
				unless = " If it is of another client of that name, give yours a name of its own."
			}
			return fmt.Sprintf("unexpected pass: %s does not %s %s any more, as it did with %s %s: take the erratum %s out, or narrow it.%s",
				e.Client, verb(e), what, e.Module, e.Version, e, unless)
		case e.DaysLeft(today) < 0:
			return fmt.Sprintf("the erratum %s expired on %s, and %s still %ss %s: %s.\nLook again, and set a new date if it must be accepted.",
				e, e.Expires.Format(time.DateOnly), e.Client, verb(e), what, e.Why)
		}
	}
	return ""
}

// verb is what the client does with the field of an erratum.
func verb(e *fixtures.Erratum) string {
	if slices.Contains(clients.Fields, clients.Field(e.Field)) {
		return "tell"
	}
	return "show"
}
