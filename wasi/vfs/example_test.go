//go:build linux

package vfs_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/wasmoci/wasmoci/wasi"
	"github.com/wasmoci/wasmoci/wasi/vfs"
)

func Example() {
	dir, err := os.MkdirTemp("", "vfs")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "greeting"), []byte("hello"), 0o644); err != nil {
		panic(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "trap")); err != nil {
		panic(err)
	}

	fs, err := vfs.New([]wasi.Mount{{Guest: "/data", Host: dir, ReadOnly: true}})
	if err != nil {
		panic(err)
	}
	defer fs.Close()
	data := fs.Preopens()[0].Dir

	n, err := data.Open("greeting", vfs.OpenOptions{Read: true})
	if err != nil {
		panic(err)
	}
	b := make([]byte, 16)
	k, err := n.(*vfs.File).Read(b)
	fmt.Println(string(b[:k]), err)

	_, err = data.Open("trap", vfs.OpenOptions{Read: true, Follow: true})
	fmt.Println(err, errors.Is(err, syscall.EPERM))
	_, err = data.Open("../etc/passwd", vfs.OpenOptions{Read: true})
	fmt.Println(err)
	fmt.Println(data.Unlink("greeting"))

	// Output:
	// hello <nil>
	// operation not permitted true
	// operation not permitted
	// read-only file system
}

// A tmpfs is a place to write to that takes no more than its size and leaves nothing behind.
func Example_tmpfs() {
	fs, err := vfs.New([]wasi.Mount{{Guest: "/tmp", Tmpfs: &wasi.Tmpfs{SizeBytes: 64 << 10}}})
	if err != nil {
		panic(err)
	}
	defer fs.Close()
	node, err := fs.Root().Open("tmp/scratch", vfs.OpenOptions{Create: true, Write: true, Perm: 0o666})
	if err != nil {
		panic(err)
	}
	file := node.(*vfs.File)
	n, err := file.Write(make([]byte, 1<<20))
	fmt.Println(n, err)
	_, err = file.Write([]byte("more"))
	fmt.Println(err == syscall.ENOSPC)
	// Output:
	// 61440 <nil>
	// true
}
