package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/learncontract/learncontract/fixtures"
)

// exporters write a contract for the tools that people run already.
var exporters = []struct {
	name, short, long string
	file              string // below the folder; PROVIDER stands for the contract's
	render            func(*fixtures.Contract) ([]byte, error)
	next              string // how to get an error from it: FILE, FOLDER, BASE, PATH, CODE and ID stand for those of one
}{
	{
		name:  "openapi",
		short: "Write the contract as OpenAPI 3.1, each wording a named example",
		long: "openapi writes an OpenAPI 3.1 document for each provider: every operation with its parameters, its request body and\n" +
			"its success, and each documented error as an example response, named by the id of its wording. Prism, for one,\n" +
			"returns the example that the request header Prefer names, and the success without that header. If a success has no\n" +
			"body, Prism returns the success for an unknown name, too: check the spelling.",
		file:   "PROVIDER.openapi.json",
		render: openAPI,
		next: "  npx @stoplight/prism-cli mock FILE\n" +
			"  curl -i -H 'Prefer: code=CODE, example=ID' 'http://127.0.0.1:4010PATH'",
	},
	{
		name:  "wiremock",
		short: "Write the contract as mappings of WireMock, the wording chosen by a header",
		long: "wiremock writes mappings for each provider; WireMock, which needs Java, serves them from the folder that --out\n" +
			"names. The request header " + chooser + " chooses a wording by its id, or the first wording of a clause by\n" +
			"the clause's id. Without the header the operation succeeds. If the header names no error of the operation, WireMock\n" +
			"responds with 404 and the nearest mapping.",
		file:   "mappings/PROVIDER.json",
		render: wireMock,
		next: "  npx wiremock --root-dir FOLDER --port 8080\n" +
			"  curl -i -H '" + chooser + ": ID' 'http://127.0.0.1:8080BASEPATH'",
	},
}

func exportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export openapi|wiremock",
		Short: "Write the contract for other tools: OpenAPI 3.1, or WireMock",
		Long: "export writes the contract for other tools. The same contract gives the same files. It replaces only files that it\n" +
			"has written itself, which it lists in " + manifest + " beside them.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("export knows no format %q: use openapi or wiremock", args[0])
			}
			return nil
		},
		RunE: func(*cobra.Command, []string) error {
			return errors.New("export names no format: use openapi or wiremock")
		},
		// The flags of a misspelled format are not at fault.
		FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true},
	}
	for _, e := range exporters {
		var out string
		format := &cobra.Command{
			Use:   e.name + " [" + strings.Join(fixtures.Providers(), "|") + "] --out DIR",
			Short: e.short,
			Long:  e.long,
			Example: "  go tool contract export " + e.name + " --out exported\n" +
				"  go tool contract export " + e.name + " graph --out exported",
			RunE: func(cmd *cobra.Command, args []string) error {
				if out == "" {
					return errors.New("--out DIR is missing: give the folder to write to, which is created if there is none")
				}
				contracts, err := load(args)
				if err != nil {
					return err
				}
				files, summary := map[string][]byte{}, ""
				for _, c := range contracts {
					name := strings.ReplaceAll(e.file, "PROVIDER", c.Provider)
					if files[name], err = e.render(c); err != nil {
						return err
					}
					summary += summarize(filepath.Join(out, filepath.FromSlash(name)), out, c, e.next)
				}
				if err := writeFiles(out, files); err != nil {
					return err
				}
				_, err = io.WriteString(cmd.OutOrStdout(), summary)
				return err
			},
		}
		takeProvider(format)
		format.Flags().StringVar(&out, "out", "", "the `folder` to write to")
		cmd.AddCommand(format)
	}
	return cmd
}

// summarize says what a file contains, and how to get the first error from it.
func summarize(file, folder string, c *fixtures.Contract, next string) string {
	all, wordings := slices.Collect(c.Clauses()), 0
	for _, clause := range all {
		wordings += len(clause.Wordings)
	}
	first := c.Operations[max(0, slices.IndexFunc(c.Operations, func(o *fixtures.Operation) bool { return o.Method == "GET" }))]
	next = strings.NewReplacer("FILE", file, "FOLDER", folder, "BASE", basePath(c), "PATH", first.URLAt(""),
		"CODE", fmt.Sprint(first.Clauses[0].Status), "ID", first.Clauses[0].Wordings[0].ID()).Replace(next)
	return fmt.Sprintf("%s: %s, %s, %s; to get one:\n%s\n", file, count(len(c.Operations), "operation"),
		count(len(all), "clause"), count(wordings, "wording"), next)
}

// manifest lists the files that export wrote to a folder, as sha256sum does: sha256sum -c reads it.
const manifest = "learncontract.sha256"

// writeFiles writes the files, whose names have slashes, below the folder: none if one would replace a file that export did
// not write, by the manifest.
func writeFiles(folder string, files map[string][]byte) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("--out %s cannot be created (%w): name another folder", folder, cause(err))
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return fmt.Errorf("--out %s cannot be opened (%w): name another folder", folder, cause(err))
	}
	defer func() { _ = root.Close() }() // each file was closed by itself
	sums, err := readManifest(root)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(folder, manifest), err)
	}
	var foreign []string
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		switch there, err := root.ReadFile(name); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("%s cannot be read (%w): move it away, or name another folder with --out",
				filepath.Join(folder, name), cause(err))
		case !bytes.Equal(there, files[name]) && sum(there) != sums[name]:
			foreign = append(foreign, filepath.Join(folder, filepath.FromSlash(name)))
		}
	}
	if len(foreign) > 0 {
		return fmt.Errorf("%s would be lost, because export did not write it so: move it away, or name another folder with --out",
			strings.Join(foreign, " and "))
	}
	var outputs []output
	for _, name := range names {
		if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return fmt.Errorf("--out %s cannot be written to (%w): name another folder", folder, cause(err))
		}
		outputs = append(outputs, output{root, name, files[name], 0o644})
		sums[name] = sum(files[name])
	}
	var text bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		fmt.Fprintf(&text, "%s  %s\n", sums[name], name)
	}
	// The manifest is last: a file that is as it would be written is never foreign.
	return writeAll(append(outputs, output{root, manifest, text.Bytes(), 0o644}))
}

// readManifest reads the digest of each file that export wrote; there are none where there is no manifest.
func readManifest(root *os.Root) (map[string]string, error) {
	sums := map[string]string{}
	text, err := root.ReadFile(manifest)
	if errors.Is(err, fs.ErrNotExist) {
		return sums, nil
	}
	if err != nil {
		return nil, fmt.Errorf("it cannot be read (%w): move it away together with the files that it lists", cause(err))
	}
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		digest, name, ok := strings.Cut(line, "  ")
		if !ok || len(digest) != 2*sha256.Size || name == "" {
			return nil, fmt.Errorf("line %d is no digest and file: move it away together with the files that it lists", i+1)
		}
		sums[name] = digest
	}
	return sums, nil
}

// sum is the digest of a text, as sha256sum prints it.
func sum(text []byte) string { return fmt.Sprintf("%x", sha256.Sum256(text)) }

// sentFields returns the header fields that a tool has to send: not Date, which each sends itself.
func sentFields(response fixtures.Response) map[string]string {
	fields := map[string]string{}
	for name := range response.Header {
		if name != "Date" {
			fields[name] = response.Header.Get(name)
		}
	}
	return fields
}

// documentedAt says where the newest edition with the wording has it, and what to do.
func documentedAt(w *fixtures.Wording) string {
	s := w.Sources[len(w.Sources)-1]
	return fmt.Sprintf("Documented in %s, edition %q of %s. What to do: %s.",
		s.Row, s.Edition.ID, s.Edition.URL, w.Clause.Remedy.Do)
}
