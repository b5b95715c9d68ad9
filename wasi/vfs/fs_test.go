//go:build linux

package vfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/wasi"
)

func TestNewErrors(t *testing.T) {
	dir := plant(t, t.TempDir(), "d/", "f=x")
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	gone, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct {
		name   string
		mounts []wasi.Mount
		field  string
		is     error
	}{
		{"no such host", []wasi.Mount{{Guest: "/a", Host: at("none")}}, "Mounts[0].Host", os.ErrNotExist},
		{"second of two", []wasi.Mount{{Guest: "/a", Host: at("d")}, {Guest: "/b", Host: at("none")}}, "Mounts[1].Host", syscall.ENOENT},
		{"a FIFO", []wasi.Mount{{Guest: "/a", Host: at("fifo")}}, "Mounts[0].Host", errKind},
		{"a device", []wasi.Mount{{Guest: "/a", Host: "/dev/null"}}, "Mounts[0].Host", errKind},
		{"a closed file", []wasi.Mount{{Guest: "/a", File: gone}}, "Mounts[0].File", os.ErrClosed},
		{"a file at the root", []wasi.Mount{{Guest: "/", Host: at("f")}}, "Mounts[0].Guest", syscall.ENOTDIR},
		{"a mount beneath a file", []wasi.Mount{{Guest: "/f/x", Host: at("d")}, {Guest: "/f", Host: at("f")}}, "Mounts[1].Guest", syscall.ENOTDIR},
		{"an unclean path", []wasi.Mount{{Guest: "/a/../b", Host: at("d")}}, "Mounts[0].Guest", nil},
		{"mounted twice", []wasi.Mount{{Guest: "/a", Host: at("d")}, {Guest: "/a", Host: at("d")}}, "Mounts[1].Guest", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := descriptors(t)
			fs, err := New(c.mounts)
			if err == nil {
				fs.Close()
				t.Fatal("no error")
			}
			if got := fieldOf(err); got != c.field {
				t.Errorf("field %q of %v, want %q", got, err, c.field)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v is not %v", err, c.is)
			}
			if after := descriptors(t); after > before {
				t.Errorf("%d descriptors left open", after-before)
			}
		})
	}
	_, err = New([]wasi.Mount{{Guest: "/a", Host: at("none")}, {Guest: "/b", Host: at("fifo")}})
	if joined, ok := err.(interface{ Unwrap() []error }); !ok || len(joined.Unwrap()) != 2 {
		t.Errorf("%v does not join two problems", err)
	}
}

func TestNewFileGivenOpen(t *testing.T) {
	dir := plant(t, t.TempDir(), "d/in=inside", "f=content")
	d, err := os.Open(filepath.Join(dir, "d"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	f, err := os.Open(filepath.Join(dir, "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()

	eachMode(t, func(t *testing.T, open opener) {
		fs := open(wasi.Mount{Guest: "/d", File: d})
		if got, err := content(fs.Root(), "d/in"); got != "inside" {
			t.Errorf("%q, %v", got, err)
		}
	})
	fs, err := New([]wasi.Mount{{Guest: "/etc/f", File: f}})
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	for range 2 { // each open has its own offset
		if got, err := content(fs.Root(), "etc/f"); got != "content" {
			t.Errorf("%q, %v", got, err)
		}
	}
	before := descriptors(t)
	_, err = newFS([]wasi.Mount{{Guest: "/f", File: f}}, shortcuts{openat2: true})
	if fieldOf(err) != "Mounts[0].File" || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("without /proc: %v", err)
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors left open", after-before)
	}
}

func TestPreopens(t *testing.T) {
	dir := plant(t, t.TempDir(), "d/x=x", "f=x")
	mounts := []wasi.Mount{
		{Guest: "/z", Host: filepath.Join(dir, "d"), ReadOnly: true},
		{Guest: "/f", Host: filepath.Join(dir, "f")},
		{Guest: "/h", Hidden: true},
		{Guest: "/in", Host: filepath.Join(dir, "d"), NoPreopen: true},
		{Guest: "/", Host: dir},
	}
	fs, err := New(mounts)
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	var guests []string
	for _, p := range fs.Preopens() {
		guests = append(guests, p.Guest)
	}
	if !slices.Equal(guests, []string{"/z", "/"}) {
		t.Errorf("preopens %v", guests)
	}
	z, root := fs.Preopens()[0].Dir, fs.Preopens()[1].Dir
	if !z.ReadOnly() || root.ReadOnly() {
		t.Errorf("ReadOnly %v, %v", z.ReadOnly(), root.ReadOnly())
	}
	if err := z.Close(); err != nil {
		t.Error(err)
	}
	_, err = z.Lookup("x", false)
	errno(t, "after Close", err, syscall.EBADF)
	errno(t, "second Close", z.Close(), 0)
	if got, err := content(root, "in/x"); got != "x" {
		t.Errorf("what is no preopen is not there: %v", err)
	}
	if got, err := content(root, "z/x"); got != "x" {
		t.Errorf("the mount went with its preopen: %v", err)
	}
	if err := root.Close(); err != nil {
		t.Error(err)
	}
	if got, err := content(fs.Root(), "z/x"); got != "x" {
		t.Errorf("the root went with its preopen: %v", err)
	}
}

func TestNothingMounted(t *testing.T) {
	fs, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	root := fs.Root()
	s, err := root.Stat()
	if err != nil || s.Type != Directory || s.Ino == 0 {
		t.Errorf("Stat %+v, %v", s, err)
	}
	if got := list(t, root); len(got) != 0 || len(fs.Preopens()) != 0 || !root.ReadOnly() {
		t.Errorf("lists %v, preopens %v", got, fs.Preopens())
	}
	_, err = root.Lookup("x", true)
	errno(t, "Lookup", err, syscall.ENOENT)
	_, err = root.Open("x", OpenOptions{Create: true, Write: true})
	errno(t, "create", err, syscall.EROFS)
	errno(t, "Mkdir", root.Mkdir("x", 0o777), syscall.EROFS)
	errno(t, "Symlink", root.Symlink("y", "x"), syscall.EROFS)
	errno(t, "SetTimes", root.SetTimes(Times{MtimNow: true}), syscall.EROFS)
	errno(t, "Sync", root.Sync(), 0)
	_, err = root.Lookup("..", true)
	errno(t, "..", err, syscall.EPERM)
	_, err = root.Lookup(strings.Repeat("x", 256), true)
	errno(t, "long name", err, syscall.ENAMETOOLONG)
}

func TestClose(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		before := descriptors(t)
		fs := open(wasi.Mount{Guest: "/", Host: plant(t, t.TempDir(), "d/f=x", "g=x")}, wasi.Mount{Guest: "/e/s", Host: t.TempDir()})
		d := openDirAt(t, fs.Root(), "d")
		list(t, d)
		f := openFileAt(t, d, "f", OpenOptions{Read: true})
		s := openDirAt(t, fs.Root(), "e")
		for range 2 {
			if err := fs.Close(); err != nil {
				t.Error(err)
			}
		}
		if after := descriptors(t); after > before {
			t.Errorf("%d descriptors left open", after-before)
		}
		_, err := f.Read(make([]byte, 1))
		errno(t, "File.Read", err, syscall.EBADF)
		_, err = d.Stat()
		errno(t, "Dir.Stat", err, syscall.EBADF)
		_, err = s.Stat()
		errno(t, "synthetic Dir.Stat", err, syscall.EBADF)
		errno(t, "ReadDir", d.ReadDir(0, func(Entry) bool { return true }), syscall.EBADF)
		_, err = fs.Root().Open("g", OpenOptions{Read: true})
		errno(t, "Open", err, syscall.EBADF)
		errno(t, "File.Close", f.Close(), 0)
		errno(t, "Dir.Close", d.Close(), 0)
	})
}

// A descriptor that Close gives back while it is used would be another file's by the time of the use.
func TestCloseMeanwhile(t *testing.T) {
	dir := plant(t, t.TempDir(), "a/b/c/f=good", "m/x=good")
	eachMode(t, func(t *testing.T, open opener) {
		for range 40 {
			fs := open(wasi.Mount{Guest: "/", Host: dir}, wasi.Mount{Guest: "/m", Host: filepath.Join(dir, "m")})
			root := fs.Root()
			var wg sync.WaitGroup
			started := make(chan struct{})
			wg.Go(func() {
				for i := 0; ; i++ {
					got, err := content(root, []string{"a/b/../b/c/f", "m/x"}[i%2])
					if i == 0 {
						close(started)
					}
					if err == syscall.EBADF {
						return
					}
					if err != nil || got != "good" {
						t.Errorf("%q, %v", got, err)
						return
					}
				}
			})
			<-started
			var other []*os.File // takes numbers that are given back
			fs.Close()
			for range 8 {
				f, err := os.Open("/dev/null")
				if err != nil {
					t.Error(err)
					break
				}
				other = append(other, f)
			}
			wg.Wait()
			for _, f := range other {
				f.Close()
			}
		}
	})
}

func TestMountStaysWhatWasOpened(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		dir := plant(t, t.TempDir(), "d/f=old", "file=old", "other/f=new")
		at := func(name string) string { return filepath.Join(dir, name) }
		fs := open(wasi.Mount{Guest: "/d", Host: at("d")}, wasi.Mount{Guest: "/e/file", Host: at("file")})
		for _, move := range [][2]string{{"d", "moved"}, {"other", "d"}} {
			if err := os.Rename(at(move[0]), at(move[1])); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := content(fs.Root(), "d/f"); got != "old" {
			t.Errorf("%q, %v", got, err)
		}
		f := openFileAt(t, fs.Root(), "d/f", OpenOptions{Read: true})
		plant(t, dir, "moved/g=")
		if err := os.Rename(at("moved/g"), at("moved/f")); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 8)
		if k, err := f.Read(b); string(b[:k]) != "old" {
			t.Errorf("an open file was replaced: %q, %v", b[:k], err)
		}
		if err := os.Remove(at("file")); err != nil {
			t.Fatal(err)
		}
		plant(t, dir, "file=new")
		got, err := content(fs.Root(), "e/file")
		if fs.procfs() != nil && got != "old" || fs.procfs() == nil && err != syscall.ESTALE {
			t.Errorf("replaced file mount: %q, %v", got, err)
		}
	})
}

// Ten thousand mounts are opened in no time, and their number does not make a walk slower.
func TestTenThousandMounts(t *testing.T) {
	const n = 10_000
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	host := plant(t, t.TempDir(), "d/f=f", "d/sub/")
	many := make([]wasi.Mount, 0, n+1)
	many = append(many, wasi.Mount{Guest: "/", Host: host})
	for i := range n { // a third each of directories, memory, and what is hidden: descriptors are few in places
		m := wasi.Mount{Guest: fmt.Sprintf("/%d/mount%d", i%100, i)}
		switch i % 3 {
		case 0:
			m.Host = host + "/d"
		case 1:
			m.Tmpfs = &wasi.Tmpfs{}
		default:
			m.Hidden = true
		}
		many = append(many, m)
	}
	if limit.Cur < n/3+100 {
		t.Fatalf("the test takes %d descriptors, of %d: raise the limit of open files", n/3, limit.Cur)
	}
	begun := time.Now()
	fs, err := New(many)
	took := time.Since(begun)
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	if took > soon {
		t.Errorf("New took %v", took)
	}
	few, err := New(many[:4])
	if err != nil {
		t.Fatal(err)
	}
	defer few.Close()
	walks := func(fs *FS) time.Duration {
		best := time.Hour
		for range 20 {
			begun := time.Now()
			for range 200 {
				for path, want := range map[string]error{"0/mount0/f": nil, "1/mount1/none": syscall.ENOENT, "2/mount2": syscall.ENOENT, "d/f": nil} {
					if _, err := fs.Root().Lookup(path, true); err != want {
						t.Fatalf("%s: %v", path, err)
					}
				}
			}
			best = min(best, time.Since(begun))
		}
		return best
	}
	if a, b := walks(few), walks(fs); b > 3*a+time.Millisecond {
		t.Errorf("walks take %v beside three mounts and %v beside %d", a, b, n)
	}
	if got := list(t, openDirAt(t, fs.Root(), "0")); len(got) != 67 { // of a hundred, those that are not hidden
		t.Errorf("%d names", len(got))
	}
}

// Too few descriptors for the mounts are one clear error, and none of them is left open.
func TestTooManyMounts(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	before := descriptors(t)
	low := limit
	low.Cur = uint64(before + 20)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	}()
	var mounts []wasi.Mount
	for i := range 100 {
		mounts = append(mounts, wasi.Mount{Guest: fmt.Sprint("/", i), Host: "/"})
	}
	_, err := New(mounts)
	if !errors.Is(err, syscall.EMFILE) || !strings.Contains(err.Error(), "RLIMIT_NOFILE") || strings.Count(err.Error(), "\n") > 0 {
		t.Errorf("%v", err)
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors left open", after-before)
	}
}
