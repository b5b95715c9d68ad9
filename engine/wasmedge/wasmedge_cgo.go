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
	engine.Register(engine.Driver{Name: Name, Native: true, Capabilities: capabilities, Open: open})
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
