package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/wasmoci/wasmoci/engine"
	ours "github.com/wasmoci/wasmoci/engine/wazero"
	"github.com/wasmoci/wasmoci/wasi"
)

const cpu = "examples/bench/testdata/cpu.c"

// compute compares what interruption costs guests that compute: with wazero's own, with none, and with gcc's code.
func compute(parent context.Context) (rows []row, err error) {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	wasm, native, err := computing(ctx, dir)
	if err != nil {
		return nil, err
	}
	ours.Dedicate()
	interruptible, close1, err := ourModule(ctx, wasm, engine.Options{})
	if err != nil {
		return nil, err
	}
	defer close1()
	unchecked, close2, err := ourModule(ctx, wasm, engine.Options{Uninterruptible: true})
	if err != nil {
		return nil, err
	}
	defer close2()
	stockChecked, close3, err := stock(ctx, wasm, true)
	if err != nil {
		return nil, err
	}
	defer close3()
	stockPlain, close4, err := stock(ctx, wasm, false)
	if err != nil {
		return nil, err
	}
	defer close4()

	for _, name := range []string{"sha256", "sieve", "nbody"} {
		cfg := &wasi.Config{Entrypoint: name}
		can := func() error { return engine.Run(ctx, interruptible, cfg) }
		cannot := func() error { return engine.Run(context.WithoutCancel(ctx), unchecked, cfg) }
		checked := func() error { return stockChecked(name) }
		plain := func() error { return stockPlain(name) }
		gcc := func() error { return exec.CommandContext(ctx, native, name).Run() }
		for _, c := range []struct {
			what  string
			a, b  func() error
			limit float64
		}{
			{"interruptible, against wazero's own interruption", can, checked, 1.05},
			{"interruptible, against wazero without interruption", can, plain, 1.5},
			{"uninterruptible, against wazero without interruption", cannot, plain, 1.05},
			{"uninterruptible, against gcc -O2 and its process", cannot, gcc, 5},
		} {
			r := row{what: name + " " + c.what, limit: c.limit}
			if r.measured, r.against, err = pairs(5, c.a, c.b); err != nil {
				return nil, fmt.Errorf("%s: %w", r.what, err)
			}
			rows = append(rows, r)
		}
	}
	return rows, nil
}

// ourModule compiles a module on an engine of its own.
func ourModule(ctx context.Context, wasm []byte, opts engine.Options) (engine.Module, func(), error) {
	eng, err := ours.New(ctx, opts)
	if err != nil {
		return nil, nil, err
	}
	module, err := eng.Compile(ctx, engine.FromBytes(wasm))
	if err != nil {
		return nil, nil, errors.Join(err, eng.Close())
	}
	return module, func() { _ = eng.Close() }, nil
}

// stock returns what runs a function of a module through wazero's own API.
func stock(ctx context.Context, wasm []byte, interruption bool) (run func(name string) error, closed func(), err error) {
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCloseOnContextDone(interruption).WithDebugInfoEnabled(false))
	fail := func(err error) (func(string) error, func(), error) {
		return nil, nil, errors.Join(err, runtime.Close(ctx))
	}
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, runtime); err != nil {
		return fail(err)
	}
	compiled, err := runtime.CompileModule(ctx, wasm)
	if err != nil {
		return fail(err)
	}
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions()
	return func(name string) error {
		instance, err := runtime.InstantiateModule(ctx, compiled, config)
		if err != nil {
			return err
		}
		_, err = instance.ExportedFunction(name).Call(ctx)
		return errors.Join(err, instance.Close(ctx))
	}, func() { _ = runtime.Close(ctx) }, nil
}
