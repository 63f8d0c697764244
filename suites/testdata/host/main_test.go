//go:build run

package host_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/learncontract/learncontract/suites"
)

func TestMain(m *testing.M) {
	fmt.Println("the host's TestMain ran")
	os.Exit(suites.Run(m))
}
