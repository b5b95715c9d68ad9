package wasmtime

import (
	"errors"
	"fmt"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/wasm"
	"github.com/wasmoci/wasmoci/wasi"
)

const (
	maxElements = wasm.MaxElements // of all tables of an instance
	elementSize = 8
	tableShare  = 16 // growing tables may have this part of what a limit leaves them
)

// demand is what the memories and tables of a module take at least.
type demand struct {
	memories, tables uint64 // how many
	largestMemory    uint64 // bytes that the largest memory starts with
	largestTable     uint64 // elements that the largest table starts with
	fixed            uint64 // elements of tables that do not grow, together
	growing          uint64 // how many tables do
	shared           bool   // a memory is shared between threads
}

func demandOf(m wasm.Module) demand {
	d := demand{memories: uint64(len(m.Memories)), tables: uint64(len(m.Tables))}
	for _, l := range m.Memories {
		d.shared = d.shared || l.Shared
		d.largestMemory = max(d.largestMemory, min(l.Min, 1<<48/wasi.PageSize)*wasi.PageSize)
	}
	for _, l := range m.Tables {
		d.largestTable = max(d.largestTable, l.Min)
		if l.HasMax && l.Max == l.Min {
			d.fixed += l.Min
		} else {
			d.growing++
		}
	}
	return d
}

// elements are those that the tables could have, if each that grows were as large as the largest. It is a number above maxElements,
// and no other, where they would be too many.
func (d demand) elements() uint64 {
	if d.fixed > maxElements || d.largestTable > maxElements || d.growing > maxElements {
		return maxElements + 1
	}
	return min(d.fixed+d.growing*d.largestTable, maxElements+1)
}

var (
	errTables = fmt.Errorf("its tables may have more than %d elements", maxElements)
	errShared = errors.New("it has memory that is shared between threads, which WASI preview 1 does not have: build it without threads")
)

// refused says why the module is never run: no limit could hold it.
func (d demand) refused() error {
	switch {
	case d.elements() > maxElements:
		return errTables
	case d.shared:
		return errShared
	}
	return nil
}

// bounds are what Wasmtime holds each memory and each table of an instance to.
type bounds struct {
	memory   uint64 // bytes; 0 is as much as it says
	elements uint64
}

// within divides limit bytes, 0 for none, so that all memories and tables together never have more. It is a
// *engine.MemoryLimitError where the least that they need is more.
func (d demand) within(limit uint64) (bounds, error) {
	least := d.elements()
	room := maxElements - min(least, maxElements)
	if limit != 0 {
		need := d.memories*d.largestMemory + inPages(least)
		if need > limit {
			return bounds{}, &engine.MemoryLimitError{Need: need, Limit: limit}
		}
		room = min(room, (limit-need)/elementSize/tableShare)
	}
	b := bounds{elements: d.largestTable}
	most := least
	if d.growing > 0 {
		b.elements += room / d.growing
		most += room
	}
	if limit != 0 && d.memories > 0 {
		b.memory = (limit - inPages(most)) / d.memories / wasi.PageSize * wasi.PageSize
	}
	return b, nil
}

// inPages is what elements take, in whole pages as [engine.ModuleInfo] counts them.
func inPages(elements uint64) uint64 { return elements * elementSize / wasi.PageSize * wasi.PageSize }
