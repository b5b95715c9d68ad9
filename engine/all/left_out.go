//go:build cgo && ((wasmtime && (wasmedge || wasmer)) || (wasmedge && wasmer))

package all

import (
	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/declared"
)

// leaveOut registers an engine whose tag is set, and whose library would not fit into the program beside another one's.
func leaveOut(name string) {
	engine.Register(engine.Driver{Name: name, Native: true, Capabilities: declared.Of(name), Unavailable: &engine.NotBuiltError{
		Engine: name,
		Reason: "it has another native engine, and their libraries clash: run it in a program of its own, by engine/subprocess, or build without the other one's tag",
	}})
}
