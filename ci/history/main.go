// The history command shows what became of Google Classroom's documented errors from release to release of
// google.golang.org/api: a Markdown table with a line for each release, and below it each sentence that went.
//
//	go run ./ci/history [VERSION…]
//
// It gets the releases, the oldest first, with the go command, which keeps them in the module cache. The exit status is 0, or
// 2 where one could not be got or read.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/fixtures/drift"
	"github.com/learncontract/learncontract/fixtures/pages"
)

// releases are those looked at unless the command line names others: from 2019 to the one that the contract names.
var releases = []string{
	"v0.7.0", "v0.15.0", "v0.20.0", "v0.30.0", "v0.36.0", "v0.44.0", "v0.60.0", "v0.80.0", "v0.110.0", "v0.150.0",
	"v0.180.0", "v0.210.0", "v0.240.0", "v0.270.0", "v0.300.0", "v0.309.0",
}

func main() {
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "usage: go run ./ci/history [VERSION…], the oldest first") }
	flag.Parse()
	versions := releases
	if flag.NArg() > 0 {
		versions = flag.Args()
	}
	if err := write(os.Stdout, versions, download); err != nil {
		fmt.Fprintln(os.Stderr, "history:", err)
		os.Exit(2)
	}
}

// changed are the kinds of finding, beside those added and removed, that can be of a discovery document.
var changed = []drift.Kind{drift.CodeChanged, drift.RequestChanged, drift.TypeChanged, drift.Reworded, drift.SpellingOnly}

// write writes the history of the versions, whose discovery documents get returns.
func write(w io.Writer, versions []string, get func(version string) ([]byte, error)) error {
	classroom, err := fixtures.Load("classroom")
	if err != nil {
		return err
	}
	columns := []string{"version", "revision", "methods", "statuses (pairs)", "triples", "names", "added", "removed"}
	for _, kind := range changed {
		columns = append(columns, string(kind))
	}
	var text, below bytes.Buffer
	fmt.Fprintf(&text, "| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat(" --- |", len(columns)))
	var was *fixtures.Document
	for _, version := range versions {
		document, err := get(version)
		if err != nil {
			return err
		}
		is, err := pages.Discovery(document, slices.Sorted(maps.Keys(classroom.Codes)))
		if err != nil {
			return fmt.Errorf("%s: %w", version, err)
		}
		cells := append([]string{version, is.Revision}, counts(is)...)
		if was == nil {
			was = is // nothing to hold the first against
		}
		r := drift.Document(was, is)
		was = is
		fmt.Fprintf(&text, "| %s |\n", strings.Join(append(cells, changes(r)...), " | "))
		alarms(&below, version, r)
	}
	if below.Len() == 0 {
		fmt.Fprintf(&below, "\nNothing that was documented has gone or become another.\n")
	}
	_, err = io.Copy(w, io.MultiReader(&text, &below))
	return err
}

// counts are how much a document says: methods, statuses and of them the distinct (method, status), distinct (method,
// status, name), and distinct names.
func counts(d *fixtures.Document) []string {
	statuses := 0
	pairs, triples, names := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, m := range d.Methods {
		for _, f := range m.Failures {
			statuses++
			pairs[m.ID+" "+f.Code] = true
			for _, name := range f.Names {
				triples[m.ID+" "+f.Code+" "+name], names[name] = true, true
			}
		}
	}
	return []string{
		fmt.Sprint(len(d.Methods)), fmt.Sprintf("%d (%d)", statuses, len(pairs)), fmt.Sprint(len(triples)), fmt.Sprint(len(names)),
	}
}

// changes are how many findings there are of each column.
func changes(r *drift.Report) []string {
	count := map[drift.Kind]map[drift.Field]int{}
	total := map[drift.Kind]int{}
	for _, f := range r.Findings {
		if count[f.Kind] == nil {
			count[f.Kind] = map[drift.Field]int{}
		}
		count[f.Kind][f.Field]++
		total[f.Kind]++
	}
	var cells []string
	for _, kind := range []drift.Kind{drift.Added, drift.Removed} {
		var parts []string
		for _, field := range slices.Sorted(maps.Keys(count[kind])) {
			parts = append(parts, fmt.Sprintf("%s: %d", field, count[kind][field]))
		}
		cells = append(cells, strings.Join(parts, ", "))
	}
	for _, kind := range changed {
		cells = append(cells, fmt.Sprint(total[kind]))
	}
	return cells
}

// alarms lists each alarm of a version, with what went.
func alarms(text *bytes.Buffer, version string, r *drift.Report) {
	if r.Count(drift.Alarm) > 0 {
		fmt.Fprintf(text, "\n%s:\n\n", version)
	}
	for _, f := range r.Findings {
		if f.Weight != drift.Alarm {
			continue
		}
		fmt.Fprintf(text, "- %s: %s, %s: %q", f.Kind, f.Field, f.Subject, f.Was)
		if f.Is != "" {
			fmt.Fprintf(text, " is now %q", f.Is)
		}
		text.WriteByte('\n')
	}
}

// download gets the discovery document of a release.
func download(version string) ([]byte, error) {
	module := "google.golang.org/api@" + version
	out, err := exec.CommandContext(context.Background(), "go", "mod", "download", "-json", module).Output()
	var found struct{ Dir, Error string }
	_ = json.Unmarshal(out, &found) // what cannot be read has no folder
	if found.Dir == "" {
		return nil, fmt.Errorf("go mod download %s (%s: %w): give a version that there is",
			module, found.Error, cmp.Or(err, errors.New("it has no folder")))
	}
	return os.ReadFile(filepath.Join(found.Dir, "classroom", "v1", "classroom-api.json"))
}
