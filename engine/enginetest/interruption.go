package enginetest

import (
	"context"
	"errors"
	"time"

	"github.com/wasmoci/wasmoci/engine"
)

var interruptCases = []Case{
	{
		Name:  "Interrupt/Loop",
		Why:   "a guest in a tight loop ends within a second of its context",
		guest: "spin",
		ends:  true,
		drive: interrupt,
	},
	{
		Name:  "Interrupt/CallingLoop",
		Why:   "a guest that calls its host in a loop ends within a second of its context",
		guest: "spin_calling",
		ends:  true,
		drive: interrupt,
	},
	{
		Name:  "Interrupt/Recursion",
		Why:   "a guest that computes by calls alone, without a loop, ends within a second of its context",
		guest: "recursion",
		ends:  true,
		drive: interrupt,
	},
	{
		Name:   "Interrupt/Sleep",
		Why:    "a guest that sleeps ends within a second of its context",
		script: "print 2 \"ready\\n\"\npoll 60000",
		ends:   true,
		drive:  interrupt,
	},
	{
		Name:   "Interrupt/LibrarySleep",
		Why:    "a guest that sleeps in its language's library ends within a second of its context",
		script: "print 2 \"ready\\n\"\nos.sleep 60000",
		ends:   true,
		drive:  interrupt,
	},
	{
		Name:    "Interrupt/ReadPipe",
		Why:     "a guest that reads an empty pipe ends within a second of its context",
		script:  "print 2 \"ready\\n\"\nread 0 10",
		ends:    true,
		prepare: func(t *trial) { t.cfg.Stdin, _ = pipe(t) },
		drive:   interrupt,
	},
	{
		Name:   "Interrupt/ReadBlockingPipe",
		Why:    "a guest that reads an empty pipe in blocking mode, which has no deadlines, ends within a second of its context",
		script: "print 2 \"ready\\n\"\nread 0 10",
		ends:   true,
		prepare: func(t *trial) {
			r, _ := pipe(t)
			r.Fd() // puts it in blocking mode
			t.cfg.Stdin = r
		},
		drive: interrupt,
	},
	{
		Name:    "Interrupt/ReadReader",
		Why:     "a guest that reads a Reader which never returns ends within a second of its context",
		script:  "print 2 \"ready\\n\"\nread 0 10",
		ends:    true,
		prepare: func(t *trial) { t.cfg.Stdin = newStuckReader(t) },
		drive:   interrupt,
	},
	{
		Name:    "Interrupt/PollPipe",
		Why:     "a guest that polls an empty pipe and a far clock ends within a second of its context",
		script:  "print 2 \"ready\\n\"\npoll 60000 0",
		ends:    true,
		prepare: func(t *trial) { t.cfg.Stdin, _ = pipe(t) },
		drive:   interrupt,
	},
	{
		Name:    "Interrupt/WritePipe",
		Why:     "a guest that writes to a full pipe which nobody reads ends within a second of its context",
		script:  "print 2 \"ready\\n\"\ncount 1 1048576",
		ends:    true,
		prepare: func(t *trial) { _, t.cfg.Stdout = pipe(t) },
		drive:   interrupt,
	},
	{
		Name:   "Interrupt/WriteBlockingPipe",
		Why:    "a guest that writes to a full pipe in blocking mode, as inherited ones are, ends within a second of its context",
		script: "print 2 \"ready\\n\"\ncount 1 1048576",
		ends:   true,
		prepare: func(t *trial) {
			_, w := pipe(t)
			w.Fd() // puts it in blocking mode
			t.cfg.Stdout = w
		},
		drive: interrupt,
	},
	{
		Name:  "Interrupt/StartSection",
		Why:   "Start does not wait for the start section, and a guest in a loop there ends within a second of its context",
		guest: "spin_in_start",
		ends:  true,
		drive: func(t *trial) {
			ctx, cancel := context.WithCancelCause(t.endless())
			defer cancel(nil)
			begun := time.Now()
			late := time.AfterFunc(release, func() { cancel(engine.Signal(9)) })
			inst := t.start(ctx)
			if !late.Stop() {
				t.Fatalf("Start returned after %v", time.Since(begun))
			}
			cancel(engine.Signal(15))
			t.released(ctx, inst, 143)
			t.hello()
		},
	},
	{
		Name:  "Interrupt/Deadline",
		Why:   "a deadline ends the guest, with status 137 and context.DeadlineExceeded in the error",
		guest: "spin",
		ends:  true,
		drive: func(t *trial) {
			m := t.module("spin")
			for within := 50 * time.Millisecond; ; within *= 4 { // starting takes some of it, and on a busy machine all
				ctx, cancel := context.WithTimeout(t.endless(), within)
				defer cancel()
				inst, err := m.Start(ctx, t.cfg)
				if errors.Is(err, context.DeadlineExceeded) && within < patience {
					continue
				}
				if err != nil {
					t.Fatalf("start: %v", err)
				}
				<-ctx.Done()
				if err := t.released(ctx, inst, 137); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v is not context.DeadlineExceeded", err)
				}
				return
			}
		},
	},
	{
		Name:  "Interrupt/Cancel",
		Why:   "a context that is cancelled without a cause ends the guest with status 137",
		guest: "spin",
		ends:  true,
		drive: func(t *trial) {
			ctx, cancel := context.WithCancel(t.endless())
			inst := t.start(ctx)
			t.stderr.await(t, "ready")
			cancel()
			t.released(ctx, inst, 137)
		},
	},
	{
		Name: "Interrupt/BeforeStart",
		Why:  "with a context that has ended already nothing is started",
		ends: true,
		drive: func(t *trial) {
			ctx, cancel := context.WithCancelCause(t.endless())
			cancel(engine.Signal(2))
			_, err := t.module("hello").Start(ctx, t.cfg)
			t.stopped(ctx, err, 130)
			t.silent()
		},
	},
	{
		Name:   "Interrupt/AfterEnd",
		Why:    "a context that ends after the guest has changes nothing: the run ended as it did",
		script: "exit 3",
		ends:   true,
		drive: func(t *trial) {
			ctx, cancel := context.WithCancel(t.endless())
			defer cancel()
			inst := t.start(ctx)
			t.same(t.wait(inst), &engine.ExitError{Code: 3})
			cancel()
			t.same(t.wait(inst), &engine.ExitError{Code: 3})
		},
	},
	{
		Name:  "Interrupt/OnlyOne",
		Why:   "a context ends its own guest and no other of the same module",
		guest: "spin",
		ends:  true,
		drive: func(t *trial) {
			one, cancelOne := context.WithCancelCause(t.endless())
			other, cancelOther := context.WithCancelCause(t.endless())
			defer cancelOther(nil)
			first, second := t.start(one), t.start(other)
			cancelOne(engine.Signal(15))
			t.released(one, first, 143)
			if err, ended := waitFor(second, 20*time.Millisecond); ended {
				t.Errorf("the other guest ended, too: %v", err)
			}
			cancelOther(engine.Signal(15))
			t.released(other, second, 143)
		},
	},
	{
		Name:    "Interrupt/Uninterruptible",
		Why:     "an engine opened Uninterruptible runs guests whose context never ends, and refuses any other",
		also:    []engine.Capability{engine.Unchecked},
		options: &engine.Options{Uninterruptible: true},
		drive: func(t *trial) {
			m := t.compile(t.fresh(*t.c.options), t.c.guest)
			t.same(engine.Run(t.endless(), m, t.cfg), nil)
			if got := t.stdout.String(); got != helloLine {
				t.Errorf("the guest wrote %q", got)
			}
			ctx, cancel := context.WithCancel(t.endless())
			defer cancel()
			_, err := m.Start(ctx, t.cfg)
			var unsupported *engine.UnsupportedError
			if !errors.As(err, &unsupported) || unsupported.Missing.String() != string(engine.Interrupt) {
				t.Errorf("got %v, want an *engine.UnsupportedError that says %q is missing", err, engine.Interrupt)
			}
		},
	},
}

// interrupt runs the case's guest until it says that it is ready, ends its context, and does that again: the first time
// has left nothing in the way of the second.
func interrupt(t *trial) {
	for range 2 {
		ctx, cancel := context.WithCancelCause(t.endless())
		t.stderr = newSink()
		t.cfg.Stderr = t.stderr
		inst := t.start(ctx)
		t.stderr.await(t, "ready\n")
		time.Sleep(20 * time.Millisecond) // it may now be where it blocks; the rule holds anywhere
		cancel(engine.Signal(15))
		t.released(ctx, inst, 143)
	}
	t.hello()
}

// released checks that the instance, whose context has just ended, ends in time and as the context says.
func (t *trial) released(ctx context.Context, inst engine.Instance, status int) error {
	t.Helper()
	begun := time.Now()
	err := t.wait(inst)
	if took := time.Since(begun); took > release {
		t.Errorf("the guest ended %v after its context, want at most %v", took, release)
	}
	t.stopped(ctx, err, status)
	return err
}

// stopped checks that err is the end of a context.
func (t *trial) stopped(ctx context.Context, err error, status int) {
	t.Helper()
	var stopped *engine.StoppedError
	if !errors.As(err, &stopped) {
		t.Fatalf("got %v (%T), want an *engine.StoppedError", err, err)
	}
	if !errors.Is(err, ctx.Err()) || !errors.Is(err, context.Cause(ctx)) {
		t.Errorf("%v is not the context's error, %v, or not its cause, %v", err, ctx.Err(), context.Cause(ctx))
	}
	if got := engine.ExitCode(err); got != status {
		t.Errorf("exit status %d, want %d", got, status)
	}
}
