// Command wasmoci runs the WebAssembly guest of an OCI bundle, and explains what it makes of a bundle.
//
//	wasmoci run --no-container --bundle DIR    run the guest; exit with its exit status
//	wasmoci explain --bundle DIR               the plan and what became of every field of config.json
//	wasmoci engines                            what each engine can do
//	wasmoci compile --bundle DIR | MODULE      compile ahead, into the cache
//
// It is a thin program on packages oci and engine: what another runtime would need too lives there.
//
// # Exit status
//
// The guest's own, 128+n when signal n ended it, 134 for a trap, 127 where the module was not found, 126 where it was found
// and cannot be run, 125 for a failure of wasmoci itself, as [github.com/wasmoci/wasmoci/engine.ExitCode] documents.
//
// # Cache
//
// Compiled code is kept in wasmoci in the user's cache directory ([os.UserCacheDir]; $XDG_CACHE_HOME or ~/.cache on Linux),
// so that the second start of a large module is quick. --cache-dir chooses another directory, and --cache-dir "" keeps
// nothing. The code in it is executed, so a directory to which others may write is refused: one that was named is an error,
// and without the default one a run says so and compiles anew.
package main
