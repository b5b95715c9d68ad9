package enginetest

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// sink is an output that keeps what the guest writes and can wait for it.
type sink struct {
	mu      sync.Mutex
	b       bytes.Buffer
	changed chan struct{} // closed and replaced by each Write
}

func newSink() *sink { return &sink{changed: make(chan struct{})} }

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
	return s.b.Write(p)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// await returns when the output contains text.
func (s *sink) await(tb testing.TB, text string) {
	tb.Helper()
	late := time.After(patience)
	for {
		s.mu.Lock()
		found, changed := strings.Contains(s.b.String(), text), s.changed
		s.mu.Unlock()
		if found {
			return
		}
		select {
		case <-changed:
		case <-late:
			tb.Fatalf("the guest has not written %q within %v", text, patience)
		}
	}
}

// stuckReader is a Reader that is no file and blocks until the case is over.
type stuckReader struct{ over chan struct{} }

func (r stuckReader) Read([]byte) (int, error) {
	<-r.over
	return 0, io.EOF
}

func newStuckReader(tb testing.TB) io.Reader {
	r := stuckReader{make(chan struct{})}
	tb.Cleanup(func() { close(r.over) })
	return r
}

// limitedWriter fails once it has taken so many bytes.
type limitedWriter struct {
	left int
	got  bytes.Buffer
}

var errFull = errors.New("enginetest: this writer is full")

func (w *limitedWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.left)
	w.left -= n
	w.got.Write(p[:n])
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

// brokenReader fails at once.
type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) {
	return 0, errors.New("enginetest: this reader is broken")
}

// pipe returns both ends of a pipe of the host, which are closed when the case is over.
func pipe(tb testing.TB) (r, w *os.File) {
	tb.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		r.Close() // the case may have closed either: what was closed twice says so, and no more
		w.Close()
	})
	return r, w
}

// zeros is an input of so many zero bytes.
type zeros struct{ left int }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), z.left)
	z.left -= n
	clear(p[:n])
	return n, nil
}
