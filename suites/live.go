package suites

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/live"
	"github.com/learncontract/learncontract/suites/report"
)

// Outcome is what came of a clause that was asked of a live tenant.
type Outcome string

// The outcomes. Only a Broken and an Undocumented one are the provider's fault, and only an EngineError is the run's.
const (
	Honored      Outcome = "honored"
	Deviating    Outcome = "deviating"                            // honored, and a field that does not bind differs
	Known        Outcome = "erratum"                              // broken, as is known and accepted until a date
	Another      Outcome = "documented, but not the one provoked" // another clause of the operation
	Broken       Outcome = "broken"                               // the clause, but for a field that binds
	Undocumented Outcome = "undocumented"                         // no clause of the operation
	NotAsked     Outcome = "not asked"
	EngineError  Outcome = "engine error"
)

// reported are the outcomes as reports have them.
var reported = map[Outcome]report.Outcome{
	Honored: report.Honored, Deviating: report.Deviating, Another: report.Another, Broken: report.Broken,
	Undocumented: report.Undocumented, Known: report.Erratum, NotAsked: report.NotRun, EngineError: report.Engine,
}

// How long things take at most.
const (
	livePatience  = 4 * time.Minute // of a client, half of it until its context ends
	provokeTime   = 15 * time.Minute
	cleanUpTime   = 5 * time.Minute
	engineFailure = "engine error: " // begins the failure of a spec that is nobody's contract
	notAsked      = "not asked: "    // begins the message of a spec that is skipped
)

// Live is how a live run was asked for.
type Live struct {
	Sandbox string       // the file
	Provoke []string     // classes beside safe
	Strict  bool         // whether every field binds
	Record  string       // folder in which the answers are kept, redacted; empty for none
	Replay  string       // folder of such a recording, which answers in the tenant's place
	SignIn  live.SignIn  // whose token is sent; nil for what the environment has
	Options live.Options // of how requests are sent; the zero value is right for a real tenant
}

// open makes the tenant of a live run. It sends nothing.
func (s *Suite) open(l *Live) (err error) {
	if s.Client.New == nil {
		return fmt.Errorf("%s dials by itself, and a live run and a replay send through a transport of their own, which has the "+
			"token and goes nowhere else: give its Config New, or ask it offline", s.Client.Name)
	}
	config := live.Config{Provoke: l.Provoke, SignIn: l.SignIn, Options: l.Options, Record: l.Record, Replay: l.Replay}
	config.Options.Waiting = func(what string) { s.progress.waitsFor(what) } // which is made later
	if l.Replay == "" {
		if config.Sandbox, err = live.LoadSandbox(l.Sandbox); err != nil {
			return err
		}
	}
	if config.SignIn == nil {
		config.SignIn = live.FromEnvironment(live.Child(nil, l.Sandbox))
	}
	s.tenant, err = live.Open(s.Contract, config)
	return err
}

// describeLive registers a spec for each clause of each operation of an action. They run one at a time, under -p too: they
// share a tenant, its quota, and what is made in it.
func (s *Suite) describeLive(action string) {
	for _, o := range s.Contract.Operations {
		if o.Action != action {
			continue
		}
		clauses := slices.SortedFunc(slices.Values(o.Clauses), func(a, b *fixtures.Clause) int { return inOrder(a, b, a.Title, b.Title) })
		for chunk := range slices.Chunk(clauses, perContainer) {
			ginkgo.Describe(o.Method+" "+o.Path, operationLabels(o), s.nextPlace(o), ginkgo.Serial, func() {
				for _, clause := range chunk {
					ginkgo.It(clause.Title(), clauseLabels(clause), placeOf(clause), ginkgo.SpecTimeout(provokeTime),
						func(ctx ginkgo.SpecContext) { s.askLive(ctx, clause) })
				}
			})
		}
	}
}

// askLive provokes the clause, and holds the answer, and what the client tells of it, against the contract.
func (s *Suite) askLive(ctx context.Context, clause *fixtures.Clause) {
	s.progress.next(clause.ID)
	recipe := s.tenant.Recipe(clause)
	s.skipUnperformed(clause.Operation)
	if why := s.tenant.WhyNot(recipe); why != "" {
		s.note(NotAsked)
		skip(notAsked + why)
	}
	// A node of its own: it runs after a failure, a panic, a time-out and an interruption, too, and one that comes while it runs
	// does not end it.
	ginkgo.DeferCleanup(func(ctx ginkgo.SpecContext) {
		s.progress.enters("the clean-up")
		whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
		defer cancel()
		if err := s.tenant.CleanUp(whole); err != nil {
			fail(engineFailure + err.Error()) // beside the verdict, which stands
		}
	}, ginkgo.NodeTimeout(cleanUpTime), ginkgo.GracePeriod(cleanUpTime))
	t := &told{}
	x, err := s.tenant.Provoke(ctx, recipe, func(ctx context.Context, client *http.Client, baseURL string, call clients.Call) error {
		s.progress.enters("the answer")
		t = &told{}
		t.callWithin(ctx, func(ctx context.Context) (clients.Failure, error) {
			return s.Client.New(client, baseURL).Do(ctx, call)
		}, livePatience)
		return t.err
	})
	if t.panicked != nil || t.hung > 0 { // whatever it was answered
		fail(t.wrong(s, clause.ID))
	}
	if err != nil {
		s.note(EngineError)
		fail(engineFailure + err.Error())
	}
	t.exchanges = []exchange.Exchange{x}
	s.judgeLive(clause, x, t)
}

// judgeLive holds what was answered where the clause was provoked, and what the client tells of it, against the contract.
func (s *Suite) judgeLive(clause *fixtures.Clause, x exchange.Exchange, t *told) {
	ginkgo.AddReportEntry(answeredEntry, fmt.Sprint(x.Status()), types.CodeLocation{}, ginkgo.ReportEntryVisibilityNever)
	ginkgo.AddReportEntry(answerEntry, scrub(x.String()), types.CodeLocation{}, ginkgo.ReportEntryVisibilityNever)
	v := s.verdict(clause, x)
	if err := s.tenant.Record(clause, x, v.is); err != nil {
		s.note(EngineError)
		fail(engineFailure + err.Error())
	}
	s.note(v.outcome)
	noteDeviations(onTheWire(v.wording, v.deviations))
	switch v.outcome {
	case Honored:
	case Deviating, Known:
		ginkgo.AddReportEntry(string(v.outcome), report.EscapeLogCommands(scrub(v.text)), ginkgo.ReportEntryVisibilityFailureOrVerbose)
	case Another:
		skip(v.text)
	default:
		fail(v.text)
	}
	s.hold(t, v.wording, "")
}

// verdict is what an answer makes of the clause that was provoked.
type verdict struct {
	outcome    Outcome
	text       string               // that tells why, empty if the clause is honored
	wording    *fixtures.Wording    // of the clause, that the answer is nearest to
	is         *fixtures.Clause     // that the answer is, nil if none
	deviations []matchers.Deviation // from the wording
}

func (s *Suite) verdict(clause *fixtures.Clause, x exchange.Exchange) verdict {
	honor, documented := matchers.HonorClause(clause), matchers.BeDocumented(clause.Operation)
	if s.Live.Strict {
		honor.AsPublished()
		documented.AsPublished()
	}
	honored, err := honor.Match(x)
	isDocumented, documentedErr := documented.Match(x)
	if err = errors.Join(err, documentedErr); err != nil {
		return verdict{outcome: EngineError, text: engineFailure + err.Error()}
	}
	v := verdict{outcome: Honored, wording: honor.Wording(), is: documented.Clause(), deviations: honor.Deviations()}
	if honored {
		v.is = clause
	}
	switch {
	case honored && len(honor.Deviations()) > 0:
		v.outcome, v.text = Deviating, shownDeviations(honor.Deviations())
	case honored:
	case isDocumented && documented.Clause() != clause && s.tells(documented.Wording(), clause, x):
		v.outcome = Another
		v.text = fmt.Sprintf("%s: %s was provoked, and the answer is %s\n%s", Another, clause.ID, documented.Clause().ID, x)
	case v.wording.Clause.Status == x.Status():
		v.outcome, v.text = Broken, honor.FailureMessage(x)
	case s.tenant.Recipe(clause).Class == "racy" && x.Status() < http.StatusMultipleChoices:
		v.outcome = Another
		v.text = fmt.Sprintf("%s: %s was provoked, and came too late: the answer is a success\n%s", Another, clause.ID, x)
	default:
		v.outcome, v.text = Undocumented, honor.FailureMessage(x)
		if x.Status() >= http.StatusBadRequest {
			v.text += "\nA clause for it, to be completed at every … and given the row that documents it under sources:\n\n" +
				clients.Draft(clause.Operation, x)
		}
	}
	if v.outcome == Honored || v.outcome == Deviating || v.outcome == Broken {
		v = s.known(v, clause, honor.Deviations())
	}
	return v
}

// tells reports whether an answer that honors a wording of another clause tells it from the one that was provoked: by the
// status, the code, a name, or the message. One that only lacks what the clause has is the clause, and broken.
func (s *Suite) tells(w *fixtures.Wording, provoked *fixtures.Clause, x exchange.Exchange) bool {
	code := func(c *fixtures.Clause) string { return fixtures.Normalize(c.Wordings[0].Code) }
	if w.Clause.Status != provoked.Status || code(w.Clause) != code(provoked) || w.Clause.Name != "" {
		return true
	}
	message, _ := x.At(s.Contract.Envelope.Message)
	text, _ := message.(string)
	_, is := w.Message.MatchSpelling(text)
	return is
}

// known is a verdict, but for what the provider's errata have: those whose client is the provider.
func (s *Suite) known(v verdict, clause *fixtures.Clause, deviations []matchers.Deviation) verdict {
	errata := s.coveringOf(s.Contract.Provider, v.wording, "")
	if len(errata.errata) == 0 {
		return v
	}
	unknown := 0
	for _, d := range deviations {
		answered := d.Received
		if text, err := strconv.Unquote(answered); err == nil {
			answered = text
		}
		if !errata.excuses(clients.Field(d.Field), answered) && d.Binds {
			unknown++
		}
	}
	switch fault := errata.fault(clause.ID, s.Today); {
	case fault != "":
		v.outcome, v.text = Broken, fault
	case unknown == 0:
		v.outcome, v.text = Known, shownDeviations(deviations)
	}
	return v
}

// shownDeviations are deviations in a report, a line each.
func shownDeviations(list []matchers.Deviation) string {
	var lines []string
	for _, d := range list {
		lines = append(lines, fmt.Sprintf("%s: documented %s, answered %s", d.Field, d.Documented, d.Received))
	}
	return strings.Join(lines, "\n")
}

const (
	outcomeEntry  = "outcome"  // names the report entries that hold an Outcome
	answeredEntry = "answered" // names those that hold the status of an answer
)

func (s *Suite) note(outcome Outcome) {
	ginkgo.AddReportEntry(outcomeEntry, string(outcome), types.CodeLocation{}, ginkgo.ReportEntryVisibilityNever)
}

// fewest is the number of answers from which on a run can be told not to test what it claims to.
const (
	fewest        = 5
	fewestAnother = 3 // where none is the one that was provoked
)

// doubts tells a run whose answers say nothing of the clauses, "" if they may.
func doubts(results []*report.Result) string {
	answered, refused, same, first, right, another, notAsked := 0, 0, 0, 0, 0, 0, 0
	for _, result := range results {
		if result.Outcome == report.NotRun {
			notAsked++
		}
		if result.ReceivedStatus == 0 {
			continue
		}
		if answered++; answered == 1 {
			first = result.ReceivedStatus
		}
		if result.ReceivedStatus == http.StatusUnauthorized || result.ReceivedStatus == http.StatusForbidden {
			refused++
		}
		if result.ReceivedStatus == first {
			same++
		}
		switch {
		case result.Outcome.Passes():
			right++
		case result.Outcome == report.Another:
			another++
		}
	}
	switch {
	case len(results) > 0 && notAsked == len(results):
		return "nothing was asked: the sandbox file, or --provoke, leaves out whatever was selected, and each says why"
	case right == 0 && another == answered && another >= fewestAnother:
		return "every answer is documented, and none is the one that was provoked: check the sandbox file's fixtures"
	case answered < fewest:
		return ""
	case same == answered && right*2 < answered:
		return fmt.Sprintf("everything was answered %d: check the roles and scopes of the identities", first)
	case refused*10 >= answered*9 && right*2 < answered:
		return fmt.Sprintf("%d of %d answers are 401 or 403: check the roles and scopes of the identities", refused, answered)
	}
	return ""
}

// reportLive has a live run remove, at its end, what it could not remove before, print what came of it, write its piece of a
// report, and fail if it does not test what it claims to.
func (s *Suite) reportLive() {
	ginkgo.ReportBeforeSuite(func(run ginkgo.Report) { s.progress = showProgress(run.PreRunStats.SpecsThatWillRun) })
	ginkgo.AfterSuite(func(ctx ginkgo.SpecContext) {
		whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
		defer cancel()
		if err := s.tenant.Close(whole); err != nil {
			fail(engineFailure + err.Error())
		}
	}, ginkgo.NodeTimeout(cleanUpTime), ginkgo.GracePeriod(cleanUpTime))
	ginkgo.ReportAfterSuite("live", func(run ginkgo.Report) {
		s.progress.end()
		if run.SuiteConfig.DryRun {
			fmt.Printf("\n%s %s: dry run, nothing asked\n", s.Contract.Provider, s.Contract.API)
			return
		}
		r := s.gather(run)
		doubt := doubts(r.Runs[0].Results)
		if left := s.tenant.Left(); len(left) > 0 {
			fmt.Printf("  left behind, and go tool contract sweep --all removes what has a name: %s\n", strings.Join(left, ", "))
		}
		if doubt != "" {
			doubt = engineFailure + "this run does not test what it claims to: " + doubt
			r.Runs[0].Problems = append(r.Runs[0].Problems, doubt)
		}
		s.print(r)
		s.write(r)
		if doubt != "" {
			fail(doubt)
		}
	})
}
