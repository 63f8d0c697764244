package coursesync_test

import (
	"testing"

	"github.com/learncontract/learncontract/suites/graph"

	"example.com/coursesync/undercontract"
)

// TestContract asks the connector from a plain Go test.
func TestContract(t *testing.T) { graph.Test(t, undercontract.Connector) }
