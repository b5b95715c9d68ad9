package wazero

import (
	"bytes"
	"testing"

	"github.com/wasmoci/wasmoci/wasi"
)

func TestMemoryGrows(t *testing.T) {
	for _, tt := range []struct {
		name           string
		limit, maximum uint64
		sizes          []uint64
		refused        uint64
	}{
		{name: "stays small", maximum: 1 << 32, sizes: []uint64{wasi.PageSize, 2 * wasi.PageSize}},
		{name: "moves once", maximum: 1 << 32, sizes: []uint64{wasi.PageSize, 8 * wasi.PageSize, 900 * wasi.PageSize}},
		{name: "begins large", maximum: 1 << 30, sizes: []uint64{64 * wasi.PageSize, 65 * wasi.PageSize}},
		{name: "begins empty", maximum: 1 << 30, sizes: []uint64{0, wasi.PageSize, 64 * wasi.PageSize}},
		{name: "small limit", limit: 2 * wasi.PageSize, maximum: 1 << 32, sizes: []uint64{wasi.PageSize, 2 * wasi.PageSize}, refused: 3 * wasi.PageSize},
		{name: "large limit", limit: 32 * wasi.PageSize, maximum: 1 << 32, sizes: []uint64{wasi.PageSize, 32 * wasi.PageSize}, refused: 33 * wasi.PageSize},
	} {
		t.Run(tt.name, func(t *testing.T) {
			peak := uint64(0)
			m := &memory{limit: tt.limit, resized: func(n uint64) { peak = max(peak, n) }}
			defer m.Free()
			m.Allocate(0, tt.maximum)
			written := []byte{}
			for i, size := range tt.sizes {
				b := m.Reallocate(size)
				if b == nil || uint64(len(b)) != size {
					t.Fatalf("Reallocate(%d) has %d bytes (nil: %t)", size, len(b), b == nil)
				}
				if !bytes.Equal(b[:len(written)], written) {
					t.Errorf("growth to %d lost what was there", size)
				}
				if bytes.ContainsFunc(b[len(written):], func(r rune) bool { return r != 0 }) {
					t.Errorf("growth to %d is not zero", size)
				}
				for k := range b {
					b[k] = byte(k%250) + byte(i) + 1
				}
				written = bytes.Clone(b)
			}
			if tt.refused != 0 && m.Reallocate(tt.refused) != nil {
				t.Errorf("Reallocate(%d) is beyond the limit and succeeded", tt.refused)
			}
			if got, want := peak, tt.sizes[len(tt.sizes)-1]; got != want {
				t.Errorf("peak is %d, want %d", got, want)
			}
		})
	}
}

// What one guest wrote must never be seen by the next, although they take turns with the same buffers.
func TestMemoryIsCleared(t *testing.T) {
	for range 100 {
		m := &memory{resized: func(uint64) {}}
		m.Allocate(0, 1<<32)
		for _, size := range []uint64{wasi.PageSize, 3 * wasi.PageSize} {
			b := m.Reallocate(size)
			at := bytes.IndexByte(b, 0xa5)
			if at >= 0 {
				t.Fatalf("byte %d is another guest's", at)
			}
		}
		b := m.bytes()
		for i := range b {
			b[i] = 0xa5
		}
		m.Free()
		m.Free()
		if m.bytes() != nil {
			t.Fatal("memory is there after Free")
		}
	}
}

// Where no address space can be reserved, a guest that grows page by page must not copy all that it has each time.
func TestGrowCopiesSeldom(t *testing.T) {
	const pages = 512
	var memory []byte
	copies := 0
	for n := range uint64(pages) {
		size := (n + 1) * wasi.PageSize
		grown := grow(memory, size)
		if memory != nil && &grown[0] != &memory[0] {
			copies++
		}
		if memory = grown; uint64(len(memory)) != size {
			t.Fatalf("%d bytes, want %d", len(memory), size)
		}
		page := memory[n*wasi.PageSize:]
		if bytes.IndexByte(page, 1) >= 0 {
			t.Fatalf("page %d is not zero", n)
		}
		page[0], page[len(page)-1] = 1, 1
	}
	for n := range uint64(pages) {
		if memory[n*wasi.PageSize] != 1 || memory[(n+1)*wasi.PageSize-1] != 1 {
			t.Errorf("page %d was lost", n)
		}
	}
	if copies > pages/8 {
		t.Errorf("copied %d times while it grew by %d pages", copies, pages)
	}
}
