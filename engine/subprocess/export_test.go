//go:build linux

package subprocess_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/engine/subprocess"
	"github.com/wasmoci/wasmoci/wasi"
)

// TestChildrenLoadExported: children that only run a module need nothing of the cache, nobody else can use what they load, and it is
// gone with the module.
func TestChildrenLoadExported(t *testing.T) {
	for _, unchecked := range []bool{false, true} {
		temp, dir := t.TempDir(), filepath.Join(t.TempDir(), "cache")
		t.Setenv("TMPDIR", temp)
		eng := open(t, subprocess.Config{Engine: "wazero", Unchecked: unchecked}, engine.Options{CacheDir: dir})
		m, other := compile(t, eng, quick), compile(t, eng, trap)
		run := func(m engine.Module, want error) {
			t.Helper()
			if err := engine.Run(t.Context(), m, nil); !errors.Is(err, want) {
				t.Errorf("ended by %v, want %v", err, want)
			}
		}
		run(m, nil) // in the child that compiled
		if made, err := os.ReadDir(temp); err != nil || len(made) != 0 {
			t.Errorf("made %v, %v; want nothing before it is needed", made, err)
		}
		run(m, nil)
		run(other, engine.TrapUnreachable)
		run(other, engine.TrapUnreachable)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		run(m, nil)
		run(other, engine.TrapUnreachable)
		place, err := filepath.Glob(filepath.Join(temp, "*"))
		if err != nil || len(place) != 1 {
			t.Fatalf("%v, %v; want one directory", place, err)
		}
		if st, err := os.Stat(place[0]); err != nil || st.Mode().Perm() != 0o700 {
			t.Errorf("it has the mode %v, %v", st.Mode(), err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if codes, err := os.ReadDir(place[0]); err != nil || len(codes) != 1 {
			t.Errorf("there are %v, %v; want one directory for the module that is left", codes, err)
		}
		if err := eng.Close(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
			t.Errorf("left %v, %v", left, err)
		}
	}
}

// TestNothingToExport: children of an engine that exports nothing, or where there is no room for it, do as the first did.
func TestNothingToExport(t *testing.T) {
	for _, c := range []struct{ engine, temp, logged string }{
		{testEngine, t.TempDir(), ""},
		{"wazero", filepath.Join(t.TempDir(), "missing"), "which takes longer"},
	} {
		t.Setenv("TMPDIR", c.temp)
		var log bytes.Buffer
		opts := engine.Options{CacheDir: filepath.Join(t.TempDir(), "cache"), Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))}
		m := compile(t, open(t, subprocess.Config{Engine: c.engine}, opts), quick)
		for range 3 {
			if err := engine.Run(t.Context(), m, &wasi.Config{Args: []string{"return"}}); err != nil {
				t.Error(err)
			}
		}
		if got := log.String(); strings.Count(got, "\n") > 1 || !strings.Contains(got, c.logged) || c.logged == "" && got != "" {
			t.Errorf("%s: logged %q", c.engine, got)
		}
	}
}

// TestExportInterrupted: a child that is ended in the middle of it leaves nothing.
func TestExportInterrupted(t *testing.T) {
	eng := open(t, subprocess.Config{Engine: "wazero"}, engine.Options{CacheDir: filepath.Join(t.TempDir(), "cache")})
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- engine.Export(ctx, eng, engine.FromBytes(quick), dir) }()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want canceled", err)
		}
		if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || !slices.Equal(left, []string{filepath.Join(dir, "mine")}) {
			t.Fatalf("left %v, %v", left, err)
		}
	}
}

// TestCacheModes: how the cache is used is up to the caller here as well.
func TestCacheModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	if d, err := cache.Open(dir); err != nil {
		t.Fatal(err)
	} else if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	eng := open(t, subprocess.Config{Engine: "wazero"}, engine.Options{CacheDir: dir, CacheMode: engine.CacheRequired})
	var not *engine.NotCachedError
	if _, err := eng.Compile(t.Context(), engine.FromBytes(quick)); !errors.As(err, &not) || not.Err != nil {
		t.Errorf("got %v, want an *engine.NotCachedError without a reason", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("the cache has %v, %v", left, err)
	}
}
