package wasmtime

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/wasm"
	"github.com/wasmoci/wasmoci/wasi"
)

const page = wasi.PageSize

func TestWithin(t *testing.T) {
	memory := func(pages ...uint64) (all []wasm.Limits) {
		for _, p := range pages {
			all = append(all, wasm.Limits{Min: p})
		}
		return all
	}
	fixed, growing := wasm.Limits{Min: 1000, Max: 1000, HasMax: true}, wasm.Limits{Min: 1000, Max: 1 << 32, HasMax: true}
	for _, tt := range []struct {
		name             string
		memories, tables []wasm.Limits
		limit            uint64
		memory, elements uint64
		need             uint64 // of a *engine.MemoryLimitError
	}{
		{name: "nothing", limit: 10 * page},
		{name: "no limit", memories: memory(1), tables: []wasm.Limits{fixed}, elements: 1000},
		{name: "no limit, a table that grows", tables: []wasm.Limits{growing}, elements: maxElements},
		{name: "all for the memory", memories: memory(1), limit: 10 * page, memory: 10 * page},
		{name: "less than a page of table", memories: memory(10), tables: []wasm.Limits{fixed}, limit: 10 * page, memory: 10 * page, elements: 1000},
		{name: "equal shares", memories: memory(1, 3), limit: 11 * page, memory: 5 * page},
		{name: "as large as the largest", memories: memory(1, 3), limit: 5 * page, need: 6 * page},
		{name: "a sixteenth for a table", memories: memory(0), tables: []wasm.Limits{growing}, limit: 160 * page, memory: 150 * page, elements: 1000 + 10*page/8},
		{name: "nothing for a table", memories: memory(10), tables: []wasm.Limits{growing}, limit: 10 * page, memory: 10 * page, elements: 1000},
		{name: "large tables", memories: memory(1), tables: []wasm.Limits{{Min: 1_000_000, Max: 1_000_000, HasMax: true}}, limit: page, need: page + 1_000_000*8/page*page},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := demandOf(wasm.Module{Memories: tt.memories, Tables: tt.tables})
			b, err := d.within(tt.limit)
			if tt.need != 0 {
				var refused *engine.MemoryLimitError
				if !errors.As(err, &refused) || *refused != (engine.MemoryLimitError{Need: tt.need, Limit: tt.limit}) {
					t.Errorf("got %v, want a need of %d beyond %d", err, tt.need, tt.limit)
				}
			} else if want := (bounds{tt.memory, tt.elements}); err != nil || b != want {
				t.Errorf("got %+v, %v, want %+v", b, err, want)
			}
		})
	}
}

// TestWithinAlways: whatever a module has, what it may have is no more than the limit and no less than it starts with.
func TestWithinAlways(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	some := func(most uint64) (all []wasm.Limits) {
		for range random.IntN(4) {
			l := wasm.Limits{Min: random.Uint64N(most), HasMax: random.IntN(2) == 0}
			l.Max = l.Min + random.Uint64N(2)*random.Uint64N(most)
			all = append(all, l)
		}
		return all
	}
	held := 0
	for range 100_000 {
		m := wasm.Module{Memories: some(20), Tables: some(50_000)}
		limit := (1 + random.Uint64N(200)) * page
		d := demandOf(m)
		b, err := d.within(limit)
		if err != nil {
			continue
		}
		held++
		total, elements := b.memory*d.memories, d.fixed+d.growing*b.elements
		if total += elements * elementSize / page * page; total > limit || elements > maxElements {
			t.Fatalf("%+v: %+v is %d bytes and %d elements, the limit %d", m, b, total, elements, limit)
		}
		if d.memories > 0 && b.memory < d.largestMemory || b.elements < d.largestTable {
			t.Fatalf("%+v: %+v is less than it starts with", m, b)
		}
	}
	if held < 10_000 {
		t.Errorf("only %d of the modules could be started at all", held)
	}
}

func TestRefused(t *testing.T) {
	growing := wasm.Limits{Min: 2_000_000}
	for _, tt := range []struct {
		name             string
		memories, tables []wasm.Limits
		want             error
	}{
		{"as many elements as may be", nil, []wasm.Limits{{Min: maxElements}}, nil},
		{"one more", nil, []wasm.Limits{{Min: maxElements + 1}}, errTables},
		{"more than can be counted", nil, []wasm.Limits{{Min: 1 << 63}, {Min: 1 << 63}}, errTables},
		{"tables that can grow to be as large as the largest", nil, []wasm.Limits{growing, {}, {}, {}, {}}, nil},
		{"one more of them", nil, []wasm.Limits{growing, {}, {}, {}, {}, {}}, errTables},
		{"shared memory", []wasm.Limits{{Min: 1}, {Min: 1, Max: 1, HasMax: true, Shared: true}}, nil, errShared},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := demandOf(wasm.Module{Memories: tt.memories, Tables: tt.tables}).refused(); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
