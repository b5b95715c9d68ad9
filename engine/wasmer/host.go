//go:build wasmer && cgo

package wasmer

import "C"

import (
	"runtime/cgo"
	"unsafe"

	"github.com/wasmoci/wasmoci/engine/internal/core"
	"github.com/wasmoci/wasmoci/wasi/preview1"
)

// wasmociWasmerCall is how every guest calls its host, from C, on the thread that runs it. memory is nil where the guest has
// none; args are those of function, an index into preview1.Table.
//
//export wasmociWasmerCall
func wasmociWasmerCall(handle uintptr, function uint32, memory unsafe.Pointer, size uintptr, args unsafe.Pointer) uint32 {
	r := cgo.Handle(handle).Value().(*core.Run)
	r.Resized(uint64(size))
	a := (*[preview1.MaxParams]uint64)(args)[:len(table[function].Params)]
	return uint32(r.Host.Call(int(function), unsafe.Slice((*byte)(memory), size), a))
}

var table = preview1.Table()
