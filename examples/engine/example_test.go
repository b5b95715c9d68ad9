//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/subprocess"
	"github.com/wasmoci/wasmoci/wasi"
)

// TestMain is the program itself where it is not called as a test.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || !strings.HasPrefix(os.Args[1], "-test.") {
		main()
		return
	}
	os.Exit(m.Run())
}

func Example() {
	ctx := context.Background()
	path, err := os.Executable() // in place of one that was built and installed
	if err != nil {
		panic(err)
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
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "descriptor 3 is no Unix socket") {
		t.Errorf("got %q, %v", out, err)
	}
}
