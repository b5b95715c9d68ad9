//go:build linux

package vfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

// opener makes an FS in one mode, closed when the test ends.
type opener func(mounts ...wasi.Mount) *FS

// eachMode runs f with openat2 and without, with /proc and without.
func eachMode(t *testing.T, f func(t *testing.T, open opener)) {
	t.Helper()
	for _, use := range []shortcuts{{true, true}, {true, false}, {false, true}, {false, false}} {
		t.Run(fmt.Sprintf("openat2=%v,proc=%v", use.openat2, use.proc), func(t *testing.T) {
			f(t, func(mounts ...wasi.Mount) *FS {
				t.Helper()
				fs, err := newFS(mounts, use)
				if err != nil {
					t.Fatal(err)
				}
				if fs.procfs() != nil && !use.proc {
					t.Fatal("the mode does not hold")
				}
				t.Cleanup(func() { fs.Close() })
				return fs
			})
		})
	}
}

// plant makes what spec lists below dir: "name/" a directory, "name=content" a file, "name->target" a link, each with the
// directories above it.
func plant(t *testing.T, dir string, spec ...string) string {
	t.Helper()
	for _, s := range spec {
		var err error
		switch {
		case strings.HasSuffix(s, "/") && !strings.ContainsAny(s, "=>"):
			err = os.MkdirAll(filepath.Join(dir, s), 0o755)
		case strings.Contains(s, "->"):
			name, target, _ := strings.Cut(s, "->")
			if err = os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err == nil {
				err = os.Symlink(target, filepath.Join(dir, name))
			}
		default:
			name, content, _ := strings.Cut(s, "=")
			if err = os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err == nil {
				err = os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// errno fails unless err is want, which is 0 for nil, and plain.
func errno(t *testing.T, what string, err error, want syscall.Errno) {
	t.Helper()
	if err == nil && want == 0 {
		return
	}
	got, ok := err.(syscall.Errno)
	if err != nil && !ok {
		t.Errorf("%s: %v (%T) is no plain errno", what, err, err)
	} else if got != want {
		t.Errorf("%s: %v, want %v", what, err, error(want))
	}
}

// content reads what has that path, through links.
func content(d *Dir, path string) (string, error) {
	n, err := d.Open(path, OpenOptions{Follow: true, Read: true})
	if err != nil {
		return "", err
	}
	defer n.Close()
	f, ok := n.(*File)
	if !ok {
		return "", syscall.EISDIR
	}
	b := make([]byte, 4096)
	k, err := f.Read(b)
	return string(b[:k]), err
}

// list returns the names in d in order, without "." and "..".
func list(t *testing.T, d *Dir) []string {
	t.Helper()
	var all []string
	err := d.ReadDir(0, func(e Entry) bool {
		if e.Name != "." && e.Name != ".." {
			all = append(all, e.Name)
		}
		return true
	})
	if err != nil {
		t.Errorf("ReadDir: %v", err)
	}
	slices.Sort(all)
	return all
}

// openDirAt opens a directory of the guest's.
func openDirAt(t *testing.T, d *Dir, path string) *Dir {
	t.Helper()
	n, err := d.Open(path, OpenOptions{Directory: true, Follow: true, Read: true})
	if err != nil {
		t.Fatalf("Open %s: %v", path, err)
	}
	return n.(*Dir)
}

// openFileAt opens a file of the guest's.
func openFileAt(t *testing.T, d *Dir, path string, o OpenOptions) *File {
	t.Helper()
	n, err := d.Open(path, o)
	if err != nil {
		t.Fatalf("Open %s: %v", path, err)
	}
	f, ok := n.(*File)
	if !ok {
		t.Fatalf("Open %s: %T", path, n)
	}
	return f
}

func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func fieldOf(err error) string {
	var f *wasi.FieldError
	if errors.As(err, &f) {
		return f.Field
	}
	return ""
}
