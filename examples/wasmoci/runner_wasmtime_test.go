//go:build root && linux && wasmtime && cgo

package main

// The runner that the tests of containers build, as make build-runner-wasmtime does.
const (
	engineFor = "wasmtime"
	scripts   = "testdata/containers"
)

func buildRunner(dir string) (env, args []string) {
	return []string{"CGO_ENABLED=1"}, []string{"go", "build", "-trimpath", "-o", dir + "/runner-wasmtime", "-tags", "wasmtime,netgo,osusergo", "-ldflags", "-s -w -linkmode external -extldflags -static", "../runner"}
}
