//go:build clients && linux

package clients

import (
	"testing"
)

// TestPod: a guest and a native program side by side, in a pod with a pause container, by one runtime.
func TestPod(t *testing.T) {
	each(t, func(t *testing.T, s *setup) {
		// The pause container is native, although what it runs in the pod is not.
		s.must(t, "pod", "create", "--name", "pod", "--network", "none", "--hostname", "inpod",
			"--infra-image", "localhost/native", "--infra-command", "/guest sleep")
		t.Cleanup(func() { s.must(t, "pod", "rm", "--force", "--time", "0", "pod") })
		s.must(t, "volume", "create", "shared")
		t.Cleanup(func() { s.must(t, "volume", "rm", "--force", "shared") })
		s.must(t, "run", "--detach", "--pod", "pod", "--name", "guest", "--volume", "shared:/shared", "localhost/wasm", "sleep")
		s.must(t, "run", "--detach", "--pod", "pod", "--name", "sidecar", "--volume", "shared:/shared", "localhost/native", "sleep")
		for _, name := range []string{"guest", "sidecar"} {
			s.eventually(t, "start of "+name, func() bool { return s.must(t, "logs", name) == "ready" })
			if host := s.must(t, "exec", name, "/guest", "cat", "/etc/hostname"); host != "inpod" {
				t.Errorf("%s: /etc/hostname has %q", name, host)
			}
		}
		s.podman(t, "exec", "guest", "/guest", "write", "/shared/file", "of the guest").want(t, 0, "")
		s.podman(t, "exec", "sidecar", "/guest", "cat", "/shared/file").want(t, 0, "of the guest")
		s.podman(t, "exec", "sidecar", "/guest", "write", "/shared/file", "of the sidecar").want(t, 0, "")
		s.podman(t, "exec", "guest", "/guest", "cat", "/shared/file").want(t, 0, "of the sidecar")
		if got := s.podman(t, "exec", "sidecar", "/guest", "cat", "/proc/sys/kernel/ostype"); got.stdout != "Linux\n" {
			t.Errorf("the sidecar is not native: %q %s", got.stdout, got.stderr)
		}
		if got := s.podman(t, "exec", "guest", "/guest", "cat", "/proc/sys/kernel/ostype"); got.status != 1 {
			t.Errorf("the guest is native: %q %s", got.stdout, got.stderr)
		}
		s.must(t, "pod", "stop", "--time", "50", "pod")
		for _, name := range []string{"guest", "sidecar"} {
			if status := s.inspect(t, name, ".State.ExitCode"); status != "143" {
				t.Errorf("%s ended with status %s, want 143", name, status)
			}
		}
	}, wasm)
	nothingLeft(t)
}
