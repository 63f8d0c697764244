package coursesync_test

import (
	"os"
	"testing"

	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/graph"

	"example.com/coursesync/undercontract"
)

// TestMain has the flags of reports and of live runs: go test . -args --report out.
func TestMain(m *testing.M) { os.Exit(suites.Run(m)) }

// TestGraphErrors checks the connector in subtests, one a clause: go test -v -run /graph.update.throttled .
func TestGraphErrors(t *testing.T) { graph.Test(t, undercontract.Connector) }
