package wasmer

import (
	"encoding/binary"
	"slices"

	"github.com/wasmoci/wasmoci/engine/internal/wasm"
)

// startOf returns the index of the module's start function, if it has one. The module is valid.
func startOf(module []byte) (index uint64, ok bool) {
	for r := wasm.Reader(module[len(wasm.Header):]); len(r) > 0; {
		id := r.Byte()
		body := wasm.Reader(r.Take(r.Uint()))
		if id == wasm.SectionStart {
			return body.Uint(), true
		}
	}
	return 0, false
}

// prepare returns the valid module as libwasmer gets it: with bounds on its tables, which a guest could grow until the process
// has no memory, and with its start function as its last export instead. libwasmer would run it before the instance
// is there, when calls of the host could not find the guest's memory.
func prepare(module []byte) (out []byte, err error) {
	defer wasm.Recover(&err)
	start, hasStart := startOf(module)
	out = append(make([]byte, 0, len(module)+len(module)/64), wasm.Header...)
	placed := !hasStart
	for r := wasm.Reader(module[len(wasm.Header):]); len(r) > 0; {
		id := r.Byte()
		body := r.Take(r.Uint())
		switch id {
		case wasm.SectionTable:
			if body, err = wasm.BoundTables(body); err != nil {
				return nil, err
			}
		case wasm.SectionExport:
			if hasStart {
				body, placed = withExport(body, start), true
			}
		case wasm.SectionStart:
			if !placed { // the module has no exports
				out = wasm.AppendSection(out, wasm.SectionExport, withExport([]byte{0}, start))
			}
			continue
		}
		out = wasm.AppendSection(out, id, body)
	}
	return out, nil
}

// withExport returns the body of an export section with one more export: the function, by a name that no other has.
func withExport(section []byte, function uint64) []byte {
	r := wasm.Reader(section)
	n := r.Uint()
	entries := r
	var names []string
	for range n {
		names = append(names, r.Name())
		r.Byte() // kind
		r.Uint()
	}
	name := "start"
	for slices.Contains(names, name) {
		name += "'"
	}
	out := append(binary.AppendUvarint(nil, n+1), entries...)
	out = append(binary.AppendUvarint(out, uint64(len(name))), name...)
	return binary.AppendUvarint(append(out, 0), function)
}
