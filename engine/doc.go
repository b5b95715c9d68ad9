// Package engine runs WebAssembly guests on whichever engine was chosen.
//
// An [Engine] compiles a [Source] to a [Module]; each [Module.Start] makes a fresh [Instance] from a [wasi.Config];
// [Instance.Wait] says how it ended and [ExitCode] turns that into a container's exit status. Engines live in packages
// of their own and register a [Driver] when imported, as drivers of database/sql do:
//
//	import _ "github.com/wasmoci/wasmoci/engine/wazero"
//
//	eng, err := engine.Open(ctx, "wazero", engine.Options{CacheDir: dir})
//
// # Requests are honoured or refused
//
// What an engine can do is data: a set of [Capability] for each [wasi.Format], on the [Driver] and, exactly, on the
// open engine's [Info]. What a run asks for follows from its Config ([Needs]). A request that cannot be honoured is an
// [*UnsupportedError] before any guest instruction has run. An engine that was named is never replaced by another.
//
// # Interruption
//
// The context given to [Module.Start] is the guest's lifetime. When it ends the guest ends within a second, in a loop,
// in a sleep or in a read, and Wait returns a [*StoppedError]. A context that can end therefore needs [Interrupt];
// with an engine opened [Options.Uninterruptible] pass [context.WithoutCancel].
//
// # Ownership
//
// Who opens closes. Engines never close the caller's streams or files. Close is idempotent and safe to call
// concurrently; use after it is [ErrClosed]. Nothing here touches the state of the process: no working directory,
// environment, signal handler, standard stream, exit or default logger.
package engine
