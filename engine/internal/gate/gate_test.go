package gate

import (
	"sync"
	"testing"
	"time"
)

func TestGate(t *testing.T) {
	var g Gate
	for range 2 {
		if !g.Enter() {
			t.Fatal("a new gate is closed")
		}
	}
	var closers sync.WaitGroup
	first := make(chan bool, 3)
	for range 3 {
		closers.Go(func() { first <- g.Close() })
	}
	g.Leave()
	select {
	case <-first:
		t.Fatal("Close did not wait for the last inside")
	case <-time.After(20 * time.Millisecond):
	}
	if g.Enter() {
		t.Error("a closing gate lets in")
	}
	g.Leave()
	closers.Wait()
	close(first)
	firsts := 0
	for f := range first {
		if f {
			firsts++
		}
	}
	if firsts != 1 {
		t.Errorf("%d calls of Close were first, want 1", firsts)
	}
}
