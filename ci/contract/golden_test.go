package main

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/learncontract/learncontract/fixtures"
)

var update = flag.Bool("update", false, "rewrite the golden files in ci/contract/testdata with the texts as they are")

// here is the folder of this package, which some tests leave.
var here = func() string {
	folder, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return folder
}()

// contractPlace matches a place in the contract, which moves whenever a clause is added above it.
var contractPlace = regexp.MustCompile(`fixtures/[^\s":]*/([^\s":/]+)(:|",\s*"line": )\d+`)

// golden compares a text with testdata/FOLDER/NAME.golden, or rewrites that. Lines of the contract are 0 in it.
func golden(t *testing.T, folder, name, text string) {
	t.Helper()
	text = contractPlace.ReplaceAllString(text, "${1}${2}0")
	file := filepath.Join(here, "testdata", folder, name+".golden")
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

// TestGoldenFiles finds golden files that no test compares.
func TestGoldenFiles(t *testing.T) {
	var source strings.Builder
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	goldens, err := filepath.Glob("testdata/*/*.golden")
	if err != nil || len(goldens) == 0 {
		t.Fatalf("%d golden files, %v", len(goldens), err)
	}
	for _, file := range goldens {
		if name := strings.TrimSuffix(filepath.Base(file), ".golden"); !strings.Contains(source.String(), `"`+name+`"`) {
			t.Errorf("%s belongs to no case: delete it", file)
		}
	}
}

// only returns the clauses with the ids, in that order, of contracts without any other clause: a test of the command's texts is not
// concerned by clauses that are added to a provider.
func only(t *testing.T, ids ...string) (chosen []*fixtures.Clause) {
	t.Helper()
	for _, c := range contracts(t) {
		for _, o := range c.Operations {
			o.Clauses = slices.DeleteFunc(o.Clauses, func(clause *fixtures.Clause) bool { return !slices.Contains(ids, clause.ID) })
			chosen = append(chosen, o.Clauses...)
		}
	}
	if len(chosen) != len(ids) {
		t.Fatalf("%d clauses have the ids %q", len(chosen), ids)
	}
	slices.SortFunc(chosen, func(a, b *fixtures.Clause) int { return slices.Index(ids, a.ID) - slices.Index(ids, b.ID) })
	return chosen
}

// texted returns what a function writes.
func texted(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var text bytes.Buffer
	if err := write(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// compiler compiles a schema of a JSON document. The document has a URL of its own, so that no folder is part of one.
func compiler(t *testing.T, document any) func(ref string) (*jsonschema.Schema, error) {
	t.Helper()
	const url = "https://learncontract.example/schema.json"
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource(url, document); err != nil {
		t.Fatal(err)
	}
	return func(ref string) (*jsonschema.Schema, error) { return compiler.Compile(url + ref) }
}

// closedSchema compiles a schema that the command prints, and allows no properties but those that it names.
func closedSchema(t *testing.T, args ...string) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(printed(t, args...)))
	if err != nil {
		t.Fatal(err)
	}
	closeObjects(t, document)
	schema, err := compiler(t, document)("")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// rejects checks that a schema does not allow a text, made of a valid one.
func rejects(t *testing.T, schema *jsonschema.Schema, valid, old, replacement string) {
	t.Helper()
	wrong := strings.Replace(valid, old, replacement, 1)
	instance, err := jsonschema.UnmarshalJSON(strings.NewReader(wrong))
	if err != nil {
		t.Fatal(err)
	}
	if wrong == valid || schema.Validate(instance) == nil {
		t.Errorf("the schema allows %s in\n%s", replacement, wrong)
	}
}
