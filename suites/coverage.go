package suites

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/report"
)

// reportCoverage prints, at the end of the run, what it covered, and writes its piece of a report.
func (s *Suite) reportCoverage() {
	ginkgo.ReportAfterSuite("coverage", func(run ginkgo.Report) {
		if s.within != "" {
			run.SpecReports = slices.DeleteFunc(slices.Clone(run.SpecReports), func(spec types.SpecReport) bool {
				return !slices.Contains(spec.ContainerHierarchyTexts, s.within)
			})
			asked := func(spec types.SpecReport) bool { return spec.State != types.SpecStateSkipped }
			if !slices.ContainsFunc(run.SpecReports, asked) {
				return // what a host's selection leaves out is for the host to tell
			}
		}
		if run.SuiteConfig.DryRun {
			fmt.Printf("\n%s %s: dry run, nothing asked\n", s.Contract.Provider, s.Contract.API)
			return
		}
		r := s.gather(run)
		if !s.ran(run) {
			problem := emptySelection(s.Contract, run.SuiteConfig)
			fmt.Println("\n" + problem)
			r.Runs[0].Problems = append(r.Runs[0].Problems, problem)
			s.write(r)
			return
		}
		s.print(r)
		if run.PreRunStats.SpecsThatWillRun > 0 && s.Client.Name != Reference.Name {
			s.told(report.WriteLookAlikes(os.Stdout, r.Runs[0]))
		}
		s.write(r)
	})
}

// print prints the run's coverage.
func (s *Suite) print(r *report.Report) {
	_, reporter := ginkgo.GinkgoConfiguration()
	console := report.Console{Colour: !reporter.NoColor && report.IsTerminal(os.Stdout)}
	fmt.Println()
	s.told(console.WriteCoverage(os.Stdout, r, r.Runs[0]))
	s.told(console.WriteCauses(os.Stdout, r, r.Runs[0]))
}

// told fails the report's node where there is nowhere to print to.
func (s *Suite) told(err error) {
	if err != nil {
		fail(engineFailure + err.Error())
	}
}

// ran reports whether a spec of the contract was run, or would have been if the client performed its operation.
func (s *Suite) ran(run ginkgo.Report) bool {
	return slices.ContainsFunc(run.SpecReports, func(spec types.SpecReport) bool {
		return spec.LeafNodeType == types.NodeTypeIt &&
			(spec.State.Is(types.SpecStateFailureStates) || spec.State == types.SpecStatePassed || isUnsupported(&spec))
	})
}

func isUnsupported(spec *types.SpecReport) bool {
	return spec.State == types.SpecStateSkipped && strings.HasPrefix(spec.Failure.Message, unsupported)
}

// setUpFailed is why a run has no spec at all.
const setUpFailed = "the set-up failed"

// because says why a run left clauses out.
func because(report ginkgo.Report) string {
	if slices.Contains(report.SpecialSuiteFailureReasons, setUpFailed) {
		return setUpFailed
	}
	if len(report.SpecialSuiteFailureReasons) > 0 || report.SuiteConfig.FailFast && !report.SuiteSucceeded {
		return "the run ended early"
	}
	return "the selection left them out"
}

// emptySelection says how to mend a selection that matches no spec.
func emptySelection(contract *fixtures.Contract, config types.SuiteConfig) string {
	return fmt.Sprintf("engine error: no spec of %s matches %s: %s",
		contract.Provider, selected(config), mend(contract, config.LabelFilter))
}

// selected are the flags that select specs, "" where none does.
func selected(config types.SuiteConfig) string {
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
	return strings.Join(selection, " ")
}

// mend proposes another suite if one has what the label filter selects, and the labels there are otherwise.
func mend(contract *fixtures.Contract, labelFilter string) string {
	filter, err := types.ParseLabelFilter(labelFilter)
	for _, provider := range fixtures.Providers() {
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
func labelled(spec *types.SpecReport, prefix string) string {
	return labelledAmong(spec.LeafNodeLabels, prefix)
}

// labelledAnywhere is labelled of the spec or of a container that it stands in.
func labelledAnywhere(spec *types.SpecReport, prefix string) string {
	return labelledAmong(append(slices.Concat(spec.ContainerHierarchyLabels...), spec.LeafNodeLabels...), prefix)
}

func labelledAmong(labels []string, prefix string) string {
	if at := slices.IndexFunc(labels, func(l string) bool { return strings.HasPrefix(l, prefix) }); at >= 0 {
		return strings.TrimPrefix(labels[at], prefix)
	}
	return ""
}
