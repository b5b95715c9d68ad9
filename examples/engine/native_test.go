//go:build linux && native

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/subprocess"
	"github.com/wasmoci/wasmoci/wasi"
)

// TestFour: a program that links no native engine runs guests on all of them at once, each in an executable of its own.
func TestFour(t *testing.T) {
	if d, _ := engine.Lookup("wasmtime"); d.Open != nil {
		t.Fatal("this test is for a program without native engines")
	}
	hello, err := os.ReadFile("../bundles/hello/rootfs/hello.wasm")
	if err != nil {
		t.Fatal(err)
	}
	exit, err := os.ReadFile("../../engine/enginetest/testdata/exit.wasm")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	defer all.Wait()
	for _, name := range []string{"wazero", "wasmtime", "wasmedge", "wasmer"} {
		path := filepath.Join(t.TempDir(), name)
		if out, err := exec.CommandContext(t.Context(), "go", "build", "-tags", name, "-o", path, ".").CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s(run make deps and make deps-wasmedge where something is missing)", name, err, out)
		}
		e, err := subprocess.New(t.Context(), subprocess.Config{Engine: name, Path: path}, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.Close() })
		if info := e.Info(); info.Name != name {
			t.Errorf("%s says that it is %s", name, info.Name)
		}
		greets, err := e.Compile(t.Context(), engine.FromBytes(hello))
		if err != nil {
			t.Fatal(err)
		}
		exits, err := e.Compile(t.Context(), engine.FromBytes(exit))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 8 {
			all.Go(func() {
				var out bytes.Buffer
				who := fmt.Sprint(name, i)
				err := engine.Run(context.Background(), greets, &wasi.Config{Args: []string{"hello", who}, Stdout: &out})
				if err != nil || !strings.Contains(out.String(), "argument "+who+"\n") {
					t.Errorf("%s: %q, %v", who, &out, err)
				}
				err = engine.Run(context.Background(), exits, &wasi.Config{Args: []string{"exit", fmt.Sprint(100 + i)}})
				if got := engine.ExitCode(err); got != 100+i {
					t.Errorf("%s: exit status %d (%v), want %d", who, got, err, 100+i)
				}
			})
		}
	}
}

// TestClash: a program with two libraries that would crash each other does not link, and the linker's message says why.
func TestClash(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "build", "-tags", "wasmtime wasmer", "-o", filepath.Join(t.TempDir(), "clash"), "./testdata/clash")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "wasmoci_link_only_one_of_wasmtime_and_wasmer") {
		t.Errorf("built with %v\n%s", err, out)
	}
}
