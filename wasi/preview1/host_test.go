//go:build linux

package preview1

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

func TestNewErrors(t *testing.T) {
	closed, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	directory, err := os.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer directory.Close()
	for _, c := range []struct {
		name  string
		cfg   wasi.Config
		field string
		text  string
	}{
		{"mount of nothing", wasi.Config{Mounts: []wasi.Mount{{Guest: "/", Host: "/nonexistent/x"}}}, "Mounts[0].Host", "no such file"},
		{"closed stdin", wasi.Config{Stdin: closed}, "Stdin", os.DevNull},
		{"closed stdout", wasi.Config{Stdout: closed}, "Stdout", os.DevNull},
		{"closed stderr", wasi.Config{Stderr: closed}, "Stderr", os.DevNull},
		{"nil *os.File", wasi.Config{Stdin: (*os.File)(nil)}, "Stdin", "invalid"},
		{"directory as stdin", wasi.Config{Stdin: directory}, "Stdin", "is a directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := New(t.Context(), &c.cfg)
			if err == nil {
				h.Close()
				t.Fatal("no error")
			}
			var field *wasi.FieldError
			if !errors.As(err, &field) || field.Field != c.field || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%v; want a FieldError of %s with %q", err, c.field, c.text)
			}
		})
	}
}

// descriptorsOfProcess lists what this process has open.
func descriptorsOfProcess(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var open []string
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && !strings.Contains(target, "/proc/") && !strings.Contains(target, "anon_inode:[event") { // Go's own
			open = append(open, e.Name()+" "+target)
		}
	}
	slices.Sort(open)
	return open
}

// TestNothingStaysOpen: Close gives everything back that New and the guest opened, and nothing that is the caller's.
func TestNothingStaysOpen(t *testing.T) {
	dir := t.TempDir()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	before := descriptorsOfProcess(t)
	for range 3 {
		h, err := New(t.Context(), &wasi.Config{Stdin: r, Stdout: w, Mounts: []wasi.Mount{{Guest: "/", Host: dir}}})
		if err != nil {
			t.Fatal(err)
		}
		g := &guest{t: t, h: h, mem: make([]byte, 1<<16)}
		g.open("a", opening{oflags: openCreate, base: fileRights})
		g.open(".", opening{base: dirRights})
		g.want(success, "fd_readdir", 3, g.room(256), 256, 0, g.room(4))
		g.want(success, "fd_close", 1)
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if err := h.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	}
	if _, err := New(t.Context(), &wasi.Config{Mounts: []wasi.Mount{{Guest: "/", Host: dir}, {Guest: "/x", Host: filepath.Join(dir, "none")}}}); err == nil {
		t.Error("a mount of nothing is no error")
	}
	if after := descriptorsOfProcess(t); !slices.Equal(before, after) {
		t.Errorf("open before: %q\nafter: %q", before, after)
	}
	if _, err := w.WriteString("x"); err != nil {
		t.Errorf("the caller's pipe: %v", err)
	}
}
