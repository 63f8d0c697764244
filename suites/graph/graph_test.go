package graph_test

import (
	"os"
	"testing"

	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/graph"
)

var _ = graph.Describe("the reference client", wire.Config())

func TestMain(m *testing.M) { os.Exit(suites.Run(m)) }

func TestGraph(t *testing.T) { suites.RunSpecs(t, "Microsoft Graph learningCourseActivity") }
