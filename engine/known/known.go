// Package known registers all engines as known and not part of the program, with what they can do. It is for programs that link no engine
// and run those that are on the machine in executables of their own ([github.com/wasmoci/wasmoci/engine/subprocess]), or in containers
// ([github.com/wasmoci/wasmoci/engine/runner]):
//
//	import _ "github.com/wasmoci/wasmoci/engine/known"
//
// Such a program starts sooner than one with engines, and has no engine's code in it. [engine.List] and [engine.Lookup] have the names and
// capabilities that package engine/all registers; to open an engine is an error that matches [engine.ErrNotBuilt] until a driver is
// registered that can be opened, such as that of [github.com/wasmoci/wasmoci/engine/subprocess.Driver] or of the engine's own package.
package known

import (
	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/declared"
)

func init() {
	for _, e := range declared.Engines {
		engine.Register(engine.Driver{
			Name: e.Name, Native: e.Native, Capabilities: e.Capabilities,
			Unavailable: &engine.NotBuiltError{Engine: e.Name, Reason: "run it in an executable of its own, by engine/subprocess, or import its package"},
		})
	}
}
