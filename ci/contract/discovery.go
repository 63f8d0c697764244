package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/learncontract/learncontract/fixtures"
)

// discoveryFlag adds the flag that names a discovery document.
func discoveryFlag(cmd *cobra.Command) {
	cmd.Flags().String("discovery", "",
		"the discovery document, a `file` such as classroom-api.json (default that of the release that the contract names)")
	if err := cmd.RegisterFlagCompletionFunc("discovery", completeFiles("json")); err != nil {
		panic(err) // the flag is defined above
	}
}

// discoveryFile returns the file that the flag names, or else the one of the release.
func discoveryFile(cmd *cobra.Command, release fixtures.Release) (string, error) {
	if flag := cmd.Flags().Lookup("discovery"); flag.Changed {
		return flag.Value.String(), nil
	}
	return downloadDiscovery(cmd.Context(), release)
}

// readFile reads a file that must not be empty, nor larger than any page or document. The error is one line that says what to
// do.
func readFile(file string) ([]byte, error) {
	const most = 64 << 20
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a folder: give a file in it", file)
	}
	in, err := os.Open(file)
	var text []byte
	if err == nil {
		defer func() { _ = in.Close() }() // it was only read
		text, err = io.ReadAll(io.LimitReader(in, most+1))
	}
	switch {
	case file == "":
		return nil, errors.New("the name of a file is empty: give one")
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no file %s: check its name and folder", file)
	case err != nil:
		return nil, fmt.Errorf("%s cannot be read (%w): give a file that can be", file, cause(err))
	case len(text) > most:
		return nil, fmt.Errorf("%s has more than 64 MiB: give a page, or a discovery document", file)
	case len(bytes.TrimSpace(text)) == 0:
		return nil, fmt.Errorf("%s is empty: get the page or document again", file)
	}
	return text, nil
}

// downloadDiscovery returns the discovery document of a release, which the go command downloads into its module cache. No
// go.mod requires the release.
func downloadDiscovery(ctx context.Context, release fixtures.Release) (string, error) {
	found, err := goCommand(ctx, "mod download", release.String())
	if err != nil {
		return "", fmt.Errorf("%s was not downloaded (%w): give the discovery document with --discovery FILE", release, err)
	}
	return filepath.Join(found.Dir, filepath.FromSlash(release.File)), nil
}

// module is what the go command prints of a module.
type module struct {
	Main       bool // a main module, not a dependency
	Dir, Error string
}

// goCommand runs a go command that prints a module as JSON. The error is one line, in the words of the go command.
func goCommand(ctx context.Context, command, path string) (found module, err error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", append(strings.Fields(command), "-json", path)...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	_ = json.Unmarshal(out, &found) // without JSON there is no folder, and an error
	if why := strings.Join(strings.Fields(found.Error+" "+stderr.String()), " "); err != nil && why != "" {
		err = errors.New(why)
	}
	return found, err
}
