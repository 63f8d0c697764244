package proxies_test

import (
	"go/build"
	"os"
	"slices"
	"testing"

	"github.com/learncontract/learncontract/suites/internal/offline/proxies"
)

// Whatever else it imported would have other packages initialized before it.
func TestItImportsSyscallAlone(t *testing.T) {
	t.Parallel()
	self, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"syscall"}; !slices.Equal(self.Imports, want) {
		t.Errorf("it imports %q, want %q", self.Imports, want)
	}
}

func TestNoVariableNamesAProxy(t *testing.T) {
	t.Parallel()
	for _, name := range proxies.Variables() {
		got := os.Getenv(name)
		if was := proxies.Of(name); was == "" && got != "" || was != "" && got != "http://"+proxies.Nowhere {
			t.Errorf("%s is %q, and was %q", name, got, was)
		}
	}
}
