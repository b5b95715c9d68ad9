package wasmedge

import "github.com/wasmoci/wasmoci/engine/internal/wasm"

// Instructions that instrumenting looks at (core specification, 5.4). A prefixed one has its prefix in the upper byte.
const (
	opUnreachable        = 0x00
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
	opGlobalGet          = 0x23
	opGlobalSet          = 0x24
	opI32Const           = 0x41
	opI32LtS             = 0x48
	opI32Add             = 0x6a
	opI32Sub             = 0x6b

	blockEmpty = 0x40
)

// operands says what follows an opcode.
type operands byte

const (
	unknown   operands = iota // no instruction of the features that the engine has on
	none                      //
	block                     // the type of a block
	index                     // a number of 32 bits
	indexes                   // two of them
	labels                    // a vector of labels and one more
	access                    // alignment and offset
	lane                      // one byte
	laned                     // alignment, offset and one byte
	zero                      // a byte that is zero: the number of the only memory
	zeros                     // two of them
	indexed                   // an index and a zero
	valued                    // a vector of one value type
	reference                 // a reference type
	signed                    // a signed number
	bytes4                    //
	bytes8                    //
	bytes16                   //
)

// form is what instrumenting knows of an instruction: what follows it, and by how much it changes the height of the operand
// stack, where that is always the same. Where it is not known it is more than the truth.
type form struct {
	operands operands
	delta    int8
}

// plain, bulk and vector are the forms of the opcodes without a prefix, after 0xfc and after 0xfd: WebAssembly 2.0 and tail calls,
// nothing else. They agree to the byte with what the engine reads: otherwise a guest could hide instructions here.
var plain, bulk, vector = forms()

func forms() (plain, bulk, vector [256]form) {
	set := func(t *[256]form, from, to int, o operands, delta int8) {
		for i := from; i <= to; i++ {
			t[i] = form{o, delta}
		}
	}
	set(&plain, opUnreachable, 0x01, none, 0) // and nop
	set(&plain, opBlock, opIf, block, 0)
	set(&plain, opElse, opElse, none, 0)
	set(&plain, opEnd, opEnd, none, 0)
	set(&plain, opBr, opBr, index, 0)
	set(&plain, opBrIf, opBrIf, index, -1)
	set(&plain, opBrTable, opBrTable, labels, 0)
	set(&plain, opReturn, opReturn, none, 0)
	set(&plain, opCall, opCall, index, 0)
	set(&plain, opCallIndirect, opCallIndirect, indexes, -1)
	set(&plain, opReturnCall, opReturnCall, index, 0)
	set(&plain, opReturnCallIndirect, opReturnCallIndirect, indexes, -1)
	set(&plain, 0x1a, 0x1a, none, -1)   // drop
	set(&plain, 0x1b, 0x1b, none, -2)   // select
	set(&plain, 0x1c, 0x1c, valued, -2) // select of a type
	set(&plain, 0x20, 0x20, index, 1)   // local.get
	set(&plain, 0x21, 0x21, index, -1)  // local.set
	set(&plain, 0x22, 0x22, index, 0)   // local.tee
	set(&plain, opGlobalGet, opGlobalGet, index, 1)
	set(&plain, opGlobalSet, opGlobalSet, index, -1)
	set(&plain, 0x25, 0x25, index, 0)   // table.get
	set(&plain, 0x26, 0x26, index, -2)  // table.set
	set(&plain, 0x28, 0x35, access, 0)  // loads
	set(&plain, 0x36, 0x3e, access, -2) // stores
	set(&plain, 0x3f, 0x3f, zero, 1)    // memory.size
	set(&plain, 0x40, 0x40, zero, 0)    // memory.grow
	set(&plain, opI32Const, 0x42, signed, 1)
	set(&plain, 0x43, 0x43, bytes4, 1)
	set(&plain, 0x44, 0x44, bytes8, 1)
	set(&plain, 0x45, 0xc4, none, -1) // of two numbers, but for those of one:
	for _, unary := range [][2]int{{0x45, 0x45}, {0x50, 0x50}, {0x67, 0x69}, {0x79, 0x7b}, {0x8b, 0x91}, {0x99, 0x9f}, {0xa7, 0xc4}} {
		set(&plain, unary[0], unary[1], none, 0)
	}
	set(&plain, 0xd0, 0xd0, reference, 1) // ref.null
	set(&plain, 0xd1, 0xd1, none, 0)      // ref.is_null
	set(&plain, 0xd2, 0xd2, index, 1)     // ref.func

	set(&bulk, 0, 7, none, 0)       // saturating truncation
	set(&bulk, 8, 8, indexed, -3)   // memory.init
	set(&bulk, 9, 9, index, 0)      // data.drop
	set(&bulk, 10, 10, zeros, -3)   // memory.copy
	set(&bulk, 11, 11, zero, -3)    // memory.fill
	set(&bulk, 12, 12, indexes, -3) // table.init
	set(&bulk, 13, 13, index, 0)    // elem.drop
	set(&bulk, 14, 14, indexes, -3) // table.copy
	set(&bulk, 15, 15, index, -1)   // table.grow
	set(&bulk, 16, 16, index, 1)    // table.size
	set(&bulk, 17, 17, index, -3)   // table.fill

	set(&vector, 0, 10, access, 0)
	set(&vector, 11, 11, access, -2)  // v128.store
	set(&vector, 12, 12, bytes16, 1)  // v128.const
	set(&vector, 13, 13, bytes16, -1) // i8x16.shuffle
	set(&vector, 14, 20, none, 0)
	set(&vector, 21, 34, lane, 0)
	set(&vector, 35, 83, none, 0)
	set(&vector, 84, 91, laned, 0)
	set(&vector, 92, 93, access, 0)
	set(&vector, 94, 255, none, 0)
	return plain, bulk, vector
}

// instruction is one instruction with what instrumenting looks at.
type instruction struct {
	op    int
	index uint64 // of a function, type, global or label, the outermost of br_table; of a block, its type where typed
	typed bool   // a block that has a type of the type section
	value bool   // a block with one result
	delta int
}

// readInstruction reads one instruction. What the engine would not take, or could take for something else, ends the reading.
func readInstruction(r *wasm.Reader) (in instruction) {
	in.op = int(r.Byte())
	f := plain[in.op]
	if in.op == 0xfc || in.op == 0xfd {
		table := &bulk
		if in.op == 0xfd {
			table = &vector
		}
		sub := r.Uint()
		if sub > 0xff {
			wasm.Fail("instruction %#x %d is not supported", in.op, sub)
		}
		in.op, f = in.op<<8|int(sub), table[sub]
	}
	in.delta = int(f.delta)
	switch f.operands {
	case none:
	case block:
		in.blockType(r)
	case index:
		in.index = r.Uint()
	case indexes:
		in.index = r.Uint()
		r.Uint()
	case labels:
		n := r.Uint()
		for range n + 1 {
			in.index = max(in.index, r.Uint())
		}
	case access, laned:
		if align := r.Uint(); align > 4 {
			wasm.Fail("an alignment of 2^%d", align)
		}
		r.Uint()
		if f.operands == laned {
			r.Byte()
		}
	case lane:
		r.Byte()
	case zero:
		readZero(r)
	case zeros:
		readZero(r)
		readZero(r)
	case indexed:
		r.Uint()
		readZero(r)
	case valued:
		if n := r.Uint(); n != 1 {
			wasm.Fail("a select of %d types", n)
		}
		readValueType(r)
	case reference:
		if t := r.Byte(); t != 0x70 && t != 0x6f {
			wasm.Fail("a reference of type %#x", t)
		}
	case signed:
		r.Int()
	case bytes4:
		r.Take(4)
	case bytes8:
		r.Take(8)
	case bytes16:
		r.Take(16)
	default:
		wasm.Fail("instruction %#x is not supported", in.op)
	}
	return in
}

func (in *instruction) blockType(r *wasm.Reader) {
	short := *r
	switch b := short.Byte(); {
	case b == blockEmpty:
		*r = short
	case isValueType(b):
		*r = short
		in.value = true
	default:
		i := r.Int()
		if i < 0 || i > 1<<32-1 {
			wasm.Fail("a block of type %d", i)
		}
		in.typed, in.index = true, uint64(i)
	}
}

func readZero(r *wasm.Reader) {
	if b := r.Byte(); b != 0 {
		wasm.Fail("memory %d", b)
	}
}

func isValueType(b byte) bool { return 0x7b <= b && b <= 0x7f || b == 0x70 || b == 0x6f }

func readValueType(r *wasm.Reader) byte {
	b := r.Byte()
	if !isValueType(b) {
		wasm.Fail("value of type %#x", b)
	}
	return b
}
