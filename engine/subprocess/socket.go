//go:build linux

package subprocess

import (
	"bytes"
	"errors"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxRights is how many descriptors go with one sendmsg: the kernel takes 253.
const maxRights = 250

// sendFrame writes a frame whose descriptors arrive before it is complete.
func sendFrame(c *net.UnixConn, frame []byte, fds []int) error {
	for len(fds) > 0 {
		batch := fds[:min(len(fds), maxRights)]
		n, _, err := c.WriteMsgUnix(frame[:1], syscall.UnixRights(batch...), nil)
		if err != nil {
			return err
		}
		frame, fds = frame[n:], fds[len(batch):]
	}
	_, err := c.Write(frame)
	return err
}

// rightsReader reads from a socket and keeps the descriptors that come.
type rightsReader struct {
	c   *net.UnixConn
	fds []int
	oob [256 * 4 * 2]byte
}

// Read implements io.Reader.
func (r *rightsReader) Read(p []byte) (int, error) {
	n, oobn, flags, _, err := r.c.ReadMsgUnix(p, r.oob[:])
	if oobn > 0 {
		list, perr := syscall.ParseSocketControlMessage(r.oob[:oobn])
		for _, m := range list {
			if fds, rerr := syscall.ParseUnixRights(&m); rerr == nil {
				r.fds = append(r.fds, fds...)
			}
		}
		if err == nil {
			err = perr
		}
	}
	if err == nil && flags&unix.MSG_CTRUNC != 0 {
		err = errors.New("too many open files: raise the limit (RLIMIT_NOFILE) or pass less")
	}
	return n, err
}

// take returns the next n descriptors.
func (r *rightsReader) take(n int) ([]int, error) {
	if n < 0 || n > len(r.fds) {
		return nil, &errFrame{"descriptors are missing"}
	}
	fds := r.fds[:n]
	r.fds = r.fds[n:]
	return fds, nil
}

// duplicate returns a descriptor of its own for what f has open.
func duplicate(f *os.File) (int, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	if conn.Control(func(n uintptr) { fd, err = unix.FcntlInt(n, unix.F_DUPFD_CLOEXEC, socketFD+1) }) != nil {
		return -1, os.ErrClosed
	}
	return fd, err
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}

// seal returns a file in memory that has content and cannot be changed any more.
func seal(content []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("wasmoci module", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "module")
	if _, err = bytes.NewReader(content).WriteTo(f); err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
