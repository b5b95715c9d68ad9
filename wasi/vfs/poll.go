package vfs

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Stop ends a guest's blocking operations when its context ends. It is safe for concurrent use.
type Stop struct {
	done       <-chan struct{}
	ended      atomic.Bool
	unregister func() bool

	mu     sync.Mutex
	waker  waker // wakes a wait on descriptors; made when first needed
	closed bool
}

// NewStop returns a Stop that ends with ctx. Close it when the guest has ended.
func NewStop(ctx context.Context) *Stop {
	s := &Stop{done: ctx.Done()}
	s.ended.Store(ctx.Err() != nil) // AfterFunc takes a moment
	if s.done != nil {
		s.unregister = context.AfterFunc(ctx, func() {
			s.ended.Store(true)
			s.wake()
		})
	}
	return s
}

// Ended tells whether the context has ended. It is cheap.
func (s *Stop) Ended() bool { return s.ended.Load() }

// Done is the context's Done: nil for one that never ends.
func (s *Stop) Done() <-chan struct{} { return s.done }

// Close frees s. Nothing may wait on it any more.
func (s *Stop) Close() {
	if s.unregister != nil {
		s.unregister()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.waker.close()
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
