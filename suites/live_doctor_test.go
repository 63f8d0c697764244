package suites

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/suites/live"
	"github.com/learncontract/learncontract/suites/live/standin/server"
)

var update = flag.Bool("update", false, "write the golden files of this package anew")

var errUnable = errors.New("AADSTS7000215: the secret is wrong")

// same compares a text with a golden file.
func same(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "doctor", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("it is\n%s\nand not as in %s, which -update rewrites", got, file)
	}
}

// TestADoctorReadsOnly examines a tenant that has all, and one in which what the file names is missing in each way.
func TestADoctorReadsOnly(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		provider string
		wrong    int
		change   *strings.Replacer // of the sandbox file
		signsIn  map[string]string // who signs in in the place of whom
		unable   string            // who cannot sign in
	}{
		"graph-well": {provider: "graph"},
		"graph-ill": {
			provider: "graph", wrong: 6, signsIn: map[string]string{"roleless": "app"},
			change: strings.NewReplacer(
				"2f4d8ca0-5e63-4b9b-9037-9ca6e7d3f503", "2f4d8ca0-5e63-4b9b-9037-000000000000", // disabledProvider
				"1e3c7b9f-4d52-4a8a-8f26-8b95d6c2e402", "1e3c7b9f-4d52-4a8a-8f26-000000000000", // otherProvider
				"e5a908bc-142f-4657-8bf3-5852939fb11e", "e5a908bc-142f-4657-8bf3-000000000000", // marker
				"c3e7869a-f20d-4435-89d1-3630717d9f0c", "90b45367-cfda-4102-96ae-030d4e4a6c09", // unlicensedActivity
				"6d812034-9ca7-4edf-a37b-d0da1b173906", "6d812034-9ca7-4edf-a37b-000000000000", // learner
			),
		},
		"graph-unmarked": {
			provider: "graph", wrong: 1, change: strings.NewReplacer("    marker: e5a908bc-142f-4657-8bf3-5852939fb11e", ""),
		},
		"classroom-well": {provider: "classroom"},
		"classroom-ill": {
			provider: "classroom", wrong: 10, signsIn: map[string]string{"limited": "teacher"}, unable: "outsider",
			change: strings.NewReplacer(
				`fullCourse: "640000000006"`, `fullCourse: "640000000099"`, `otherProjectCourse: "640000000005"`, `otherProjectCourse: "640000000001"`,
				`    suspended: left@school.example`, ``, `marker: "640000000008"`, `marker: "640000000002"`,
			),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stand, file := standIn(t, server.Options{})
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if test.change != nil {
				text = []byte(test.change.Replace(string(text)))
				if err := os.WriteFile(file, text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			signIn := signInAt(t, stand, file)
			s := openSuite(t, test.provider, options{sandbox: file, provoke: []string{"fixture"}, transport: fast, signIn: func(ctx context.Context, identity string) (live.Token, error) {
				provider, as, _ := strings.Cut(identity, "/")
				switch other := test.signsIn[as]; {
				case as == test.unable:
					return live.Token{}, errUnable
				case other != "":
					return signIn(ctx, provider+"/"+other)
				}
				return signIn(ctx, identity)
			}})
			var said bytes.Buffer
			wrong, err := s.suite.tenant.Examine(t.Context(), &said)
			if err != nil || wrong != test.wrong {
				t.Errorf("%d are wrong, want %d; %v", wrong, test.wrong, err)
			}
			if changes := changesOf(stand); len(changes) > 0 {
				t.Errorf("it was sent %v", changes)
			}
			same(t, name+".txt", strings.NewReplacer(file, "sandbox.yaml", strings.TrimSuffix(stand.Graph, "/v1.0"), "https://stand-in",
				stand.Classroom, "https://stand-in").Replace(said.String()))
		})
	}
}
