package core

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/wasi"
)

// forgetful is a runtime that keeps no code.
type forgetful struct{ slow }

func (forgetful) Save(Code, func(string, io.Reader) error) error { return nil }

func TestExport(t *testing.T) {
	src := engine.FromBytes([]byte(none))
	var compiled atomic.Int64
	opts := engine.Options{CacheDir: filepath.Join(t.TempDir(), "cache")}
	e, err := openSlow(t, slow{compiled: &compiled}, opts)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, into := range []string{dir, t.TempDir()} {
		if err := engine.Export(t.Context(), e, src, into); err != nil {
			t.Fatal(err)
		}
	}
	if n := compiled.Load(); n != 1 {
		t.Errorf("%d compiled for two exports", n)
	}
	for _, c := range []struct {
		name    string
		foreign bool
	}{{"loaded", false}, {"of another version", true}} {
		t.Run(c.name, func(t *testing.T) {
			before := listing(t, dir)
			x, err := openSlow(t, slow{compiled: &compiled, foreign: c.foreign}, engine.Options{CacheDir: dir, CacheMode: engine.CacheExported})
			if err != nil {
				t.Fatal(err)
			}
			m, err := x.Compile(t.Context(), src)
			var refused *engine.NotCachedError
			if errors.As(err, &refused) != c.foreign || !c.foreign && !m.Info().Cached || c.foreign && refused.Err == nil {
				t.Errorf("got %v", err)
			}
			if n := compiled.Load(); n != 1 || !bytes.Equal(before, listing(t, dir)) {
				t.Errorf("%d compiled, and the directory is\n%s", n, listing(t, dir))
			}
		})
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := engine.Export(t.Context(), e, src, t.TempDir()); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// TestExportKeptNothing: an engine whose cache has nothing even after compiling says so.
func TestExportKeptNothing(t *testing.T) {
	e, err := Open("forgetful", engine.FormatCapabilities{wasi.FormatModule: {}}, engine.Options{CacheDir: filepath.Join(t.TempDir(), "cache")},
		func(*cache.Dir) (Runtime, error) { return forgetful{slow{compiled: new(atomic.Int64)}}, nil })
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var no *engine.NoExportError
	if err := engine.Export(t.Context(), e, engine.FromBytes([]byte(none)), t.TempDir()); !errors.As(err, &no) {
		t.Errorf("got %v, want an *engine.NoExportError", err)
	}
}
