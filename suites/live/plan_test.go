package live_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/suites/live/standin/server"
)

// TestWhatADigestIsOf changes a sandbox file: its name is no part of a plan, the tenant and its marker are.
func TestWhatADigestIsOf(t *testing.T) {
	t.Parallel()
	s := startStandIn(t, server.Options{})
	file, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(file), "fullCourse: ", "# fullCourse: ", 1) // so that something is not run for want of it
	for provider, others := range map[string][]string{
		"graph": {"3f1c9a52-7d0e-4b8e-9a57-0c6d2e41b7aa", "e5a908bc-142f-4657-8bf3-5852939fb11e"}, "classroom": {"640000000008"},
	} {
		digest := func(name, text string) string {
			path := filepath.Join(filepath.Dir(s.file), name)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			at := *s
			at.file = path
			return at.tenant(provider).Plan().Digest
		}
		first := digest("a.yaml", text)
		if digest("b.yaml", text) != first {
			t.Errorf("the digest of %s depends on the file's name", provider)
		}
		for _, id := range others {
			other := strings.ReplaceAll(text, id, id[:len(id)-1]+"0")
			if digest("a.yaml", other) == first {
				t.Errorf("the digest of %s does not depend on %s", provider, id)
			}
		}
	}
}
