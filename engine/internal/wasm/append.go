package wasm

import (
	"encoding/binary"
	"slices"
)

// Unsigned numbers are what [binary.AppendUvarint] appends.

// AppendInt appends a signed LEB128 number.
func AppendInt(out []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(out, c)
		}
		out = append(out, c|0x80)
	}
}

// AppendSized appends the length of a name, of a section or of the code of a function, and then itself.
func AppendSized[T string | []byte](out []byte, content T) []byte {
	return append(binary.AppendUvarint(out, uint64(len(content))), content...)
}

// AppendOp appends an instruction without a prefix and the index that follows it.
func AppendOp(out []byte, op byte, index uint64) []byte {
	return binary.AppendUvarint(append(out, op), index)
}

// Extend returns a vector, such as the body of a section, with n more entries at its end.
func Extend(vector []byte, n uint64, entries []byte) []byte {
	r := Reader(vector)
	return slices.Concat(binary.AppendUvarint(nil, r.Uint()+n), r, entries)
}
