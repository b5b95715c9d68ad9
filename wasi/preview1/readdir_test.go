//go:build linux

package preview1

import (
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

// dirent is one entry that fd_readdir has written in full.
type dirent struct {
	next, ino uint64
	filetype  uint8
	name      string
}

// readdir calls fd_readdir once and returns the whole entries, and how many bytes were used.
func (g *guest) readdir(t *testing.T, fd, cookie uint64, size int) (entries []dirent, used int) {
	t.Helper()
	buf, result := g.room(size+8), g.room(4)
	g.want(success, "fd_readdir", fd, buf, uint64(size), cookie, result)
	used = int(g.u32(result))
	if used > size || string(g.bytes(buf+uint64(size), 8)) != "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa" {
		t.Fatalf("%d bytes used of %d", used, size)
	}
	b := g.bytes(buf, used)
	for len(b) >= 24 {
		n := 24 + int(binary.LittleEndian.Uint32(b[16:]))
		if n > len(b) {
			break
		}
		entries = append(entries, dirent{
			binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]), b[20], string(b[24:n]),
		})
		b = b[n:]
	}
	return entries, used
}

// list reads a whole directory as libraries do: a full buffer means that there is more, and is made larger when not even one
// entry fits.
func (g *guest) list(t *testing.T, fd uint64, size int) []dirent {
	t.Helper()
	var all []dirent
	cookie := uint64(0)
	for calls := 0; ; calls++ {
		if calls > 100000 {
			t.Fatal("no end")
		}
		entries, used := g.readdir(t, fd, cookie, size)
		all = append(all, entries...)
		if used < size {
			return all
		}
		if len(entries) == 0 {
			size++
			continue
		}
		cookie = entries[len(entries)-1].next
	}
}

func manyFiles(t *testing.T, n int) (g *guest, host string, names []string) {
	t.Helper()
	host = t.TempDir()
	names = []string{".", ".."}
	for i := range n {
		name := fmt.Sprintf("%0*d", 1+i%17, i)
		if err := os.WriteFile(filepath.Join(host, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return newGuest(t, &wasi.Config{Mounts: []wasi.Mount{{Guest: "/", Host: host}}}), host, names
}

func sortedNames(entries []dirent) []string {
	var names []string
	for _, e := range entries {
		names = append(names, e.name)
	}
	slices.Sort(names)
	return names
}

func TestReaddirSizes(t *testing.T) {
	g, _, names := manyFiles(t, 60)
	for _, size := range []int{1, 2, 23, 24, 25, 26, 31, 32, 33, 48, 49, 50, 51, 52, 64, 100, 255, 256, 1000, 4096, 1 << 16} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			if got := sortedNames(g.list(t, root, size)); !slices.Equal(got, names) {
				t.Errorf("%q, want %q", got, names)
			}
		})
	}
	t.Run("nothing", func(t *testing.T) {
		if entries, used := g.readdir(t, root, 0, 0); used != 0 || entries != nil {
			t.Errorf("%v, %d bytes", entries, used)
		}
	})
	t.Run("exactly", func(t *testing.T) { // a buffer that is full to the last byte says nothing of the end
		g, _, _ := manyFiles(t, 0)
		size := 2*24 + len("...")
		entries, used := g.readdir(t, root, 0, size)
		if len(entries) != 2 || used != size {
			t.Fatalf("%v, %d bytes", entries, used)
		}
		if entries, used := g.readdir(t, root, entries[1].next, size); len(entries) != 0 || used != 0 {
			t.Errorf("behind the end: %v, %d bytes", entries, used)
		}
	})
}

func TestReaddirEntries(t *testing.T) {
	g, _ := world(t)
	p, n := g.put("dir/inner")
	dir := g.open("dir", opening{base: dirRights, inheriting: all})
	self, _ := g.filestat("fd_filestat_get", dir)
	parent, _ := g.filestat("fd_filestat_get", root)
	inner, _ := g.filestat("path_filestat_get", root, 0, p, n)
	want := []dirent{{0, self.ino, 3, "."}, {0, parent.ino, 3, ".."}, {0, inner.ino, 4, "inner"}}
	got := g.list(t, dir, 4096)
	for i := range got {
		got[i].next = 0
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	types := make(map[string]uint8)
	for _, e := range g.list(t, root, 4096) {
		types[e.name] = e.filetype
	}
	wantTypes := map[string]uint8{
		".": 3, "..": 3, "file": 4, "dir": 3, "link": 7, "loop": 7, "dangling": 7, "dirlink": 7, "locked": 3,
	}
	if !maps.Equal(types, wantTypes) {
		t.Errorf("%v, want %v", types, wantTypes)
	}
}

// TestReaddirCookies: reading goes on behind each entry, in whatever order cookies are given, from every descriptor.
func TestReaddirCookies(t *testing.T) {
	g, _, _ := manyFiles(t, 30)
	entries := g.list(t, root, 4096)
	for i := len(entries) - 1; i >= 0; i-- {
		rest, _ := g.readdir(t, root, entries[i].next, 4096)
		if got, want := sortedNames(rest), sortedNames(entries[i+1:]); !slices.Equal(got, want) {
			t.Errorf("behind %q: %q, want %q", entries[i].name, got, want)
		}
	}
	for _, cookie := range []uint64{1<<63 + 100, 1<<64 - 1} {
		buf, result := g.room(64), g.room(4)
		g.want(einval, "fd_readdir", root, buf, 64, cookie, result)
	}
}

// TestReaddirDuringChanges: what stays is seen once, whatever comes and goes between the calls.
func TestReaddirDuringChanges(t *testing.T) {
	g, host, _ := manyFiles(t, 0)
	var stay []string
	for i := range 300 {
		name := fmt.Sprintf("stay-%d", i)
		stay = append(stay, name)
		for _, name := range []string{name, fmt.Sprintf("go-%d", i)} {
			if err := os.WriteFile(filepath.Join(host, name), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	seen := make(map[string]int)
	cookie := uint64(0)
	for i := 0; ; i++ {
		entries, used := g.readdir(t, root, cookie, 128)
		for _, e := range entries {
			seen[e.name]++
		}
		if used < 128 {
			break
		}
		cookie = entries[len(entries)-1].next
		if i < 300 {
			if err := os.Remove(filepath.Join(host, fmt.Sprintf("go-%d", i))); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(host, fmt.Sprintf("come-%d", i)), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range stay {
		if seen[name] != 1 {
			t.Errorf("%s was seen %d times", name, seen[name])
		}
	}
	for name, n := range seen {
		if n != 1 {
			t.Errorf("%s was seen %d times", name, n)
		}
	}
}
