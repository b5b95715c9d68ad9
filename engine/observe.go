package engine

import (
	"sync"
	"time"
)

// Phase is a step of compiling and running.
type Phase string

const (
	PhaseLock        Phase = "lock"        // waiting for another process, or another engine of this one, that compiles the same module
	PhaseCompile     Phase = "compile"     // making native code
	PhaseLoad        Phase = "load"        // reading native code from the cache
	PhaseInstantiate Phase = "instantiate" // opening mounts, making memory
	PhaseGuest       Phase = "guest"       // the guest runs
	PhaseEnd         Phase = "end"         // the guest has ended
)

// Event tells that a phase has begun, and in compile, load and lock each second that it goes on.
type Event struct {
	Phase       Phase
	Module      string        // name of the Source, may be ""
	Size        int64         // of the module in bytes
	Elapsed     time.Duration // since the phase began; at PhaseEnd since the instance was started
	Done, Total int64         // how far the phase is, in a unit of the engine's own; 0 where the engine does not tell
}

// Observer calls an [Options.Observe] serially, for adapters. A nil Observer observes nothing.
type Observer struct {
	mu sync.Mutex
	fn func(Event)
}

// NewObserver returns an Observer of fn, or nil for nil.
func NewObserver(fn func(Event)) *Observer {
	if fn == nil {
		return nil
	}
	return &Observer{fn: fn}
}

// Send reports one event.
func (o *Observer) Send(e Event) {
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fn(e)
}

// Track reports that e's phase begins, and again each second with its Elapsed until the returned function is called, which
// returns when the last report has been made.
func (o *Observer) Track(e Event) (end func()) {
	if o == nil {
		return func() {}
	}
	o.Send(e)
	begun, stop, stopped := time.Now(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				e.Elapsed = time.Since(begun)
				o.Send(e)
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
	}
}
