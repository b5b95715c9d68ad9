//go:build unix

package cache

import (
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// entryOf puts content into a new cache and gets it.
func entryOf(t *testing.T, content string) (*Dir, Key, *Entry) {
	t.Helper()
	d, err := Open(filepath.Join(t.TempDir(), "cache"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	k := Key{Module: sha256.Sum256([]byte(content)), Engine: "mine", CPU: CPU()}
	if err := d.Put(k, "label", strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	e, err := d.Get(k)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.File.Close() })
	return d, k, e
}

func TestExport(t *testing.T) {
	for _, c := range []struct {
		name   string
		before func(t *testing.T, d *Dir, e *Entry) // between Get and Export
		linked bool
	}{
		{"linked", nil, true},
		{"private, so copied", func(t *testing.T, d *Dir, e *Entry) {
			if err := os.Chmod(d.Path(e), 0o600); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"replaced since it was verified", func(t *testing.T, d *Dir, e *Entry) {
			if err := os.Rename(d.Path(e), d.Path(e)+"-old"); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(d.Path(e), []byte("evil"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(d.Path(e), 0o644); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"removed since it was verified", func(t *testing.T, d *Dir, e *Entry) {
			if err := os.Remove(d.Path(e)); err != nil {
				t.Fatal(err)
			}
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, k, e := entryOf(t, "code")
			if c.before != nil {
				c.before(t, d, e)
			}
			dir := t.TempDir()
			defer syscall.Umask(syscall.Umask(0o077)) // no test of this package runs beside another
			if err := d.Export(k, e, dir, filepath.Join("deep", "down")); err != nil {
				t.Fatal(err)
			}
			x, err := OpenExported(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer x.Close()
			got, err := x.Get(k)
			if err != nil {
				t.Fatal(err)
			}
			defer got.File.Close()
			if content, err := io.ReadAll(got.File); string(content) != "code" || err != nil {
				t.Errorf("got %q, %v", content, err)
			}
			if got.Label != filepath.Join("deep", "down") || x.Path(got) != got.File.Name() {
				t.Errorf("it is at %s, with the label %s", x.Path(got), got.Label)
			}
			for path, want := range map[string]fs.FileMode{x.Path(got): 0o644, filepath.Dir(x.Path(got)): fs.ModeDir | 0o755, filepath.Join(dir, k.String()): fs.ModeDir | 0o755} {
				if st, err := os.Stat(path); err != nil || st.Mode() != want {
					t.Errorf("%s has the mode %v, %v; want %v", path, st.Mode(), err, want)
				}
			}
			mine, err := e.File.Stat()
			if err != nil {
				t.Fatal(err)
			}
			if there, err := got.File.Stat(); err != nil || os.SameFile(mine, there) != c.linked {
				t.Errorf("a second name of the entry: %v, %v; want %v", !c.linked, err, c.linked)
			}
		})
	}
}

func TestExportRefused(t *testing.T) {
	d, k, e := entryOf(t, "code")
	dir := t.TempDir()
	if err := d.Export(k, e, filepath.Join(dir, "missing"), "code"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	if err := d.Export(k, e, dir, strings.Repeat("long", 100)); err == nil {
		t.Error("a name that no file may have is no error")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	if err := d.Export(k, e, dir, "code"); err != nil {
		t.Fatal(err)
	}
	if err := d.Export(k, e, dir, "code"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("exported already: %v", err)
	}
	x, err := OpenExported(dir)
	if err != nil {
		t.Fatal(err)
	}
	other := k
	other.Config = "other"
	if _, err := x.Get(other); !errors.Is(err, ErrMiss) {
		t.Errorf("another key: %v, want ErrMiss", err)
	}
	if err := x.Put(k, "", strings.NewReader("code")); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("put: %v, want fs.ErrPermission", err)
	}
	if err := os.WriteFile(filepath.Join(dir, k.String(), "more"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Get(k); err == nil || errors.Is(err, ErrMiss) {
		t.Errorf("a second file beside the code: %v", err)
	}
	if _, err := OpenExported(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open what is not there: %v", err)
	}
}
