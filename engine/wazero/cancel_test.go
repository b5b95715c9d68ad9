package wazero

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

// TestCancel ends a thousand runs at random moments: guests in loops, in calls, in their start function, waiting for input, and such as end
// by themselves. Each ends as it must, and nothing of them is left.
func TestCancel(t *testing.T) {
	e, err := New(t.Context(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	all := guests(t)
	var modules []engine.Module
	for _, name := range []string{"spin", "spin_calling", "spin_in_start", "wait", "hello"} {
		m, err := e.Compile(t.Context(), engine.FromBytes(all[name]))
		if err != nil {
			t.Fatal(err)
		}
		modules = append(modules, m)
	}
	silent, speaker, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	defer speaker.Close()
	before := runtime.NumGoroutine()
	runs := make(chan int, 1000)
	for i := range cap(runs) {
		runs <- i
	}
	close(runs)
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for i := range runs {
				ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
				timer := time.AfterFunc(time.Duration(rand.Int64N(int64(2*time.Millisecond))), cancel)
				err := engine.Run(ctx, modules[i%len(modules)], &wasi.Config{Args: []string{"guest"}, Stdin: silent})
				var stopped *engine.StoppedError
				var exit *engine.ExitError
				if err != nil && !errors.As(err, &stopped) && !errors.As(err, &exit) {
					t.Errorf("guest %d ended by %v", i%len(modules), err)
				}
				timer.Stop()
				cancel()
			}
		})
	}
	workers.Wait()
	for begun := time.Now(); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Since(begun) > 10*time.Second {
			t.Fatalf("%d goroutines, before the runs %d", runtime.NumGoroutine(), before)
		}
	}
}
