// Package declared is what the engines declare that they can do, of all of them in one table: an engine's package registers it, and so does
// package engine/known for programs without any engine's code.
package declared

import (
	"slices"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
	"github.com/wasmoci/wasmoci/wasi/vfs"
)

// Engine is an engine as every build of a program knows it; the fields are those of engine.Driver.
type Engine struct {
	Name         string
	Native       bool
	Capabilities engine.FormatCapabilities
}

// Engines are all engines. Wasmer lacks Interrupt and MemoryLimit: libwasmer can neither end a guest in a loop nor bound its memory.
var Engines = []Engine{
	{"wazero", false, engine.FormatCapabilities{wasi.FormatModule: bounded}},
	{"wasmtime", true, engine.FormatCapabilities{
		wasi.FormatModule:    unchecked,
		wasi.FormatText:      unchecked,
		wasi.FormatComponent: unchecked.Without(engine.Entrypoint, engine.Listeners),
	}},
	{"wasmedge", true, engine.FormatCapabilities{wasi.FormatModule: bounded}},
	{"wasmer", true, engine.FormatCapabilities{wasi.FormatModule: host.With(engine.Unchecked)}},
}

// Of returns what the engine of that name declares, nil where there is none.
func Of(name string) engine.FormatCapabilities {
	if i := slices.IndexFunc(Engines, func(e Engine) bool { return e.Name == name }); i >= 0 {
		return Engines[i].Capabilities
	}
	return nil
}

var (
	host      = hostCapabilities()
	bounded   = host.With(engine.Interrupt, engine.MemoryLimit)
	unchecked = bounded.With(engine.Unchecked)
)

// hostCapabilities are those of core modules that come with the host of preview 1, whatever runs them: all systems have the same but for
// mounts, which need package wasi/vfs.
func hostCapabilities() engine.Capabilities {
	if !vfs.Supported {
		return engine.NewCapabilities(engine.Entrypoint, engine.WorkDir, engine.Streams)
	}
	return engine.NewCapabilities(engine.Entrypoint, engine.WorkDir, engine.Streams, engine.Listeners, engine.Mounts, engine.MountReadOnly,
		engine.MountOpen, engine.MountFile, engine.MountNested, engine.MountHidden, engine.MountTmpfs)
}
