package vfs

import (
	"errors"
	"runtime"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

// Everywhere: no mounts work, and where mounts do not, all of them are refused.
func TestUnsupported(t *testing.T) {
	fs, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := fs.Root().ReadDir(0, func(e Entry) bool { return e.Name == "." || e.Name == ".." }); err != nil {
		t.Error(err)
	}
	fs.Close()
	for _, m := range []wasi.Mount{{Guest: "/hidden", Hidden: true}, {Guest: "/tmp", Tmpfs: &wasi.Tmpfs{}}} {
		fs, err = New([]wasi.Mount{m})
		if runtime.GOOS == "linux" {
			if err != nil {
				t.Fatal(err)
			}
			fs.Close()
		} else if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%+v: %v", m, err)
		}
	}
}
