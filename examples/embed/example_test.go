package main

import "context"

func Example() {
	run(context.Background(), "../bundles/hello")
	// Output:
	// Hello from WebAssembly!
	//   argument /hello.wasm
	//   argument from
	//   argument an OCI bundle
	//   variable PATH=/
}
