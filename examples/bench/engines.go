package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/subprocess"
	"github.com/wasmoci/wasmoci/wasi"
)

// sideBySide compares the engines with each other: what gcc -O2 makes of a program that computes is the limit of what any can do.
// Each runs in a child process without checks, where it has that, started for the run; its executable is in directory, by its name
// (examples/engine, built with its tag).
func sideBySide(ctx context.Context, directory string) (rows []row, err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	wasm, native, err := computing(ctx, dir)
	if err != nil {
		return nil, err
	}
	for _, e := range []struct {
		name  string
		limit float64
	}{{"wazero", 4}, {"wasmtime", 2}, {"wasmedge", 2}, {"wasmer", 2}} {
		eng, err := subprocess.New(ctx, subprocess.Config{Engine: e.name, Path: filepath.Join(directory, e.name), Unchecked: true}, engine.Options{})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
		more, err := against(ctx, eng, wasm, native, e.limit)
		if err = errors.Join(err, eng.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// against measures an engine against native code.
func against(ctx context.Context, eng engine.Engine, wasm []byte, native string, limit float64) (rows []row, err error) {
	module, err := eng.Compile(ctx, engine.FromBytes(wasm))
	if err != nil {
		return nil, err
	}
	for _, program := range []string{"sha256", "sieve", "nbody"} {
		args := []string{"cpu", program, "10"}
		r := row{what: fmt.Sprintf("%s ten times on %s in a child process, against gcc -O2 and its process (best)", program, eng.Info().Name), limit: limit}
		r.measured, r.against, err = best(4,
			func() error { return engine.Run(ctx, module, &wasi.Config{Args: args}) },
			func() error { return exec.CommandContext(ctx, native, args[1:]...).Run() })
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// computing builds cpu.c for WebAssembly and for this machine, below dir.
func computing(ctx context.Context, dir string) (wasm []byte, native string, err error) {
	guest, native := filepath.Join(dir, "cpu.wasm"), filepath.Join(dir, "cpu")
	for _, build := range [][]string{
		{"clang", "--target=wasm32-wasi", "-O2", "-o", guest, cpu},
		{"gcc", "-O2", "-o", native, cpu, "-lm"},
	} {
		if out, err := exec.CommandContext(ctx, build[0], build[1:]...).CombinedOutput(); err != nil {
			return nil, "", fmt.Errorf("%w: run make deps: %s", err, out)
		}
	}
	wasm, err = os.ReadFile(guest)
	return wasm, native, err
}
