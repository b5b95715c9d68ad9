//go:build wasmtime && cgo

package wasmtime_test

import (
	"context"
	"fmt"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/wasmtime"
	"github.com/wasmoci/wasmoci/wasi"
)

func Example() {
	eng, err := wasmtime.New(context.Background(), engine.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer eng.Close()
	module, err := eng.Compile(context.Background(), engine.FromBytes([]byte(`(module
		(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
		(memory (export "memory") 1)
		(func (export "_start") (call $exit (i32.const 7))))`)))
	if err != nil {
		fmt.Println(err)
		return
	}
	err = engine.Run(context.Background(), module, &wasi.Config{})
	fmt.Println(engine.ExitCode(err), err)
	// Output: 7 wasmtime: run: exit status 7
}
