package preview2

import (
	"errors"
	"io"
	"math"
	"syscall"

	"github.com/wasmoci/wasmoci/wasi/vfs"
)

// ioTable is wasi:io.
var ioTable = []Func{
	{"wasi:io/error", "[method]error.to-debug-string", "(borrow<error>) -> string", func(h *Host, a []Value) (Value, error) {
		return of[*failure](h, a[0]).err.Error(), nil
	}},
	{"wasi:io/poll", "[method]pollable.ready", "(borrow<pollable>) -> bool", ready},
	{"wasi:io/poll", "[method]pollable.block", "(borrow<pollable>) -> ()", block},
	{"wasi:io/poll", "poll", "(list<borrow<pollable>>) -> list<u32>", poll},

	{"wasi:io/streams", "[method]input-stream.read", "(borrow<input-stream>, u64) -> result<list<u8>, $stream-error>", reading(false)},
	{"wasi:io/streams", "[method]input-stream.blocking-read", "(borrow<input-stream>, u64) -> result<list<u8>, $stream-error>", reading(true)},
	{"wasi:io/streams", "[method]input-stream.skip", "(borrow<input-stream>, u64) -> result<u64, $stream-error>", skipping(false)},
	{"wasi:io/streams", "[method]input-stream.blocking-skip", "(borrow<input-stream>, u64) -> result<u64, $stream-error>", skipping(true)},
	{"wasi:io/streams", "[method]input-stream.subscribe", "(borrow<input-stream>) -> own<pollable>", func(h *Host, a []Value) (Value, error) {
		return h.resources.add(typePollable, &pollable{stream: of[*input](h, a[0]).pollable()}), nil
	}},

	{"wasi:io/streams", "[method]output-stream.check-write", "(borrow<output-stream>) -> result<u64, $stream-error>", checkWrite},
	{"wasi:io/streams", "[method]output-stream.write", "(borrow<output-stream>, list<u8>) -> result<_, $stream-error>", writing(false)},
	{"wasi:io/streams", "[method]output-stream.blocking-write-and-flush", "(borrow<output-stream>, list<u8>) -> result<_, $stream-error>", writing(true)},
	{"wasi:io/streams", "[method]output-stream.flush", "(borrow<output-stream>) -> result<_, $stream-error>", flush},
	{"wasi:io/streams", "[method]output-stream.blocking-flush", "(borrow<output-stream>) -> result<_, $stream-error>", flush},
	{"wasi:io/streams", "[method]output-stream.subscribe", "(borrow<output-stream>) -> own<pollable>", func(h *Host, a []Value) (Value, error) {
		return h.resources.add(typePollable, &pollable{stream: of[*output](h, a[0]).pollable()}), nil
	}},
	{"wasi:io/streams", "[method]output-stream.write-zeroes", "(borrow<output-stream>, u64) -> result<_, $stream-error>", zeroing(false)},
	{"wasi:io/streams", "[method]output-stream.blocking-write-zeroes-and-flush", "(borrow<output-stream>, u64) -> result<_, $stream-error>", zeroing(true)},
	{"wasi:io/streams", "[method]output-stream.splice", "(borrow<output-stream>, borrow<input-stream>, u64) -> result<u64, $stream-error>", splicing(false)},
	{"wasi:io/streams", "[method]output-stream.blocking-splice", "(borrow<output-stream>, borrow<input-stream>, u64) -> result<u64, $stream-error>", splicing(true)},
}

// failure is the resource error.
type failure struct{ err error }

// errEnded is a stream that is at its end, or had an error before.
var errEnded = errors.New("the stream has ended")

// streamed is the result of an operation on a stream.
func (h *Host) streamed(v Value, err error) (Value, error) {
	switch {
	case err == nil:
		return Result{Value: v}, nil
	case errors.Is(err, vfs.ErrStopped):
		return nil, ErrStopped
	case err == errEnded:
		return Result{Err: true, Value: Variant{Case: "closed"}}, nil
	}
	return Result{Err: true, Value: Variant{"last-operation-failed", h.resources.add(typeError, &failure{err})}}, nil
}

// input is an input stream: the standard input, or a file from an offset on.
type input struct {
	in    vfs.Input
	d     *descriptor
	at    uint64
	ended bool
}

func (s *input) pollable() vfs.Pollable {
	if s.in != nil {
		return s.in
	}
	return s.d.file.Readable()
}

// read returns up to n bytes; without block, and without bytes that are there at once, none.
func (s *input) read(h *Host, n uint64, block bool) (_ []byte, err error) {
	if s.ended {
		return nil, errEnded
	}
	if n == 0 {
		return nil, nil
	}
	if !block {
		is, err := h.wait([]*pollable{{stream: s.pollable()}}, false)
		if err != nil {
			return nil, vfs.ErrStopped
		}
		if !is[0] {
			return nil, nil
		}
	}
	b := make([]byte, min(n, chunk))
	var got int
	switch {
	case s.in != nil:
		got, err = s.in.Read(h.stop, b)
	case s.d.file.Type() == vfs.Pipe:
		got, err = s.d.file.Read(b)
	default:
		got, err = s.d.readAt(b, s.at)
		s.at += uint64(got)
	}
	if got > 0 {
		return b[:got], nil
	}
	s.ended = true
	if err == nil || err == io.EOF {
		err = errEnded
	}
	return nil, err
}

func reading(block bool) func(*Host, []Value) (Value, error) {
	return func(h *Host, a []Value) (Value, error) {
		return h.streamed(of[*input](h, a[0]).read(h, a[1].(uint64), block))
	}
}

func skipping(block bool) func(*Host, []Value) (Value, error) {
	return func(h *Host, a []Value) (Value, error) {
		b, err := of[*input](h, a[0]).read(h, a[1].(uint64), block)
		return h.streamed(uint64(len(b)), err)
	}
}

// output is an output stream: standard output or error, or a file from an offset, or from its end, on.
type output struct {
	out    vfs.Output
	d      *descriptor
	at     uint64
	append bool
	ended  bool
	permit uint64 // what check-write has allowed
}

func (s *output) pollable() vfs.Pollable {
	if s.out != nil {
		return s.out
	}
	return s.d.file.Writable()
}

// write writes all of b.
func (s *output) write(h *Host, b []byte) (err error) {
	if s.ended {
		return errEnded
	}
	for len(b) > 0 && err == nil {
		var n int
		switch {
		case s.out != nil:
			n, err = s.out.Write(h.stop, b)
		case s.append:
			n, err = s.d.appendEnd(b)
		case s.d.file.Type() == vfs.Pipe:
			n, err = s.d.file.Write(b)
		default:
			n, err = s.d.writeAt(b, s.at)
			s.at += uint64(n)
		}
		if n == 0 && err == nil {
			err = syscall.EIO
		}
		b = b[n:]
	}
	s.ended = err != nil
	return err
}

func checkWrite(h *Host, a []Value) (Value, error) {
	s := of[*output](h, a[0])
	if s.ended {
		return h.streamed(nil, errEnded)
	}
	is, err := h.wait([]*pollable{{stream: s.pollable()}}, false)
	if err != nil {
		return nil, err
	}
	s.permit = 0
	if is[0] {
		s.permit = chunk
	}
	return h.streamed(s.permit, nil)
}

// maxFlushed is what a guest may write and flush at once, without asking how much.
const maxFlushed = 4096

// allow ends a guest that writes more than it may.
func (s *output) allow(n uint64, flushed bool) {
	if flushed {
		if n > maxFlushed {
			violate("it writes and flushes %d bytes, more than %d", n, maxFlushed)
		}
		return
	}
	if n > s.permit {
		violate("it writes %d bytes, and check-write allowed %d", n, s.permit)
	}
	s.permit -= n
}

func writing(flushed bool) func(*Host, []Value) (Value, error) {
	return func(h *Host, a []Value) (Value, error) {
		s, b := of[*output](h, a[0]), bytesOf(a[1])
		s.allow(uint64(len(b)), flushed)
		return h.streamed(nil, s.write(h, b))
	}
}

func zeroing(flushed bool) func(*Host, []Value) (Value, error) {
	return func(h *Host, a []Value) (Value, error) {
		s, n := of[*output](h, a[0]), a[1].(uint64)
		s.allow(n, flushed)
		return h.streamed(nil, s.write(h, make([]byte, n)))
	}
}

// flush has nothing to do: what was written has been handed on.
func flush(h *Host, a []Value) (Value, error) {
	if of[*output](h, a[0]).ended {
		return h.streamed(nil, errEnded)
	}
	return h.streamed(nil, nil)
}

func splicing(block bool) func(*Host, []Value) (Value, error) {
	return func(h *Host, a []Value) (Value, error) {
		to, from := of[*output](h, a[0]), of[*input](h, a[1])
		if to.ended {
			return h.streamed(nil, errEnded)
		}
		b, err := from.read(h, a[2].(uint64), block)
		if err == nil {
			err = to.write(h, b)
		}
		return h.streamed(uint64(len(b)), err)
	}
}

// offset is a position in a file as the host has it.
func offset(at uint64) (int64, error) {
	if at > math.MaxInt64 {
		return 0, syscall.EINVAL
	}
	return int64(at), nil
}
