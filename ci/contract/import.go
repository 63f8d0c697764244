package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/fixtures/pages"
)

// generated is the file that import writes, below the folder fixtures.
const generated = "classroom/methods.json"

func importCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import classroom",
		Short: "Generate Classroom's methods again from Google's discovery document",
		Long: "import reads a discovery document of the Classroom API and rewrites fixtures/" + generated + ": every method,\n" +
			"which statuses and named errors it documents, and what a request and an answer look like. What is written by hand\n" +
			"stands in fixtures/classroom/errors.yaml and stays as it is. Nothing is written unless both make a contract.\n\n" +
			"The document is the one of the google.golang.org/api version that go.mod requires. Run it in a clone.",
		Example: "  go get google.golang.org/api@v0.309.0 && go tool contract import classroom\n" +
			"  go tool contract import classroom --discovery classroom-api.json",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] != "classroom" {
				return fmt.Errorf("import was given %q: use import classroom, for Graph has no discovery document", args)
			}
			return nil
		},
		ValidArgsFunction: cobra.FixedCompletions([]cobra.Completion{"classroom"}, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, _ []string) error {
			clone, err := cloneFolder(cmd.Context())
			if err != nil {
				return err
			}
			discovery, err := discoveryFile(cmd)
			if err != nil {
				return err
			}
			document, written, err := importDiscovery(discovery, filepath.Join(clone, "fixtures"))
			if err != nil {
				return err
			}
			done := "is as it was"
			if written {
				done = "was rewritten: look at git diff"
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "fixtures/%s %s (revision %s, %s)\n",
				generated, done, document.Revision, count(len(document.Methods), "method"))
			return err
		},
	}
	discoveryFlag(cmd)
	return cmd
}

// cloneFolder is the folder of the clone of this module in which the command was started.
func cloneFolder(ctx context.Context) (string, error) {
	const path = "github.com/learncontract/learncontract"
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-json").Output()
	var found struct{ Path, Dir string }
	if err == nil {
		err = json.Unmarshal(out, &found)
	}
	if err != nil || found.Path != path {
		return "", errors.New("import rewrites a file of " + path + ": run it in a clone of that")
	}
	return found.Dir, nil
}

// importDiscovery generates the methods from a discovery document into a copy of the folder fixtures, and reports whether
// that changed anything. It writes nothing that cannot be loaded.
func importDiscovery(file, folder string) (document *fixtures.Document, written bool, err error) {
	text, err := readFile(file)
	if err != nil {
		return nil, false, err
	}
	codes, err := fixtures.CodesFS(os.DirFS(folder), "classroom")
	if err != nil {
		return nil, false, err
	}
	document, err = pages.Discovery(text, slices.Sorted(maps.Keys(codes)))
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", file, err)
	}
	if before, err := fixtures.LoadFS(os.DirFS(folder), "classroom"); err == nil { // else there is nothing to hold it against
		if err := before.Document.Same(document); err != nil {
			return nil, false, fmt.Errorf("%s: %w", file, err)
		}
	}
	encoded, err := document.Encode()
	if err != nil {
		return nil, false, err
	}
	if _, err := fixtures.LoadFS(overlay{os.DirFS(folder), generated, encoded}, "classroom"); err != nil {
		if problems := (fixtures.Problems{}); errors.As(err, &problems) {
			for i := range problems {
				problems[i].File = "fixtures/" + problems[i].File
			}
		}
		return nil, false, fmt.Errorf("nothing was written, for the methods of %s don't make a contract with what is written by hand:\n%w", file, err)
	}
	name := filepath.Join(folder, filepath.FromSlash(generated))
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, encoded) {
		return document, false, nil
	}
	return document, true, replaceFile(name, encoded)
}

// overlay is a file system with another text of one file.
type overlay struct {
	fs.FS
	name string
	text []byte
}

// ReadFile implements fs.ReadFileFS.
func (o overlay) ReadFile(name string) ([]byte, error) {
	if name == o.name {
		return o.text, nil
	}
	return fs.ReadFile(o.FS, name)
}

// replaceFile writes a file whole or not at all.
func replaceFile(name string, text []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(name), ".*.json")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // there is none after the renaming
	if _, err := temporary.Write(text); err != nil {
		return errors.Join(err, temporary.Close())
	}
	if err := errors.Join(temporary.Chmod(0o644), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), name)
}
