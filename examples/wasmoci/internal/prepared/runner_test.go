//go:build linux

package prepared

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// TestRunnerLibraries: code is of the libraries, too, with which its runner compiled it: the engine is in there.
func TestRunnerLibraries(t *testing.T) {
	s, module, runner := opened(t)
	runner.Libraries = t.TempDir()
	library := filepath.Join(runner.Libraries, "libengine.so")
	write(t, library, "first")
	compiled := 0
	get := func() {
		t.Helper()
		c, err := s.Get(t.Context(), module, runner, func(ctx context.Context, m *os.File, dir string) error {
			compiled++
			return echo(ctx, m, dir)
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	get()
	if get(); compiled != 1 {
		t.Errorf("compiled %d times", compiled)
	}
	more := filepath.Join(runner.Libraries, "libmore.so")
	for _, change := range []struct { // one after the other
		name string
		make func() error
	}{
		{"replaced", func() error { write(t, library+".new", "again"); return os.Rename(library+".new", library) }},
		{"another", func() error { write(t, more, "more"); return nil }},
		{"renamed", func() error { return os.Rename(more, filepath.Join(runner.Libraries, "libother.so")) }},
	} {
		name, before := change.name, compiled
		if err := change.make(); err != nil {
			t.Fatal(err)
		}
		if c := s.Guess(module, runner); c != nil {
			t.Errorf("%s: a guess of what the libraries that were there have compiled", name)
			c.Close()
		}
		if get(); compiled != before+1 {
			t.Errorf("%s: compiled %d times", name, compiled-before)
		}
	}
	runner.Libraries = filepath.Join(t.TempDir(), "missing")
	if _, err := s.Get(t.Context(), module, runner, echo); !os.IsNotExist(err) {
		t.Errorf("without its libraries: %v", err)
	}
}
