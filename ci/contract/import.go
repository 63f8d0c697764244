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
	"testing/fstest"

	"github.com/spf13/cobra"

	"github.com/learncontract/learncontract/ci/contract/internal/pages"
	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// generated is the file that import writes, in the folder of the provider.
const generated = "methods.json"

func importCommand() *cobra.Command {
	var remove bool
	cmd := &cobra.Command{
		Use:   "import PROVIDER",
		Short: "Regenerate a provider's methods from its discovery document",
		Long: "import reads the discovery document of a provider's API and rewrites fixtures/providers/PROVIDER/methods.json: every method,\n" +
			"the statuses and named errors that it documents, and what a request and a response look like. The part written by\n" +
			"hand, provider.yaml beside it, stays as it is. Nothing is written unless the two parts load as a contract that\n" +
			"still has every clause, or --remove allows clauses to go.\n\n" +
			"The go command downloads the document of the release that the handwritten part names under discovery.\n" +
			"To move to another release, write its version there and import again. Run import in a clone.",
		Example: "  go tool contract import classroom\n" +
			"  go tool contract import classroom --discovery classroom-api.json",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				return nil
			}
			given := "nothing"
			if len(args) > 0 {
				given = fmt.Sprintf("%q", args)
			}
			return fmt.Errorf("import was given %s: use import PROVIDER, one with a discovery document", given)
		},
		ValidArgsFunction: completeDiscovered,
		RunE: func(cmd *cobra.Command, args []string) error {
			provider := args[0]
			clone, err := cloneFolder(cmd.Context())
			if err != nil {
				return err
			}
			folder := filepath.Join(clone, "fixtures", "providers", provider)
			_, release, err := fixtures.OpenGenerator(os.DirFS(folder))
			if err != nil {
				return inFixtures(provider, err)
			}
			if release == (fixtures.Release{}) {
				return fmt.Errorf("%s has no discovery document: its contract names none under discovery", provider)
			}
			discovery, err := discoveryFile(cmd, release)
			if err != nil {
				return err
			}
			done, err := importDiscovery(provider, discovery, folder, remove)
			if err != nil {
				return err
			}
			_, err = io.WriteString(cmd.OutOrStdout(), exchange.Escape(done.String()))
			return err
		},
	}
	cmd.Flags().BoolVar(&remove, "remove", false, "remove the clauses, and their ids, that the document no longer has")
	discoveryFlag(cmd)
	return cmd
}

// cloneFolder returns the folder of the clone of this module in which the command was started.
func cloneFolder(ctx context.Context) (string, error) {
	found, err := goCommand(ctx, "list -m", self)
	if err == nil && !found.Main {
		err = errors.New("it is a dependency here")
	}
	if err != nil {
		return "", fmt.Errorf("import rewrites a file of %s, which was not found (%w): run it in a clone of that, with go on the path", self, err)
	}
	return found.Dir, nil
}

// completeDiscovered has the shell propose the providers with a discovery document.
func completeDiscovered(*cobra.Command, []string, string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
	for _, name := range fixtures.Providers() {
		if contract, err := fixtures.Load(name); err == nil && contract.Document != nil {
			names = append(names, name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// imported is what an import did.
type imported struct {
	file        string // below the folder fixtures
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
	fmt.Fprintf(&text, "fixtures/%s %s (revision %s, %s)\n", i.file, done, i.document.Revision, count(len(i.document.Methods), "method"))
	for _, id := range i.gone {
		fmt.Fprintln(&text, "removed ", id)
	}
	for _, id := range i.added {
		fmt.Fprintln(&text, "added   ", id)
	}
	return text.String()
}

// importDiscovery generates the methods from a discovery document into the folder fixtures. It writes nothing that cannot be
// loaded, nor, unless remove is set, a contract that lacks a clause of the old one.
func importDiscovery(provider, file, folder string, remove bool) (*imported, error) {
	text, err := readFile(file)
	if err != nil {
		return nil, err
	}
	files := os.DirFS(folder)
	codes, _, err := fixtures.OpenGenerator(files)
	if err != nil {
		return nil, inFixtures(provider, err)
	}
	document, err := pages.Discovery(text, slices.Sorted(maps.Keys(codes)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	before, err := fixtures.Open(files)
	if err != nil {
		before = nil // nothing to compare the document with
	} else if err := before.Document.Same(document); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	encoded, err := document.Encode()
	if err != nil {
		return nil, err
	}
	after, err := fixtures.Open(overlay{files, fstest.MapFS{generated: {Data: encoded}}})
	if err != nil {
		return nil, fmt.Errorf("nothing was written, because the methods of %s and the handwritten part make no contract:\n%w",
			file, inFixtures(provider, err))
	}
	name := filepath.Join(folder, generated)
	old, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s cannot be read (%w), and so nothing was written: allow reading it", name, cause(err))
	}
	was, is := ids(before, after, old, encoded)
	done := &imported{file: path.Join("providers", provider, generated), document: document, written: !bytes.Equal(old, encoded), gone: without(was, is), added: without(is, was)}
	if n := len(done.gone); n > 0 && !remove {
		const most = 5
		named := strings.Join(done.gone[:min(n, most)], ", ")
		if n > most {
			named += fmt.Sprintf(" and %d more", n-most)
		}
		return nil, fmt.Errorf("nothing was written, because ids of clauses are for ever and these would disappear: %s: "+
			"see what drift %s prints, and give --remove if they must go", named, provider)
	}
	if done.written {
		if err := writeFile(name, encoded); err != nil {
			return nil, err
		}
	}
	return done, nil
}

// ids returns the ids of the clauses of two contracts. If the first could not be loaded, as when a new error is not described
// by hand yet, it takes both from the documents, which the clauses are made of.
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
	_ = json.Unmarshal(text, &d) // a file that is no document has no ids
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

// without returns the ids that others lacks.
func without(ids, others []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(others, id) })
}

// inFixtures names the files of problems from the folder of the clone.
func inFixtures(provider string, err error) error {
	if problems := (fixtures.Problems{}); errors.As(err, &problems) {
		for i := range problems {
			problems[i].File = path.Join("fixtures/providers", provider, problems[i].File)
		}
	}
	return err
}

// overlay is a file system with one file replaced.
type overlay struct {
	fs.FS
	replaced fstest.MapFS
}

// Open implements fs.FS.
func (o overlay) Open(name string) (fs.File, error) {
	if o.replaced[name] != nil {
		return o.replaced.Open(name)
	}
	return o.FS.Open(name)
}
