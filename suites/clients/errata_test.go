package clients_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
)

// TestEveryErratumIsOfAClientHere holds the errata against the clients of the folders below, whose suites bear them out, and
// against their go.mod files: one of another client or another version would stand for ever.
func TestEveryErratumIsOfAClientHere(t *testing.T) {
	var sources, required strings.Builder
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || path.Dir(name) == "." {
			return err
		}
		into := &sources
		switch {
		case path.Base(name) == "go.mod":
			into = &required
		case path.Ext(name) != ".go":
			return nil
		}
		text, err := os.ReadFile(name)
		into.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, provider := range fixtures.Providers {
		contract, err := fixtures.Load(provider)
		if err != nil {
			t.Fatal(err)
		}
		errata, err := fixtures.LoadErrata(contract)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range errata {
			if !strings.Contains(sources.String(), strconv.Quote(e.Client)) {
				t.Errorf("%s: no client here calls itself %q", e, e.Client)
			}
			if !strings.Contains(required.String(), "\t"+e.Module+" "+e.Version+"\n") {
				t.Errorf("%s: it was seen of %s %s, which no go.mod here requires: look again and record the version",
					e, e.Module, e.Version)
			}
		}
	}
}

// TestTheModuleRequiresNoSDK holds the module graph against what a team may have pinned for its own client: adding the
// suites to a module must not raise it. What links one of these is a module of its own.
func TestTheModuleRequiresNoSDK(t *testing.T) {
	sums, err := os.ReadFile("../../go.sum") // of every module of the graph
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(sums), "github.com/onsi/ginkgo/v2 ") {
		t.Fatal("go.sum was not read")
	}
	for sum := range strings.Lines(string(sums)) {
		module, _, _ := strings.Cut(sum, " ")
		for _, sdk := range []string{
			"cloud.google.com/", "google.golang.org/", "github.com/Azure", "github.com/chromedp/", "github.com/googleapis/",
			"github.com/microsoft", "go.opentelemetry.io/", "golang.org/x/oauth2",
		} {
			if strings.HasPrefix(module, sdk) && module != "google.golang.org/protobuf" { // Gomega's
				t.Errorf("%s is required", module)
			}
		}
	}
}

// TestNoModuleRequiresACommit holds the modules to released versions, where there are any: a pseudo-version that follows a
// release is somebody's unreleased commit.
func TestNoModuleRequiresACommit(t *testing.T) {
	commit := regexp.MustCompile(`\S+ v\d+\.\d+\.\d+-(?:\w+\.)?0\.\d{14}-[0-9a-f]{12}`)
	modules := 0
	err := filepath.WalkDir("../..", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != "go.mod" {
			return err
		}
		modules++
		text, err := os.ReadFile(name)
		for _, found := range commit.FindAllString(string(text), -1) {
			t.Errorf("%s requires %s: take a release", name, found)
		}
		return err
	})
	if err != nil || modules < 5 {
		t.Errorf("%d modules were found: %v", modules, err)
	}
}
