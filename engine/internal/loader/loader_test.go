package loader_test

import (
	"fmt"

	"github.com/wasmoci/wasmoci/engine/internal/loader"
)

func ExampleCommand() {
	fmt.Println(loader.Command("/opt/runner", "", "name", "a", "b"))
	fmt.Println(loader.Command("/opt/runner", "/opt/lib", "name", "a", "b"))
	// Output:
	// /opt/runner [name a b]
	// /opt/lib/ld.so [ld.so --library-path /opt/lib --argv0 name /opt/runner a b]
}
