// Package classroom asks a client for every failure that Google documents for Classroom, a file an action.
package classroom

import "github.com/learncontract/learncontract/suites"

// Specs registers the specs of every action.
func Specs(s *suites.Suite) {
	describeCreate(s)
	describeGet(s)
	describeList(s)
	describeUpdate(s)
	describeDelete(s)
	describeOther(s)
}
