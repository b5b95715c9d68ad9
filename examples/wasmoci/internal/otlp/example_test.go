package otlp_test

import (
	"fmt"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/otlp"
)

func Example() {
	parent, ok := otlp.ParseTraceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	fmt.Printf("%x %x %v %v\n", parent.Trace, parent.Span, parent.Sampled, ok)
	// Output: 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 true true
}
