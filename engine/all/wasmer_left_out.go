//go:build wasmer && cgo && (wasmtime || wasmedge)

package all

func init() { leaveOut("wasmer") }
