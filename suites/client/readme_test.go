package client_test

import (
	"os"
	"strings"
	"testing"
)

// TestReadme compares the declaration that the front page shows with that of the example, which is compiled and run.
func TestReadme(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	declaration, err := os.ReadFile("example/undercontract/undercontract.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), strings.TrimSpace(string(declaration))) {
		t.Errorf("the front page does not show the example's declaration:\n%s", declaration)
	}
}
