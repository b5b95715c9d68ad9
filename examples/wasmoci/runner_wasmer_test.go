//go:build root && linux && wasmer && cgo && !wasmtime && !wasmedge

package main

// The runner that the tests of containers build, and its libraries.
const (
	engineFor = "wasmer"
	scripts   = "testdata/linked"
)

func buildRunner(dir string) (env, args []string) {
	return nil, []string{"sh", "-c", "make -C ../.. build-runner-wasmer && cp -r ../../bin/runner-wasmer ../../bin/lib-wasmer " + dir}
}
