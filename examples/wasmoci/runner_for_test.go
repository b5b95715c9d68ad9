//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/operator"
	"github.com/wasmoci/wasmoci/wasi"
)

// TestRunnerFor: a runner that others may write to runs no container, whether its engine was named or not, and is what is said.
func TestRunnerFor(t *testing.T) {
	dir := t.TempDir()
	s := &operator.Settings{Config: operator.Config{Runners: dir}}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	mode := func(name string, mode os.FileMode) {
		path := filepath.Join(dir, "runner-"+name)
		if err := os.WriteFile(path, nil, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	mode("wasmedge", 0o777)
	for _, name := range []string{"", "wasmedge"} {
		exe, _, err := runnerFor(s, &guest{engine: name, format: wasi.FormatModule})
		if err == nil || !strings.Contains(err.Error(), "runner-wasmedge (mode 0777): chmod go-w it") || engine.ExitCode(err) != 126 {
			t.Errorf("engine %q: %q, %v", name, exe, err)
		}
	}
	mode("wasmtime", 0o755)
	exe, name, err := runnerFor(s, &guest{format: wasi.FormatModule})
	if want := filepath.Join(dir, "runner-wasmtime"); exe != want || name != "wasmtime" || err != nil {
		t.Errorf("%q, %q, %v", exe, name, err)
	}
}
