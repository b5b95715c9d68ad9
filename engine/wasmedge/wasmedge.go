// Package wasmedge is the engine that runs guests on WasmEdge (https://wasmedge.org), by its library libwasmedge 0.14. It is
// part of a program that is built with -tags wasmedge and cgo, where the library and its headers are installed; "make
// deps-wasmedge" fetches them on Debian, for this repository alone. In other builds the name is registered all the same,
// as an engine that is known and cannot be opened, so that a program which asks for it is told why.
//
// Guests are interpreted. That starts at once and computes some fifty times slower than compiled code. WasmEdge's ahead-of-time
// compiler is for a process that has one guest at a time and is ended to end it: after [Dedicate], an engine opened with
// [engine.Options].Uninterruptible compiles, which takes LLVM a minute and 400 MB for a program in Go, and package engine/cache keeps the
// code. Children of package engine/subprocess with Config.Unchecked are such processes. Elsewhere its code would take over the signals of
// the program, after which a nil pointer anywhere ends it instead of being a panic. Native code that an image brings in its module is
// never looked at. [engine.Info].Version ends in "(interpreted)" or "(compiled)".
//
// Core modules run on wasi/preview1, not on WasmEdge's own WASI, with WebAssembly 2.0, tail calls and extended constant
// expressions. What a guest calls is bounded: its stack is at most 32 MiB, of the interpreter's or of a thread of its own, room for some
// hundred thousand calls, and its end is a trap; the library itself has no bound, and ends the process. So does compiled code whose stack ends
// while it is in a function of the library's, as for memory.grow: there is no safe way out of that. Tables have at most ten million elements together.
// The memory limit of a run is for linear memory and for the tables that a module starts with. A memory reserves 12 GiB of address
// space, and a run for which there is not so much fails before its guest begins. Of an interpreted
// module package engine/cache keeps the module with these bounds in it. A guest takes a thread as long as it runs, and a module some fifty bytes for each of its
// instructions: bound Options.MaxModuleBytes where modules are not trusted to be of a decent size.
//
// Importing the package registers the driver [Name].
package wasmedge

import (
	"context"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/declared"
)

// Name is the engine's name in the registry, and its build tag.
const Name = "wasmedge"

// New opens the engine without the registry. Its errors are *engine.Error with Op "open", among them one for a library that
// is of another version than the program was built for; in a program without the engine it is the [*engine.NotBuiltError]
// that [engine.Open] returns for [Name].
func New(ctx context.Context, opts engine.Options) (engine.Engine, error) { return open(ctx, opts) }

// capabilities are the same in every build, so that a program without the engine can say what it lacks.
var capabilities = declared.Of(Name)
