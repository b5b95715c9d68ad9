package wazero

import (
	"context"
	"maps"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/engine/internal/core"
	"github.com/wasmoci/wasmoci/wasi"
	"github.com/wasmoci/wasmoci/wasi/vfs"
)

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
	caps := maps.Clone(capabilities)
	if opts.DebugInfo { // the checks would move the code away from what the debug information says of it
		caps[wasi.FormatModule] = caps[wasi.FormatModule].Without(engine.Interrupt)
	}
	return core.Open(Name, caps, opts, func(dir *cache.Dir) (core.Runtime, error) {
		return &compiler{debugInfo: opts.DebugInfo, cache: dir}, nil
	})
}
