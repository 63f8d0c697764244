package apierror_test

import (
	"testing"

	_ "github.com/onsi/ginkgo/v2" // without it the ginkgo command drops its flags

	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/classroom"
	"github.com/learncontract/learncontract/suites/clients/googleapi"
)

func TestMain(m *testing.M) { suites.Main(m) }

func TestClassroom(t *testing.T) {
	suites.Test(t, "classroom", googleapi.APIErrorConfig(), func(s *suites.Suite) {
		classroom.Specs(s)
		classroom.Odd(s)
	})
}
