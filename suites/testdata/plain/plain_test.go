// Package plain has the reference client checked without a TestMain, for the tests of live runs.
package plain

import (
	"testing"

	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/graph"
)

func TestGraph(t *testing.T) { graph.Test(t, wire.Config()) }
