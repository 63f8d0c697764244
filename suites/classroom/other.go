package classroom

import "github.com/learncontract/learncontract/suites"

// describeOther asks for the failures of the methods that are none of create, get, list, update and delete, such as
// accepting an invitation or turning in a submission.
func describeOther(s *suites.Suite) { s.Describe("other") }
