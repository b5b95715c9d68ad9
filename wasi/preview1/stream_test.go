package preview1

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

func TestStreams(t *testing.T) {
	var out, errOut bytes.Buffer
	g := newGuest(t, &wasi.Config{Stdin: strings.NewReader("input"), Stdout: &out, Stderr: &errOut})
	if s, e := g.read(stdin, 2, 10); e != success || s != "in" { // what is there is not waited for twice
		t.Errorf("%q, %d", s, e)
	}
	if s, e := g.read(stdin, 0, 10); e != success || s != "put" {
		t.Errorf("%q, %d", s, e)
	}
	for range 2 {
		if s, e := g.read(stdin, 10); e != success || s != "" {
			t.Errorf("at the end: %q, %d", s, e)
		}
	}
	if n, e := g.write(stdout, "a", "", "bc"); e != success || n != 3 {
		t.Errorf("%d, %d", n, e)
	}
	if n, e := g.write(2, "error"); e != success || n != 5 {
		t.Errorf("%d, %d", n, e)
	}
	if out.String() != "abc" || errOut.String() != "error" {
		t.Errorf("%q, %q", out.String(), errOut.String())
	}
	for fd := range uint64(3) {
		st := g.fdstat(fd)
		if st.filetype != 0 || st.flags != 0 || st.inheriting != 0 || st.base&(rightSeek|rightTell) != 0 {
			t.Errorf("fd %d: %+v", fd, st)
		}
	}
	g.want(success, "fd_close", stdout)
	if _, e := g.write(stdout, "x"); e != ebadf {
		t.Errorf("closed stdout: %d", e)
	}
}

func TestNoStreams(t *testing.T) {
	g := newGuest(t, &wasi.Config{})
	if s, e := g.read(stdin, 10); e != success || s != "" {
		t.Errorf("%q, %d", s, e)
	}
	if n, e := g.write(stdout, "discarded"); e != success || n != 9 {
		t.Errorf("%d, %d", n, e)
	}
}

// TestSameStream: a Writer for both outputs gets them in the order that the guest wrote them in.
func TestSameStream(t *testing.T) {
	var both bytes.Buffer
	g := newGuest(t, &wasi.Config{Stdout: &both, Stderr: &both})
	want := ""
	for i := range 100 {
		s := strings.Repeat("x", i) + "\n"
		g.write(uint64(1+i%2), s)
		want += s
	}
	if both.String() != want {
		t.Error("out of order")
	}
}

// limited is a Writer that fails once it is full.
type limited struct {
	bytes.Buffer
	room int
	err  error
}

func (w *limited) Write(p []byte) (int, error) {
	n := min(len(p), w.room)
	w.room -= n
	w.Buffer.Write(p[:n])
	if n < len(p) {
		return n, w.err
	}
	return n, nil
}

func TestOutputErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		room int
		err  error
		n    int // of "abcdef"
		want Errno
	}{
		{"fails at once", 0, errors.New("broken"), 0, eio},
		{"closed pipe", 0, io.ErrClosedPipe, 0, epipe},
		{"closed file", 0, os.ErrClosed, 0, ebadf},
		{"closed connection", 0, net.ErrClosed, 0, eio},
		{"short without error", 0, nil, 0, eio},
		{"fails halfway", 4, errors.New("broken"), 4, success},
		{"short halfway", 4, nil, 4, success},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &limited{room: c.room, err: c.err}
			g := newGuest(t, &wasi.Config{Stdout: w})
			n, e := g.write(stdout, "abc", "def")
			if n != c.n || e != c.want || w.String() != "abcdef"[:c.n] {
				t.Errorf("%d bytes, errno %d, %q; want %d, %d", n, e, w.String(), c.n, c.want)
			}
			if _, e := g.write(stdout, "g"); e == success {
				t.Error("the next write does not fail")
			}
		})
	}
}

func TestInputErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		r    io.Reader
		want Errno
	}{
		{"fails", failing{errors.New("broken")}, eio},
		{"closed pipe", failing{io.ErrClosedPipe}, epipe},
		{"never gives anything", failing{nil}, eio},
		{"unexpected end", failing{io.ErrUnexpectedEOF}, eio},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGuest(t, &wasi.Config{Stdin: io.MultiReader(strings.NewReader("ok"), c.r)})
			if s, e := g.read(stdin, 10); e != success || s != "ok" {
				t.Errorf("%q, %d", s, e)
			}
			for range 2 {
				if s, e := g.read(stdin, 10); e != c.want || s != "" {
					t.Errorf("%q, errno %d, want %d", s, e, c.want)
				}
			}
		})
	}
}

type failing struct{ err error }

func (r failing) Read([]byte) (int, error) { return 0, r.err }

// TestLargeOutput: a MiB arrives whole and in order.
func TestLargeOutput(t *testing.T) {
	var out bytes.Buffer
	g := newGuest(t, &wasi.Config{Stdout: &out})
	g.mem = make([]byte, 3<<20)
	text := pattern(1 << 20)
	if n, e := g.write(stdout, text[:700000], text[700000:]); e != success || n != len(text) {
		t.Errorf("%d, %d", n, e)
	}
	if out.String() != text {
		t.Error("something else arrived")
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
