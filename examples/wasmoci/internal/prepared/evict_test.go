//go:build linux

package prepared

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMain is also another process with the store that its first argument names: one that holds the code of a module, or one that makes
// more and more.
func TestMain(m *testing.M) {
	if os.Args[0] != "another" {
		os.Exit(m.Run())
	}
	s, err := Open(os.Args[1], small)
	if err == nil {
		for _, text := range os.Args[3:] {
			var c *Code
			if c, err = get(s, os.Args[2], text); err != nil {
				break
			}
			c.Close()
		}
	}
	fmt.Println(err)
	os.Exit(0)
}

// Each module's code takes a third of what a small store may hold, and a bit.
const (
	codeBytes = 256 << 10
	small     = 3*codeBytes + codeBytes/2
)

// get has the module with this text compiled, in the directory dir, which has a runner.
func get(s *Store, dir, text string) (*Code, error) {
	f, err := os.CreateTemp(dir, "module")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		return nil, err
	}
	return s.Get(context.Background(), f, Runner{Path: filepath.Join(dir, "runner")}, func(_ context.Context, _ *os.File, dir string) error {
		return errors.Join(os.MkdirAll(filepath.Join(dir, "code", "key"), 0o755),
			os.WriteFile(filepath.Join(dir, "code", "key", "compiled"), []byte(text+strings.Repeat("\n", codeBytes-len(text))), 0o644))
	})
}

// TestEvict: what was used least recently makes room, but not what a container uses, or what somebody is about to give to one.
func TestEvict(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "runner"), "runner")
	s, err := Open(filepath.Join(dir, "cache"), small)
	if err != nil {
		t.Fatal(err)
	}
	use := func(text string) *Code {
		t.Helper()
		c, err := get(s, dir, text)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	kept := func(want ...string) {
		t.Helper()
		var got []string
		files, err := filepath.Glob(filepath.Join(s.dir, "code", "*", "key", "compiled"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, strings.TrimSpace(string(text)))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("kept are %q, want %q", got, want)
		}
		if names := left(t, s); len(names) > 0 {
			t.Errorf("left: %q", names)
		}
	}
	for _, text := range []string{"a", "b", "c", "a"} {
		use(text).Close()
	}
	kept("a", "b", "c")
	use("d").Close()
	kept("a", "c", "d")

	container := s.Container("/owner", "id")
	if err := os.MkdirAll(container, 0o755); err != nil {
		t.Fatal(err)
	}
	a := use("a")
	if err := a.Link(container); err != nil {
		t.Fatal(err)
	}
	a.Close()
	held := use("c")
	for _, text := range []string{"e", "f"} {
		use(text).Close()
	}
	kept("a", "c", "f")
	held.Close()
	if err := os.RemoveAll(container); err != nil {
		t.Fatal(err)
	}

	// Other processes make room, too, all at once, and compile again what they need and is gone.
	held = use("f")
	var others []*exec.Cmd
	for i := range 3 {
		other := exec.CommandContext(t.Context(), "/proc/self/exe")
		other.Args = []string{"another", s.dir, dir}
		for j := range 12 {
			other.Args = append(other.Args, fmt.Sprint("g", (i+j)%6))
		}
		other.Stdout = &strings.Builder{}
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		others = append(others, other)
	}
	for _, other := range others {
		if err := other.Wait(); err != nil || fmt.Sprint(other.Stdout) != "<nil>\n" {
			t.Errorf("another process: %v, %s", err, other.Stdout)
		}
	}
	if text, err := os.ReadFile(filepath.Join(held.dir, "key", "compiled")); err != nil || !strings.HasPrefix(string(text), "f") {
		t.Errorf("what was held is gone: %v", err)
	}
	held.Close()
	use("h").Close()
	if bytes, _, err := s.measure(); err != nil || bytes > small {
		t.Errorf("the store has %d bytes, may have %d, %v", bytes, small, err)
	}
}

// TestEvictMade: what was just made is held, before anybody can find it.
func TestEvictMade(t *testing.T) {
	s, module, runner := opened(t)
	sum, err := digest(within(t.Context(), module))
	if err != nil {
		t.Fatal(err)
	}
	name, err := key(sum, runner)
	if err != nil {
		t.Fatal(err)
	}
	held, err := s.make(t.Context(), name, module, runner, echo)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []bool{false, true} {
		if gone, err := s.remove(name); gone != want || err != nil {
			t.Errorf("gone %v, want %v, %v", gone, want, err)
		}
		held.Close()
	}
}

// TestEvictLarge: code that is larger than the store may be is used, and makes room when something else comes.
func TestEvictLarge(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "runner"), "runner")
	s, err := Open(filepath.Join(dir, "cache"), codeBytes/2)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"a", "b"} {
		c, err := get(s, dir, text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(c.dir, "key", "compiled")); err != nil {
			t.Error(err)
		}
		c.Close()
	}
	if _, entries, err := s.measure(); err != nil || len(entries) != 1 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
}
