// Package wasi describes one run of a WebAssembly guest, for any engine.
//
// A [Config] is inert data: what the guest is told (arguments, environment), what it is granted (mounts, listeners,
// streams) and what it may use (limits). Nothing in it is inherited from the host: a zero Config runs a guest that
// sees no argument, no variable, no file, an empty standard input and discarded output. The package opens nothing
// and depends on the standard library only; package oci makes Configs from OCI runtime specifications, package
// engine runs them.
//
// # Mounts
//
// [Config.Mounts] is the guest's whole file system, as one tree: a mount whose guest path lies beneath another is
// visible at that place in the parent's tree, in whatever order the two are listed, as mounts of a container are.
// Every directory mount is also a WASI preopen of its own.
//
// # Concurrency
//
// A Config is never modified by an engine. Engines copy it when a run starts ([Config.Clone]), so a caller may change
// or reuse its own afterwards; the streams and files that it refers to are in use until the run has ended.
package wasi
