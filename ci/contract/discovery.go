package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// discoveryFlag adds the flag that names a discovery document.
func discoveryFlag(cmd *cobra.Command) {
	cmd.Flags().String("discovery", "",
		"the discovery document, a `file` such as classroom-api.json (default that of go.mod's google.golang.org/api)")
	if err := cmd.RegisterFlagCompletionFunc("discovery", completeFiles("json")); err != nil {
		panic(err) // the flag is defined above
	}
}

// discoveryFile is the file that the flag names, or that of the dependency.
func discoveryFile(cmd *cobra.Command) (string, error) {
	if flag := cmd.Flags().Lookup("discovery"); flag.Changed {
		return flag.Value.String(), nil
	}
	return requiredDiscovery(cmd.Context())
}

// readFile reads a file that must hold something. The error is one line that says what to do.
func readFile(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: give a file that can be read", err)
	case len(bytes.TrimSpace(text)) == 0:
		return nil, fmt.Errorf("%s is empty: get the page or document again", file)
	}
	return text, nil
}

const (
	apiModule = "google.golang.org/api"
	mend      = "require it in go.mod and run go mod download " + apiModule + ", or give the discovery document with --discovery FILE"
)

// requiredDiscovery is the discovery document in the version of google.golang.org/api that go.mod requires.
func requiredDiscovery(ctx context.Context) (string, error) {
	folder := ""
	for _, args := range [][]string{{"list", "-m", "-json", apiModule}, {"mod", "download", "-json", apiModule}} {
		var stderr bytes.Buffer
		command := exec.CommandContext(ctx, "go", args...)
		command.Stderr = &stderr
		out, err := command.Output()
		var found struct{ Dir, Error string }
		_ = json.Unmarshal(out, &found) // what cannot be read has no folder
		if folder = found.Dir; folder != "" {
			break // go list knows no folder of a module that was not downloaded yet
		}
		if err != nil {
			why := strings.Join(strings.Fields(found.Error+" "+stderr.String()), " ")
			if why == "" {
				why = err.Error()
			}
			return "", fmt.Errorf("go.mod's version of %s was not found (%s): %s", apiModule, why, mend)
		}
	}
	file := filepath.Join(folder, "classroom", "v1", "classroom-api.json")
	if _, err := os.Stat(file); err != nil {
		return "", fmt.Errorf("%w: give the discovery document with --discovery FILE", err)
	}
	return file, nil
}
