//go:build wasmtime && cgo

package wasmtime

import (
	"fmt"
	"runtime"
	"runtime/cgo"
	"sync"
)

// stackSize is what a guest may use of its thread's stack, and threadStack what such a thread has: calls of the host, and what
// Wasmtime does for the guest, come on top.
const (
	stackSize   = 8 << 20
	threadStack = stackSize + 2<<20
)

// threads lend guests threads with a large stack. Those that Go makes have as much as the process's limit says, of which a guest
// that recurses deeply would find the end before Wasmtime does.
type threads struct {
	mu   sync.Mutex
	idle []*thread
	all  sync.WaitGroup
}

// thread is a goroutine that has a thread of its own, with a stack of threadStack bytes.
type thread struct {
	jobs chan func()
	done chan any // a job's panic, or nil
}

// do runs f on one of the threads and returns when f has.
func (ts *threads) do(f func()) error {
	t, err := ts.take()
	if err != nil {
		return err
	}
	t.jobs <- f
	panicked := <-t.done
	ts.mu.Lock()
	if keep := len(ts.idle) < runtime.GOMAXPROCS(0); keep {
		ts.idle = append(ts.idle, t)
	} else {
		close(t.jobs)
	}
	ts.mu.Unlock()
	if panicked != nil {
		panic(panicked)
	}
	return nil
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
	if err := startThread(threadStack, handle); err != nil {
		handle.Delete()
		ts.all.Done()
		return nil, fmt.Errorf("a thread for the guest: %w", err)
	}
	return t, nil
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

// close ends the threads; no job is under way.
func (ts *threads) close() {
	ts.mu.Lock()
	for _, t := range ts.idle {
		close(t.jobs)
	}
	ts.idle = nil
	ts.mu.Unlock()
	ts.all.Wait()
}
