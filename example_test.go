package wasmoci_test

import (
	"context"
	"fmt"
	"os"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/wazero"
	"github.com/wasmoci/wasmoci/oci"
)

// From an OCI bundle to an exit status.
func Example() {
	run(context.Background(), "examples/bundles/hello")
	// Output:
	// Hello from WebAssembly!
	//   argument /hello.wasm
	//   argument from
	//   argument an OCI bundle
	//   variable PATH=/
}

func run(ctx context.Context, dir string) {
	bundle, err := oci.LoadBundle(dir)
	exitOn(err)
	plan, err := bundle.Plan(oci.Options{Where: oci.Direct, UID: os.Getuid(), GID: os.Getgid()})
	exitOn(err)
	file, err := plan.Open()
	exitOn(err)
	_, err = bundle.Detect(file, oci.DetectOptions{Engine: wazero.Name})
	exitOn(err)
	eng, err := wazero.New(ctx, engine.Options{})
	exitOn(err)
	module, err := eng.Compile(ctx, engine.FromFile(file))
	exitOn(err)
	plan.Config.Stdin, plan.Config.Stdout, plan.Config.Stderr = os.Stdin, os.Stdout, os.Stderr
	exitOn(engine.Run(ctx, module, &plan.Config))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(engine.ExitCode(err))
	}
}
