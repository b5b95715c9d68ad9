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
// a process from its start to its exit, of an executable that was copied, as what is installed is. What a linker has just written the
// kernel has in pages of four kilobytes each, and a process faults on every one that it uses.
func startToExit(ctx context.Context) (row, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return row{}, err
	}
	defer os.RemoveAll(dir)
	linked, native, child := filepath.Join(dir, "linked"), filepath.Join(dir, "hello"), filepath.Join(dir, "child")
	build := exec.CommandContext(ctx, "go", "build", "-o", linked, "./examples/bench/testdata/hello")
	build.Env, build.Stderr = append(os.Environ(), "CGO_ENABLED=0"), os.Stderr
	if err := build.Run(); err != nil {
		return row{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return row{}, err
	}
	for from, to := range map[string]string{linked: native, self: child} {
		if err := install(from, to); err != nil {
			return row{}, err
		}
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
	eng, err := subprocess.New(ctx, subprocess.Config{Engine: "wazero", Path: child}, engine.Options{CacheDir: filepath.Join(dir, "cache")})
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

// install copies an executable.
func install(from, to string) error {
	program, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, program, 0o700)
}
