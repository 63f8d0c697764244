package classroom

import "github.com/learncontract/learncontract/suites"

// describeUpdate asks for the failures of changing what exists: a course's state and owner, and what belongs to another
// Developer Console project.
func describeUpdate(s *suites.Suite) { s.Describe("update") }
