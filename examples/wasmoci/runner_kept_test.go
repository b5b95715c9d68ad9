//go:build linux

package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/prepared"
	"github.com/wasmoci/wasmoci/examples/wasmoci/internal/state"
	"github.com/wasmoci/wasmoci/oci"
)

// TestRunnerOfLibraries: a runner that was replaced is not used with the libraries of another.
func TestRunnerOfLibraries(t *testing.T) {
	file := filepath.Join(t.TempDir(), "runner")
	if err := os.WriteFile(file, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	own, err := state.FileOf(unix.AT_FDCWD, file)
	if err != nil {
		t.Fatal(err)
	}
	libraries := t.TempDir()
	library := filepath.Join(libraries, "libengine.so")
	if err := os.WriteFile(library, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	met, err := prepared.Identify(libraries)
	if err != nil {
		t.Fatal(err)
	}
	c := &state.Container{ID: "web", Runner: file, RunnerFile: own, Libraries: met, Made: oci.Delegation{Libraries: libraries}}
	if path, kept, err := new(ociRuntime).runnerOf(c); err != nil || path != file || kept != nil {
		t.Errorf("as it was: %q, %v, %v", path, kept, err)
	}
	if err := os.WriteFile(file, []byte("another"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, _, err := new(ociRuntime).runnerOf(c); !errors.Is(err, errReplaced) {
		t.Errorf("replaced: %v", err)
	}
	if err := sameLibraries(c); err != nil {
		t.Errorf("libraries as they were: %v", err)
	}
	if err := os.WriteFile(library, []byte("another"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := sameLibraries(c); !errors.Is(err, errLibraries) {
		t.Errorf("another library: %v", err)
	}
	if err := os.RemoveAll(libraries); err != nil {
		t.Fatal(err)
	}
	if err := sameLibraries(c); !errors.Is(err, errLibraries) {
		t.Errorf("no libraries: %v", err)
	}
}
