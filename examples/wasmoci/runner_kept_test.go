//go:build linux

package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
	"github.com/wasmoci/wasmoci/oci"
)

// TestRunnerOfLibraries: a runner that was replaced is not used with the libraries of another.
func TestRunnerOfLibraries(t *testing.T) {
	file := filepath.Join(t.TempDir(), "runner")
	if err := os.WriteFile(file, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	own, err := identity(os.Stat(file))
	if err != nil {
		t.Fatal(err)
	}
	c := &state.Container{ID: "web", Runner: file, RunnerFile: own, Made: oci.Delegation{Libraries: "/libexec/lib"}}
	if path, kept, err := new(ociRuntime).runnerOf(c); err != nil || path != file || kept != nil {
		t.Errorf("as it was: %q, %v, %v", path, kept, err)
	}
	if err := os.WriteFile(file, []byte("another"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, _, err := new(ociRuntime).runnerOf(c); !errors.Is(err, errReplaced) {
		t.Errorf("replaced: %v", err)
	}
}
