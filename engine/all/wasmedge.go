//go:build !(wasmedge && cgo && wasmtime)

package all

import _ "github.com/wasmoci/wasmoci/engine/wasmedge" // registers wasmedge
