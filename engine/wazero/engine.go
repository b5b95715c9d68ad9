package wazero

import (
	"context"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/engine/internal/core"
	"github.com/wasmoci/wasmoci/wasi"
)

func open(_ context.Context, opts engine.Options) (engine.Engine, error) {
	can, err := core.Unchecked(Name, dedicated.Load(), opts.Uninterruptible, capabilities[wasi.FormatModule], errNotDedicated)
	if err != nil {
		return nil, &engine.Error{Engine: Name, Op: "open", Err: err}
	}
	if opts.DebugInfo { // the checks would move the code away from what the debug information says of it
		can = can.Without(engine.Interrupt)
	}
	caps := engine.FormatCapabilities{wasi.FormatModule: can}
	return core.Open(Name, caps, opts, func(dir *cache.Dir) (core.Runtime, error) {
		return &compiler{debugInfo: opts.DebugInfo, uninterruptible: opts.Uninterruptible, cache: dir}, nil
	})
}
