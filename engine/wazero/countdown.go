package wazero

import (
	"encoding/binary"

	"github.com/wasmoci/wasmoci/engine/internal/wasm"
)

// A guest pays for what it executes, in bytes of its code, from a budget. What it has left is in a global, the counter. A
// function pays for its code outside of loops when it is entered, a loop for one turn when its head is passed, a bulk
// instruction for its length. Where the budget is used up, the guest calls the check, which is a function of the host's.
//
// So nothing runs for long without a check: an instruction runs at most once between two passes through the head of the
// innermost loop around it, or between two entries of its function where there is none, and both have paid for it. Small
// functions without loops and calls do not pay: a call pays for them.
//
// A function with loops keeps the counter in a local variable, which wazero keeps in a register, and in the global only while
// it is left: around calls and at its end.
const (
	budget = 1 << 20 // some ten to a few hundred microseconds, 20 milliseconds where every load misses every cache
	callee = 64      // what a call pays for a function that does not pay

	// wazero's time for compiling grows with the third power of how deep loops are in each other, and with the second of the
	// labels of a branch table: fifteen kilobytes of the one would take half a minute. These are far beyond what compilers emit;
	// that for labels is also what browsers have.
	maxLoops  = 500
	maxLabels = 65_520

	bytesShift    = 4 // a bulk instruction on memory pays 1 for 16 bytes
	elementsShift = 1 // one on a table for 2 elements
)

// The check's import. A module that asks for it by itself does not get it.
const (
	checkModule = "wasmoci interruption"
	checkName   = "check"
)

// bulk are instructions that take time in proportion to their last operand.
var bulk = map[int]int64{
	opMemoryInit: bytesShift, opMemoryCopy: bytesShift, opMemoryFill: bytesShift,
	opTableInit: elementsShift, opTableCopy: elementsShift, opTableFill: elementsShift,
}

// appendInt appends a signed LEB128 number.
func appendInt(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

// appendCounter appends a global: a mutable i32 that begins with the budget.
func appendCounter(b []byte) []byte {
	return append(appendInt(append(b, 0x7f, 0x01, opI32Const), budget), opEnd)
}

// code puts checks into the functions of the code section.
func (m *metered) code(r wasm.Reader) (out []byte, err error) {
	n := r.Uint()
	if n != uint64(len(m.functions)) {
		return nil, errSection
	}
	out = binary.AppendUvarint(make([]byte, 0, len(r)+len(r)/4), n)
	var buf []byte
	for i := range n {
		if buf, err = m.function(buf[:0], r.Take(r.Uint()), m.types[m.functions[i]]); err != nil {
			return nil, err
		}
		out = append(binary.AppendUvarint(out, uint64(len(buf))), buf...)
	}
	return append(out, r...), nil
}

// costs is what a function pays.
type costs struct {
	loops []int64 // for each pass through a loop's head, in the order of the code; first for being entered
	calls bool
	bulk  bool
}

// cost reads a function's code and refuses what names anything that only the changed module has.
func (m *metered) cost(code wasm.Reader, locals uint64) (costs, error) {
	c := costs{loops: []int64{0}}
	inside := []int{0} // for each block: which loop it is in
	depth := []int{0}  // for each loop: how many it is in, with itself
	for len(inside) > 0 {
		before := len(code)
		in, err := next(&code)
		if err != nil {
			return c, err
		}
		loop := inside[len(inside)-1]
		c.loops[loop] += int64(before - len(code))
		limit := in.index + 1
		switch in.op {
		case opBlock, opIf, opLoop:
			if in.typed {
				limit = uint64(len(m.types))
			}
			if in.op == opLoop {
				if depth = append(depth, depth[loop]+1); depth[len(depth)-1] > maxLoops {
					return c, errLoops
				}
				loop = len(c.loops)
				c.loops = append(c.loops, 0)
			}
			inside = append(inside, loop)
		case opEnd:
			inside = inside[:len(inside)-1]
		case opBr, opBrIf, opBrTable:
			limit = uint64(len(inside))
		case opCallIndirect, opReturnCallIndirect:
			limit = uint64(len(m.types))
			fallthrough
		case opCall, opReturnCall:
			c.loops[loop] += callee
			c.calls = true
		case opLocalGet, opLocalSet, opLocalTee:
			limit = locals
		case opGlobalGet, opGlobalSet:
			limit = m.globals
		default:
			if bulk[in.op] != 0 {
				c.bulk = true
			}
		}
		if in.index >= limit {
			return c, errIndex
		}
	}
	if len(code) != 0 {
		return c, errSection
	}
	return c, nil
}

// function appends a function's body with checks.
func (m *metered) function(out, body []byte, t functionType) ([]byte, error) {
	code := wasm.Reader(body)
	groups, locals := code.Uint(), t.params
	for range groups {
		locals += code.Uint() // of which wasm.Bounded has seen that they are not too many
		if !isValueType(code.Byte()) {
			return nil, errType
		}
	}
	c, err := m.cost(code, locals)
	if err != nil {
		return nil, err
	}
	if len(c.loops) == 1 && !c.bulk {
		if !c.calls && c.loops[0] <= callee {
			return append(out, body...), nil
		}
		out = append(out, body[:len(body)-len(code)]...)
		out = m.pay(out, c.loops[0])
		for len(code) > 0 {
			out = appendNext(out, &code)
		}
		return out, nil
	}

	counter, length := locals, locals+1
	kept := appendOp(nil, opGlobalGet, m.globals)
	kept = appendOp(kept, opLocalSet, counter)
	given := appendOp(nil, opLocalGet, counter)
	given = appendOp(given, opGlobalSet, m.globals)

	out = binary.AppendUvarint(out, groups+1)
	declared := wasm.Reader(body[:len(body)-len(code)])
	declared.Uint()
	out = append(append(out, declared...), 2, 0x7f)
	out = append(out, kept...)
	out = payLocal(out, counter, func(b []byte) []byte { return appendInt(append(b, opI32Const), c.loops[0]) })
	// The body becomes a block, so that a branch out of it leads to where the counter is given back.
	out = append(out, opBlock)
	switch len(t.results) {
	case 0:
		out = append(out, 0x40)
	case 1:
		out = append(out, t.results[0])
	default:
		out = appendInt(out, int64(m.newType(functionType{results: t.results})))
	}
	for turn := 1; len(code) > 0; {
		ahead := code
		in, _ := next(&ahead) // which cost has read before
		op := in.op
		switch op {
		case opCall, opCallIndirect, opReturnCall, opReturnCallIndirect, opReturn:
			out = append(out, given...)
		default:
			if shift := bulk[op]; shift != 0 {
				out = appendOp(out, opLocalTee, length)
				out = payLocal(out, counter, func(b []byte) []byte {
					b = appendInt(append(appendOp(b, opLocalGet, length), opI32Const), shift)
					return append(b, opI32ShrU)
				})
			}
		}
		out = appendNext(out, &code)
		switch op {
		case opLoop:
			out = payLocal(out, counter, func(b []byte) []byte { return appendInt(append(b, opI32Const), c.loops[turn]) })
			turn++
		case opCall, opCallIndirect:
			out = append(out, kept...)
		}
	}
	out = append(out, given...)
	return append(out, opEnd), nil
}

func appendOp(b []byte, op byte, index uint64) []byte {
	return binary.AppendUvarint(append(b, op), index)
}

// pay appends the payment of a fixed cost from the counter in the global. The check stands in the other branch of an if,
// because wazero keeps in registers what the first one leaves there.
func (m *metered) pay(b []byte, cost int64) []byte {
	b = appendInt(append(appendOp(b, opGlobalGet, m.globals), opI32Const), cost)
	b = appendOp(append(b, opI32Sub), opGlobalSet, m.globals)
	b = append(appendOp(b, opGlobalGet, m.globals), opI32Const, 0, opI32GeS, opIf, 0x40, opElse, opCall, 0)
	b = appendOp(appendInt(append(b, opI32Const), budget), opGlobalSet, m.globals)
	return append(b, opEnd)
}

// payLocal appends the payment of a cost, which amount appends, from the counter in a local variable.
func payLocal(b []byte, counter uint64, amount func([]byte) []byte) []byte {
	b = append(amount(appendOp(b, opLocalGet, counter)), opI32Sub)
	b = append(appendOp(b, opLocalTee, counter), opI32Const, 0, opI32GeS, opIf, 0x40, opElse, opCall, 0)
	b = appendOp(appendInt(append(b, opI32Const), budget), opLocalSet, counter)
	return append(b, opEnd)
}
