//go:build wasmedge && cgo

package wasmedge

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/second-state/WasmEdge-go/wasmedge"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

// compiledDirect is direct for a module that WasmEdge's binding has compiled.
func compiledDirect(b *testing.B, module []byte, entrypoint string) func() {
	b.Helper()
	wasmedge.SetLogOff()
	config := wasmedge.NewConfigure()
	config.SetCompilerOutputFormat(wasmedge.CompilerOutputFormat_Wasm)
	compiler := wasmedge.NewCompilerWithConfig(config)
	defer config.Release()
	defer compiler.Release()
	name := filepath.Join(b.TempDir(), "compiled.wasm")
	if err := compiler.CompileBuffer(module, name); err != nil {
		b.Fatal(err)
	}
	compiled, err := os.ReadFile(name)
	if err != nil {
		b.Fatal(err)
	}
	return direct(b, compiled, entrypoint)
}

// kernels builds the benchmarks' C program.
func kernels(b *testing.B) []byte {
	b.Helper()
	return built(b, exec.CommandContext(b.Context(), "clang", "--target=wasm32-wasi", "-O2", "../../examples/bench/testdata/cpu.c"))
}

// worker builds the benchmarks' Go program.
func worker(b *testing.B) []byte {
	b.Helper()
	build := exec.CommandContext(b.Context(), "go", "build", "-ldflags=")
	build.Dir = "../../examples/bench/testdata/work"
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	return built(b, build)
}

func built(b *testing.B, build *exec.Cmd) []byte {
	b.Helper()
	name := filepath.Join(b.TempDir(), "guest.wasm")
	build.Args = append(build.Args, "-o", name)
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: run make deps\n%s", err, out)
	}
	module, err := os.ReadFile(name)
	if err != nil {
		b.Fatal(err)
	}
	return module
}

// BenchmarkRatioCompiled is compiled code, compared with the binding's.
func BenchmarkRatioCompiled(b *testing.B) {
	b.Run("start", func(b *testing.B) {
		module := guests(b)["counter"]
		ratio(b, repeated(b, compiled(b, compiling(b, engine.Options{}), module), nil, 2), compiledDirect(b, module, "_start"))
	})
	for _, kernel := range []string{"sha256", "sieve", "nbody"} {
		b.Run(kernel, func(b *testing.B) {
			module := kernels(b)
			m := compiled(b, compiling(b, engine.Options{}), module)
			ratio(b, repeated(b, m, &wasi.Config{Entrypoint: kernel}, 0), compiledDirect(b, module, kernel))
		})
	}
	b.Run("go", func(b *testing.B) {
		module := worker(b)
		m := compiled(b, compiling(b, engine.Options{}), module)
		ratio(b, repeated(b, m, &wasi.Config{Args: []string{"guest"}}, 0), compiledDirect(b, module, "_start"))
	})
	b.Run("call", func(b *testing.B) { // of the host, compared with engine/wazero's
		module := guests(b)["calls"]
		ours := repeated(b, compiled(b, compiling(b, engine.Options{}), module), nil, 0)
		ratio(b, ours, repeated(b, compiled(b, elsewhere(b), module), nil, 0))
	})
}
