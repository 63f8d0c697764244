package classroom

import (
	"testing"

	"github.com/onsi/ginkgo/v2"

	"github.com/learncontract/learncontract/suites"
)

func TestMain(m *testing.M) { suites.Main(m) }

func TestClassroom(t *testing.T) {
	suites.Load(t, "classroom").Register(t, Specs)
	ginkgo.RunSpecs(t, "Google Classroom", suites.Configuration())
}
