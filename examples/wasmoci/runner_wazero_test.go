//go:build root && linux && !(cgo && (wasmtime || wasmedge || wasmer))

package main

// The runner that the tests of containers build, as make build-runner-wazero does.
const (
	engineFor = "wazero"
	scripts   = "testdata/containers"
)

func buildRunner(dir string) (env, args []string) {
	return []string{"CGO_ENABLED=0"}, []string{"go", "build", "-trimpath", "-o", dir + "/runner-wazero", "-ldflags", "-s -w", "../runner"}
}
