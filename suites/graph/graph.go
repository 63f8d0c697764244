// Package graph checks a client against every failure that Microsoft Graph documents for learningCourseActivity.
package graph

import (
	"testing"

	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/client"
)

var provider = suites.Provider{Name: "graph", Specs: Specs}

// Test checks a client against every failure that Microsoft Graph documents for learningCourseActivity, as subtests of t, one a
// clause: "TestGraphErrors/graph.update.throttled".
func Test(t *testing.T, config client.Config) {
	t.Helper()
	provider.Test(t, config)
}

// Describe registers the same as specs in the package's Ginkgo suite, below a container of the text. The suite's set-up, flags and
// reports stay its own. The result is for a variable at package level.
func Describe(text string, config client.Config) bool { return provider.Describe(text, config) }
