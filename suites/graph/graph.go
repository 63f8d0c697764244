// Package graph asks a client for every failure that Microsoft Graph documents for learningCourseActivity, a file an
// action.
package graph

import "github.com/learncontract/learncontract/suites"

// Describe registers the specs of every action.
func Describe(s *suites.Suite) {
	describeCreate(s)
	describeGet(s)
	describeUpdate(s)
	describeDelete(s)
}
