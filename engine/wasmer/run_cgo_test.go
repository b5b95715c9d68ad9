//go:build wasmer && cgo

package wasmer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

// writer is a guest whose start function writes a line, by a call of its host with addresses, and whose _start writes it again.
var writer = assemble(map[byte]string{
	1:  vector("\x60\x00\x00", "\x60\x04\x7f\x7f\x7f\x7f\x01\x7f"),
	2:  vector("\x16wasi_snapshot_preview1\x08fd_write\x00\x01"),
	3:  vector("\x00"),
	5:  vector("\x00\x01"),
	7:  vector("\x06memory\x02\x00", "\x06_start\x00\x01", "\x05start\x00\x01"),
	8:  "\x01",
	10: vector(sized("\x00\x41\x01\x41\x08\x41\x01\x41\x20\x10\x00\x1a\x0b")),
	11: vector("\x00\x41\x08\x0b\x0b\x10\x00\x00\x00\x03\x00\x00\x00hi\x0a"),
})

func compileForTest(t testing.TB, eng engine.Engine, module []byte) engine.Module {
	t.Helper()
	m, err := eng.Compile(context.WithoutCancel(t.Context()), engine.FromBytes(module))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestStartFunction: a start function has the guest's memory, and is not an export that anybody can name, with a cache and without.
func TestStartFunction(t *testing.T) {
	ctx := context.WithoutCancel(t.Context())
	dir := t.TempDir() + "/cache"
	for _, opts := range []engine.Options{{}, {CacheDir: dir}, {CacheDir: dir}} {
		eng := openForTest(t, opts)
		m := compileForTest(t, eng, writer)
		var out bytes.Buffer
		if err := engine.Run(ctx, m, &wasi.Config{Stdout: &out}); err != nil || out.String() != "hi\nhi\n" {
			t.Errorf("wrote %q, ended with %v", out.String(), err)
		}
		var missing *engine.MissingExportError
		if err := engine.Run(ctx, m, &wasi.Config{Entrypoint: "start'"}); !errors.As(err, &missing) {
			t.Errorf("a function that the module does not export: %v", err)
		}
	}
}

// TestContext: what cannot be ended is not begun.
func TestContext(t *testing.T) {
	m := compileForTest(t, openForTest(t, engine.Options{}), writer)
	var out bytes.Buffer
	err := engine.Run(t.Context(), m, &wasi.Config{Stdout: &out})
	var unsupported *engine.UnsupportedError
	if !errors.As(err, &unsupported) || unsupported.Missing.String() != string(engine.Interrupt) || out.Len() > 0 {
		t.Errorf("%v, wrote %q", err, out.String())
	}
}

// TestConcurrent: guests of one module, and the compiling and closing of others, do not meet.
func TestConcurrent(t *testing.T) {
	ctx := context.WithoutCancel(t.Context())
	eng := openForTest(t, engine.Options{})
	m := compileForTest(t, eng, writer)
	overflow := recursive(3, false, false, "")
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for range 20 {
				var out strings.Builder
				if err := engine.Run(ctx, m, &wasi.Config{Stdout: &out}); err != nil || out.String() != "hi\nhi\n" {
					t.Errorf("wrote %q, ended with %v", out.String(), err)
				}
			}
			other, err := eng.Compile(ctx, engine.FromBytes(overflow))
			if err != nil {
				t.Error(err)
				return
			}
			if err := engine.Run(ctx, other, nil); !errors.Is(err, engine.TrapStackOverflow) {
				t.Errorf("ended with %v", err)
			}
			if err := other.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestNativeMemory: neither calls of the host nor runs leave memory behind, of which libwasmer makes some for each.
func TestNativeMemory(t *testing.T) {
	calls, err := os.ReadFile("../enginetest/testdata/calls.wasm") // a hundred thousand
	if err != nil {
		t.Fatal(err)
	}
	resident := func() int {
		b, err := os.ReadFile("/proc/self/statm")
		if err != nil {
			t.Fatal(err)
		}
		var size, pages int
		if _, err := fmt.Sscan(string(b), &size, &pages); err != nil {
			t.Fatal(err)
		}
		return pages * os.Getpagesize()
	}
	eng := openForTest(t, engine.Options{})
	ctx := context.WithoutCancel(t.Context())
	for _, c := range []struct {
		name   string
		module []byte
		runs   int
	}{{"calls", calls, 10}, {"runs", writer, 5000}} {
		t.Run(c.name, func(t *testing.T) {
			m := compileForTest(t, eng, c.module)
			run := func() {
				if err := engine.Run(ctx, m, nil); err != nil {
					t.Fatal(err)
				}
			}
			for range c.runs / 10 {
				run()
			}
			before := resident()
			for range c.runs {
				run()
			}
			if grown := resident() - before; grown > 40<<20 {
				t.Errorf("%d bytes more are resident", grown)
			}
		})
	}
}

// TestRefused: modules that libwasmer cannot stand, or has not the features for, are refused with a reason.
func TestRefused(t *testing.T) {
	eng := openForTest(t, engine.Options{})
	many := "\x60" + vector(strings.Split(strings.Repeat("\x7e", maxValues+1), "")...)
	for _, c := range []struct {
		name   string
		module map[byte]string
		want   string
	}{
		{"parameters", map[byte]string{1: vector("\x60\x00\x00", many+"\x00")}, "type 1 has more than 100 parameters or results"},
		{"results", map[byte]string{1: vector("\x60\x00" + many[1:])}, "type 0 has more than 100 parameters or results"},
		{"two large tables", map[byte]string{4: vector("\x70\x00\x80\xad\xe2\x04", "\x70\x00\x01")}, "more than 10000000 elements"},
		{"a table too large", map[byte]string{4: vector("\x70\x00\xff\xff\xff\xff\x0f")}, "out of bounds"},
		{"a memory too large", map[byte]string{5: vector("\x00\x80\x80\x04")}, "more than the 65535 pages"},
		{"shared memory", map[byte]string{5: vector("\x03\x01\x02")}, "threads"},
		{"two memories", map[byte]string{5: vector("\x00\x01", "\x00\x01")}, "memor"},
		{"a memory of 64 bits", map[byte]string{5: vector("\x04\x01")}, "memory"},
		{"a tail call", map[byte]string{1: vector("\x60\x00\x00"), 3: vector("\x00"), 10: vector(sized("\x00\x12\x00\x0b"))}, "tail"},
		{"an exception", map[byte]string{1: vector("\x60\x00\x00"), 3: vector("\x00"), 10: vector(sized("\x00\x06\x40\x19\x0b\x0b"))}, "Exceptions"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := eng.Compile(t.Context(), engine.FromBytes(assemble(c.module)))
			var invalid *engine.InvalidModuleError
			if !errors.As(err, &invalid) || !strings.Contains(err.Error(), c.want) || engine.ExitCode(err) != 126 {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// TestUnusualImports: what the host does not provide is refused before anything is made of it, whatever its kind and size.
func TestUnusualImports(t *testing.T) {
	eng := openForTest(t, engine.Options{})
	for kind, description := range map[string]string{
		"table": "\x01\x70\x00\x80\xad\xe2\x04", "memory": "\x02\x00\x80\x80\x04", "global": "\x03\x7b\x01", "func": "\x00\x00",
	} {
		t.Run(kind, func(t *testing.T) {
			m := compileForTest(t, eng, assemble(map[byte]string{
				1:  vector("\x60\x00\x00"),
				2:  vector("\x01a\x01b" + description),
				3:  vector("\x00"),
				7:  vector("\x06_start\x00" + map[bool]string{true: "\x01", false: "\x00"}[kind == "func"]),
				10: vector(sized("\x00\x0b")),
			}))
			err := engine.Run(context.WithoutCancel(t.Context()), m, nil)
			var missing *engine.MissingImportError
			if !errors.As(err, &missing) || missing.Kind != kind {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

// TestLargest: a guest that asks for all memory and all elements has what the bounds say, then -1, and all of it can be used.
func TestLargest(t *testing.T) {
	eng := openForTest(t, engine.Options{})
	for _, c := range []struct{ name, memory string }{
		{"grown", "\x00\x01"},
		{"grown to its maximum", "\x01\x01\x80\x80\x04"},
		{"at once", "\x00\xff\xff\x03"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := compileForTest(t, eng, assemble(map[byte]string{
				1: vector("\x60\x00\x00"),
				3: vector("\x00"),
				4: vector("\x70\x00\x01"),
				5: vector(c.memory),
				7: vector("\x06memory\x02\x00", "\x06_start\x00\x00"),
				10: vector(sized("\x00" +
					"\x41\xff\xff\x03\x3f\x00\x6b\x40\x00\x41\x7f\x46\x04\x40\x00\x0b" + // 65535 pages
					"\x41\x01\x40\x00\x41\x7f\x47\x04\x40\x00\x0b" + // and no more
					"\x41\xfc\xff\x7b\x41\x01\x36\x02\x00" + // the last word of them
					"\xd0\x70\x41\x7f\xfc\x0f\x00\x41\x7f\x47\x04\x40\x00\x0b" + // 4,294,967,295 elements
					"\xd0\x70\x41\xff\xac\xe2\x04\xfc\x0f\x00\x41\x01\x47\x04\x40\x00\x0b" + // all there can be
					"\x0b")),
			}))
			if err := engine.Run(context.WithoutCancel(t.Context()), m, nil); err != nil {
				t.Errorf("ended with %v", err)
			}
		})
	}
}
