package house

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestCommands: a stranger finds the two commands that matter before anything else.
func TestCommands(t *testing.T) {
	var commands []string
	for line := range strings.Lines(read(t, "README.md")) {
		if command, ok := strings.CutPrefix(line, "    "); ok {
			commands = append(commands, strings.TrimSpace(command))
		}
	}
	want := []string{"go run ./examples/wasmoci run --no-container --bundle examples/bundles/hello", "make test"}
	if len(commands) < 2 || !slices.Equal(commands[:2], want) {
		t.Errorf("the README's first commands are %q, want %q", commands, want)
	}
	if n := strings.Count(read(t, "README.md"), "\n"); n > 150 {
		t.Errorf("the README has %d lines, at most 150 are read", n)
	}
}

// TestQuickstart: the program that is copied from the README is the one that is built and the one that is tested.
func TestQuickstart(t *testing.T) {
	from := func(name, begin, end string) string {
		_, code, ok := strings.Cut(read(t, name), begin)
		if !ok {
			t.Fatalf("%s: no %q", name, begin)
		}
		code, _, _ = strings.Cut(code, end)
		return begin + code
	}
	const begin = "func run("
	want := from("examples/embed/main.go", begin, "\x00")
	for name, got := range map[string]string{
		"README.md":       from("README.md", begin, "```"),
		"example_test.go": from("example_test.go", begin, "\x00"),
	} {
		if got != want {
			t.Errorf("%s differs from examples/embed/main.go:\n%s\nwant\n%s", name, got, want)
		}
	}
	if n := strings.Count(strings.ReplaceAll(want, "\n\n", "\n"), "\n"); n > 22 {
		t.Errorf("the quickstart has %d lines, want at most 22", n)
	}
}

// TestLinks: every file that a document points to is there.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	documents, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil || len(documents) < 6 {
		t.Fatalf("documents %v, %v", documents, err)
	}
	for _, name := range documents {
		for _, m := range link.FindAllStringSubmatch(read(t, filepath.Base(name)), -1) {
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
