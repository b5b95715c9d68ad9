//go:build wasmedge && cgo

package wasmedge

import (
	"context"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/engine/internal/core"
	"github.com/wasmoci/wasmoci/wasi"
	"github.com/wasmoci/wasmoci/wasi/vfs"
)

var capabilities = engine.FormatCapabilities{wasi.FormatModule: moduleCapabilities()}

func init() {
	engine.Register(engine.Driver{Name: Name, Native: true, Capabilities: capabilities, Open: open})
}

func moduleCapabilities() engine.Capabilities {
	caps := engine.NewCapabilities(engine.Entrypoint, engine.Interrupt, engine.MemoryLimit, engine.WorkDir, engine.Streams)
	if vfs.Supported {
		caps = caps.With(engine.Mounts, engine.MountReadOnly, engine.MountOpen, engine.MountFile, engine.MountNested, engine.MountHidden, engine.MountTmpfs, engine.Listeners)
	}
	return caps
}

func open(_ context.Context, opts engine.Options) (engine.Engine, error) {
	if opts.Uninterruptible {
		err := &engine.UnsupportedError{Engine: Name, Format: wasi.FormatModule, Missing: engine.NewCapabilities(engine.Unchecked)}
		return nil, &engine.Error{Engine: Name, Op: "open", Err: err}
	}
	return core.Open(Name, capabilities, opts, func(*cache.Dir) (core.Runtime, error) {
		l, err := openLibrary()
		if err != nil {
			return nil, err
		}
		return &interpreter{l}, nil
	})
}
