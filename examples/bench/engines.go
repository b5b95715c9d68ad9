package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/subprocess"
	"github.com/wasmoci/wasmoci/wasi"
)

// sideBySide compares the engines with each other: what compilers make of a program that computes for this machine is the limit of what
// any can do. CPython is compared with itself on wazero, since the one of this machine is another program. Each engine runs in a child
// process without checks, where it has that, started for the run; its executable is in directory, by its name (examples/engine, built
// with its tag).
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
	work, err := goProgram(ctx, dir)
	if err != nil {
		return nil, err
	}
	nativeWork := filepath.Join(dir, "work")
	if err := buildWork(ctx, nativeWork); err != nil {
		return nil, err
	}
	interpreter, err := cpython(dir)
	if err != nil {
		return nil, err
	}
	var onWazero func() error // CPython
	for _, e := range []struct {
		name          string
		cLimit, limit float64 // of what gcc makes of C, and of what Go's compiler makes of Go
	}{{"wazero", 4, 12}, {"wasmtime", 2, 8}, {"wasmer", 3, 20}, {"wasmedge", 2, 8}} {
		eng, err := subprocess.New(ctx, subprocess.Config{Engine: e.name, Path: filepath.Join(directory, e.name), Unchecked: true}, engine.Options{})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
		defer eng.Close()
		run, err := runner(ctx, eng, wasm)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
		var races []race
		for _, program := range []string{"sha256", "sieve", "nbody"} {
			args := []string{"cpu", program, "10"}
			races = append(races, race{program + " ten times", run(&wasi.Config{Args: args}), "gcc -O2 and its process", process(ctx, native, args...), e.cLimit})
		}
		if run, err = runner(ctx, eng, work.wasm); err != nil {
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
		cfg := work.config(2)
		races = append(races, race{work.what, run(cfg), "Go's code for this machine and its process", process(ctx, nativeWork, cfg.Args...), e.limit})
		if e.name != "wasmedge" { // whose compiler takes too long for CPython
			if run, err = runner(ctx, eng, interpreter.wasm); err != nil {
				return nil, fmt.Errorf("%s: %w", e.name, err)
			}
			if on := run(interpreter.config(3)); onWazero == nil {
				onWazero = on
			} else {
				races = append(races, race{interpreter.what, on, "wazero in one", onWazero, 3})
			}
		}
		for _, r := range races {
			row := row{what: fmt.Sprintf("%s on %s in a child process, against %s (best)", r.what, e.name, r.than), limit: r.limit}
			if row.measured, row.against, err = best(3, r.run, r.other); err != nil {
				return nil, fmt.Errorf("%s: %w", row.what, err)
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// race is something that runs, and what it is compared with.
type race struct {
	what  string
	run   func() error
	than  string
	other func() error
	limit float64
}

// runner compiles a module and returns what makes runs of it.
func runner(ctx context.Context, eng engine.Engine, wasm []byte) (func(cfg *wasi.Config) func() error, error) {
	module, err := eng.Compile(ctx, engine.FromBytes(wasm))
	return func(cfg *wasi.Config) func() error {
		return func() error { return engine.Run(ctx, module, cfg) }
	}, err
}

// process returns a run of a native program.
func process(ctx context.Context, path string, args ...string) func() error {
	return func() error { return exec.CommandContext(ctx, path, args[1:]...).Run() }
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
