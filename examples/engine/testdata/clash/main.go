// Command clash imports two engines whose libraries cannot be in one program.
package main

import (
	_ "github.com/wasmoci/wasmoci/engine/wasmer"
	_ "github.com/wasmoci/wasmoci/engine/wasmtime"
)

func main() {}
