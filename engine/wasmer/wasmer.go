// Package wasmer is the engine that runs guests on Wasmer (https://wasmer.io): libwasmer 2.0.0-rc2 with its Cranelift compiler,
// as github.com/wasmerio/wasmer-go v1.0.4 brings it. Experimental: neither has changed since 2021.
//
// It is part of programs built with -tags wasmer and cgo, on Linux on amd64, where alone it compiles; without the tag [New] returns an
// [*engine.NotBuiltError]. Programs cannot have it together with engine/wasmtime: both libraries define the same C functions, and
// the link ends with a symbol that says so.
//
// # Where libwasmer is
//
// It is a shared library, a file in the binding's directory. Programs have that directory, in the module cache of the machine
// they were built on, as their run path: "go run" and "go test" find it without further ado. A program that goes to another
// machine takes libwasmer.so along:
//
//	cp "$(go list -m -f '{{.Dir}}' github.com/wasmerio/wasmer-go)/wasmer/packaged/lib/linux-amd64/libwasmer.so" lib/
//	go build -tags wasmer -ldflags '-r $ORIGIN/lib' ./cmd/program
//
// or is started with LD_LIBRARY_PATH. Where it is missing the program does not start, and the dynamic linker names it. The first run
// path stays in the program: on that machine nobody else may be able to make a directory of its name.
//
// # What it can do, and cannot
//
// Core modules run on wasi/preview1; libwasmer's own WASI, which aborts the process when a guest sleeps or follows a link, is
// not used, nor are the binding's host functions, which free memory twice. Guests have WebAssembly 2.0 with SIMD; a
// module that needs more is an [*engine.InvalidModuleError]. Compiled code is kept by package engine/cache.
//
// Two things libwasmer cannot do, so they are not declared, and a run that asks for them is refused: to end a guest in a loop
// ([engine.Interrupt]: give a context that never ends, as [context.WithoutCancel] returns), and to bound the memory of a
// run ([engine.MemoryLimit]).
//
// # Isolation
//
// A fault inside libwasmer is an abort of the process. Those that are known to be within reach of a guest are not any more:
// modules are validated and then changed before they are compiled, so that tables and memories have bounds, functions have at
// most 100 parameters and results, and nothing has a name; and a guest runs on a stack of its own, of 8 MiB, whose end is a trap
// wherever it meets it. Guests of a process that must not end belong in processes of their own all the same. Compiling takes time
// that grows faster than a function does: seconds for one of 100 KB.
//
// libwasmer handles SIGSEGV, SIGILL and SIGFPE of the whole process and passes on what is not a guest's. When the first engine
// is opened, a handler of this package's comes in front of its own for SIGSEGV; it looks at the ends of guests' stacks only.
//
// A running guest holds an operating system thread; after the first compilation libwasmer keeps one for each processor.
//
// Importing the package registers the driver [Name].
package wasmer

import (
	"context"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/declared"
)

// Name is the name under which the engine is registered, and its build tag.
const Name = "wasmer"

// New opens the engine. Its errors are *engine.Error with Op "open"; in a program built without it, an *engine.NotBuiltError.
func New(ctx context.Context, opts engine.Options) (engine.Engine, error) { return open(ctx, opts) }

// capabilities are the same in every build, so that a program without the engine can say what it lacks.
var capabilities = declared.Of(Name)
