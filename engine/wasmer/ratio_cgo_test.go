//go:build wasmer && cgo

package wasmer

import (
	"bytes"
	"context"
	"crypto/sha256"
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
func direct(b *testing.B, module []byte) func() {
	b.Helper()
	store := binding.NewStore(binding.NewEngineWithConfig(binding.NewConfig().UseCraneliftCompiler()))
	m, err := binding.NewModule(store, module)
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		env, err := binding.NewWasiStateBuilder("guest").CaptureStdout().Finalize()
		if err != nil {
			b.Fatal(err)
		}
		imports := binding.NewImportObject()
		if len(m.Imports()) > 0 {
			if imports, err = env.GenerateImportObject(store, m); err != nil {
				b.Fatal(err)
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

// BenchmarkRatioStart: a guest that writes a line, from start to exit, against the binding's own API. At most 1.15.
func BenchmarkRatioStart(b *testing.B) {
	hello := guest(b, "hello")
	ratio(b, runner(b, New, hello, nil), direct(b, hello))
}

// BenchmarkRatioGo: a program in Go that computes, on several goroutines and with a collector, against the binding's own API.
func BenchmarkRatioGo(b *testing.B) {
	name := filepath.Join(b.TempDir(), "work.wasm")
	build := exec.CommandContext(b.Context(), "go", "build", "-o", name, "../../examples/bench/testdata/work")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	module, err := os.ReadFile(name)
	if err != nil {
		b.Fatal(err)
	}
	ratio(b, runner(b, New, module, nil), direct(b, module))
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

// BenchmarkRatioRecursion: what the checks of the stack cost a guest that does little but calls.
func BenchmarkRatioRecursion(b *testing.B) {
	ratio(b, runner(b, New, []byte(fib), nil), direct(b, []byte(fib)))
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
