//go:build apart && linux

package main

import (
	"fmt"
	"os/exec"
	"runtime/debug"
	"strings"
	"testing"
)

// TestApart: the program has no engine in it.
func TestApart(t *testing.T) {
	info, ok := debug.ReadBuildInfo()
	if !ok || len(info.Deps) == 0 {
		t.Fatal("nothing is known of the modules that are in this program")
	}
	for _, m := range info.Deps {
		if strings.Contains(m.Path, "wazero") || strings.Contains(m.Path, "wasm") {
			t.Errorf("the program has %s in it", m.Path)
		}
	}
}

// installRunners installs what make build-runner builds: what is tested is the program as it is installed, which has no engine.
func installRunners(dir string) error {
	out, err := exec.Command("sh", "-c", `make -C ../.. build-runner && cp ../../bin/runner-wazero ../../bin/runner-wasmtime "$0"`, dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}
