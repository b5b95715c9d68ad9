package vfs

import (
	"sync/atomic"
	"syscall"
)

// handle is something open that one goroutine may use while another closes it: a descriptor of the host, or an inode of a
// tmpfs. It is given back when the last use has ended, and not before: a number that is used after its file was closed
// is some other file by then.
type handle struct {
	fd    int          // negative where node is set
	node  *inode       // of which the handle is one opening
	users atomic.Int64 // uses in progress, plus closing once closed
}

const closing = 1 << 62

// acquire begins a use; EBADF once closed.
func (h *handle) acquire() error {
	for {
		n := h.users.Load()
		if n >= closing {
			return syscall.EBADF
		}
		if h.users.CompareAndSwap(n, n+1) {
			return nil
		}
	}
}

// release ends a use.
func (h *handle) release() {
	if h.users.Add(-1) == closing {
		h.free()
	}
}

// close is idempotent. It does not wait for uses in progress.
func (h *handle) close() {
	for {
		n := h.users.Load()
		if n >= closing {
			return
		}
		if h.users.CompareAndSwap(n, n+closing) {
			if n == 0 {
				h.free()
			}
			return
		}
	}
}

func (h *handle) free() {
	if h.node != nil {
		h.node.closed()
		return
	}
	closeFD(h.fd)
}

func (h *handle) hold() (hold, error) {
	if err := h.acquire(); err != nil {
		return unheld, err
	}
	return hold{fd: h.fd, node: h.node, of: h}, nil
}
