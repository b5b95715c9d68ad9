//go:build wasmedge && cgo

package wasmedge

import (
	"context"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/engine/internal/core"
	"github.com/wasmoci/wasmoci/wasi"
)

func init() {
	engine.Register(engine.Driver{Name: Name, Native: true, Capabilities: capabilities, Open: open, Dedicate: Dedicate})
}

func open(_ context.Context, opts engine.Options) (engine.Engine, error) {
	can, err := core.Unchecked(Name, dedicated.Load(), opts.Uninterruptible, capabilities[wasi.FormatModule], errNotDedicated)
	if err != nil {
		return nil, &engine.Error{Engine: Name, Op: "open", Err: err}
	}
	return core.Open(Name, engine.FormatCapabilities{wasi.FormatModule: can}, opts, func(dir *cache.Dir) (core.Runtime, error) {
		l, err := openLibrary(opts.Uninterruptible)
		if err != nil {
			return nil, err
		}
		return &host{library: l, compiled: opts.Uninterruptible, cache: dir}, nil
	})
}
