//go:build clients && linux

package clients

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDirect: called as a command, as scripts and other runtimes do, wasmoci gives a native container exactly what the delegate gives:
// variables in their order, descriptors that were handed on, streams, the exit status.
func TestDirect(t *testing.T) {
	type answer struct{ environ, files, closed string }
	each(t, delegates, func(t *testing.T, s *setup) {
		bundle := newBundle(t, "guest")
		handed, err := os.Open("/dev/zero")
		if err != nil {
			t.Fatal(err)
		}
		defer handed.Close()
		do := func(runtime string, args ...string) string {
			t.Helper()
			setArgs(t, bundle, args...)
			cmd := exec.CommandContext(t.Context(), runtime, "run", "--preserve-fds", "1", "--bundle", bundle, "direct")
			cmd.Env = []string{secret, "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
			cmd.ExtraFiles = []*os.File{handed}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v\n%s", cmd, err, out)
			}
			return changing.ReplaceAllString(string(out), "·")
		}
		all := func(runtime string) answer {
			return answer{do(runtime, "/guest", "cat", "/proc/self/environ"), do(runtime, "/guest", "ls", "/proc/self/fd"), stable(do(runtime, "/guest", "cat", "/proc/self/status"))}
		}
		got, want := all(s.runtime), all(s.delegate)
		if !strings.Contains(want.files, "3 -> /dev/zero") {
			t.Errorf("the delegate does not hand a descriptor on: %q", want.files)
		}
		if got != want {
			t.Errorf("%q\nwant %q\n%s", got, want, difference(got.closed, want.closed))
		}
		setArgs(t, bundle, "/guest", "exit", "9")
		if r := run(t, "", s.runtime, "run", "--bundle", bundle, "direct"); r.status != 9 {
			t.Errorf("status %d, stderr %s", r.status, r.stderr)
		}
	}, native)
	nothingLeft(t)
}

// newBundle makes a bundle of one file, /guest, with the specification that runc writes.
func newBundle(t *testing.T, guest string) string {
	t.Helper()
	dir := t.TempDir()
	for _, sub := range []string{"proc", "dev", "sys"} {
		if err := mkdirs(filepath.Join(dir, "rootfs", sub)); err != nil {
			t.Fatal(err)
		}
	}
	program, err := os.ReadFile(filepath.Join(os.Getenv(space), "guests", guest))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "rootfs", "guest"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	if r := run(t, "", "runc", "spec", "--bundle", dir); r.status != 0 {
		t.Fatal(r.stderr)
	}
	return dir
}

// setArgs makes the bundle's process another one, without a terminal and with what this machine may set.
func setArgs(t *testing.T, bundle string, args ...string) {
	t.Helper()
	name := filepath.Join(bundle, "config.json")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(b, &config); err != nil {
		t.Fatal(err)
	}
	process := config["process"].(map[string]any)
	process["args"], process["terminal"] = args, false
	if b, err = json.Marshal(config); err != nil {
		t.Fatal(err)
	}
	write(t, name, string(b))
}
