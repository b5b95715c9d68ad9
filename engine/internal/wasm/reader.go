package wasm

import (
	"encoding/binary"
	"fmt"
)

// Header is what a core module begins with: the magic number and version 1.
const Header = "\x00asm\x01\x00\x00\x00"

// Reader reads what it consists of, from its beginning. What is not there or no such thing is a panic with a value that
// [Recover] makes an error of.
type Reader []byte

type malformed string

// Fail ends reading with a reason.
func Fail(format string, args ...any) { panic(malformed(fmt.Sprintf(format, args...))) }

// Recover is to be deferred by who reads: it turns the panic of a Reader into *err.
func Recover(err *error) {
	switch r := recover().(type) {
	case nil:
	case malformed:
		*err = fmt.Errorf("malformed module: %s", string(r))
	default:
		panic(r)
	}
}

// cutOff is not a part of its callers, so that these are small enough to be parts of theirs.
func cutOff() { Fail("a section ends too soon") }

// Take returns the next n bytes.
func (r *Reader) Take(n uint64) []byte {
	if n > uint64(len(*r)) {
		cutOff()
	}
	b := (*r)[:n:n]
	*r = (*r)[n:]
	return b
}

// Byte returns the next byte.
func (r *Reader) Byte() byte {
	b := r.peek()
	*r = (*r)[1:]
	return b
}

// Uint reads an unsigned LEB128 number of up to 32 bits.
func (r *Reader) Uint() uint64 {
	if len(*r) > 0 && (*r)[0] < 0x80 { // most are so small, and modules consist of them
		return uint64(r.Byte())
	}
	v, n := binary.Uvarint((*r)[:min(len(*r), 5)])
	if n <= 0 || v > 1<<32-1 {
		Fail("no unsigned number of 32 bits")
	}
	r.Take(uint64(n))
	return v
}

// Uint64 reads an unsigned LEB128 number of up to 64 bits.
func (r *Reader) Uint64() uint64 {
	v, n := binary.Uvarint((*r)[:min(len(*r), 10)])
	if n <= 0 {
		Fail("no unsigned number of 64 bits")
	}
	r.Take(uint64(n))
	return v
}

// Int reads a signed LEB128 number of as many bytes as one of up to so many bits may have. Whether those bits of the last byte are
// right that it has no use for is not looked at.
func (r *Reader) Int(bits int) int64 {
	var v int64
	for shift := 0; shift < bits; shift += 7 {
		b := r.Byte()
		v |= int64(b&0x7f) << shift
		if b&0x80 == 0 {
			if shift < 57 && b&0x40 != 0 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
	Fail("no signed number of %d bits", bits)
	return 0
}

// Name reads a name (core specification, 5.2.4). Whether it is UTF-8 is not looked at.
func (r *Reader) Name() string { return string(r.Take(r.Uint())) }

func (r *Reader) peek() byte {
	if len(*r) == 0 {
		cutOff()
	}
	return (*r)[0]
}

// End fails where anything is left.
func (r *Reader) End() {
	if len(*r) > 0 {
		Fail("a part is longer than what it has, by %d bytes", len(*r))
	}
}
