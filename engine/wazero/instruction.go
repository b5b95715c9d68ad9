package wazero

import (
	"errors"

	"github.com/wasmoci/wasmoci/engine/internal/wasm"
)

// Instructions that instrumenting looks at (core specification, 5.4), those with a prefix with it in the upper byte.
const (
	opBlock              = 0x02
	opLoop               = 0x03
	opIf                 = 0x04
	opElse               = 0x05
	opEnd                = 0x0b
	opBr                 = 0x0c
	opBrIf               = 0x0d
	opBrTable            = 0x0e
	opReturn             = 0x0f
	opCall               = 0x10
	opCallIndirect       = 0x11
	opReturnCall         = 0x12
	opReturnCallIndirect = 0x13
	opLocalGet           = 0x20
	opLocalSet           = 0x21
	opLocalTee           = 0x22
	opGlobalGet          = 0x23
	opGlobalSet          = 0x24
	opI32Const           = 0x41
	opI32GeS             = 0x4e
	opI32Sub             = 0x6b
	opI32ShrU            = 0x76
	opRefFunc            = 0xd2
	opMemoryInit         = 0xfc08
	opMemoryCopy         = 0xfc0a
	opMemoryFill         = 0xfc0b
	opTableInit          = 0xfc0c
	opTableCopy          = 0xfc0e
	opTableFill          = 0xfc11
)

// What follows an opcode.
const (
	unknown   = iota // the opcode is not one of those that the engine enables
	none             //
	blockType        //
	index            // of a function, type, local, global, label, table, …
	indexes2         // two of them
	labels           // those of br_table
	memArg           // alignment and offset
	oneType          // a vector of one value type
	heapType         //
	signed32         //
	signed64         //
	bytes1           //
	bytes4           //
	bytes8           //
	bytes16          //
	memArg1          // alignment, offset and a lane
)

// immediates says for each opcode what follows it: WebAssembly 2.0 and tail calls, nothing else. It has to agree with wazero's
// decoder to the byte: a loop that is not seen here would be one that nobody ends.
var immediates, immediatesFC, immediatesFD = func() (plain, fc, fd [256]byte) {
	set := func(t *[256]byte, from, to int, kind byte) {
		for i := from; i <= to; i++ {
			t[i] = kind
		}
	}
	set(&plain, 0x00, 0x01, none) // unreachable, nop
	set(&plain, opBlock, opIf, blockType)
	set(&plain, opElse, opElse, none)
	set(&plain, opEnd, opEnd, none)
	set(&plain, opBr, opBrIf, index)
	set(&plain, opBrTable, opBrTable, labels)
	set(&plain, opReturn, opReturn, none)
	set(&plain, opCall, opCall, index)
	set(&plain, opCallIndirect, opCallIndirect, indexes2)
	set(&plain, opReturnCall, opReturnCall, index)
	set(&plain, opReturnCallIndirect, opReturnCallIndirect, indexes2)
	set(&plain, 0x1a, 0x1b, none) // drop, select
	set(&plain, 0x1c, 0x1c, oneType)
	set(&plain, 0x20, 0x26, index)  // locals, globals, tables
	set(&plain, 0x28, 0x3e, memArg) // loads and stores
	set(&plain, 0x3f, 0x40, index)  // memory.size, memory.grow
	set(&plain, opI32Const, opI32Const, signed32)
	set(&plain, 0x42, 0x42, signed64)
	set(&plain, 0x43, 0x43, bytes4)
	set(&plain, 0x44, 0x44, bytes8)
	set(&plain, 0x45, 0xc4, none) // of numbers
	set(&plain, 0xd0, 0xd0, heapType)
	set(&plain, 0xd1, 0xd1, none)
	set(&plain, opRefFunc, opRefFunc, index)

	set(&fc, 0, 7, none)       // saturating truncation
	set(&fc, 8, 8, indexes2)   // memory.init
	set(&fc, 9, 9, index)      // data.drop
	set(&fc, 10, 10, indexes2) // memory.copy
	set(&fc, 11, 11, index)    // memory.fill
	set(&fc, 12, 12, indexes2) // table.init
	set(&fc, 13, 13, index)    // elem.drop
	set(&fc, 14, 14, indexes2) // table.copy
	set(&fc, 15, 17, index)    // table.grow, table.size, table.fill

	set(&fd, 0, 11, memArg)   // loads and the store
	set(&fd, 12, 13, bytes16) // v128.const, i8x16.shuffle
	set(&fd, 14, 20, none)
	set(&fd, 21, 34, bytes1) // lanes
	set(&fd, 35, 83, none)
	set(&fd, 84, 91, memArg1)
	set(&fd, 92, 93, memArg)
	set(&fd, 94, 255, none)
	return plain, fc, fd
}()

var (
	errInstruction = errors.New("it has an instruction that is not supported")
	errVector      = errors.New("it has a vector instruction whose number is not written in as few bytes as possible, or is not supported")
	errType        = errors.New("it has a type that is not supported")
)

// instruction is one instruction, with those of its immediates that instrumenting looks at.
type instruction struct {
	op    int
	index uint64 // the first index: of a function, local, global, type; of a label the largest
	typed bool   // a block whose type is index
}

// next reads one instruction.
func next(r *wasm.Reader) (in instruction, err error) {
	in.op = int(r.Byte())
	kind := immediates[in.op]
	switch in.op {
	case 0xfc:
		sub := r.Uint()
		if sub > 0xff {
			return in, errInstruction
		}
		in.op, kind = 0xfc00|int(sub), immediatesFC[sub]
	case 0xfd:
		// The number takes two bytes from 128 on. wazero reads the first alone, and the second, which is 1, as a nop.
		sub := r.Byte()
		if sub >= 0x80 && (len(*r) == 0 || (*r)[0] != 1) {
			return in, errVector
		}
		in.op, kind = 0xfd00|int(sub), immediatesFD[sub]
	}
	switch kind {
	case none:
	case blockType:
		switch t := signed(r, 5); {
		case t >= 0:
			in.typed, in.index = true, uint64(t)
		case -5 <= t, t == -16, t == -17, t == -64:
		default:
			return in, errType
		}
	case index:
		in.index = r.Uint()
	case indexes2:
		in.index = r.Uint()
		r.Uint()
	case labels:
		n := r.Uint()
		if n > maxLabels {
			return in, errLabels
		}
		for range n + 1 {
			in.index = max(in.index, r.Uint())
		}
	case memArg, memArg1:
		r.Uint()
		r.Uint()
		if kind == memArg1 {
			r.Byte()
		}
	case oneType:
		if r.Byte() != 1 {
			return in, errInstruction
		}
		if !isValueType(r.Byte()) {
			return in, errType
		}
	case heapType:
		if t := r.Byte(); t != 0x70 && t != 0x6f {
			return in, errType
		}
	case signed32:
		signed(r, 5)
	case signed64:
		signed(r, 10)
	case bytes1:
		r.Take(1)
	case bytes4:
		r.Take(4)
	case bytes8:
		r.Take(8)
	case bytes16:
		r.Take(16)
	default:
		return in, errInstruction
	}
	return in, nil
}

func isValueType(t byte) bool { return 0x7b <= t && t <= 0x7f || t == 0x70 || t == 0x6f }

// signed reads a signed LEB128 number of up to size bytes.
func signed(r *wasm.Reader, size int) (v int64) {
	for shift := 0; shift < 7*size; shift += 7 {
		b := r.Byte()
		v |= int64(b&0x7f) << shift
		if b < 0x80 {
			if b&0x40 != 0 && shift+7 < 64 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
	wasm.Fail("no signed number of %d bytes", size)
	return 0
}
