package main

import "fmt"

func Example() {
	cmd := newCommand(&ociRuntime{}, "")
	cmd.SetArgs([]string{"run", "--no-container", "--bundle", "../bundles/hello", "--cache-dir", ""})
	fmt.Println(cmd.Execute())
	// Output:
	// Hello from WebAssembly!
	//   argument /hello.wasm
	//   argument from
	//   argument an OCI bundle
	//   variable PATH=/
	// <nil>
}
