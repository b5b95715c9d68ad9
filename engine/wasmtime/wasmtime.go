// Package wasmtime is the engine that runs guests on Wasmtime (https://wasmtime.dev). It is part of a program that is built
// with -tags wasmtime and cgo, on the systems that github.com/bytecodealliance/wasmtime-go brings Wasmtime's library for; nothing
// has to be installed. In any other build the package registers its name all the same, as an engine that is known and cannot be
// opened, so that a program which asks for it is told why, and never gets another engine in its place.
//
// Core modules, in binary and in text format, run on wasi/preview1, not on Wasmtime's own WASI. Compiled code is kept by
// package engine/cache. [engine.Options.DebugInfo] changes nothing: backtraces name functions, and lines of source where no library
// may ask for them, in the environment variable WASMTIME_BACKTRACE_DETAILS.
//
// A guest has a thread while it runs, with 8 MiB of stack for it, whatever the process's own threads have. Up to GOMAXPROCS threads
// wait for the next guest until the engine is closed. A guest's memory reserves 4 GiB of address space, of which what it does not
// use takes no memory.
//
// The check whether its context has ended costs a guest up to a third of its speed; [engine.Options.Uninterruptible] leaves it out.
//
// A run's memory limit holds for all its memories and tables together: several memories have equal shares of it, and tables that may
// grow have a sixteenth. Without a limit memories are as large as they say, and tables have ten million elements at most.
// Memory shared between threads is refused, because there are no threads in WASI preview 1 to share it with.
package wasmtime

import (
	"context"

	"github.com/wasmoci/wasmoci/engine"
	"github.com/wasmoci/wasmoci/wasi"
	"github.com/wasmoci/wasmoci/wasi/vfs"
)

// Name is the engine's name in the registry, and its build tag.
const Name = "wasmtime"

// New opens the engine without the registry. Its errors are *engine.Error with Op "open"; where the engine is not part of the
// program it is the [*engine.NotBuiltError] that [engine.Open] returns for [Name].
func New(ctx context.Context, opts engine.Options) (engine.Engine, error) { return open(ctx, opts) }

// capabilities are the same in every build, so that a program without the engine can say what it lacks.
var capabilities = engine.FormatCapabilities{
	wasi.FormatModule: moduleCapabilities(),
	wasi.FormatText:   moduleCapabilities(),
}

func moduleCapabilities() engine.Capabilities {
	caps := engine.NewCapabilities(engine.Entrypoint, engine.Interrupt, engine.MemoryLimit, engine.WorkDir, engine.Streams, engine.Unchecked)
	if vfs.Supported {
		caps = caps.With(engine.Mounts, engine.MountReadOnly, engine.MountOpen, engine.MountFile, engine.MountNested, engine.MountHidden, engine.MountTmpfs, engine.Listeners)
	}
	return caps
}
