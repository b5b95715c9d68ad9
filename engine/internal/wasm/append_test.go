package wasm_test

import (
	"testing"

	"github.com/wasmoci/wasmoci/engine/internal/wasm"
)

// TestAppendInt: what is appended is what is read, in as few bytes as it takes.
func TestAppendInt(t *testing.T) {
	for v, size := range map[int64]int{0: 1, 1: 1, -1: 1, 63: 1, 64: 2, -64: 1, -65: 2, 1 << 20: 4, -1 << 31: 5, 1<<31 - 1: 5, 1<<63 - 1: 10, -1 << 63: 10} {
		r := wasm.Reader(wasm.AppendInt(nil, v))
		if n := len(r); n != size {
			t.Errorf("%d takes %d bytes, want %d", v, n, size)
		}
		if got := r.Int(64); got != v || len(r) != 0 {
			t.Errorf("%d reads as %d, with %d bytes left", v, got, len(r))
		}
	}
}
