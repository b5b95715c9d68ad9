package vfs

import (
	"syscall"
	"time"
)

// How often a wait looks for what no descriptor tells: the other end of a FIFO being opened.
const (
	firstLook = time.Millisecond
	lastLook  = 16 * time.Millisecond
)

// openPipe opens leaf, a FIFO, as open(2) does: for reading it waits for a writer, for writing it waits for a reader,
// and with o.NonBlock it does not wait, so that a writer without a reader is ENXIO. The host's thread never
// waits in open, which nothing could end: the descriptor is non-blocking whatever the guest's flags say.
func (w *walk) openPipe(o OpenOptions) (int, error) {
	if o.Stop == nil {
		return -1, syscall.ENOTSUP
	}
	underneath := o
	underneath.NonBlock, underneath.Truncate = true, false
	for look := firstLook; ; look = min(2*look, lastLook) {
		fd, err := w.reopen(underneath)
		switch {
		case err == syscall.ENXIO && !o.NonBlock:
			if !o.Stop.Sleep(time.Now().Add(look)) {
				return -1, ErrStopped
			}
			continue
		case err == nil && !o.Write && !o.NonBlock:
			if err = o.Stop.awaitWriter(fd); err != nil {
				closeFD(fd)
				return -1, err
			}
		}
		return fd, err
	}
}

// Readable returns the file as what [Poll] waits for until it can be read. A FIFO waits for a writer's bytes, or for the
// end of its last writer; everything else is always ready, a regular file with the bytes from its offset to its end.
func (f *File) Readable() Pollable {
	if f.kind == Pipe {
		return f.pipe(false)
	}
	return steady{f, true}
}

// Writable returns the file as what [Poll] waits for until it can be written. A FIFO waits for room, or for the end of
// its last reader; everything else is always ready.
func (f *File) Writable() Pollable {
	if f.kind == Pipe {
		return f.pipe(true)
	}
	return steady{f, false}
}

// steady is a file that is always ready.
type steady struct {
	f    *File
	read bool
}

func (s steady) ready() (r Readiness, ok bool) {
	if !s.read {
		return r, true
	}
	st, err := s.f.Stat()
	if err != nil {
		return r, true
	}
	if at, err := s.f.Seek(0, 1); err == nil {
		r.Bytes = uint64(max(0, int64(st.Size)-at))
	}
	return r, true
}

func (steady) descriptor() (descriptor, bool) { return descriptor{}, false }
func (steady) prepare(*Stop)                  {}
