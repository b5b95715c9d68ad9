//go:build linux

package main

import (
	"os"
	"path/filepath"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
)

// TestWatched: nothing is made of a guess that somebody would see.
func TestWatched(t *testing.T) {
	for name, spec := range map[string]*specs.Spec{
		"hooks":           {Hooks: &specs.Hooks{}},
		"network devices": {Linux: &specs.Linux{NetDevices: map[string]specs.LinuxNetDevice{"eth0": {}}}},
		"seccomp":         {Linux: &specs.Linux{Seccomp: &specs.LinuxSeccomp{ListenerPath: "/run/agent.sock"}}},
		"crun's seccomp":  {Annotations: map[string]string{"run.oci.seccomp.receiver": "/run/agent.sock"}},
		"crun's pidfd":    {Annotations: map[string]string{"run.oci.pidfd_receiver": "/run/agent.sock"}},
	} {
		if !watched(spec) {
			t.Errorf("%s: it may be made twice", name)
		}
	}
	for name, spec := range map[string]*specs.Spec{
		"nothing": {}, "the usual": {Annotations: map[string]string{"a": "b"}, Linux: &specs.Linux{Seccomp: &specs.LinuxSeccomp{}}},
	} {
		if watched(spec) {
			t.Errorf("%s: it may not be made of a guess", name)
		}
	}
}

// TestUndo: of a container that is not made nothing is left, beside the caller's pid file neither.
func TestUndo(t *testing.T) {
	dir := t.TempDir()
	store, err := state.Open(filepath.Join(dir, "state"), "")
	if err != nil {
		t.Fatal(err)
	}
	lock, err := store.Lock("web")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	c := &container{runtime: &ociRuntime{}, lock: lock, about: &state.Container{
		Record: filepath.Join(dir, "pids", "pid.record"), Code: filepath.Join(dir, "codes", "web"),
	}}
	for _, made := range []string{filepath.Dir(c.about.Record), c.about.Code} {
		if err := os.MkdirAll(made, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(c.about.Record, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.undo(); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{c.about.Record, c.about.Code, lock.Path()} {
		if _, err := os.Lstat(gone); !os.IsNotExist(err) {
			t.Errorf("left: %s, %v", gone, err)
		}
	}
}

// TestCgroupStatsUnknown: the machine's use is not a container's.
func TestCgroupStatsUnknown(t *testing.T) {
	if got := cgroupStats(""); len(got) > 0 {
		t.Errorf("%v", got)
	}
}
