package preview1

import (
	"io"
	"syscall"

	"github.com/wasmoci/wasmoci/wasi/vfs"
)

// riflags of sock_recv.
const (
	recvPeek    = 1 << 0
	recvWaitAll = 1 << 1
)

// sdflags of sock_shutdown.
const (
	shutRead  = 1 << 0
	shutWrite = 1 << 1
)

func sockAccept(h *Host, m memory, a []uint64) Errno {
	d, e := h.openSocket(a[0], rightSockAccept)
	if e != success {
		return e
	}
	flags := uint32(a[1])
	result := m.bytes(uint32(a[2]), 4)
	switch {
	case flags&^flagNonblock != 0:
		return einval
	case h.fds.full():
		return emfile
	}
	conn, err := d.sock.Accept(h.stop, d.flags&flagNonblock == 0)
	if err != nil {
		return h.stopOr(err)
	}
	accepted := newSocket(conn)
	accepted.opened, accepted.base, accepted.flags = true, d.inheriting, uint16(flags)
	putLE32(result, h.fds.add(accepted))
	return success
}

// stopOr is errnoOf for what may have been stopped.
func (h *Host) stopOr(err error) Errno {
	if err == vfs.ErrStopped {
		return Stop
	}
	return errnoOf(err)
}

func sockRecv(h *Host, m memory, a []uint64) Errno {
	d, e := h.connection(a[0], rightRead)
	if e != success {
		return e
	}
	flags := uint32(a[3])
	if flags&^(recvPeek|recvWaitAll) != 0 {
		return einval
	}
	roflags := m.bytes(uint32(a[5]), 2)
	if flags&recvWaitAll != 0 && flags&recvPeek == 0 {
		e = h.transfer(m, []uint64{a[0], a[1], a[2], a[4]}, func(b []byte, _ int64) (int, error) {
			for n := 0; ; {
				k, err := d.sock.Receive(h.stop, b[n:], false, d.flags&flagNonblock == 0)
				if n += k; err != nil || n == len(b) {
					return n, err
				}
			}
		})
	} else {
		e = h.receive(m, []uint64{a[0], a[1], a[2], a[4]}, d, flags&recvPeek != 0)
	}
	if e == success {
		clear(roflags) // a stream's data is never cut off
	}
	return e
}

// connection is openSocket for a socket that is no listener.
func (h *Host) connection(fd uint64, need rights) (*descriptor, Errno) {
	d, e := h.openSocket(fd, need)
	if e == success && d.sock.Listening() {
		return nil, enotconn
	}
	return d, e
}

// receive fills the iovecs with what is there, waiting only for the first byte.
func (h *Host) receive(m memory, a []uint64, d *descriptor, peek bool) Errno {
	if d.sock.Listening() {
		return enotconn
	}
	return h.transfer(m, a, func(b []byte, done int64) (int, error) {
		if done > 0 && peek { // peeking again would see the same
			return 0, io.EOF
		}
		n, err := d.sock.Receive(h.stop, b, peek, done == 0 && d.flags&flagNonblock == 0)
		if done > 0 && err == syscall.EAGAIN {
			err = nil
		}
		return n, err
	})
}

func sockSend(h *Host, m memory, a []uint64) Errno {
	d, e := h.connection(a[0], rightWrite)
	if e != success {
		return e
	}
	if uint32(a[3]) != 0 { // siflags has no flag
		return einval
	}
	return h.send(m, []uint64{a[0], a[1], a[2], a[4]}, d)
}

// send writes the iovecs: all of them where the descriptor blocks, else as much as there is room for.
func (h *Host) send(m memory, a []uint64, d *descriptor) Errno {
	block := d.flags&flagNonblock == 0
	return h.transferWhole(m, a, gathered, func(b []byte, _ int64) (int, error) {
		for n := 0; ; {
			k, err := d.sock.Send(h.stop, b[n:], block)
			if n += k; err != nil || n == len(b) || !block {
				return n, err
			}
		}
	})
}

func sockShutdown(h *Host, _ memory, a []uint64) Errno {
	d, e := h.connection(a[0], rightSockShutdown)
	if e != success {
		return e
	}
	how := uint32(a[1])
	if how == 0 || how&^(shutRead|shutWrite) != 0 {
		return einval
	}
	return errnoOf(d.sock.Shutdown(how&shutRead != 0, how&shutWrite != 0))
}
