//go:build wasmedge && cgo

package wasmedge_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/wasmedge"
)

func Example() {
	ctx := context.Background()
	eng, err := wasmedge.New(ctx, engine.Options{})
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
	fmt.Println(errors.Unwrap(engine.Run(ctx, module, nil)))
	// Output: trap: unreachable
}
