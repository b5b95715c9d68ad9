//go:build linux

package subprocess_test

import (
	"context"
	"fmt"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/subprocess"
)

// The example's main, which is TestMain of this package, begins with
//
//	if subprocess.Init() {
//		return
//	}
func Example() {
	ctx := context.Background()
	eng, err := subprocess.New(ctx, subprocess.Config{Engine: "wazero"}, engine.Options{})
	if err != nil {
		panic(err)
	}
	defer eng.Close()
	module, err := eng.Compile(ctx, engine.FromBytes(trap)) // (module (func (export "_start") unreachable) …)
	if err != nil {
		panic(err)
	}
	err = engine.Run(ctx, module, nil)
	fmt.Println(err)
	fmt.Println(engine.ExitCode(err))
	// Output:
	// wazero: run: trap: unreachable
	// 134
}
