package preview1

import (
	"crypto/rand"
	"encoding/binary"
	"runtime"
	"time"
)

func argsGet(h *Host, m memory, a []uint64) Errno {
	return h.args.put(m, uint32(a[0]), uint32(a[1]))
}

func argsSizesGet(h *Host, m memory, a []uint64) Errno {
	return h.args.sizes(m, uint32(a[0]), uint32(a[1]))
}

func environGet(h *Host, m memory, a []uint64) Errno {
	return h.env.put(m, uint32(a[0]), uint32(a[1]))
}

func environSizesGet(h *Host, m memory, a []uint64) Errno {
	return h.env.sizes(m, uint32(a[0]), uint32(a[1]))
}

func (s *strings0) sizes(m memory, count, size uint32) Errno {
	m.putUint32(count, s.count)
	m.putUint32(size, uint32(len(s.data)))
	return success
}

func (s *strings0) put(m memory, pointers, data uint32) Errno {
	array := m.bytes(pointers, 4*s.count)
	text := m.bytes(data, uint32(len(s.data)))
	copy(text, s.data)
	at := uint32(0)
	for i := range s.count {
		binary.LittleEndian.PutUint32(array[4*i:], data+at)
		for s.data[at] != 0 {
			at++
		}
		at++
	}
	return success
}

// Clock ids. The clocks of CPU time are not offered.
const (
	clockRealtime   = 0
	clockMonotonic  = 1
	clockProcessCPU = 2
	clockThreadCPU  = 3
)

func clockResGet(_ *Host, m memory, a []uint64) Errno {
	if e := checkClock(uint32(a[0])); e != success {
		return e
	}
	m.putUint64(uint32(a[1]), 1)
	return success
}

// clockTimeGet gives nanoseconds: since 1970, or since a moment of this process that stays the same.
func clockTimeGet(_ *Host, m memory, a []uint64) Errno {
	var now int64
	switch id := uint32(a[0]); id {
	case clockMonotonic:
		now = int64(time.Since(begun)) + 1 // never 0; does not read the other clock, as time.Now does
	case clockRealtime:
		now = time.Now().UnixNano()
	default:
		return checkClock(id)
	}
	m.putUint64(uint32(a[2]), uint64(now))
	return success
}

func checkClock(id uint32) Errno {
	switch id {
	case clockRealtime, clockMonotonic:
		return success
	case clockProcessCPU, clockThreadCPU:
		return enotsup
	}
	return einval
}

func randomGet(h *Host, m memory, a []uint64) Errno {
	b := m.bytes(uint32(a[0]), uint32(a[1]))
	for len(b) > 0 {
		if h.stop.Ended() {
			return Stop
		}
		n := min(len(b), chunk)
		_, _ = rand.Read(b[:n]) // never fails, as crypto/rand documents
		b = b[n:]
	}
	return success
}

func procExit(h *Host, _ memory, a []uint64) Errno {
	h.over, h.exited, h.code = true, true, uint32(a[0])
	return Stop
}

// procRaise would send a signal to the host's process; no guest may.
func procRaise(*Host, memory, []uint64) Errno { return enotsup }

func schedYield(*Host, memory, []uint64) Errno {
	runtime.Gosched()
	return success
}
