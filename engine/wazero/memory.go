package wazero

import (
	"sync/atomic"

	"github.com/tetratelabs/wazero/experimental"
)

// memory is the linear memory of one instance, and its own wazero allocator: a module has one memory at most. The limit is
// this run's alone, although the compiled code is shared.
type memory struct {
	limit uint64 // bytes; 0 is none
	buf   []byte // what the guest sees
	mem   reservation
	size  atomic.Uint64
	peak  atomic.Uint64
}

// bytes is the guest's memory now; nil without one.
func (m *memory) bytes() []byte { return m.buf }

// Allocate implements experimental.MemoryAllocator.
func (m *memory) Allocate(_, maximum uint64) experimental.LinearMemory {
	if m.limit != 0 {
		maximum = min(maximum, m.limit)
	}
	m.mem.reserve(maximum)
	return m
}

// Reallocate implements experimental.LinearMemory: nil refuses, and memory.grow returns -1.
func (m *memory) Reallocate(size uint64) []byte {
	if m.limit != 0 && size > m.limit {
		return nil
	}
	b, ok := m.mem.commit(m.buf, size)
	if !ok {
		return nil
	}
	m.buf = b
	m.size.Store(size)
	m.peak.Store(max(m.peak.Load(), size))
	return b
}

// Free implements experimental.LinearMemory. It may be called often; nobody uses the memory any more.
func (m *memory) Free() {
	m.buf = nil
	m.mem.release()
}

// grow returns memory of size bytes that begins with now: a copy where now has no room for it.
func grow(now []byte, size uint64) []byte {
	if uint64(cap(now)) >= size {
		return now[:size]
	}
	b := make([]byte, size)
	copy(b, now)
	return b
}
