package preview1

import "encoding/binary"

// memory is the guest's linear memory for the time of one call. Access beyond it panics with fault, which Host.Call turns
// into EFAULT.
type memory []byte

type fault struct{}

func (m memory) bytes(ptr, n uint32) []byte {
	if uint64(ptr)+uint64(n) > uint64(len(m)) {
		panic(fault{})
	}
	return m[ptr : uint64(ptr)+uint64(n) : uint64(ptr)+uint64(n)]
}

func (m memory) uint8(ptr uint32) uint8   { return m.bytes(ptr, 1)[0] }
func (m memory) uint16(ptr uint32) uint16 { return binary.LittleEndian.Uint16(m.bytes(ptr, 2)) }
func (m memory) uint32(ptr uint32) uint32 { return binary.LittleEndian.Uint32(m.bytes(ptr, 4)) }
func (m memory) uint64(ptr uint32) uint64 { return binary.LittleEndian.Uint64(m.bytes(ptr, 8)) }

func (m memory) putUint32(ptr, v uint32)        { binary.LittleEndian.PutUint32(m.bytes(ptr, 4), v) }
func (m memory) putUint64(ptr uint32, v uint64) { binary.LittleEndian.PutUint64(m.bytes(ptr, 8), v) }

// maxVectors bounds an array of iovecs, as IOV_MAX does.
const maxVectors = 1024

// vectors calls f with each buffer of an array of iovecs until f says stop. Every buffer is known to lie in memory before
// the first is passed, and their lengths to add up to no more than a result can say.
func (m memory) vectors(iovs, n uint32, f func(b []byte) (more bool)) Errno {
	if n > maxVectors {
		return einval
	}
	array := m.bytes(iovs, 8*n)
	total := uint64(0)
	for v := array; len(v) > 0; v = v[8:] {
		length := binary.LittleEndian.Uint32(v[4:])
		m.bytes(binary.LittleEndian.Uint32(v), length)
		total += uint64(length)
	}
	if total > 1<<32-1 {
		return einval
	}
	for i := range n { // a read may overwrite the array: what was checked is then checked again
		v := array[8*i:]
		if !f(m.bytes(binary.LittleEndian.Uint32(v), binary.LittleEndian.Uint32(v[4:]))) {
			break
		}
	}
	return success
}

func putLE32(b []byte, v uint32) { binary.LittleEndian.PutUint32(b, v) }
