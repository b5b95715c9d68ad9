package wazero

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

// FuzzRun compiles and runs what it makes of the suite's guests. Whatever a module is, it is refused with a typed error, or
// it runs and ends, by itself or in time with its context, and the engine is as good as before.
func FuzzRun(f *testing.F) {
	all := guests(f)
	for _, wasm := range all {
		f.Add(wasm)
	}
	e, err := New(f.Context(), engine.Options{MaxModuleBytes: 1 << 16})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := e.Close(); err != nil {
			f.Error(err)
		}
	})
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, wasm []byte) {
		m, err := e.Compile(t.Context(), engine.FromBytes(wasm))
		if err != nil {
			var invalid *engine.InvalidModuleError
			var large *engine.TooLargeError
			if !errors.As(err, &invalid) && !errors.As(err, &large) && !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("Compile: %v", err)
			}
			return
		}
		defer m.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		begun := time.Now()
		inst, err := m.Start(ctx, &wasi.Config{
			Args:   []string{"guest", "r"},
			Mounts: []wasi.Mount{{Guest: "/", Host: dir, ReadOnly: true}},
			Limits: wasi.Limits{MemoryBytes: 256 * wasi.PageSize},
		})
		if err != nil {
			if engine.ExitCode(err) != 126 && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Start: %v", err)
			}
			return
		}
		err = inst.Wait()
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("ran %v", took)
		}
		var exit *engine.ExitError
		var trap *engine.TrapError
		var stopped *engine.StoppedError
		if err != nil && !errors.As(err, &exit) && !errors.As(err, &trap) && !errors.As(err, &stopped) {
			t.Errorf("Wait: %v", err)
		}
	})
}
