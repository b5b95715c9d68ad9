package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the program itself a command in PATH.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"embed": main})
}

// TestEmbed: what the quickstart would otherwise not see is refused, or is no obstacle where the specification says so.
func TestEmbed(t *testing.T) {
	type object = map[string]any
	for name, tt := range map[string]struct {
		module string
		set    object
		status int
		stderr string
	}{
		"as it is":            {"/hello.wasm", nil, 0, ""},
		"its own engine":      {"/hello.wasm", object{"annotations": object{"run.oci.handler": "wazero"}}, 0, ""},
		"another engine":      {"/hello.wasm", object{"annotations": object{"run.oci.handler": "wasmtime"}}, 126, "name one engine"},
		"an unknown field":    {"/hello.wasm", object{"nosuch": true}, 0, ""},
		"a native program":    {"/native", nil, 126, "wasmoci runs WebAssembly only"},
		"no module with name": {"/nosuch.wasm", nil, 127, "not found"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS("../bundles/hello")); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "rootfs", "native"), []byte("#!/bin/sh\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			config := object{
				"ociVersion": "1.3.0",
				"process":    object{"args": []string{tt.module}, "cwd": "/", "user": object{"uid": 0, "gid": 0}},
				"root":       object{"path": "rootfs"},
			}
			for field, value := range tt.set {
				config[field] = value
			}
			text, err := json.Marshal(config)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "config.json"), text, 0o644); err != nil {
				t.Fatal(err)
			}
			var stderr strings.Builder
			cmd := exec.CommandContext(t.Context(), "embed", dir)
			cmd.Stderr = &stderr
			if err := cmd.Run(); cmd.ProcessState == nil {
				t.Fatal(err)
			}
			if got := cmd.ProcessState.ExitCode(); got != tt.status || !strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("exit status %d, want %d; stderr %q, want %q", got, tt.status, stderr.String(), tt.stderr)
			}
		})
	}
}
