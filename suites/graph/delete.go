package graph

import "github.com/learncontract/learncontract/suites"

// describeDelete asks for the failures of removing a course activity.
func describeDelete(s *suites.Suite) { s.Describe("delete") }
