// Package gate is how engines and modules are closed while others use them: nobody comes in any more, and who is inside is
// waited for.
package gate

import "sync"

// Gate lets users in until it is closed, and its closers wait until the last has left. The zero Gate is open. Its methods may
// be called concurrently.
type Gate struct {
	mu     sync.Mutex
	inside int
	closed bool
	empty  chan struct{} // closed when closed and nobody is inside
}

// Enter reports whether the gate is open; then Leave must follow.
func (g *Gate) Enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.inside++
	return true
}

// Leave is for who has entered, once.
func (g *Gate) Leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside--; g.inside == 0 && g.closed {
		close(g.empty)
	}
}

// Close lets nobody in any more and waits until all have left. It is true for the one call that closed it.
func (g *Gate) Close() (first bool) {
	g.mu.Lock()
	if first = !g.closed; first {
		g.closed, g.empty = true, make(chan struct{})
		if g.inside == 0 {
			close(g.empty)
		}
	}
	empty := g.empty
	g.mu.Unlock()
	<-empty
	return first
}
