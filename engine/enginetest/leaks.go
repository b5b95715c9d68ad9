package enginetest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

var leakCases = []Case{
	{
		Name:   "Leak/Runs",
		Why:    "two hundred runs that return, exit, trap or fail to start leave no goroutine and no descriptor behind",
		config: oneMount,
		files:  files{"m/a": "x"},
		guest:  gopher,
		drive: func(t *trial) {
			missing := &wasi.Config{Mounts: []wasi.Mount{t.cfg.Mounts[0], {Guest: "/n", Host: t.path("missing")}}}
			ways := []func(){
				func() {
					t.cfg.Args = []string{gopher, "open 3 a", "open 3 . dir", "exit 3"} // with descriptors open
					t.cfg.Stdin = brokenReader{}
					t.same(engine.Run(t.endless(), t.module(gopher), t.cfg), &engine.ExitError{Code: 3})
				},
				func() { t.same(engine.Run(t.endless(), t.module("hello"), t.cfg), nil) },
				func() {
					cfg := &wasi.Config{Args: []string{"trap", "u"}, Mounts: t.cfg.Mounts}
					t.same(engine.Run(t.endless(), t.module("trap"), cfg), engine.TrapUnreachable)
				},
				func() {
					if _, err := t.module("hello").Start(t.endless(), missing); !errors.Is(err, fs.ErrNotExist) {
						t.Errorf("start: %v", err)
					}
				},
				func() {
					if _, err := t.module("import_name").Start(t.endless(), t.cfg); err == nil {
						t.Error("a guest with a missing import starts")
					}
				},
			}
			t.steady(40, ways...)
		},
	},
	{
		Name:   "Leak/Interrupted",
		Why:    "runs that are interrupted, in a loop, a sleep or a read, leave no goroutine and no descriptor behind",
		config: oneMount,
		files:  files{"m/a": "x"},
		guest:  gopher,
		ends:   true,
		drive: func(t *trial) {
			r, _ := pipe(t)
			run := func(name string, args ...string) func() {
				return func() {
					ctx, cancel := context.WithCancelCause(t.endless())
					errs := newSink()
					inst, err := t.module(name).Start(ctx, &wasi.Config{Args: args, Stdin: r, Stderr: errs, Mounts: t.cfg.Mounts})
					if err != nil {
						t.Fatalf("start: %v", err)
					}
					errs.await(t, "ready")
					cancel(engine.Signal(15))
					t.stopped(ctx, t.wait(inst), 143)
				}
			}
			t.steady(10,
				run("spin"),
				run(gopher, gopher, "print 2 ready", "poll 60000"),
				run(gopher, gopher, "print 2 ready", "read 0 1"),
				run(gopher, gopher, "open 3 a", "print 2 ready", "poll 60000 0"),
			)
		},
	},
	{
		Name: "Leak/Engines",
		Why:  "engines and modules that were opened, compiled and closed, or failed to, leave no goroutine and no descriptor behind",
		drive: func(t *trial) {
			t.steady(10, func() {
				eng, err := t.open(t.endless(), engine.Options{})
				if err != nil {
					t.Fatalf("open: %v", err)
				}
				m := t.compile(eng, "hello")
				t.same(engine.Run(t.endless(), m, t.cfg), nil)
				if _, err := eng.Compile(t.endless(), engine.FromBytes([]byte("\x00asm\x01\x00\x00\x00\xff"))); err == nil {
					t.Error("an invalid module compiles")
				}
				t.same(eng.Close(), nil)
			})
		},
	},
}

// steady runs each of ways so many times and checks that goroutines and descriptors are as many as before,
// and that memory of theirs is not left mapped.
func (t *trial) steady(times int, ways ...func()) {
	t.Helper()
	for _, way := range ways { // what is made once and kept
		way()
		way()
	}
	goroutines, descriptors, space := runtime.NumGoroutine(), openDescriptors(t), addressSpace(t)
	for range times {
		for _, way := range ways {
			way()
		}
	}
	for late := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		g, d := runtime.NumGoroutine(), openDescriptors(t)
		if g <= goroutines && d <= descriptors {
			break
		}
		if time.Now().After(late) {
			stacks := make([]byte, 64<<10)
			t.Errorf("%d goroutines and %d descriptors were %d and %d before the runs\n%s",
				g, d, goroutines, descriptors, stacks[:runtime.Stack(stacks, true)])
			break
		}
	}
	if grown := addressSpace(t) - space; grown > 1<<30 {
		t.Errorf("the process has %d MiB more of address space than before the runs", grown>>20)
	}
}

// addressSpace is the size of this process's address space in bytes, or 0 where the system does not say. Memory that an
// engine maps for its guests is in it and not in the heap.
func addressSpace(t *trial) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages := 0
	if _, err := fmt.Sscan(string(b), &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// openDescriptors counts the descriptors of this process, or returns 0 where the system does not list them.
func openDescriptors(t *trial) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}
