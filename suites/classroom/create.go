package classroom

import "github.com/learncontract/learncontract/suites"

// describeCreate asks for the failures of making courses, their members, invitations, posts, rubrics and add-on
// attachments: most of the limits and all of the add-on tokens are documented here.
func describeCreate(s *suites.Suite) { s.Describe("create") }
