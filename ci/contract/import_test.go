package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
)

// released is the discovery document of the release that the contract names. Nothing is downloaded for a test.
func released(t *testing.T) (file string, text []byte) {
	t.Helper()
	contract, err := fixtures.Load("classroom")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := exec.CommandContext(t.Context(), "go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	release := contract.Discovery
	file = filepath.Join(strings.TrimSpace(string(cache)), release.String(), filepath.FromSlash(release.File))
	if text, err = os.ReadFile(file); err != nil {
		t.Skipf("%v: go mod download %s gets it", err, release)
	}
	return file, text
}

// classroomFolder is a copy of the folder of Classroom.
func classroomFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS("../../fixtures/providers/classroom")); err != nil {
		t.Fatal(err)
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
	folder := classroomFolder(t)
	before := files(t, folder)
	done, err := importDiscovery("classroom", file, folder, false)
	if err != nil {
		t.Fatal(err)
	}
	if done.written || done.document.Revision == "" || len(done.document.Methods) == 0 || len(done.gone)+len(done.added) > 0 {
		t.Errorf("%s is not what %s gives: run go tool contract import classroom, and look at git diff", generated, file)
	}
	// From nothing, too.
	if err := os.Remove(filepath.Join(folder, generated)); err != nil {
		t.Fatal(err)
	}
	if done, err = importDiscovery("classroom", file, folder, false); err != nil || !done.written || len(done.gone) > 0 {
		t.Fatalf("from nothing: %+v, %v", done, err)
	}
	sameFiles(t, files(t, folder), before)
}

func TestImportWritesWhatIsNew(t *testing.T) {
	_, text := released(t)
	folder := classroomFolder(t)
	before := files(t, folder)
	const was, is = "if the student or guardian has exceeded the guardian link limit", "if there are too many guardians"
	other := filepath.Join(t.TempDir(), "classroom-api.json")
	write(t, other, strings.Replace(string(text), was, is, 1))

	if done, err := importDiscovery("classroom", other, folder, false); err != nil || !done.written {
		t.Fatalf("%+v, %v", done, err)
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
			want:     "fixtures/providers/classroom/methods.json:",
		},
		"a name that nobody described, and the fix": {
			document: strings.ReplaceAll(string(text), "CourseTopicLimitReached", "TooManyTopics"),
			want:     "documents FAILED_PRECONDITION TooManyTopics, which has no clause: add one with the key failed-precondition.TooManyTopics",
		},
		"a status that is no more": {
			document: strings.ReplaceAll(string(text), "`ALREADY_EXISTS`", "`already exists`"),
			want:     "clause already-exists has no operation",
		},
		"no document": {document: "<html>", want: "the file is no discovery document"},
		"a document of something else": {
			document: `{"title": "Google Drive API", "version": "v3", "methods": {"a": {"id": "drive.get", "httpMethod": "GET", "flatPath": "a"}}}`,
			want:     `the document is of "Google Drive API" v3, but the contract is of "Google Classroom API" v1: give the contract's own`,
		},
		"a contract that cannot be read": {
			document: string(text),
			change: func(t *testing.T, folder string) {
				t.Helper()
				write(t, filepath.Join(folder, "provider.yaml"), "codes: [")
			},
			want: "fixtures/providers/classroom/provider.yaml:1: not YAML",
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := classroomFolder(t)
			if test.change != nil {
				test.change(t, folder)
			}
			before := files(t, folder)
			other := filepath.Join(t.TempDir(), filepath.Base(file))
			write(t, other, test.document)
			if _, err := importDiscovery("classroom", other, folder, false); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is\n%v\nwant\n%s", err, test.want)
			}
			sameFiles(t, files(t, folder), before)
		})
	}
}

// A name that the discovery document has first must be described by hand, which takes two steps: the contract between
// them cannot be loaded, and must not keep the second from being done.
func TestImportAfterANameWasDescribed(t *testing.T) {
	_, text := released(t)
	folder := classroomFolder(t)
	describe(t, folder)
	const status = "classroom.courses.topics.create.already-exists"
	imports(t, folder, nameATopic(string(text)), nil, []string{status + ".TopicExists"})
}

// describe has the contract in the folder describe a name that no document has.
func describe(t *testing.T, folder string) {
	t.Helper()
	written := filepath.Join(folder, "provider.yaml")
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
}

// nameATopic is the document with that name.
func nameATopic(text string) string {
	const sentence = "if there exists a topic in the course with the same name."
	return strings.Replace(text, "`ALREADY_EXISTS` "+sentence, "`ALREADY_EXISTS` for the following request error: * TopicExists", 1)
}

// imports imports a document into the folder. It checks which ids it removes, not without --remove, and which it adds. The
// rejection is the error without --remove.
func imports(t *testing.T, folder, document string, gone, added []string) (rejection string) {
	t.Helper()
	before := files(t, folder)
	other := filepath.Join(t.TempDir(), "classroom-api.json")
	write(t, other, document)
	done, err := importDiscovery("classroom", other, folder, false)
	if len(gone) > 0 {
		if err == nil {
			t.Fatalf("%s went", done.gone)
		}
		rejection = err.Error()
		sameFiles(t, files(t, folder), before)
		done, err = importDiscovery("classroom", other, folder, true)
	}
	if err != nil || !done.written || !slices.Equal(done.gone, gone) || !slices.Equal(done.added, added) {
		t.Fatalf("%+v, %v; want the ids %s gone and %s added", done, err, gone, added)
	}
	return rejection
}

// A clause's id is for ever: that one goes is said, and done only where it is meant.
func TestImportRemoves(t *testing.T) {
	_, text := released(t)
	const (
		rejection = "nothing was written, because ids of clauses are for ever and these would disappear: %s: " +
			"see what drift classroom prints, and give --remove if they must go"
		was, is = "* `ALREADY_EXISTS` if ", "* `INVALID_ARGUMENT` if "
	)
	status := func(method, key string) string { return "classroom." + method + "." + key }
	statuses := func(key string, methods ...string) (ids []string) {
		for _, method := range methods {
			ids = append(ids, status(method, key))
		}
		return ids
	}
	creators := []string{
		"courses.aliases.create", "courses.create", "courses.studentGroups.studentGroupMembers.create", "courses.students.create",
		"courses.teachers.create", "invitations.create", "userProfiles.guardianInvitations.create",
	}
	for name, test := range map[string]struct {
		document    string
		described   bool // first, so that the contract before can't be loaded
		gone, added []string
		want        string // of the rejection
	}{
		"a status": {
			document: strings.Replace(string(text), was+"there exists a topic", is+"there exists a topic", 1),
			gone:     []string{status("courses.topics.create", "already-exists")},
			want:     status("courses.topics.create", "already-exists"),
		},
		"many statuses": {
			document: strings.Replace(strings.ReplaceAll(string(text), was, is), is+"there exists a topic", was+"there exists a topic", 1),
			gone:     statuses("already-exists", creators...),
			added:    statuses("invalid-argument", creators[:6]...), // which the last has
			want:     strings.Join(statuses("already-exists", creators[:5]...), ", ") + " and 2 more",
		},
		"a status, from a contract that can't be loaded": {
			document: nameATopic(strings.Replace(string(text), was+"the alias", is+"the alias", 1)), described: true,
			gone:  statuses("already-exists", creators[0]),
			added: []string{status(creators[0], "invalid-argument"), status("courses.topics.create", "already-exists.TopicExists")},
			want:  status(creators[0], "already-exists"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := classroomFolder(t)
			if test.described {
				describe(t, folder)
			}
			if got, want := imports(t, folder, test.document, test.gone, test.added), fmt.Sprintf(rejection, test.want); got != want {
				t.Errorf("the rejection is\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestImportSaysWhatItDid(t *testing.T) {
	released(t)
	same := regexp.MustCompile(`^fixtures/providers/classroom/methods.json is as it was \(revision \d{8}, \d+ methods\)\n$`)
	if got := printed(t, "import", "classroom"); !same.MatchString(got) {
		t.Errorf("import prints %q", got)
	}
	for want, args := range map[string][]string{
		"import was given nothing: use import PROVIDER, one with a discovery document":               {"import"},
		"graph has no discovery document: its contract names none under discovery":                   {"import", "graph"},
		`import was given ["classroom" "graph"]: use import PROVIDER, one with a discovery document`: {"import", "classroom", "graph"},
	} {
		status, _, stderr := contract(args...)
		if status != 2 || stderr != "contract: "+want+"\n" {
			t.Errorf("%q: exit status %d, %s", args, status, stderr)
		}
	}
	done := &imported{"providers/classroom/methods.json", &fixtures.Document{Revision: "20270101", Methods: make([]fixtures.Method, 1)}, true, []string{"a"}, []string{"b", "c"}}
	if got, want := done.String(), "fixtures/providers/classroom/methods.json was rewritten: look at git diff (revision 20270101, 1 method)\n"+
		"removed  a\nadded    b\nadded    c\n"; got != want {
		t.Errorf("import prints\n%s\nwant\n%s", got, want)
	}
}

// The clone is found wherever the command is started in it, and what keeps it from being found is said.
func TestImportFindsItsClone(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	write(t, filepath.Join(work, "go.mod"), "module example.com/other\n\ngo 1.26.0\n")
	write(t, filepath.Join(work, "go.work"), "go 1.26.0\n\nuse (\n\t.\n\t"+strconv.Quote(filepath.ToSlash(root))+"\n)\n")
	t.Run("in a workspace", func(t *testing.T) {
		t.Setenv("GOWORK", filepath.Join(work, "go.work"))
		if folder, err := cloneFolder(t.Context()); err != nil || folder != root {
			t.Errorf("found %s, %v", folder, err)
		}
	})
	for name, test := range map[string]struct {
		setup func(t *testing.T)
		why   string
	}{
		"without go":        {func(t *testing.T) { t.Helper(); t.Setenv("PATH", "") }, `exec: "go": executable file not found in .*`},
		"in another module": {func(t *testing.T) { t.Helper(); t.Chdir(work) }, `go: .*not a known dependency`},
		"as a dependency": {func(t *testing.T) {
			t.Helper()
			t.Chdir(t.TempDir())
			const self = "github.com/learncontract/learncontract"
			write(t, "go.mod", "module example.com/another\n\ngo 1.26.0\n\nrequire "+self+" v0.0.0\n\nreplace "+self+" => "+strconv.Quote(filepath.ToSlash(root))+"\n")
		}, `it is a dependency here`},
		"outside of any module": {func(t *testing.T) { t.Helper(); t.Chdir(t.TempDir()) }, `go: .*go\.mod.*`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOWORK", "off")
			test.setup(t)
			status, _, stderr := contract("import", "classroom")
			if want := `^contract: import rewrites a file of github.com/learncontract/learncontract, which was not found \(` + test.why +
				`\): run it in a clone of that, with go on the path\n$`; status != 2 || !regexp.MustCompile(want).MatchString(stderr) {
				t.Errorf("exit status %d, %swant %s", status, stderr, want)
			}
		})
	}
}
