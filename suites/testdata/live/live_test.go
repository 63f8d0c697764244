// Package live has the reference client checked by plain tests, for the tests of live runs.
package live

import (
	"os"
	"testing"

	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/classroom"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/graph"
)

func TestMain(m *testing.M) { os.Exit(suites.Run(m)) }

func TestGraph(t *testing.T) { graph.Test(t, wire.Config()) }

func TestClassroom(t *testing.T) { classroom.Test(t, wire.Config()) }
