package wazero

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/wasmoci/wasmoci/engine/internal/wasm"
)

// wazero looks for the end of the context where a loop begins, and nowhere else: a guest that only calls, itself or one
// function twice as many of another, would never be ended, and would stop Go's collector and with it the process. And it
// takes a table as large as the module says, or grows it to. So modules are changed before wazero sees them: a function
// that may call begins with a check now and then, and tables have a bound.

// checkEvery is how many calls pass between two checks, each of which leaves compiled code for Go.
const checkEvery = 1000

// maxElements bounds the tables of an instance together. An element takes 8 bytes. maxTables bounds their number.
const (
	maxElements = 10_000_000
	maxTables   = 10_000
)

// beforeGlobals are the sections that stand before the global section.
var beforeGlobals = map[byte]bool{
	wasm.SectionCustom: true, wasm.SectionType: true, wasm.SectionImport: true, wasm.SectionFunction: true,
	wasm.SectionTable: true, wasm.SectionMemory: true, wasm.SectionTag: true,
}

var errTables = fmt.Errorf("its tables have more than %d elements", maxElements)

// instrument returns the module with bounds and, if checks says so, with checks. What it cannot read is an error; whether the
// rest is valid is for wazero to say.
func instrument(module []byte, checks bool) (out []byte, err error) {
	defer wasm.Recover(&err)
	counter, err := countGlobals(module)
	if err != nil {
		return nil, err
	}
	out = make([]byte, 0, len(module)+len(module)/16)
	out = append(out, module[:8]...)
	r, placed := wasm.Reader(module[8:]), false
	for len(r) > 0 {
		id := r.Byte()
		body := r.Take(r.Uint())
		if checks && !placed && !beforeGlobals[id] {
			placed = true
			if id != wasm.SectionGlobal {
				out = appendSection(out, wasm.SectionGlobal, appendCounter([]byte{1}))
			}
		}
		switch {
		case id == wasm.SectionTable:
			body, err = boundTables(body)
		case id == wasm.SectionGlobal && checks:
			g := wasm.Reader(body)
			n := g.Uint()
			body = appendCounter(append(binary.AppendUvarint(nil, n+1), g...))
		case id == wasm.SectionCode && checks:
			body = appendChecks(make([]byte, 0, len(body)+len(body)/8), body, counter)
		}
		if err != nil {
			return nil, err
		}
		out = appendSection(out, id, body)
	}
	return out, nil
}

func appendSection(out []byte, id byte, body []byte) []byte {
	out = binary.AppendUvarint(append(out, id), uint64(len(body)))
	return append(out, body...)
}

// countGlobals returns the index of the next global.
func countGlobals(module []byte) (n uint64, err error) {
	for r := wasm.Reader(module[8:]); len(r) > 0; {
		id := r.Byte()
		body := wasm.Reader(r.Take(r.Uint()))
		switch id {
		case wasm.SectionImport:
			for range body.Uint() {
				if body.Import().Kind == "global" {
					n++
				}
			}
		case wasm.SectionGlobal:
			n += body.Uint()
		}
	}
	if n > 1<<31 {
		return 0, errors.New("too many globals")
	}
	return n, nil
}

// appendCounter appends a global: a mutable i32 that begins with checkEvery.
func appendCounter(b []byte) []byte {
	b = append(b, 0x7f, 0x01, 0x41)
	b = appendInt(b, checkEvery)
	return append(b, 0x0b)
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

// check is what a function begins with: count down, and at 0 be looked at in an empty loop, where wazero checks.
func check(counter uint64) []byte {
	get := binary.AppendUvarint([]byte{0x23}, counter)
	set := binary.AppendUvarint([]byte{0x24}, counter)
	var b []byte
	b = append(append(b, get...), 0x41, 0x01, 0x6b) // counter - 1
	b = append(append(b, set...), get...)           // kept
	b = append(b, 0x45, 0x04, 0x40)                 // if it is 0
	b = append(b, 0x03, 0x40, 0x0b, 0x41)           // loop end
	b = append(appendInt(b, checkEvery), set...)    // begin again
	return append(b, 0x0b)                          // end
}

// appendChecks appends the code section with a check at the beginning of each function that may call another.
func appendChecks(out, section []byte, counter uint64) []byte {
	code := check(counter)
	r := wasm.Reader(section)
	n := r.Uint()
	out = binary.AppendUvarint(out, n)
	for range n {
		body := r.Take(r.Uint())
		if !mayCall(body) {
			out = append(binary.AppendUvarint(out, uint64(len(body))), body...)
			continue
		}
		rest := wasm.Reader(body)
		for range rest.Uint() { // groups of locals: how many, of what type
			rest.Uint()
			rest.Byte()
		}
		locals := body[:len(body)-len(rest)]
		out = binary.AppendUvarint(out, uint64(len(body)+len(code)))
		out = append(append(append(out, locals...), code...), rest...)
	}
	return append(out, r...)
}

// mayCall tells whether a function has the byte of an instruction that calls: call, call_indirect, their tail forms,
// call_ref and return_call_ref. It may be part of another instruction, which costs a check too many.
func mayCall(body []byte) bool {
	return bytes.ContainsAny(body, "\x10\x11\x12\x13\x14\x15")
}

// boundTables gives each table a maximum, so that they cannot have more than maxElements together.
func boundTables(section []byte) ([]byte, error) {
	type table struct {
		kind          byte
		minimum, most uint64
	}
	r := wasm.Reader(section)
	n := r.Uint()
	if n > maxTables {
		return nil, fmt.Errorf("it has more than %d tables", maxTables)
	}
	tables, total := make([]table, n), uint64(0)
	for i := range tables {
		t := table{kind: r.Byte(), most: 1<<32 - 1}
		flags := r.Byte()
		if flags > 1 {
			return nil, fmt.Errorf("table %d is of a kind that is not supported", i)
		}
		if t.minimum = r.Uint(); t.minimum > maxElements {
			return nil, errTables
		}
		if flags == 1 {
			t.most = r.Uint()
		}
		tables[i], total = t, total+t.minimum
	}
	if total > maxElements {
		return nil, errTables
	}
	out := binary.AppendUvarint(nil, n)
	for _, t := range tables {
		out = append(out, t.kind, 1)
		out = binary.AppendUvarint(out, t.minimum)
		out = binary.AppendUvarint(out, min(t.most, t.minimum+(maxElements-total)/n))
	}
	return append(out, r...), nil
}
