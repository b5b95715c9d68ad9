package all_test

import (
	"fmt"

	"github.com/wasmoci/wasmoci/engine"
	_ "github.com/wasmoci/wasmoci/engine/all"
)

func Example() {
	for _, d := range engine.List() {
		fmt.Println(d.Name)
	}
	// Output:
	// wazero
	// wasmedge
	// wasmer
	// wasmtime
}
