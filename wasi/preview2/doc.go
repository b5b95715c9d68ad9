// Package preview2 is a host for WASI 0.2 (the world wasi:cli/command) in Go, the same on every engine that runs components.
//
// It knows no engine. An adapter makes a [Host] for each run, gives a component those functions of [Table] that it imports,
// found by [Find], and the resources of [ResourceTypes], and passes each call to [Host.Call] with its arguments as [Value]s.
// When Call returns [ErrStopped] the adapter ends the guest; why is in [Host.Exited], [Host.Violation] and [Host.Err].
//
// What a guest can reach is what its [wasi.Config] grants and nothing else: package vfs confines paths, and a handle that a
// guest holds is one that it was given. There are no sockets: creating one, or looking a name up, is access-denied.
//
// # What is bounded
//
// A read returns 64 KiB at most, and a stream takes as much at once. A guest can have 1024 files and directories open beyond
// those that it starts with, and gets insufficient-memory then. With more than 65536 resources of all kinds, or when it
// breaks a rule that WASI 0.2 answers with a trap, it is ended (see [Host.Violation]).
package preview2
