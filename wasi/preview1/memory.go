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

func (m memory) putUint32(ptr, v uint32) { binary.LittleEndian.PutUint32(m.bytes(ptr, 4), v) }

func (m memory) putUint64(ptr uint32, v uint64) { binary.LittleEndian.PutUint64(m.bytes(ptr, 8), v) }

func putLE32(b []byte, v uint32) { binary.LittleEndian.PutUint32(b, v) }
