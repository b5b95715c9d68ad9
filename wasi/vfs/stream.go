package vfs

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Input is a guest's standard input. One guest thread uses it at a time.
type Input interface {
	// Read reads at least one byte, waiting for it, and then what is there at once, up to len(p). At the end it is
	// io.EOF. When stop ends it returns ErrStopped.
	Read(stop *Stop, p []byte) (int, error)
	// Type is what the guest may know of it. CharDevice is a terminal; other devices are Unknown, since guests take every
	// character device for a terminal.
	Type() FileType

	pollable
}

// Output is a guest's standard output or error. One guest thread uses it at a time.
type Output interface {
	// Write writes all of p, waiting as long as it takes. When stop ends it returns ErrStopped and how much was
	// written until then. A reader that is gone is EPIPE.
	Write(stop *Stop, p []byte) (int, error)
	Type() FileType

	pollable
}

// ErrStopped is what a blocking operation returns when the guest's context has ended.
var ErrStopped = errors.New("vfs: stopped")

// NewInput returns an Input of r as [wasi.Config.Stdin] describes: nil is empty, an *os.File is read directly and no
// further than the guest asks, any other Reader is read by a goroutine while the guest waits.
func NewInput(r io.Reader) (Input, error) {
	switch r := r.(type) {
	case nil:
		return nothing{}, nil
	case *os.File:
		return newFileInput(r)
	case *bytes.Buffer:
		return memoryInput{r}, nil
	case *bytes.Reader:
		return memoryInput{r}, nil
	case *strings.Reader:
		return memoryInput{r}, nil
	}
	return newReaderInput(r), nil
}

// NewOutput returns an Output of w as [wasi.Config.Stdout] describes: nil discards, an *os.File is written directly, any
// other Writer by a goroutine for which the guest waits.
func NewOutput(w io.Writer) (Output, error) {
	switch w := w.(type) {
	case nil:
		return nothing{}, nil
	case *os.File:
		return newFileOutput(w)
	case *bytes.Buffer, *strings.Builder:
		return memoryOutput{w}, nil
	}
	return &writerOutput{w: w}, nil
}

// nothing is an empty input and an output that discards.
type nothing struct{}

func (nothing) Read(*Stop, []byte) (int, error)      { return 0, io.EOF }
func (nothing) Write(_ *Stop, p []byte) (int, error) { return len(p), nil }
func (nothing) Type() FileType                       { return Unknown }
func (nothing) ready() (Readiness, bool)             { return Readiness{Hangup: true}, true }
func (nothing) descriptor() (descriptor, bool)       { return descriptor{}, false }
func (nothing) prepare(*Stop)                        {}

// memoryInput reads what is known never to block, and so needs no goroutine.
type memoryInput struct {
	r interface {
		io.Reader
		Len() int
	}
}

func (in memoryInput) Read(_ *Stop, p []byte) (int, error) { return in.r.Read(p) }
func (memoryInput) Type() FileType                         { return Unknown }
func (memoryInput) descriptor() (descriptor, bool)         { return descriptor{}, false }
func (memoryInput) prepare(*Stop)                          {}

func (in memoryInput) ready() (Readiness, bool) {
	return Readiness{Bytes: uint64(in.r.Len()), Hangup: in.r.Len() == 0}, true
}

// memoryOutput writes what is known never to block.
type memoryOutput struct{ w io.Writer }

func (out memoryOutput) Write(_ *Stop, p []byte) (int, error) { return out.w.Write(p) }
func (memoryOutput) Type() FileType                           { return Unknown }
func (memoryOutput) ready() (Readiness, bool)                 { return Readiness{}, true }
func (memoryOutput) descriptor() (descriptor, bool)           { return descriptor{}, false }
func (memoryOutput) prepare(*Stop)                            {}

// readerInput reads ahead of the guest by one buffer, in a goroutine that runs only while the guest wants input and none
// is buffered: the guest's memory must not be given to a Read that may outlive the guest.
type readerInput struct {
	r    io.Reader
	deal deadliner

	mu      sync.Mutex
	reading bool
	arrived chan struct{} // closed when the current Read has returned
	buf     []byte
	rest    []byte // of buf, not yet delivered
	err     error  // delivered after rest
}

// maxEmptyReads is how often a Reader may return 0, nil in a row, as in package bufio.
const maxEmptyReads = 100

func newReaderInput(r io.Reader) *readerInput {
	in := &readerInput{r: r}
	if d, ok := r.(interface{ SetReadDeadline(time.Time) error }); ok {
		in.deal = d.SetReadDeadline
	}
	return in
}

// start makes sure that input is there or on its way, and returns a channel that is closed when it is there.
func (in *readerInput) start(stop *Stop) <-chan struct{} {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.rest) > 0 || in.err != nil {
		return closedChan
	}
	if in.reading {
		return in.arrived
	}
	in.reading, in.arrived = true, make(chan struct{})
	if in.buf == nil {
		in.buf = make([]byte, 32<<10)
	}
	ended := in.deal.begin(stop)
	go func(arrived chan struct{}) {
		defer ended()
		var n int
		var err error
		in.deal.during(stop, func() {
			for range maxEmptyReads {
				if n, err = in.r.Read(in.buf); n != 0 || err != nil {
					return
				}
			}
			err = io.ErrNoProgress
		})
		in.mu.Lock()
		in.reading = false
		in.rest, in.err = in.buf[:min(max(n, 0), len(in.buf))], err
		in.mu.Unlock()
		close(arrived)
		stop.wake()
	}(in.arrived)
	return in.arrived
}

func (in *readerInput) Read(stop *Stop, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	select {
	case <-in.start(stop):
	case <-stop.Done():
		return 0, ErrStopped
	}
	if stop.Ended() {
		return 0, ErrStopped
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.rest) > 0 {
		n := copy(p, in.rest)
		in.rest = in.rest[n:]
		return n, nil
	}
	return 0, streamError(in.err)
}

func (in *readerInput) Type() FileType { return Unknown }

func (in *readerInput) ready() (Readiness, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return Readiness{Bytes: uint64(len(in.rest)), Hangup: len(in.rest) == 0 && in.err != nil}, len(in.rest) > 0 || in.err != nil
}

func (in *readerInput) descriptor() (descriptor, bool) { return descriptor{}, false }
func (in *readerInput) prepare(stop *Stop)             { in.start(stop) }

// writerOutput hands each write to a goroutine, so that a Writer that blocks does not keep a guest whose time is over.
type writerOutput struct {
	w    io.Writer
	buf  []byte
	lost bool // a Write that was given up may still be running: no other may begin
}

// writeChunk bounds the private copy of what the guest writes.
const writeChunk = 64 << 10

func (out *writerOutput) Write(stop *Stop, p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	total := 0
	for total < len(p) {
		if out.lost || stop.Ended() {
			return total, ErrStopped
		}
		out.buf = append(out.buf[:0], p[total:min(len(p), total+writeChunk)]...)
		chunk := out.buf
		var deal deadliner
		if d, ok := out.w.(interface{ SetWriteDeadline(time.Time) error }); ok {
			deal = d.SetWriteDeadline
		}
		done := make(chan result, 1)
		ended := deal.begin(stop)
		go func() {
			defer ended()
			var r result
			deal.during(stop, func() { r.n, r.err = out.w.Write(chunk) })
			done <- r
		}()
		select {
		case r := <-done:
			total += min(max(r.n, 0), len(chunk))
			if r.err == nil && r.n < len(chunk) {
				r.err = io.ErrShortWrite
			}
			if r.err != nil {
				if stop.Ended() {
					return total, ErrStopped
				}
				return total, streamError(r.err)
			}
		case <-stop.Done():
			select { // a Write that takes no time is not given up
			case <-done:
			case <-time.After(10 * time.Millisecond):
				out.lost, out.buf = true, nil
			}
			return total, ErrStopped
		}
	}
	return total, nil
}

func (out *writerOutput) Type() FileType                 { return Unknown }
func (out *writerOutput) ready() (Readiness, bool)       { return Readiness{}, true }
func (out *writerOutput) descriptor() (descriptor, bool) { return descriptor{}, false }
func (out *writerOutput) prepare(*Stop)                  {}

// deadliner is a stream's SetReadDeadline or SetWriteDeadline, or nil.
type deadliner func(time.Time) error

// begin makes stop's Close wait until ended is called, if there are deadlines by which stop ends what comes between.
func (set deadliner) begin(stop *Stop) (ended func()) {
	if set == nil {
		return func() {}
	}
	stop.streams.Add(1)
	return stop.streams.Done
}

// during calls f, and makes a blocking operation in it return when stop ends. The deadline is taken back afterwards: the
// stream is the caller's.
func (set deadliner) during(stop *Stop, f func()) {
	if set == nil {
		f()
		return
	}
	finished, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-stop.Done():
			if set(time.Unix(1, 0)) == nil {
				<-finished
				_ = set(time.Time{})
			}
		case <-finished:
		}
	}()
	f()
	close(finished)
	<-watched
}

// streamError turns what a stream returned into what a guest is told: io.EOF stays, errno stay, the rest is EIO.
func streamError(err error) error {
	var errno syscall.Errno
	switch {
	case err == nil, err == io.EOF:
		return err
	case errors.As(err, &errno):
		return errno
	case errors.Is(err, io.ErrClosedPipe):
		return syscall.EPIPE
	case errors.Is(err, os.ErrClosed):
		return syscall.EBADF
	}
	return syscall.EIO
}

var closedChan = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()
