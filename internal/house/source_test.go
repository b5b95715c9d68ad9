package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/wasmoci/wasmoci"

var root = filepath.Join("..", "..")

// source is a Go file of the module.
type source struct {
	path string // slash-separated, from the root
	pkg  string // directory of path; "." for the root
	test bool
	fset *token.FileSet
	ast  *ast.File
}

// imports returns the paths that the file imports, those of the module itself without the module's path.
func (s *source) imports() []string {
	var paths []string
	for _, spec := range s.ast.Imports {
		p := strings.Trim(spec.Path.Value, `"`)
		if rest, ok := strings.CutPrefix(p, module+"/"); ok {
			p = rest
		} else if p == module {
			p = "."
		}
		paths = append(paths, p)
	}
	return paths
}

// sources parses every Go file of the module, whatever its build constraints: a rule holds under every tag and on every
// platform.
func sources(t *testing.T) []*source {
	t.Helper()
	var all []*source
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || isModule(name)) {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(rel) != ".go" {
			return nil
		}
		s := &source{path: rel, pkg: ".", test: strings.HasSuffix(rel, "_test.go"), fset: token.NewFileSet()}
		if i := strings.LastIndexByte(rel, '/'); i >= 0 {
			s.pkg = rel[:i]
		}
		if s.ast, err = parser.ParseFile(s.fset, name, nil, parser.ParseComments); err != nil {
			return err
		}
		all = append(all, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}
