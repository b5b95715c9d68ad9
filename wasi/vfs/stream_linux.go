package vfs

import (
	"io"
	"math"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fileStream is an *os.File as a standard stream. It is used through its raw descriptor, which the file's own lock keeps
// open meanwhile: os.File's Write to a closed pipe on descriptor 1 or 2 would end the process, and its Read cannot be
// ended where the descriptor blocks.
type fileStream struct {
	conn   controller
	typ    FileType
	events int16    // POLLIN or POLLOUT
	own    *lookout // of a socket of ours
	waits  bool     // reading or writing may block: a pipe, a terminal, a socket
	nowait bool     // the kernel takes RWF_NOWAIT
	chunk  int      // how much may be written at once after POLLOUT without blocking, without RWF_NOWAIT

	// The call under way; fields rather than captured variables, so that a call allocates nothing.
	do   func(fd uintptr)
	p    []byte
	n    int
	err  error
	stop *Stop
}

func newFileStream(f *os.File, write bool) (*fileStream, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &fileStream{conn: conn, events: unix.POLLIN, nowait: true, chunk: math.MaxInt}
	var st unix.Stat_t
	var statErr error
	if err := conn.Control(func(fd uintptr) { statErr = unix.Fstat(int(fd), &st) }); err != nil {
		return nil, &os.PathError{Op: "use as stream", Path: f.Name(), Err: os.ErrClosed} // the only reason
	}
	if statErr != nil {
		return nil, &os.PathError{Op: "stat", Path: f.Name(), Err: statErr}
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		s.typ = Regular
	case unix.S_IFDIR:
		return nil, &os.PathError{Op: "use as stream", Path: f.Name(), Err: syscall.EISDIR}
	case unix.S_IFCHR:
		s.waits = unix.Major(uint64(st.Rdev)) != 1 // memory devices, /dev/null among them, never block
		_ = conn.Control(func(fd uintptr) {
			if _, err := unix.IoctlGetTermios(int(fd), unix.TCGETS); err == nil {
				s.typ = CharDevice
			}
		})
	case unix.S_IFIFO:
		s.typ, s.waits = Pipe, true
	case unix.S_IFSOCK:
		s.typ, s.waits = SocketStream, true
	default:
		s.waits = true
	}
	s.do = s.transfer
	if write {
		s.events = unix.POLLOUT
		if s.waits {
			s.chunk = 4096 // PIPE_BUF: what POLLOUT promises
		}
	}
	return s, nil
}

func newFileInput(f *os.File) (Input, error) { return newFileStream(f, false) }
func newFileOutput(f *os.File) (Output, error) {
	s, err := newFileStream(f, true)
	if err == nil && s.typ == CharDevice {
		return &terminalOutput{s, writerOutput{w: terminalWriter{s.conn}}}, nil
	}
	return s, err
}

func (s *fileStream) Read(stop *Stop, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := s.call(stop, p)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

func (s *fileStream) Write(stop *Stop, p []byte) (int, error) {
	total := 0
	for total < len(p) {
		n, err := s.call(stop, p[total:])
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func (s *fileStream) call(stop *Stop, p []byte) (int, error) {
	s.stop, s.p, s.n, s.err = stop, p, 0, nil
	if err := s.conn.Control(s.do); err != nil {
		s.err = syscall.EBADF // the caller closed its file
	}
	s.p, s.stop = nil, nil
	return s.n, s.err
}

func (s *fileStream) transfer(fd uintptr) {
	for wait := s.waits && !s.nowait; ; { // what might block is begun only when it is ready
		if s.stop.Ended() {
			s.err = ErrStopped
			return
		}
		if wait {
			if s.err = s.stop.waitFor(fd, descriptor{events: s.events}); s.err != nil {
				return
			}
		}
		n, err := s.once(int(fd))
		switch err {
		case nil:
			s.n = n
			return
		case unix.EINTR:
		case unix.EAGAIN:
			s.waits, wait = true, true
		default:
			s.err = streamError(err)
			return
		}
	}
}

// once reads or writes what can be read or written without waiting. Others may use the same pipe or socket, so that a stream
// that was ready no longer is: then a descriptor that blocks would block beyond the end of the guest.
func (s *fileStream) once(fd int) (int, error) {
	write := s.events == unix.POLLOUT
	if s.waits && s.nowait {
		trap := uintptr(unix.SYS_PREADV2)
		if write {
			trap = unix.SYS_PWRITEV2
		}
		n, err := transferNow(trap, fd, s.p)
		if err != unix.EOPNOTSUPP && err != unix.ENOSYS && err != unix.EPERM {
			return n, err
		}
		s.nowait = false // a terminal, an old kernel, a seccomp filter
		return 0, unix.EAGAIN
	}
	if write {
		return unix.Write(fd, s.p[:min(len(s.p), s.chunk)])
	}
	return unix.Read(fd, s.p)
}

// transferNow is preadv2 or pwritev2 at the file's own offset with RWF_NOWAIT.
func transferNow(trap uintptr, fd int, p []byte) (int, error) {
	iov := unix.Iovec{Base: unsafe.SliceData(p)}
	iov.SetLen(len(p))
	const here = ^uintptr(0)
	n, _, e := unix.Syscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(&iov)), 1, here, here, unix.RWF_NOWAIT)
	runtime.KeepAlive(p)
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

func (s *fileStream) Type() FileType { return s.typ }

func (s *fileStream) ready() (r Readiness, ok bool) {
	if !s.waits {
		return Readiness{Bytes: 1}, true
	}
	err := s.conn.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: s.events}}
		if n, err := unix.Poll(fds, 0); n == 0 || err != nil {
			return
		}
		ok = true
		r.Hangup = fds[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
		if n, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ); err == nil && s.events == unix.POLLIN {
			r.Bytes = uint64(max(n, 0))
		}
	})
	if err != nil {
		return Readiness{Hangup: true}, true
	}
	return r, ok
}

func (s *fileStream) descriptor() (descriptor, bool) {
	return descriptor{s.conn, s.events, s.own}, s.waits
}

func (s *fileStream) prepare(*Stop) {}

// terminalOutput writes to a terminal as to any Writer: one that is ready may have less room than it is given, and then
// blocks until a person wants to see more.
type terminalOutput struct {
	*fileStream
	out writerOutput
}

func (t *terminalOutput) Write(stop *Stop, p []byte) (int, error) { return t.out.Write(stop, p) }

type terminalWriter struct{ conn controller }

func (w terminalWriter) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		if w.conn.Control(func(fd uintptr) {
			k, e := unix.Write(int(fd), p[n:])
			switch e {
			case nil:
				n += k
			case unix.EINTR:
			case unix.EAGAIN:
				_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, -1)
			default:
				err = e
			}
		}) != nil {
			err = syscall.EBADF // the caller closed its file
		}
	}
	return n, err
}
