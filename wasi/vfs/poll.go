package vfs

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Stop ends a guest's blocking operations when its context ends. It is safe for concurrent use.
type Stop struct {
	done       chan struct{} // closed when the context has ended, or by Close
	ended      atomic.Bool   // true before done is closed
	unregister func() bool
	streams    sync.WaitGroup // reads and writes that end when done is closed

	mu       sync.Mutex
	lookouts lookouts // where waits can be woken
	closed   bool
}

// NewStop returns a Stop that ends with ctx. Close it when the guest has ended.
func NewStop(ctx context.Context) *Stop {
	s := &Stop{done: make(chan struct{}), unregister: func() bool { return false }}
	if ctx.Err() != nil { // at once: AfterFunc takes a moment
		s.end()
	} else if ctx.Done() != nil {
		s.unregister = context.AfterFunc(ctx, s.end)
	}
	return s
}

func (s *Stop) end() {
	if !s.ended.Swap(true) {
		close(s.done)
	}
	s.wake()
}

// Ended tells whether the context has ended. It is cheap.
func (s *Stop) Ended() bool { return s.ended.Load() }

// Done is closed when the context has ended, or s was closed. Ended is true by then.
func (s *Stop) Done() <-chan struct{} { return s.done }

// patience is how long Close waits for a stream that takes deadlines to keep to them.
const patience = 50 * time.Millisecond

// Close frees s. Nothing may wait on it any more. A read or write that is still under way is ended where the stream takes
// deadlines, and the stream has none when Close returns; any other may go on until it returns by itself.
func (s *Stop) Close() {
	s.unregister()
	s.end()
	released := make(chan struct{})
	go func() {
		s.streams.Wait()
		close(released)
	}()
	select {
	case <-released:
	case <-time.After(patience):
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.lookouts.close()
}

// Sleep waits until the deadline and reports whether it was reached rather than the end of the context.
func (s *Stop) Sleep(deadline time.Time) bool {
	d := time.Until(deadline)
	if d <= 0 {
		return !s.Ended()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.done:
		return false
	}
}

// Readiness is what is known of a stream that can be read or written without waiting.
type Readiness struct {
	Bytes  uint64 // at least so many can be read; 0 where unknown
	Hangup bool   // the other end is gone, or the input is at its end
}

// pollable is what [Poll] can wait for.
type pollable interface {
	ready() (Readiness, bool)
	descriptor() (descriptor, bool) // to wait on, where the operating system can
	prepare(stop *Stop)             // begins what makes it ready, and wakes stop then
}

// Poll waits until one of streams is ready, which may be each or none of them, or the deadline (zero: none) is reached.
// It returns the readiness of each, nil for one that is not ready, or ErrStopped when stop ends.
func Poll(stop *Stop, deadline time.Time, streams []Pollable) ([]*Readiness, error) {
	out := make([]*Readiness, len(streams))
	for {
		if stop.Ended() {
			return nil, ErrStopped
		}
		any := false
		for i, s := range streams {
			if r, ok := s.ready(); ok {
				out[i], any = &r, true
			}
		}
		if any {
			if stop.Ended() { // which is what may have made a stream ready
				return nil, ErrStopped
			}
			return out, nil
		}
		for _, s := range streams { // after the deadline too: input that nobody begins to read never arrives
			s.prepare(stop)
		}
		if !deadline.IsZero() && !time.Now().Before(deadline) {
			return out, nil
		}
		if err := stop.wait(deadline, streams); err != nil {
			return nil, err
		}
	}
}

// Pollable is an [Input] or an [Output].
type Pollable interface{ pollable }
