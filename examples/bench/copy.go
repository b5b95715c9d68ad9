package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/wazero"
	"github.com/wasmoci/wasmoci/wasi"
)

// copyFile compares a program in C that copies a file in pieces of 64 KiB with itself, compiled for this machine: the best of
// several runs of each, so that what else the machine does counts little. The file is in memory where there is
// /dev/shm.
func copyFile(parent context.Context) (row, error) {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	where, on := "/dev/shm", "on a tmpfs"
	if _, err := os.Stat(where); err != nil {
		where, on = "", "on a disk"
	}
	dir, err := os.MkdirTemp(where, "bench")
	if err != nil {
		return row{}, err
	}
	defer os.RemoveAll(dir)
	if err := randomFile(filepath.Join(dir, "in"), copySize); err != nil {
		return row{}, err
	}
	native, wasm := filepath.Join(dir, "copy"), filepath.Join(dir, "copy.wasm")
	for _, compile := range [][]string{
		{"gcc", "-O2", "-o", native},
		{"clang", "--target=wasm32-wasi", "-O2", "-o", wasm},
	} {
		if out, err := exec.CommandContext(ctx, compile[0], append(compile[1:], "examples/bench/testdata/copy.c")...).CombinedOutput(); err != nil {
			return row{}, fmt.Errorf("copy: %s: %w: run make deps\n%s", compile[0], err, out)
		}
	}
	content, err := os.ReadFile(wasm)
	if err != nil {
		return row{}, err
	}
	eng, err := wazero.New(ctx, engine.Options{})
	if err != nil {
		return row{}, err
	}
	defer eng.Close()
	module, err := eng.Compile(ctx, engine.FromBytes(content))
	if err != nil {
		return row{}, err
	}
	cfg := &wasi.Config{Args: []string{"copy", "/in", "/out", "1"}, Mounts: []wasi.Mount{{Guest: "/", Host: dir}}}
	ours, theirs, err := turns(copyTimes,
		func() error { return engine.Run(ctx, module, cfg) },
		func() error {
			return exec.CommandContext(ctx, native, filepath.Join(dir, "in"), filepath.Join(dir, "out"), "1").Run()
		})
	if err != nil {
		return row{}, err
	}
	return row{
		what:     fmt.Sprintf("copying %d MiB %s in C, against the same program as native code (best)", copySize>>20, on),
		measured: slices.Min(ours), against: slices.Min(theirs), limit: 1.11,
	}, nil
}

// A gigabyte has the same ratio, and is less often left alone by others.
const (
	copySize  = 128 << 20
	copyTimes = 25
)

func randomFile(name string, size int64) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = io.CopyN(f, rand.Reader, size)
	return err
}
