package wazero

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/wasm"
)

// TestFrame: what is kept of a module has its functions and its data, and not their code.
func TestFrame(t *testing.T) {
	module, err := os.ReadFile("../enginetest/testdata/sieve.wasm")
	if err != nil {
		t.Fatal(err)
	}
	frame, err := frameOf(module)
	if err != nil {
		t.Fatal(err)
	}
	was, is := wasm.Split(module), wasm.Split(frame)
	for _, s := range was {
		switch now := is.Find(s.ID); {
		case s.ID == wasm.SectionCustom:
		case s.ID == wasm.SectionCode && (len(now.Body) >= len(s.Body) || now.Body[0] != s.Body[0]):
			t.Errorf("its code has %d bytes, of %d", len(now.Body), len(s.Body))
		case s.ID != wasm.SectionCode && !bytes.Equal(now.Body, s.Body):
			t.Errorf("section %d is another one", s.ID)
		}
	}
	if _, err := frameOf([]byte("gopher")); err == nil {
		t.Error("there is a frame of no module")
	}
}

// exported exports exit42 and returns the directory, and the file with the code in it.
func exported(t *testing.T, opts engine.Options) (dir, file string) {
	t.Helper()
	dir, opts.CacheDir = t.TempDir(), filepath.Join(t.TempDir(), "cache")
	e, err := New(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := engine.Export(t.Context(), e, engine.FromBytes(exit42), dir); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(dir, "*", "wazero-*-"+runtime.GOARCH+"-"+runtime.GOOS, "*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("exported %v, %v", found, err)
	}
	return dir, found[0]
}

// run42 runs exit42 from exported code.
func run42(t *testing.T, opts engine.Options, dir string) error {
	t.Helper()
	opts.CacheDir, opts.CacheMode = dir, engine.CacheExported
	e, err := New(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	m, err := e.Compile(t.Context(), engine.FromBytes(exit42))
	if err != nil {
		return err
	}
	ended := engine.Run(context.WithoutCancel(t.Context()), m, nil)
	if engine.ExitCode(ended) != 42 {
		t.Errorf("ended by %v", ended)
	}
	return nil
}

// TestExportedUnusable: code that wazero has no use for is neither compiled anew nor replaced.
func TestExportedUnusable(t *testing.T) {
	for name, damage := range map[string]func(b []byte) []byte{
		"empty":                 func([]byte) []byte { return nil },
		"text":                  func([]byte) []byte { return []byte("WAZERO but not really") },
		"cut off":               func(b []byte) []byte { return b[:len(b)-1] },
		"without its frame":     func(b []byte) []byte { return binary.LittleEndian.AppendUint64(b, 0) },
		"a frame beyond it":     func(b []byte) []byte { return binary.LittleEndian.AppendUint64(b, uint64(len(b))+1) },
		"another frame":         func(b []byte) []byte { return bytes.Replace(b, []byte("_start"), []byte("_trats"), 1) },
		"a flipped bit of code": func(b []byte) []byte { b[len(b)/3] ^= 1; return b },
	} {
		t.Run(name, func(t *testing.T) {
			dir, file := exported(t, engine.Options{})
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(file); err != nil { // the cache has it by another name
				t.Fatal(err)
			}
			damaged := damage(b)
			if err := os.WriteFile(file, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			var not *engine.NotCachedError
			if err := run42(t, engine.Options{}, dir); !errors.As(err, &not) || not.Err == nil {
				t.Errorf("got %v, want an *engine.NotCachedError with a reason", err)
			}
			now, err := os.ReadFile(file)
			if err != nil || !bytes.Equal(now, damaged) {
				t.Errorf("the file was changed, %v", err)
			}
			files := 0
			err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
				if err == nil && d.Type().IsRegular() {
					files++
				}
				return err
			})
			if files != 1 || err != nil {
				t.Errorf("%d files, %v", files, err)
			}
		})
	}
}

// TestExportedDebugInfo: a module whose debug information is read is exported as others are.
func TestExportedDebugInfo(t *testing.T) {
	opts := engine.Options{DebugInfo: true}
	dir, _ := exported(t, opts)
	if err := run42(t, opts, dir); err != nil {
		t.Error(err)
	}
	var not *engine.NotCachedError
	if err := run42(t, engine.Options{}, dir); !errors.As(err, &not) {
		t.Errorf("other options: got %v, want an *engine.NotCachedError", err)
	}
}

// TestExportedNowhere: there is no directory for temporary files, and what was exported is loaded through a descriptor.
func TestExportedNowhere(t *testing.T) {
	dir, _ := exported(t, engine.Options{})
	t.Setenv("TMPDIR", filepath.Join(dir, "missing"))
	if err := run42(t, engine.Options{}, dir); err != nil {
		t.Error(err)
	}
	if runtime.GOOS != "linux" {
		return
	}
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Rename(dir, dir+"-moved"); err != nil {
		t.Fatal(err)
	}
	if err := run42(t, engine.Options{}, fmt.Sprintf("/proc/self/fd/%d", f.Fd())); err != nil {
		t.Error(err)
	}
}
