//go:build linux

package prepared

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/engine"
)

// opened returns a store, a module in a file that is open, and a runner.
func opened(t *testing.T) (s *Store, module *os.File, runner Runner) {
	t.Helper()
	dir := t.TempDir()
	s, err := Open(filepath.Join(dir, "cache"), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "module")
	write(t, name, "first")
	if module, err = os.Open(name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { module.Close() })
	runner = Runner{Path: filepath.Join(dir, "runner")}
	write(t, runner.Path, "runner")
	return s, module, runner
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// echo compiles a module into a file with its text.
func echo(_ context.Context, module *os.File, dir string) error {
	text, err := io.ReadAll(module)
	return errors.Join(err, os.MkdirAll(filepath.Join(dir, "code", "key"), 0o700), os.WriteFile(filepath.Join(dir, "code", "key", "compiled"), text, 0o600))
}

// left is what a store has in "code" besides entries.
func left(t *testing.T, s *Store) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.dir, "code"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if len(e.Name()) != 32 {
			names = append(names, e.Name())
		}
	}
	return names
}

// TestGet: code is compiled once, for the module that was asked for, and again, with a reason, where it is damaged.
func TestGet(t *testing.T) {
	s, module, runner := opened(t)
	compiled := 0
	get := func() *Code {
		t.Helper()
		c, err := s.Get(t.Context(), module, runner, func(ctx context.Context, m *os.File, dir string) error {
			compiled++
			return echo(ctx, m, dir)
		})
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(c.dir, "key", "compiled"))
		if err != nil || string(text) != "first" {
			t.Fatalf("%q, %v", text, err)
		}
		c.Close()
		return c
	}
	var reasons []error
	s.Damaged = func(reason error) { reasons = append(reasons, reason) }
	c := get()
	if get(); compiled != 1 || len(reasons) > 0 {
		t.Errorf("compiled %d times, %v", compiled, reasons)
	}
	for name, damage := range map[string]func() error{
		"changed":       func() error { return os.WriteFile(filepath.Join(c.dir, "key", "compiled"), []byte("other"), 0o644) },
		"removed":       func() error { return os.Remove(filepath.Join(c.dir, "key", "compiled")) },
		"no list":       func() error { return os.Remove(filepath.Join(c.dir, manifest)) },
		"an empty list": func() error { return os.WriteFile(filepath.Join(c.dir, manifest), []byte("{}"), 0o600) },
		"half a list":   func() error { return os.Truncate(filepath.Join(c.dir, manifest), 5) },
		"a file":        func() error { return errors.Join(os.RemoveAll(c.dir), os.WriteFile(c.dir, nil, 0o600)) },
	} {
		before := compiled
		reasons = nil
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		if get(); compiled != before+1 {
			t.Errorf("%s: compiled %d times", name, compiled-before)
		}
		if len(reasons) != 1 {
			t.Errorf("%s: reasons %v", name, reasons)
		}
	}
	if names := left(t, s); len(names) > 0 {
		t.Errorf("left: %q", names)
	}
}

// TestGetEnded: a command that is ended while it looks at code leaves it as it is.
func TestGetEnded(t *testing.T) {
	s, module, runner := opened(t)
	c, err := s.Get(t.Context(), module, runner, echo)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.get(ctx, c.Name, module, runner, echo); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(c.dir, manifest)); err != nil {
		t.Errorf("it is gone: %v", err)
	}
}

// TestChangedModule: a module that is written to meanwhile gets no code under the name of what it was.
func TestChangedModule(t *testing.T) {
	t.Run("while it is compiled", func(t *testing.T) {
		s, module, runner := opened(t)
		c, err := s.Get(t.Context(), module, runner, func(ctx context.Context, m *os.File, dir string) error {
			write(t, module.Name(), "other")
			return echo(ctx, m, dir)
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if text, err := os.ReadFile(filepath.Join(c.dir, "key", "compiled")); string(text) != "first" {
			t.Errorf("compiled %q, %v", text, err)
		}
	})
	t.Run("before", func(t *testing.T) {
		s, module, runner := opened(t)
		sum, err := digest(module)
		if err != nil {
			t.Fatal(err)
		}
		name, err := key(sum, runner)
		if err != nil {
			t.Fatal(err)
		}
		write(t, module.Name(), "other")
		if _, err := s.make(t.Context(), name, module, runner, echo); err == nil || !strings.Contains(err.Error(), "is being written to") {
			t.Errorf("%v", err)
		}
		if names := left(t, s); len(names) > 0 {
			t.Errorf("left: %q", names)
		}
	})
	t.Run("too large", func(t *testing.T) {
		s, module, runner := opened(t)
		if err := os.Truncate(module.Name(), 1<<40); err != nil {
			t.Fatal(err)
		}
		var large *engine.TooLargeError
		if _, err := s.Get(t.Context(), module, runner, echo); !errors.As(err, &large) {
			t.Errorf("%v", err)
		}
	})
}

// TestClosed: while code is compiled, another process of the compiler's user cannot come to its directory.
func TestClosed(t *testing.T) {
	s, module, runner := opened(t)
	c, err := s.Get(t.Context(), module, runner, func(ctx context.Context, m *os.File, dir string) error {
		if st, err := os.Stat(filepath.Dir(dir)); err != nil || st.Mode().Perm() != 0o700 || filepath.Dir(dir) == filepath.Join(s.dir, "code") {
			t.Errorf("above %s: %v, %v", dir, st.Mode(), err)
		}
		return echo(ctx, m, dir)
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// TestRecord: only what an engine makes becomes an entry, and a failure leaves nothing.
func TestRecord(t *testing.T) {
	for name, leave := range map[string]func(code string) error{
		"nothing":  func(string) error { return nil },
		"a folder": func(code string) error { return os.Mkdir(filepath.Join(code, "a"), 0o700) },
		"a link": func(code string) error {
			return errors.Join(os.WriteFile(filepath.Join(code, "b"), nil, 0o600), os.Symlink("/etc/passwd", filepath.Join(code, "a")))
		},
		"a list": func(code string) error { return os.WriteFile(filepath.Join(code, manifest), []byte("{}"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			s, module, runner := opened(t)
			_, err := s.Get(t.Context(), module, runner, func(_ context.Context, _ *os.File, dir string) error {
				code := filepath.Join(dir, "code")
				return errors.Join(os.Mkdir(code, 0o700), leave(code))
			})
			if err == nil {
				t.Error("it was taken")
			}
			if entries, _ := os.ReadDir(filepath.Join(s.dir, "code")); len(entries) > 0 {
				t.Errorf("left: %v", entries)
			}
		})
	}
}

// TestLock: one compiles, the others wait, and no lock is left.
func TestLock(t *testing.T) {
	s, module, runner := opened(t)
	compiled := make(chan int, 8)
	errs := make(chan error)
	for range 8 {
		go func() {
			c, err := s.Get(t.Context(), module, runner, func(ctx context.Context, m *os.File, dir string) error {
				compiled <- 1
				time.Sleep(20 * time.Millisecond)
				return echo(ctx, m, dir)
			})
			if err == nil {
				c.Close()
			}
			errs <- err
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if len(compiled) != 1 {
		t.Errorf("compiled %d times", len(compiled))
	}
	if names := left(t, s); len(names) > 0 {
		t.Errorf("left: %q", names)
	}
}

// TestSweep: what a process that was killed has left is removed by the next, but nothing of one that works.
func TestSweep(t *testing.T) {
	s, module, runner := opened(t)
	for _, name := range []string{"dead", "alive"} {
		lock, err := s.lock(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		defer lock.Close()
		if err := os.Mkdir(s.path(tempPrefix+name+"-1"), 0o700); err != nil {
			t.Fatal(err)
		}
		if name == "dead" {
			lock.Close()
		}
	}
	if err := s.Sweep(); err != nil {
		t.Fatal(err)
	}
	if names := left(t, s); !slices.Equal(names, []string{"alive.lock", tempPrefix + "alive-1"}) {
		t.Errorf("left: %q", names)
	}
	sum, err := digest(within(t.Context(), module))
	if err != nil {
		t.Fatal(err)
	}
	name, err := key(sum, runner)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.path(tempPrefix+name+"-1"), 0o700); err != nil {
		t.Fatal(err)
	}
	c, err := s.Get(t.Context(), module, runner, echo)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if names := left(t, s); !slices.Equal(names, []string{"alive.lock", tempPrefix + "alive-1"}) {
		t.Errorf("left: %q", names)
	}
}
