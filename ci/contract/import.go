package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/learncontract/learncontract/ci/contract/internal/pages"
	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/report"
)

// generated is the file that import writes, below the folder fixtures.
const generated = "classroom/methods.json"

func importCommand() *cobra.Command {
	var remove bool
	cmd := &cobra.Command{
		Use:   "import classroom",
		Short: "Generate Classroom's methods again from Google's discovery document",
		Long: "import reads a discovery document of the Classroom API and rewrites fixtures/" + generated + ": every method,\n" +
			"which statuses and named errors it documents, and what a request and an answer look like. What is written by hand\n" +
			"stands in fixtures/classroom/errors.yaml and stays as it is. Nothing is written unless both make a contract, and that\n" +
			"contract has all clauses that there were, or --remove lets some go.\n\n" +
			"The document is the one of the google.golang.org/api version that go.mod requires. Run it in a clone.",
		Example: "  go get google.golang.org/api@v0.309.0 && go tool contract import classroom\n" +
			"  go tool contract import classroom --discovery classroom-api.json",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] == "classroom" {
				return nil
			}
			given := "nothing"
			if len(args) > 0 {
				given = fmt.Sprintf("%q", args)
			}
			return fmt.Errorf("import was given %s: use import classroom, for Graph has no discovery document", given)
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
			done, err := importDiscovery(discovery, filepath.Join(clone, "fixtures"), remove)
			if err != nil {
				return err
			}
			_, err = io.WriteString(cmd.OutOrStdout(), report.Tame(done.String()))
			return err
		},
	}
	cmd.Flags().BoolVar(&remove, "remove", false, "let clauses go that the document no longer has, and their ids with them")
	discoveryFlag(cmd)
	return cmd
}

// cloneFolder is the folder of the clone of this module in which the command was started.
func cloneFolder(ctx context.Context) (string, error) {
	const self = "github.com/learncontract/learncontract"
	found, err := goCommand(ctx, "list -m", self)
	if err == nil && !found.Main {
		err = errors.New("it is a dependency here")
	}
	if err != nil {
		return "", fmt.Errorf("import rewrites a file of %s, which was not found (%w): run it in a clone of that, with go on the path", self, err)
	}
	return found.Dir, nil
}

// imported is what an import did.
type imported struct {
	document    *fixtures.Document
	written     bool
	gone, added []string // ids of clauses
}

func (i *imported) String() string {
	var text strings.Builder
	done := "is as it was"
	if i.written {
		done = "was rewritten: look at git diff"
	}
	fmt.Fprintf(&text, "fixtures/%s %s (revision %s, %s)\n", generated, done, i.document.Revision, count(len(i.document.Methods), "method"))
	for _, id := range i.gone {
		fmt.Fprintln(&text, "removed ", id)
	}
	for _, id := range i.added {
		fmt.Fprintln(&text, "added   ", id)
	}
	return text.String()
}

// importDiscovery generates the methods from a discovery document into a copy of the folder fixtures. It writes nothing
// that cannot be loaded, nor, unless remove is set, what has not all clauses that there were.
func importDiscovery(file, folder string, remove bool) (*imported, error) {
	text, err := readFile(file)
	if err != nil {
		return nil, err
	}
	files := os.DirFS(folder)
	codes, err := fixtures.CodesFS(files, "classroom")
	if err != nil {
		return nil, inFixtures(err)
	}
	document, err := pages.Discovery(text, slices.Sorted(maps.Keys(codes)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	before, err := fixtures.LoadFS(files, "classroom")
	if err != nil {
		before = nil // nothing to hold the document against
	} else if err := before.Document.Same(document); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	encoded, err := document.Encode()
	if err != nil {
		return nil, err
	}
	after, err := fixtures.LoadFS(overlay{files, generated, encoded}, "classroom")
	if err != nil {
		return nil, fmt.Errorf("nothing was written, for the methods of %s don't make a contract with what is written by hand:\n%w",
			file, inFixtures(err))
	}
	name := filepath.Join(folder, filepath.FromSlash(generated))
	old, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s cannot be read (%w), and so nothing was written: let it be read", name, withoutName(err))
	}
	was, is := ids(before, after, old, encoded)
	done := &imported{document: document, written: !bytes.Equal(old, encoded), gone: without(was, is), added: without(is, was)}
	if n := len(done.gone); n > 0 && !remove {
		const most = 5
		named := strings.Join(done.gone[:min(n, most)], ", ")
		if n > most {
			named += fmt.Sprintf(" and %d more", n-most)
		}
		return nil, fmt.Errorf("nothing was written, for ids of clauses are for ever and these would go: %s: "+
			"see what drift classroom says, and give --remove if they must", named)
	}
	if done.written {
		if err := replaceFile(name, encoded); err != nil {
			return nil, fmt.Errorf("%s cannot be written, and is as it was: %w: make room for it, or let it be written",
				name, err)
		}
	}
	return done, nil
}

// ids are those of the clauses of two contracts or, where the former could not be loaded, of the clauses that the texts of
// their documents make: until what is new in a document is described by hand, only those are known.
func ids(before, after *fixtures.Contract, was, is []byte) (gone, come []string) {
	if before == nil {
		return documentIDs(was), documentIDs(is)
	}
	return contractIDs(before), contractIDs(after)
}

func contractIDs(c *fixtures.Contract) (ids []string) {
	for clause := range c.Clauses() {
		ids = append(ids, clause.ID)
	}
	return ids
}

func documentIDs(text []byte) (ids []string) {
	var d fixtures.Document
	_ = json.Unmarshal(text, &d) // what cannot be read has none
	for _, m := range d.Methods {
		for _, f := range m.Failures {
			for _, name := range append([]string{""}, f.Names...) {
				ids = append(ids, m.ID+"."+fixtures.Key(f.Code, name))
			}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// without are the ids that others don't have.
func without(ids, others []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(others, id) })
}

// inFixtures has the problems of files name these from the folder of the clone.
func inFixtures(err error) error {
	if problems := (fixtures.Problems{}); errors.As(err, &problems) {
		for i := range problems {
			problems[i].File = "fixtures/" + problems[i].File
		}
	}
	return err
}

// overlay is a file system with another text of one file.
type overlay struct {
	fs.FS
	name string
	text []byte
}

// Open implements fs.FS.
func (o overlay) Open(name string) (fs.File, error) {
	if name == o.name {
		return overlaid{bytes.NewReader(o.text), path.Base(name)}, nil
	}
	return o.FS.Open(name)
}

// overlaid is the file of an overlay, and what is known of it.
type overlaid struct {
	*bytes.Reader // with Size
	name          string
}

func (f overlaid) Stat() (fs.FileInfo, error) { return f, nil }
func (f overlaid) Close() error               { return nil }
func (f overlaid) Name() string               { return f.name }
func (f overlaid) Mode() fs.FileMode          { return 0o444 }
func (f overlaid) ModTime() time.Time         { return time.Time{} }
func (f overlaid) IsDir() bool                { return false }
func (f overlaid) Sys() any                   { return nil }

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
