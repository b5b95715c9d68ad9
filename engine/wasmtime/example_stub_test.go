//go:build !(wasmtime && cgo)

package wasmtime_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/wasmoci/wasmoci/engine"
	_ "github.com/wasmoci/wasmoci/engine/wasmtime"
)

func Example() {
	_, err := engine.Open(context.Background(), "wasmtime", engine.Options{})
	fmt.Println(errors.Is(err, engine.ErrNotBuilt))
	// Output: true
}
