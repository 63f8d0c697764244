package graph

import "github.com/learncontract/learncontract/suites"

// describeGet asks for the failures of reading a course activity by its id.
func describeGet(s *suites.Suite) { s.Describe("get") }
