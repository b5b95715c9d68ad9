package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/subprocess"
	"github.com/wasmoci/wasmoci/wasi"
)

// startToExit compares a run of a cached guest in a child process with the run of a native program that does the same: both are
// a process from its start to its exit.
func startToExit(ctx context.Context) (row, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return row{}, err
	}
	defer os.RemoveAll(dir)
	native := filepath.Join(dir, "hello")
	build := exec.CommandContext(ctx, "go", "build", "-o", native, "./examples/bench/testdata/hello")
	build.Env, build.Stderr = append(os.Environ(), "CGO_ENABLED=0"), os.Stderr
	if err := build.Run(); err != nil {
		return row{}, err
	}
	wasm, err := os.ReadFile(hello)
	if err != nil {
		return row{}, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return row{}, err
	}
	defer null.Close()
	eng, err := subprocess.New(ctx, subprocess.Config{Engine: "wazero"}, engine.Options{CacheDir: filepath.Join(dir, "cache")})
	if err != nil {
		return row{}, err
	}
	defer eng.Close()
	module, err := eng.Compile(ctx, engine.FromBytes(wasm))
	if err != nil {
		return row{}, err
	}
	run := func() error { return engine.Run(ctx, module, &wasi.Config{Args: []string{"hello"}, Stdout: null}) }
	if err := run(); err != nil { // in the process that compiled: not what is measured
		return row{}, err
	}
	r := row{what: "start to exit of a cached guest in a child process, against a static Go program", limit: 3}
	r.measured, r.against, err = pairs(200, run, func() error {
		cmd := exec.CommandContext(ctx, native)
		cmd.Stdout = null
		return cmd.Run()
	})
	return r, err
}
