package wasm

import (
	"encoding/binary"
	"fmt"
)

// Header is what a core module begins with: the magic number and version 1.
const Header = "\x00asm\x01\x00\x00\x00"

// Sections in the order of the binary format (core specification, 5.5.2), but for DataCount and Tag, which stand before Code
// and Global.
const (
	SectionCustom    = 0
	SectionType      = 1
	SectionImport    = 2
	SectionFunction  = 3
	SectionTable     = 4
	SectionMemory    = 5
	SectionGlobal    = 6
	SectionExport    = 7
	SectionStart     = 8
	SectionElement   = 9
	SectionCode      = 10
	SectionData      = 11
	SectionDataCount = 12
	SectionTag       = 13
)

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

// Take returns the next n bytes.
func (r *Reader) Take(n uint64) []byte {
	if n > uint64(len(*r)) {
		Fail("a section ends too soon")
	}
	b := (*r)[:n:n]
	*r = (*r)[n:]
	return b
}

// Byte returns the next byte.
func (r *Reader) Byte() byte { return r.Take(1)[0] }

// Uint reads an unsigned LEB128 number of up to 32 bits.
func (r *Reader) Uint() uint64 {
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

// Int reads a signed LEB128 number of up to 64 bits.
func (r *Reader) Int() int64 {
	var v int64
	for shift := 0; shift < 70; shift += 7 {
		b := r.Byte()
		v |= int64(b&0x7f) << shift
		if b&0x80 == 0 {
			if shift < 57 && b&0x40 != 0 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
	Fail("no signed number of 64 bits")
	return 0
}

// Name reads a name (core specification, 5.2.4). Whether it is UTF-8 is not looked at.
func (r *Reader) Name() string { return string(r.Take(r.Uint())) }
