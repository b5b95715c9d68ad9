package vfs

import (
	"bytes"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/wasi"
)

// withFIFO calls f in each mode with a directory that has a FIFO named "fifo".
func withFIFO(t *testing.T, f func(t *testing.T, root *Dir, host string)) {
	t.Helper()
	eachMode(t, func(t *testing.T, open opener) {
		dir := t.TempDir()
		host := filepath.Join(dir, "fifo")
		if err := syscall.Mkfifo(host, 0o600); err != nil {
			t.Fatal(err)
		}
		f(t, open(wasi.Mount{Guest: "/", Host: dir}).Root(), host)
	})
}

// hostEnd opens one end of a FIFO for the host, as soon as that does not wait.
func hostEnd(t *testing.T, path string, flags int) int {
	t.Helper()
	for end := time.Now().Add(soon); ; {
		fd, err := unix.Open(path, flags|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err == nil {
			return fd
		}
		if err != unix.ENXIO || time.Now().After(end) {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
}

// opening is an Open in a goroutine of its own.
type opening struct {
	f    *File
	err  error
	done chan struct{}
}

// begin begins to open the FIFO, and fails if it does not wait.
func (o *opening) begin(t *testing.T, root *Dir, how OpenOptions) {
	t.Helper()
	o.done = make(chan struct{})
	go func() {
		defer close(o.done)
		var n Node
		if n, o.err = root.Open("fifo", how); o.err == nil {
			o.f = n.(*File)
		}
	}()
	select {
	case <-o.done:
		t.Fatalf("did not wait: %v", o.err)
	case <-time.After(10 * time.Millisecond):
	}
}

// end is the outcome of begin.
func (o *opening) end(t *testing.T) *File {
	t.Helper()
	select {
	case <-o.done:
	case <-time.After(soon):
		t.Fatal("still waits")
	}
	if o.err != nil {
		t.Fatal(o.err)
	}
	return o.f
}

func TestFIFONonBlocking(t *testing.T) {
	withFIFO(t, func(t *testing.T, root *Dir, _ string) {
		_, err := root.Open("fifo", OpenOptions{Read: true})
		errno(t, "without a Stop", err, syscall.ENOTSUP)
		stop := endless(t)
		_, err = root.Open("fifo", OpenOptions{Write: true, NonBlock: true, Stop: stop})
		errno(t, "a writer without a reader", err, syscall.ENXIO)
		f := openFileAt(t, root, "fifo", OpenOptions{Read: true, NonBlock: true, Stop: stop})
		n, err := f.Read(make([]byte, 9))
		errno(t, "without a writer, at the end", err, 0)
		if s, err := f.Stat(); n != 0 || f.Type() != Pipe || s.Type != Pipe || err != nil {
			t.Errorf("read %d from a %v, %+v", n, f.Type(), s)
		}
		w := openFileAt(t, root, "fifo", OpenOptions{Write: true, NonBlock: true, Stop: stop})
		_, err = f.Read(make([]byte, 9))
		errno(t, "without bytes", err, syscall.EAGAIN)
		errno(t, "to block and not again", f.SetFlags(Flags{}), 0)
		errno(t, "to block and not again", f.SetFlags(Flags{NonBlock: true}), 0)
		_, err = f.Read(make([]byte, 9))
		errno(t, "without bytes", err, syscall.EAGAIN)
		total := 0
		for err = nil; err == nil; total += n {
			n, err = w.Write(make([]byte, 10000))
		}
		errno(t, "full", err, syscall.EAGAIN)
		if total < 4096 {
			t.Errorf("full with %d bytes", total)
		}
		_, err = w.Seek(0, 0)
		errno(t, "Seek", err, syscall.ESPIPE)
		_, err = f.ReadAt(make([]byte, 1), 0)
		errno(t, "ReadAt", err, syscall.ESPIPE)
		errno(t, "SetSize", w.SetSize(0), syscall.EINVAL)
		f.Close()
		_, err = w.Write([]byte("x"))
		errno(t, "without a reader", err, syscall.EPIPE)
	})
}

// Both ends at once are there at once.
func TestFIFOBothEnds(t *testing.T) {
	withFIFO(t, func(t *testing.T, root *Dir, _ string) {
		f := openFileAt(t, root, "fifo", OpenOptions{Read: true, Write: true, Truncate: true, Create: true, Stop: endless(t)})
		if n, err := f.Write([]byte("x")); n != 1 || err != nil {
			t.Error(n, err)
		}
		if n, err := f.Read(make([]byte, 9)); n != 1 || err != nil {
			t.Error(n, err)
		}
	})
}

func TestFIFOReaderWaits(t *testing.T) {
	for name, c := range map[string]struct {
		writes string
		stays  bool
	}{"writes": {"x", true}, "only opens": {"", true}, "writes and closes": {"x", false}, "opens and closes": {"", false}} {
		t.Run("for a writer that "+name, func(t *testing.T) {
			withFIFO(t, func(t *testing.T, root *Dir, host string) {
				var o opening
				o.begin(t, root, OpenOptions{Read: true, Stop: endless(t)})
				fd := hostEnd(t, host, unix.O_WRONLY)
				if n, err := unix.Write(fd, []byte(c.writes)); n != len(c.writes) || err != nil {
					t.Fatal(err)
				}
				if !c.stays {
					closeFD(fd)
				}
				f := o.end(t)
				if c.stays {
					closeFD(fd)
				}
				b := make([]byte, 9)
				if n, err := f.Read(b); string(b[:n]) != c.writes || err != nil { // nothing is lost by the waiting
					t.Errorf("%q, %v", b[:n], err)
				}
				if n, err := f.Read(b); n != 0 || err != nil {
					t.Errorf("at the end: %q, %v", b[:n], err)
				}
			})
		})
	}
}

func TestFIFOWriterWaits(t *testing.T) {
	withFIFO(t, func(t *testing.T, root *Dir, host string) {
		var o opening
		o.begin(t, root, OpenOptions{Write: true, Stop: endless(t)})
		fd := hostEnd(t, host, unix.O_RDONLY)
		defer closeFD(fd)
		f := o.end(t)
		text := bytes.Repeat([]byte("0123456789abcdef"), 20<<10)
		var n int
		var err error
		done := make(chan struct{})
		go func() {
			defer close(done)
			n, err = f.Write(text) // many times what it has room for
			f.Close()
		}()
		var got []byte
		for b := make([]byte, 5000); len(got) < len(text); {
			k, err := readFD(fd, b)
			if err == unix.EAGAIN {
				time.Sleep(time.Millisecond)
				continue
			}
			if k == 0 || err != nil {
				break
			}
			got = append(got, b[:k]...)
		}
		<-done
		if n != len(text) || err != nil || !bytes.Equal(got, text) {
			t.Errorf("wrote %d of %d, %v, and %d arrived", n, len(text), err, len(got))
		}
	})
}

// The two ends of two guests, or of two threads, find each other.
func TestFIFOTwoGuests(t *testing.T) {
	withFIFO(t, func(t *testing.T, root *Dir, _ string) {
		var o opening
		o.begin(t, root, OpenOptions{Read: true, Stop: endless(t)})
		w := openFileAt(t, openDirAt(t, root, "."), "fifo", OpenOptions{Write: true, Stop: endless(t)})
		f := o.end(t)
		go func() {
			time.Sleep(5 * time.Millisecond)
			_, _ = w.Write([]byte("late"))
			w.Close()
		}()
		b := make([]byte, 9)
		if n, err := f.Read(b); string(b[:n]) != "late" || err != nil {
			t.Errorf("%q, %v", b[:n], err)
		}
	})
}

// Every wait ends with the guest's context, at once.
func TestFIFOStopped(t *testing.T) {
	for name, wait := range map[string]func(t *testing.T, root *Dir, host string, stop *Stop) error{
		"open for reading": func(_ *testing.T, root *Dir, _ string, stop *Stop) error {
			_, err := root.Open("fifo", OpenOptions{Read: true, Stop: stop})
			return err
		},
		"open for writing": func(_ *testing.T, root *Dir, _ string, stop *Stop) error {
			_, err := root.Open("fifo", OpenOptions{Write: true, Stop: stop})
			return err
		},
		"read": func(t *testing.T, root *Dir, host string, stop *Stop) error {
			f := openFileAt(t, root, "fifo", OpenOptions{Read: true, NonBlock: true, Stop: stop})
			w := hostEnd(t, host, unix.O_WRONLY)
			defer closeFD(w)
			errno(t, "SetFlags", f.SetFlags(Flags{}), 0)
			_, err := f.Read(make([]byte, 1))
			return err
		},
		"write": func(t *testing.T, root *Dir, host string, stop *Stop) error {
			fd := hostEnd(t, host, unix.O_RDONLY)
			defer closeFD(fd)
			f := openFileAt(t, root, "fifo", OpenOptions{Write: true, Stop: stop})
			n, err := f.Write([]byte(strings.Repeat("x", 1<<20)))
			if n < 4096 {
				t.Errorf("wrote %d", n)
			}
			return err
		},
		"poll": func(t *testing.T, root *Dir, host string, stop *Stop) error {
			f := openFileAt(t, root, "fifo", OpenOptions{Read: true, NonBlock: true, Stop: stop})
			_, err := Poll(stop, time.Time{}, []Pollable{f.Readable()})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			withFIFO(t, func(t *testing.T, root *Dir, host string) {
				before := descriptors(t)
				stop, begin, late := ending(t)
				begin()
				if err := wait(t, root, host, stop); err != ErrStopped {
					t.Errorf("%v", err)
				}
				if late() > soon {
					t.Errorf("%v late", late())
				}
				root.fs.Close()
				stop.Close()
				if after := descriptors(t); after > before {
					t.Errorf("%d descriptors left open", after-before)
				}
			})
		})
	}
}

func TestFilePoll(t *testing.T) {
	withFIFO(t, func(t *testing.T, root *Dir, host string) {
		stop := endless(t)
		past := time.Unix(1, 0)
		poll := func(p Pollable, deadline time.Time) *Readiness {
			t.Helper()
			r, err := Poll(stop, deadline, []Pollable{p})
			if err != nil {
				t.Fatal(err)
			}
			return r[0]
		}
		f := openFileAt(t, root, "fifo", OpenOptions{Read: true, NonBlock: true, Stop: stop})
		begun := time.Now()
		if r := poll(f.Readable(), begun.Add(5*time.Millisecond)); r != nil || time.Since(begun) < 5*time.Millisecond {
			t.Errorf("without a writer: %+v", r)
		}
		w := openFileAt(t, root, "fifo", OpenOptions{Write: true, NonBlock: true, Stop: stop})
		if r := poll(w.Writable(), past); r == nil || r.Hangup {
			t.Errorf("an empty FIFO: %+v", r)
		}
		go func() {
			time.Sleep(5 * time.Millisecond)
			_, _ = w.Write([]byte("four"))
		}()
		if r := poll(f.Readable(), time.Time{}); r == nil || *r != (Readiness{Bytes: 4}) {
			t.Errorf("with four bytes: %+v", r)
		}
		for {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				break
			}
		}
		if r := poll(w.Writable(), past); r != nil {
			t.Errorf("a full FIFO: %+v", r)
		}
		f.Close()
		if r := poll(w.Writable(), past); r == nil || !r.Hangup {
			t.Errorf("without a reader: %+v", r)
		}
		w.Close()
		if r := poll(w.Writable(), past); r == nil || !r.Hangup {
			t.Errorf("closed: %+v", r)
		}

		regular := openFileAt(t, root, "new", OpenOptions{Create: true, Read: true, Write: true, Perm: 0o600})
		if _, err := regular.Write([]byte("content")); err != nil {
			t.Fatal(err)
		}
		if _, err := regular.Seek(2, 0); err != nil {
			t.Fatal(err)
		}
		if r := poll(regular.Readable(), time.Time{}); *r != (Readiness{Bytes: 5}) {
			t.Errorf("a regular file: %+v", r)
		}
		if r := poll(regular.Writable(), time.Time{}); *r != (Readiness{}) {
			t.Errorf("a regular file: %+v", r)
		}
	})
}
