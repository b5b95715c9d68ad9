//go:build linux

package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/delegate"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/operator"
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

// TestKeeps: what cannot be removed of a container that was cut off is not forgotten: the next command finds it.
func TestKeeps(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"runner-any": "", "delegate": "#!/bin/sh\n[ $1 = state ]\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	own := filepath.Join(dir, "delegate")
	r := &ociRuntime{found: &delegate.Delegate{Path: own}, settings: &operator.Settings{Config: operator.Config{
		Runners: dir, State: filepath.Join(dir, "state"), Cache: filepath.Join(dir, "cache"), CacheLimit: 1,
	}}}
	t.Setenv("_LIBCONTAINER_STATEDIR", "") // derive sets it
	store, err := r.store()
	if err != nil {
		t.Fatal(err)
	}
	lock, err := store.Lock("web")
	if err != nil {
		t.Fatal(err)
	}
	made := &container{runtime: r, lock: lock, about: &state.Container{Delegate: own}}
	if err := lock.Save(made.about); err != nil {
		t.Fatal(err)
	}
	cause := errors.New("cut off")
	if err := made.giveUp("web", cause, false); !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
	if c, err := store.Get("web"); err != nil || c == nil {
		t.Errorf("it is forgotten: %v", err)
	}
	if _, err := r.derive(t.Context(), &creation{}, &guest{engine: "any"}, "web", true); err == nil {
		t.Fatal("it was made")
	}
	if c, err := store.Get("web"); err != nil || c == nil {
		t.Errorf("it is forgotten: %v", err)
	}
}
