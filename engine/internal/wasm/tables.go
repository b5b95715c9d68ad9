package wasm

import "encoding/binary"

// MaxElements bounds what the tables of an instance have together, in runtimes that would grow them as far as a guest asks.
// An element takes 8 bytes or 16. MaxTables bounds their number.
const (
	MaxElements = 10_000_000
	MaxTables   = 10_000
)

// BoundTables returns the body of a table section in which each table has a maximum, so that together they cannot have more
// than [MaxElements]. It panics as a [Reader] does, also where they begin with more, or are of a kind that WebAssembly 2.0 does
// not have.
func BoundTables(section []byte) []byte {
	type table struct {
		kind          byte
		minimum, most uint64
	}
	r := Reader(section)
	n := r.Uint()
	if n > MaxTables {
		Fail("it has more than %d tables", MaxTables)
	}
	tables, total := make([]table, n), uint64(0)
	for i := range tables {
		t := table{kind: r.Byte(), most: 1<<32 - 1}
		if !isReference(t.kind) {
			Fail("table %d of type %#x is not supported", i, t.kind)
		}
		limits := r.Limits()
		if limits.Shared || limits.Is64 {
			Fail("table %d, which is shared or has addresses of 64 bits, is not supported", i)
		}
		t.minimum = limits.Min
		if limits.HasMax {
			t.most = limits.Max
		}
		if total += t.minimum; total > MaxElements {
			Fail("its tables have more than %d elements", MaxElements)
		}
		tables[i] = t
	}
	r.End()
	out := binary.AppendUvarint(nil, n)
	for _, t := range tables {
		out = append(out, t.kind, 1)
		out = binary.AppendUvarint(out, t.minimum)
		out = binary.AppendUvarint(out, min(t.most, t.minimum+(MaxElements-total)/n))
	}
	return out
}
