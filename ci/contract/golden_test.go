package main

import (
	"os"
	"path/filepath"
	"testing"
)

// golden holds a text against testdata/FOLDER/NAME.golden, or rewrites that.
func golden(t *testing.T, folder, name, text string) {
	t.Helper()
	file := filepath.Join("testdata", folder, name+".golden")
	if *update {
		write(t, file, text)
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: go test ./ci/contract -update writes it", err)
	}
	if text != string(want) {
		t.Errorf("the text is\n%s\nand %s has\n%s", text, file, want)
	}
}
