//go:build wasmtime && cgo

package wasmtime

import (
	"fmt"
	"runtime"
	"runtime/cgo"
	"sync"
)

// stackSize is what a guest may use of its thread's stack. With headroom, for calls of the host and what Wasmtime does for the
// guest, it is the 8 MiB that threads have as a rule.
const (
	stackSize = 8<<20 - headroom
	headroom  = 512 << 10
)

// threads are those with stack enough for a guest, which would else find the end of the stack before Wasmtime does.
type threads struct {
	mu   sync.Mutex
	idle []*thread
	all  sync.WaitGroup
}

// thread is a goroutine that has a thread of its own.
type thread struct {
	jobs chan func()
	done chan any // a job's panic, or nil
}

// do runs f on a thread with enough stack, and returns when f has: as a rule on the calling thread. Where threads have less, because
// of the process's limit (RLIMIT_STACK) or the C library, it has some of its own.
func (ts *threads) do(f func()) error {
	if here(f) {
		return nil
	}
	t, err := ts.take()
	if err != nil {
		return err
	}
	t.jobs <- f
	panicked := <-t.done
	ts.leave(t)
	if panicked != nil {
		panic(panicked)
	}
	return nil
}

// here runs f on the calling thread, if that has stack enough.
func here(f func()) bool {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	enough := stackRoom() >= stackSize+headroom/2
	if enough {
		f()
	}
	return enough
}

func (ts *threads) take() (*thread, error) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if n := len(ts.idle); n > 0 {
		t := ts.idle[n-1]
		ts.idle = ts.idle[:n-1]
		return t, nil
	}
	t := &thread{jobs: make(chan func()), done: make(chan any)}
	ts.all.Add(1)
	handle := cgo.NewHandle(func() {
		defer ts.all.Done()
		t.serve()
	})
	if err := startThread(stackSize+headroom, handle); err != nil {
		handle.Delete()
		ts.all.Done()
		return nil, fmt.Errorf("a thread for the guest: %w", err)
	}
	return t, nil
}

// leave puts t among those that wait for a guest, or ends it where there are enough.
func (ts *threads) leave(t *thread) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if len(ts.idle) >= runtime.GOMAXPROCS(0) {
		close(t.jobs)
		return
	}
	ts.idle = append(ts.idle, t)
}

// serve runs jobs on the thread, from its first function to its last.
func (t *thread) serve() {
	for f := range t.jobs {
		t.done <- recovered(f)
	}
}

func recovered(f func()) (panicked any) {
	defer func() { panicked = recover() }()
	f()
	return nil
}

// close ends the threads, of which none has a guest.
func (ts *threads) close() {
	ts.mu.Lock()
	for _, t := range ts.idle {
		close(t.jobs)
	}
	ts.idle = nil
	ts.mu.Unlock()
	ts.all.Wait()
}
