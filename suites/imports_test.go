package suites_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"testing"
)

// The ginkgo command drops its flags, and those after --, where no test file of a package imports Ginkgo: --live would run offline.
func TestTheMainSuitesImportGinkgo(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"graph", "classroom"} {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(provider, provider+"_test.go"), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		isGinkgo := func(i *ast.ImportSpec) bool { return i.Path.Value == `"github.com/onsi/ginkgo/v2"` }
		if !slices.ContainsFunc(file.Imports, isGinkgo) {
			t.Errorf("./suites/%s has no test file that imports Ginkgo: import it, or ginkgo run drops --live and --report", provider)
		}
	}
}
