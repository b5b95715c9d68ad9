//go:build wasmer && cgo

package wasmer

import (
	"context"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/cache"
	"github.com/wasmoci/wasmoci/engine/internal/core"
)

func init() {
	engine.Register(engine.Driver{Name: Name, Native: true, Capabilities: capabilities, Open: open})
}

func open(_ context.Context, opts engine.Options) (engine.Engine, error) {
	return core.Open(Name, capabilities, opts, func(*cache.Dir) (core.Runtime, error) { return openCompiler() })
}
