//go:build linux

package subprocess

import "sync"

// gate lets users in until it is closed, and its closers wait until the last has left.
type gate struct {
	mu     sync.Mutex
	closed bool
	users  sync.WaitGroup
}

// enter reports whether the gate is open; then leave must follow.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.users.Add(1)
	return true
}

func (g *gate) leave() { g.users.Done() }

func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.users.Wait()
}
