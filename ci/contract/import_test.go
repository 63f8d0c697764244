package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// released is the discovery document that go.mod requires. Nothing is downloaded for a test.
func released(t *testing.T) (file string, text []byte) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", apiModule).Output()
	if err != nil {
		t.Fatal(err)
	}
	folder := strings.TrimSpace(string(out))
	if folder == "" {
		t.Skipf("%s is not in the module cache: run go mod download %s", apiModule, apiModule)
	}
	file = filepath.Join(folder, "classroom", "v1", "classroom-api.json")
	if text, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	return file, text
}

// fixturesFolder is a copy of the folder fixtures, as far as the contract of Classroom needs it.
func fixturesFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, inner := range []string{"classroom", "schemas"} {
		if err := os.CopyFS(filepath.Join(folder, inner), os.DirFS("../../fixtures/"+inner)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// files are the names and texts of all files of a folder.
func files(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The generated file is the one that the required release gives, byte for byte: an update of the dependency that changes
// it fails here.
func TestImportChangesNothing(t *testing.T) {
	file, _ := released(t)
	folder := fixturesFolder(t)
	before := files(t, folder)
	document, written, err := importDiscovery(file, folder)
	if err != nil {
		t.Fatal(err)
	}
	if written || document.Revision == "" || len(document.Methods) == 0 {
		t.Errorf("%s is not what %s gives: run go tool contract import classroom, and look at git diff", generated, file)
	}
	// From nothing, too.
	if err := os.Remove(filepath.Join(folder, generated)); err != nil {
		t.Fatal(err)
	}
	if _, written, err = importDiscovery(file, folder); err != nil || !written {
		t.Fatalf("from nothing: written is %t, %v", written, err)
	}
	sameFiles(t, files(t, folder), before)
}

func TestImportWritesWhatIsNew(t *testing.T) {
	_, text := released(t)
	folder := fixturesFolder(t)
	before := files(t, folder)
	const was, is = "if the student or guardian has exceeded the guardian link limit", "if there are too many guardians"
	other := filepath.Join(t.TempDir(), "classroom-api.json")
	write(t, other, strings.Replace(string(text), was, is, 1))

	if _, written, err := importDiscovery(other, folder); err != nil || !written {
		t.Fatalf("written is %t, %v", written, err)
	}
	name := filepath.Join(folder, generated)
	before[name] = strings.Replace(before[name], was, is, 1)
	sameFiles(t, files(t, folder), before)
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o644 {
		t.Errorf("the file's mode is %v", info.Mode())
	}
}

func sameFiles(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s is otherwise, or gone", name)
		}
	}
	for name := range got {
		if _, known := want[name]; !known {
			t.Errorf("%s was left behind", name)
		}
	}
}

// What does not make a contract is not written, and the error says what to do about it.
func TestImportRefuses(t *testing.T) {
	file, text := released(t)
	for name, test := range map[string]struct {
		document string
		change   func(t *testing.T, folder string)
		want     string // the error has it
	}{
		"a name that nobody described": {
			document: strings.ReplaceAll(string(text), "CourseTopicLimitReached", "TooManyTopics"),
			want:     "fixtures/classroom/methods.json:",
		},
		"a name that nobody described, and the mend": {
			document: strings.ReplaceAll(string(text), "CourseTopicLimitReached", "TooManyTopics"),
			want:     "documents FAILED_PRECONDITION TooManyTopics, which nobody has described: add a clause with the key failed-precondition.TooManyTopics",
		},
		"a status that is no more": {
			document: strings.ReplaceAll(string(text), "`ALREADY_EXISTS`", "`already exists`"),
			want:     "clause already-exists stands on no operation",
		},
		"no document": {document: "<html>", want: "the file is no discovery document"},
		"a document of something else": {
			document: `{"title": "Google Drive API", "version": "v3", "methods": {"a": {"id": "drive.get", "httpMethod": "GET", "flatPath": "a"}}}`,
			want:     `the document is of "Google Drive API" v3, and the contract of "Google Classroom API" v1: give that of the contract's`,
		},
		"a contract that cannot be read": {
			document: string(text),
			change: func(t *testing.T, folder string) {
				t.Helper()
				write(t, filepath.Join(folder, "classroom", "errors.yaml"), "codes: [")
			},
			want: "errors.yaml:1: not YAML",
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := fixturesFolder(t)
			if test.change != nil {
				test.change(t, folder)
			}
			before := files(t, folder)
			other := filepath.Join(t.TempDir(), filepath.Base(file))
			write(t, other, test.document)
			_, written, err := importDiscovery(other, folder)
			if written || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("written is %t, and the error is\n%v\nwant\n%s", written, err, test.want)
			}
			sameFiles(t, files(t, folder), before)
		})
	}
}

// A name that the discovery document has first must be described by hand, which takes two steps: the contract between
// them cannot be loaded, and must not keep the second from being done.
func TestImportAfterANameWasDescribed(t *testing.T) {
	_, text := released(t)
	folder := fixturesFolder(t)
	written := filepath.Join(folder, "classroom", "errors.yaml")
	contract, err := os.ReadFile(written)
	if err != nil {
		t.Fatal(err)
	}
	write(t, written, string(contract)+`
  - key: already-exists.TopicExists
    name: TopicExists
    when: there is such a topic already
    status: 409
    remedy: {do: fix the request, from: ours}
    wordings:
      - {code: ALREADY_EXISTS, message: '@TopicExists There is such a topic.', text: synthetic}
`)
	other := filepath.Join(t.TempDir(), "classroom-api.json")
	const sentence = "if there exists a topic in the course with the same name."
	changed := bytes.Replace(text, []byte("`ALREADY_EXISTS` "+sentence), []byte("`ALREADY_EXISTS` for the following request error: * TopicExists"), 1)
	write(t, other, string(changed))
	document, rewritten, err := importDiscovery(other, folder)
	if err != nil || !rewritten || document == nil {
		t.Errorf("rewritten is %t, %v", rewritten, err)
	}
}

func TestImportSaysWhatItDid(t *testing.T) {
	released(t)
	if got := printed(t, "import", "classroom"); got != "fixtures/classroom/methods.json is as it was (revision 20261014, 105 methods)\n" {
		t.Errorf("import prints %q", got)
	}
	for _, args := range [][]string{{"import"}, {"import", "graph"}, {"import", "classroom", "graph"}} {
		status, _, stderr := contract(args...)
		if status != 2 || !strings.HasSuffix(stderr, "use import classroom, for Graph has no discovery document\n") {
			t.Errorf("%q: exit status %d, %s", args, status, stderr)
		}
	}
	t.Chdir(t.TempDir())
	status, _, stderr := contract("import", "classroom")
	if status != 2 || stderr != "contract: import rewrites a file of github.com/learncontract/learncontract: run it in a clone of that\n" {
		t.Errorf("outside a clone: exit status %d, %s", status, stderr)
	}
}
