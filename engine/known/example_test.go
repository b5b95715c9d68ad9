package known_test

import (
	"fmt"

	"github.com/wasmoci/wasmoci/engine"
	_ "github.com/wasmoci/wasmoci/engine/known"
	"github.com/wasmoci/wasmoci/wasi"
)

func Example() {
	for _, d := range engine.List() {
		_, components := d.Capabilities[wasi.FormatComponent]
		fmt.Println(d.Name, components)
	}
	// Output:
	// wazero false
	// wasmedge false
	// wasmer false
	// wasmtime true
}
