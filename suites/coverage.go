package suites

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/clients"
)

// reportCoverage prints, at the end of the run, what it covered: an action a column.
func (s *Suite) reportCoverage() {
	ginkgo.ReportAfterSuite("coverage", func(report ginkgo.Report) {
		if s.within != "" {
			report.SpecReports = slices.DeleteFunc(slices.Clone(report.SpecReports), func(spec types.SpecReport) bool {
				return !slices.Contains(spec.ContainerHierarchyTexts, s.within)
			})
			if !slices.ContainsFunc(report.SpecReports, func(spec types.SpecReport) bool { return spec.State != types.SpecStateSkipped }) {
				return // what a host's selection leaves out is for the host to tell
			}
		}
		fmt.Println("\n" + s.coverage(report))
		asked := report.PreRunStats.SpecsThatWillRun > 0 && !report.SuiteConfig.DryRun
		if asked && s.Client.Name != Reference.Name {
			fmt.Println(lookAlikes(s.Contract, s.Client))
		}
	})
}

// mostGroups bounds how many groups of look-alikes a report lists.
const mostGroups = 12

// lookAlikes says how many clauses the client's caller cannot tell apart by the fields that the client exposes, which they
// are, and how many by those that the provider says to rely on.
func lookAlikes(contract *fixtures.Contract, client clients.Config) string {
	all, byExposed, byReliable, groups := 0, 0, 0, 0
	var listed strings.Builder
	for _, o := range contract.Operations {
		if !client.Performs(o) {
			continue
		}
		all += len(o.Clauses)
		for _, group := range o.LookAlikes(nil) {
			byReliable += len(group)
		}
		for _, group := range client.LookAlikes(o) {
			byExposed += len(group)
			if groups++; groups <= mostGroups {
				var keys []string
				for _, clause := range group {
					keys = append(keys, strings.TrimPrefix(clause.ID, o.ID+"."))
				}
				fmt.Fprintf(&listed, "\n           %s: %s", o.ID, strings.Join(keys, ", "))
			}
		}
	}
	if more := groups - mostGroups; more > 0 {
		fmt.Fprintf(&listed, "\n           and %d groups more", more)
	}
	fields := make([]string, len(client.Exposed()))
	for i, field := range client.Exposed() {
		fields[i] = string(field)
	}
	return fmt.Sprintf("look-alikes: %d of %d clauses by what %s exposes (%s), %d by what %s says to rely on%s",
		byExposed, all, client.Name, cmp.Or(strings.Join(fields, ", "), "nothing"), byReliable, contract.Provider, listed.String())
}

// tally counts the specs of one clause, and has what they recorded of what the client told.
type tally struct {
	honored, broken, unsupported int
	lost                         map[string]bool // fields
	errata                       map[string]bool // by place
}

// note adds a spec.
func (t *tally) note(spec types.SpecReport) {
	switch {
	case spec.State == types.SpecStatePassed:
		t.honored++
	case spec.State.Is(types.SpecStateFailureStates):
		t.broken++
	case isUnsupported(spec):
		t.unsupported++
	}
	for _, entry := range spec.ReportEntries {
		switch entry.Name {
		case lostEntry:
			t.lost[entry.StringRepresentation()] = true
		case erratumEntry:
			t.errata[entry.StringRepresentation()] = true
		}
	}
}

// asked reports whether a spec was run.
func (t *tally) asked() bool { return t.honored+t.broken > 0 }

func isUnsupported(spec types.SpecReport) bool {
	return spec.State == types.SpecStateSkipped && strings.HasPrefix(spec.Failure.Message, unsupported)
}

// coverage is the line that says what a run covered, one that says which editions, one that says what the client told, and
// one for each broken clause and each erratum.
func (s *Suite) coverage(report ginkgo.Report) string {
	contract := s.Contract
	if report.SuiteConfig.DryRun {
		return fmt.Sprintf("%s %s: dry run, nothing asked", contract.Provider, contract.API)
	}
	tallies, cases, retries := map[string]*tally{}, map[string]*tally{}, map[string]*tally{}
	for clause := range contract.Clauses() {
		tallies[clause.ID] = &tally{lost: map[string]bool{}, errata: map[string]bool{}}
	}
	ran := 0
	unsupportedClauses := 0
	var broken, partly, notAsked []string
	for _, spec := range report.SpecReports.WithLeafNodeType(types.NodeTypeIt) {
		if t := tallies[labelled(spec, "clause:")]; t != nil {
			t.note(spec)
		}
		failed := spec.State.Is(types.SpecStateFailureStates)
		refused := labelled(spec, "retries:")
		if id := labelled(spec, "case:"); id != "" {
			of := cases
			if refused != "" {
				of = retries
			}
			of[id] = &tally{lost: map[string]bool{}, errata: map[string]bool{}}
			of[id].note(spec)
			if failed && refused == "" {
				broken = append(broken, id)
			}
		}
		if failed || spec.State == types.SpecStatePassed || isUnsupported(spec) {
			ran++
		}
		if operation := labelled(spec, "success:"); failed && operation != "" {
			broken = append(broken, "the success of "+operation)
		}
		if failed && refused != "" {
			broken = append(broken, refused+", "+spec.LeafNodeText)
		}
	}
	if ran == 0 {
		return emptySelection(contract, report.SuiteConfig)
	}

	var line strings.Builder
	fmt.Fprintf(&line, "%-9s  %-22s", contract.Provider, contract.API)
	for _, action := range fixtures.Actions {
		honored, clauses, wordings := 0, 0, 0
		for clause := range contract.Clauses() {
			if clause.Operation.Action != action {
				continue
			}
			clauses++
			t := tallies[clause.ID]
			wordings += t.honored + t.broken
			switch {
			case t.broken > 0:
				broken = append(broken, clause.ID)
			case t.unsupported > 0:
				unsupportedClauses++
			case t.honored == 0:
				notAsked = append(notAsked, clause.ID)
			case t.honored < len(clause.Wordings):
				partly = append(partly, clause.ID)
			default:
				honored++
			}
		}
		if clauses > 0 {
			fmt.Fprintf(&line, "  %-35s", fmt.Sprintf("%s %d/%d clauses, %d wordings", action, honored, clauses, wordings))
		}
	}
	switch {
	case len(broken) > 0:
		fmt.Fprintf(&line, "  %d broken", len(broken))
	case len(notAsked)+len(partly)+unsupportedClauses == 0:
		line.WriteString("  all honored")
	}
	if len(partly) > 0 {
		fmt.Fprintf(&line, "  %d asked in part", len(partly))
	}
	if len(notAsked) > 0 {
		fmt.Fprintf(&line, "  %d not asked", len(notAsked))
	}
	if len(partly)+len(notAsked) > 0 {
		line.WriteString(": " + because(report))
	}
	fmt.Fprintf(&line, "\n           wordings by edition: %s", editions(contract, tallies))
	fmt.Fprintf(&line, "\n           told by %s", s.told(tallies, unsupportedClauses))
	line.WriteString(beyond("beyond the documented answers", cases))
	if s.Client.Retries {
		line.WriteString(beyond("how it asks again", retries))
	}
	for _, id := range broken {
		fmt.Fprintf(&line, "\n  broken  %s", id)
	}
	for _, e := range s.clientErrata() {
		among, in, told := tallies, "", "told"
		switch {
		case ofRetries(e.Case):
			among, in = retries, ", case "+e.Case
		case e.Case != "":
			among, in = cases, ", case "+e.Case
		}
		if verb(e) != "tell" {
			told = "seen"
		}
		if e.Case != "" && len(s.cases[e.Case]) == 0 {
			continue // this suite does not ask for it
		}
		covered := count(among, func(t *tally) bool { return t.errata[e.String()] })
		fmt.Fprintf(&line, "\n  erratum %s: %s %s as %q in %d clauses%s, accepted for %d more days: %s (%s %s)",
			e, e.Field, told, e.Seen, covered, in, e.DaysLeft(s.Today), e.Why, e.Module, e.Version)
	}
	return line.String()
}

// beyond is the line that says what came of specs that ask for more than the documented answers, "" if none was asked.
func beyond(what string, specs map[string]*tally) string {
	asked := count(specs, (*tally).asked)
	if asked == 0 {
		return ""
	}
	right := count(specs, func(t *tally) bool { return t.honored > 0 && len(t.errata) == 0 })
	return fmt.Sprintf("\n           %s: %d asked, %d right, %d with an erratum",
		what, asked, right, count(specs, func(t *tally) bool { return len(t.errata) > 0 }))
}

// told says how many clauses the client told its caller of, and what of them: right is a clause told whole.
func (s *Suite) told(tallies map[string]*tally, unsupported int) string {
	right := count(tallies, func(t *tally) bool {
		return t.honored > 0 && t.broken == 0 && len(t.lost) == 0 && len(t.errata) == 0
	})
	parts := []string{fmt.Sprintf("%s: %d clauses right", s.Client.Name, right)}
	for _, field := range clients.Fields {
		if lost := count(tallies, func(t *tally) bool { return t.lost[string(field)] }); lost > 0 {
			parts = append(parts, fmt.Sprintf("%d without their %s", lost, field))
		}
	}
	if known := count(tallies, func(t *tally) bool { return len(t.errata) > 0 }); known > 0 {
		parts = append(parts, fmt.Sprintf("%d with an erratum", known))
	}
	if unsupported > 0 {
		parts = append(parts, fmt.Sprintf("%d unsupported", unsupported))
	}
	return strings.Join(parts, ", ")
}

// count counts the clauses whose tally is such a one.
func count(tallies map[string]*tally, such func(*tally) bool) (n int) {
	for _, t := range tallies {
		if such(t) {
			n++
		}
	}
	return n
}

// editions says how many wordings of each edition are honored, in clauses that are honored whole: an edition has those
// of older ones that it did not change.
func editions(contract *fixtures.Contract, tallies map[string]*tally) string {
	honored := map[string]int{}
	for clause := range contract.Clauses() {
		if t := tallies[clause.ID]; t.broken > 0 || t.honored < len(clause.Wordings) {
			continue
		}
		for _, w := range clause.Wordings {
			for _, id := range w.Editions() {
				honored[id]++
			}
		}
	}
	var counts []string
	for _, e := range contract.Editions {
		counts = append(counts, fmt.Sprintf("%s %d", e.ID, honored[e.ID]))
	}
	return strings.Join(counts, ", ")
}

// because says why a run left clauses out.
func because(report ginkgo.Report) string {
	if len(report.SpecialSuiteFailureReasons) > 0 || report.SuiteConfig.FailFast && !report.SuiteSucceeded {
		return "the run ended early"
	}
	return "the selection left them out"
}

// emptySelection says how to mend a selection that matches no spec.
func emptySelection(contract *fixtures.Contract, config types.SuiteConfig) string {
	var selection []string
	for flag, values := range map[string][]string{
		"label-filter": {config.LabelFilter}, "sem-ver-filter": {config.SemVerFilter},
		"focus": config.FocusStrings, "skip": config.SkipStrings,
		"focus-file": config.FocusFiles, "skip-file": config.SkipFiles,
	} {
		for _, value := range values {
			if value != "" {
				selection = append(selection, fmt.Sprintf("--%s=%q", flag, value))
			}
		}
	}
	slices.Sort(selection)
	return fmt.Sprintf("engine error: no spec of %s matches %s: %s",
		contract.Provider, strings.Join(selection, " "), mend(contract, config.LabelFilter))
}

// mend proposes another suite if one has what the label filter selects, and the labels there are otherwise.
func mend(contract *fixtures.Contract, labelFilter string) string {
	filter, err := types.ParseLabelFilter(labelFilter)
	for _, provider := range fixtures.Providers {
		other, loadErr := fixtures.Load(provider)
		if labelFilter == "" || err != nil || loadErr != nil || provider == contract.Provider {
			continue
		}
		alone := fmt.Sprintf("it selects specs of ./suites/%s, so run that suite alone", provider)
		for _, o := range other.Operations {
			if filter(append(operationLabels(o), successLabels(o)...)) {
				return alone
			}
			for _, clause := range o.Clauses {
				if filter(append(operationLabels(o), clauseLabels(clause)...)) {
					return alone
				}
			}
		}
	}
	return fmt.Sprintf("select by provider:, action:, status:, clause:, success:, retries: or case:, such as --label-filter=%q",
		"clause:"+contract.Operations[0].Clauses[0].ID)
}

// labelled returns what follows the prefix in a label of the spec, "" if none has it.
func labelled(spec types.SpecReport, prefix string) string {
	labels := spec.LeafNodeLabels
	if at := slices.IndexFunc(labels, func(l string) bool { return strings.HasPrefix(l, prefix) }); at >= 0 {
		return strings.TrimPrefix(labels[at], prefix)
	}
	return ""
}
