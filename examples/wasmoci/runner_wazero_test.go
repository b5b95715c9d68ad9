//go:build root && linux && !(wasmtime && cgo)

package main

// The runner that the tests of containers build, as make build-runner-wazero does.
const engineFor = "wazero"

var (
	runnerEnv   = []string{"CGO_ENABLED=0"}
	runnerFlags = []string{"-ldflags", "-s -w"}
)
