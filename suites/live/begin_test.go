package live_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/live"
)

// TestBeginNamesEverything compares begin.md with the keys of a sandbox file, and with the variables that the code reads.
func TestBeginNamesEverything(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("begin.md")
	if err != nil {
		t.Fatal(err)
	}
	page := map[string]bool{}
	for _, code := range regexp.MustCompile("`[^`]+`").FindAllString(string(text), -1) {
		page[strings.Trim(code, "`")] = true
	}
	for _, key := range live.SandboxKeys() {
		if !page[key.Name] {
			t.Errorf("the key %s is not on the page", key.Name)
		}
	}
	for _, provider := range fixtures.Providers() {
		for _, identity := range live.Identities(provider) {
			name := live.TokenVariable(provider + "/" + identity)
			middle := strings.TrimSuffix(strings.TrimPrefix(name, "LEARNCONTRACT_CLASSROOM_"), "_TOKEN")
			if !page[name] && (provider != "classroom" || !page[middle] && middle != "ADMIN") {
				t.Errorf("the variable %s is not on the page", name)
			}
		}
	}
	facts, err := fixtures.LoadTenants()
	if err != nil {
		t.Fatal(err)
	}
	if list := strings.Join(facts.Scopes, ","); !strings.Contains(string(text), "\n      "+list+"\n") {
		t.Errorf("what an administrator pastes is not on the page: %s", list)
	}
	for _, role := range facts.Roles {
		if !page[role] {
			t.Errorf("the role %s is not on the page", role)
		}
	}
	for key := range facts.Keys {
		if !page[key] {
			t.Errorf("%s is made, and is not on the page", key)
		}
	}
	variable := regexp.MustCompile(`"((?:LEARNCONTRACT|AZURE|GOOGLE|ACTIONS|HTTPS?|NO)_[A-Z_]*[A-Z])"`)
	names := map[string]bool{}
	for _, folder := range []string{".", "..", filepath.Join("..", "..", "ci", "contract")} {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && (entry.Name() == "standin" || entry.Name() == "testdata"):
				return fs.SkipDir // the stand-in prints what the variables must be
			case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			source, err := os.ReadFile(path)
			for _, found := range variable.FindAllSubmatch(source, -1) {
				names[string(found[1])] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(names) < 10 {
		t.Errorf("only %v are read", names)
	}
	delete(names, "GOOGLE_SDK_GO_LOGGING_LEVEL") // which signing in unsets, or the SDK would log tokens
	delete(names, "NO_COLOR")                    // of the console
	for name := range names {
		if !page[name] {
			t.Errorf("the variable %s is not on the page", name)
		}
	}
}
