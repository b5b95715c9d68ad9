package preview2_test

import (
	"context"
	"fmt"

	"github.com/wasmoci/wasmoci/wasi"
	"github.com/wasmoci/wasmoci/wasi/preview2"
)

// An adapter finds what a component imports, and passes its calls on.
func Example() {
	host, err := preview2.New(context.Background(), &wasi.Config{Args: []string{"hello", "world"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	f, ok := preview2.Find("wasi:cli/environment@0.2.3", "get-arguments")
	fmt.Println(ok, preview2.Table()[f].Type)
	args, err := host.Call(f, nil)
	fmt.Println(args, err)
	// Output:
	// true () -> list<string>
	// [hello world] <nil>
}
