//go:build !(wasmedge && cgo)

package wasmedge

import (
	"context"

	"github.com/wasmoci/wasmoci/engine"
)

var errNotBuilt = &engine.NotBuiltError{Engine: Name, Tag: Name, CGO: true, Library: "libwasmedge 0.14"}

func init() {
	engine.Register(engine.Driver{Name: Name, Native: true, Capabilities: capabilities, Unavailable: errNotBuilt})
}

func open(context.Context, engine.Options) (engine.Engine, error) { return nil, errNotBuilt }
