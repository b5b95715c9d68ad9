// Package all registers every engine of wasmoci. It is for main packages that let their user choose:
//
//	import _ "github.com/wasmoci/wasmoci/engine/all"
//
// A library imports the one engine that it needs, or none and leaves the choice to its program. Engines that are not part
// of the program are registered too, as unavailable, so that naming one says why it cannot be used ([engine.ErrNotBuilt]).
//
// A program has one native engine at most, because their libraries clash: where several build tags are set, wasmtime before wasmedge
// before wasmer. The others run in programs of their own, as package engine/subprocess starts them.
package all

import (
	_ "github.com/wasmoci/wasmoci/engine/wasmtime" // registers wasmtime
	_ "github.com/wasmoci/wasmoci/engine/wazero"   // registers wazero
)
