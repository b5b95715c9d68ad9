//go:build wasmtime && cgo

package wasmtime_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/wasmtime"
	"github.com/wasmoci/wasmoci/wasi"
)

// BenchmarkComponent measures what a component takes more than a core module: from start to end, and for a mebibyte of output.
// There is no promise; RATIONALE.md says why output is slow.
func BenchmarkComponent(b *testing.B) {
	eng := opened(b, wasmtime.New, engine.Options{})
	component, err := eng.Compile(b.Context(), engine.FromBytes(program))
	if err != nil {
		b.Fatal(err)
	}
	run := func(m engine.Module, args ...string) func() error {
		return func() error {
			return engine.Run(context.WithoutCancel(b.Context()), m, &wasi.Config{Args: args, Stdout: struct{ io.Writer }{io.Discard}})
		}
	}
	b.Run("start", func(b *testing.B) {
		hello, err := eng.Compile(b.Context(), engine.FromBytes(assembled(b, "hello")))
		if err != nil {
			b.Fatal(err)
		}
		ratio(b, run(component, "program", "sleep", "0"), run(hello, "hello"))
	})
	b.Run("output", func(b *testing.B) {
		guest := filepath.Join(b.TempDir(), "gopher.wasm")
		build := exec.CommandContext(b.Context(), "go", "build", "-ldflags=-s -w", "-o", guest, "../enginetest/testdata/gopher")
		build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		wasm, err := os.ReadFile(guest)
		if err != nil {
			b.Fatal(err)
		}
		module, err := eng.Compile(b.Context(), engine.FromBytes(wasm))
		if err != nil {
			b.Fatal(err)
		}
		ratio(b, run(component, "program", "write", "256"), run(module, "gopher", "fill 1 16777216"))
	})
}
