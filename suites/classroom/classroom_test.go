package classroom_test

import (
	"os"
	"testing"

	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/classroom"
	"github.com/learncontract/learncontract/suites/client/wire"
)

var _ = classroom.Describe("the reference client", wire.Config())

func TestMain(m *testing.M) { os.Exit(suites.Run(m)) }

func TestClassroom(t *testing.T) { suites.RunSpecs(t, "Google Classroom") }
