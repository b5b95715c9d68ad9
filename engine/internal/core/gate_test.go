package core

import (
	"sync"
	"testing"
	"time"
)

func TestGate(t *testing.T) {
	var g gate
	for range 2 {
		if !g.enter() {
			t.Fatal("a new gate is closed")
		}
	}
	var closers sync.WaitGroup
	first := make(chan bool, 3)
	for range 3 {
		closers.Go(func() { first <- g.close() })
	}
	g.leave()
	select {
	case <-first:
		t.Fatal("close did not wait for the last inside")
	case <-time.After(20 * time.Millisecond):
	}
	if g.enter() {
		t.Error("a closing gate lets in")
	}
	g.leave()
	closers.Wait()
	close(first)
	firsts := 0
	for f := range first {
		if f {
			firsts++
		}
	}
	if firsts != 1 {
		t.Errorf("%d calls of close were first, want 1", firsts)
	}
}
