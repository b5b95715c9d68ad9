// Command runner is the process of a container whose guest is WebAssembly, for runtimes that let another one (crun, runc) make the
// container: see package [github.com/wasmoci/wasmoci/engine/runner].
//
//	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /usr/local/libexec/wasmoci/runner-wazero ./examples/runner
//
// It has the engines of its build tags, and runs none but the one that it is told to. Nobody starts it by hand. Programs that run guests
// without a container start it as an engine's process, by package [github.com/wasmoci/wasmoci/engine/subprocess].
package main

import (
	_ "github.com/wasmoci/wasmoci/engine/all"
	"github.com/wasmoci/wasmoci/engine/runner"
	"github.com/wasmoci/wasmoci/engine/subprocess"
)

func main() {
	if subprocess.Init() { // by the name that it is called by; in a container that is a path
		return
	}
	runner.Main()
}
