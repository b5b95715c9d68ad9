// Package preview1 is a host for WASI preview 1 (wasi_snapshot_preview1) in Go, the same on every engine.
//
// It knows no engine. An adapter makes a [Host] for each run, offers the functions of [Table] to the guest under
// [ModuleName], and passes each call to [Host.Call] together with the guest's memory as it is at that moment. When
// Call returns [Stop] the adapter ends the guest; why is in [Host.Exited] and [Host.Err], which are to be looked at
// before the engine's own error.
//
// What a guest can reach is what its [wasi.Config] grants and nothing else: package vfs confines paths, this package
// checks every pointer, length, descriptor and right that a guest gives, answers with the specification's errno, and
// never lets a panic out into an engine's frames.
//
// Sockets cannot be handed in yet, so the sock functions find none: they answer ENOTSOCK or EBADF.
package preview1
