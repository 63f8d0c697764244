package report_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/suites/report"
	"github.com/learncontract/learncontract/suites/report/internal/sample"
)

// What a provider, a client or a file says must be no command in the log of a pipeline.
func TestNoTextForgesACommand(t *testing.T) {
	const forged = "first\n::error::forged\n  ::add-mask::a\n##[error]forged ##vso[task.complete result=Succeeded]"
	r := sample.Report()
	for _, run := range r.Runs {
		run.Problems = []string{forged}
		for _, result := range run.Results {
			result.Reason, result.Text = forged, forged
			result.Deviations = []matchers.Deviation{{Field: "code", Documented: forged, Received: forged, Surfaced: forged}}
		}
	}
	r.Runs[0].Errata[0].Seen, r.Runs[0].Errata[0].Why = forged, forged
	r.Runs[1].Results[0].Outcome, r.Runs[1].Results[1].Outcome = report.Deviating, report.Another
	r.Disagreements = []string{forged}
	var text bytes.Buffer
	for _, run := range r.Runs {
		text.WriteString(console(t, report.Console{}, r, run))
	}
	if err := r.WriteMarkdown(&text); err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile(`^\s*::|##\w*\[`)
	for line := range strings.Lines(text.String()) {
		if commands.MatchString(line) {
			t.Errorf("it is a command: %q", line)
		}
	}
	if n := strings.Count(text.String(), "forged"); n < 20 {
		t.Errorf("the text is shown %d times only", n)
	}
}
