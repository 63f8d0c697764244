package graph

import (
	"testing"

	"github.com/onsi/ginkgo/v2"

	"github.com/learncontract/learncontract/suites"
)

func TestMain(m *testing.M) { suites.Main(m) }

func TestGraph(t *testing.T) {
	suites.Load(t, "graph").Register(t, Specs)
	ginkgo.RunSpecs(t, "Microsoft Graph learningCourseActivity", suites.Configuration())
}
