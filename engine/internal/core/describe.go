package core

import (
	"math"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/wasm"
	"github.com/wasmoci/wasmoci/wasi"
)

// elementSize is what an element of a table takes on the host.
const elementSize = 8

// describe fills in what the binary of a core module says of itself.
func describe(info *engine.ModuleInfo, src *Source) error {
	m, err := src.Module()
	if err != nil {
		return err
	}
	info.Imports, info.Exports = externs(m.Imports), externs(m.Exports)
	info.MemoryBytes = math.MaxUint64 // more than there is of a 64-bit memory
	if pages := m.MemoryPages + m.Elements/(wasi.PageSize/elementSize); pages < 1<<48 {
		info.MemoryBytes = pages * wasi.PageSize
	}
	info.World = engine.WorldOther
	for _, e := range info.Exports {
		switch {
		case e.Kind != "func":
		case e.Name == engine.StartFunction:
			info.World = engine.WorldCommand
		case info.World == engine.WorldOther:
			info.World = engine.WorldReactor
		}
	}
	return nil
}

func externs(list []wasm.Extern) []engine.Extern {
	var out []engine.Extern
	for _, e := range list {
		out = append(out, engine.Extern{Module: e.Module, Name: e.Name, Kind: e.Kind, Type: e.Type})
	}
	return out
}
