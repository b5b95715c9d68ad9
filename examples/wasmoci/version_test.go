package main

import "testing"

func TestVersion(t *testing.T) {
	if version() == "" {
		t.Error("a program that is not stamped has no version")
	}
	stamp = "v1.2.3"
	t.Cleanup(func() { stamp = "" })
	if got := version(); got != stamp {
		t.Errorf("version %q, want the stamp %q", got, stamp)
	}
}
