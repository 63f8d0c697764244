// Package classroom asks a client for every failure that Google documents for Classroom, a file an action.
package classroom

import "github.com/learncontract/learncontract/suites"

// Describe registers the specs of every action.
func Describe(s *suites.Suite) {
	describeCreate(s)
	describeGet(s)
	describeUpdate(s)
	describeDelete(s)
	describeOther(s)
}
