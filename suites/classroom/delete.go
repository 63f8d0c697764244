package classroom

import "github.com/learncontract/learncontract/suites"

// describeDelete asks for the failures of removing. One name here is the beginning of another, told apart by the space
// after it.
func describeDelete(s *suites.Suite) { s.Describe("delete") }
