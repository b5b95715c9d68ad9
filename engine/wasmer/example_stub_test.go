//go:build !(wasmer && cgo)

package wasmer_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/wasmoci/wasmoci/engine"
	_ "github.com/wasmoci/wasmoci/engine/wasmer"
)

func Example() {
	_, err := engine.Open(context.Background(), "wasmer", engine.Options{})
	fmt.Println(errors.Is(err, engine.ErrNotBuilt))
	// Output: true
}
