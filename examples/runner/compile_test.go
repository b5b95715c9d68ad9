//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/engine/runner"
)

// compileIn compiles a module into a new directory.
func compileIn(t *testing.T, ctx context.Context, module string, c runner.Compilation) (dir string, err error) {
	t.Helper()
	f, err := os.Open(module)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c.Runner, c.Engine, c.Name = filepath.Join(built, "runner"), engineFor, "the module"
	dir, err = os.MkdirTemp(built, "compile")
	if err != nil {
		t.Fatal(err)
	}
	return dir, runner.Compile(ctx, f, dir, c)
}

// TestCompile: what the child leaves is what the same executable runs.
func TestCompile(t *testing.T) {
	dir, err := compileIn(t, t.Context(), guestPath("hello"), runner.Compilation{})
	if err != nil {
		t.Fatal(err)
	}
	s := launch{guest: "hello", order: func(o *runner.Order) { o.CodeDir = filepath.Join(dir, "code") }}.start(t)
	if status := s.wait(); status != 0 || s.out.String() != "Hello, guest!\n" {
		t.Errorf("status %d, output %q, standard error %q", status, s.out.String(), s.errs.String())
	}
}

// TestCompileFails: a module that is none, or takes too much, is an error that says so, and ends the child.
func TestCompileFails(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.wasm")
	if err := os.WriteFile(broken, []byte("\x00asm\x01\x00\x00\x00\x01"), 0o644); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(t.TempDir(), "large.wasm")
	if err := os.WriteFile(large, manyFunctions(20_000), 0o644); err != nil {
		t.Fatal(err)
	}
	medium := filepath.Join(t.TempDir(), "medium.wasm")
	if err := os.WriteFile(medium, manyFunctions(1000), 0o644); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	for name, c := range map[string]struct {
		ctx         context.Context
		module      string
		compilation runner.Compilation
		status      int
		is          error
		want        string
	}{
		"broken":          {module: broken, status: 126, want: "compile the module for " + engineFor},
		"too long":        {module: guestPath("hello"), compilation: runner.Compilation{Timeout: time.Nanosecond}, status: 126, is: runner.ErrCompileTime},
		"too much memory": {module: large, compilation: runner.Compilation{MemoryBytes: 96 << 20}, status: 126, is: runner.ErrCompileMemory},
		"too much code":   {module: medium, compilation: runner.Compilation{DiskBytes: 64 << 10}, status: 126, is: runner.ErrCompileSize},
		"given up":        {ctx: ended, module: guestPath("hello"), want: "enough"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := c.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			_, err := compileIn(t, ctx, c.module, c.compilation)
			var failed *runner.CompileError
			if c.status != 0 && (!errors.As(err, &failed) || failed.ExitStatus() != c.status) {
				t.Fatalf("%v, want a *runner.CompileError with status %d", err, c.status)
			}
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "goroutine") {
				t.Errorf("%v, want %v %q", err, c.is, c.want)
			}
		})
	}
}

// manyFunctions is a module with n functions that have something to do.
func manyFunctions(n int) []byte {
	uleb := func(v int) []byte { return binary.AppendUvarint(nil, uint64(v)) }
	section := func(id byte, content []byte) []byte {
		return append(append([]byte{id}, uleb(len(content))...), content...)
	}
	body := append([]byte{0}, bytes.Repeat([]byte{0x20, 0, 0x20, 0, 0x6c, 0x20, 0, 0x6a, 0x21, 0}, 100)...) // x = x*x + x
	body = append(body, 0x20, 0, 0x0b)
	code := uleb(n)
	for range n {
		code = append(append(code, uleb(len(body))...), body...)
	}
	module := []byte("\x00asm\x01\x00\x00\x00")
	module = append(module, section(1, []byte{1, 0x60, 1, 0x7f, 1, 0x7f})...)
	module = append(module, section(3, append(uleb(n), make([]byte, n)...))...)
	return append(module, section(10, code)...)
}
