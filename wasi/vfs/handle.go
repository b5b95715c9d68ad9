package vfs

import (
	"sync/atomic"
	"syscall"
)

// handle is a descriptor of the host that one goroutine may use while another closes it. The number is given back to
// the kernel when the last use has ended, and not before: a number that is used after its file was closed is some other
// file by then.
type handle struct {
	fd    int
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
		closeFD(h.fd)
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
				closeFD(h.fd)
			}
			return
		}
	}
}

// hold is a descriptor for the length of one operation: one use of a handle, or a descriptor of its own.
type hold struct {
	fd int
	of *handle // nil: fd is closed with the hold
}

// nothing held.
var unheld = hold{fd: -1}

func (h *handle) hold() (hold, error) {
	if err := h.acquire(); err != nil {
		return unheld, err
	}
	return hold{h.fd, h}, nil
}

func (h *hold) release() {
	switch {
	case h.of != nil:
		h.of.release()
	case h.fd >= 0:
		closeFD(h.fd)
	}
	*h = unheld
}
