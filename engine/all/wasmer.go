//go:build !(wasmer && cgo && (wasmtime || wasmedge))

package all

import _ "github.com/wasmoci/wasmoci/engine/wasmer" // registers wasmer
