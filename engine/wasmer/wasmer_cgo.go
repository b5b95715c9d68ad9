//go:build wasmer && cgo

package wasmer

import (
	"context"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/engine/internal/core"
	"github.com/wasmoci/wasmoci/wasi"
	"github.com/wasmoci/wasmoci/wasi/vfs"
)

// capabilities lack Interrupt and MemoryLimit: libwasmer can neither end a guest in a loop nor bound its memory.
var capabilities = engine.FormatCapabilities{wasi.FormatModule: moduleCapabilities()}

func moduleCapabilities() engine.Capabilities {
	caps := engine.NewCapabilities(engine.Entrypoint, engine.WorkDir, engine.Streams, engine.Unchecked)
	if vfs.Supported {
		caps = caps.With(engine.Mounts, engine.MountReadOnly, engine.MountOpen, engine.MountFile, engine.MountNested, engine.MountHidden, engine.MountTmpfs, engine.Listeners)
	}
	return caps
}

func init() {
	engine.Register(engine.Driver{Name: Name, Native: true, Capabilities: capabilities, Open: open})
}

func open(_ context.Context, opts engine.Options) (engine.Engine, error) {
	return core.Open(Name, capabilities, opts, func(*cache.Dir) (core.Runtime, error) { return compiler{}, nil })
}
