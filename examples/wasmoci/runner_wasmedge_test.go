//go:build root && linux && wasmedge && cgo && !wasmtime

package main

// The runner that the tests of containers build, and its libraries.
const (
	engineFor = "wasmedge"
	scripts   = "testdata/linked"
)

func buildRunner(dir string) (env, args []string) {
	return nil, []string{"sh", "-c", "make -C ../.. build-runner-wasmedge && cp -r ../../bin/runner-wasmedge ../../bin/lib-wasmedge " + dir}
}
