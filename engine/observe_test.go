package engine

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestObserverNil(t *testing.T) {
	o := NewObserver(nil)
	if o != nil {
		t.Fatalf("an observer of nothing is %v", o)
	}
	o.Send(Event{})
	o.Track(Event{})()
}

func TestObserverSerial(t *testing.T) {
	busy, seen := false, 0 // not guarded: the race detector tells
	o := NewObserver(func(Event) {
		if busy {
			t.Error("called by two goroutines at once")
		}
		busy = true
		time.Sleep(time.Microsecond)
		seen++
		busy = false
	})
	done := make(chan struct{})
	for range 4 {
		go func() {
			for range 100 {
				o.Send(Event{})
			}
			done <- struct{}{}
		}()
	}
	for range 4 {
		<-done
	}
	if seen != 400 {
		t.Errorf("saw %d events, want 400", seen)
	}
}

func TestObserverTrack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // whose seconds pass at once
		var events []Event
		o := NewObserver(func(e Event) { events = append(events, e) })
		begins := Event{Phase: PhaseCompile, Module: "m", Size: 5}
		end := o.Track(begins)
		time.Sleep(2500 * time.Millisecond)
		end()
		time.Sleep(5 * time.Second)
		first, second := begins, begins
		first.Elapsed, second.Elapsed = time.Second, 2*time.Second
		if want := []Event{begins, first, second}; !slices.Equal(events, want) {
			t.Errorf("the events are %+v, want %+v", events, want)
		}
	})
}
