package wasm

import "sync"

// MaxLabels is how many labels a branch table may have, as in browsers. Compilers may take time that grows with their square.
const MaxLabels = 65_520

// Opcodes of instructions (core specification, 5.4) that somebody looks for, or writes. One with a prefix has that in the upper
// byte.
const (
	OpUnreachable        = 0x00
	OpBlock              = 0x02
	OpLoop               = 0x03
	OpIf                 = 0x04
	OpElse               = 0x05
	OpEnd                = 0x0b
	OpBr                 = 0x0c
	OpBrIf               = 0x0d
	OpBrTable            = 0x0e
	OpReturn             = 0x0f
	OpCall               = 0x10
	OpCallIndirect       = 0x11
	OpReturnCall         = 0x12
	OpReturnCallIndirect = 0x13
	OpLocalGet           = 0x20
	OpLocalSet           = 0x21
	OpLocalTee           = 0x22
	OpGlobalGet          = 0x23
	OpGlobalSet          = 0x24
	OpI32Const           = 0x41
	OpI64Const           = 0x42
	OpF32Const           = 0x43
	OpF64Const           = 0x44
	OpI32LtS             = 0x48
	OpI32GeS             = 0x4e
	OpI32Add             = 0x6a
	OpI32Sub             = 0x6b
	OpI32Mul             = 0x6c
	OpI32ShrU            = 0x76
	OpI64Add             = 0x7c
	OpI64Sub             = 0x7d
	OpI64Mul             = 0x7e
	OpRefNull            = 0xd0
	OpRefFunc            = 0xd2
	OpMemoryInit         = 0xfc08
	OpMemoryCopy         = 0xfc0a
	OpMemoryFill         = 0xfc0b
	OpTableInit          = 0xfc0c
	OpTableCopy          = 0xfc0e
	OpTableFill          = 0xfc11
	OpV128Const          = 0xfd0c
)

// BlockEmpty is the type of a block that takes and gives nothing; the byte of a value type is that of one which gives one.
const BlockEmpty = 0x40

// Instruction is what [Reader.Instruction] reads.
type Instruction struct {
	Op    uint16
	Bytes []byte // it, as it stands in the module
	// Index is the first that follows the opcode: of a function, type, local, global, … It is the largest, which is that of
	// the outermost label, of br_table, and the type of a block where Typed says that it has one of the type section.
	Index uint64
	Typed bool
	Value bool // a block without parameters and with one result
	// Delta is by how much the instruction changes the height of the operand stack, where that is always the same. Where it is
	// not known it is more than the truth. It is 0 for blocks, without an if's condition, and what takes or gives what a type
	// says is left out.
	Delta int8
}

// operands says what follows an opcode.
type operands byte

const (
	unknown    operands = iota // no instruction of WebAssembly 2.0 with tail calls
	none                       //
	blockType                  //
	index                      //
	indexes                    // two of them
	labels                     // a vector of labels and one more
	memArg                     // alignment and offset
	memArgLane                 // both and a lane
	lane                       // a byte
	zero                       // a byte that is zero: the number of the only memory
	zeros                      // two of them
	indexZero                  // an index and a zero
	oneType                    // a vector of one value type
	reference                  // a reference type
	signed32                   //
	signed64                   //
	bytes4                     //
	bytes8                     //
	bytes16                    //
)

// form is what is the same in every instruction of an opcode.
type form struct {
	operands operands
	delta    int8
}

// forms are those of opcodes without a prefix, after 0xfc and after 0xfd. They agree to the byte with what
// the runtimes read: otherwise a guest could hide a loop or a call.
type forms struct{ plain, bulk, vector [256]form }

// known is made when it is needed first: a program that only loads compiled code reads no instruction.
var known = sync.OnceValue(func() *forms {
	f := new(forms)
	plain, bulk, vector := &f.plain, &f.bulk, &f.vector
	set := func(t *[256]form, from, to int, o operands, delta int8) {
		for i := from; i <= to; i++ {
			t[i] = form{o, delta}
		}
	}
	set(plain, OpUnreachable, 0x01, none, 0) // and nop
	set(plain, OpBlock, OpIf, blockType, 0)
	set(plain, OpElse, OpElse, none, 0)
	set(plain, OpEnd, OpEnd, none, 0)
	set(plain, OpBr, OpBr, index, 0)
	set(plain, OpBrIf, OpBrIf, index, -1)
	set(plain, OpBrTable, OpBrTable, labels, 0)
	set(plain, OpReturn, OpReturn, none, 0)
	set(plain, OpCall, OpCall, index, 0)
	set(plain, OpCallIndirect, OpCallIndirect, indexes, -1)
	set(plain, OpReturnCall, OpReturnCall, index, 0)
	set(plain, OpReturnCallIndirect, OpReturnCallIndirect, indexes, -1)
	set(plain, 0x1a, 0x1a, none, -1)    // drop
	set(plain, 0x1b, 0x1b, none, -2)    // select
	set(plain, 0x1c, 0x1c, oneType, -2) // select of a type
	set(plain, OpLocalGet, OpLocalGet, index, 1)
	set(plain, OpLocalSet, OpLocalSet, index, -1)
	set(plain, OpLocalTee, OpLocalTee, index, 0)
	set(plain, OpGlobalGet, OpGlobalGet, index, 1)
	set(plain, OpGlobalSet, OpGlobalSet, index, -1)
	set(plain, 0x25, 0x25, index, 0)   // table.get
	set(plain, 0x26, 0x26, index, -2)  // table.set
	set(plain, 0x28, 0x35, memArg, 0)  // loads
	set(plain, 0x36, 0x3e, memArg, -2) // stores
	set(plain, 0x3f, 0x3f, zero, 1)    // memory.size
	set(plain, 0x40, 0x40, zero, 0)    // memory.grow
	set(plain, OpI32Const, OpI32Const, signed32, 1)
	set(plain, OpI64Const, OpI64Const, signed64, 1)
	set(plain, OpF32Const, OpF32Const, bytes4, 1)
	set(plain, OpF64Const, OpF64Const, bytes8, 1)
	set(plain, 0x45, 0xc4, none, -1) // of two numbers, but for those of one:
	for _, unary := range [][2]int{{0x45, 0x45}, {0x50, 0x50}, {0x67, 0x69}, {0x79, 0x7b}, {0x8b, 0x91}, {0x99, 0x9f}, {0xa7, 0xc4}} {
		set(plain, unary[0], unary[1], none, 0)
	}
	set(plain, OpRefNull, OpRefNull, reference, 1)
	set(plain, 0xd1, 0xd1, none, 0) // ref.is_null
	set(plain, OpRefFunc, OpRefFunc, index, 1)

	set(bulk, 0, 7, none, 0)       // saturating truncation
	set(bulk, 8, 8, indexZero, -3) // memory.init
	set(bulk, 9, 9, index, 0)      // data.drop
	set(bulk, 10, 10, zeros, -3)   // memory.copy
	set(bulk, 11, 11, zero, -3)    // memory.fill
	set(bulk, 12, 12, indexes, -3) // table.init
	set(bulk, 13, 13, index, 0)    // elem.drop
	set(bulk, 14, 14, indexes, -3) // table.copy
	set(bulk, 15, 15, index, -1)   // table.grow
	set(bulk, 16, 16, index, 1)    // table.size
	set(bulk, 17, 17, index, -3)   // table.fill

	set(vector, 0, 10, memArg, 0)   // loads
	set(vector, 11, 11, memArg, -2) // v128.store
	set(vector, 12, 12, bytes16, 1) // v128.const
	set(vector, 13, 13, bytes16, -1)
	set(vector, 14, 20, none, 0)
	set(vector, 21, 34, lane, 0)
	set(vector, 35, 83, none, 0)
	set(vector, 84, 91, memArgLane, 0)
	set(vector, 92, 93, memArg, 0)
	set(vector, 94, 255, none, 0)
	return f
})

// Instruction reads one instruction of WebAssembly 2.0 or of tail calls. What has another form than there, or one of two forms that
// runtimes could read differently, it refuses. Whether the instruction is valid is not looked at.
func (r *Reader) Instruction() (in Instruction) {
	before := *r
	op := r.Byte()
	forms := known()
	f := forms.plain[op]
	in.Op = uint16(op)
	switch op {
	case 0xfc:
		sub := r.Uint()
		if sub > 0xff {
			Fail("instruction 0xfc %d is not supported", sub)
		}
		in.Op, f = 0xfc00|uint16(sub), forms.bulk[sub]
	case 0xfd:
		// The number in its shortest form: one byte, and from 128 on a second, which is 1. There are runtimes that read the
		// first alone, and the second as a nop.
		sub := r.Byte()
		if sub >= 0x80 && r.Byte() != 1 {
			Fail("instruction 0xfd with a number above 255, or a long one, is not supported")
		}
		in.Op, f = 0xfd00|uint16(sub), forms.vector[sub]
	}
	in.Delta = f.delta
	switch f.operands {
	case none:
	case blockType:
		in.blockType(r)
	case index:
		in.Index = r.Uint()
	case indexes:
		in.Index = r.Uint()
		r.Uint()
	case labels:
		n := r.Uint()
		if n > MaxLabels {
			Fail("a branch table has more than %d labels", MaxLabels)
		}
		for range n + 1 {
			in.Index = max(in.Index, r.Uint())
		}
	case memArg, memArgLane:
		if align := r.Uint(); align > 4 {
			Fail("an alignment of 2^%d", align)
		}
		r.Uint()
		if f.operands == memArgLane {
			r.Byte()
		}
	case lane:
		r.Byte()
	case zero:
		r.zero()
	case zeros:
		r.zero()
		r.zero()
	case indexZero:
		in.Index = r.Uint()
		r.zero()
	case oneType:
		if n := r.Byte(); n != 1 {
			Fail("a select of %d types", n)
		}
		r.ValueType()
	case reference:
		if t := r.Byte(); !isReference(t) {
			Fail("reference of type %#x is not supported", t)
		}
	case signed32:
		r.Int(32)
	case signed64:
		r.Int(64)
	case bytes4:
		r.Take(4)
	case bytes8:
		r.Take(8)
	case bytes16:
		r.Take(16)
	default:
		Fail("instruction %#x is not supported", in.Op)
	}
	in.Bytes = before[:len(before)-len(*r)]
	return in
}

// blockType reads the type of a block: a byte, or an index as a signed number of 33 bits.
func (in *Instruction) blockType(r *Reader) {
	switch b := r.peek(); {
	case b == BlockEmpty:
		r.Byte()
	case isValueType(b):
		r.Byte()
		in.Value = true
	default:
		i := r.Int(33)
		if i < 0 || i > 1<<32-1 {
			Fail("block of type %d is not supported", i)
		}
		in.Typed, in.Index = true, uint64(i)
	}
}

func (r *Reader) zero() {
	if b := r.Byte(); b != 0 {
		Fail("memory %d is not supported", b)
	}
}
