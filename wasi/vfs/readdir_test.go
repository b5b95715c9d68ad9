//go:build linux

package vfs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

func TestReadDir(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		fs, _ := openWorld(t, open)
		all := entries(t, fs.Root())
		if len(all) < 2 || all[0].Name != "." || all[1].Name != ".." {
			t.Fatalf("begins with %+v", all[:min(2, len(all))])
		}
		types := make(map[string]FileType)
		for _, e := range all {
			if _, twice := types[e.Name]; twice {
				t.Errorf("%s is there twice", e.Name)
			}
			types[e.Name] = e.Type
			s, err := fs.Root().Lookup(e.Name, false)
			if e.Name != ".." && (err != nil || s.Ino != e.Ino || s.Type != e.Type) {
				t.Errorf("%+v, but Lookup says %+v, %v", e, s, err)
			}
		}
		for name, want := range map[string]FileType{
			"f": Regular, "d": Directory, "link": Symlink, "fifo": Pipe, "sock": SocketStream, "ro": Directory, "one": Regular, "up": Directory, "syn": Directory, "link2": Directory,
		} {
			if types[name] != want {
				t.Errorf("%s: %v, want %v", name, types[name], want)
			}
		}
		if _, there := types["hid"]; there {
			t.Error("the hidden is listed")
		}
		for dir, want := range map[string][]string{
			"up": nil, "syn": {"thetic"}, "syn/thetic": {"rw"}, "syn/thetic/rw": {"w", "wd"}, "link2": {"rw"}, "ro": {"r", "rd", "rlink"}, "d": {"empty", "f", "sub"},
		} {
			if got := list(t, openDirAt(t, fs.Root(), dir)); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", dir, got, want)
			}
		}
		root, err := fs.Root().Stat()
		if err != nil {
			t.Fatal(err)
		}
		for dir, want := range map[string]string{".": ".", "d": ".", "d/sub": "d", "syn": ".", "syn/thetic/rw": "syn/thetic", "syn/thetic/rw/wd": "syn/thetic/rw", "ro": "."} {
			s, err := fs.Root().Lookup(want, false)
			got := entries(t, openDirAt(t, fs.Root(), dir))[1]
			if got.Ino != s.Ino || got.Ino == 0 || err != nil {
				t.Errorf("%s/..: inode %d, want %d (root %d), %v", dir, got.Ino, s.Ino, root.Ino, err)
			}
		}
	})
}

// However few entries are taken at a time, every name is there exactly once.
func TestReadDirCookies(t *testing.T) {
	const files = 700 // more than one buffer of the kernel's
	host := t.TempDir()
	for i := range files {
		plant(t, host, fmt.Sprintf("file-with-a-name-%04d=", i))
	}
	eachMode(t, func(t *testing.T, open opener) {
		root := open(wasi.Mount{Guest: "/", Host: host}, wasi.Mount{Guest: "/m/n", Host: host}, wasi.Mount{Guest: "/o", Host: host}).Root()
		want := entries(t, root)
		if len(want) != files+4 {
			t.Fatalf("%d entries", len(want))
		}
		for _, step := range []int{1, 2, 3, 7, 100} {
			var got []Entry
			for cookie, more := uint64(0), true; more; {
				more = false
				n := 0
				err := root.ReadDir(cookie, func(e Entry) bool {
					if n == step { // it does not fit: asked for again
						more = true
						return false
					}
					n++
					got, cookie = append(got, e), e.Next
					return true
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("by %d: %d entries, want %d", step, len(got), len(want))
			}
		}
		for _, i := range []int{0, 1, 2, 3, 4, 350, files + 2, 10} { // from anywhere, in any order
			var got []Entry
			if err := root.ReadDir(want[i].Next, func(e Entry) bool { got = append(got, e); return true }); err != nil {
				t.Error(err)
			}
			if !slices.Equal(got, want[i+1:]) {
				t.Errorf("after entry %d: %d entries, want %d", i, len(got), len(want)-i-1)
			}
		}
		err := root.ReadDir(1<<63+100, func(Entry) bool { return true })
		errno(t, "impossible cookie", err, syscall.EINVAL)
	})
}

func TestReadDirMeanwhile(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		host := t.TempDir()
		for i := range 300 {
			plant(t, host, "old"+strconv.Itoa(i)+"=")
		}
		root := open(wasi.Mount{Guest: "/", Host: host}).Root()
		seen := make(map[string]int)
		var cookie uint64
		for i := 0; ; i++ {
			var last Entry
			n := 0
			err := root.ReadDir(cookie, func(e Entry) bool {
				n++
				last = e
				seen[e.Name]++
				return n < 5
			})
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				break
			}
			cookie = last.Next
			// What was seen last goes, and something new comes.
			if last.Name != "." && last.Name != ".." && i < 100 {
				errno(t, "Unlink "+last.Name, root.Unlink(last.Name), 0)
				plant(t, host, "new"+strconv.Itoa(i)+"=")
			}
		}
		for i := range 300 {
			if n := seen["old"+strconv.Itoa(i)]; n != 1 {
				t.Errorf("old%d was seen %d times", i, n)
			}
		}
		for name, n := range seen {
			if n > 1 {
				t.Errorf("%s was seen %d times", name, n)
			}
		}
		errno(t, "ReadDir", root.ReadDir(0, func(e Entry) bool { delete(seen, e.Name); return true }), 0)
		for name := range seen { // what is left was there and is not any more
			if _, err := os.Lstat(filepath.Join(host, name)); err == nil {
				t.Errorf("%s is not seen from the start", name)
			}
		}
	})
}

func TestReadDirRemoved(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		root := open(wasi.Mount{Guest: "/", Host: plant(t, t.TempDir(), "d/")}).Root()
		d := openDirAt(t, root, "d")
		errno(t, "Rmdir", root.Rmdir("d"), 0)
		if got := list(t, d); len(got) != 0 {
			t.Errorf("lists %v", got)
		}
		errno(t, "Mkdir", d.Mkdir("x", 0o777), syscall.ENOENT)
	})
}
