//go:build !linux

package vfs

import (
	"os"
	"time"
)

// Where descriptors cannot be waited on together with a channel, files are read and written as any Reader and Writer are.
func newFileInput(f *os.File) (Input, error)   { return newReaderInput(f), nil }
func newFileOutput(f *os.File) (Output, error) { return &writerOutput{w: f}, nil }

type descriptor struct{}

// lookouts are a channel with room for one wake.
type lookouts struct{ c chan struct{} }

func (*lookouts) close() {}

func (s *Stop) wake() {
	select {
	case s.wakes() <- struct{}{}:
	default:
	}
}

func (s *Stop) wakes() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lookouts.c == nil {
		s.lookouts.c = make(chan struct{}, 1)
	}
	return s.lookouts.c
}

func (s *Stop) wait(deadline time.Time, _ []Pollable) error {
	var expired <-chan time.Time
	if !deadline.IsZero() {
		t := time.NewTimer(time.Until(deadline))
		defer t.Stop()
		expired = t.C
	}
	select {
	case <-s.wakes():
		return nil
	case <-expired:
		return nil
	case <-s.done:
		return ErrStopped
	}
}
