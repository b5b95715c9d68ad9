//go:build root && linux

package subprocess_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/subprocess"
)

// TestRootCgroup checks that children begin in the cgroup that was named.
func TestRootCgroup(t *testing.T) {
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil {
		t.Fatal(err)
	}
	dir := ""
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); f[2] == "cgroup2" {
			dir = fmt.Sprintf("%s/wasmoci-%d", f[1], os.Getpid())
		}
	}
	if dir == "" {
		t.Fatal("cgroup version 2 is not mounted: mount -t cgroup2 none /sys/fs/cgroup/unified")
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	m := compile(t, open(t, subprocess.Config{Engine: testEngine, Cgroup: dir}, engine.Options{}), quick)
	_, pid := hang(t, t.Context(), m)
	in, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil || !strings.Contains(string(in), fmt.Sprintf("/wasmoci-%d\n", os.Getpid())) {
		t.Errorf("the child is in %s, %v", in, err)
	}
}
