package cache

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func key(s string) Key {
	return Key{Module: sha256.Sum256([]byte(s)), Engine: "e", Version: "1", Config: "c", CPU: "p"}
}

func open(t *testing.T, path string) *Dir {
	t.Helper()
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func content(t *testing.T, d *Dir, k Key) string {
	t.Helper()
	e, err := d.Get(k)
	if err != nil {
		t.Fatal(err)
	}
	defer e.File.Close()
	b, err := io.ReadAll(e.File)
	if err != nil {
		t.Fatal(err)
	}
	return e.Label + ":" + string(b)
}

// file returns the path of the only entry of k.
func file(t *testing.T, dir string, k Key) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, k.String(), "*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("entries of the key: %v, %v; want one", found, err)
	}
	return found[0]
}

func TestPutAndGet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	d := open(t, path)
	if _, err := d.Get(key("x")); !errors.Is(err, ErrMiss) {
		t.Errorf("Get of nothing: %v, want ErrMiss", err)
	}
	for _, put := range []struct{ label, content string }{{"name", "first"}, {"", "second"}, {"", "second"}, {"l", ""}} {
		if err := d.Put(key("x"), put.label, strings.NewReader(put.content)); err != nil {
			t.Fatal(err)
		}
		if got, want := content(t, d, key("x")), put.label+":"+put.content; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := content(t, open(t, path), key("x")); got != "l:" {
		t.Errorf("another opening sees %q", got)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("made with mode %v, %v; want 0700", st.Mode(), err)
	}
}

func TestDamaged(t *testing.T) {
	for _, tt := range []struct {
		name   string
		damage func(path string) error
		reason string
	}{
		{"flipped bit", func(p string) error { return os.WriteFile(p, []byte("cOde"), 0o600) }, "does not match"},
		{"cut off", func(p string) error { return os.Truncate(p, 2) }, "does not match"},
		{"longer", func(p string) error { return os.WriteFile(p, []byte("code and more"), 0o600) }, "does not match"},
		{"writable by all", func(p string) error { return os.Chmod(p, 0o602) }, "others may write"},
		{"a directory", func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o700)) }, "no regular file"},
		{"a directory with something in it", func(p string) error {
			return errors.Join(os.Remove(p), os.MkdirAll(filepath.Join(p, "below"), 0o700))
		}, "no regular file"},
		{"a link", func(p string) error { return errors.Join(os.Remove(p), os.Symlink("nowhere", p)) }, "no regular file"},
		{"a FIFO", func(p string) error { return errors.Join(os.Remove(p), fifo(p)) }, "no regular file"},
		{"a file for its folder", func(p string) error {
			return errors.Join(os.RemoveAll(filepath.Dir(p)), os.WriteFile(filepath.Dir(p), nil, 0o600))
		}, "no directory"},
		{"a link for its folder", func(p string) error {
			return errors.Join(os.RemoveAll(filepath.Dir(p)), os.Symlink(".", filepath.Dir(p)))
		}, "no directory"},
		{"a FIFO for its folder", func(p string) error {
			return errors.Join(os.RemoveAll(filepath.Dir(p)), fifo(filepath.Dir(p)))
		}, "no directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := t.TempDir()
			d := open(t, path)
			if err := d.Put(key("x"), "", strings.NewReader("code")); err != nil {
				t.Fatal(err)
			}
			if err := tt.damage(file(t, path, key("x"))); err != nil {
				t.Fatal(err)
			}
			_, err := d.Get(key("x"))
			var damaged *DamagedError
			if !errors.As(err, &damaged) || !strings.Contains(damaged.Reason, tt.reason) || damaged.Key != key("x") {
				t.Fatalf("Get: %v, want a DamagedError with %q", err, tt.reason)
			}
			if _, err := d.Get(key("x")); !errors.Is(err, ErrMiss) {
				t.Errorf("Get again: %v, want ErrMiss: what is damaged is removed", err)
			}
			if err := d.Put(key("x"), "", strings.NewReader("code")); err != nil || content(t, d, key("x")) != ":code" {
				t.Errorf("Put after damage: %v", err)
			}
		})
	}
}

// A link in the place of an entry leads nowhere, even to the right content.
func TestEntryIsNoWayOut(t *testing.T) {
	path, outside := t.TempDir(), filepath.Join(t.TempDir(), "code")
	d := open(t, path)
	if err := d.Put(key("x"), "", strings.NewReader("code")); err != nil {
		t.Fatal(err)
	}
	entry := file(t, path, key("x"))
	if err := errors.Join(os.Rename(entry, outside), os.Symlink(outside, entry)); err != nil {
		t.Fatal(err)
	}
	if e, err := d.Get(key("x")); err == nil {
		e.File.Close()
		t.Error("Get followed a link out of the directory")
	}
}

func TestUntrusted(t *testing.T) {
	for _, tt := range []struct {
		name  string
		setup func(t *testing.T, top string) (cache string)
		ok    bool
	}{
		{name: "writable by others", setup: func(t *testing.T, top string) string { return dir(t, top, "c", 0o707) }},
		{name: "writable by the group", setup: func(t *testing.T, top string) string { return dir(t, top, "c", 0o770) }},
		{name: "sticky is not enough", setup: func(t *testing.T, top string) string { return dir(t, top, "c", 0o777|os.ModeSticky) }},
		{name: "parent writable by others", setup: func(t *testing.T, top string) string { return dir(t, dir(t, top, "p", 0o777), "c", 0o700) }},
		{name: "parent sticky", ok: true, setup: func(t *testing.T, top string) string {
			return dir(t, dir(t, top, "p", 0o777|os.ModeSticky), "c", 0o700)
		}},
		{name: "behind a link into another's", setup: func(t *testing.T, top string) string {
			link := filepath.Join(top, "link")
			if err := os.Symlink(dir(t, top, "c", 0o707), link); err != nil {
				t.Fatal(err)
			}
			return link
		}},
		{name: "readable by others", ok: true, setup: func(t *testing.T, top string) string { return dir(t, top, "c", 0o755) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Open(tt.setup(t, t.TempDir()))
			if err == nil {
				d.Close()
			}
			var untrusted *UntrustedError
			if tt.ok != (err == nil) || !tt.ok && !errors.As(err, &untrusted) {
				t.Errorf("Open: %v, want ok %t", err, tt.ok)
			}
		})
	}
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); err == nil {
		t.Error("Open of a file succeeded")
	}
}

// Nothing is made where it could not be used.
func TestUntrustedStaysAsItIs(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"writable by others":     func(path string) error { return os.Chmod(path, 0o777) },
		"belongs to another":     foreign,
		"below another's folder": func(path string) error { return errors.Join(os.Mkdir(filepath.Join(path, "a"), 0o700), foreign(path)) },
	} {
		t.Run(name, func(t *testing.T) {
			home := dir(t, t.TempDir(), "home", 0o755)
			if err := spoil(home); err != nil {
				t.Fatal(err)
			}
			before := tree(t, home)
			d, err := Open(filepath.Join(home, "a", "b", "c"))
			if err == nil {
				d.Close()
			}
			var untrusted *UntrustedError
			if !errors.As(err, &untrusted) || untrusted.Path != home {
				t.Errorf("Open: %v, want an UntrustedError about %s", err, home)
			}
			if after := tree(t, home); !slices.Equal(after, before) {
				t.Errorf("%v became %v", before, after)
			}
		})
	}
}

// tree is every path at and below top.
func tree(t *testing.T, top string) (paths []string) {
	t.Helper()
	if err := filepath.WalkDir(top, func(path string, _ fs.DirEntry, err error) error {
		paths = append(paths, path)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return paths
}

func dir(t *testing.T, parent, name string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(parent, name)
	if err := errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestScratchAndLink(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	if err := d.Put(key("x"), "label", strings.NewReader("code")); err != nil {
		t.Fatal(err)
	}
	scratch, remove, err := d.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	e, err := d.Get(key("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer e.File.Close()
	if err := d.Link(e, filepath.Join(scratch, e.Label)); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(scratch, "label")); err != nil || string(b) != "code" {
		t.Errorf("linked: %q, %v", b, err)
	}
	if err := d.Put(key("x"), "label", strings.NewReader("other")); err != nil {
		t.Fatal(err)
	}
	if err := d.Link(e, filepath.Join(scratch, "late")); err == nil {
		t.Error("Link of an entry that was replaced since it was verified succeeded")
	}
	if err := d.Link(e, filepath.Join(t.TempDir(), "out")); err == nil {
		t.Error("Link out of the cache succeeded")
	}
	remove()
	if left, _ := filepath.Glob(filepath.Join(path, tempPrefix+"*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestSweep(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	scratch, _, err := d.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	fresh, _, err := d.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * tempAge)
	if err := os.Chtimes(scratch, old, old); err != nil {
		t.Fatal(err)
	}
	open(t, path)
	if _, err := os.Stat(scratch); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a dead process left is still there: %v", err)
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Errorf("what a live process uses is gone: %v", err)
	}
}

type failing struct{ r io.Reader }

func (f failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err == io.EOF {
		err = errors.New("disk on fire")
	}
	return n, err
}

func TestPutFails(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	if err := d.Put(key("x"), "", failing{strings.NewReader("half")}); err == nil {
		t.Fatal("Put succeeded")
	}
	if left, _ := os.ReadDir(path); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Readers see one whole content or another, or nothing, while writers replace it.
func TestConcurrent(t *testing.T) {
	path := t.TempDir()
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			d, err := Open(path)
			if err != nil {
				t.Error(err)
				return
			}
			defer d.Close()
			for i := range 20 {
				if w%2 == 0 {
					c := bytes.Repeat([]byte(fmt.Sprint(w, i)), 10_000)
					if err := d.Put(key("x"), "", bytes.NewReader(c)); err != nil {
						t.Error(err)
					}
				} else if e, err := d.Get(key("x")); err == nil {
					e.File.Close()
				} else if !errors.Is(err, ErrMiss) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestKey(t *testing.T) {
	base := key("x")
	seen := map[string]string{base.String(): "base"}
	for name, k := range map[string]Key{
		"module":  {Module: key("y").Module, Engine: "e", Version: "1", Config: "c", CPU: "p"},
		"engine":  {Module: base.Module, Engine: "f", Version: "1", Config: "c", CPU: "p"},
		"version": {Module: base.Module, Engine: "e", Version: "2", Config: "c", CPU: "p"},
		"config":  {Module: base.Module, Engine: "e", Version: "1", Config: "d", CPU: "p"},
		"cpu":     {Module: base.Module, Engine: "e", Version: "1", Config: "c", CPU: "q"},
		"shifted": {Module: base.Module, Engine: "e1", Version: "", Config: "c", CPU: "p"},
	} {
		if other, dup := seen[k.String()]; dup {
			t.Errorf("%s has the key of %s", name, other)
		}
		seen[k.String()] = name
	}
	if len(base.String()) != 64 || !strings.Contains(CPU(), " ") {
		t.Errorf("key %q, processor %q", base, CPU())
	}
}
