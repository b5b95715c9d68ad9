package main

import "fmt"

func Example() {
	cmd, _ := newCommand()
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
