//go:build linux

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/subprocess"
	"github.com/wasmoci/wasmoci/wasi"
)

// TestEngineProcess: the runner's executable is an engine's process, too, for programs without the engine.
func TestEngineProcess(t *testing.T) {
	eng, err := subprocess.New(t.Context(), subprocess.Config{Engine: engineFor, Path: filepath.Join(built, "runner"), Once: true}, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer eng.Close()
	f, err := os.Open(guestPath("exit"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	mod, err := eng.Compile(t.Context(), engine.FromFile(f))
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Run(t.Context(), mod, &wasi.Config{Args: []string{"exit", "42"}}); engine.ExitCode(err) != 42 {
		t.Errorf("the guest ended with %v", err)
	}
}

// TestCalledAsEngine: the descriptors of a runner are none of an engine's process, whatever it is called by.
func TestCalledAsEngine(t *testing.T) {
	var out bytes.Buffer
	s := launch{guest: "hello", cmd: func(c *exec.Cmd) { c.Args[0] = "wasmoci:engine"; c.Stdout = &out }}.start(t)
	_ = s.wait()
	recorded, err := io.ReadAll(s.record)
	if !strings.Contains(s.errs.String(), "descriptor 3 is no Unix socket") || out.Len() > 0 || len(recorded) > 0 || err != nil {
		t.Errorf("it says %q, prints %q, and records %q, %v", s.errs.String(), out.String(), recorded, err)
	}
}
