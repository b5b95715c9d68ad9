//go:build wasmedge && cgo

package wasmedge

import (
	"context"
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/second-state/WasmEdge-go/wasmedge"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

// ratio reports what ours takes compared with other, which take turns: the quotient of the shortest times.
func ratio(b *testing.B, ours, other func()) {
	b.Helper()
	const least = 20
	best := [2]time.Duration{1 << 62, 1 << 62}
	turn := func() {
		for i, f := range []func(){ours, other} {
			begun := time.Now()
			f()
			best[i] = min(best[i], time.Since(begun))
		}
	}
	for range least {
		turn()
	}
	for b.Loop() {
		turn()
	}
	b.ReportMetric(float64(best[0])/float64(best[1]), "ratio")
	b.ReportMetric(float64(best[0].Microseconds()), "µs-ours")
	b.ReportMetric(float64(best[1].Microseconds()), "µs-other")
	b.ReportMetric(0, "ns/op") // of both together says nothing
}

func compiled(b *testing.B, e engine.Engine, module []byte) engine.Module {
	b.Helper()
	m, err := e.Compile(context.WithoutCancel(b.Context()), engine.FromBytes(module))
	if err != nil {
		b.Fatal(err)
	}
	return m
}

func repeated(b *testing.B, m engine.Module, cfg *wasi.Config, status int) func() {
	return func() {
		if err := engine.Run(context.WithoutCancel(b.Context()), m, cfg); engine.ExitCode(err) != status {
			b.Fatal(err)
		}
	}
}

// direct runs a module by WasmEdge's binding for Go, with WasmEdge's own WASI, from the decoded module to the end.
func direct(b *testing.B, module []byte, entrypoint string) func() {
	b.Helper()
	wasmedge.SetLogOff()
	config := wasmedge.NewConfigure(wasmedge.WASI)
	loader, validator := wasmedge.NewLoaderWithConfig(config), wasmedge.NewValidatorWithConfig(config)
	ast, err := loader.LoadBuffer(module)
	if err == nil {
		err = validator.Validate(ast)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		ast.Release()
		validator.Release()
		loader.Release()
		config.Release()
	})
	return func() {
		vm := wasmedge.NewVMWithConfig(config)
		defer vm.Release()
		vm.GetImportModule(wasmedge.WASI).InitWasi([]string{"guest"}, nil, nil)
		err := vm.LoadWasmAST(ast)
		if err == nil {
			err = vm.Validate()
		}
		if err == nil {
			err = vm.Instantiate()
		}
		if err == nil {
			_, err = vm.Execute(entrypoint)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRatioStart is a run from Start to the guest's exit, compared with the binding used directly.
func BenchmarkRatioStart(b *testing.B) {
	module := guests(b)["counter"]
	ratio(b, repeated(b, compiled(b, opened(b, engine.Options{}), module), nil, 2), direct(b, module, "_start"))
}

// BenchmarkRatioCalls is half a million calls of the guest's own functions, which account for the stack, compared with the
// binding, which has no bound.
func BenchmarkRatioCalls(b *testing.B) {
	module := guests(b)["stack"]
	m := compiled(b, opened(b, engine.Options{}), module)
	ratio(b, repeated(b, m, &wasi.Config{Entrypoint: "not_deep"}, 0), direct(b, module, "not_deep"))
}

// BenchmarkRatioCompute is a guest that computes without calls, compared with the binding.
func BenchmarkRatioCompute(b *testing.B) {
	module := guests(b)["sieve"]
	ratio(b, repeated(b, compiled(b, opened(b, engine.Options{}), module), nil, 0), direct(b, module, "_start"))
}

// BenchmarkRatioHostCall is a hundred thousand calls of the host, compared with WasmEdge's own WASI and with engine/wazero.
func BenchmarkRatioHostCall(b *testing.B) {
	module := guests(b)["calls"]
	ours := repeated(b, compiled(b, opened(b, engine.Options{}), module), nil, 0)
	b.Run("own-wasi", func(b *testing.B) { ratio(b, ours, direct(b, module, "_start")) })
	b.Run("wazero", func(b *testing.B) { ratio(b, ours, repeated(b, compiled(b, elsewhere(b), module), nil, 0)) })
	b.Run("allocations", func(b *testing.B) {
		const calls = 100_000
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		runs := 0
		for b.Loop() {
			ours()
			runs++
		}
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(runs)/calls, "allocs/call")
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(runs)/calls, "ns/call")
		b.ReportMetric(0, "ns/op")
	})
}

// gopher builds the conformance suite's Go program.
func gopher(b *testing.B) []byte {
	b.Helper()
	name := filepath.Join(b.TempDir(), "gopher.wasm")
	build := exec.CommandContext(b.Context(), "go", "build", "-ldflags=", "-o", name, "../enginetest/testdata/gopher")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	module, err := os.ReadFile(name)
	if err != nil {
		b.Fatal(err)
	}
	return module
}

// BenchmarkRatioGo is a Go program that begins and ends, compared with the binding.
func BenchmarkRatioGo(b *testing.B) {
	module := gopher(b)
	m := compiled(b, opened(b, engine.Options{}), module)
	ratio(b, repeated(b, m, &wasi.Config{Args: []string{"guest"}}, 0), direct(b, module, "_start"))
}

// BenchmarkRatioLoad is taking a Go program from the cache, compared with hashing and loading the same bytes by the binding.
func BenchmarkRatioLoad(b *testing.B) {
	module := gopher(b)
	kept, err := instrument(module)
	if err != nil {
		b.Fatal(err)
	}
	keptName := filepath.Join(b.TempDir(), "kept.wasm")
	if err := os.WriteFile(keptName, kept, 0o600); err != nil {
		b.Fatal(err)
	}
	e := opened(b, engine.Options{CacheDir: filepath.Join(b.TempDir(), "cache")})
	if err := compiled(b, e, module).Close(); err != nil {
		b.Fatal(err)
	}
	config := wasmedge.NewConfigure()
	loader, validator := wasmedge.NewLoaderWithConfig(config), wasmedge.NewValidatorWithConfig(config)
	defer config.Release()
	defer loader.Release()
	defer validator.Release()
	ratio(b, func() {
		m := compiled(b, e, module)
		if !m.Info().Cached {
			b.Fatal("it is not taken from the cache")
		}
		m.Close()
	}, func() {
		artifact, err := os.ReadFile(keptName)
		if err != nil {
			b.Fatal(err)
		}
		sha256.Sum256(artifact)
		ast, err := loader.LoadBuffer(artifact)
		if err == nil {
			err = validator.Validate(ast)
		}
		if err != nil {
			b.Fatal(err)
		}
		ast.Release()
	})
}
