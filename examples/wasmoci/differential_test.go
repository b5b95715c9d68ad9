//go:build real

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/subprocess"
	"github.com/wasmoci/wasmoci/wasi"
)

// TestDifferential runs many guests on every engine of this build, each from the same directory, in process and in children. Whatever
// one can be told by, output, files, and how it ended, is the same on all.
func TestDifferential(t *testing.T) {
	guests := manyGuests(t)
	if len(guests) < 40 {
		t.Errorf("%d guests, want 40 at least", len(guests))
	}
	engines := enginesAtHand(t)
	for _, g := range guests {
		t.Run(g.name, func(t *testing.T) {
			src := engine.FromBytes(g.wasm)
			want := g.run(t, engines[0], src)
			if want == "" {
				t.Fatal("nothing to compare")
			}
			t.Logf("on %s:\n%s", engines[0].where, want)
			for _, e := range engines[1:] {
				if len(g.wasm) > e.largest {
					continue
				}
				if got := g.run(t, e, src); got != want {
					t.Errorf("on %s:\n%s\nwant, as on %s:\n%s", e.where, got, engines[0].where, want)
				}
			}
		})
	}
}

// placed is an engine in a process.
type placed struct {
	engine.Engine
	where   string
	largest int // module that it compiles and runs in reasonable time, bytes
}

// enginesAtHand are wazero and all others that this build can open, and then the same in children, which is what runs guests
// without checks, too.
func enginesAtHand(t *testing.T) []placed {
	t.Helper()
	var all, children []placed
	for _, d := range engine.List() {
		if d.Unavailable != nil {
			continue
		}
		opts := engine.Options{CacheDir: defaultCacheDir()}
		e, err := engine.Open(t.Context(), d.Name, opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.Close() })
		if all = append(all, placed{e, d.Name, 1 << 30}); d.Name == "wazero" {
			all[0], all[len(all)-1] = all[len(all)-1], all[0]
		}
		for _, unchecked := range []bool{false, true} {
			if unchecked && d.Dedicate == nil {
				continue
			}
			e, err := subprocess.New(t.Context(), subprocess.Config{Engine: d.Name, Unchecked: unchecked}, opts)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = e.Close() })
			c := placed{e, d.Name + " in a child", 8 << 20}
			if unchecked {
				c.where += ", unchecked"
			}
			if unchecked && d.Native { // LLVM takes a second for some ten thousand bytes
				c.largest = 200 << 10
			}
			children = append(children, c)
		}
	}
	return append(all, children...)
}

// manyGuest is one guest, with the file system that it begins with.
type manyGuest struct {
	name  string
	wasm  []byte
	args  []string
	env   []string
	files map[string][]byte
}

// run returns all that can be told of a run, or "" where the engine has no way to give the guest what it needs.
func (g *manyGuest) run(t *testing.T, e placed, src engine.Source) string {
	t.Helper()
	m, err := e.Compile(t.Context(), src)
	if err != nil {
		t.Fatalf("%s: %v", e.where, err)
	}
	defer m.Close()
	root := t.TempDir()
	for name, content := range g.files {
		write(t, filepath.Join(root, name), content)
	}
	var out, errs bytes.Buffer
	cfg := &wasi.Config{
		Args:   append([]string{g.name}, g.args...),
		Env:    append([]string{"WHO=world"}, g.env...),
		Mounts: []wasi.Mount{{Guest: "/", Host: root}},
		Stdin:  strings.NewReader("first line\nsecond line with more words\nlast"),
		Stdout: &out,
		Stderr: &errs,
	}
	if cfg.Entrypoint = engine.StartFunction; m.Info().World == engine.WorldReactor {
		cfg.Entrypoint = reactorEntrypoint(m.Info())
	}
	err = engine.Run(context.Background(), m, cfg) // whose context does not end: not every engine could be told
	var all strings.Builder
	fmt.Fprintf(&all, "exit status %d, %s\nstdout %q\nstderr %q\n", engine.ExitCode(err), kindOf(err), &out, &errs)
	walk := func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&all, "%s %s", path, info.Mode())
		if _, given := g.files[path]; d.Type().IsRegular() && !given {
			content, err := os.ReadFile(filepath.Join(root, path))
			if err != nil {
				return err
			}
			fmt.Fprintf(&all, " %q", content)
		}
		all.WriteString("\n")
		return nil
	}
	if len(g.files) < 100 {
		if err := fs.WalkDir(os.DirFS(root), ".", walk); err != nil {
			t.Error(err)
		}
	}
	return all.String()
}

// reactorEntrypoint is the first function that could be run.
func reactorEntrypoint(info engine.ModuleInfo) string {
	for _, e := range info.Exports {
		if e.Kind == "func" && e.Type == engine.EntrypointType && e.Name != engine.InitializeFunction {
			return e.Name
		}
	}
	return ""
}

// kindOf says in words that are the same on every engine how a run ended: the name of an engine and its backtrace are not.
func kindOf(err error) string {
	var trap *engine.TrapError
	switch {
	case err == nil:
		return "no error"
	case errors.As(err, &trap):
		return "trap: " + string(trap.Kind)
	}
	_, text, _ := strings.Cut(err.Error(), ": ")
	return text
}

// manyGuests are the conformance suite's own, one for each source in testdata/real/many, CPython and SQLite.
func manyGuests(t *testing.T) []*manyGuest {
	t.Helper()
	var all []*manyGuest
	suite, err := filepath.Glob("../../engine/enginetest/testdata/*.wasm")
	if err != nil {
		t.Fatal(err)
	}
	endless := map[string]bool{"recursion": true, "spin": true, "spin_calling": true, "spin_in_start": true, "wait": true, "random": true}
	for _, path := range suite {
		name := strings.TrimSuffix(filepath.Base(path), ".wasm")
		if !endless[name] {
			all = append(all, &manyGuest{name: name, wasm: read(t, open(t, path)), args: []string{"one", "zwei ü", ""}})
		}
	}
	const sources = "testdata/real/many/"
	entries, err := os.ReadDir(sources)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out := filepath.Join(t.TempDir(), "guest.wasm")
		must(t, guestCompiler(t, out, sources+e.Name()))
		all = append(all, &manyGuest{name: e.Name(), wasm: read(t, open(t, out)), args: []string{"one", "zwei ü", ""}})
	}
	python := &manyGuest{
		name: "CPython", args: []string{"/script.py"}, env: []string{"PYTHONHOME=/usr/local", "PYTHONDONTWRITEBYTECODE=1", "PYTHONHASHSEED=0"},
		files: map[string][]byte{"script.py": []byte(pythonScript)},
	}
	sqlite := &manyGuest{name: "SQLite", args: []string{"/test.db", "create table t(a, b); insert into t values (1, 'x'), (2, 'y'); select sum(a), group_concat(b) from t;"}}
	untar(t, open(t, sandbox), func(name string, r io.Reader) {
		switch filepath.Base(name) {
		case "sqlite.wasm":
			sqlite.wasm = read(t, r)
		case "python-3.11.3.wasm":
			python.wasm = read(t, r)
		case "python-3.11.3.tar.gz":
			untar(t, r, func(name string, r io.Reader) { python.files[name] = read(t, r) })
		}
	})
	return append(all, python, sqlite)
}

const pythonScript = `
import hashlib, json, os, re, sys
print(json.dumps({"sum": sum(i * i for i in range(10000)), "float": 0.1 + 0.2, "args": sys.argv, "env": sorted(os.environ)}))
print(hashlib.sha256(b"wasm").hexdigest(), re.findall(r"\w+", "a quick fox"), 2 ** 200)
print(sorted(os.listdir("/")), sys.stdin.read().splitlines())
try:
    open("/missing")
except OSError as e:
    print(type(e).__name__, e.errno, e)
print("to stderr", file=sys.stderr)
sys.exit(9)
`

// guestCompiler compiles a source, or a directory with a program in Go.
func guestCompiler(t *testing.T, output, source string) *exec.Cmd {
	t.Helper()
	switch filepath.Ext(source) {
	case ".c":
		return compiler(t, []string{"clang", "--target=wasm32-wasi", "-O2"}, output, source)
	case ".cpp":
		return compiler(t, []string{"clang++", "--target=wasm32-wasi", "-O2", "-std=c++17", "-fno-exceptions"}, output, source)
	case ".rs":
		return compiler(t, []string{"/usr/bin/rustc", "-O", "--target", "wasm32-wasi"}, output, source)
	}
	cmd := compiler(t, []string{"go", "build"}, output, "./"+source)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	return cmd
}
