package classroom

import "github.com/learncontract/learncontract/suites"

// describeGet asks for the failures of reading courses and add-on contexts.
func describeGet(s *suites.Suite) { s.Describe("get") }
