package apierror_test

import (
	"os"
	"testing"

	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/classroom"
	"github.com/learncontract/learncontract/suites/client/googleapi"
)

func TestMain(m *testing.M) { os.Exit(suites.Run(m)) }

func TestClassroom(t *testing.T) {
	suites.Provider{Name: "classroom", Specs: func(s *suites.Suite) {
		classroom.Specs(s)
		classroom.Undocumented(s)
	}}.Test(t, googleapi.APIErrorConfig())
}
