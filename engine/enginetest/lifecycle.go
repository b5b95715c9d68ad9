package enginetest

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
)

var lifecycleCases = []Case{
	{
		Name: "Close/Twice",
		Why:  "Close of an engine and of a module may be called again, in any order, and says nothing",
		drive: func(t *trial) {
			eng := t.fresh(engine.Options{})
			m := t.compile(eng, "hello")
			t.same(m.Close(), nil)
			t.same(m.Close(), nil)
			t.same(eng.Close(), nil)
			t.same(eng.Close(), nil)
			t.same(m.Close(), nil)
		},
	},
	{
		Name: "Close/UseAfter",
		Why:  "what was closed answers ErrClosed; what it says of itself it still says",
		drive: func(t *trial) {
			eng := t.fresh(engine.Options{})
			closed, left := t.compile(eng, "hello"), t.compile(eng, "exit")
			t.same(closed.Close(), nil)
			if _, err := closed.Start(t.endless(), t.cfg); !errors.Is(err, engine.ErrClosed) {
				t.Errorf("start of a closed module: got %v, want %v", err, engine.ErrClosed)
			}
			t.same(eng.Close(), nil)
			if _, err := left.Start(t.endless(), t.cfg); !errors.Is(err, engine.ErrClosed) {
				t.Errorf("start of a module of a closed engine: got %v, want %v", err, engine.ErrClosed)
			}
			if _, err := eng.Compile(t.endless(), t.source("hello")); !errors.Is(err, engine.ErrClosed) {
				t.Errorf("compile on a closed engine: got %v, want %v", err, engine.ErrClosed)
			}
			if left.Info().World != engine.WorldCommand || eng.Info().Name != t.eng.Info().Name {
				t.Error("Info has changed with Close")
			}
			t.silent()
		},
	},
	{
		Name: "Close/OneOfTwo",
		Why:  "a module that is closed takes no other with it, not even one compiled from the same bytes",
		drive: func(t *trial) {
			eng := t.fresh(engine.Options{})
			first, second := t.compile(eng, "hello"), t.compile(eng, "hello")
			t.same(engine.Run(t.endless(), first, t.cfg), nil)
			t.same(first.Close(), nil)
			t.same(engine.Run(t.endless(), second, t.cfg), nil)
			third := t.compile(eng, "hello")
			t.same(engine.Run(t.endless(), third, t.cfg), nil)
			t.same(second.Close(), nil)
			t.same(engine.Run(t.endless(), third, t.cfg), nil)
		},
	},
	{
		Name: "Close/TwoEngines",
		Why:  "two engines in one process have nothing to do with each other",
		drive: func(t *trial) {
			a, b := t.fresh(engine.Options{}), t.fresh(engine.Options{})
			m := t.compile(b, "hello")
			t.same(engine.Run(t.endless(), t.compile(a, "hello"), t.cfg), nil)
			t.same(a.Close(), nil)
			t.same(engine.Run(t.endless(), m, t.cfg), nil)
		},
	},
	{
		Name:  "Close/EngineWaits",
		Why:   "Close of an engine refuses new work, waits for the guests that run, and lets them end in peace",
		guest: "wait",
		drive: func(t *trial) { closeWaits(t, func(eng engine.Engine, _ engine.Module) error { return eng.Close() }) },
	},
	{
		Name:  "Close/ModuleWaits",
		Why:   "Close of a module refuses new work, waits for its guests, and lets them end in peace",
		guest: "wait",
		drive: func(t *trial) { closeWaits(t, func(_ engine.Engine, m engine.Module) error { return m.Close() }) },
	},
	{
		Name: "Close/Concurrent",
		Why:  "Close, Start and Compile at the same time each succeed or answer ErrClosed, and a guest that was started runs to its end",
		drive: func(t *trial) {
			for range 10 {
				eng := t.fresh(engine.Options{})
				m, src := t.compile(eng, "exit"), t.source("hello")
				var all sync.WaitGroup
				for i := range 8 {
					all.Go(func() {
						inst, err := m.Start(t.endless(), &wasi.Config{Args: []string{"exit", "7"}})
						if err == nil {
							t.same(inst.Wait(), &engine.ExitError{Code: 7})
						} else if !errors.Is(err, engine.ErrClosed) {
							t.Errorf("start: %v", err)
						}
					})
					all.Go(func() {
						if _, err := eng.Compile(t.endless(), src); err != nil && !errors.Is(err, engine.ErrClosed) {
							t.Errorf("compile: %v", err)
						}
					})
					all.Go(func() {
						if i%2 == 0 {
							t.same(m.Close(), nil)
						} else {
							t.same(eng.Close(), nil)
						}
					})
				}
				all.Wait()
			}
		},
	},
	{
		Name:   "Wait/Often",
		Why:    "Wait may be called often, late and concurrently, and always returns the same",
		script: "poll 20\nexit 5",
		drive: func(t *trial) {
			inst := t.start(t.endless())
			var all sync.WaitGroup
			results := make([]error, 16)
			for i := range results {
				all.Go(func() { results[i] = inst.Wait() })
			}
			all.Wait()
			for _, err := range append(results, inst.Wait()) {
				if err != results[0] { //nolint:errorlint // the very same
					t.Errorf("Wait returned %v and %v", results[0], err)
				}
			}
			t.same(results[0], &engine.ExitError{Code: 5})
		},
	},
	{
		Name:   "Wait/NotNeeded",
		Why:    "a guest runs and its resources are released without Wait",
		script: "print 1 done",
		drive: func(t *trial) {
			t.start(t.endless())
			t.stdout.await(t, "done")
		},
	},
	{
		Name:   "Wait/StartReturns",
		Why:    "Start does not wait for the guest",
		script: "print 2 ready\nread 0 1 => \"x\"",
		drive: func(t *trial) {
			r, w := pipe(t)
			t.cfg.Stdin = r
			inst := t.start(t.endless()) // would not return, or only with an error
			if s := inst.Stats(); s.Elapsed < 0 {
				t.Errorf("while the guest runs Elapsed is %v", s.Elapsed)
			}
			if _, err := w.WriteString("x"); err != nil {
				t.Fatal(err)
			}
			t.same(t.wait(inst), nil)
		},
	},
}

// closeWaits checks a Close that is called while a guest waits for input.
func closeWaits(t *trial, closeOne func(engine.Engine, engine.Module) error) {
	eng := t.fresh(engine.Options{})
	m := t.compile(eng, t.c.guest)
	r, w := pipe(t)
	t.cfg.Stdin = r
	inst, err := m.Start(t.endless(), t.cfg)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.stderr.await(t, "ready")
	closed := make(chan error, 1)
	go func() { closed <- closeOne(eng, m) }()
	late := time.After(patience)
	for { // until the Close has begun
		again, err := m.Start(t.endless(), &wasi.Config{Stdin: strings.NewReader("x")})
		if errors.Is(err, engine.ErrClosed) {
			break
		}
		if err != nil {
			t.Fatalf("start: %v", err)
		}
		t.same(t.wait(again), nil)
		select {
		case <-late:
			t.Fatal("a module takes new work although it is being closed")
		default:
		}
	}
	select {
	case err := <-closed:
		t.Errorf("Close returned %v before the guest had ended", err)
	case <-time.After(30 * time.Millisecond):
	}
	if _, err := w.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	t.same(t.wait(inst), nil)
	if got := t.stdout.String(); got != "x" {
		t.Errorf("the guest wrote %q, want %q", got, "x")
	}
	select {
	case err := <-closed:
		t.same(err, nil)
	case <-late:
		t.Fatalf("Close has not returned within %v of the guest's end", patience)
	}
}
