package suites_test

import (
	"os"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/client/wire"
)

// A contract from any folder is checked as the embedded ones are.
func TestOfAnyContract(t *testing.T) {
	t.Parallel()
	contract, err := fixtures.Open(os.DirFS("../fixtures/testdata/sample"))
	if err != nil {
		t.Fatal(err)
	}
	suites.Test(t, contract, wire.Config())
}
