package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/wasmoci/wasmoci/engine"
	ours "github.com/wasmoci/wasmoci/engine/wazero"
	"github.com/wasmoci/wasmoci/wasi"
)

//go:generate wat2wasm testdata/calls.wat -o testdata/calls.wasm

//go:embed testdata/calls.wasm
var calls []byte

// hostCalls compares what calls of the host cost with wazero's own WASI, which does not confine paths.
func hostCalls(parent context.Context) (rows []row, err error) {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := callsFiles(dir); err != nil {
		return nil, err
	}

	eng, err := ours.New(ctx, engine.Options{})
	if err != nil {
		return nil, err
	}
	defer eng.Close()
	module, err := eng.Compile(ctx, engine.FromBytes(calls))
	if err != nil {
		return nil, err
	}
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCloseOnContextDone(true).WithDebugInfoEnabled(false))
	defer runtime.Close(ctx)
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, runtime); err != nil {
		return nil, err
	}
	compiled, err := runtime.CompileModule(ctx, calls)
	if err != nil {
		return nil, err
	}
	stock := wazero.NewModuleConfig().WithName("").WithSysNanotime().WithFSConfig(wazero.NewFSConfig().WithDirMount(dir, "/"))

	for _, c := range []struct {
		entrypoint, what string
		limit            float64
	}{
		{"clock", "clock_time_get", 1.15},
		{"write64", "fd_write of 64 bytes", 1},
		{"write64K", "fd_write of 64 KiB", 1},
		{"read64", "fd_read of 64 bytes", 1},
		{"read64K", "fd_read of 64 KiB", 1},
		{"open", "path_open and fd_close", 1.5},
		{"stat", "path_filestat_get", 1.5},
		{"readdir", "fd_readdir of 1,000 entries", 1.5},
	} {
		cfg := &wasi.Config{Entrypoint: c.entrypoint, Mounts: []wasi.Mount{{Guest: "/", Host: dir}}}
		r := row{what: c.what + ", against wazero's own WASI", limit: c.limit}
		r.measured, r.against, err = pairs(25,
			func() error { return engine.Run(ctx, module, cfg) },
			func() error {
				instance, err := runtime.InstantiateModule(ctx, compiled, stock)
				if err != nil {
					return err
				}
				_, err = instance.ExportedFunction(c.entrypoint).Call(ctx)
				return errors.Join(err, instance.Close(ctx))
			})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.what, err)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// callsFiles makes the files that the guest wants.
func callsFiles(dir string) error {
	for name, size := range map[string]int{"data": 2 << 20, "out": 0} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o600); err != nil {
			return err
		}
	}
	many := filepath.Join(dir, "many")
	if err := os.Mkdir(many, 0o700); err != nil {
		return err
	}
	for i := range 1000 {
		if err := os.WriteFile(filepath.Join(many, fmt.Sprintf("entry%04d", i)), nil, 0o600); err != nil {
			return err
		}
	}
	return nil
}
