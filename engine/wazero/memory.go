package wazero

import (
	"sync"

	"github.com/tetratelabs/wazero/experimental"
)

// memory is the linear memory of one instance, and its own wazero allocator: a module has one memory at most. The limit is
// this run's alone, although the compiled code is shared. It begins in a small buffer that runs take turns with: for a
// guest that lives for microseconds, mapping and unmapping address space would take longer than the guest. One that
// outgrows it moves once, to a reservation, and from then on grows in place.
type memory struct {
	limit   uint64 // bytes; 0 is none
	maximum uint64 // bytes that wazero will ever ask for
	buf     []byte // what the guest sees
	small   *smallBuffer
	used    bool // another guest had small
	large   reservation
	resized func(bytes uint64) // is told of each new size
}

type smallBuffer [256 << 10]byte

var smallBuffers sync.Pool

// bytes is the guest's memory now; nil without one.
func (m *memory) bytes() []byte { return m.buf }

// Allocate implements experimental.MemoryAllocator.
func (m *memory) Allocate(_, maximum uint64) experimental.LinearMemory {
	m.maximum = maximum
	if m.limit != 0 {
		m.maximum = min(maximum, m.limit)
	}
	return m
}

// Reallocate implements experimental.LinearMemory: nil refuses, and memory.grow returns -1.
func (m *memory) Reallocate(size uint64) []byte {
	if m.limit != 0 && size > m.limit {
		return nil
	}
	b, ok := m.resize(size)
	if !ok {
		return nil
	}
	m.buf = b
	m.resized(size)
	return b
}

func (m *memory) resize(size uint64) ([]byte, bool) {
	if m.small == nil && m.buf == nil && size <= uint64(len(smallBuffer{})) {
		if m.small, m.used = smallBuffers.Get().(*smallBuffer); !m.used {
			m.small = new(smallBuffer)
		}
	}
	if m.small == nil {
		return m.large.commit(m.buf, size, m.maximum)
	}
	if size <= uint64(len(m.small)) {
		if m.used { // or else it is clear, and pages that the guest does not touch take no memory
			clear(m.small[len(m.buf):size])
		}
		return m.small[:size:size], true
	}
	b, ok := m.large.commit(nil, size, m.maximum)
	if ok {
		copy(b, m.buf)
		m.giveBack()
	}
	return b, ok
}

// Free implements experimental.LinearMemory. It may be called often; nobody uses the memory any more.
func (m *memory) Free() {
	m.buf = nil
	m.giveBack()
	m.large.release()
}

func (m *memory) giveBack() {
	if m.small != nil {
		smallBuffers.Put(m.small)
		m.small = nil
	}
}

// grow returns memory of size bytes that begins with now: a copy where now has no room for it, which then has some to spare.
// A guest that grows page by page would otherwise copy all that it has for each, without a check in between.
func grow(now []byte, size uint64) []byte {
	return append(now, make([]byte, size-uint64(len(now)))...)
}
