//go:build wasmtime && cgo

package wasmtime

import (
	"context"
	"maps"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/engine/internal/core"
)

func init() {
	engine.Register(engine.Driver{Name: Name, Native: true, Capabilities: capabilities, Open: open})
}

func open(_ context.Context, opts engine.Options) (engine.Engine, error) {
	caps := maps.Clone(capabilities)
	for format := range caps {
		if opts.Uninterruptible {
			caps[format] = caps[format].Without(engine.Interrupt)
		}
	}
	return core.Open(Name, caps, opts, func(dir *cache.Dir) (core.Runtime, error) {
		return &host{library: newLibrary(!opts.Uninterruptible), cache: dir}, nil
	})
}
