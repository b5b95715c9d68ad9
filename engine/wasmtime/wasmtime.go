// Package wasmtime is the engine that runs guests on Wasmtime (https://wasmtime.dev). It is part of a program that is built
// with -tags wasmtime and cgo, on the systems that github.com/bytecodealliance/wasmtime-go brings Wasmtime's library for; nothing
// has to be installed. In any other build the package registers its name all the same, as an engine that is known and cannot be
// opened, so that a program which asks for it is told why, and never gets another engine in its place.
//
// Core modules, in binary and in text format, run on wasi/preview1, not on Wasmtime's own WASI. Compiled code is kept by
// package engine/cache. [engine.Options.DebugInfo] changes nothing: backtraces name functions, and lines of source where no library
// may ask for them, in the environment variable WASMTIME_BACKTRACE_DETAILS.
//
// Components that are WASI 0.2 commands (wasi:cli/run), in binary and in text format, run on wasi/preview2. What they end with is
// success or failure: exit code 0 or 1, and others for those that import exit-with-code. There are no sockets: to create one is
// access-denied. A component that imports what the host has not, such as wasi:http or anything of WASI 0.3, is a
// *engine.MissingImportError. [engine.Stats] has no memory of components. A module that a component instantiates more than once must
// not have a memory or a table of its own.
//
// A guest has a thread while it runs, and 7.5 MiB of its stack. Where the process's threads have less than the usual 8 MiB
// (RLIMIT_STACK), guests have threads of their own, of which up to GOMAXPROCS wait for the next guest until the engine is closed. A
// guest's memory reserves 4 GiB of address space; what it does not use of them takes no memory.
//
// The check whether its context has ended costs a guest up to a third of its speed; [engine.Options.Uninterruptible] leaves it out. It
// is made in loops and calls; a single instruction that fills or copies memory is not interrupted, and gigabytes take seconds.
//
// A run's memory limit holds for all its memories and tables together: several memories have equal shares of it, and tables that may
// grow have a sixteenth. Without a limit memories are as large as they say, and tables have ten million elements at most.
// The features of WebAssembly are those that Wasmtime has on by default; garbage collection and exceptions are not among them in this
// version. A module that uses them is an [*engine.InvalidModuleError], and so is one whose memory is shared between threads, of which
// WASI preview 1 has none.
package wasmtime

import (
	"context"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/engine/internal/declared"
)

// Name is the engine's name in the registry, and its build tag.
const Name = "wasmtime"

// New opens the engine without the registry. Its errors are *engine.Error with Op "open"; where the engine is not part of the
// program it is the [*engine.NotBuiltError] that [engine.Open] returns for [Name].
func New(ctx context.Context, opts engine.Options) (engine.Engine, error) { return open(ctx, opts) }

// capabilities are the same in every build, so that a program without the engine can say what it lacks.
var capabilities = declared.Of(Name)
