//go:build !(wasmer && cgo)

package wasmer

import (
	"context"

	"github.com/wasmoci/wasmoci/engine"
)

var errNotBuilt = &engine.NotBuiltError{Engine: Name, Tag: Name, CGO: true}

func init() {
	engine.Register(engine.Driver{Name: Name, Native: true, Capabilities: capabilities, Unavailable: errNotBuilt})
}

func open(context.Context, engine.Options) (engine.Engine, error) { return nil, errNotBuilt }
