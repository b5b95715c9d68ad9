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

// checkStack makes each function that calls others check the stack first.
func checkStack(s *sections) {
	if s.find(wasm.SectionCode) == nil {
		return
	}
	globals := s.make(wasm.SectionGlobal) // first: it moves the others
	types, functions, code := s.find(wasm.SectionType), s.find(wasm.SectionFunction), s.find(wasm.SectionCode)
	params, widest := countValues(*types)
	vectors := bytes.IndexByte(*types, 0x7b) >= 0 || bytes.IndexByte(*globals, 0x7b) >= 0 // perhaps: a type, or part of a number
	declared := wasm.Reader(*functions)
	defined := declared.Uint()
	imported, importedGlobals := s.imports()
	count := wasm.Reader(*globals)
	c := checker{credit: importedGlobals + count.Uint(), probe: imported + defined}
	*globals = extend(*globals, 1, []byte{0x7f, 0x01, 0x41, 0x00, 0x0b}) // a mutable i32, 0

	*types = extend(*types, 1, []byte{0x60, 0x01, 0x7f, 0x00})
	added, addedTypes := [][]byte{c.probeBody()}, binary.AppendUvarint(nil, uint64(len(params)))
	r := wasm.Reader(*code)
	out := make([]byte, 0, len(*code)+len(*code)/8)
	r.Uint() // as many as are declared
	for range defined {
		body, kind := r.Take(r.Uint()), declared.Uint()
		frame, instructions := measure(body, widest, vectors)
		switch {
		case frame > large:
			added, addedTypes = append(added, body), binary.AppendUvarint(addedTypes, kind)
			body = c.wrapper(frame, params[kind], c.probe+uint64(len(added))-1)
		case mayCall(body):
			body = bytes.Join([][]byte{body[:instructions], c.check(frame), body[instructions:]}, nil)
		}
		out = append(binary.AppendUvarint(out, uint64(len(body))), body...)
	}
	for _, body := range added {
		out = append(binary.AppendUvarint(out, uint64(len(body))), body...)
	}
	n := uint64(len(added))
	*functions = extend(*functions, n, addedTypes)
	*code = append(binary.AppendUvarint(nil, defined+n), out...)
}

// imports counts imported functions and globals.
func (s sections) imports() (functions, globals uint64) {
	body := s.find(wasm.SectionImport)
	if body == nil {
		return 0, 0
	}
	r := wasm.Reader(*body)
	for range r.Uint() {
		switch r.Import().Kind {
		case "func":
			functions++
		case "global":
			globals++
		}
	}
	return functions, globals
}

// countValues returns how many parameters each type has, and how many parameters and results are the most of any.
func countValues(section []byte) (params []int, widest int) {
	r := wasm.Reader(section)
	for range r.Uint() {
		r.Byte() // a function
		n, results := len(r.Take(r.Uint())), len(r.Take(r.Uint()))
		params, widest = append(params, n), max(widest, n+results)
	}
	return params, widest
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
	var b []byte
	b = append(c.get(b), 0x41)
	b = append(appendInt(b, int64(frame)), 0x6b)
	b = c.get(c.set(b))
	b = append(b, 0x41, 0x00, 0x48, 0x04, 0x40) // if it is below 0
	b = c.call(b, room+most)
	b = c.set(appendInt(append(b, 0x41), most))
	return append(b, 0x0b)
}

// wrapper is a function that has the stack checked before it calls another, which has its type and a large frame.
func (c checker) wrapper(frame uint64, params int, function uint64) []byte {
	b := c.call([]byte{0}, room+most+frame)
	for i := range params {
		b = binary.AppendUvarint(append(b, 0x20), uint64(i))
	}
	b = binary.AppendUvarint(append(b, 0x10), function)
	return append(b, 0x0b)
}

func (c checker) get(b []byte) []byte { return binary.AppendUvarint(append(b, 0x23), c.credit) }
func (c checker) set(b []byte) []byte { return binary.AppendUvarint(append(b, 0x24), c.credit) }

func (c checker) call(b []byte, size uint64) []byte {
	b = appendInt(append(b, 0x41), int64(size/level+1))
	return binary.AppendUvarint(append(b, 0x10), c.probe)
}

// probeBody is the function that touches the stack: it calls itself as often as its parameter says. Below 0, which never is, it
// has many values over a call, for which its frame has room.
func (c checker) probeBody() []byte {
	b := []byte{0x00, 0x20, 0x00, 0x41, 0x00, 0x48, 0x04, 0x40}
	for i := range values {
		b = append(b, 0x20, 0x00, 0xad, 0x42)              // the parameter, as an i64,
		b = append(appendInt(b, int64(i)*0x10001+7), 0x7e) // by a number of its own
	}
	b = append(b, 0x41, 0x00, 0x10)
	b = binary.AppendUvarint(b, c.probe)
	for range values - 1 {
		b = append(b, 0x85) // xor
	}
	b = append(c.set(append(b, 0xa7)), 0x0b)
	b = append(b, 0x20, 0x00, 0x04, 0x40, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x10)
	b = binary.AppendUvarint(b, c.probe)
	return append(b, 0x0b, 0x0b)
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
