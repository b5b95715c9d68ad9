//go:build wasmtime && cgo

package wasmtime

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/core"
	"github.com/wasmoci/wasmoci/engine/internal/wasm"
	"github.com/wasmoci/wasmoci/wasi"
)

// componentCode is a compiled component.
type componentCode struct {
	host      *host
	component *component
	demand    demand
	memory    uint64 // bytes that it starts with
}

// buildComponent makes code by compiling or loading. What is made for WASI 0.3 needs features that Wasmtime does not have on, so
// the import that says so is looked for first.
func (rt *host) buildComponent(src *core.Source, by func() (*component, error)) (core.Code, error) {
	invalid := func(err error) error {
		return &engine.InvalidModuleError{Name: src.Name, Format: wasi.FormatComponent, Err: err}
	}
	read, unreadable := wasm.ReadComponent(src.Bytes)
	for _, name := range read.Imports {
		if strings.HasPrefix(name, "wasi:") && strings.Contains(name, "@0.3.") {
			return nil, &engine.MissingImportError{Module: name, Kind: "instance"}
		}
	}
	made, err := by()
	if err != nil {
		return nil, invalid(err)
	}
	c := &componentCode{host: rt, component: made}
	elements := uint64(0)
	for _, m := range read.Modules {
		m = defined(m)
		c.demand.add(demandOf(m))
		for _, l := range m.Memories {
			c.memory += min(l.Min, math.MaxUint32) * wasi.PageSize
		}
		for _, l := range m.Tables {
			elements += l.Min
		}
	}
	c.memory += inPages(elements)
	switch {
	case unreadable != nil:
		err = unreadable
	case c.demand.memories > maxMemories:
		err = errMemories
	default:
		err = c.demand.refused()
	}
	if err != nil {
		made.close()
		return nil, invalid(err)
	}
	return c, nil
}

// maxMemories is how many memories the modules of a component may have together, as Wasmtime has it for one module.
const maxMemories = 100

var errMemories = fmt.Errorf("its modules have more than %d memories", maxMemories)

// defined is a module without the memories and tables that it imports, which another module of its component has.
func defined(m wasm.Module) wasm.Module {
	for _, i := range m.Imports {
		switch i.Kind {
		case "memory":
			m.Memories = m.Memories[1:]
		case "table":
			m.Tables = m.Tables[1:]
		}
	}
	return m
}

// Run implements core.Code.
func (c *componentCode) Run(ctx context.Context, r *core.Run) error {
	b, err := c.demand.within(r.MemoryLimit)
	if err != nil {
		return err
	}
	var ended error
	if err := c.host.do(func() { ended = c.host.runComponent(ctx, c.component, r, b, c.demand) }); err != nil {
		return err
	}
	return ended
}

// Describe implements core.Describer.
func (c *componentCode) Describe(info *engine.ModuleInfo) error {
	info.Imports, info.Exports, info.MemoryBytes = c.component.imports, c.component.exports, c.memory
	return nil
}

// Close implements core.Code.
func (c *componentCode) Close() error {
	c.component.close()
	return nil
}

// add adds what another module of the same component takes.
func (d *demand) add(o demand) {
	d.memories += o.memories
	d.tables += o.tables
	d.largestMemory = max(d.largestMemory, o.largestMemory)
	d.largestTable = max(d.largestTable, o.largestTable)
	d.fixed += o.fixed
	d.growing += o.growing
	d.shared = d.shared || o.shared
}
