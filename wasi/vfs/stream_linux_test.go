package vfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// brokenPipe is the variable that makes this test binary write to its standard output, a pipe that nobody reads.
const brokenPipe = "WASMOCI_TEST_BROKEN_PIPE"

func TestMain(m *testing.M) {
	if os.Getenv(brokenPipe) == "" {
		os.Exit(m.Run())
	}
	out, err := NewOutput(os.Stdout)
	if err == nil {
		_, err = out.Write(NewStop(context.Background()), []byte("x"))
	}
	fmt.Fprint(os.Stderr, "survived: ", err)
}

// TestBrokenPipeOnStdout: os.File ends the process whose standard output nobody reads; a guest's is told EPIPE.
func TestBrokenPipeOnStdout(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, w := osPipe(t)
	r.Close()
	var told strings.Builder
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), brokenPipe+"=1")
	cmd.Stdout, cmd.Stderr = w, &told
	if err := cmd.Run(); err != nil || told.String() != "survived: broken pipe" {
		t.Errorf("%v, %q", err, told.String())
	}
}

func osPipe(t testing.TB) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		w.Close()
	})
	return r, w
}

// blockingPipe is a pipe whose descriptors block in the kernel, as those that a process inherits do.
func blockingPipe(t testing.TB) (r, w *os.File) {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	r, w = os.NewFile(uintptr(fds[0]), "read end"), os.NewFile(uintptr(fds[1]), "write end")
	t.Cleanup(func() {
		r.Close()
		w.Close()
	})
	return r, w
}

// fill writes to a pipe or a socket that does not block until there is no room.
func fill(t testing.TB, w *os.File) {
	t.Helper()
	conn, err := w.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	conn.Control(func(fd uintptr) {
		for err = nil; err == nil || err == unix.EINTR; {
			_, err = unix.Write(int(fd), make([]byte, 4096))
		}
	})
	if err != unix.EAGAIN {
		t.Fatal(err)
	}
}

// terminal is a pseudo-terminal: what the guest has, and what a person would sit at.
func terminal(t testing.TB) (guest, person *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	person = os.NewFile(uintptr(fd), "person")
	t.Cleanup(func() { person.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	peer, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		t.Fatal(errno)
	}
	guest = os.NewFile(peer, "guest")
	t.Cleanup(func() { guest.Close() })
	return guest, person
}

func openHostFile(t testing.TB, name string, flags int) *os.File {
	t.Helper()
	f, err := os.OpenFile(name, flags, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestFileStreamTypes(t *testing.T) {
	regular := openHostFile(t, filepath.Join(t.TempDir(), "f"), os.O_CREATE|os.O_RDWR)
	null := openHostFile(t, os.DevNull, os.O_RDWR)
	zero := openHostFile(t, "/dev/zero", os.O_RDWR)
	pipe, _ := osPipe(t)
	tty, _ := terminal(t)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	socket := os.NewFile(uintptr(pair[0]), "socket")
	defer socket.Close()
	defer unix.Close(pair[1])
	for _, c := range []struct {
		name string
		f    *os.File
		want FileType
	}{
		{"regular file", regular, Regular},
		{"null device", null, Unknown}, // a guest would take it for a terminal
		{"zero device", zero, Unknown},
		{"pipe", pipe, Pipe},
		{"socket", socket, SocketStream},
		{"terminal", tty, CharDevice},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := input(t, c.f).Type(); got != c.want {
				t.Errorf("input of type %v, want %v", got, c.want)
			}
			if got := output(t, c.f).Type(); got != c.want {
				t.Errorf("output of type %v, want %v", got, c.want)
			}
		})
	}
}

func TestFileStreamErrors(t *testing.T) {
	closed := openHostFile(t, os.DevNull, os.O_RDWR)
	closed.Close()
	for _, c := range []struct {
		name string
		f    *os.File
		want error
	}{
		{"closed", closed, os.ErrClosed},
		{"nil", nil, os.ErrInvalid},
		{"directory", openHostFile(t, t.TempDir(), os.O_RDONLY), syscall.EISDIR},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := NewInput(c.f); !errors.Is(err, c.want) {
				t.Errorf("input: %v, want %v", err, c.want)
			}
			if _, err := NewOutput(c.f); !errors.Is(err, c.want) {
				t.Errorf("output: %v, want %v", err, c.want)
			}
		})
	}
}

// TestRegularFileInput: the file's own offset is used, and moved by exactly what was read.
func TestRegularFileInput(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte("0123456789"), 0o644); err != nil {
		t.Fatal(err)
	}
	f := openHostFile(t, name, os.O_RDONLY)
	if _, err := f.Seek(2, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	in, b := input(t, f), make([]byte, 3)
	if n, err := in.Read(endless(t), b); err != nil || string(b[:n]) != "234" {
		t.Errorf("%q, %v", b[:n], err)
	}
	if at, err := f.Seek(0, io.SeekCurrent); at != 5 || err != nil {
		t.Errorf("the file is at %d, %v", at, err)
	}
	if got, err := readAll(t, endless(t), in, 4); got != "56789" || err != io.EOF {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := Poll(endless(t), time.Time{}, []Pollable{in}); err != nil || got[0] == nil {
		t.Errorf("a file is always ready: %v, %v", got, err)
	}
}

func TestRegularFileOutput(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	f := openHostFile(t, name, os.O_CREATE|os.O_WRONLY)
	f.WriteString("head ")
	text := pattern(1 << 20)
	if n, err := output(t, f).Write(endless(t), []byte(text)); n != len(text) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if b, err := os.ReadFile(name); err != nil || string(b) != "head "+text {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if _, err := output(t, openHostFile(t, name, os.O_RDONLY)).Write(endless(t), []byte("x")); err != syscall.EBADF {
		t.Errorf("a file open for reading: %v", err)
	}
	if n, err := output(t, openHostFile(t, "/dev/full", os.O_WRONLY)).Write(endless(t), []byte("x")); n != 0 || err != syscall.ENOSPC {
		t.Errorf("a full device: %d, %v", n, err)
	}
}

func TestPipes(t *testing.T) {
	for _, c := range []struct {
		name string
		pipe func(testing.TB) (r, w *os.File)
	}{{"that Go polls", osPipe}, {"that block", blockingPipe}} {
		t.Run(c.name, func(t *testing.T) {
			t.Run("input", func(t *testing.T) {
				r, w := c.pipe(t)
				text := pattern(1 << 20)
				go func() {
					io.WriteString(w, text)
					w.Close()
				}()
				if got, err := readAll(t, endless(t), input(t, r), 5000); got != text || err != io.EOF {
					t.Errorf("%d bytes, %v", len(got), err)
				}
			})
			t.Run("no further than asked", func(t *testing.T) {
				r, w := c.pipe(t)
				w.WriteString("0123456789")
				b := make([]byte, 4)
				if n, err := input(t, r).Read(endless(t), b); n != 4 || err != nil {
					t.Fatalf("%d, %v", n, err)
				}
				if n, err := io.ReadFull(r, b); string(b[:n]) != "4567" || err != nil {
					t.Errorf("the rest begins with %q, %v", b[:n], err)
				}
			})
			t.Run("output", func(t *testing.T) {
				r, w := c.pipe(t)
				text := pattern(1 << 20)
				go func() {
					if n, err := output(t, w).Write(endless(t), []byte(text)); n != len(text) || err != nil {
						t.Errorf("%d, %v", n, err)
					}
					w.Close()
				}()
				if got, err := io.ReadAll(r); string(got) != text || err != nil {
					t.Errorf("%d bytes, %v", len(got), err)
				}
			})
			t.Run("broken", func(t *testing.T) {
				r, w := c.pipe(t)
				out := output(t, w)
				r.Close()
				for range 2 {
					if n, err := out.Write(endless(t), []byte("x")); n != 0 || err != syscall.EPIPE {
						t.Errorf("%d, %v", n, err)
					}
				}
				if got, err := Poll(endless(t), time.Time{}, []Pollable{out}); err != nil || got[0] == nil || !got[0].Hangup {
					t.Errorf("%v, %v", got, err)
				}
			})
			t.Run("breaks while waiting", func(t *testing.T) {
				r, w := c.pipe(t)
				go func() {
					r.Read(make([]byte, 1)) // it has begun
					time.Sleep(10 * time.Millisecond)
					r.Close()
				}()
				n, err := output(t, w).Write(endless(t), make([]byte, 1<<20))
				if n == 0 || n == 1<<20 || err != syscall.EPIPE {
					t.Errorf("%d, %v", n, err)
				}
			})
			t.Run("full, then stopped", func(t *testing.T) {
				_, w := c.pipe(t)
				stop, begin, late := ending(t)
				begin()
				n, err := output(t, w).Write(stop, make([]byte, 1<<20))
				if n == 0 || n == 1<<20 || err != ErrStopped || late() > soon {
					t.Errorf("%d, %v, %v late", n, err, late())
				}
			})
			t.Run("empty, then stopped", func(t *testing.T) {
				r, _ := c.pipe(t)
				stop, begin, late := ending(t)
				begin()
				if n, err := input(t, r).Read(stop, make([]byte, 1)); n != 0 || err != ErrStopped || late() > soon {
					t.Errorf("%d, %v, %v late", n, err, late())
				}
			})
			t.Run("polled, then stopped", func(t *testing.T) {
				r, _ := c.pipe(t)
				stop, begin, late := ending(t)
				begin()
				if _, err := Poll(stop, time.Time{}, []Pollable{input(t, r)}); err != ErrStopped || late() > soon {
					t.Errorf("%v, %v late", err, late())
				}
			})
			t.Run("polled, then there", func(t *testing.T) {
				r, w := c.pipe(t)
				time.AfterFunc(10*time.Millisecond, func() { w.WriteString("abc") })
				got, err := Poll(endless(t), time.Time{}, []Pollable{input(t, r)})
				if err != nil || got[0] == nil || *got[0] != (Readiness{Bytes: 3}) {
					t.Errorf("%v, %v", got, err)
				}
			})
		})
	}
}

// TestPollBoth waits for a Reader and a file at once: either wakes it.
func TestPollBoth(t *testing.T) {
	for which, name := range []string{"reader", "file"} {
		t.Run(name, func(t *testing.T) {
			fr, fw := osPipe(t)
			pr, pw := io.Pipe()
			defer pw.Close()
			streams := []Pollable{input(t, pr), input(t, fr)}
			writers := []io.Writer{pw, fw}
			time.AfterFunc(10*time.Millisecond, func() { writers[which].Write([]byte("x")) })
			got, err := Poll(endless(t), time.Now().Add(10*time.Second), streams)
			if err != nil || got[which] == nil || got[1-which] != nil {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

func TestTerminal(t *testing.T) {
	guest, person := terminal(t)
	in, out := input(t, guest), output(t, guest)
	if n, err := out.Write(endless(t), []byte("login: ")); n != 7 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	b := make([]byte, 64)
	if n, err := person.Read(b); string(b[:n]) != "login: " || err != nil {
		t.Errorf("%q, %v", b[:n], err)
	}
	if got, err := Poll(endless(t), time.Unix(1, 0), []Pollable{in}); err != nil || got[0] != nil {
		t.Errorf("nothing typed: %v, %v", got, err)
	}
	person.WriteString("root\n")
	if n, err := in.Read(endless(t), b); string(b[:n]) != "root\n" || err != nil {
		t.Errorf("%q, %v", b[:n], err)
	}
	stop, begin, late := ending(t)
	begin()
	if _, err := in.Read(stop, b); err != ErrStopped || late() > soon {
		t.Errorf("%v, %v late", err, late())
	}
}

// TestFullTerminal: nobody reads what a terminal shows, and the guest is stopped all the same.
func TestFullTerminal(t *testing.T) {
	guest, person := terminal(t)
	stop, begin, late := ending(t)
	begin()
	done := make(chan error, 1)
	go func() {
		out := output(t, guest)
		for n := 1; ; n = n*3%9973 + 1 { // pieces of all sizes, so that one is more than there is room for
			if _, err := out.Write(stop, []byte(strings.Repeat("x", n))); err != nil {
				done <- err
				return
			}
		}
	}()
	select {
	case err := <-done:
		if err != ErrStopped || late() > soon {
			t.Errorf("%v, %v late", err, late())
		}
	case <-time.After(soon):
		person.Close() // lets the write go
		<-done
		t.Error("blocked")
	}
}

// TestWaitingIsIdle: waiting for a stream, with and without a deadline, does not use the processor.
func TestWaitingIsIdle(t *testing.T) {
	_, w := osPipe(t)
	full := output(t, w)
	fill(t, w)
	pr, pw := io.Pipe()
	defer pw.Close()
	empty, _ := osPipe(t)
	before := threadTimes(t)
	begun := time.Now()
	waiting := endless(t)
	for _, s := range []Pollable{input(t, pr), input(t, empty), full} {
		waiting.wake() // by what nobody waits for any more
		if got, err := Poll(waiting, time.Now().Add(50*time.Millisecond), []Pollable{s}); err != nil || got[0] != nil {
			t.Errorf("%v, %v", got, err)
		}
	}
	if used, waited := threadTimes(t)-before, time.Since(begun); used > waited/2 {
		t.Errorf("%v of processor time in %v", used, waited)
	}
}

// threadTimes is the processor time of this process.
func threadTimes(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestStreamDescriptors: a Stop's own descriptor goes with it, the caller's files stay.
func TestStreamDescriptors(t *testing.T) {
	r, w := osPipe(t)
	before, goroutines := descriptors(t), runtime.NumGoroutine()
	for range 20 {
		stop, begin, _ := ending(t)
		begin()
		input(t, r).Read(stop, make([]byte, 1))
		stop.Close()
		stop.Close()
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
	settle(t, goroutines)
	if _, err := w.WriteString("x"); err != nil {
		t.Error(err)
	}
	if _, err := r.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
}

// TestInheritedFlags: a stream's file is the caller's, and often another process's too: its flags stay.
func TestInheritedFlags(t *testing.T) {
	r, w := blockingPipe(t)
	in, out := input(t, r), output(t, w)
	if _, err := out.Write(endless(t), []byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Read(endless(t), make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*os.File{r, w} {
		conn, err := f.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		conn.Control(func(fd uintptr) {
			if flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK != 0 {
				t.Errorf("%s: flags %#x, %v", f.Name(), flags, err)
			}
		})
	}
}
