package runner_test

import (
	"fmt"

	_ "github.com/wasmoci/wasmoci/engine/wazero"

	"github.com/wasmoci/wasmoci/engine/runner"
	"github.com/wasmoci/wasmoci/wasi"
)

// What a container runtime does before it lets a delegate start the runner: the order, and what the container has to leave.
func Example() {
	order := runner.Order{
		Engine:  "wazero",
		Module:  "/app.wasm",
		CodeDir: "/dev/.wasmoci",
		Config:  wasi.Config{Args: []string{"/app.wasm"}, Mounts: []wasi.Mount{{Guest: "/", Host: "/"}}},
	}
	const module, code = 1 << 20, 4 << 20 // bytes
	order.HeapBytes = runner.HeapBytes(module)
	fmt.Println(order.Validate())
	fmt.Println(runner.Environ(3)[0])
	need := runner.Needs(order.Engine, module, code, 3)
	fmt.Println(need.Pids, "threads,", need.OpenFiles, "descriptors,", need.Memory>>20, "MiB")
	// Output:
	// <nil>
	// WASMOCI_RUNNER=3
	// 16 threads, 23 descriptors, 19 MiB
}
