// Command engine is an engine process, for programs that do not link the engine themselves:
//
//	CGO_ENABLED=1 go build -tags wasmtime -o /usr/libexec/wasmoci-wasmtime ./examples/engine
//
// A program in pure Go then opens what its build tags have put in, each build in processes of its own:
//
//	subprocess.New(ctx, subprocess.Config{Engine: "wasmtime", Path: "/usr/libexec/wasmoci-wasmtime"}, engine.Options{})
//
// Nobody runs it by hand.
package main

import (
	"fmt"
	"os"

	_ "github.com/wasmoci/wasmoci/engine/all"
	"github.com/wasmoci/wasmoci/engine/subprocess"
)

func main() {
	if err := subprocess.Serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
