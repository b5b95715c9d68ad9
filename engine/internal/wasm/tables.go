package wasm

import (
	"encoding/binary"
	"fmt"
)

// MaxElements bounds what the tables of an instance have together, in runtimes that would grow them as far as a guest asks.
// An element takes 8 bytes. MaxTables bounds their number.
const (
	MaxElements = 10_000_000
	MaxTables   = 10_000
)

// BoundTables returns the body of a table section in which each table has a maximum, so that they cannot have more than
// [MaxElements] together. An error is tables that begin with more, or of a kind that this does not know. It panics as a
// [Reader] does.
func BoundTables(section []byte) ([]byte, error) {
	type table struct {
		kind          byte
		minimum, most uint64
	}
	r := Reader(section)
	n := r.Uint()
	if n > MaxTables {
		return nil, fmt.Errorf("it has more than %d tables", MaxTables)
	}
	tables, total := make([]table, n), uint64(0)
	for i := range tables {
		kind, other := r.Byte(), fmt.Errorf("table %d is of a kind that is not supported", i)
		if kind != 0x70 && kind != 0x6f {
			return nil, other
		}
		limits := r.Limits()
		if limits.Shared || limits.Is64 {
			return nil, other
		}
		tables[i] = table{kind: kind, minimum: limits.Min, most: 1<<32 - 1}
		if limits.HasMax {
			tables[i].most = limits.Max
		}
		if total += limits.Min; total > MaxElements {
			return nil, fmt.Errorf("its tables have more than %d elements", MaxElements)
		}
	}
	out := binary.AppendUvarint(nil, n)
	for _, t := range tables {
		out = append(out, t.kind, 1)
		out = binary.AppendUvarint(out, t.minimum)
		out = binary.AppendUvarint(out, min(t.most, t.minimum+(MaxElements-total)/n))
	}
	return out, nil
}

// AppendSection appends a section.
func AppendSection(out []byte, id byte, body []byte) []byte {
	out = binary.AppendUvarint(append(out, id), uint64(len(body)))
	return append(out, body...)
}
