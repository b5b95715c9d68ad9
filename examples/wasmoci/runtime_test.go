//go:build linux

package main

import (
	"os"
	"path/filepath"
	"testing"
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
