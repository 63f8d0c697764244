package clients_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
)

// TestEveryErratumIsOfAClientHere holds the errata against the clients of the folders below, whose suites bear them out, and
// against go.mod: one of another client or another version would stand for ever.
func TestEveryErratumIsOfAClientHere(t *testing.T) {
	var sources strings.Builder
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".go" || path.Dir(name) == "." {
			return err
		}
		text, err := os.ReadFile(name)
		sources.Write(text)
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
			out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", e.Module).CombinedOutput()
			if version := strings.TrimSpace(string(out)); err != nil || version != e.Version {
				t.Errorf("%s: it was seen of %s %s, and go.mod requires %s: look again and record that version (%v)",
					e, e.Module, e.Version, version, err)
			}
		}
	}
}

// TestNobodyElseLinksAnSDK holds what the main job and a user's suite link against what an SDK's own suite may.
func TestNobodyElseLinksAnSDK(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-test",
		"../graph", "../classroom", "../mutation", ".", "./wire",
		"../../ci/contract", "../../ci/bench", "../../ci/bench/suite", "../../ci/bench/plain")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range strings.Lines(string(out)) {
		for _, sdk := range []string{"google.golang.org/", "github.com/googleapis/", "github.com/microsoft", "github.com/Azure/"} {
			if strings.HasPrefix(pkg, sdk) {
				t.Errorf("%s is linked", strings.TrimSpace(pkg))
			}
		}
	}
	if !strings.Contains(string(out), "suites/clients/wire") {
		t.Errorf("nothing was listed:\n%s", out)
	}
}
