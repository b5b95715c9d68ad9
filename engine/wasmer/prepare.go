package wasmer

import (
	"encoding/binary"
	"slices"

	"github.com/wasmoci/wasmoci/engine/internal/wasm"
)

// maxValues bounds the parameters, and the results, of a function: with some more libwasmer ends the process while it compiles.
const maxValues = 100

// maxPages bounds a memory: with one page more, which is 4 GiB, libwasmer ends the process.
const maxPages = 1<<16 - 1

// prepare returns the valid module as libwasmer gets it: with bounds on its memory and on its tables, which a guest could grow
// until the process ends; without custom sections, since libwasmer copies the names of module and function for each frame of a
// stack that ends in a trap or in a call of the host; and with its start function as its last export instead. libwasmer would run
// it before the instance is there, when calls of the host could not find the guest's memory.
func prepare(module []byte) (out []byte, err error) {
	defer wasm.Recover(&err)
	s := slices.DeleteFunc(wasm.Split(module), func(s wasm.Section) bool { return s.ID == wasm.SectionCustom })
	if tables := s.Find(wasm.SectionTable); tables != nil {
		tables.Body = wasm.BoundTables(tables.Body)
	}
	if memories := s.Find(wasm.SectionMemory); memories != nil {
		memories.Body = boundMemories(memories.Body)
	}
	checkTypes(s)
	if start := s.Find(wasm.SectionStart); start != nil {
		function := wasm.Reader(start.Body)
		exports := s.Make(wasm.SectionExport)
		exports.Body = withExport(exports.Body, function.Uint())
		s = slices.DeleteFunc(s, func(s wasm.Section) bool { return s.ID == wasm.SectionStart })
	}
	return s.Module(), nil
}

// boundMemories gives each memory a maximum.
func boundMemories(section []byte) []byte {
	r := wasm.Reader(section)
	n := r.Uint()
	out := binary.AppendUvarint(nil, n)
	for range n {
		limits := r.Limits()
		if limits.Min > maxPages {
			wasm.Fail("it begins with more than the %d pages of memory that libwasmer can have", maxPages)
		}
		if !limits.HasMax || limits.Max > maxPages {
			limits.Max = maxPages
		}
		out = binary.AppendUvarint(append(out, 1), limits.Min)
		out = binary.AppendUvarint(out, limits.Max)
	}
	return out
}

// checkTypes refuses types of functions with too many values.
func checkTypes(s wasm.Sections) {
	n := 0
	s.Each(wasm.SectionType, func(r *wasm.Reader) {
		if t := r.FuncType(); max(len(t.Params), len(t.Results)) > maxValues {
			wasm.Fail("type %d has more than %d parameters or results, too many for libwasmer", n, maxValues)
		}
		n++
	})
}

// withExport returns the body of an export section with one more export: the function, by a name that no other has.
func withExport(section []byte, function uint64) []byte {
	r := wasm.Reader(section)
	var names []string
	for range r.Uint() {
		names = append(names, r.Name())
		r.Byte() // kind
		r.Uint()
	}
	name := "start"
	for slices.Contains(names, name) {
		name += "'"
	}
	return wasm.Extend(section, 1, wasm.AppendOp(wasm.AppendSized(nil, name), 0, function))
}
