package classroom_test

import (
	"os"
	"testing"

	_ "github.com/onsi/ginkgo/v2" // without it the ginkgo command drops its flags, and those after --

	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/classroom"
	"github.com/learncontract/learncontract/suites/client/wire"
)

var _ = classroom.Describe("the reference client", wire.Config())

func TestMain(m *testing.M) { os.Exit(suites.Run(m)) }

func TestClassroom(t *testing.T) { suites.RunSpecs(t, "Google Classroom") }
