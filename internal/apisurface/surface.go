package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/printer"
	"go/token"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// platforms are those the project builds for. Architecture does not change the surface.
var platforms = []string{"darwin", "linux", "windows"}

// surface returns the sorted declarations of every public package in root.
func surface(root fs.FS) ([]string, error) {
	holds := make(map[string][]string) // line → platforms, in their order
	err := fs.WalkDir(root, ".", func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if name := d.Name(); dir != "." && (strings.HasPrefix(name, ".") || slices.Contains([]string{"internal", "testdata", "examples"}, name)) {
			return fs.SkipDir
		}
		for _, goos := range platforms {
			lines, err := packageSurface(root, dir, goos)
			if err != nil {
				return err
			}
			for _, l := range lines {
				holds[l] = append(holds[l], goos)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var lines []string
	for l, on := range holds {
		if len(on) < len(platforms) {
			l += " // " + strings.Join(on, ", ")
		}
		lines = append(lines, l)
	}
	slices.Sort(lines)
	return lines, nil
}

// packageSurface returns the declarations that the package in dir exports on goos without build tags or cgo: what
// exists with a tag only would be missing, and no exported identifier may be like that.
func packageSurface(root fs.FS, dir, goos string) ([]string, error) {
	ctx := build.Context{
		GOOS: goos, GOARCH: "amd64", Compiler: "gc", ReleaseTags: build.Default.ReleaseTags,
		JoinPath: path.Join,
		IsDir: func(p string) bool {
			st, err := fs.Stat(root, p)
			return err == nil && st.IsDir()
		},
		ReadDir:  func(p string) ([]fs.FileInfo, error) { return readDir(root, p) },
		OpenFile: func(p string) (io.ReadCloser, error) { return root.Open(p) },
	}
	pkg, err := ctx.ImportDir(dir, 0)
	if noGo := (*build.NoGoError)(nil); errors.As(err, &noGo) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if pkg.Name == "main" {
		return nil, nil
	}
	prefix := "pkg " + dir + ", "
	lines := []string{"pkg " + dir}
	for _, name := range pkg.GoFiles {
		text, err := fs.ReadFile(root, path.Join(dir, name))
		if err != nil {
			return nil, err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		if !ast.FileExports(file) {
			continue
		}
		for _, decl := range file.Decls {
			for _, l := range declLines(fset, decl) {
				lines = append(lines, prefix+l)
			}
		}
	}
	return lines, nil
}

func readDir(root fs.FS, dir string) ([]fs.FileInfo, error) {
	entries, err := fs.ReadDir(root, dir)
	if err != nil {
		return nil, err
	}
	infos := make([]fs.FileInfo, 0, len(entries))
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	return infos, nil
}

// declLines returns the lines of one declaration of which only the exported parts are left.
func declLines(fset *token.FileSet, decl ast.Decl) []string {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv != nil && !ast.IsExported(receiver(d.Recv.List[0].Type)) {
			return nil
		}
		d.Body = nil
		return []string{text(fset, d)}
	case *ast.GenDecl:
		var lines []string
		var typ ast.Expr // of the last constant that had one: the next ones repeat it
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				lines = append(lines, typeLines(fset, s)...)
			case *ast.ValueSpec:
				if d.Tok == token.CONST && (s.Type != nil || s.Values != nil) {
					typ = s.Type
				}
				lines = append(lines, valueLines(fset, d.Tok, s, typ)...)
			}
		}
		return lines
	}
	return nil
}

// receiver returns the name of a method's type.
func receiver(typ ast.Expr) string {
	switch t := typ.(type) {
	case *ast.Ident:
		return t.Name
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.IndexListExpr:
		return receiver(t.X)
	}
	return ""
}

func valueLines(fset *token.FileSet, tok token.Token, s *ast.ValueSpec, typ ast.Expr) []string {
	var lines []string
	for i, name := range s.Names {
		if !name.IsExported() {
			continue
		}
		l := tok.String() + " " + name.Name
		if tok == token.VAR {
			typ = s.Type
		}
		if typ != nil {
			l += " " + text(fset, typ)
		}
		if tok == token.CONST && i < len(s.Values) {
			l += " = " + text(fset, s.Values[i])
		}
		lines = append(lines, l)
	}
	return lines
}

// typeLines gives each field and each method a line of its own, so that adding one is one line of difference.
func typeLines(fset *token.FileSet, s *ast.TypeSpec) []string {
	head := "type " + s.Name.Name
	if s.TypeParams != nil {
		var params []string
		for _, f := range s.TypeParams.List {
			for _, n := range f.Names {
				params = append(params, n.Name+" "+text(fset, f.Type))
			}
		}
		head += "[" + strings.Join(params, ", ") + "]"
	}
	if s.Assign.IsValid() {
		head += " ="
	}
	kind, members, more := "", (*ast.FieldList)(nil), false
	switch t := s.Type.(type) {
	case *ast.StructType:
		kind, members, more = "struct", t.Fields, t.Incomplete
	case *ast.InterfaceType:
		kind, members, more = "interface", t.Methods, t.Incomplete
	default:
		return []string{head + " " + text(fset, s.Type)}
	}
	lines := []string{head + " " + kind}
	for _, f := range members.List {
		tag := ""
		if f.Tag != nil {
			tag = " " + f.Tag.Value
		}
		if len(f.Names) == 0 {
			lines = append(lines, fmt.Sprintf("%s %s, embeds %s", head, kind, text(fset, f.Type)))
		}
		for _, n := range f.Names {
			typ := text(fset, f.Type)
			if kind == "interface" {
				typ = strings.TrimPrefix(typ, "func")
				lines = append(lines, fmt.Sprintf("%s %s, %s%s", head, kind, n.Name, typ))
				continue
			}
			lines = append(lines, fmt.Sprintf("%s %s, %s %s%s", head, kind, n.Name, typ, tag))
		}
	}
	if more {
		lines = append(lines, fmt.Sprintf("%s %s, with unexported members", head, kind))
	}
	return lines
}

// text prints a node on one line, without comments.
func text(fset *token.FileSet, node any) string {
	var b bytes.Buffer
	if err := printer.Fprint(&b, fset, node); err != nil {
		return err.Error() // a node of an unknown kind: impossible for what the parser returned
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
