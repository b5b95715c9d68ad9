package wazero

import (
	"encoding/binary"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

var externKinds = [...]string{"func", "table", "memory", "global", "tag"}

// elementSize is what an element of a table takes on the host.
const elementSize = 8

// sections reads what wazero's API does not say of a module that wazero has validated: imports and exports of every kind,
// and the memory and tables it starts with, of tables whole pages only. What it cannot read ends it.
func sections(wasm []byte) (imports, exports []engine.Extern, memoryBytes uint64) {
	defer func() { _ = recover() }() // of a slice index: a section this reader does not know
	elements := uint64(0)
	r := reader(wasm[8:])
	for len(r) > 0 {
		id := r.byte()
		body := reader(r.take(r.uint()))
		switch id {
		case sectionImport:
			for range body.uint() {
				e := engine.Extern{Module: body.name(), Name: body.name()}
				e.Kind = body.kind()
				memoryBytes += body.skipType(e.Kind)
				imports = append(imports, e)
			}
		case sectionTable:
			for range body.uint() {
				body.byte()
				elements += body.limits()
			}
			memoryBytes += elements * elementSize / wasi.PageSize * wasi.PageSize
		case sectionMemory:
			for range body.uint() {
				memoryBytes += body.limits() * wasi.PageSize
			}
		case sectionExport:
			for range body.uint() {
				e := engine.Extern{Name: body.name(), Kind: body.kind()}
				body.uint()
				exports = append(exports, e)
			}
		}
	}
	return imports, exports, memoryBytes
}

type reader []byte

func (r *reader) take(n uint64) []byte {
	b := (*r)[:n]
	*r = (*r)[n:]
	return b
}

func (r *reader) byte() byte { return r.take(1)[0] }

// uint reads an unsigned LEB128 number of up to 32 bits.
func (r *reader) uint() uint64 {
	v, n := binary.Uvarint((*r)[:min(len(*r), 5)])
	if n <= 0 || v > 1<<32-1 {
		panic("no number")
	}
	r.take(uint64(n))
	return v
}

func (r *reader) name() string { return string(r.take(r.uint())) }
func (r *reader) kind() string { return externKinds[r.byte()] }

// limits returns the minimum.
func (r *reader) limits() uint64 {
	flags, minimum := r.byte(), r.uint()
	if flags&1 != 0 {
		r.uint()
	}
	return minimum
}

// skipType skips an import's type and returns the memory it brings.
func (r *reader) skipType(kind string) (memoryBytes uint64) {
	switch kind {
	case "func":
		r.uint()
	case "table":
		r.byte()
		r.limits()
	case "memory":
		return r.limits() * wasi.PageSize
	case "global":
		r.take(2)
	case "tag":
		r.byte()
		r.uint()
	}
	return 0
}
