//go:build linux

package vfs

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/wasi"
)

func TestFile(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		dir := plant(t, t.TempDir(), "f=0123456789")
		root := open(wasi.Mount{Guest: "/", Host: dir}).Root()
		host := func() string {
			t.Helper()
			b, err := os.ReadFile(filepath.Join(dir, "f"))
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		f := openFileAt(t, root, "f", OpenOptions{Read: true, Write: true})
		b := make([]byte, 4)
		read := func(want string) {
			t.Helper()
			if n, err := f.Read(b); string(b[:n]) != want || err != nil {
				t.Errorf("Read: %q, %v, want %q", b[:n], err, want)
			}
		}
		seek := func(off int64, whence int, want int64, e syscall.Errno) {
			t.Helper()
			got, err := f.Seek(off, whence)
			errno(t, "Seek", err, e)
			if e == 0 && got != want {
				t.Errorf("Seek: %d, want %d", got, want)
			}
		}
		read("0123")
		seek(2, io.SeekCurrent, 6, 0)
		read("6789")
		read("")
		seek(-1, io.SeekStart, 0, syscall.EINVAL)
		seek(-1, io.SeekEnd, 9, 0)
		seek(0, 3, 0, syscall.EINVAL) // SEEK_DATA is not the guest's
		read("9")
		if n, err := f.ReadAt(b, 3); string(b[:n]) != "3456" || err != nil {
			t.Errorf("ReadAt: %q, %v", b[:n], err)
		}
		_, err := f.ReadAt(b, -1)
		errno(t, "ReadAt -1", err, syscall.EINVAL)
		seek(0, io.SeekCurrent, 10, 0)
		if n, err := f.WriteAt([]byte("ab"), 1); n != 2 || err != nil {
			t.Errorf("WriteAt: %d, %v", n, err)
		}
		_, err = f.WriteAt([]byte("ab"), -1)
		errno(t, "WriteAt -1", err, syscall.EINVAL)
		if n, err := f.Write([]byte("end")); n != 3 || err != nil {
			t.Errorf("Write: %d, %v", n, err)
		}
		if got := host(); got != "0ab3456789end" {
			t.Errorf("content %q", got)
		}
		errno(t, "SetSize", f.SetSize(2), 0)
		errno(t, "SetSize", f.SetSize(4), 0)
		if got := host(); got != "0a\x00\x00" {
			t.Errorf("content %q", got)
		}
		errno(t, "SetSize -1", f.SetSize(-1), syscall.EINVAL)
		errno(t, "Allocate", f.Allocate(0, 8), 0)
		if s, err := f.Stat(); s.Size != 8 || s.Type != Regular || s.Ino == 0 || s.Dev == 0 || err != nil {
			t.Errorf("Stat %+v, %v", s, err)
		}
		errno(t, "Allocate nothing", f.Allocate(0, 0), syscall.EINVAL)
		errno(t, "Allocate before", f.Allocate(-1, 1), syscall.EINVAL)
		for a := AdviceNormal; a <= AdviceNoReuse; a++ {
			errno(t, "Advise", f.Advise(0, 0, a), 0)
		}
		errno(t, "Advise unknown", f.Advise(0, 0, AdviceNoReuse+1), syscall.EINVAL)
		errno(t, "Advise before", f.Advise(-1, 1, AdviceNormal), syscall.EINVAL)
		errno(t, "Sync", f.Sync(), 0)
		errno(t, "DataSync", f.DataSync(), 0)

		errno(t, "Close", f.Close(), 0)
		errno(t, "Close again", f.Close(), 0)
		for name, op := range map[string]func() error{
			"Read":     func() error { _, err := f.Read(b); return err },
			"Write":    func() error { _, err := f.Write(b); return err },
			"ReadAt":   func() error { _, err := f.ReadAt(b, 0); return err },
			"WriteAt":  func() error { _, err := f.WriteAt(b, 0); return err },
			"Seek":     func() error { _, err := f.Seek(0, 0); return err },
			"Stat":     func() error { _, err := f.Stat(); return err },
			"OSFile":   func() error { _, err := f.OSFile("name"); return err },
			"SetSize":  func() error { return f.SetSize(0) },
			"SetTimes": func() error { return f.SetTimes(Times{}) },
			"Allocate": func() error { return f.Allocate(0, 1) },
			"Advise":   func() error { return f.Advise(0, 1, AdviceNormal) },
			"Sync":     f.Sync,
			"DataSync": f.DataSync,
			"SetFlags": func() error { return f.SetFlags(Flags{}) },
		} {
			errno(t, name+" after Close", op(), syscall.EBADF)
		}
	})
}

func TestFileAccess(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		dir := plant(t, t.TempDir(), "f=0123456789")
		fs := open(wasi.Mount{Guest: "/", Host: dir}, wasi.Mount{Guest: "/ro", Host: dir, ReadOnly: true}, wasi.Mount{Guest: "/one", Host: filepath.Join(dir, "f"), ReadOnly: true})
		b := make([]byte, 2)
		for _, c := range []struct {
			name, path    string
			o             OpenOptions
			read, write   syscall.Errno
			size, change  syscall.Errno
			allocate      syscall.Errno
			want          FileType
			mountReadOnly bool
		}{
			{name: "read", path: "f", o: OpenOptions{Read: true}, write: syscall.EBADF, size: syscall.EINVAL, allocate: syscall.EBADF},
			{name: "write", path: "f", o: OpenOptions{Write: true}, read: syscall.EBADF},
			{name: "neither", path: "f", read: syscall.EBADF, write: syscall.EBADF, size: syscall.EINVAL, allocate: syscall.EBADF},
			{name: "truncate", path: "f", o: OpenOptions{Read: true, Truncate: true}, write: syscall.EBADF, size: syscall.EINVAL, allocate: syscall.EBADF},
			{name: "read-only mount", path: "ro/f", o: OpenOptions{Read: true}, write: syscall.EBADF, size: syscall.EROFS, change: syscall.EROFS, allocate: syscall.EROFS, mountReadOnly: true},
			{name: "read-only file", path: "one", o: OpenOptions{Read: true}, write: syscall.EBADF, size: syscall.EROFS, change: syscall.EROFS, allocate: syscall.EROFS, mountReadOnly: true},
		} {
			t.Run(c.name, func(t *testing.T) {
				f := openFileAt(t, fs.Root(), c.path, c.o)
				_, err := f.Read(b)
				errno(t, "Read", err, c.read)
				_, err = f.ReadAt(b, 0)
				errno(t, "ReadAt", err, c.read)
				_, err = f.Write(b)
				errno(t, "Write", err, c.write)
				_, err = f.WriteAt(b, 0)
				errno(t, "WriteAt", err, c.write)
				errno(t, "SetSize", f.SetSize(10), c.size)
				errno(t, "SetTimes", f.SetTimes(Times{MtimNow: true}), c.change)
				errno(t, "Allocate", f.Allocate(0, 10), c.allocate)
				errno(t, "Sync", f.Sync(), 0)
				if f.ReadOnly() != c.mountReadOnly || f.Type() != Regular {
					t.Errorf("ReadOnly %v, Type %v", f.ReadOnly(), f.Type())
				}
			})
		}
		_, err := fs.Root().Open("one", OpenOptions{Write: true})
		errno(t, "write through a read-only file mount", err, syscall.EROFS)
		errno(t, "times through a read-only file mount", fs.Root().SetTimesAt("one", true, Times{MtimNow: true}), syscall.EROFS)
	})
}

func TestAppend(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		for _, kernel := range []struct {
			name  string
			write func(int, []byte, int64) (int, error)
		}{{"by flag of the write", pwriteNoAppend}, {"by flag of the file", pwriteWithout}} {
			dir := plant(t, t.TempDir(), "f=0123")
			root := open(wasi.Mount{Guest: "/", Host: dir}).Root()
			f := openFileAt(t, root, "f", OpenOptions{Write: true, Append: true})
			if _, err := f.Seek(0, 0); err != nil {
				t.Error(err)
			}
			if n, err := f.Write([]byte("45")); n != 2 || err != nil {
				t.Errorf("Write: %d, %v", n, err)
			}
			if n, err := kernel.write(f.handle.fd, []byte("ab"), 1); n != 2 || err != nil {
				t.Errorf("%s: %d, %v", kernel.name, n, err)
			}
			if n, err := f.WriteAt([]byte("c"), 0); n != 1 || err != nil {
				t.Errorf("WriteAt: %d, %v", n, err)
			}
			if n, err := f.WriteAt(nil, 0); n != 0 || err != nil {
				t.Errorf("WriteAt of nothing: %d, %v", n, err)
			}
			_, err := f.WriteAt([]byte("c"), -1)
			errno(t, "WriteAt -1", err, syscall.EINVAL)
			if _, err := f.Write([]byte("6")); err != nil { // still at the end
				t.Error(err)
			}
			errno(t, "SetFlags", f.SetFlags(Flags{}), 0)
			if _, err := f.Seek(3, 0); err != nil {
				t.Error(err)
			}
			if _, err := f.Write([]byte("d")); err != nil {
				t.Error(err)
			}
			errno(t, "SetFlags", f.SetFlags(Flags{Append: true}), 0)
			if _, err := f.Write([]byte("7")); err != nil {
				t.Error(err)
			}
			if b, _ := os.ReadFile(filepath.Join(dir, "f")); string(b) != "cabd4567" {
				t.Errorf("%s: %q", kernel.name, b)
			}
		}
	})
}

func TestFlags(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		root := open(wasi.Mount{Guest: "/", Host: plant(t, t.TempDir(), "f=0123")}).Root()
		for _, c := range []struct {
			name string
			o    OpenOptions
			want int // what the kernel has of O_APPEND, O_SYNC and O_DSYNC, and at least of O_NONBLOCK, which no regular file knows
		}{
			{"none", OpenOptions{Write: true}, 0},
			{"append", OpenOptions{Write: true, Append: true}, unix.O_APPEND},
			{"nonblock", OpenOptions{Write: true, NonBlock: true}, unix.O_NONBLOCK},
			{"sync", OpenOptions{Write: true, Sync: true}, unix.O_SYNC},
			{"dsync", OpenOptions{Write: true, DSync: true}, unix.O_DSYNC},
			{"rsync", OpenOptions{Write: true, RSync: true}, unix.O_RSYNC},
			{"created", OpenOptions{Write: true, Create: true, Append: true, DSync: true, Perm: 0o600}, unix.O_APPEND | unix.O_DSYNC},
		} {
			path := "f"
			if c.o.Create {
				path = "new"
			}
			f := openFileAt(t, root, path, c.o)
			kernel := func() int {
				t.Helper()
				flags, err := unix.FcntlInt(uintptr(f.handle.fd), unix.F_GETFL, 0)
				if err != nil {
					t.Error(err)
				}
				return flags & (unix.O_APPEND | unix.O_NONBLOCK | unix.O_SYNC | unix.O_DSYNC)
			}
			if got := kernel(); got != c.want && got != c.want|unix.O_NONBLOCK {
				t.Errorf("%s: kernel has %#x, want %#x", c.name, got, c.want)
			}
			want := Flags{c.o.Append, c.o.NonBlock, c.o.Sync, c.o.DSync, c.o.RSync}
			if f.Flags() != want {
				t.Errorf("%s: %+v", c.name, f.Flags())
			}
			changed := want
			changed.Append, changed.NonBlock = true, true
			errno(t, c.name, f.SetFlags(changed), 0)
			if got := kernel(); got&(unix.O_APPEND|unix.O_NONBLOCK) != unix.O_APPEND|unix.O_NONBLOCK || f.Flags() != changed {
				t.Errorf("%s: after SetFlags %#x, %+v", c.name, got, f.Flags())
			}
			changed.Sync = !changed.Sync
			errno(t, c.name, f.SetFlags(changed), syscall.ENOTSUP)
		}
	})
}

func TestTruncateOnOpen(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		dir := plant(t, t.TempDir(), "a=text", "b=text")
		root := open(wasi.Mount{Guest: "/", Host: dir}, wasi.Mount{Guest: "/ro", Host: dir, ReadOnly: true}).Root()
		openFileAt(t, root, "a", OpenOptions{Write: true, Truncate: true})
		openFileAt(t, root, "b", OpenOptions{Read: true, Truncate: true, Create: true})
		for _, name := range []string{"a", "b"} {
			if s, err := root.Lookup(name, false); s.Size != 0 || err != nil {
				t.Errorf("%s: %d bytes, %v", name, s.Size, err)
			}
		}
	})
}

func TestOSFile(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		fs := open(wasi.Mount{Guest: "/", Host: plant(t, t.TempDir(), "f=0123")})
		f, err := openFileAt(t, fs.Root(), "f", OpenOptions{Read: true}).OSFile("name")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		fs.Close()
		if b, err := io.ReadAll(f); string(b) != "0123" || err != nil {
			t.Errorf("%q, %v", b, err)
		}
	})
}

// The hot operations do not allocate.
func TestNoAllocations(t *testing.T) {
	fs, err := New([]wasi.Mount{{Guest: "/", Host: plant(t, t.TempDir(), "f=")}})
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	f := openFileAt(t, fs.Root(), "f", OpenOptions{Read: true, Write: true})
	a := openFileAt(t, fs.Root(), "f", OpenOptions{Write: true, Append: true})
	b := bytes.Repeat([]byte("x"), 64)
	for name, op := range map[string]func() (int, error){
		"Read":             func() (int, error) { return f.Read(b) },
		"Write":            func() (int, error) { return f.Write(b) },
		"ReadAt":           func() (int, error) { return f.ReadAt(b, 0) },
		"WriteAt":          func() (int, error) { return f.WriteAt(b, 0) },
		"WriteAt appended": func() (int, error) { return a.WriteAt(b, 0) },
		"Seek":             func() (int, error) { n, err := f.Seek(0, 0); return int(n), err },
		"Stat":             func() (int, error) { _, err := f.Stat(); return 0, err },
	} {
		if n := testing.AllocsPerRun(100, func() {
			if _, err := op(); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// Devices are known by their number, wherever their name is.
func TestDevices(t *testing.T) {
	eachMode(t, func(t *testing.T, open opener) {
		fs := open(wasi.Mount{Guest: "/dev", Host: "/dev", ReadOnly: true})
		dev := fs.Preopens()[0].Dir
		b := make([]byte, 8)
		null := openFileAt(t, dev, "null", OpenOptions{Read: true, Write: true, Truncate: true})
		if n, err := null.Read(b); n != 0 || err != nil {
			t.Errorf("read of null: %d, %v", n, err)
		}
		if n, err := null.Write(b); n != 8 || err != nil {
			t.Errorf("write to null: %d, %v", n, err)
		}
		if null.Type() != CharDevice {
			t.Errorf("null is %v", null.Type())
		}
		errno(t, "times of null", null.SetTimes(Times{MtimNow: true}), syscall.EROFS)
		if n, err := openFileAt(t, dev, "zero", OpenOptions{Read: true}).Read(b); n != 8 || err != nil || strings.Trim(string(b), "\x00") != "" {
			t.Errorf("read of zero: %d %q, %v", n, b, err)
		}
		_, err := openFileAt(t, dev, "full", OpenOptions{Write: true}).Write(b)
		errno(t, "write to full", err, syscall.ENOSPC)
		for _, name := range []string{"random", "urandom"} {
			if n, err := openFileAt(t, dev, name, OpenOptions{Read: true}).Read(b); n != 8 || err != nil {
				t.Errorf("read of %s: %d, %v", name, n, err)
			}
		}
		harmlessNames := "null zero full random urandom"
		for _, e := range entries(t, dev) {
			if e.Type != CharDevice && e.Type != BlockDevice || strings.Contains(harmlessNames, e.Name) {
				continue
			}
			_, err := dev.Open(e.Name, OpenOptions{Read: true})
			errno(t, e.Name, err, syscall.EPERM)
			_, err = dev.Lookup(e.Name, false)
			errno(t, "Lookup "+e.Name, err, 0)
		}
	})
}

func entries(t *testing.T, d *Dir) []Entry {
	t.Helper()
	var all []Entry
	if err := d.ReadDir(0, func(e Entry) bool { all = append(all, e); return true }); err != nil {
		t.Error(err)
	}
	return all
}

// Beyond RLIMIT_FSIZE the kernel would send SIGXFSZ, which ends a Go program.
func TestFileSizeLimit(t *testing.T) {
	const limit = 256 << 20 // the go command's log of the test is in a file, too
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	low := before
	low.Cur = limit
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &low); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
			t.Error(err)
		}
	}()
	fs, err := New([]wasi.Mount{{Guest: "/", Host: plant(t, t.TempDir(), "f=")}, {Guest: "/dev", Host: "/dev"}})
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	f := openFileAt(t, fs.Root(), "f", OpenOptions{Write: true})
	errno(t, "SetSize", f.SetSize(limit), 0)
	errno(t, "SetSize", f.SetSize(limit+1), syscall.EFBIG)
	errno(t, "SetSize", f.SetSize(1<<62), syscall.EFBIG)
	errno(t, "Allocate", f.Allocate(0, limit+1), syscall.EFBIG)
	errno(t, "Allocate", f.Allocate(limit, 1), syscall.EFBIG)
	errno(t, "Allocate", f.Allocate(1<<62, 1<<62), syscall.EFBIG)
	errno(t, "Allocate", f.Allocate(limit-1, 1), 0)
	b := make([]byte, 10)
	if n, err := f.WriteAt(b, limit-4); n != 4 || err != nil {
		t.Errorf("WriteAt: %d, %v", n, err)
	}
	_, err = f.WriteAt(b, limit)
	errno(t, "WriteAt", err, syscall.EFBIG)
	if _, err := f.Seek(limit-3, 0); err != nil {
		t.Error(err)
	}
	if n, err := f.Write(b); n != 3 || err != nil {
		t.Errorf("Write: %d, %v", n, err)
	}
	_, err = f.Write(b)
	errno(t, "Write", err, syscall.EFBIG)
	_, err = openFileAt(t, fs.Root(), "f", OpenOptions{Write: true, Append: true}).Write(b)
	errno(t, "Write appended", err, syscall.EFBIG)
	null := openFileAt(t, fs.Root(), "dev/null", OpenOptions{Write: true})
	if n, err := null.WriteAt(b, limit); n != 10 || err != nil {
		t.Errorf("null: %d, %v", n, err)
	}
}
