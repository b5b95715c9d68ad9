//go:build wasmtime && cgo

package wasmtime_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/wasmtime"
	"github.com/wasmoci/wasmoci/wasi"
)

// compiled compiles a module in text format on an engine of its own.
func compiled(tb testing.TB, opts engine.Options, text string) engine.Module {
	tb.Helper()
	m, err := opened(tb, wasmtime.New, opts).Compile(context.WithoutCancel(tb.Context()), engine.FromBytes([]byte(text)))
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// spin says that it runs, and loops.
const spin = `(module
	(import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
	(memory (export "memory") 1)
	(func (export "_start") (drop (call $yield)) (loop $l (br $l))))`

func TestFeatures(t *testing.T) {
	eng := opened(t, wasmtime.New, engine.Options{})
	for _, tt := range []struct {
		name, text string
		end        error  // of the run
		invalid    string // in the error of compiling
	}{
		{name: "tail calls", text: `(func $f (param i32) (if (local.get 0) (then (return_call $f (i32.sub (local.get 0) (i32.const 1))))))
			(func (export "_start") (call $f (i32.const 1000000)))`},
		{name: "two memories", text: `(memory (export "memory") 1) (memory $m 2)
			(func (export "_start") (if (i32.ne (memory.size $m) (i32.const 2)) (then unreachable)))`},
		{name: "64-bit memory", text: `(memory (export "memory") i64 1)
			(func (export "_start") (i64.store (i64.const 8) (i64.const 1)) (drop (memory.grow (i64.const 1))))`},
		{name: "vectors", text: `(func (export "_start") (drop (i32x4.relaxed_trunc_f32x4_s (v128.const i32x4 0 0 0 0))))`},
		{name: "beyond a memory at start", text: `(memory (export "memory") 1) (data (i32.const 65536) "x") (func (export "_start"))`, end: engine.TrapMemoryBounds},
		{name: "beyond a table at start", text: `(table 1 funcref) (elem (i32.const 1) $f) (func $f) (func (export "_start"))`, end: engine.TrapTableBounds},
		{name: "shared memory", text: `(memory (export "memory") 1 1 shared) (func (export "_start"))`, invalid: "threads"},
		{name: "garbage collection", text: `(type (struct)) (func (export "_start"))`, invalid: "gc feature"},
		{name: "exceptions", text: `(tag) (func (export "_start"))`, invalid: "exceptions proposal"},
		{name: "no text", text: `(func (export "_start") (i32.const))`, invalid: "not a valid WebAssembly text"},
		{name: "no type", text: `(func (export "_start") (i32.const 1))`, invalid: "type mismatch"},
		{name: "tables beyond measure", text: `(table 10000001 funcref) (func (export "_start"))`, invalid: "more than 10000000 elements"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := eng.Compile(t.Context(), engine.FromBytes([]byte("(module "+tt.text+")")))
			if tt.invalid != "" {
				var invalid *engine.InvalidModuleError
				if !errors.As(err, &invalid) || !strings.Contains(err.Error(), tt.invalid) || strings.Contains(err.Error(), "backtrace") {
					t.Errorf("got %v, want an *engine.InvalidModuleError that has %q", err, tt.invalid)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if f := m.Info().Format; f != wasi.FormatModule {
				t.Errorf("the text is of format %v", f)
			}
			if err := engine.Run(t.Context(), m, nil); !errors.Is(err, tt.end) {
				t.Errorf("ended by %v, want %v", err, tt.end)
			}
		})
	}
}

// TestLimits: memories and tables together stay within a run's limit, whatever grows.
func TestLimits(t *testing.T) {
	const grow = `
		(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
		(func (export "_start") (loop $l (br_if $l (i32.ne (memory.grow $a (i32.const 1)) (i32.const -1))))`
	for _, tt := range []struct {
		name, text string
		pages      uint64
		exit       int
	}{
		{"one memory", `(memory $a (export "memory") 1)` + grow + `(call $exit (memory.size $a)))`, 40, 40},
		{"two memories", `(memory $a (export "memory") 1) (memory $b 1)` + grow + `
			(loop $m (br_if $m (i32.ne (memory.grow $b (i32.const 1)) (i32.const -1))))
			(call $exit (i32.add (memory.size $a) (memory.size $b))))`, 40, 40},
		{"a table", `(table $t 0 funcref) (memory $a (export "memory") 1)` + grow + `
			(loop $m (br_if $m (i32.ne (table.grow $t (ref.null func) (i32.const 64)) (i32.const -1))))
			(call $exit (i32.add (memory.size $a) (i32.div_u (table.size $t) (i32.const 8192)))))`, 33, 33},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := tt.text
			if at := strings.Index(text, "(import"); at > 0 { // imports come first
				end := at + strings.IndexByte(text[at:], '\n')
				text = text[at:end] + text[:at] + text[end:]
			}
			err := engine.Run(t.Context(), compiled(t, engine.Options{}, "(module "+text+")"), &wasi.Config{Limits: wasi.Limits{MemoryBytes: tt.pages * wasi.PageSize}})
			if got := engine.ExitCode(err); got != tt.exit {
				t.Errorf("memories and tables have %d pages (%v), want %d", got, err, tt.exit)
			}
		})
	}
}

// TestStack: however deep a guest is, in its own code or in its host's, the end of its stack is a trap. It has at least seven
// mebibytes.
func TestStack(t *testing.T) {
	m := compiled(t, engine.Options{}, `(module
		(import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
		(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
		(memory (export "memory") 1)
		(func $calls (param i32) (result i32)
			(drop (call $clock (i32.const 1) (i64.const 0) (i32.const 64)))
			(drop (call $write (i32.const 7) (i32.const 0) (i32.const 1) (i32.const 8)))
			(i32.add (call $calls (i32.add (local.get 0) (i32.const 1))) (local.get 0)))
		(func $deep (param i32) (result i32)
			(if (result i32) (local.get 0)
				(then (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (local.get 0)))
				(else (i32.const 0))))
		(func (export "_start") (drop (call $calls (i32.const 0))))
		(func (export "deep") (drop (call $deep (i32.const 150000)))))`)
	for range 3 {
		if err := engine.Run(t.Context(), m, nil); !errors.Is(err, engine.TrapStackOverflow) {
			t.Errorf("recursion without end is ended by %v, want %v", err, engine.TrapStackOverflow)
		}
		if err := engine.Run(t.Context(), m, &wasi.Config{Entrypoint: "deep"}); err != nil {
			t.Errorf("150,000 calls deep: %v", err)
		}
	}
}

// TestTrap: a trap has a backtrace of the guest and none of Wasmtime.
func TestTrap(t *testing.T) {
	m := compiled(t, engine.Options{}, `(module (func $inner unreachable) (func (export "_start") (call $inner)))`)
	err := engine.Run(t.Context(), m, nil)
	var trap *engine.TrapError
	if !errors.As(err, &trap) || trap.Kind != engine.TrapUnreachable || trap.Message != "" {
		t.Fatalf("got %#v", err)
	}
	if lines := strings.Split(trap.Backtrace, "\n"); len(lines) != 2 || !strings.HasPrefix(lines[0], "inner at 0x") || !strings.HasPrefix(lines[1], "function 1 at 0x") {
		t.Errorf("the backtrace is %q", trap.Backtrace)
	}
}

// TestInChild runs tests above in a process whose threads have less stack than a guest needs, and which asks Rust for backtraces.
func TestInChild(t *testing.T) {
	for _, limit := range []string{"300", "unlimited"} { // glibc: 2 MiB
		child := exec.CommandContext(t.Context(), "sh", "-c", `ulimit -S -s `+limit+` && exec "$0" -test.run '^Test(Stack|Trap|Features|Cancel|Together)$' -test.count 1`, os.Args[0])
		child.Env = append(os.Environ(), "RUST_BACKTRACE=full", "RUST_LIB_BACKTRACE=1", "WASMTIME_BACKTRACE_DETAILS=1")
		if out, err := child.CombinedOutput(); err != nil {
			t.Errorf("with a stack of %s: %v\n%s", limit, err, out)
		}
	}
}

// TestCancel: whenever a context ends, before a guest's first instruction, in it or after it, its run ends, and no other does.
func TestCancel(t *testing.T) {
	m := compiled(t, engine.Options{}, spin)
	spared, release := context.WithCancel(context.WithoutCancel(t.Context()))
	other, err := m.Start(spared, nil)
	if err != nil {
		t.Fatal(err)
	}
	runs := make(chan struct{}, 1000)
	for range cap(runs) {
		runs <- struct{}{}
	}
	close(runs)
	var workers sync.WaitGroup
	for range 32 {
		workers.Go(func() {
			for range runs {
				ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
				inst, err := m.Start(ctx, nil)
				if err != nil {
					t.Error(err)
				} else {
					time.Sleep(time.Duration(rand.Int64N(int64(200 * time.Microsecond))))
					cancel()
					var stopped *engine.StoppedError
					if err := inst.Wait(); !errors.As(err, &stopped) {
						t.Errorf("ended by %v, want an *engine.StoppedError", err)
					}
				}
				cancel()
			}
		})
	}
	workers.Wait()
	ended := make(chan error, 1)
	go func() { ended <- other.Wait() }()
	select {
	case err := <-ended:
		t.Errorf("a guest whose context goes on ended by %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	release()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestTogether: a thousand guests run at once, each with its four gigabytes of address space.
func TestTogether(t *testing.T) {
	const guests = 1000
	m := compiled(t, engine.Options{}, `(module
		(import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
		(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
		(memory (export "memory") 1)
		(data (i32.const 0) "\10\00\00\00\01\00\00\00")
		(func (export "_start")
			(drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
			(call $exit (i32.load8_u (i32.const 16)))))`)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	all := make([]engine.Instance, guests)
	for i := range all {
		if all[i], err = m.Start(t.Context(), &wasi.Config{Stdin: r}); err != nil {
			t.Fatalf("guest %d: %v", i, err)
		}
	}
	for _, inst := range all { // they have all begun
		for late := time.Now().Add(time.Minute); inst.Stats().HostCalls == 0; runtime.Gosched() {
			if time.Now().After(late) {
				t.Fatal("a guest does not begin")
			}
		}
	}
	if _, err := w.WriteString(strings.Repeat("\x07", guests)); err != nil {
		t.Fatal(err)
	}
	for i, inst := range all {
		if err := inst.Wait(); engine.ExitCode(err) != 7 {
			t.Fatalf("guest %d: %v", i, err)
		}
	}
}

// TestCallsAllocateNothing: what a call of the host costs is no garbage.
func TestCallsAllocateNothing(t *testing.T) {
	m, err := opened(t, wasmtime.New, engine.Options{}).Compile(t.Context(), engine.FromBytes(assembled(t, "calls"))) // a hundred thousand
	if err != nil {
		t.Fatal(err)
	}
	perRun := testing.AllocsPerRun(5, func() {
		if err := engine.Run(t.Context(), m, nil); err != nil {
			t.Error(err)
		}
	})
	if perRun > 1000 {
		t.Errorf("a run of 100,000 calls allocates %v times", perRun)
	}
}

// TestVersion: the version in cache keys, for which the C declarations are made, is the one that go.mod requires.
func TestVersion(t *testing.T) {
	required, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	version := opened(t, wasmtime.New, engine.Options{}).Info().Version
	if want := "github.com/bytecodealliance/wasmtime-go/v44 v" + version + "\n"; !strings.Contains(string(required), want) {
		t.Errorf("go.mod does not require %q", want)
	}
}
