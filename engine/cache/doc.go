// Package cache keeps compiled code on disk, for engines.
//
// The code is executed by whoever finds it, so a [Dir] is used only when nobody but its user, and root, may write to
// it or replace it, and an entry only after its whole content matched the digest kept with it. Entries appear
// atomically and are shared by processes; what is damaged is removed and reported, and the engine compiles again.
//
// [Dir.Export] gives verified code to somebody who cannot verify it, in a directory of its own that [OpenExported] trusts.
//
// A [Key] names everything that the code depends on: the module's digest, the engine, its version, its configuration,
// and the processor ([CPU]).
package cache
