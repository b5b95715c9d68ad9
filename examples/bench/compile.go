package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
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
	compile := func(cache string, cached bool) (time.Duration, error) {
		eng, err := wazero.New(ctx, engine.Options{CacheDir: filepath.Join(dir, cache)})
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
	var compiles, loads []time.Duration
	for _, cache := range []string{"1", "2", "3"} {
		took, err := compile(cache, false)
		if err != nil {
			return row{}, err
		}
		compiles = append(compiles, took)
		for range 3 {
			if took, err = compile(cache, true); err != nil {
				return row{}, err
			}
			loads = append(loads, took)
		}
	}
	r := row{what: "Compile of CPython from the cache, against compiling it", limit: 0.1}
	r.measured, r.against = median(loads), median(compiles)
	return r, nil
}
