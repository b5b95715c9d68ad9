//go:build clients && linux

package clients

import (
	"os"
	"testing"
)

// TestPod: a guest and a native program side by side, in a pod with a pause container, by one runtime.
func TestPod(t *testing.T) {
	each(t, delegates, func(t *testing.T, s *setup) {
		pod, guest, sidecar, volume := s.name("pod"), s.name("guest"), s.name("sidecar"), s.name("volume")
		// The pause container is native, although its image says that it is a guest.
		s.must(t, "pod", "create", "--name", pod, "--network", "none", "--hostname", "inpod",
			"--infra-image", "localhost/marked", "--infra-command", "/guest sleep")
		t.Cleanup(func() { s.must(t, "pod", "rm", "--force", "--time", "0", pod) })
		s.must(t, "volume", "create", volume)
		t.Cleanup(func() { s.must(t, "volume", "rm", "--force", volume) })
		s.must(t, "run", "--detach", "--pod", pod, "--name", guest, "--volume", volume+":/shared", s.image, "sleep")
		s.must(t, "run", "--detach", "--pod", pod, "--name", sidecar, "--volume", volume+":/shared", "localhost/native", "sleep")
		for _, name := range []string{guest, sidecar} {
			s.eventually(t, "start of "+name, func() bool { return s.must(t, "logs", name) == "ready" })
			if host := s.must(t, "exec", name, "/guest", "cat", "/etc/hostname"); host != "inpod" {
				t.Errorf("%s: /etc/hostname has %q", name, host)
			}
		}
		s.podman(t, "exec", guest, "/guest", "write", "/shared/file", "of the guest").want(t, 0, "")
		s.podman(t, "exec", sidecar, "/guest", "cat", "/shared/file").want(t, 0, "of the guest")
		s.podman(t, "exec", sidecar, "/guest", "write", "/shared/file", "of the sidecar").want(t, 0, "")
		s.podman(t, "exec", guest, "/guest", "cat", "/shared/file").want(t, 0, "of the sidecar")
		if got := s.podman(t, "exec", sidecar, "/guest", "cat", "/proc/sys/kernel/ostype"); got.stdout != "Linux\n" {
			t.Errorf("the sidecar is not native: %q %s", got.stdout, got.stderr)
		}
		if got := s.podman(t, "exec", guest, "/guest", "cat", "/proc/sys/kernel/ostype"); got.status != 1 {
			t.Errorf("the guest is native: %q %s", got.stdout, got.stderr)
		}
		infra := s.must(t, "pod", "inspect", "--format", "{{.InfraContainerID}}", pod)
		if exe, err := os.Readlink("/proc/" + s.inspect(t, infra, ".State.Pid") + "/exe"); exe != "/guest" {
			t.Errorf("the pause container is not native: it runs %q, %v", exe, err)
		}
		s.must(t, "pod", "stop", "--time", "50", pod)
		for _, name := range []string{guest, sidecar} {
			if status := s.inspect(t, name, ".State.ExitCode"); status != "143" {
				t.Errorf("%s ended with status %s, want 143", name, status)
			}
		}
	}, wasm, wasmtime)
	nothingLeft(t)
}
