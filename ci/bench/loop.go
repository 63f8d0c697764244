//go:build unix

package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/learncontract/learncontract/ci/bench/usage"
)

// loop is what a developer waits for after a one-line edit: the command that is run, and the file that is edited.
type loop struct {
	name    string
	folder  string // in which the command is run, below the module's
	file    string
	env     []string
	command []string
}

// example is the folder of the example connector.
const example = "suites/client/example"

// performed are the operations of the example connector.
var performed = []string{"graph.update", "graph.create", "graph.delete"}

// loops are the warm loops, in a copy of the module: of the suite and of the plain table, over the same wordings, and of the
// example connector, its contract test and a suite of the same wordings written by hand.
func loops(table string) []loop {
	connector := example + "/coursesync.go"
	return []loop{
		{"suite", "", "suites/graph/graph_test.go", nil, []string{"go", "tool", "ginkgo", "run", "./suites/graph"}},
		{"loopback", bench, bench + "/plain/plain_test.go", []string{"BENCH_TABLE=" + table},
			[]string{"go", "test", "-run=^TestLoopback$", "./plain"}},
		{"example", example, connector, nil, []string{"go", "test", "."}},
		{"by hand", example, connector, nil, []string{"go", "test", "./byhand"}},
	}
}

// measure edits one line of the file and runs the command. The edit is the number of the run in a variable's value:
// the build cache sees through an edited comment, and would leave out the link.
func (l loop) measure(ctx context.Context, module string, number int) (usage.Usage, error) {
	file := filepath.Join(module, l.file)
	text, err := os.ReadFile(file)
	if err != nil {
		return usage.Usage{}, err
	}
	edited := fmt.Appendf(nil, "%s\nvar edited%d = %q\n", text, number, fmt.Sprint("run ", number))
	if err := os.WriteFile(file, edited, 0o600); err != nil {
		return usage.Usage{}, err
	}
	used, _, err := run(ctx, filepath.Join(module, l.folder), l.env, l.command[0], l.command[1:]...)
	if restored := os.WriteFile(file, text, 0o600); err == nil {
		err = restored
	}
	return used, err
}

// copyModule copies the module without its version control, so that the checkout is never edited.
func copyModule(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		copied := filepath.Join(to, relative)
		switch {
		case entry.IsDir() && entry.Name() == ".git":
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(copied, 0o700)
		case !entry.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(copied, text, 0o600)
	})
}
