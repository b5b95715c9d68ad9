// Command embed is what a container runtime needs to run a WebAssembly guest, and no more: an OCI bundle in, the guest's
// exit status out.
//
//	go run ./examples/embed examples/bundles/hello
//
// It ends with its guest and so closes nothing. A process that outlives its guests closes the file, the module and the
// engine, and ends a guest by its context.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/wazero"
	"github.com/wasmoci/wasmoci/oci"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: embed BUNDLE")
		os.Exit(125)
	}
	run(context.Background(), os.Args[1])
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
