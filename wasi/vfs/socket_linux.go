package vfs

import (
	"cmp"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

type socket struct {
	file     *os.File
	conn     syscall.RawConn
	readable fileStream // for polling only
	writable fileStream
}

// NewSocket duplicates f, a stream socket that listens, or is connected if connected says so. The socket becomes
// non-blocking, for everybody who shares it: a connection that somebody else accepts first must not keep the guest from
// its end. Close it when done.
func NewSocket(f *os.File, connected bool) (*Socket, error) {
	fd, err := dupFile(f)
	if err != nil {
		return nil, err
	}
	s, err := socketOf(fd, f.Name())
	if err != nil {
		return nil, err
	}
	if s.listening == connected {
		_ = s.Close()
		if connected {
			return nil, errListening
		}
		return nil, errNotListening
	}
	return s, nil
}

// socketOf makes a Socket of fd, of which it becomes the owner.
func socketOf(fd int, name string) (*Socket, error) {
	listening, err := listeningFD(fd)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		closeFD(fd)
		return nil, err
	}
	file := os.NewFile(uintptr(fd), name)
	conn, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, err
	}
	return &Socket{listening: listening, system: socket{
		file: file, conn: conn,
		readable: fileStream{conn: conn, events: unix.POLLIN, waits: true, own: lookoutOf(file, conn, unix.POLLIN)},
		writable: fileStream{conn: conn, events: unix.POLLOUT, waits: true, own: lookoutOf(file, conn, unix.POLLOUT)},
	}}, nil
}

// listeningFD tells whether a stream socket listens.
func listeningFD(fd int) (bool, error) {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err == unix.ENOTSOCK || err == nil && kind != unix.SOCK_STREAM {
		return false, errNoStream
	}
	if err != nil {
		return false, err
	}
	listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	return listening != 0, err
}

func listens(f *os.File) (listening bool, err error) {
	conn, err := f.SyscallConn() // unlike Fd, it leaves the descriptor as it is
	if err != nil {
		return false, err
	}
	cerr := conn.Control(func(fd uintptr) { listening, err = listeningFD(int(fd)) })
	return listening, cmp.Or(cerr, err)
}

// Accept returns the next connection.
func (s *Socket) Accept(stop *Stop, block bool) (*Socket, error) {
	fd := -1
	err := s.do(stop, block, &s.system.readable, func(listener int) (err error) {
		fd, _, err = unix.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		return err
	})
	if err != nil {
		return nil, err
	}
	return socketOf(fd, s.system.file.Name())
}

// Receive reads up to len(p) bytes, with peek without taking them; io.EOF when the other end has shut down.
func (s *Socket) Receive(stop *Stop, p []byte, peek, block bool) (n int, err error) {
	flags := 0
	if peek {
		flags = unix.MSG_PEEK
	}
	err = s.do(stop, block, &s.system.readable, func(fd int) (err error) {
		n, _, err = unix.Recvfrom(fd, p, flags)
		return err
	})
	if err == nil && n == 0 && len(p) > 0 {
		err = io.EOF
	}
	return max(n, 0), err
}

// Send writes up to len(p) bytes: as many as there is room for. A reader that is gone is EPIPE, without a signal.
func (s *Socket) Send(stop *Stop, p []byte, block bool) (n int, err error) {
	err = s.do(stop, block, &s.system.writable, func(fd int) (err error) {
		n, err = unix.SendmsgN(fd, p, nil, nil, unix.MSG_NOSIGNAL)
		return err
	})
	return max(n, 0), err
}

// Shutdown ends receiving, sending, or both.
func (s *Socket) Shutdown(read, write bool) error {
	how := unix.SHUT_RDWR
	switch {
	case !read && !write:
		return unix.EINVAL
	case !write:
		how = unix.SHUT_RD
	case !read:
		how = unix.SHUT_WR
	}
	return s.do(nil, false, nil, func(fd int) error { return unix.Shutdown(fd, how) })
}

// do calls f with the descriptor, again when side becomes ready if f would have to wait and block is set.
func (s *Socket) do(stop *Stop, block bool, side *fileStream, f func(fd int) error) error {
	var err error
	cerr := s.system.conn.Control(func(fd uintptr) {
		for {
			switch err = f(int(fd)); {
			case err == unix.EINTR:
				continue
			case err == unix.EAGAIN && block:
				if err = stop.waitFor(fd, descriptor{events: side.events, own: side.own}); err == nil {
					continue
				}
			}
			return
		}
	})
	if cerr != nil {
		return syscall.EBADF
	}
	return err
}

// Close closes the socket. The file that it was made of stays open.
func (s *Socket) Close() error { return s.system.file.Close() }
