//go:build !(wasmedge && cgo)

package wasmedge_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/wasmoci/wasmoci/engine"
	_ "github.com/wasmoci/wasmoci/engine/wasmedge"
)

func Example() {
	_, err := engine.Open(context.Background(), "wasmedge", engine.Options{})
	fmt.Println(errors.Is(err, engine.ErrNotBuilt))
	// Output: true
}
