package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/wazero"
)

// cachedCompile compares loading CPython's code from the cache with compiling it.
func cachedCompile(ctx context.Context) (row, error) {
	wasm, err := fromArchive(python, "python-3.11.3.wasm")
	if err != nil {
		return row{}, err
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return row{}, err
	}
	defer os.RemoveAll(dir)
	compile := func(cached bool) (time.Duration, error) {
		eng, err := wazero.New(ctx, engine.Options{CacheDir: dir})
		if err != nil {
			return 0, err
		}
		defer eng.Close()
		begun := time.Now()
		module, err := eng.Compile(ctx, engine.FromBytes(wasm))
		if err != nil {
			return 0, err
		}
		took := time.Since(begun)
		if module.Info().Cached != cached {
			return 0, errors.New("compile: the cache did not do what this is to measure")
		}
		return took, nil
	}
	r := row{what: "Compile of CPython from the cache, against compiling it", limit: 0.1}
	if r.against, err = compile(false); err != nil {
		return row{}, err
	}
	var loads []time.Duration
	for range 5 {
		took, err := compile(true)
		if err != nil {
			return row{}, err
		}
		loads = append(loads, took)
	}
	r.measured = median(loads)
	return r, nil
}
