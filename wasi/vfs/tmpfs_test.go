//go:build linux

package vfs

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/wasi"
)

// inMemory is the root of a tmpfs at "/".
func inMemory(t testing.TB, size uint64) *Dir {
	t.Helper()
	fs, err := New([]wasi.Mount{{Guest: "/", Tmpfs: &wasi.Tmpfs{SizeBytes: size}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fs.Close() })
	return fs.Root()
}

// makeFile makes a file with that content.
func makeFile(t testing.TB, d *Dir, path, text string) {
	t.Helper()
	n, err := d.Open(path, OpenOptions{Create: true, Write: true, Truncate: true, Perm: 0o666})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if k, err := n.(*File).Write([]byte(text)); k != len(text) || err != nil {
		t.Fatal(k, err)
	}
}

// twin does the same to a directory of the host and to a tmpfs, and compares what comes of it.
type twin struct {
	r    *rand.Rand
	dirs [2]*Dir
	open [2][]*File
}

var twinPaths = []string{
	"a", "b", "c", "a/b", "b/a", "a/b/c", "b/c", "c/a", "a/", "b/", "a/b/", ".", "a/.", "a/..", "a/../b", "a/b/../c", "none/x", "l/a",
	strings.Repeat("n", 255), strings.Repeat("n", 256), "a/" + strings.Repeat("n", 256), "//a", "", "/a", "../a",
}

// step draws one operation and returns what it is and what it gives on the side: the draw is the same for both.
func (w *twin) step() (name string, do func(side int) string) {
	path, other := twinPaths[w.r.IntN(len(twinPaths))], twinPaths[w.r.IntN(len(twinPaths))]
	follow, n := w.r.IntN(2) == 0, w.r.Int64N(3*pageSize)
	switch w.r.IntN(17) {
	case 0, 1:
		return "mkdir " + path, func(i int) string { return fmt.Sprint(w.dirs[i].Mkdir(path, 0o777)) }
	case 2:
		return "rmdir " + path, func(i int) string { return fmt.Sprint(w.dirs[i].Rmdir(path)) }
	case 3:
		return "unlink " + path, func(i int) string { return fmt.Sprint(w.dirs[i].Unlink(path)) }
	case 4, 5:
		return "rename " + path + " " + other, func(i int) string { return fmt.Sprint(w.dirs[i].Rename(path, w.dirs[i], other)) }
	case 6:
		return "link " + path + " " + other, func(i int) string { return fmt.Sprint(w.dirs[i].Link(path, follow, w.dirs[i], other)) }
	case 7:
		return "symlink " + other + " " + path, func(i int) string { return fmt.Sprint(w.dirs[i].Symlink(other, path)) }
	case 8:
		return "readlink " + path, func(i int) string { s, err := w.dirs[i].Readlink(path); return fmt.Sprint(s, err) }
	case 9, 10, 11:
		o := OpenOptions{
			Follow: follow, Create: w.r.IntN(2) == 0, Exclusive: w.r.IntN(4) == 0, Truncate: w.r.IntN(4) == 0, Directory: w.r.IntN(8) == 0,
			Read: w.r.IntN(2) == 0, Write: w.r.IntN(2) == 0, Append: w.r.IntN(4) == 0, Perm: 0o666,
		}
		return fmt.Sprintf("open %s %+v", path, o), func(i int) string {
			n, err := w.dirs[i].Open(path, o)
			if f, ok := n.(*File); ok {
				w.open[i] = append(w.open[i], f)
			} else if n != nil {
				n.Close()
			}
			return fmt.Sprint(n != nil, err)
		}
	case 12:
		ns := w.r.Int64N(1 << 60)
		times := Times{Atim: ns, SetAtim: true, Mtim: ns + 1, SetMtim: true}
		return "times " + path, func(i int) string {
			err := w.dirs[i].SetTimesAt(path, follow, times)
			s, e := w.dirs[i].Lookup(path, follow)
			return fmt.Sprint(err, e, err == nil && (s.Atim != ns || s.Mtim != ns+1))
		}
	}
	if len(w.open[0]) == 0 {
		return "lookup " + path, func(i int) string { return w.describe(i, path, follow) }
	}
	k := w.r.IntN(len(w.open[0]))
	f := func(i int) *File { return w.open[i][k] }
	switch w.r.IntN(9) {
	case 0, 1:
		b := bytes.Repeat([]byte{byte(w.r.IntN(255) + 1)}, int(n))
		return "write", func(i int) string { n, err := f(i).Write(b); return fmt.Sprint(n, err) }
	case 2:
		b := bytes.Repeat([]byte{7}, int(n))
		return "writeAt", func(i int) string { n, err := f(i).WriteAt(b, 2*n-pageSize); return fmt.Sprint(n, err) }
	case 3:
		return "read", func(i int) string {
			b := make([]byte, n)
			k, err := f(i).Read(b)
			return fmt.Sprintf("%d %08x %v", k, crc32.ChecksumIEEE(b[:max(k, 0)]), err)
		}
	case 4:
		return "readAt", func(i int) string {
			b := make([]byte, n)
			k, err := f(i).ReadAt(b, n-pageSize)
			return fmt.Sprintf("%d %08x %v", k, crc32.ChecksumIEEE(b[:max(k, 0)]), err)
		}
	case 5:
		whence := w.r.IntN(4)
		return "seek", func(i int) string { at, err := f(i).Seek(n-pageSize, whence); return fmt.Sprint(at, err) }
	case 6:
		return "size", func(i int) string { return fmt.Sprint(f(i).SetSize(2*n - pageSize)) }
	case 7:
		return "allocate", func(i int) string { return fmt.Sprint(f(i).Allocate(n-pageSize, 3*n-pageSize)) }
	}
	return "close", func(i int) string {
		s, err := f(i).Stat()
		said := fmt.Sprint(s.Size, s.Nlink, s.Type, err, f(i).Close())
		w.open[i] = slices.Delete(w.open[i], k, k+1)
		return said
	}
}

// describe says what can be compared of what has that path.
func (w *twin) describe(i int, path string, follow bool) string {
	s, err := w.dirs[i].Lookup(path, follow)
	if s.Type == Directory { // each file system has its own idea of these
		s.Size, s.Nlink = 0, 0
	}
	return fmt.Sprint(s.Type, s.Size, s.Nlink, err)
}

// tree lists everything below path.
func (w *twin) tree(t *testing.T, i int, path string) (all []string) {
	d := openDirAt(t, w.dirs[i], path)
	defer d.Close()
	for _, name := range list(t, d) {
		p := path + "/" + name
		all = append(all, p+": "+w.describe(i, p, false))
		switch s, _ := w.dirs[i].Lookup(p, false); s.Type {
		case Directory:
			all = append(all, w.tree(t, i, p)...)
		case Regular:
			text, err := content(w.dirs[i], p)
			all = append(all, fmt.Sprintf("%d %08x %v", len(text), crc32.ChecksumIEEE([]byte(text)), err))
		}
	}
	return all
}

// What a guest does gives the same on a tmpfs as on a directory of the host, every errno included.
func TestTmpfsLikeHost(t *testing.T) {
	for seed := range uint64(60) {
		w := twin{r: rand.New(rand.NewPCG(seed, 1))}
		fs, err := New([]wasi.Mount{{Guest: "/", Host: t.TempDir()}})
		if err != nil {
			t.Fatal(err)
		}
		w.dirs = [2]*Dir{fs.Root(), inMemory(t, 0)}
		var history []string
		for range 400 {
			name, do := w.step()
			host, memory := do(0), do(1)
			history = append(history, name+": "+host)
			if host != memory {
				t.Fatalf("seed %d: on the host %.300s, in memory %.300s after\n%s", seed, host, memory, strings.Join(history[max(0, len(history)-12):], "\n"))
			}
		}
		if host, memory := w.tree(t, 0, "."), w.tree(t, 1, "."); !slices.Equal(host, memory) {
			t.Fatalf("seed %d:\n%s\nin memory:\n%s", seed, strings.Join(host, "\n"), strings.Join(memory, "\n"))
		}
		fs.Close()
	}
}

// used is how much of its size the tmpfs of d has used.
func used(d *Dir) int64 {
	fs := d.handle.node.fs
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.used
}

// Everything that was taken is given back, and by nothing else than its end.
func TestTmpfsSize(t *testing.T) {
	const size = 1 << 20
	t.Run("content", func(t *testing.T) {
		d := inMemory(t, size)
		f := openFileAt(t, d, "f", OpenOptions{Create: true, Write: true, Read: true})
		n, err := f.Write(make([]byte, 2*size))
		if want := (size - inodeCost - nameCost - 1) / pageSize * pageSize; n != want || err != nil {
			t.Errorf("wrote %d, want %d: %v", n, want, err)
		}
		_, err = f.Write([]byte("x"))
		errno(t, "full", err, syscall.ENOSPC)
		errno(t, "allocate", f.Allocate(int64(n), 1), syscall.ENOSPC)
		errno(t, "allocate what is there", f.Allocate(0, int64(n)), 0)
		if k, err := f.WriteAt([]byte("y"), 0); k != 1 || err != nil {
			t.Errorf("over what is there: %d, %v", k, err)
		}
		errno(t, "unlink", d.Unlink("f"), 0)
		if got := used(d); got < int64(n) {
			t.Errorf("an open file counts %d", got)
		}
		errno(t, "another file", d.Symlink(strings.Repeat("x", 4095), "l"), syscall.ENOSPC)
		errno(t, "cut", f.SetSize(pageSize+1), 0)
		if got := used(d); got != inodeCost+2*pageSize {
			t.Errorf("two pages count %d", got)
		}
		f.Close()
		if got := used(d); got != 0 {
			t.Errorf("nothing counts %d", got)
		}
	})
	t.Run("sparse", func(t *testing.T) {
		d := inMemory(t, size)
		f := openFileAt(t, d, "f", OpenOptions{Create: true, Write: true, Read: true})
		errno(t, "SetSize", f.SetSize(math.MaxInt64), 0)
		before := used(d)
		if n, err := f.WriteAt([]byte("end"), 1<<62); n != 3 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if got := used(d); got != before+pageSize {
			t.Errorf("three bytes take %d", got-before)
		}
		b := []byte("????????")
		if n, err := f.ReadAt(b, 1<<62-3); n != 8 || err != nil || string(b) != "\x00\x00\x00end\x00\x00" {
			t.Errorf("%q, %v", b[:n], err)
		}
		errno(t, "allocate too much", f.Allocate(0, math.MaxInt64), syscall.ENOSPC)
		errno(t, "allocate beyond", f.Allocate(math.MaxInt64, 1), syscall.EFBIG)
		if n, err := f.WriteAt([]byte("xy"), math.MaxInt64-1); n != 1 || err != nil {
			t.Errorf("at the last byte: %d, %v", n, err)
		}
		_, err := f.WriteAt([]byte("x"), math.MaxInt64)
		errno(t, "beyond", err, syscall.EFBIG)
		errno(t, "cut", f.SetSize(0), 0)
		errno(t, "extend", f.SetSize(8), 0)
		if n, _ := f.ReadAt(b, 0); n != 8 || string(b) != strings.Repeat("\x00", 8) {
			t.Errorf("what was cut off came back: %q", b)
		}
	})
	t.Run("names", func(t *testing.T) {
		d := inMemory(t, size)
		makeFile(t, d, "f", "")
		errno(t, "mkdir", d.Mkdir("d", 0o777), 0)
		before := used(d)
		for range 3 {
			errno(t, "link", d.Link("f", false, d, "d/g"), 0)
			errno(t, "symlink", d.Symlink("target", "l"), 0)
			errno(t, "rename", d.Rename("l", d, "longer"), 0)
			errno(t, "rename over", d.Rename("longer", d, "d/g"), 0)
			errno(t, "unlink", d.Unlink("d/g"), 0)
			errno(t, "mkdir", d.Mkdir("d/e", 0o777), 0)
			errno(t, "rename", d.Rename("d/e", d, "e"), 0)
			errno(t, "rmdir", d.Rmdir("e"), 0)
		}
		if got := used(d); got != before {
			t.Errorf("%d became %d", before, got)
		}
	})
	t.Run("default", func(t *testing.T) {
		d := inMemory(t, 0)
		f := openFileAt(t, d, "f", OpenOptions{Create: true, Write: true, Perm: 0o666})
		errno(t, "all", f.Allocate(0, 64<<20-pageSize), 0)
		errno(t, "more", f.Allocate(0, 64<<20), syscall.ENOSPC)
	})
}

// heap is how much memory is in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Whatever a guest fills a tmpfs with, it takes no more of the host than its size, but for what finding its pages takes.
func TestTmpfsMemory(t *testing.T) {
	const size = 8 << 20
	for name, fill := range map[string]func(d *Dir, i int) error{
		"files": func(d *Dir, i int) error {
			n, err := d.Open(fmt.Sprint(i), OpenOptions{Create: true, Write: true, Perm: 0o666})
			if err == nil {
				n.Close()
			}
			return err
		},
		"directories": func(d *Dir, i int) error { return d.Mkdir(fmt.Sprint(i), 0o777) },
		"full directories": func(d *Dir, i int) error {
			if err := d.Mkdir(fmt.Sprint(i), 0o777); err != nil {
				return err
			}
			return d.Mkdir(fmt.Sprint(i, "/x"), 0o777)
		},
		"links": func(d *Dir, i int) error {
			if i == 0 {
				return d.Symlink("t", "0")
			}
			return d.Link("0", false, d, fmt.Sprint(i))
		},
		"small files": func(d *Dir, i int) error {
			n, err := d.Open(fmt.Sprint(i), OpenOptions{Create: true, Write: true, Perm: 0o666})
			if err != nil {
				return err
			}
			defer n.Close()
			_, err = n.(*File).Write([]byte("x"))
			return err
		},
		"sparse files": func(d *Dir, i int) error {
			n, err := d.Open("f", OpenOptions{Create: true, Write: true, Perm: 0o666})
			if err != nil {
				return err
			}
			defer n.Close()
			_, err = n.(*File).WriteAt([]byte("x"), int64(i)<<40)
			return err
		},
		// Maps do not shrink: what is gone must not stay in them.
		"files come and gone": func(d *Dir, i int) error {
			dir := fmt.Sprint(i)
			if err := d.Mkdir(dir, 0o777); err != nil || i == 24 {
				return syscall.ENOSPC
			}
			for k := range 4000 {
				if err := d.Symlink("x", fmt.Sprint(dir, "/", k)); err != nil {
					return err
				}
			}
			for k := range 4000 {
				if err := d.Unlink(fmt.Sprint(dir, "/", k)); err != nil {
					return err
				}
			}
			return nil
		},
		"content cut off": func(d *Dir, i int) error {
			n, err := d.Open(fmt.Sprint(i), OpenOptions{Create: true, Write: true, Perm: 0o666})
			if err != nil || i == 200 {
				return syscall.ENOSPC
			}
			defer n.Close()
			f := n.(*File)
			for size := int64(1 << 20); size > pageSize; size = size * 2 / 3 {
				if err := f.Allocate(0, size); err != nil {
					return err
				}
				if err := f.SetSize(size / 2); err != nil {
					return err
				}
			}
			return f.SetSize(pageSize)
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := heap()
			d := inMemory(t, size)
			i := 0
			for ; ; i++ {
				if err := fill(d, i); err != nil {
					errno(t, "full", err, syscall.ENOSPC)
					break
				}
				if i > size {
					t.Fatal("no end")
				}
			}
			if took := int64(heap() - before); took > size+size/32 { // pages count for themselves, without where they are noted
				t.Errorf("%d take %d bytes of %d", i, took, size)
			}
			runtime.KeepAlive(d)
		})
	}
}

// Who reads a directory meets every name that stays exactly once, whatever happens to the others.
func TestTmpfsReadDirCookies(t *testing.T) {
	root := inMemory(t, 0)
	const n = 300
	for i := range n {
		makeFile(t, root, fmt.Sprintf("stay%d", i), "")
		makeFile(t, root, fmt.Sprintf("go%d", i), "")
	}
	seen := map[string]int{}
	d := openDirAt(t, root, ".")
	for cookie, i := uint64(0), 0; ; i++ {
		k := 0
		if err := d.ReadDir(cookie, func(e Entry) bool {
			seen[e.Name]++
			cookie = e.Next
			k++
			return k < 7
		}); err != nil {
			t.Fatal(err)
		}
		if k < 7 {
			break
		}
		for j := i * 5; j < min(n, i*5+5); j++ {
			errno(t, "unlink", root.Unlink(fmt.Sprintf("go%d", n-1-j)), 0)
			makeFile(t, root, fmt.Sprintf("new%d", j), "")
			errno(t, "rename", root.Rename(fmt.Sprintf("new%d", j), root, fmt.Sprintf("stay%d", j)), 0)
		}
	}
	for i := range n {
		if k := seen[fmt.Sprintf("stay%d", i)]; k != 1 {
			t.Errorf("stay%d was seen %d times", i, k)
		}
	}
	errno(t, "a negative offset", d.ReadDir(1<<63+5, func(Entry) bool { return true }), syscall.EINVAL)
}

func TestTmpfsOpenFile(t *testing.T) {
	d := inMemory(t, 0)
	f := openFileAt(t, d, "f", OpenOptions{Create: true, Write: true, Read: true})
	if n, err := f.Write([]byte("content")); n != 7 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := f.OSFile(); err != syscall.ENOTSUP {
		t.Errorf("OSFile: %v", err)
	}
	errno(t, "Sync", f.Sync(), 0)
	errno(t, "DataSync", f.DataSync(), 0)
	errno(t, "Advise", f.Advise(0, 0, AdviceWillNeed), 0)
	errno(t, "SetFlags", f.SetFlags(Flags{Append: true}), 0)
	if _, err := f.Seek(0, 0); err != nil {
		t.Error(err)
	}
	if _, err := f.Write([]byte("!")); err != nil {
		t.Error(err)
	}
	errno(t, "unlink", d.Unlink("f"), 0)
	b := make([]byte, 20)
	if n, err := f.ReadAt(b, 0); string(b[:n]) != "content!" || err != nil {
		t.Errorf("%q, %v", b[:n], err)
	}
	if s, err := f.Stat(); s.Nlink != 0 || s.Size != 8 || err != nil {
		t.Errorf("%+v, %v", s, err)
	}
	errno(t, "SetTimes", f.SetTimes(Times{Mtim: 5, SetMtim: true}), 0)
	if s, _ := f.Stat(); s.Mtim != 5 || s.Ctim < time.Now().Add(-time.Minute).UnixNano() {
		t.Errorf("%+v", s)
	}
	e := openDirAt(t, d, ".")
	errno(t, "Sync", e.Sync(), 0)
	errno(t, "mkdir", d.Mkdir("d", 0o777), 0)
	gone := openDirAt(t, d, "d")
	errno(t, "rmdir", d.Rmdir("d"), 0)
	errno(t, "in a removed directory", gone.Mkdir("x", 0o777), syscall.ENOENT)
	errno(t, "rename into it", d.Rename("none", gone, "x"), syscall.ENOENT)
	if got := list(t, gone); len(got) != 0 {
		t.Error(got)
	}
	f.Close()
	gone.Close()
	if got := used(d); got != 0 {
		t.Errorf("%d bytes are left", got)
	}
}

// A tmpfs is a mount as others are, above and beneath them.
func TestTmpfsInTree(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		dir := plant(t, t.TempDir(), "root/f=f", "root/tmp/covered="+canary, "root/abs->/tmp/a", "root/up->tmp/../f", "one=one", "deep/g=g", "deep/out->../../f")
		fs := open(
			wasi.Mount{Guest: "/", Host: dir + "/root", ReadOnly: true}, wasi.Mount{Guest: "/tmp", Tmpfs: &wasi.Tmpfs{}},
			wasi.Mount{Guest: "/tmp/x/deep", Host: dir + "/deep"}, wasi.Mount{Guest: "/tmp/one", Host: dir + "/one"},
			wasi.Mount{Guest: "/tmp/hid/den", Hidden: true}, wasi.Mount{Guest: "/ro", Tmpfs: &wasi.Tmpfs{}, ReadOnly: true},
			wasi.Mount{Guest: "/tmp/x/deep/more", Tmpfs: &wasi.Tmpfs{}},
		)
		root := fs.Root()
		tmp := openDirAt(t, root, "tmp")
		makeFile(t, root, "tmp/a", "a")
		makeFile(t, root, "tmp/x/deep/more/m", "m")
		for path, want := range map[string]string{
			"tmp/a": "a", "abs": "a", "up": "f", "tmp/one": "one", "tmp/x/deep/g": "g", "tmp/x/deep/out": "", "tmp/x/deep/more/../g": "g",
			"tmp/x/../a": "a", "tmp/x/deep/../../../f": "f", "tmp/x/deep/more/m": "m",
		} {
			if got, err := content(root, path); got != want || want == "" && err != syscall.ENOENT {
				t.Errorf("%s: %q, %v", path, got, err)
			}
		}
		errno(t, "covered", root.Unlink("tmp/covered"), syscall.ENOENT)
		errno(t, "a link out", tmp.Symlink("../f", "l"), 0)
		if got, err := content(tmp, "l"); got != "f" {
			t.Errorf("%q, %v", got, err)
		}
		errno(t, "rename across", root.Rename("tmp/a", root, "tmp/x/deep/a"), syscall.EXDEV)
		errno(t, "link across", root.Link("tmp/a", false, root, "tmp/x/deep/more/a"), syscall.EXDEV)
		errno(t, "rename between two", root.Rename("tmp/a", root, "tmp/x/deep/more/a"), syscall.EXDEV)
		errno(t, "rmdir of a mount point", root.Rmdir("tmp"), syscall.EBUSY)
		errno(t, "above a mount point", root.Rename("tmp/x", root, "tmp/y"), syscall.EBUSY)
		errno(t, "in a synthetic directory", tmp.Mkdir("x/y", 0o777), syscall.EROFS)
		errno(t, "above what is hidden", tmp.Mkdir("hid", 0o777), 0)
		errno(t, "hidden", tmp.Mkdir("hid/den", 0o777), syscall.EROFS)
		errno(t, "beside it", tmp.Mkdir("hid/other", 0o777), 0)
		if got := list(t, tmp); !slices.Equal(got, []string{"a", "hid", "l", "one", "x"}) {
			t.Errorf("%q", got)
		}
		for what, err := range map[string]error{
			"mkdir": root.Mkdir("ro/d", 0o777), "symlink": root.Symlink("x", "ro/l"), "times": root.SetTimesAt("ro", false, Times{MtimNow: true}),
		} {
			errno(t, "read-only: "+what, err, syscall.EROFS)
		}
		_, err := root.Open("ro/f", OpenOptions{Create: true, Write: true, Perm: 0o666})
		errno(t, "read-only: create", err, syscall.EROFS)
		inner, _ := root.Lookup("tmp/x/deep/more", false)
		outer, _ := tmp.Stat()
		synthetic, _ := root.Lookup("tmp/x", false)
		if outer.Dev == inner.Dev || outer.Dev == synthetic.Dev || outer.Nlink != 3 {
			t.Errorf("%+v, %+v, %+v", outer, inner, synthetic)
		}
	})
}

// The guest owns what is in a tmpfs, and its permission bits hold.
func TestTmpfsMode(t *testing.T) {
	for _, c := range []struct {
		mode                    uint32
		list, lookup, makeIn, d syscall.Errno
	}{
		{0o1777, 0, 0, 0, 0},
		{0o555, 0, 0, syscall.EACCES, syscall.EACCES},
		{0o311, syscall.EACCES, 0, 0, 0},
		{0o677, 0, syscall.EACCES, syscall.EACCES, syscall.EACCES},
	} {
		fs, err := New([]wasi.Mount{{Guest: "/", Tmpfs: &wasi.Tmpfs{Mode: c.mode}}, {Guest: "/in", Tmpfs: &wasi.Tmpfs{}}})
		if err != nil {
			t.Fatal(err)
		}
		defer fs.Close()
		root := fs.Root()
		what := fmt.Sprintf("%o: ", c.mode)
		errno(t, what+"ReadDir", root.ReadDir(0, func(Entry) bool { return true }), c.list)
		if c.lookup != 0 {
			_, err = root.Lookup("none", false)
			errno(t, what+"Lookup", err, c.lookup)
		}
		errno(t, what+"Mkdir", root.Mkdir("d", 0o777), c.makeIn)
		_, err = root.Open("f", OpenOptions{Create: true, Write: true, Perm: 0o666})
		errno(t, what+"create", err, c.d)
		errno(t, what+"a mount beneath", root.Mkdir("in/d", 0o777), 0)
	}
	d := inMemory(t, 0)
	f := openFileAt(t, d, "f", OpenOptions{Create: true, Write: true, Perm: 0o444})
	if _, err := f.Write([]byte("x")); err != nil {
		t.Errorf("who creates a file may write to it: %v", err)
	}
	_, err := d.Open("f", OpenOptions{Write: true})
	errno(t, "open for writing", err, syscall.EACCES)
	_, err = d.Open("f", OpenOptions{Read: true, Truncate: true})
	errno(t, "empty", err, syscall.EACCES)
	if got, err := content(d, "f"); got != "x" {
		t.Error(err)
	}
}

// Guest threads have a directory each.
func TestTmpfsConcurrent(t *testing.T) {
	root := inMemory(t, 1<<20)
	var wg sync.WaitGroup
	for i := range 4 {
		d := openDirAt(t, root, ".")
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 0))
			for range 1500 {
				a, b := fmt.Sprint(r.IntN(4)), fmt.Sprint(r.IntN(4))
				switch r.IntN(6) {
				case 0:
					_ = d.Rename(a, d, b)
				case 1:
					_ = d.Unlink(a)
				case 2:
					_ = d.Link(a, false, d, b)
				case 3:
					_ = d.ReadDir(0, func(e Entry) bool { _, _ = d.Lookup(e.Name, false); return true })
				default:
					n, err := d.Open(a, OpenOptions{Create: true, Read: true, Write: true, Perm: 0o666})
					if err != nil {
						continue
					}
					f := n.(*File)
					_, _ = f.WriteAt(make([]byte, 100), r.Int64N(1<<20))
					_, _ = f.Read(make([]byte, 5000))
					_ = f.SetSize(r.Int64N(1 << 18))
					_ = f.Close()
				}
			}
		})
	}
	wg.Wait()
	for _, name := range list(t, root) {
		if err := root.Unlink(name); err != nil {
			t.Error(err)
		}
	}
	if got := used(root); got != 0 {
		t.Errorf("%d bytes are left", got)
	}
}
