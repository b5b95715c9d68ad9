package wazero_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wasmoci/wasmoci/engine"
)

// Code that one process compiles another loads, which sees nothing of the cache: a container gets the directory exported, read-only.
func Example_export() {
	home, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(home)
	exported := filepath.Join(home, "exported")
	if err := os.Mkdir(exported, 0o755); err != nil {
		panic(err)
	}
	ctx := context.Background()
	// (module (func (export "_start") unreachable))
	src := engine.FromBytes([]byte(
		"\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x07\x0a\x01\x06_start\x00\x00\x0a\x05\x01\x03\x00\x00\x0b"))

	compiler, err := engine.Open(ctx, "wazero", engine.Options{CacheDir: filepath.Join(home, "cache")})
	if err != nil {
		panic(err)
	}
	defer compiler.Close()
	if err := engine.Export(ctx, compiler, src, exported); err != nil {
		panic(err)
	}

	runner, err := engine.Open(ctx, "wazero", engine.Options{CacheDir: exported, CacheMode: engine.CacheExported})
	if err != nil {
		panic(err)
	}
	defer runner.Close()
	module, err := runner.Compile(ctx, src)
	if err != nil {
		panic(err)
	}
	fmt.Println(module.Info().Cached, engine.ExitCode(engine.Run(ctx, module, nil)))
	// Output: true 134
}
