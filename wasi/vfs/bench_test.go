//go:build linux

package vfs

import (
	"fmt"
	"os"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

// BenchmarkPaths compares the confined walk with what os.Root does for the same paths, which is confined too but knows one
// directory and no mounts.
func BenchmarkPaths(b *testing.B) {
	dir := b.TempDir()
	if err := os.MkdirAll(dir+"/usr/lib/go/src", 0o755); err != nil {
		b.Fatal(err)
	}
	for i := range 1000 {
		if err := os.WriteFile(fmt.Sprintf("%s/usr/lib/file%d", dir, i), nil, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.WriteFile(dir+"/usr/lib/go/src/f", nil, 0o644); err != nil {
		b.Fatal(err)
	}
	fs, err := New([]wasi.Mount{{Guest: "/", Host: dir}, {Guest: "/proc", Hidden: true}, {Guest: "/etc/hosts", Host: dir + "/usr/lib/go/src/f"}})
	if err != nil {
		b.Fatal(err)
	}
	defer fs.Close()
	root, err := os.OpenRoot(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer root.Close()
	for _, path := range []string{"usr", "usr/lib/file1", "usr/lib/go/src/f"} {
		b.Run("stat/"+path+"/vfs", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := fs.Root().Lookup(path, true); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("stat/"+path+"/os", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := root.Stat(path); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("stat/"+path+"/unconfined", func(b *testing.B) {
			for b.Loop() {
				if _, err := os.Stat(dir + "/" + path); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("open/"+path+"/vfs", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n, err := fs.Root().Open(path, OpenOptions{Read: true, Follow: true})
				if err != nil {
					b.Fatal(err)
				}
				n.Close()
			}
		})
		b.Run("open/"+path+"/os", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f, err := root.Open(path)
				if err != nil {
					b.Fatal(err)
				}
				f.Close()
			}
		})
		b.Run("open/"+path+"/unconfined", func(b *testing.B) {
			for b.Loop() {
				f, err := os.Open(dir + "/" + path)
				if err != nil {
					b.Fatal(err)
				}
				f.Close()
			}
		})
	}
	b.Run("readdir/vfs", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n, err := fs.Root().Open("usr/lib", OpenOptions{Read: true})
			if err != nil {
				b.Fatal(err)
			}
			k := 0
			if err := n.(*Dir).ReadDir(0, func(Entry) bool { k++; return true }); err != nil || k < 1000 {
				b.Fatal(k, err)
			}
			n.Close()
		}
	})
	b.Run("readdir/os", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f, err := root.Open("usr/lib")
			if err != nil {
				b.Fatal(err)
			}
			if all, err := f.ReadDir(-1); err != nil || len(all) < 1000 {
				b.Fatal(err)
			}
			f.Close()
		}
	})
}

// BenchmarkNew is what every run pays before its guest begins.
func BenchmarkNew(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		fs, err := New([]wasi.Mount{{Guest: "/", Host: dir}})
		if err != nil {
			b.Fatal(err)
		}
		fs.Close()
	}
}

// BenchmarkTmpfs writes and reads 64 KiB.
func BenchmarkTmpfs(b *testing.B) {
	root := inMemory(b, 0)
	n, err := root.Open("f", OpenOptions{Create: true, Read: true, Write: true, Perm: 0o600})
	if err != nil {
		b.Fatal(err)
	}
	f, block := n.(*File), make([]byte, 64<<10)
	for _, name := range []string{"write", "read"} {
		do := map[string]func([]byte, int64) (int, error){"write": f.WriteAt, "read": f.ReadAt}[name]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(block)))
			for b.Loop() {
				if k, err := do(block, 0); k != len(block) || err != nil {
					b.Fatal(k, err)
				}
			}
		})
	}
}
