//go:build !linux

package vfs

import (
	"os"
	"time"
)

// Where descriptors cannot be waited on together with a waker, files are read and written as any Reader and Writer are.
func newFileInput(f *os.File) (Input, error)   { return newReaderInput(f), nil }
func newFileOutput(f *os.File) (Output, error) { return &writerOutput{w: f}, nil }

type descriptor struct{}

// waker is a channel with room for one wake.
type waker struct{ c chan struct{} }

func (*waker) close() {}

func (s *Stop) wake() {
	select {
	case s.wakerChan() <- struct{}{}:
	default:
	}
}

func (s *Stop) wakerChan() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waker.c == nil {
		s.waker.c = make(chan struct{}, 1)
	}
	return s.waker.c
}

func (s *Stop) wait(deadline time.Time, _ []Pollable) error {
	var expired <-chan time.Time
	if !deadline.IsZero() {
		t := time.NewTimer(time.Until(deadline))
		defer t.Stop()
		expired = t.C
	}
	select {
	case <-s.wakerChan():
		return nil
	case <-expired:
		return nil
	case <-s.done:
		return ErrStopped
	}
}
