package subprocess

import (
	"context"

	"github.com/wasmoci/wasmoci/engine"
)

// version is that of the protocol. Both sides must have the same.
const version = 1

// Headroom is how many bytes a child may have of memory of its own, beyond a run's memory limit and its tmpfs, before the
// kernel refuses it more (RLIMIT_DATA): for the engine's code, its heap and its threads. It is set where a run has a limit, when
// the module has been loaded. Guests notice nothing of it: with wazero the whole conformance suite passes with 32 MiB, but for a
// guest with tables of ten million elements, which takes less than 256 MiB while they grow. It is there for engines that
// do not keep to the limit.
const Headroom = 512 << 20

// New opens the engine that cfg describes, in a child process. All options apply in the child as they would here, but for
// Options.Uninterruptible, which is refused: see [Config].Unchecked. Its errors are the inner engine's, and *engine.Error with Op
// "open" around a [*CrashError], a [*ProtocolError], or the system's where a process cannot be made; where the context ends they
// are an *engine.StoppedError. On systems other than Linux it is [errors.ErrUnsupported].
func New(ctx context.Context, cfg Config, opts engine.Options) (engine.Engine, error) {
	return newEngine(ctx, cfg, opts)
}

// Init makes this process an engine's where it was started as one, and returns true when that is over: main must then return
// at once. In any other process it returns false and does nothing. Call it first in main, or in TestMain, before anything
// that costs time; engines must have been registered, as they are in init.
func Init() bool { return initialize() }

// Serve is all that the main of an executable for [Config].Path has to do: it serves the engines that the executable
// imports, on descriptor 3, until the parent has no more use for this process. It closes every descriptor that this process
// has inherited beyond that. Its error says why it cannot, as where the program was started by hand.
func Serve() error { return serve() }
