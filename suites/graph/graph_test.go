package graph_test

import (
	"os"
	"testing"

	_ "github.com/onsi/ginkgo/v2" // without it the ginkgo command drops its flags, and those after --

	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/graph"
)

var _ = graph.Describe("the reference client", wire.Config())

func TestMain(m *testing.M) { os.Exit(suites.Run(m)) }

func TestGraph(t *testing.T) { suites.RunSpecs(t, "Microsoft Graph learningCourseActivity") }
