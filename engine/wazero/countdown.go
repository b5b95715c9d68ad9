package wazero

import (
	"encoding/binary"
	"runtime"
	"slices"
	"sync"

	"github.com/wasmoci/wasmoci/engine/internal/wasm"
	"github.com/wasmoci/wasmoci/wasi/preview1"
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

	// wazero's time for compiling grows with the third power of how deep loops are in each other: fifteen kilobytes of them would
	// take half a minute. This is far beyond what compilers emit.
	maxLoops = 500

	bytesShift    = 4 // a bulk instruction on memory pays 1 for 16 bytes
	elementsShift = 1 // one on a table for 2 elements
)

// The check's import. A module that asks for it by itself is never run: the host has no such function. It is of a module that guests
// have anyway, because each takes wazero time to make.
const (
	checkModule = preview1.ModuleName
	checkName   = "wasmoci interruption"
)

// bulk tells an instruction that takes time in proportion to its last operand, and how much of it pays 1; 0 for any other.
func bulk(op uint16) int64 {
	switch op {
	case wasm.OpMemoryInit, wasm.OpMemoryCopy, wasm.OpMemoryFill:
		return bytesShift
	case wasm.OpTableInit, wasm.OpTableCopy, wasm.OpTableFill:
		return elementsShift
	}
	return 0
}

// appendCounter appends a global: a mutable i32 that begins with the budget.
func appendCounter(b []byte) []byte {
	return append(wasm.AppendInt(append(b, 0x7f, 0x01, wasm.OpI32Const), budget), wasm.OpEnd)
}

// code puts checks into the functions of the code section.
func (m *metered) code(r wasm.Reader) []byte {
	n := r.Uint()
	if n != uint64(len(m.functions)) {
		wasm.Fail("%d functions, and code for %d", len(m.functions), n)
	}
	bodies := make([]wasm.Reader, n)
	for i := range bodies {
		bodies[i] = r.Take(r.Uint())
	}
	parts := inParts(len(bodies), func(from, to int) []byte {
		var out, buf []byte
		for i := from; i < to; i++ {
			buf = m.function(buf[:0], bodies[i], m.types[m.functions[i]])
			out = wasm.AppendSized(out, buf)
		}
		return out
	})
	return slices.Concat(append([][]byte{binary.AppendUvarint(nil, n)}, append(parts, r)...)...)
}

// inParts has the indices below n worked on by as many goroutines as there are processors, and returns what they make of them, in
// order. A panic in one of them is one here.
func inParts(n int, work func(from, to int) []byte) [][]byte {
	count := runtime.GOMAXPROCS(0)
	parts, panics := make([][]byte, count), make([]any, count)
	var all sync.WaitGroup
	for i := range count {
		all.Go(func() {
			defer func() { panics[i] = recover() }()
			parts[i] = work(n*i/count, n*(i+1)/count)
		})
	}
	all.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
	return parts
}

// costs is what a function pays.
type costs struct {
	loops []int64 // for each pass through a loop's head, in the order of the code; first for being entered
	calls bool
	bulk  bool
}

// cost reads a function's code and refuses what names anything that only the changed module has.
func (m *metered) cost(code wasm.Reader, locals uint64) costs {
	c := costs{loops: []int64{0}}
	inside := []int{0} // for each block: which loop it is in
	depth := []int{0}  // for each loop: how many it is in, with itself
	for len(inside) > 0 {
		in := code.Instruction()
		loop := inside[len(inside)-1]
		c.loops[loop] += int64(len(in.Bytes))
		limit := in.Index + 1
		switch in.Op {
		case wasm.OpBlock, wasm.OpIf, wasm.OpLoop:
			if in.Typed {
				limit = uint64(len(m.types))
			}
			if in.Op == wasm.OpLoop {
				if depth = append(depth, depth[loop]+1); depth[len(depth)-1] > maxLoops {
					wasm.Fail("a function has more than %d loops in each other", maxLoops)
				}
				loop = len(c.loops)
				c.loops = append(c.loops, 0)
			}
			inside = append(inside, loop)
		case wasm.OpEnd:
			inside = inside[:len(inside)-1]
		case wasm.OpBr, wasm.OpBrIf, wasm.OpBrTable:
			limit = uint64(len(inside))
		case wasm.OpCallIndirect, wasm.OpReturnCallIndirect:
			limit = uint64(len(m.types))
			fallthrough
		case wasm.OpCall, wasm.OpReturnCall:
			c.loops[loop] += callee
			c.calls = true
		case wasm.OpLocalGet, wasm.OpLocalSet, wasm.OpLocalTee:
			limit = locals
		case wasm.OpGlobalGet, wasm.OpGlobalSet:
			limit = m.globals
		default:
			if bulk(in.Op) != 0 {
				c.bulk = true
			}
		}
		if in.Index >= limit {
			wasm.Fail("instruction %#x of %d, of which there are %d", in.Op, in.Index, limit)
		}
	}
	code.End()
	return c
}

// function appends a function's body with checks.
func (m *metered) function(out, body []byte, t wasm.FuncType) []byte {
	code := wasm.Reader(body)
	groups, locals := code.Uint(), uint64(len(t.Params))
	for range groups {
		locals += code.Uint() // of which wasm.Bounded has seen that they are not too many
		code.ValueType()
	}
	c := m.cost(code, locals)
	if len(c.loops) == 1 && !c.bulk {
		if !c.calls && c.loops[0] <= callee {
			return append(out, body...)
		}
		out = append(out, body[:len(body)-len(code)]...)
		out = m.pay(out, c.loops[0])
		for len(code) > 0 {
			out = renumbered(out, code.Instruction())
		}
		return out
	}

	counter, length := locals, locals+1
	kept := wasm.AppendOp(nil, wasm.OpGlobalGet, m.globals)
	kept = wasm.AppendOp(kept, wasm.OpLocalSet, counter)
	given := wasm.AppendOp(nil, wasm.OpLocalGet, counter)
	given = wasm.AppendOp(given, wasm.OpGlobalSet, m.globals)

	out = binary.AppendUvarint(out, groups+1)
	declared := wasm.Reader(body[:len(body)-len(code)])
	declared.Uint()
	out = append(append(out, declared...), 2, 0x7f)
	out = append(out, kept...)
	out = payLocal(out, counter, func(b []byte) []byte { return wasm.AppendInt(append(b, wasm.OpI32Const), c.loops[0]) })
	// The body becomes a block, so that a branch out of it leads to where the counter is given back.
	out = append(out, wasm.OpBlock)
	switch len(t.Results) {
	case 0:
		out = append(out, wasm.BlockEmpty)
	case 1:
		out = append(out, t.Results[0])
	default:
		out = wasm.AppendInt(out, int64(m.newType(t.Results)))
	}
	for turn := 1; len(code) > 0; {
		in := code.Instruction()
		switch in.Op {
		case wasm.OpCall, wasm.OpCallIndirect, wasm.OpReturnCall, wasm.OpReturnCallIndirect, wasm.OpReturn:
			out = append(out, given...)
		default:
			if shift := bulk(in.Op); shift != 0 {
				out = wasm.AppendOp(out, wasm.OpLocalTee, length)
				out = payLocal(out, counter, func(b []byte) []byte {
					b = wasm.AppendInt(append(wasm.AppendOp(b, wasm.OpLocalGet, length), wasm.OpI32Const), shift)
					return append(b, wasm.OpI32ShrU)
				})
			}
		}
		out = renumbered(out, in)
		switch in.Op {
		case wasm.OpLoop:
			out = payLocal(out, counter, func(b []byte) []byte { return wasm.AppendInt(append(b, wasm.OpI32Const), c.loops[turn]) })
			turn++
		case wasm.OpCall, wasm.OpCallIndirect:
			out = append(out, kept...)
		}
	}
	out = append(out, given...)
	return append(out, wasm.OpEnd)
}

// pay appends the payment of a fixed cost from the counter in the global. The check stands in the other branch of an if,
// because wazero keeps in registers what the first one leaves there.
func (m *metered) pay(b []byte, cost int64) []byte {
	b = wasm.AppendInt(append(wasm.AppendOp(b, wasm.OpGlobalGet, m.globals), wasm.OpI32Const), cost)
	b = wasm.AppendOp(append(b, wasm.OpI32Sub), wasm.OpGlobalSet, m.globals)
	b = append(wasm.AppendOp(b, wasm.OpGlobalGet, m.globals), wasm.OpI32Const, 0, wasm.OpI32GeS, wasm.OpIf, wasm.BlockEmpty, wasm.OpElse, wasm.OpCall, 0)
	b = wasm.AppendOp(wasm.AppendInt(append(b, wasm.OpI32Const), budget), wasm.OpGlobalSet, m.globals)
	return append(b, wasm.OpEnd)
}

// payLocal appends the payment of a cost, which amount appends, from the counter in a local variable.
func payLocal(b []byte, counter uint64, amount func([]byte) []byte) []byte {
	b = append(amount(wasm.AppendOp(b, wasm.OpLocalGet, counter)), wasm.OpI32Sub)
	b = append(wasm.AppendOp(b, wasm.OpLocalTee, counter), wasm.OpI32Const, 0, wasm.OpI32GeS, wasm.OpIf, wasm.BlockEmpty, wasm.OpElse, wasm.OpCall, 0)
	b = wasm.AppendOp(wasm.AppendInt(append(b, wasm.OpI32Const), budget), wasm.OpLocalSet, counter)
	return append(b, wasm.OpEnd)
}
