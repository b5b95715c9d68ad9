package preview2

import (
	"crypto/rand"
	"encoding/binary"
)

// randomTable is wasi:random. What may be insecure is as secure as the rest.
var randomTable = []Func{
	{"wasi:random/random", "get-random-bytes", "(u64) -> list<u8>", randomBytes},
	{"wasi:random/random", "get-random-u64", "() -> u64", func(*Host, []Value) (Value, error) { return random64(), nil }},
	{"wasi:random/insecure", "get-insecure-random-bytes", "(u64) -> list<u8>", randomBytes},
	{"wasi:random/insecure", "get-insecure-random-u64", "() -> u64", func(*Host, []Value) (Value, error) { return random64(), nil }},
	{"wasi:random/insecure-seed", "insecure-seed", "() -> tuple<u64, u64>", func(*Host, []Value) (Value, error) {
		return Tuple{random64(), random64()}, nil
	}},
}

// maxRandom bounds what one call makes; the function cannot give less than it is asked for.
const maxRandom = 1 << 20

func randomBytes(_ *Host, a []Value) (Value, error) {
	n := a[0].(uint64)
	if n > maxRandom {
		violate("it wants %d random bytes at once, more than %d", n, maxRandom)
	}
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, as crypto/rand documents
	return b, nil
}

func random64() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:])
}
