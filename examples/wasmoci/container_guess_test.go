//go:build linux

package main

import (
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
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
