//go:build linux

package main

import "testing"

// TestHasten: what hastens moves between cgroups moves nothing itself.
func TestHasten(t *testing.T) {
	before := readString("/proc/self/cgroup")
	hasten()
	if after := readString("/proc/self/cgroup"); before == "" || after != before {
		t.Errorf("this process was in\n%s and is in\n%s", before, after)
	}
}
