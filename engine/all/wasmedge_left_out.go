//go:build wasmedge && cgo && wasmtime

package all

func init() { leaveOut("wasmedge") }
