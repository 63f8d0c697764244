// Package graph asks a client for every failure that Microsoft Graph documents for learningCourseActivity, a file an
// action.
package graph

import (
	"testing"

	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/clients"
)

// Test asks a client for every failure that Microsoft Graph documents for learningCourseActivity, in one call from a plain
// Go test.
func Test(t *testing.T, client clients.Config) {
	t.Helper()
	suites.Test(t, "graph", client, Specs)
}

// Describe registers the specs of Test in a Ginkgo suite of your own, below a container of the text. The suite's set-up,
// flags and reports stay yours. It panics if what the client declares is wrong. While one of these specs runs, the whole
// process has http.DefaultTransport and net.DefaultResolver refuse what would leave the machine.
func Describe(text string, client clients.Config) bool {
	return suites.Describe(text, "graph", client, Specs)
}

// Specs registers the specs of every action, and those of how a client asks again.
func Specs(s *suites.Suite) {
	describeCreate(s)
	describeGet(s)
	describeUpdate(s)
	describeDelete(s)
	s.DescribeRetries()
}
