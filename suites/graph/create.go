package graph

import "github.com/learncontract/learncontract/suites"

// describeCreate asks for the failures of adding a course activity to a learning provider. It is the one action that
// documents field validation with several details in one answer.
func describeCreate(s *suites.Suite) { s.Describe("create") }
