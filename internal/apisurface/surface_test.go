package main

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestSurface(t *testing.T) {
	file := func(lines ...string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(strings.Join(lines, "\n") + "\n")}
	}
	root := fstest.MapFS{
		"a/a.go": file(
			"// Package a is documented.",
			"package a",
			`import "io"`,
			"// T is documented too.",
			"type T struct {",
			"	A, B int `json:\"a\"`",
			"	io.Reader",
			"	hidden string",
			"}",
			"type I interface { M(x int) (string,",
			"	error); sealed() }",
			"type hidden struct{ A int }",
			"type Alias = string",
			"type Set[K comparable, V any] map[K]V",
			"const ( X Alias = \"x\"; y = 1; Z = 1 << 3 )",
			"const ( One T2 = iota; Two )",
			"type T2 int",
			"var ErrA, errB error",
			"func F(x ...int) { panic(x) }",
			"func (t *T) Method() int { return 1 }",
			"func (h hidden) Method() {}",
			"func g() {}",
		),
		"a/a_linux.go":        file("package a", "const Linux = true"),
		"a/tag.go":            file("//go:build never", "", "package a", "func Tagged() {}"),
		"a/a_test.go":         file("package a", "func TestT() {}"),
		"cmd/main.go":         file("package main", "func Public() {}"),
		"internal/i.go":       file("package internal", "func Public() {}"),
		"testdata/x/t.go":     file("package x", "func Public() {}"),
		"examples/bench/b.go": file("package bench", "func Public() {}"),
	}
	got, err := surface(root)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"pkg a",
		"pkg a, const Linux = true // linux",
		"pkg a, const One T2 = iota",
		"pkg a, const Two T2",
		`pkg a, const X Alias = "x"`,
		"pkg a, const Z = 1 << 3",
		"pkg a, func (t *T) Method() int",
		"pkg a, func F(x ...int)",
		"pkg a, type Alias = string",
		"pkg a, type I interface",
		"pkg a, type I interface, M(x int) (string, error)",
		"pkg a, type I interface, with unexported members",
		"pkg a, type Set[K comparable, V any] map[K]V",
		"pkg a, type T struct",
		"pkg a, type T struct, A int `json:\"a\"`",
		"pkg a, type T struct, B int `json:\"a\"`",
		"pkg a, type T struct, embeds io.Reader",
		"pkg a, type T struct, with unexported members",
		"pkg a, type T2 int",
		"pkg a, var ErrA error",
	}
	for _, l := range want {
		if !slices.Contains(got, l) {
			t.Errorf("missing: %s", l)
		}
	}
	for _, l := range got {
		if !slices.Contains(want, l) {
			t.Errorf("not expected: %s", l)
		}
	}
	if !slices.IsSorted(got) {
		t.Error("lines are not sorted")
	}
}
