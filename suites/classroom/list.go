package classroom

import "github.com/learncontract/learncontract/suites"

// describeList asks for the failures of listing what exists: the courses of a user, the members of a course.
func describeList(s *suites.Suite) { s.Describe("list") }
