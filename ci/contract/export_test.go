package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/learncontract/learncontract/fixtures"
)

// What people read of the exports: what the command says, and an excerpt of each format.
func TestExportTexts(t *testing.T) {
	folder := t.TempDir()
	for _, format := range []string{"openapi", "wiremock"} {
		summary := strings.ReplaceAll(printed(t, "export", format, "--out", folder), folder, "DIR")
		golden(t, "export", format, regexp.MustCompile(`\d+ (operation|clause|wording)s`).ReplaceAllString(summary, "N ${1}s"))
	}

	var document oasDocument
	read(t, filepath.Join(folder, "graph.openapi.json"), &document)
	response := document.Paths["/employeeExperience/learningCourseActivities/{id}"]["get"].Responses["429"]
	golden(t, "export", "openapi-response", indented(t, response))

	var mappings wireMappings
	read(t, filepath.Join(folder, "mappings/graph.json"), &mappings)
	chosen := "" // a wording chosen by the clause's id, too; one that is not; and a success
	for _, m := range mappings.Mappings {
		if strings.HasPrefix(m.Name, "graph.get.throttled") || m.Name == "graph.get" {
			chosen += indented(t, m)
		}
	}
	golden(t, "export", "wiremock-mappings", chosen)
}

func TestExportErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	for _, c := range []struct {
		args []string
		want string
	}{
		{
			[]string{"export", "openapi"},
			`--out DIR is missing: give the folder to write to, which is created if there is none`,
		},
		{[]string{"export"}, `export names no format: use openapi or wiremock`},
		{[]string{"export", "opnapi", "--out", "x"}, `export knows no format "opnapi": use openapi or wiremock`},
		{[]string{"export", "postman"}, `export knows no format "postman": use openapi or wiremock`},
		{[]string{"export", "openapi", "grap", "--out", "x"}, `unknown provider "grap": use classroom or graph`},
		{
			[]string{"export", "wiremock", "graph", "classroom", "--out", "x"},
			`wiremock was given 2 providers: use classroom or graph, or none for all`,
		},
		{
			[]string{"export", "openapi", "--out", file},
			`--out ` + file + ` cannot be created (not a directory): name another folder`,
		},
	} {
		status, stdout, stderr := contract(c.args...)
		if want := "contract: " + c.want + "\n"; status != 2 || stdout != "" || stderr != want {
			t.Errorf("%q: exit status %d, want 2; %q; standard error\n%swant\n%s", c.args, status, stdout, stderr, want)
		}
	}
}

// A second export changes nothing, into the same folder, another, or beside another format.
func TestExportIsTheSameEachTime(t *testing.T) {
	folder, other := t.TempDir(), t.TempDir()
	for _, format := range []string{"openapi", "wiremock"} {
		printed(t, "export", format, "--out", folder)
		printed(t, "export", format, "graph", "--out", other)
		printed(t, "export", format, "classroom", "--out", other)
	}
	once := exportedFiles(t, folder)
	if len(once) != 5 {
		t.Errorf("there are %d files, want two of each format and %s", len(once), manifest)
	}
	sameFiles(t, exportedFiles(t, other), once)
	printed(t, "export", "openapi", "--out", folder)
	sameFiles(t, exportedFiles(t, folder), once)
}

// What export wrote once, for another edition of the contract, is replaced; what it did not write, or not so, is kept.
func TestExportReplacesNothingElse(t *testing.T) {
	const old = `{"openapi": "3.1.0", "info": {"title": "an older edition"}}`
	listed := func(text, name string) string { return sum([]byte(text)) + "  " + name + "\n" } // a manifest
	fresh := t.TempDir()
	printed(t, "export", "openapi", "--out", fresh)
	const export, other = "graph.openapi.json", "classroom.openapi.json"
	for name, test := range map[string]struct {
		before map[string]string // files in the folder
		want   string            // the error has it; "" for none
	}{
		"an empty folder":             {nil, ""},
		"a file of another name":      {map[string]string{"notes.txt": "mine"}, ""},
		"an older export":             {map[string]string{export: old, manifest: listed(old, export)}, ""},
		"a file that somebody wrote":  {map[string]string{export: old}, export + " would be lost, because export did not write it so"},
		"the second file's in place":  {map[string]string{other: old}, other + " would be lost"},
		"an export that was changed":  {map[string]string{export: old, manifest: listed("", export)}, "would be lost"},
		"an older export's other use": {map[string]string{export: old, manifest: listed(old, other)}, "would be lost"},
		"a manifest that is none":     {map[string]string{manifest: "hello\n"}, "line 1 is no digest and file: move it away"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			for file, text := range test.before {
				write(t, filepath.Join(folder, file), text)
			}
			before := exportedFiles(t, folder)
			status, _, stderr := contract("export", "openapi", "--out", folder)
			after := exportedFiles(t, folder)
			if test.want != "" {
				if status != 2 || !strings.Contains(stderr, test.want) {
					t.Errorf("exit status %d, want 2; %s, want %q", status, stderr, test.want)
				}
				sameFiles(t, after, before)
				return
			}
			if status != 0 || stderr != "" {
				t.Errorf("exit status %d, %s", status, stderr)
			}
			for file, text := range exportedFiles(t, fresh) {
				if after[file] != text {
					t.Errorf("%s is not as exported afresh", file)
				}
			}
			if test.before["notes.txt"] != after["notes.txt"] {
				t.Error("notes.txt is otherwise, or gone")
			}
		})
	}
}

// What stands there already, to the letter, is no loss: an export that was interrupted is done again.
func TestExportAfterAnInterruption(t *testing.T) {
	folder := t.TempDir()
	printed(t, "export", "openapi", "--out", folder)
	once := exportedFiles(t, folder)
	if err := os.Remove(filepath.Join(folder, manifest)); err != nil {
		t.Fatal(err)
	}
	printed(t, "export", "openapi", "--out", folder)
	sameFiles(t, exportedFiles(t, folder), once)
}

// What was written before a file that cannot be is no obstacle to the next export, for it was not.
func TestExportWritesAllOrNothing(t *testing.T) {
	folder := t.TempDir()
	inTheWay := filepath.Join(folder, "graph.openapi.json.part", "folder")
	if err := os.MkdirAll(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	status, _, stderr := contract("export", "openapi", "--out", folder)
	if status != 2 || !strings.Contains(stderr, "graph.openapi.json cannot be written (is a directory), and so no file was: ") {
		t.Errorf("exit status %d, %s", status, stderr)
	}
	sameFiles(t, exportedFiles(t, folder), nil)
	if err := os.RemoveAll(filepath.Dir(inTheWay)); err != nil {
		t.Fatal(err)
	}
	printed(t, "export", "openapi", "--out", folder)
}

// A file that cannot be written whole leaves nothing, and one that is for few stays so.
func TestAFileIsWrittenWhole(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "r.html")
	if err := os.WriteFile(file, []byte("the last one"), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := outputTo(file, []byte("this one"))
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeAll([]output{o, {root: root, name: "none/x", text: []byte("x")}}); err == nil {
		t.Error("a file is written into a folder that is not there")
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 {
		t.Errorf("left are %v, %v", entries, err)
	}
	if err := writeAll([]output{o}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	text, _ := os.ReadFile(file)
	if err != nil || info.Mode().Perm() != 0o600 || string(text) != "this one" {
		t.Errorf("it has %q, and its mode is %v, %v", text, info.Mode(), err)
	}
}

// A link that leads out of the folder is not followed.
func TestExportStaysInItsFolder(t *testing.T) {
	folder, elsewhere := t.TempDir(), t.TempDir()
	if err := os.Symlink(elsewhere, filepath.Join(folder, "mappings")); err != nil {
		t.Skipf("no link can be made here, so run it where one can: %v", err)
	}
	if status, _, stderr := contract("export", "wiremock", "--out", folder); status != 2 {
		t.Errorf("exit status %d, want 2; %s", status, stderr)
	}
	sameFiles(t, exportedFiles(t, elsewhere), nil)
}

// Every wording is an example, its body the one documented; every example is valid against its schema; and no two paths
// are one to OpenAPI, which takes those that differ in their parameters' names for the same.
func TestOpenAPIHasEveryWording(t *testing.T) {
	for _, c := range contracts(t) {
		text, err := openAPI(c)
		if err != nil {
			t.Fatal(err)
		}
		var document oasDocument
		if err := json.Unmarshal(text, &document); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte(`"$schema"`)) {
			t.Errorf("%s: a schema inside a document has a dialect of its own", c.Provider)
		}
		schema := schemasOf(t, text)
		if err := schema(components+strings.TrimSuffix(c.Envelope.Schema.Name, ".schema.json"), []byte("{}")); err == nil {
			t.Errorf("%s: an empty response is valid against %s", c.Provider, c.Envelope.Schema.Name)
		}
		valid := func(where string, media oasMedia) {
			t.Helper()
			for name, example := range media.Examples {
				if media.Schema == nil {
					continue
				}
				if err := schema(media.Schema.Ref, example.Value); err != nil {
					t.Errorf("%s %s: %v", where, name, err)
				}
			}
		}
		shapes := map[string]string{}
		for path := range document.Paths {
			shape := regexp.MustCompile(`\{[^{}]+\}`).ReplaceAllString(path, "{}")
			if shapes[shape] != "" {
				t.Errorf("%s and %s are one path", path, shapes[shape])
			}
			shapes[shape] = path
		}
		for _, o := range c.Operations {
			operation := document.Paths[o.Path][strings.ToLower(o.Method)]
			if operation.OperationID != o.ID {
				t.Errorf("%s %s is %q, want %q", o.Method, o.Path, operation.OperationID, o.ID)
			}
			if (operation.RequestBody != nil) != (o.Body != nil) {
				t.Errorf("%s: a request body is there, or not, otherwise than documented", o.ID)
			}
			if operation.RequestBody != nil {
				valid(o.ID, operation.RequestBody.Content[jsonMedia])
			}
			examples := 0
			for status, response := range operation.Responses {
				for _, media := range response.Content {
					valid(o.ID+" "+status, media)
					examples += len(media.Examples)
				}
			}
			success := o.SuccessResponse()
			if success.Body != nil {
				examples--
				sameExample(t, operation, success, "success")
			}
			for _, clause := range o.Clauses {
				for _, w := range clause.Wordings {
					examples--
					sameExample(t, operation, w.Response(), w.ID())
				}
			}
			if examples != 0 {
				t.Errorf("%s has %+d examples more than wordings", o.ID, examples)
			}
		}
	}
}

func sameExample(t *testing.T, operation oasOperation, documented fixtures.Response, name string) {
	t.Helper()
	response := operation.Responses[fmt.Sprint(documented.Status)]
	example := response.Content[documented.Header.Get("Content-Type")].Examples[name]
	var body bytes.Buffer
	if err := json.Compact(&body, example.Value); err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	var want bytes.Buffer
	if err := json.Compact(&want, documented.Body); err != nil || body.String() != want.String() {
		t.Errorf("%s is the example\n%s\nwant (%v)\n%s", name, body.String(), err, want.String())
	}
	for field, value := range sentFields(documented) {
		if field != "Content-Type" && response.Headers[field].Example != value {
			t.Errorf("%s: %s is %q, want %q", name, field, response.Headers[field].Example, value)
		}
	}
}

// schemasOf returns what validates a value against a schema of an OpenAPI document.
func schemasOf(t *testing.T, document []byte) func(ref string, value json.RawMessage) error {
	t.Helper()
	decoded, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	compile := compiler(t, decoded)
	return func(ref string, value json.RawMessage) error {
		schema, err := compile(ref)
		if err != nil {
			return err
		}
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
		if err != nil {
			return err
		}
		return schema.Validate(instance)
	}
}

// exportedFiles are the files below a folder, by their names there.
func exportedFiles(t *testing.T, folder string) map[string]string {
	t.Helper()
	below := map[string]string{}
	for file, text := range files(t, folder) {
		name, err := filepath.Rel(folder, file)
		if err != nil {
			t.Fatal(err)
		}
		below[name] = text
	}
	return below
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func indented(t *testing.T, v any) string {
	t.Helper()
	text, err := indentedJSON(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
