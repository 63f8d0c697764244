package suites

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"

	"github.com/learncontract/learncontract/fixtures"
)

// reportCoverage prints, at the end of the run, what it covered: an action a column.
func (s *Suite) reportCoverage() {
	ginkgo.ReportAfterSuite("coverage", func(report ginkgo.Report) {
		fmt.Println("\n" + coverage(s.Contract, report))
	})
}

// tally counts the specs of one clause.
type tally struct{ honored, broken int }

// coverage is the line that says what a run covered, one that says which editions, and one for each broken clause.
func coverage(contract *fixtures.Contract, report ginkgo.Report) string {
	if report.SuiteConfig.DryRun {
		return fmt.Sprintf("%s %s: dry run, nothing asked", contract.Provider, contract.API)
	}
	tallies := map[string]*tally{}
	for clause := range contract.Clauses() {
		tallies[clause.ID] = &tally{}
	}
	ran := 0
	var broken, partly, notAsked []string
	for _, spec := range report.SpecReports.WithLeafNodeType(types.NodeTypeIt) {
		t := cmp.Or(tallies[labelled(spec, "clause:")], &tally{})
		switch {
		case spec.State == types.SpecStatePassed:
			ran++
			t.honored++
		case spec.State.Is(types.SpecStateFailureStates):
			ran++
			t.broken++
			if operation := labelled(spec, "success:"); operation != "" {
				broken = append(broken, "the success of "+operation)
			}
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
	case len(notAsked) == 0 && len(partly) == 0:
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
	for _, id := range broken {
		fmt.Fprintf(&line, "\n  broken  %s", id)
	}
	return line.String()
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
	return fmt.Sprintf("select by provider:, action:, status:, clause: or success:, such as --label-filter=%q",
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
