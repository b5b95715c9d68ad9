// Package all registers every engine of wasmoci. It is for main packages that let their user choose:
//
//	import _ "github.com/wasmoci/wasmoci/engine/all"
//
// A library imports the one engine that it needs, or none and leaves the choice to its program. Engines that are not part
// of the program are registered too, as unavailable, so that naming one says why it cannot be used ([engine.ErrNotBuilt]).
package all

import (
	_ "github.com/wasmoci/wasmoci/engine/wasmedge" // registers wasmedge
	_ "github.com/wasmoci/wasmoci/engine/wasmer"   // registers wasmer
	_ "github.com/wasmoci/wasmoci/engine/wasmtime" // registers wasmtime
	_ "github.com/wasmoci/wasmoci/engine/wazero"   // registers wazero
)
