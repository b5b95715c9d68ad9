//go:build root && linux && wasmtime && cgo

package main

// The runner that the tests of containers build, as make build-runner-wasmtime does.
const engineFor = "wasmtime"

var (
	runnerEnv   = []string{"CGO_ENABLED=1"}
	runnerFlags = []string{"-tags", "wasmtime,netgo,osusergo", "-ldflags", "-s -w -linkmode external -extldflags -static"}
)
