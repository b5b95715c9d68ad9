//go:build linux

package vfs

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/wasi"
)

// None of the calls follows a link for its name, whatever the walk has made sure of before.
func TestKernelFollowsNothing(t *testing.T) {
	fd, err := openHost(plant(t, t.TempDir(), "d/sub/", "d/f=x", "tod->d", "tof->d/f", "dangling->new", "d/in->sub", "d/up->.."))
	if err != nil {
		t.Fatal(err)
	}
	top, err := openHost("/")
	if err != nil {
		t.Fatal(err)
	}
	defer closeFD(top)
	defer closeFD(fd)
	do := func(fd int, err error) error {
		if err == nil {
			closeFD(fd)
		}
		return err
	}
	for _, c := range []struct {
		name string
		err  error
		want syscall.Errno
	}{
		{"openDir", do(openDir(fd, "tod")), syscall.ENOTDIR},
		{"openByName", do(openByName(fd, "tof", OpenOptions{Read: true})), syscall.ELOOP},
		{"openByName dangling", do(openByName(fd, "dangling", OpenOptions{Write: true})), syscall.ELOOP},
		{"createAt", do(createAt(fd, "dangling", OpenOptions{Write: true})), syscall.EEXIST},
		{"createAt existing", do(createAt(fd, "tof", OpenOptions{Write: true})), syscall.EEXIST},
		{"openBeneath", do(openBeneath(fd, "d/sub")), 0},
		{"openBeneath a link", do(openBeneath(fd, "tod")), syscall.ENOTDIR},
		{"openBeneath through a link", do(openBeneath(fd, "tod/sub")), syscall.ELOOP},
		{"openBeneath a link inside", do(openBeneath(fd, "d/in/.")), syscall.ELOOP},
		{"openBeneath dotdot", do(openBeneath(fd, "d/../..")), syscall.EXDEV},
		{"openBeneath another mount", do(openBeneath(top, "proc")), syscall.EXDEV},
		{"mkdirAt", mkdirAt(fd, "dangling", 0o777), syscall.EEXIST},
		{"unlinkAt", unlinkAt(fd, "tod"), 0},
		{"rmdirAt", rmdirAt(fd, "tof"), syscall.ENOTDIR},
		{"linkAt", linkAt(fd, "tof", fd, "tof2"), 0},
	} {
		errno(t, c.name, c.err, c.want)
	}
	for _, name := range []string{"tof", "tof2"} {
		if in, _, err := statAt(fd, name); in.Type != Symlink || err != nil {
			t.Errorf("statAt %s: %v, %v", name, in.Type, err)
		}
		n, err := openPath(fd, name)
		if err != nil {
			t.Fatal(err)
		}
		if in, err := statFD(n); in.Type != Symlink || err != nil {
			t.Errorf("openPath %s: %v, %v", name, in.Type, err)
		}
		closeFD(n)
	}
	errno(t, "setTimesAt", setTimesAt(fd, "tof", Times{SetMtim: true, Mtim: 1}), 0)
	if in, _, err := statAt(fd, "d/f"); in.Mtim == 1 || err != nil {
		t.Errorf("setTimesAt set the times of the target: %v", err)
	}
}

// A /proc that is not what it says does not lead out.
func TestLyingProc(t *testing.T) {
	base := plant(t, t.TempDir(), "granted/f=good", "outside/secret="+canary, "proc/", "empty/")
	for i := range 256 {
		plant(t, base, fmt.Sprintf("proc/%d->%s/outside/secret", i, base))
	}
	for _, c := range []struct {
		proc string
		want string
	}{{"proc", syscall.ESTALE.Error()}, {"empty", "good"}} { // the second is not there, so it is done without
		fs, err := New([]wasi.Mount{{Guest: "/f", Host: base + "/granted/f"}})
		if err != nil {
			t.Fatal(err)
		}
		defer fs.Close()
		if fs.procfs() == nil {
			t.Fatal("no /proc")
		}
		fd, err := openHost(base + "/" + c.proc)
		if err != nil {
			t.Fatal(err)
		}
		if fs.proc, err = fs.keep(fd); err != nil {
			t.Fatal(err)
		}
		got, err := content(fs.Root(), "f")
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.proc, got, c.want)
		}
	}
	if fd, err := openProc(); err != nil {
		t.Errorf("openProc: %v", err)
	} else {
		closeFD(fd)
	}
}

// The number of a descriptor is given back after the last use, and by it.
func TestHandle(t *testing.T) {
	dir := t.TempDir()
	open := func(fd int) bool { _, err := statFD(fd); return err == nil }
	fd, err := openHost(dir)
	if err != nil {
		t.Fatal(err)
	}
	h := &handle{fd: fd}
	for range 2 {
		if err := h.acquire(); err != nil {
			t.Fatal(err)
		}
	}
	h.close()
	h.close()
	errno(t, "acquire after close", h.acquire(), syscall.EBADF)
	h.release()
	if !open(fd) {
		t.Error("closed while in use")
	}
	h.release()
	if open(fd) {
		t.Error("open after the last use")
	}
	if fd, err = openHost(dir); err != nil {
		t.Fatal(err)
	}
	h = &handle{fd: fd}
	h.close()
	if open(fd) {
		t.Error("open after close")
	}
}

// Where a seccomp filter refuses openat2, the first walk finds out and all of them go on without it.
func TestOpenat2Refused(t *testing.T) {
	for _, refusal := range []syscall.Errno{syscall.EPERM, syscall.ENOSYS} {
		t.Run(refusal.Error(), func(t *testing.T) {
			fs, err := New([]wasi.Mount{{Guest: "/", Host: plant(t, t.TempDir(), "a/b/c/f=good", "a/b/l->c/f")}})
			if err != nil {
				t.Fatal(err)
			}
			defer fs.Close()
			done := make(chan struct{})
			go func() {
				defer close(done)
				runtime.LockOSThread() // for good: the thread ends with the goroutine, and the filter with it
				if err := refuse(unix.SYS_OPENAT2, refusal); err != nil {
					t.Error(err)
					return
				}
				if _, err := openBeneath(unix.AT_FDCWD, "."); err != refusal {
					t.Errorf("the filter gives %v", err)
				}
				for _, path := range []string{"a/b/c/f", "a/b/l"} {
					if got, err := content(fs.Root(), path); got != "good" {
						t.Errorf("%s: %q, %v", path, got, err)
					}
				}
			}()
			<-done
			if !fs.noOpenat2.Load() {
				t.Error("the next walk will ask again")
			}
		})
	}
}

// refuse makes a system call fail for the rest of this thread's life.
func refuse(trap uint32, with syscall.Errno) error {
	const (
		load, equal, answer = 0x20, 0x15, 0x06 // of a classic BPF program
		filterMode          = 2
		retErrno, retAllow  = 0x50000, 0x7fff0000
	)
	code := []unix.SockFilter{
		{Code: load}, {Code: equal, Jf: 1, K: trap}, {Code: answer, K: retErrno | uint32(with)}, {Code: answer, K: retAllow},
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	return unix.Prctl(unix.PR_SET_SECCOMP, filterMode, uintptr(unsafe.Pointer(&program)), 0, 0)
}
