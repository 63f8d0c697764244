package suites

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/clients"
)

// Case is an answer that no clause documents, and that a reader of the documentation may expect nonetheless: that of a
// wording, changed. What it answers a client must tell as it must tell what is documented.
type Case struct {
	Key     string // names the case, as errata have it
	Clauses string // whose answers are changed, as errata have them
	Reading string // of the documentation, as the spec's title has it: "the message is an object"
	// Change changes the decoded body of the wording's answer.
	Change func(w *fixtures.Wording, body map[string]any)
}

// caseID is the wording's id, with the case's key where there is one: "graph.get.throttled~message-object".
func caseID(w *fixtures.Wording, inCase string) string {
	if inCase == "" {
		return w.ID()
	}
	return w.ID() + "~" + inCase
}

// DescribeCase registers a spec of the case for each clause it is of, with the clause's first wording.
func (s *Suite) DescribeCase(c Case) {
	of := &fixtures.Erratum{Clauses: c.Clauses}
	s.DescribeOwn(c.Key, c.Reading, of.Covers, func(w *fixtures.Wording) {
		answer := s.Answer(w)
		var body map[string]any
		expect(json.Unmarshal(answer.Body, &body)).To(gomega.Succeed(), "the body of "+w.ID())
		c.Change(w, body)
		var err error
		answer.Body, err = json.Marshal(body)
		expect(err).NotTo(gomega.HaveOccurred())
		s.hold(s.perform(w.Clause.Operation, answer, caseID(w, c.Key), s.whyOnce(w.Clause)), w, c.Key)
	})
}

// DescribeOwn registers a spec of a client's own for the first wording of each clause that has such a one. The spec calls
// Hold for what it sees, and errata name it by the key.
func (s *Suite) DescribeOwn(key, text string, such func(*fixtures.Wording) bool, spec func(*fixtures.Wording)) {
	if s.Live != nil {
		return // what is asked beyond the documented answers, a tenant does not answer
	}
	s.notice(key)
	for clause := range s.Contract.Clauses() {
		o := clause.Operation
		at := slices.IndexFunc(clause.Wordings, such)
		if at < 0 || !s.Client.Performs(o) {
			continue
		}
		w := clause.Wordings[at]
		s.notice(key, w)
		ginkgo.It(o.Method+" "+o.Path+": "+text, operationLabels(o), ginkgo.Label("case:"+caseID(w, key)),
			ginkgo.SpecTimeout(specTime), func(ginkgo.SpecContext) { spec(w) })
	}
}

// notice notes that specs ask for the case of the wordings.
func (s *Suite) notice(key string, wordings ...*fixtures.Wording) {
	if s.cases == nil {
		s.cases = map[string][]*fixtures.Wording{}
	}
	s.cases[key] = append(s.cases[key], wordings...)
}

// ofRetries reports whether a case is one of DescribeRetries.
func ofRetries(key string) bool { return strings.HasPrefix(key, "retries-") }

// OnVirtualTime calls f in a bubble of testing/synctest, as every client that takes an http.Client is called. It must not fail
// the spec: what it sees is for Hold.
func (s *Suite) OnVirtualTime(f func()) {
	if s.callOnVirtualTime(func(*told) { f() }).stuck {
		fail(s.Client.Name + " hangs: it neither returned nor waited for anything that time can end, " + asStuck)
	}
}

// Hold fails the spec of a client's own if what it saw of a field in the case is not what is right, but for the client's
// errata. Call it once a spec.
func (s *Suite) Hold(w *fixtures.Wording, inCase, field, right, seen string) {
	errata := s.covering(w, inCase)
	if seen != right && !errata.excuses(clients.Field(field), seen) {
		fail(fmt.Sprintf("%s is wrong in the %s of %s:\n  right  %s\n  seen   %s",
			s.Client.Name, field, caseID(w, inCase), right, seen))
	}
	errata.settle(caseID(w, inCase), s.Today)
}

// checkCases tells every erratum of the client in a case, and every case, that no spec asks for. But for a user's own errata, a
// suite may leave out all cases of retries, or all others.
func (s *Suite) checkCases() error {
	var problems []error
	for _, e := range s.clientErrata() {
		asked := slices.Sorted(maps.Keys(s.cases))
		if e.File != s.Client.Errata { // ours are for suites that ask for more
			asked = slices.DeleteFunc(asked, func(key string) bool { return ofRetries(key) != ofRetries(e.Case) })
		}
		if left := len(asked) == 0 && e.File != s.Client.Errata; left || e.Case == "" || slices.ContainsFunc(s.cases[e.Case], e.Covers) {
			continue
		}
		mend := fmt.Sprintf("use one of %q", asked)
		if len(asked) == 0 {
			mend = "take it out"
		}
		problems = append(problems, fmt.Errorf("%s: case is %q, which no spec of %q asks for: %s", e, e.Case, e.Clauses, mend))
	}
	for key, asked := range s.cases {
		if len(asked) == 0 && s.Client.Operations == nil {
			problems = append(problems, fmt.Errorf("the case %q is of no clause of %s: correct what it is of, a code or a pattern of ids",
				key, s.Contract.Provider))
		}
	}
	return errors.Join(problems...)
}
