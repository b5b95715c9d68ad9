package wasmer

import (
	"bytes"
	"encoding/binary"

	"github.com/wasmoci/wasmoci/engine/internal/wasm"
)

// libwasmer turns the end of the stack into a trap only where a guest's own code meets it. Where a host function meets it, or
// memory.grow, or the prologue of a function with a large frame, the process ends; and a frame that is larger than the
// guard page may reach beyond it. So the end must be met early, by code of the guest with a small frame: before it is
// called, or calls anything, a function knows that there is room. That is asked for by touching the stack so far below, in
// a recursion of small frames (probe), and not each time but when as much may have been used since (credit).
const (
	room    = 128 << 10 // bytes of stack that are left whenever the guest leaves its own code
	most    = 256 << 10 // bytes that credit begins with
	large   = 64 << 10  // bytes of a frame that is too large for the check to come after it
	level   = 3700      // bytes, less than the frame of a probe
	values  = 480       // of 8 bytes each, which make it so large; with a page it would be a large frame itself
	minimum = 128       // bytes that a frame may have with nothing in it
)

// checkStack makes each function that calls others check the stack first. types are those of the module.
func checkStack(s *wasm.Sections, types []wasm.FuncType) {
	if s.Find(wasm.SectionCode) == nil {
		return
	}
	globals := s.Make(wasm.SectionGlobal) // first: it moves the others
	typeSection, functions, code := s.Find(wasm.SectionType), s.Find(wasm.SectionFunction), s.Find(wasm.SectionCode)
	widest := 0
	for _, t := range types {
		widest = max(widest, len(t.Params)+len(t.Results))
	}
	vectors := bytes.IndexByte(typeSection.Body, 0x7b) >= 0 || bytes.IndexByte(globals.Body, 0x7b) >= 0 // perhaps: a type, or part of a number
	declared := wasm.Reader(functions.Body)
	defined := declared.Uint()
	imported, importedGlobals := imports(*s)
	count := wasm.Reader(globals.Body)
	c := checker{credit: importedGlobals + count.Uint(), probe: imported + defined}
	globals.Body = wasm.Extend(globals.Body, 1, []byte{0x7f, 0x01, wasm.OpI32Const, 0, wasm.OpEnd}) // a mutable i32, 0

	typeSection.Body = wasm.Extend(typeSection.Body, 1, []byte{0x60, 0x01, 0x7f, 0x00})
	added, addedTypes := [][]byte{c.probeBody()}, binary.AppendUvarint(nil, uint64(len(types)))
	r := wasm.Reader(code.Body)
	out := make([]byte, 0, len(r)+len(r)/8)
	r.Uint() // as many as are declared
	for range defined {
		body, kind := r.Take(r.Uint()), declared.Uint()
		frame, instructions := measure(body, widest, vectors)
		switch {
		case frame > large:
			added, addedTypes = append(added, body), binary.AppendUvarint(addedTypes, kind)
			body = c.wrapper(frame, len(types[kind].Params), c.probe+uint64(len(added))-1)
		case mayCall(body):
			body = bytes.Join([][]byte{body[:instructions], c.check(frame), body[instructions:]}, nil)
		}
		out = wasm.AppendSized(out, body)
	}
	for _, body := range added {
		out = wasm.AppendSized(out, body)
	}
	n := uint64(len(added))
	functions.Body = wasm.Extend(functions.Body, n, addedTypes)
	code.Body = append(binary.AppendUvarint(nil, defined+n), out...)
}

// imports counts imported functions and globals.
func imports(s wasm.Sections) (functions, globals uint64) {
	s.Each(wasm.SectionImport, func(r *wasm.Reader) {
		switch r.Import().Kind {
		case "func":
			functions++
		case "global":
			globals++
		}
	})
	return functions, globals
}

// measure returns a bound on the frame of a function's compiled code, in bytes, and where its instructions begin. What is
// in a frame was computed by an instruction, or is a local, a parameter or a result, its own or on the way to or from another
// function; there may be a second copy where control flow joins. No value has more than 16 bytes, and more than 8 only
// where there are vectors, which the function has of others, or makes.
func measure(body []byte, widest int, vectors bool) (frame uint64, instructions int) {
	r := wasm.Reader(body)
	size, locals := uint64(8), uint64(2*widest)
	for range r.Uint() {
		n := r.Uint()
		locals += n
		r.Byte() // their type
	}
	if vectors || bytes.IndexByte(body, 0x7b) >= 0 || bytes.IndexByte(body, 0xfd) >= 0 { // perhaps their type, or the prefix of their instructions
		size = 16
	}
	return minimum + size*(2*locals+uint64(len(r))), len(body) - len(r)
}

// mayCall tells whether a function has the byte of call or call_indirect. It may be part of another instruction, which costs
// a check too many.
func mayCall(body []byte) bool { return bytes.ContainsAny(body, "\x10\x11") }

// checker writes code. credit is the index of a global, probe that of a function.
type checker struct{ credit, probe uint64 }

// check is what a function begins with whose frame is there already: take it off the credit, and have more where that is not
// enough.
func (c checker) check(frame uint64) []byte {
	b := c.get(nil)
	b = append(wasm.AppendInt(append(b, wasm.OpI32Const), int64(frame)), wasm.OpI32Sub)
	b = c.get(c.set(b))
	b = append(b, wasm.OpI32Const, 0, wasm.OpI32LtS, wasm.OpIf, wasm.BlockEmpty)
	b = c.call(b, room+most)
	b = c.set(wasm.AppendInt(append(b, wasm.OpI32Const), most))
	return append(b, wasm.OpEnd)
}

// wrapper is a function that has the stack checked before it calls another, which has its type and a large frame.
func (c checker) wrapper(frame uint64, params int, function uint64) []byte {
	b := c.call([]byte{0}, room+most+frame)
	for i := range params {
		b = wasm.AppendOp(b, wasm.OpLocalGet, uint64(i))
	}
	return append(wasm.AppendOp(b, wasm.OpCall, function), wasm.OpEnd)
}

func (c checker) get(b []byte) []byte { return wasm.AppendOp(b, wasm.OpGlobalGet, c.credit) }
func (c checker) set(b []byte) []byte { return wasm.AppendOp(b, wasm.OpGlobalSet, c.credit) }

func (c checker) call(b []byte, size uint64) []byte {
	b = wasm.AppendInt(append(b, wasm.OpI32Const), int64(size/level+1))
	return wasm.AppendOp(b, wasm.OpCall, c.probe)
}

// probeBody is the function that touches the stack: it calls itself as often as its parameter says. Below 0, which never is, it
// has many values over a call, for which its frame has room.
func (c checker) probeBody() []byte {
	b := []byte{0, wasm.OpLocalGet, 0, wasm.OpI32Const, 0, wasm.OpI32LtS, wasm.OpIf, wasm.BlockEmpty}
	for i := range values {
		b = append(b, wasm.OpLocalGet, 0, wasm.OpI64ExtendI32U, wasm.OpI64Const) // the parameter, as an i64,
		b = append(wasm.AppendInt(b, int64(i)*0x10001+7), wasm.OpI64Mul)         // by a number of its own
	}
	b = wasm.AppendOp(append(b, wasm.OpI32Const, 0), wasm.OpCall, c.probe)
	for range values - 1 {
		b = append(b, wasm.OpI64Xor)
	}
	b = append(c.set(append(b, wasm.OpI32WrapI64)), wasm.OpEnd)
	b = append(b, wasm.OpLocalGet, 0, wasm.OpIf, wasm.BlockEmpty, wasm.OpLocalGet, 0, wasm.OpI32Const, 1, wasm.OpI32Sub)
	b = wasm.AppendOp(b, wasm.OpCall, c.probe)
	return append(b, wasm.OpEnd, wasm.OpEnd)
}
