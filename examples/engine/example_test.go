//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/subprocess"
	"github.com/wasmoci/wasmoci/wasi"
)

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "engine")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "engine")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		panic(string(out))
	}
	eng, err := subprocess.New(ctx, subprocess.Config{Engine: "wazero", Path: path}, engine.Options{})
	if err != nil {
		panic(err)
	}
	defer eng.Close()
	hello, err := os.Open("../bundles/hello/rootfs/hello.wasm")
	if err != nil {
		panic(err)
	}
	defer hello.Close()
	module, err := eng.Compile(ctx, engine.FromFile(hello))
	if err != nil {
		panic(err)
	}
	err = engine.Run(ctx, module, &wasi.Config{Args: []string{"hello", "gopher"}, Stdout: os.Stdout})
	fmt.Println(engine.ExitCode(err))
	// Output:
	// Hello from WebAssembly!
	//   argument hello
	//   argument gopher
	// 0
}

func TestByHand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engine")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(path).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "descriptor 3 is no Unix socket") {
		t.Errorf("got %q, %v", out, err)
	}
}
