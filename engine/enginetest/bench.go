package enginetest

import (
	"context"
	"io"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

// Bench measures an engine in sub-benchmarks whose names are the same for every engine, so that benchstat compares them:
//
//	start    from Start to the end of a guest that writes one line and returns
//	compile  compiling a Go program of some megabytes, without a cache
//	load     loading that from the cache, where the engine has one
//	call     a guest's call of its host; the time is that of one call
//	compute  a guest that computes, without calls
//	echo     a mebibyte through a guest's stdin and stdout; MB/s
func Bench(b *testing.B, open func(context.Context, engine.Options) (engine.Engine, error)) {
	ctx := context.WithoutCancel(b.Context())
	eng := openForBench(b, open, engine.Options{})
	loop := func(name string, cfg *wasi.Config) func(b *testing.B) {
		return func(b *testing.B) {
			m := compileForBench(b, eng, name)
			for b.Loop() {
				if err := engine.Run(ctx, m, cfg); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("start", loop("hello", nil))
	b.Run("compile", func(b *testing.B) {
		for b.Loop() {
			if err := compileForBench(b, eng, gopher).Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("load", func(b *testing.B) {
		opts := engine.Options{CacheDir: b.TempDir() + "/cache"}
		compileForBench(b, openForBench(b, open, opts), gopher)
		cached := openForBench(b, open, opts)
		for b.Loop() {
			if err := compileForBench(b, cached, gopher).Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("call", func(b *testing.B) {
		loop("calls", nil)(b)
		const calls = 100000
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/calls, "ns/call")
		b.ReportMetric(0, "ns/op") // the guest's whole run says nothing
	})
	b.Run("compute", loop("sieve", nil))
	b.Run("echo", func(b *testing.B) {
		m := compileForBench(b, eng, gopher)
		b.SetBytes(mebibyte)
		for b.Loop() {
			cfg := &wasi.Config{Args: []string{gopher, "echo"}, Stdin: &zeros{mebibyte}, Stdout: io.Discard}
			if err := engine.Run(ctx, m, cfg); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func openForBench(b *testing.B, open opener, opts engine.Options) engine.Engine {
	b.Helper()
	eng, err := open(context.WithoutCancel(b.Context()), opts)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := eng.Close(); err != nil {
			b.Error(err)
		}
	})
	return eng
}

func compileForBench(b *testing.B, eng engine.Engine, name string) engine.Module {
	b.Helper()
	wasm, err := guest(name)
	if err != nil {
		b.Fatal(err)
	}
	m, err := eng.Compile(context.WithoutCancel(b.Context()), engine.FromBytes(wasm))
	if err != nil {
		b.Fatal(err)
	}
	return m
}
