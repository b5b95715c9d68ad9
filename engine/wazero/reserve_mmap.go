//go:build (linux || darwin) && (amd64 || arm64)

package wazero

import "golang.org/x/sys/unix"

// reservation is address space for all that a memory may become; only what is committed takes memory. Growth copies
// nothing, the collector neither scans nor counts it, and it is given back at once. Where address space is bounded
// (RLIMIT_AS) there is none, and memory grows on Go's heap.
type reservation struct{ space []byte }

// commit makes now, which is nil or what the last commit returned, size bytes long; maximum is what may ever be asked for.
func (r *reservation) commit(now []byte, size, maximum uint64) ([]byte, bool) {
	if r.space == nil && now == nil {
		b, err := unix.Mmap(-1, 0, int(maximum), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
		if err == nil {
			r.space = b
		}
	}
	if r.space == nil {
		return grow(now, size), true
	}
	if held := uint64(len(now)); size > held {
		if err := unix.Mprotect(r.space[held:size], unix.PROT_READ|unix.PROT_WRITE); err != nil {
			return nil, false
		}
	}
	return r.space[:size], true
}

func (r *reservation) release() {
	if r.space != nil {
		_ = unix.Munmap(r.space)
		r.space = nil
	}
}
