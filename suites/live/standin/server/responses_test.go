package server_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"go.yaml.in/yaml/v3"
)

// TestEveryResponseIsGivenAndEveryRejectionHasOne compares the keys in the code with those in the file.
func TestEveryResponseIsGivenAndEveryRejectionHasOne(t *testing.T) {
	g := NewWithT(t)
	text, err := os.ReadFile("responses.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	var file map[string]map[string]struct{ Message, Description, Body, Source string }
	g.Expect(yaml.Unmarshal(text, &file)).To(Succeed())
	var have []string
	for section, entries := range file {
		for key, entry := range entries {
			have = append(have, key)
			g.Expect(entry.Source).NotTo(BeEmpty(), "%s.%s: where was it seen?", section, key)
			if strings.Contains(entry.Source, "own words") || strings.HasPrefix(entry.Message, "@") {
				continue
			}
			g.Expect(entry.Message+entry.Description+entry.Body).NotTo(BeEmpty(), "%s.%s", section, key)
		}
	}
	used := literals(t)
	for _, key := range have {
		g.Expect(used).To(ContainElement(key), "nothing gives this answer")
	}
	rejected := []string{"reject", "rejectWith", "activity", "each"}
	for _, key := range arguments(t, rejected) {
		g.Expect(have).To(ContainElement(key), "the rejection has no answer")
	}
}

// TestTheStandInDoesNotKnowTheContract keeps what it responds from being copied from what is expected.
func TestTheStandInDoesNotKnowTheContract(t *testing.T) {
	for name, file := range sources(t) {
		for _, imported := range file.Imports {
			path, err := strconv.Unquote(imported.Path.Value)
			NewWithT(t).Expect(err).NotTo(HaveOccurred())
			NewWithT(t).Expect(path).NotTo(HavePrefix("github.com/learncontract/learncontract/"), name)
		}
	}
}

// sources are the package's files.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		if files[name], err = parser.ParseFile(token.NewFileSet(), name, nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// literals are all texts in the code.
func literals(t *testing.T) (all []string) {
	t.Helper()
	for _, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				text, _ := strconv.Unquote(literal.Value)
				all = append(all, text)
			}
			return true
		})
	}
	return all
}

// arguments are the texts that stand first in calls of functions of those names.
func arguments(t *testing.T, functions []string) (all []string) {
	t.Helper()
	for _, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			name := ""
			switch f := call.Fun.(type) {
			case *ast.Ident:
				name = f.Name
			case *ast.SelectorExpr:
				name = f.Sel.Name
			}
			for _, argument := range call.Args {
				literal, ok := argument.(*ast.BasicLit)
				if ok && literal.Kind == token.STRING && slices.Contains(functions, name) {
					text, _ := strconv.Unquote(literal.Value)
					all = append(all, text)
					break
				}
			}
			return true
		})
	}
	return all
}
