package vfs

import (
	"time"

	"golang.org/x/sys/unix"
)

// awaitWriter waits until the FIFO of fd, opened for reading, has or has had a writer, or stop ends. poll tells bytes, and
// the end of a writer, but not the opening of one.
func (s *Stop) awaitWriter(fd int) error {
	for look := firstLook; !hasWriter(fd); look = min(2*look, lastLook) {
		if ready, err := s.waitUntil(time.Now().Add(look), uintptr(fd), descriptor{events: unix.POLLIN}); ready || err != nil {
			return err
		}
	}
	return nil
}

// hasWriter says whether somebody has the FIFO of fd open for writing. A non-blocking read says so: without a writer it is
// at the end. It takes nothing out of the FIFO, since there is nowhere to put it: where there are bytes it is EFAULT.
func hasWriter(fd int) bool {
	_, _, e := unix.Syscall(unix.SYS_READ, uintptr(fd), 0, 1)
	return e == unix.EAGAIN || e == unix.EFAULT
}

// readPipe reads what is there, waiting for it unless the file is non-blocking.
func (f *File) readPipe(b []byte) (int, error) {
	for {
		n, err := readFD(f.handle.fd, b)
		if err != unix.EAGAIN || f.flags.NonBlock {
			return n, err
		}
		if err := f.stop.waitFor(uintptr(f.handle.fd), descriptor{events: unix.POLLIN}); err != nil {
			return 0, err
		}
	}
}

// writePipe writes all of b, waiting for room; unless the file is non-blocking, and then what there is room for.
func (f *File) writePipe(b []byte) (done int, err error) {
	for {
		n, err := writeFD(f.handle.fd, b[done:])
		done += n
		switch {
		case err == unix.EAGAIN && !f.flags.NonBlock:
			if err := f.stop.waitFor(uintptr(f.handle.fd), descriptor{events: unix.POLLOUT}); err != nil {
				return done, err
			}
		case err != nil || done == len(b) || f.flags.NonBlock:
			return done, err
		}
	}
}

// pipe is the file as one end of a FIFO that is waited for.
func (f *File) pipe(write bool) Pollable {
	events := int16(unix.POLLIN)
	if write {
		events = unix.POLLOUT
	}
	return &fileStream{conn: f.handle, events: events, waits: true}
}

// Control calls f with the descriptor, which stays open meanwhile.
func (h *handle) Control(f func(fd uintptr)) error {
	if err := h.acquire(); err != nil {
		return err
	}
	defer h.release()
	f(uintptr(h.fd))
	return nil
}
