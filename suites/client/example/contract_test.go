package coursesync_test

import (
	"testing"

	_ "github.com/onsi/ginkgo/v2" // without it the ginkgo command drops its flags

	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/graph"

	"example.com/coursesync/undercontract"
)

// TestMain has the flags of reports and of live runs: go test . -args --report out.
func TestMain(m *testing.M) { suites.Main(m) }

// TestContract asks the connector from a plain Go test.
func TestContract(t *testing.T) { graph.Test(t, undercontract.Connector) }
