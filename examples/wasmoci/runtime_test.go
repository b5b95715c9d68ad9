//go:build linux

package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
)

// TestRunnersOf: a program that stands in the place of another one, without runners beside it, has those that were installed.
func TestRunnersOf(t *testing.T) {
	dir := t.TempDir()
	self, beside := filepath.Join(dir, "usr/sbin/runc"), filepath.Join(dir, "usr/libexec/wasmoci")
	local := filepath.Join(dir, "usr/local/libexec/wasmoci")
	elsewhere := []string{filepath.Join(dir, "none"), local}
	if got := runnersOf(self, elsewhere); got != beside {
		t.Errorf("none: %s", got)
	}
	for _, d := range []string{local, beside} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
		if got := runnersOf(self, elsewhere); got != d {
			t.Errorf("%s, want %s", got, d)
		}
	}
}

// TestDelegateOfAnother: what is about a container that another delegate has made than the one that is configured now does not wait for that
// one, which may be on a file system that does not answer.
func TestDelegateOfAnother(t *testing.T) {
	dir := t.TempDir()
	silent, fifo := filepath.Join(dir, "silent"), filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(silent, []byte("#!/bin/sh\nread -r _ <"+fifo+"\n"), 0o755); err != nil { // whether it is this program it is asked itself
		t.Fatal(err)
	}
	r := &ociRuntime{delegate: silent}
	if err := r.seek(); err != nil {
		t.Fatal(err)
	}
	c := &state.Container{Delegate: "/bin/sh"}
	got := make(chan string, 1)
	go func() {
		d, err := r.delegateOf(c)
		if err != nil {
			t.Error(err)
		}
		got <- d.Path
	}()
	var path string
	waits := false
	select {
	case path = <-got:
	case <-time.After(10 * time.Second):
		waits = true
	}
	answer, err := os.OpenFile(fifo, os.O_WRONLY, 0) // when it is asked
	if err != nil {
		t.Fatal(err)
	}
	answer.Close()
	if waits {
		<-got
		t.Fatal("it waits for the other one")
	}
	if path != c.Delegate {
		t.Errorf("got %s, want %s", path, c.Delegate)
	}
	if s := <-r.sought; s.err != nil || s.delegate.Path != silent {
		t.Errorf("found %v, %v", s.delegate, s.err)
	}
}
