// Package graph asks a client for every failure that Microsoft Graph documents for learningCourseActivity, a file an
// action.
package graph

import "github.com/learncontract/learncontract/suites"

// Specs registers the specs of every action.
func Specs(s *suites.Suite) {
	describeCreate(s)
	describeGet(s)
	describeUpdate(s)
	describeDelete(s)
}
