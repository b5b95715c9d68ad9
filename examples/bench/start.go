package main

import (
	"context"
	"os"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/wasmoci/wasmoci/engine"
	ours "github.com/wasmoci/wasmoci/engine/wazero"
	"github.com/wasmoci/wasmoci/wasi"
)

// startToEnd compares a run of a compiled guest with the same run through wazero's own API on wazero's own WASI: both can be
// interrupted, neither reads debug information.
func startToEnd(parent context.Context) (row, error) {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	wasm, err := os.ReadFile(hello)
	if err != nil {
		return row{}, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return row{}, err
	}
	defer null.Close()
	args := []string{"/hello.wasm", "one", "two"}

	eng, err := ours.New(ctx, engine.Options{})
	if err != nil {
		return row{}, err
	}
	defer eng.Close()
	module, err := eng.Compile(ctx, engine.FromBytes(wasm))
	if err != nil {
		return row{}, err
	}
	cfg := &wasi.Config{Args: args, Env: []string{"PATH=/"}, Stdin: null, Stdout: null, Stderr: null}

	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCloseOnContextDone(true).WithDebugInfoEnabled(false))
	defer runtime.Close(ctx)
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, runtime); err != nil {
		return row{}, err
	}
	compiled, err := runtime.CompileModule(ctx, wasm)
	if err != nil {
		return row{}, err
	}
	stock := wazero.NewModuleConfig().WithName("").WithArgs(args...).WithEnv("PATH", "/").
		WithStdin(null).WithStdout(null).WithStderr(null)

	r := row{what: "start to end of a guest, against wazero's own API and WASI", limit: 1.15}
	r.measured, r.against, err = pairs(5000,
		func() error { return engine.Run(ctx, module, cfg) },
		func() error {
			instance, err := runtime.InstantiateModule(ctx, compiled, stock)
			if err != nil {
				return err
			}
			return instance.Close(ctx)
		})
	return r, err
}
