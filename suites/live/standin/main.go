// Command standin starts the stand-in tenant, for anyone who wants to try a live run without a tenant:
//
//	go run ./suites/live/standin
//
// It writes sandbox.yaml, ca.pem and env into a directory, a new temporary one by default, prints the commands to run, and
// serves until it is interrupted. The temporary one, which holds its secrets, goes with it. With --misbehave it fails its clients in
// one way or more, which --help lists.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/learncontract/learncontract/suites/live/standin/server"
)

func main() {
	out := flag.String("out", "", "the `directory` to write the sandbox file, the CA and the sign-in variables to (a new temporary one by default)")
	var ways strings.Builder
	for _, m := range server.Misbehaviours() {
		fmt.Fprintf(&ways, "\n  %s: %s", m.Name, m.Sentence)
	}
	misbehave := flag.String("misbehave", "", "fail clients in these `ways`, NAME[,NAME]:"+ways.String())
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage: go run ./suites/live/standin [--out DIR] [--misbehave NAME[,NAME]]")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var options server.Options
	if *misbehave != "" {
		options.Misbehave = strings.Split(*misbehave, ",")
	}
	err := run(ctx, *out, options, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "standin:", err)
		os.Exit(1)
	}
}

// The files it writes, by which it knows a directory of its own again.
const (
	sandboxFile = "sandbox.yaml"
	caFile      = "ca.pem"
	envFile     = "env"
)

// run starts a stand-in, says how to use it, and serves until the context ends. Without a directory it makes one, outside of any
// repository, and removes it again.
func run(ctx context.Context, dir string, options server.Options, stdout io.Writer) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "learncontract-standin-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	if err := claim(dir); err != nil {
		return err
	}
	tenant, err := server.Start(options)
	if err != nil {
		return err
	}
	defer tenant.Close()
	var env strings.Builder
	fmt.Fprintln(&env, "# The secrets of a stand-in, which are worth nothing once it has stopped.")
	variables := tenant.Env()
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		fmt.Fprintf(&env, "export %s='%s'\n", name, variables[name])
	}
	for _, file := range []struct {
		name string
		text []byte
	}{ // the first of which claims the directory
		{sandboxFile, tenant.Sandbox(caFile)}, {caFile, tenant.CA}, {envFile, []byte(env.String())},
	} {
		if err := os.WriteFile(filepath.Join(dir, file.name), file.text, 0o600); err != nil {
			return err
		}
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, `The stand-in tenant is there until you press Ctrl-C. In another terminal:

  . %s
  go tool ginkgo run ./suites/graph ./suites/classroom -- --live --sandbox %s
`, quoted(filepath.Join(absolute, envFile)), quoted(filepath.Join(absolute, sandboxFile)))
	if err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// claim makes the directory, and rejects one that has anything but what an earlier stand-in wrote.
func claim(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	ours := []string{sandboxFile, caFile, envFile}
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !slices.Contains(ours, entry.Name()) {
			return fmt.Errorf("%s is not empty (%s): name a directory that is, or that does not exist yet", dir, entry.Name())
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, sandboxFile))
	switch {
	case len(entries) == 0:
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case !strings.HasPrefix(string(text), server.SandboxHeader):
		return fmt.Errorf("%s has a sandbox.yaml, or a part of what a stand-in writes, that no stand-in wrote: name another directory", dir)
	}
	return nil
}

// quoted writes a path for a shell.
func quoted(path string) string {
	if !strings.ContainsAny(path, " \t\n'\"\\$`*?[]{}()&;|<>~#!") {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
