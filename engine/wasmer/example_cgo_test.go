//go:build wasmer && cgo

package wasmer_test

import (
	"context"
	"fmt"
	"os"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/wasmer"
	"github.com/wasmoci/wasmoci/wasi"
)

func Example() {
	ctx := context.Background() // one that never ends: wasmer cannot end a guest in a loop
	eng, err := wasmer.New(ctx, engine.Options{})
	if err != nil {
		panic(err)
	}
	defer eng.Close()
	// (module (func (export "_start") unreachable))
	module, err := eng.Compile(ctx, engine.FromBytes([]byte(
		"\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x07\x0a\x01\x06_start\x00\x00\x0a\x05\x01\x03\x00\x00\x0b")))
	if err != nil {
		panic(err)
	}
	err = engine.Run(ctx, module, &wasi.Config{Stdout: os.Stdout})
	fmt.Println(err)
	fmt.Println(engine.ExitCode(err))
	// Output:
	// wasmer: run: trap: unreachable
	// 134
}
