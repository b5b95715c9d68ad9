package wazero

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/wasi"
)

// exit42 is (module (func (export "_start") (call $proc_exit (i32.const 42)))) with proc_exit imported and a memory.
var exit42 = []byte("\x00asm\x01\x00\x00\x00" +
	"\x01\x08\x02\x60\x01\x7f\x00\x60\x00\x00" + // types: (i32) -> (), () -> ()
	"\x02\x24\x01\x16wasi_snapshot_preview1\x09proc_exit\x00\x00" +
	"\x03\x02\x01\x01" + // one function of type 1
	"\x05\x03\x01\x00\x01" + // one page of memory
	"\x07\x13\x02\x06memory\x02\x00\x06_start\x00\x01" +
	"\x0a\x08\x01\x06\x00\x41\x2a\x10\x00\x0b")

func TestCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	var log bytes.Buffer
	run := func(t *testing.T, cached bool, logged string) {
		t.Helper()
		log.Reset()
		var phases []engine.Phase
		e, err := New(t.Context(), engine.Options{
			CacheDir: dir,
			Logger:   slog.New(slog.NewTextHandler(&log, nil)),
			Observe:  func(ev engine.Event) { phases = append(phases, ev.Phase) },
		})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		m, err := e.Compile(t.Context(), engine.FromBytes(exit42))
		if err != nil {
			t.Fatal(err)
		}
		if m.Info().Cached != cached {
			t.Errorf("Cached is %t, want %t", m.Info().Cached, cached)
		}
		if phase := phases[0]; cached != (phase == engine.PhaseLoad) && logged == "" {
			t.Errorf("the first phase is %q", phase)
		}
		if got := log.String(); (logged == "") != (got == "") || !strings.Contains(got, logged) {
			t.Errorf("logged %q, want %q in it", got, logged)
		}
		err = engine.Run(t.Context(), m, &wasi.Config{})
		if got := engine.ExitCode(err); got != 42 {
			t.Errorf("exit code %d (%v), want 42", got, err)
		}
	}
	entry := func(t *testing.T) string {
		t.Helper()
		found := ""
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				if found != "" {
					t.Errorf("more than one file: %s", path)
				}
				found = path
			}
			return err
		})
		if err != nil || found == "" {
			t.Fatalf("no entry: %v", err)
		}
		return found
	}
	change := func(t *testing.T, f func(b []byte) []byte) {
		t.Helper()
		path := entry(t)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("fills", func(t *testing.T) { run(t, false, "") })
	t.Run("hits", func(t *testing.T) { run(t, true, "") })
	t.Run("a flipped bit", func(t *testing.T) {
		change(t, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		run(t, false, "does not match its digest")
		run(t, true, "")
	})
	t.Run("cut off", func(t *testing.T) {
		change(t, func(b []byte) []byte { return b[:len(b)/2] })
		run(t, false, "does not match its digest")
		run(t, true, "")
	})
	t.Run("writable by others", func(t *testing.T) {
		if err := os.Chmod(entry(t), 0o666); err != nil {
			t.Fatal(err)
		}
		run(t, false, "others may write to it")
		run(t, true, "")
	})
	// An entry whose digest is right, made by another version or by somebody with the user's rights: wazero's own check says
	// no, and the module is compiled again.
	t.Run("foreign", func(t *testing.T) {
		content, err := engine.FromBytes(exit42).Load(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		d, err := cache.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		key := cache.Key{Module: content.Digest, Engine: Name, Version: version(), Config: (&compiler{}).Config(), CPU: cache.CPU()}
		got, err := d.Get(key)
		if err != nil {
			t.Fatal(err)
		}
		got.File.Close()
		if err := d.Put(key, got.Label, strings.NewReader("WAZERO but not really")); err != nil {
			t.Fatal(err)
		}
		run(t, false, "cached code cannot be used")
		run(t, true, "")
	})
	if left, _ := filepath.Glob(filepath.Join(dir, "tmp-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestCacheRequired: wazero, which reads its code by a path, does with a cache that it may not write to.
func TestCacheRequired(t *testing.T) {
	opts := engine.Options{CacheDir: filepath.Join(t.TempDir(), "cache")}
	for _, c := range []struct {
		mode   engine.CacheMode
		cached bool
	}{{engine.CacheReadWrite, false}, {engine.CacheReadOnly, true}, {engine.CacheRequired, true}} {
		opts.CacheMode = c.mode
		e, err := New(t.Context(), opts)
		if err != nil {
			t.Fatal(err)
		}
		m, err := e.Compile(t.Context(), engine.FromBytes(exit42))
		if err != nil {
			t.Fatalf("%q: %v", c.mode, err)
		}
		if m.Info().Cached != c.cached {
			t.Errorf("%q: Cached is %t", c.mode, !c.cached)
		}
		if err := engine.Run(t.Context(), m, nil); engine.ExitCode(err) != 42 {
			t.Errorf("%q: %v", c.mode, err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestCacheUnwritable: where nothing can be written to the cache a module is compiled all the same, and the log says why it is not
// kept.
func TestCacheUnwritable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	var log bytes.Buffer
	e, err := New(t.Context(), engine.Options{CacheDir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	m, err := e.Compile(t.Context(), engine.FromBytes(exit42))
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Run(t.Context(), m, nil); engine.ExitCode(err) != 42 {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "is not kept in the cache") {
		t.Errorf("logged %q", log.String())
	}
}

func TestCacheUntrusted(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	_, err := New(t.Context(), engine.Options{CacheDir: dir})
	var untrusted *cache.UntrustedError
	var in *engine.Error
	if !errors.As(err, &untrusted) || !errors.As(err, &in) || in.Op != "open" {
		t.Fatalf("got %v, want an UntrustedError of op open", err)
	}
	if engine.ExitCode(err) != 125 {
		t.Errorf("exit code %d, want 125: it is the host's failure", engine.ExitCode(err))
	}
}
