// Command wasmoci is an OCI runtime: podman, containerd and CRI-O call it as they call crun or runc. WebAssembly containers run on an
// engine, in a container that another OCI runtime, the delegate, makes; all others are the delegate's, with every command as it is.
//
//	wasmoci create, start, state, kill, delete, exec, …   as crun and runc have them
//	wasmoci run --bundle DIR ID                make a container, run it, remove it
//	wasmoci run --no-container --bundle DIR    run the guest without one, as any user
//	wasmoci explain --bundle DIR               the plan and what became of every field of config.json
//	wasmoci engines, features, config          what there is, and who decided so
//	wasmoci compile --bundle DIR | MODULE      compile ahead, into the user's cache
//
// Commands for containers are for Linux: create.go and container.go make one, guest.go decides which are WebAssembly, straight.go hands
// over what is not. What is remembered of them is in internal/state, their compiled code in internal/prepared, the operator's settings in
// internal/operator, and internal/delegate finds the delegate.
//
// The program as make build builds it, with -tags apart, has no engine in it (apart.go): what runs no container opens them in the runners that are
// installed (runners.go). Without the tag it has those of its build (linked.go).
//
// It is a thin program on packages oci, engine and engine/runner: what another runtime would need too lives there.
//
// # Exit status
//
// The guest's own, 128+n when signal n ended it, 134 for a trap, 127 where the module was not found, 126 where it was found
// and cannot be run, 125 for a failure of wasmoci itself, as [github.com/wasmoci/wasmoci/engine.ExitCode] documents.
//
// # Cache
//
// Containers have theirs where the operator's settings say, see docs/operator.md. Of run --no-container, compiled code is kept in wasmoci in the user's cache directory ([os.UserCacheDir]; $XDG_CACHE_HOME or ~/.cache on Linux),
// so that the second start of a large module is quick. --cache-dir chooses another directory, and --cache-dir "" keeps
// nothing. The code in it is executed, so a directory to which others may write is refused: one that was named is an error,
// and without the default one a run says so and compiles anew.
package main
