package vfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/iotest"
	"time"
)

// endless is a Stop that does not end by itself.
func endless(t testing.TB) *Stop {
	t.Helper()
	s := NewStop(t.Context())
	t.Cleanup(s.Close)
	return s
}

// soon is how long what should happen at once may take on a machine that is busy; what it is not told from takes for ever.
const soon = 10 * time.Second

// ending is a Stop that ends some time after the first call of begin.
func ending(t testing.TB) (s *Stop, begin func(), late func() time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	s = NewStop(ctx)
	t.Cleanup(s.Close)
	var ended atomic.Int64
	return s, func() {
		time.AfterFunc(20*time.Millisecond, func() {
			ended.Store(time.Now().UnixNano())
			cancel()
		})
	}, func() time.Duration { return time.Since(time.Unix(0, ended.Load())) }
}

func input(t testing.TB, r io.Reader) Input {
	t.Helper()
	in, err := NewInput(r)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func output(t testing.TB, w io.Writer) Output {
	t.Helper()
	out, err := NewOutput(w)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// readAll reads in pieces of that size until the end.
func readAll(t *testing.T, stop *Stop, in Input, size int) (string, error) {
	t.Helper()
	var all []byte
	for b := make([]byte, size); ; {
		n, err := in.Read(stop, b)
		all = append(all, b[:n]...)
		if err != nil {
			if n, again := in.Read(stop, b); n != 0 || again != err {
				t.Errorf("after %v: %d, %v", err, n, again)
			}
			return string(all), err
		}
		if n == 0 {
			t.Fatal("neither bytes nor an error")
		}
	}
}

// pattern is n bytes in which each place can be told.
func pattern(n int) string {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return string(b)
}

func TestInput(t *testing.T) {
	text := pattern(1 << 20)
	broken := errors.New("broken")
	for _, c := range []struct {
		name string
		r    io.Reader
		want string
		err  error
	}{
		{"nil", nil, "", io.EOF},
		{"text in memory", strings.NewReader("some"), "some", io.EOF},
		{"a MiB in memory", bytes.NewReader([]byte(text)), text, io.EOF},
		{"a buffer", bytes.NewBufferString("some"), "some", io.EOF},
		{"nothing in memory", strings.NewReader(""), "", io.EOF},
		{"a reader", anyReader(strings.NewReader("some")), "some", io.EOF},
		{"an empty reader", anyReader(strings.NewReader("")), "", io.EOF},
		{"a MiB", anyReader(strings.NewReader(text)), text, io.EOF},
		{"byte by byte", iotest.OneByteReader(strings.NewReader("some")), "some", io.EOF},
		{"the end with the last bytes", iotest.DataErrReader(strings.NewReader("some")), "some", io.EOF},
		{"an error", io.MultiReader(strings.NewReader("some"), iotest.ErrReader(broken)), "some", syscall.EIO},
		{"an errno", io.MultiReader(strings.NewReader("some"), iotest.ErrReader(&os.PathError{Err: syscall.ENOTCONN})), "some", syscall.ENOTCONN},
		{"nothing for a while", &hesitant{r: strings.NewReader("some"), times: maxEmptyReads - 1}, "some", io.EOF},
		{"nothing for ever", &hesitant{r: strings.NewReader("some"), times: 1 << 30}, "", syscall.EIO},
		{"more than there is room for", liar(1 << 30), strings.Repeat("\x00", 32<<10), syscall.EIO},
		{"less than nothing", liar(-1), "", syscall.EIO},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := input(t, c.r)
			if in.Type() != Unknown {
				t.Errorf("type %v", in.Type())
			}
			if n, err := in.Read(endless(t), nil); n != 0 {
				t.Errorf("read of nothing: %d, %v", n, err)
			}
			if got, err := readAll(t, endless(t), in, 3<<10); got != c.want || err != c.err {
				t.Errorf("%d bytes, %v; want %d, %v", len(got), err, len(c.want), c.err)
			}
		})
	}
}

// anyReader hides that a Reader is one that never blocks.
func anyReader(r io.Reader) io.Reader { return struct{ io.Reader }{r} }

// anyWriter hides that a Writer is one that never blocks.
func anyWriter(w io.Writer) io.Writer { return struct{ io.Writer }{w} }

// hesitant gives nothing some times before each read.
type hesitant struct {
	r           io.Reader
	times, done int
}

func (h *hesitant) Read(p []byte) (int, error) {
	if h.done++; h.done <= h.times {
		return 0, nil
	}
	h.done = 0
	return h.r.Read(p)
}

// liar says that it has read so many bytes, and fails.
type liar int

func (n liar) Read([]byte) (int, error) { return int(n), errors.New("lies") }

func (n liar) Write([]byte) (int, error) { return int(n), nil }

// TestReadAhead: a Reader is asked only while the guest wants input, and never twice at once.
func TestReadAhead(t *testing.T) {
	r := &counting{r: strings.NewReader(pattern(100 << 10))}
	in := input(t, r)
	time.Sleep(time.Millisecond)
	if n := r.calls.Load(); n != 0 {
		t.Errorf("%d reads before the first", n)
	}
	b := make([]byte, 1<<10)
	for range 32 {
		if n, err := in.Read(endless(t), b); n != len(b) || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
	if n := r.calls.Load(); n != 1 {
		t.Errorf("%d reads for one buffer", n)
	}
}

type counting struct {
	r     io.Reader
	calls atomic.Int64
}

func (c *counting) Read(p []byte) (int, error) {
	c.calls.Add(1)
	return c.r.Read(p)
}

func TestOutput(t *testing.T) {
	text := pattern(1 << 20)
	t.Run("nil", func(t *testing.T) {
		if n, err := output(t, nil).Write(endless(t), []byte(text)); n != len(text) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
	for name, hide := range map[string]func(io.Writer) io.Writer{
		"a MiB": anyWriter, "a MiB to memory": func(w io.Writer) io.Writer { return w },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			out := output(t, hide(&b))
			for rest := text; rest != ""; {
				n := min(len(rest), 100001)
				if k, err := out.Write(endless(t), []byte(rest[:n])); k != n || err != nil {
					t.Fatalf("%d, %v", k, err)
				}
				rest = rest[n:]
			}
			if b.String() != text {
				t.Error("something else arrived")
			}
		})
	}
	for _, c := range []struct {
		name string
		w    io.Writer
		n    int
		err  error
	}{
		{"an error", failing{1, errors.New("broken")}, 1, syscall.EIO},
		{"an errno", failing{0, &os.PathError{Err: syscall.ENOSPC}}, 0, syscall.ENOSPC},
		{"a closed pipe", failing{0, io.ErrClosedPipe}, 0, syscall.EPIPE},
		{"a closed file", failing{0, os.ErrClosed}, 0, syscall.EBADF},
		{"short without an error", failing{2, nil}, 2, syscall.EIO},
		{"more than there was", liar(100), 4, nil},
		{"less than nothing", liar(-1), 0, syscall.EIO},
	} {
		t.Run(c.name, func(t *testing.T) {
			if n, err := output(t, c.w).Write(endless(t), []byte("some")); n != c.n || err != c.err {
				t.Errorf("%d, %v; want %d, %v", n, err, c.n, c.err)
			}
		})
	}
}

type failing struct {
	n   int
	err error
}

func (f failing) Write([]byte) (int, error) { return f.n, f.err }

// TestOutputCopies: what a Writer keeps is its own, as io.Writer asks of it; what one keeps that does not care is not the
// guest's memory either.
func TestOutputCopies(t *testing.T) {
	var kept keeper
	b := []byte("first")
	if _, err := output(t, &kept).Write(endless(t), b); err != nil {
		t.Fatal(err)
	}
	if &kept[0] == &b[0] {
		t.Error("the Writer was given the guest's memory")
	}
}

type keeper []byte

func (k *keeper) Write(p []byte) (int, error) {
	*k = p
	return len(p), nil
}

// stuck blocks until it is released, and tells that it has begun.
type stuck struct{ begun, release chan struct{} }

func newStuck(t *testing.T) *stuck {
	s := &stuck{make(chan struct{}, 8), make(chan struct{})}
	t.Cleanup(s.free)
	return s
}

func (s *stuck) free() {
	select {
	case <-s.release:
	default:
		close(s.release)
	}
}

func (s *stuck) Read([]byte) (int, error) {
	s.begun <- struct{}{}
	<-s.release
	return 0, io.EOF
}

func (s *stuck) Write(p []byte) (int, error) {
	s.begun <- struct{}{}
	<-s.release
	return len(p), nil
}

// TestStuckStreams: a stream that blocks for ever does not keep the guest; one goroutine stays until it returns.
func TestStuckStreams(t *testing.T) {
	for _, c := range []struct {
		name string
		call func(s *stuck, stop *Stop) error
	}{
		{"read", func(s *stuck, stop *Stop) error { _, err := input(t, s).Read(stop, make([]byte, 1)); return err }},
		{"write", func(s *stuck, stop *Stop) error { _, err := output(t, s).Write(stop, []byte("x")); return err }},
		{"poll", func(s *stuck, stop *Stop) error {
			_, err := Poll(stop, time.Time{}, []Pollable{input(t, s)})
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			s := newStuck(t)
			stop, begin, late := ending(t)
			begin()
			if err := c.call(s, stop); err != ErrStopped || late() > soon {
				t.Errorf("%v, %v late", err, late())
			}
			stop.Close()
			if n := len(s.begun); n != 1 {
				t.Errorf("%d calls of the stream, want 1", n)
			}
			settle(t, before+1)
			s.free()
			settle(t, before)
		})
	}
}

// settle waits until no more than that many goroutines run.
func settle(t *testing.T, most int) {
	t.Helper()
	for deadline := time.Now().Add(soon); runtime.NumGoroutine() > most; {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, want %d:\n%s", runtime.NumGoroutine(), most, buf[:runtime.Stack(buf, true)])
		}
		time.Sleep(time.Millisecond)
	}
}

// TestLostWriter: a Writer that was given up is not called again.
func TestLostWriter(t *testing.T) {
	s := newStuck(t)
	out := output(t, s)
	stop, begin, _ := ending(t)
	begin()
	if _, err := out.Write(stop, []byte("x")); err != ErrStopped {
		t.Fatal(err)
	}
	if _, err := out.Write(endless(t), []byte("x")); err != ErrStopped || len(s.begun) != 1 {
		t.Errorf("%v, %d calls", err, len(s.begun))
	}
}

// TestConnections: a stream with deadlines is released, and has none afterwards.
func TestConnections(t *testing.T) {
	for _, c := range []struct {
		name string
		call func(conn net.Conn, stop *Stop) error
	}{
		{"read", func(conn net.Conn, stop *Stop) error {
			_, err := input(t, conn).Read(stop, make([]byte, 1))
			return err
		}},
		{"write", func(conn net.Conn, stop *Stop) error { _, err := output(t, conn).Write(stop, []byte("x")); return err }},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			near, far := net.Pipe()
			defer near.Close()
			defer far.Close()
			stop, begin, late := ending(t)
			begin()
			if err := c.call(near, stop); err != ErrStopped || late() > soon {
				t.Errorf("%v, %v late", err, late())
			}
			stop.Close()
			settle(t, before) // nobody stays behind
			go io.WriteString(far, "more")
			b := make([]byte, 4)
			if _, err := io.ReadFull(near, b); err != nil || string(b) != "more" {
				t.Errorf("the connection afterwards: %q, %v", b, err)
			}
			go io.ReadFull(far, make([]byte, 4))
			if _, err := near.Write(b); err != nil {
				t.Errorf("the connection afterwards: %v", err)
			}
		})
	}
}

// TestConnectionOfEndedGuest: a guest that has ended by itself while a connection was being read leaves nobody in it.
func TestConnectionOfEndedGuest(t *testing.T) {
	for name, ctx := range map[string]context.Context{"context that may end": t.Context(), "context that never does": context.Background()} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			near, far := net.Pipe()
			defer near.Close()
			defer far.Close()
			stop := NewStop(ctx)
			if got, err := Poll(stop, time.Now().Add(time.Millisecond), []Pollable{input(t, near)}); err != nil || got[0] != nil {
				t.Fatalf("%v, %v", got, err)
			}
			stop.Close()
			go io.WriteString(far, "more")
			b := make([]byte, 4)
			if _, err := io.ReadFull(near, b); err != nil || string(b) != "more" {
				t.Errorf("the connection afterwards: %q, %v", b, err)
			}
			settle(t, before)
		})
	}
}

// TestStreamsLeaveNothing: after runs that end by themselves no goroutine is left.
func TestStreamsLeaveNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		stop := NewStop(ctx)
		if _, err := io.Copy(io.Discard, reading{input(t, anyReader(strings.NewReader("some"))), stop}); err != nil {
			t.Fatal(err)
		}
		if _, err := output(t, io.Discard).Write(stop, []byte("some")); err != nil {
			t.Fatal(err)
		}
		if _, err := Poll(stop, time.Now().Add(time.Microsecond), []Pollable{input(t, anyReader(strings.NewReader("x")))}); err != nil {
			t.Fatal(err)
		}
		stop.Close()
		stop.Close()
		cancel()
	}
	settle(t, before)
}

// reading makes a Reader of an Input.
type reading struct {
	in   Input
	stop *Stop
}

func (r reading) Read(p []byte) (int, error) { return r.in.Read(r.stop, p) }

func ExampleNewInput() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	stop := NewStop(ctx)
	defer stop.Close()

	never, w := io.Pipe() // nobody writes
	defer w.Close()
	in, err := NewInput(never)
	if err != nil {
		panic(err)
	}
	_, err = in.Read(stop, make([]byte, 16))
	fmt.Println(err)

	// Output:
	// vfs: stopped
}
