package vfs

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"
)

func TestStop(t *testing.T) {
	t.Run("ended before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s := NewStop(ctx)
		defer s.Close()
		if !s.Ended() || s.Sleep(time.Now()) || s.Sleep(time.Now().Add(time.Hour)) {
			t.Error("goes on")
		}
		if _, err := Poll(s, time.Time{}, []Pollable{input(t, nil)}); err != ErrStopped {
			t.Errorf("Poll: %v", err)
		}
	})
	t.Run("ends", func(t *testing.T) {
		s, begin, late := ending(t)
		begin()
		if s.Sleep(time.Now().Add(time.Hour)) || late() > soon {
			t.Errorf("%v late", late())
		}
	})
	t.Run("never ends", func(t *testing.T) {
		s := NewStop(context.Background())
		defer s.Close()
		if s.Ended() || !s.Sleep(time.Now().Add(time.Millisecond)) {
			t.Error("ended")
		}
	})
	t.Run("past", func(t *testing.T) {
		if s := endless(t); !s.Sleep(time.Time{}) {
			t.Error("stopped")
		}
	})
}

// TestShortSleeps: less than a millisecond is waited for, and not for many times as long.
func TestShortSleeps(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	in := input(t, r)
	for _, c := range []struct {
		name string
		wait func(s *Stop, deadline time.Time) error
	}{
		{"sleep", func(s *Stop, deadline time.Time) error { s.Sleep(deadline); return nil }},
		{"poll", func(s *Stop, deadline time.Time) error { _, err := Poll(s, deadline, []Pollable{in}); return err }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := endless(t)
			best := time.Hour
			for range 50 { // others want the processor too: what can be done counts
				begun := time.Now()
				if err := c.wait(s, begun.Add(200*time.Microsecond)); err != nil {
					t.Fatal(err)
				}
				took := time.Since(begun)
				if took < 200*time.Microsecond {
					t.Fatalf("woke after %v", took)
				}
				best = min(best, took)
			}
			if best > 20*time.Millisecond { // Windows' own clock ticks every 15 ms
				t.Errorf("200 µs take %v", best)
			}
		})
	}
}

func TestPoll(t *testing.T) {
	past := time.Unix(1, 0)
	t.Run("nothing", func(t *testing.T) {
		if got, err := Poll(endless(t), past, nil); err != nil || len(got) != 0 {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("ready at once", func(t *testing.T) {
		got, err := Poll(endless(t), time.Time{}, []Pollable{input(t, nil), output(t, nil), output(t, io.Discard)})
		if err != nil || len(got) != 3 || got[0] == nil || !got[0].Hangup || got[1] == nil || got[2] == nil || got[2].Hangup {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("only what is ready", func(t *testing.T) {
		r, w := io.Pipe()
		defer w.Close()
		got, err := Poll(endless(t), time.Time{}, []Pollable{input(t, r), input(t, anyReader(strings.NewReader("some")))})
		if err != nil || got[0] != nil || got[1] == nil || *got[1] != (Readiness{Bytes: 4}) {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("at its end", func(t *testing.T) {
		for _, r := range []io.Reader{strings.NewReader(""), anyReader(strings.NewReader(""))} {
			got, err := Poll(endless(t), time.Time{}, []Pollable{input(t, r)})
			if err != nil || got[0] == nil || *got[0] != (Readiness{Hangup: true}) {
				t.Errorf("%v, %v", got, err)
			}
		}
	})
	t.Run("deadline", func(t *testing.T) {
		r, w := io.Pipe()
		defer w.Close()
		begun := time.Now()
		got, err := Poll(endless(t), begun.Add(5*time.Millisecond), []Pollable{input(t, r)})
		if err != nil || got[0] != nil || time.Since(begun) < 5*time.Millisecond {
			t.Errorf("%v, %v after %v", got, err, time.Since(begun))
		}
	})
	t.Run("without waiting, again and again", func(t *testing.T) {
		in, s := input(t, anyReader(strings.NewReader("some"))), endless(t)
		for deadline := time.Now().Add(soon); ; {
			got, err := Poll(s, past, []Pollable{in})
			if err != nil || time.Now().After(deadline) {
				t.Fatalf("%v: what nobody waits for never arrives", err)
			}
			if got[0] != nil {
				break
			}
		}
	})
	t.Run("closed", func(t *testing.T) {
		s := NewStop(t.Context())
		s.Close()
		r, w := io.Pipe()
		defer w.Close()
		if _, err := Poll(s, time.Now().Add(time.Millisecond), []Pollable{input(t, r)}); err != nil && err != ErrStopped {
			t.Error(err)
		}
	})
}
