// Command export compiles a module and exports its code for a runner: export ENGINE MODULE CACHE CODE.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/wasmoci/wasmoci/engine"
	_ "github.com/wasmoci/wasmoci/engine/all"
	"github.com/wasmoci/wasmoci/engine/runner"
)

func main() {
	if err := export(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func export(name, module, cache, code string) error {
	f, err := os.Open(module)
	if err != nil {
		return err
	}
	defer f.Close()
	opts, err := runner.Dedicate(name)
	if err != nil {
		return err
	}
	opts.CacheDir = cache
	ctx := context.Background()
	e, err := engine.Open(ctx, name, opts)
	if err != nil {
		return err
	}
	defer e.Close()
	if err := os.Mkdir(code, 0o755); err != nil {
		return err
	}
	return engine.Export(ctx, e, engine.FromFile(f), code)
}
