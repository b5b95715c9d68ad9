package vfs

import (
	"errors"
	"runtime"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

// Everywhere: no mounts work, and what cannot be had is refused.
func TestUnsupported(t *testing.T) {
	fs, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := fs.Root().ReadDir(0, func(e Entry) bool { return e.Name == "." || e.Name == ".." }); err != nil {
		t.Error(err)
	}
	fs.Close()
	_, err = New([]wasi.Mount{{Guest: "/tmp", Tmpfs: &wasi.Tmpfs{}}})
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("tmpfs: %v", err)
	}
	fs, err = New([]wasi.Mount{{Guest: "/hidden", Hidden: true}})
	if runtime.GOOS == "linux" {
		if err != nil {
			t.Fatal(err)
		}
		fs.Close()
	} else if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a mount: %v", err)
	}
}
