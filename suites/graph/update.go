package graph

import "github.com/learncontract/learncontract/suites"

// describeUpdate asks for the failures of changing a course activity. Four of them are 403 Forbidden and are told apart
// by their messages alone, which the vendor says not to rely on.
func describeUpdate(s *suites.Suite) { s.Describe("update") }
